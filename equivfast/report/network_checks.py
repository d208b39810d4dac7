"""What a result of a network study must have before a page is made of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from equivfast.report.render import check_keys, check_picture

_KEYS = (
    *("title", "created", "network", "data", "original", "transforms", "layers", "entries", "audit", "lie"),
    *("angles", "controls", "gallery", "preflight", "headline", "findings", "provenance"),
)
_INTERVAL = ("mean", "low", "high")
_RANKS = ("top1", "top5")
_DICTS: dict[str, tuple[str, ...]] = {
    "network": ("name", "weights", "parameters", "input", "output", "trained_on"),
    "data": ("name", "classes", "train", "test", "skipped"),
    "original": _RANKS,
}
_LISTS: dict[str, tuple[str, ...]] = {
    "transforms": ("name", "label", "none"),
    "layers": ("name", "channels", "field", "stride", "grid", "complete", "relu", "depth"),
}
_METHOD = ("name", "role", "residual", "top1", "top5", "chosen", "seconds")
_ROLES = ("control", "closed", "trained")
# What an entry may lack (then it is None), and what it has where it is a dict.
_PARTS: dict[str, tuple[str, ...]] = {
    "trained": ("before", "after", "epochs", "best_epoch", "loss", "selected_on", "history"),
    "invariant": ("count", "channels", "accuracy", "tolerance"),
    "eigenspace": ("dimension", "channels", "threshold"),
    "budget": ("total", "border", "interpolation", "phase", "real"),
}
_ENTRY = ("layer", "transform", "methods", "best", *_PARTS, "variance", "spectrum", "patterns")
CHANNEL_PICTURES = ("phi_gx", "mapped", "phi_x")
IMAGES = ("image_x", "image_gx")


def check_network(name: str, result: dict[str, Any]) -> None:
    """Raises a ValueError of the function `name` for a result that is not of the shape network_page.py tells."""
    check_keys(name, "result", result, _KEYS)
    for part, keys in _DICTS.items():
        check_keys(name, part, result[part], keys)
    _accuracies(name, "original", result["original"])
    for part, keys in _LISTS.items():
        if not result[part]:
            raise ValueError(f"{name}: result must have at least one of {part}, got none")
        for k, item in enumerate(result[part]):
            check_keys(name, f"{part} {k}", item, keys)
    for transform in result["transforms"]:
        check_keys(name, f"none of {transform['name']}", transform["none"], _RANKS)
        _accuracies(name, f"none of {transform['name']}", transform["none"])
    known = {part: [item["name"] for item in result[f"{part}s"]] for part in ("layer", "transform")}
    _once(name, "layers", known["layer"])
    _once(name, "transforms", known["transform"])
    for k, entry in enumerate(result["entries"]):
        check_keys(name, f"entry {k}", entry, _ENTRY)
        for part, names in known.items():
            if entry[part] not in names:
                raise ValueError(
                    f"{name}: {part} of entry {k} must be one of {', '.join(names)}, got {entry[part]!r}"
                )
        _entry(name, f"entry {entry['layer']}, {entry['transform']}", entry)
    _once(name, "entries", [f"{entry['layer']}, {entry['transform']}" for entry in result["entries"]])
    _later_parts(name, result)


def _entry(name: str, part: str, entry: dict[str, Any]) -> None:
    for method in entry["methods"]:
        check_keys(name, f"a method of {part}", method, _METHOD)
        if method["role"] not in _ROLES:
            raise ValueError(
                f"{name}: role of a method of {part} must be one of {', '.join(_ROLES)}, got {method['role']!r}"
            )
        check_keys(name, f"residual of {part}", method["residual"], _INTERVAL)
        _accuracies(name, part, method)
    closed = [method["name"] for method in entry["methods"] if method["role"] == "closed"]
    if entry["best"] not in closed and (closed or entry["best"] is not None):
        wanted = f"one of {', '.join(closed)}" if closed else "None"
        raise ValueError(f"{name}: best of {part} must be {wanted}, got {entry['best']!r}")
    for key, keys in _PARTS.items():
        if entry[key] is not None:
            check_keys(name, f"{key} of {part}", entry[key], keys)
    for key in _PARTS["budget"] if entry["budget"] else ():
        check_keys(name, f"{key} of the budget of {part}", entry["budget"][key], _INTERVAL)
    trained = entry["trained"]
    if trained is not None:
        for stage in ("before", "after"):
            check_keys(name, f"{stage} of trained of {part}", trained[stage], _INTERVAL)
        check_keys(name, f"history of {part}", trained["history"], ("epoch", "held_out"))
        _lengths(name, f"history of {part}", trained["history"].values())
    if entry["spectrum"] is not None:
        wrong = [value for value in entry["spectrum"] if len(value) != 2]
        if wrong:
            raise ValueError(f"{name}: spectrum of {part} must be pairs (real, imaginary), got {wrong[0]!r}")
    if entry["patterns"] is not None:
        check_picture(name, entry["patterns"])


def _later_parts(name: str, result: dict[str, Any]) -> None:
    for item in result["audit"]:
        check_keys(name, "a part of audit", item, ("layer", "law", "inverse"))
        for law in item["law"]:
            check_keys(name, f"law of {item['layer']}", law, ("g", "h", "gh", "composed", "direct", "gap"))
        for inverse in item["inverse"]:
            check_keys(name, f"inverse of {item['layer']}", inverse, ("g", "gap", "condition"))
    if result["lie"] is not None:
        check_keys(name, "lie", result["lie"], ("generators", "layers", "values"))
        _lengths(name, "generators and values of lie", [result["lie"]["generators"], result["lie"]["values"]])
        _lengths(name, "layers and values of lie", [result["lie"]["layers"], *result["lie"]["values"]])
    angles = result["angles"]
    if angles is not None:
        check_keys(name, "angles", angles, ("degrees", "none", "series", "original"))
        _lengths(name, "angles", [angles["degrees"], angles["none"], *angles["series"].values()])
    if result["controls"] is not None:
        check_keys(name, "controls", result["controls"], ("names", "rows"))
        for row in result["controls"]["rows"]:
            check_keys(name, "a row of controls", row, ("layer", "transform", "residual", "controls"))
            _lengths(name, "names and rows of controls", [result["controls"]["names"], row["controls"]])
    for item in result["gallery"]:
        check_keys(name, "a part of gallery", item, ("layer", "transform", *IMAGES, "channels"))
        for channel in item["channels"]:
            check_keys(name, f"a channel of gallery {item['layer']}", channel, ("channel", *CHANNEL_PICTURES))
        shown = [item[key] for key in IMAGES]
        for picture in [*shown, *(channel[key] for channel in item["channels"] for key in CHANNEL_PICTURES)]:
            check_picture(name, picture)
    if result["preflight"] is not None:
        keys = ("bytes", "passes", "seconds_reading", "seconds_sums")
        check_keys(name, "preflight", result["preflight"], keys)


def _accuracies(name: str, part: str, value: dict[str, Any]) -> None:
    for rank in _RANKS:
        if value[rank] is None:
            continue
        check_keys(name, f"{rank} of {part}", value[rank], _INTERVAL)
        mean = value[rank]["mean"]
        if mean is not None and not 0 <= mean <= 1:
            raise ValueError(f"{name}: {rank} of {part} must be a share from 0 to 1, got {mean!r}")


def _lengths(name: str, part: str, lists: Iterable[Sequence[Any]]) -> None:
    lengths = [len(values) for values in lists]
    if len(set(lengths)) > 1 or 0 in lengths:
        raise ValueError(f"{name}: {part} must be lists of one length, at least 1, got {lengths}")


def _once(name: str, part: str, values: Sequence[str]) -> None:
    twice = next((value for k, value in enumerate(values) if value in values[:k]), None)
    if twice is not None:
        raise ValueError(f"{name}: {part} must be listed once each, got {twice!r} twice")
