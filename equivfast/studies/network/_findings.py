"""What a network study found, in words."""

from __future__ import annotations

from typing import Any

_PLAIN = {"hflip": "horizontal flip", "vflip": "vertical flip", "identity": "nothing done"}


def label(name: str) -> str:
    """A transformation in words.

    >>> label("hflip"), label("rot:90"), label("scale:0.7071"), label("rot:45*hflip")
    ('horizontal flip', 'rotation 90°', 'scale 0.707', 'rot:45*hflip')
    """
    if name in _PLAIN:
        return _PLAIN[name]
    kind, _, value = name.partition(":")
    if "*" not in name and kind == "rot":
        return f"rotation {float(value):g}°"
    if "*" not in name and kind == "scale":
        return f"scale {float(value):.3g}"
    return name


def of(result: dict[str, Any]) -> dict[str, Any]:
    """The headline and the findings."""
    findings = [text for g in result["transforms"] for text in _transform(result, g)]
    findings += [text for text in (_invariance(result), *_controls(result), _around(result)) if text]
    return {"headline": _headline(result), "findings": findings}


def _rows(result: dict[str, Any], transform: str) -> list[tuple[str, dict[str, Any]]]:
    """(layer, the row that recovers most), of layers of which the accuracy is known."""
    found = []
    for entry in result["entries"]:
        rows = [row for row in entry["methods"] if row["top1"] is not None]
        if entry["transform"] == transform and rows:
            found.append((entry["layer"], max(rows, key=lambda row: row["top1"]["mean"])))
    return found


def _headline(result: dict[str, Any]) -> list[dict[str, str]]:
    cards = []
    for g in result["transforms"]:
        rows = _rows(result, g["name"])
        if not rows:
            continue
        first, last = rows[0], rows[-1]
        none, original = g["none"]["top1"]["mean"], result["original"]["top1"]["mean"]
        lost = original - none
        text = f"of accuracy is left after a {g['label']} without a map; "
        if lost < 0.02:
            text += f"upright it is {_percent(original)}"
        else:
            text += f"a map after {first[0]} brings it to {_percent(first[1]['top1']['mean'])}, "
            text += f"one after {last[0]} to {_percent(last[1]['top1']['mean'])}"
        cards.append({"value": _percent(none), "text": text})
    return cards[:4]


def _transform(result: dict[str, Any], g: dict[str, Any]) -> list[str]:
    rows = _rows(result, g["name"])
    name, none = g["label"].capitalize(), g["none"]["top1"]["mean"]
    original = result["original"]["top1"]["mean"]
    if not rows:
        return [f"{name}: {_percent(none)} right without a map, {_percent(original)} upright."]
    parts = [f"{layer} {_percent(row['top1']['mean'])} ({row['name']})" for layer, row in rows]
    said = f"{name}: {_percent(none)} right without a map, {_percent(original)} upright. With a map put in after "
    text = [said + ", ".join(parts) + "."]
    text += [f"{name}: {line}" for line in (_training(result, g["name"], original),) if line]
    return text


def _training(result: dict[str, Any], transform: str, original: float) -> str | None:
    """How much of what closed forms leave training closes."""
    shares = []
    for entry in result["entries"]:
        if entry["transform"] == transform and entry["trained"]:
            before, after = (entry["trained"][part]["mean"] for part in ("before", "after"))
            if original - before > 0.03:
                shares.append((entry["layer"], (after - before) / (original - before)))
    if not shares:
        return None
    listed = ", ".join(f"{layer} {100 * share:.0f} %" for layer, share in shares)
    return (
        f"training the map through the rest of the network closes, of what the closed form leaves, {listed}."
    )


def _invariance(result: dict[str, Any]) -> str | None:
    """Whether invariant channels rise with depth, for each transformation."""
    lines = []
    for g in result["transforms"]:
        counts = [
            entry["invariant"]["count"] / entry["invariant"]["channels"]
            for entry in result["entries"]
            if entry["transform"] == g["name"] and entry["invariant"]
        ]
        if len(counts) > 1:
            lines.append(f"{g['label']} {_percent(counts[0])} to {_percent(counts[-1])}")
    return f"Invariant channels, from the first layer to the last: {'; '.join(lines)}." if lines else None


def _controls(result: dict[str, Any]) -> list[str]:
    if not result["controls"]:
        return []
    rows, lines = result["controls"]["rows"], []
    for k, name in enumerate(result["controls"]["names"]):
        better = sum(row["residual"] > row["controls"][k] for row in rows)
        lines.append(
            f"In the same layers with {name} features are undone better in {better} of {len(rows)} cases of a layer "
            "and a transformation (residual of a 1x1 map)."
        )
    return lines


def _around(result: dict[str, Any]) -> str | None:
    names = [layer["name"] for layer in result["layers"] if not layer["complete"]]
    if not names:
        return None
    shown = ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
    return f"The input reaches the output around {shown}: of these layers the residual is told, not the accuracy."


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"
