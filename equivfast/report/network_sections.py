"""What the template of a network study is given: the figures of every section that the result has a part for."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from equivfast.report.figures import (
    Figure,
    network_accuracy,
    network_budget,
    network_curves,
    network_heat,
    network_repairs,
    network_spectra,
    network_tables,
)
from equivfast.report.network_checks import CHANNEL_PICTURES, IMAGES
from equivfast.report.svg import slug

_MOST_NAMES = 60  # beyond, only their number is told: a network is measured on thousands of images


def of(result: dict[str, Any]) -> dict[str, Any]:
    """Everything the template needs beside the result itself."""
    context = _figures(result)
    parts = (
        ("accuracy", "accuracy", True),
        ("repair", "before and after training", bool(context["repairs"])),
        ("residual", "residual by layer", context["residuals"]),
        ("angle", "angles", context["angles"]),
        ("invariance", "invariance", bool(context["heats"])),
        ("spectra", "eigenvalues", context["spectra"]),
        ("patterns", "matrices", context["patterns"]),
        ("budget", "error budget", context["budget"]),
        ("audit", "group law", bool(context["audits"])),
        ("lie", "Lie derivative", context["lie"]),
        ("gallery", "pictures", bool(context["gallery"])),
        ("training", "training", context["histories"]),
        ("control", "control", context["controls"]),
        ("maps", "every map", bool(result["entries"])),
        ("layers", "layers", True),
        ("findings", "findings", bool(result["findings"])),
        ("measured", "how it was measured", True),
        ("provenance", "provenance", True),
    )
    return {
        **context,
        "contents": [(place, words) for place, words, shown in parts if shown],
        "span": result.get("interval", "the interval around each mean"),
        "incomplete": [layer["name"] for layer in result["layers"] if not layer["complete"]],
        "relus": sorted({layer["relu"] for layer in result["layers"]}),
        "grids": sorted({layer["grid"] for layer in result["layers"]}),
        "words_of": _training_words(result),
        "tolerances": _values(result, "invariant", "tolerance"),
        "thresholds": _values(result, "eigenspace", "threshold"),
        "origin": _origin(result["provenance"]["images"]),
        "whole": Figure("result", "Everything measured", Markup(""), without_pictures(result)),
    }


def without_pictures(result: dict[str, Any]) -> dict[str, Any]:
    """The result's numbers and words, which the page offers as JSON."""
    entries = [{**entry, "patterns": None} for entry in result["entries"]]
    return {**result, "entries": entries, "gallery": [_bare(item) for item in result["gallery"]]}


def _figures(result: dict[str, Any]) -> dict[str, Any]:
    heats = (network_heat.invariant_table, network_heat.eigenspace_table, network_heat.variance_table)
    audits = (network_tables.law_table, network_tables.inverse_table)
    return {
        "recovered": network_accuracy.accuracy_table(result),
        "repairs": network_repairs.error_charts(result),
        "residuals": network_curves.residual_curves(result),
        "angles": network_curves.angle_curves(result),
        "heats": [figure for draw in heats if (figure := draw(result))],
        "spectra": network_spectra.spectra(result),
        "patterns": network_spectra.patterns(result),
        "budget": network_budget.budget_bars(result),
        "audits": [figure for draw in audits if (figure := draw(result))],
        "lie": network_curves.lie_curves(result),
        "gallery": [_shown(k, item, result) for k, item in enumerate(result["gallery"])],
        "histories": network_budget.histories(result),
        "controls": network_tables.control_table(result),
        "maps": network_tables.map_tables(result),
        "layers": network_tables.layer_table(result),
    }


def _shown(place: int, item: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
    labels = {transform["name"]: transform["label"] for transform in result["transforms"]}
    name = f"gallery-{place}-{slug(item['layer'])}"
    label = labels.get(item["transform"], item["transform"])
    return {**item, "label": label, "figure": Figure(name, "Channels", Markup(""), _bare(item))}


def _bare(item: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in item.items() if key not in IMAGES}
    channels = [
        {key: value for key, value in channel.items() if key not in CHANNEL_PICTURES}
        for channel in item["channels"]
    ]
    return {**kept, "channels": channels}


def _training_words(result: dict[str, Any]) -> list[tuple[str, str]]:
    """Every pair (loss, what was selected on) once."""
    trained = [entry["trained"] for entry in result["entries"] if entry["trained"] is not None]
    return list(dict.fromkeys((str(one["loss"]), str(one["selected_on"])) for one in trained))


def _values(result: dict[str, Any], part: str, key: str) -> list[Any]:
    return sorted({entry[part][key] for entry in result["entries"] if entry[part] is not None})


def _origin(images: dict[str, list[str]]) -> dict[str, str]:
    words = {"train": "maps learned on", "test": "maps judged on"}
    return {role: told for role, told in words.items() if len(images[role]) <= _MOST_NAMES}
