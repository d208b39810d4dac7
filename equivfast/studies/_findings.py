"""From tables of errors to sentences; every sentence repeats figures of the result and nothing else."""

from __future__ import annotations

from typing import Any

from equivfast.report import show
from equivfast.studies._methods import MOVED, NO_MAP, SPARSE

EXACT = 1e-5  # max-abs below which a permutation counts as exact: float32 sums in another order
RECOVERED = 1e-4  # the same for a learned map


def of(result: dict[str, Any]) -> dict[str, Any]:
    """{"headline": [...], "findings": [...]} of the study's result."""
    transforms = result["transforms"]
    largest = [(t, _largest(t)) for t in transforms]
    headline = [_learned_headline(t) for t, difference in largest if difference is None]
    exact = [(t["label"], d) for t, d in largest if d is not None and d <= EXACT]
    if exact:
        labels = ", ".join(label for label, _ in exact)
        text = f"largest difference on held-out photographs when cells and channels are permuted: {labels}"
        headline.append({"text": text, "value": show(max(d for _, d in exact))})
    findings = [*map(_finding, transforms), *_recovered(transforms), *_overfitted(transforms)]
    findings += [*map(_composed, result.get("composition", [])), *_timed(result.get("learning"))]
    return {"headline": headline, "findings": findings + _kept(result.get("task"))}


def _span(found: dict[str, Any]) -> str:
    return f"{found['mean']:.3f} [{found['low']:.3f}, {found['high']:.3f}]"


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
        f"{_span(best['hellinger'])} against {_span(control['hellinger'])}, a paired difference of {_span(gain)}."
    )


def _recovered(transforms: list[dict[str, Any]]) -> list[str]:
    """Which learned methods found the exact symmetries, and which did not."""
    exact = [t for t in transforms if (_largest(t) or 1) <= EXACT]
    if not exact:
        return []
    worst: dict[str, float] = {}
    for transform in exact:
        for m in transform["methods"]:
            if m["role"] == "learned":
                worst[m["name"]] = max(worst.get(m["name"], 0), m["max_abs"])
    labels = ", ".join(t["label"] for t in exact)
    found = [name for name, largest in worst.items() if largest <= RECOVERED]
    missed = [f"{n} ({show(d)})" for n, d in worst.items() if d > RECOVERED and n.endswith("all cells")]
    sentence = f"{labels}: recovered to {show(RECOVERED)} in every feature by {_families(found, list(worst))}"
    return [sentence + (f"; not by {', '.join(missed)}." if missed else ".")]


def _families(names: list[str], everything: list[str]) -> str:
    """Names by solver, as "forward selection (all 12)", or with what is special about each: "ridge (m=1, m=3)"."""
    words = []
    for solver in ("least squares", "ridge", "forward selection"):
        own = [name.removeprefix(solver).strip() for name in names if name.startswith(solver)]
        count = sum(name.startswith(solver) for name in everything)
        if own:
            words.append(f"{solver} ({f'all {count}' if len(own) == count > 1 else ', '.join(own)})")
    return ", ".join(words) or "no learned map"


def _overfitted(transforms: list[dict[str, Any]]) -> list[str]:
    """Least squares with fewer windows than inputs, against ridge and forward selection, where both exist."""
    found = []
    for transform in transforms:
        methods = _by_name(transform)
        names = ("least squares all cells", "ridge all cells", "forward selection k=5 all cells")
        if not all(name in methods for name in names) or _largest(transform) is not None:
            continue
        squares, *others = (methods[name]["hellinger"] for name in names)
        if squares["low"] > max(other["high"] for other in others):
            spans = " and ".join(f"{_span(o)} ({n})" for o, n in zip(others, names[1:], strict=True))
            found.append(
                f"{transform['label']}: least squares over all cells overfits, {_span(squares)} against {spans}."
            )
    return found


def _composed(row: dict[str, Any]) -> str:
    verdict = "is clearly worse than" if row["gap"]["low"] > 0 else "is not clearly worse than"
    return (
        f"{row['label']}: the product of two learned maps {verdict} the map learned directly: "
        f"{_span(row['composed'])} against {_span(row['direct'])}, a paired difference of {_span(row['gap'])}."
    )


def _timed(learning: dict[str, Any] | None) -> list[str]:
    if not learning:
        return []
    seconds = {row["name"]: row["seconds"] for row in learning["rows"]}
    slowest = max(seconds, key=lambda name: seconds[name])
    return [
        f"Learning a map from the features of {learning['train_windows']} windows takes "
        f"{seconds[SPARSE.name]:.2g} s ({SPARSE.name}), at most {seconds[slowest]:.2g} s ({slowest}); the paper's "
        f"table 1 has {learning['paper']['unstructured']} s without structure, on another machine."
    ]


def _kept(task: dict[str, Any] | None) -> list[str]:
    """The classifier's accuracy at the angle that hurts most without a map."""
    if not task or "rotation" not in task["curves"]:
        return []
    curve = task["curves"]["rotation"]
    alone = curve["series"]["no map"]
    k = min(range(len(alone)), key=lambda i: float(alone[i]))
    moved, back = (curve["series"][name][k] for name in ("cells moved", "mapped back"))
    return [
        f"{task['name']}: a classifier of upright images that is right on {task['upright']['mean']:.1%} falls to "
        f"{alone[k]:.1%} at {curve['degrees'][k]}°, to {moved:.1%} with cells moved, and keeps {back:.1%} when "
        f"features are mapped back."
    ]
