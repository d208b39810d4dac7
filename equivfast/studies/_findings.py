"""From a table of errors to sentences; every sentence repeats figures of the table and nothing else."""

from __future__ import annotations

from typing import Any

from equivfast.report import show
from equivfast.studies._methods import MOVED, NO_MAP

EXACT = 1e-5  # max-abs below which a permutation counts as exact: float32 sums in another order


def of(transforms: list[dict[str, Any]]) -> dict[str, Any]:
    """{"headline": [...], "findings": [...]} of the study's transformations."""
    largest = [(t, _largest(t)) for t in transforms]
    headline = [_learned_headline(t) for t, difference in largest if difference is None]
    exact = [(t["label"], d) for t, d in largest if d is not None and d <= EXACT]
    if exact:
        labels = ", ".join(label for label, _ in exact)
        text = f"largest difference on held-out photographs when cells and channels are permuted: {labels}"
        headline.append({"text": text, "value": show(max(d for _, d in exact))})
    return {"headline": headline, "findings": [*map(_finding, transforms)]}


def _largest(transform: dict[str, Any]) -> float | None:
    """Largest difference of the exact permutation, None when there is none."""
    return next((float(m["max_abs"]) for m in transform["methods"] if m["role"] == "exact"), None)


def _by_name(transform: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {m["name"]: m for m in transform["methods"]}


def _learned_headline(transform: dict[str, Any]) -> dict[str, str]:
    methods = _by_name(transform)
    errors = {name: m["hellinger"]["mean"] for name, m in methods.items()}
    text = (
        f"{transform['label']}: error of {transform['best']}, against {errors[NO_MAP.name]:.3f} without a map "
        f"and {errors[MOVED.name]:.3f} with cells moved"
    )
    return {"text": text, "value": f"{errors[transform['best']]:.3f}"}


def _finding(transform: dict[str, Any]) -> str:
    methods, gain = _by_name(transform), transform["gain"]
    best, largest = methods[transform["best"]], _largest(transform)
    if largest is not None and largest <= EXACT:
        return f"{transform['label']}: a permutation of cells and channels, exact to {show(largest)}."
    control = methods[gain["over"]]
    verdict = "is below" if gain["low"] > 0 else "is not clearly below"
    return (
        f"{transform['label']}: {best['name']} {verdict} the better control ({control['name']}): "
        f"{best['hellinger']['mean']:.3f} against {control['hellinger']['mean']:.3f}, "
        f"a paired difference of {gain['mean']:.3f} [{gain['low']:.3f}, {gain['high']:.3f}]."
    )
