"""The tables of a network study: every map, the layers, the group law, the control."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from equivfast.report.atomic import finite
from equivfast.report.figures.cells import cell, estimate, head, missing, number, table, words
from equivfast.report.figures.figure import Figure
from equivfast.report.figures.network_marks import entries_of, order
from equivfast.report.figures.parts import DIRECT, PRODUCT
from equivfast.report.formats import seconds

Result = dict[str, Any]


def map_tables(result: Result) -> Figure:
    """Residual and accuracy of every method at every layer, a table for each transformation."""
    entries, parts = entries_of(result), []
    for transform in result["transforms"]:
        here = [
            (name, *entries[name, transform["name"]])
            for name in order(result)
            if (name, transform["name"]) in entries
        ]
        if not here:
            continue
        methods = list(dict.fromkeys(m["name"] for _, _, entry in here for m in entry["methods"]))
        rows = []
        for name, place, entry in here:
            found = {m["name"]: (k, m) for k, m in enumerate(entry["methods"])}
            cells = [
                _method(f"entries.{place}.methods.{found[m][0]}", found[m][1], m == entry["best"])
                if m in found
                else missing()
                for m in methods
            ]
            rows.append(("", [head(name), *cells]))
        parts.append(
            Markup("<details><summary>{}</summary>{}</details>").format(
                transform["label"], table("maps", ["layer", *methods], rows)
            )
        )
    data = [
        {key: entry[key] for key in ("layer", "transform", "best", "methods")} for entry in result["entries"]
    ]
    return Figure("every-map", "Every map", Markup("\n").join(parts), data)


def _method(path: str, method: Mapping[str, Any], best: bool) -> Markup:
    spent = "" if method["seconds"] is None else f"found in {seconds(method['seconds'])}"
    title = "; ".join(part for part in (method["chosen"], spent) if part)
    top1 = method["top1"]
    accuracy = (
        Markup("")
        if top1 is None
        else Markup("<small>{}</small>").format(number(f"{path}.top1.mean", top1["mean"], "share"))
    )
    return Markup('<td class="{}" title="{}">{} {}</td>').format(
        "best" if best else "",
        title,
        Markup('<span class="number">{}</span>').format(
            number(f"{path}.residual.mean", method["residual"]["mean"])
        ),
        accuracy,
    )


def layer_table(result: Result) -> Figure:
    """What was measured: channels, cells, stride, and whether everything flows through the layer."""
    rows = []
    for k, layer in enumerate(result["layers"]):
        cells = [
            head(layer["name"]),
            words(f"{layer['channels']:,}"),
            words("{}×{}".format(*layer["field"])),
            words("–" if layer["stride"] is None else f"{layer['stride']:g}"),
            words(layer["grid"]),
            words("after ReLU" if layer["relu"] else "before ReLU"),
            cell(f"layers.{k}.depth", layer["depth"]),
            words("yes" if layer["complete"] else "no"),
        ]
        rows.append(("", cells))
    heads = ["layer", "channels", "cells", "stride", "grid", "read", "depth", "everything flows through it"]
    return Figure("layers-measured", "The layers", table("plain", heads, rows), list(result["layers"]))


def law_table(result: Result) -> Figure | None:
    """The product of two maps beside the map of the product; None where there is no such pair."""
    labels, rows = _labels(result), []
    for k, item in enumerate(result["audit"]):
        for j, law in enumerate(item["law"]):
            path = f"audit.{k}.law.{j}"
            named = " after ".join(labels.get(law[key], law[key]) for key in ("g", "h"))
            cells = [head(item["layer"]), words(named), words(labels.get(law["gh"], law["gh"]))]
            cells += [_either(f"{path}.{key}", law[key]) for key in ("composed", "direct", "gap")]
            rows.append(("begins" if k and not j and len(item["law"]) > 1 else "", cells))
    heads = [
        "layer",
        Markup("<i>g</i> after <i>h</i>"),
        Markup("<i>gh</i>"),
        PRODUCT,
        DIRECT,
        "difference of the maps",
    ]
    return Figure("group-law", "Products", table("plain law", heads, rows), result["audit"]) if rows else None


def inverse_table(result: Result) -> Figure | None:
    """The inverse of a map beside the map of the inverse; None where there is no such pair."""
    labels, rows = _labels(result), []
    for k, item in enumerate(result["audit"]):
        for j, inverse in enumerate(item["inverse"]):
            path = f"audit.{k}.inverse.{j}"
            cells = [
                head(item["layer"]),
                words(labels.get(inverse["g"], inverse["g"])),
                _either(f"{path}.gap", inverse["gap"]),
                words(_magnitude(inverse["condition"])),
            ]
            rows.append(("begins" if k and not j and len(item["inverse"]) > 1 else "", cells))
    heads = ["layer", Markup("<i>g</i>"), "difference of the maps", "condition number"]
    return Figure("inverses", "Inverses", table("plain law", heads, rows), result["audit"]) if rows else None


def control_table(result: Result) -> Figure | None:
    """The residual beside those of networks with other weights; None where there is no control."""
    controls = result["controls"]
    if controls is None:
        return None
    labels, rows = _labels(result), []
    for k, row in enumerate(controls["rows"]):
        cells = [head(row["layer"]), words(labels.get(row["transform"], row["transform"]))]
        cells.append(_either(f"controls.rows.{k}.residual", row["residual"]))
        cells += [
            _either(f"controls.rows.{k}.controls.{n}", value) for n, value in enumerate(row["controls"])
        ]
        rows.append(("", cells))
    heads = ["layer", "transformation", result["network"]["name"], *controls["names"]]
    return Figure("control-residuals", "Beside a control", table("plain law", heads, rows), controls)


def _labels(result: Result) -> dict[str, str]:
    return {transform["name"]: transform["label"] for transform in result["transforms"]}


def _either(path: str, value: Any) -> Markup:
    """A cell with a number (a dash for an infinite one), or with a mean and its interval."""
    if value is None:
        return missing()
    if isinstance(value, Mapping):
        return estimate(path, dict(value))
    return cell(path, value)


def _magnitude(value: Any) -> str:
    """A condition number: as a power of ten from a million on, a dash for an infinite one.

    >>> _magnitude(14.04), _magnitude(23456.0), _magnitude(1.4e6), _magnitude(float("inf"))
    ('14.0', '23,456', '1.4·10⁶', '–')
    """
    known = finite(value["mean"] if isinstance(value, Mapping) else value)
    if known is None:
        return "–"
    if known < 1e6:
        return f"{known:#.3g}" if known < 100 else f"{known:,.0f}"
    digits, exponent = f"{known:.1e}".split("e+")
    return f"{digits}·10{str(int(exponent)).translate(str.maketrans('0123456789', '⁰¹²³⁴⁵⁶⁷⁸⁹'))}"
