"""From tables of errors to sentences; every sentence repeats figures of the result and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from equivfast.report import show
from equivfast.studies._methods import MOVED, NO_MAP, SPARSE

EXACT = 1e-5  # max-abs below which a permutation counts as exact: float32 sums in another order
RECOVERED = 1e-4  # the same for a learned map
SOLVERS = ("least squares", "ridge", "forward selection")


def of(result: dict[str, Any]) -> dict[str, Any]:
    """{"headline": [...], "findings": [...]} of the study's result."""
    transforms = result["transforms"]
    exact = [t for t in transforms if _is_exact(t)]
    headline = [_learned_headline(t) for t in transforms if _largest(t) is None]
    if exact:
        headline.append(_exact_headline(exact))
    sentences = [
        *_permuted(exact),
        *(_learned(t) for t in transforms if not _is_exact(t)),
        *_overfitted(transforms),
        *_composed(result.get("composition") or []),
        *_timed(result.get("learning")),
        *_kept(result.get("task")),
    ]
    return {"headline": headline, "findings": [_upper(sentence) for sentence in sentences]}


def listed(words: Sequence[str]) -> str:
    """Words as a person lists them.

    >>> listed(["ridge"]), listed(["a", "b", "c"])
    ('ridge', 'a, b and c')
    """
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _upper(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _span(found: dict[str, Any]) -> str:
    """A mean and its interval."""
    return f"{show(found['mean'])} [{show(found['low'])}, {show(found['high'])}]"


def _largest(transform: dict[str, Any]) -> float | None:
    """Largest difference of the exact permutation, None when there is none."""
    return next((float(m["max_abs"]) for m in transform["methods"] if m["role"] == "exact"), None)


def _labels(transforms: list[dict[str, Any]]) -> str:
    return listed([t["label"] for t in transforms])


def _is_exact(transform: dict[str, Any]) -> bool:
    largest = _largest(transform)
    return largest is not None and largest <= EXACT


def _by_name(transform: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {m["name"]: m for m in transform["methods"]}


def _learned_headline(transform: dict[str, Any]) -> dict[str, str]:
    errors = {name: m["hellinger"]["mean"] for name, m in _by_name(transform).items()}
    text = (
        f"{transform['label']}: error of {transform['best']}; with no map {errors[NO_MAP.name]:.3f}, "
        f"with cells moved {errors[MOVED.name]:.3f}"
    )
    return {"text": _upper(text), "value": f"{errors[transform['best']]:.3f}"}


def _exact_headline(exact: list[dict[str, Any]]) -> dict[str, str]:
    text = f"{_labels(exact)}: largest difference of any feature once cells and channels are permuted"
    return {"text": _upper(text), "value": show(max(_largest(t) or 0.0 for t in exact))}


def _learned(transform: dict[str, Any]) -> str:
    gain = transform["gain"]
    best, control = (_by_name(transform)[name] for name in (transform["best"], gain["over"]))
    verdict = "is below" if gain["low"] > 0 else "is not clearly below"
    return (
        f"{transform['label']}: the error of {best['name']}, {_span(best['hellinger'])}, {verdict} that of the "
        f"better control, {control['name']}, {_span(control['hellinger'])}: paired difference {_span(gain)}."
    )


def _permuted(exact: list[dict[str, Any]]) -> list[str]:
    """The exact symmetries, which learned methods found them, and which did not."""
    if not exact:
        return []
    worst: dict[str, float] = {}
    for transform in exact:
        for m in transform["methods"]:
            if m["role"] == "learned":
                worst[m["name"]] = max(worst.get(m["name"], 0), m["max_abs"])
    found = [name for name, largest in worst.items() if largest <= RECOVERED]
    missed = [f"{n} ({show(d)})" for n, d in worst.items() if d > RECOVERED]
    change = (
        "permutes cells and channels and changes"
        if len(exact) == 1
        else "permute cells and channels and change"
    )
    return [
        f"{_labels(exact)} {change} nothing else: largest difference of any feature "
        f"{show(max(_largest(t) or 0.0 for t in exact))}.",
        f"Learning finds that too, to {show(RECOVERED)} in every feature, by {_families(found, list(worst))}."
        + (f" The largest difference is above that with {listed(missed)}." if missed else ""),
    ]


def _families(names: list[str], everything: list[str]) -> str:
    """Names by solver: "forward selection (all 12 settings)", or "ridge (m=1, m=3)"."""
    words = []
    for solver in SOLVERS:
        own = [name.removeprefix(solver).strip() for name in names if name.startswith(solver)]
        count = sum(name.startswith(solver) for name in everything)
        if own:
            settings = f"all {count} settings" if len(own) == count > 1 else ", ".join(own)
            words.append(f"{solver} ({settings})")
    return listed(words) if words else "no method"


def _overfitted(transforms: list[dict[str, Any]]) -> list[str]:
    """Least squares with fewer windows than inputs, against ridge and forward selection, where both exist."""
    names = ("least squares all cells", "ridge all cells", "forward selection k=5 all cells")
    found = []
    for transform in transforms:
        methods = _by_name(transform)
        if _largest(transform) is None and all(name in methods for name in names):
            squares, *others = (methods[name]["hellinger"] for name in names)
            if squares["low"] > max(other["high"] for other in others):
                found.append((squares["mean"] - others[0]["mean"], transform["label"], squares, others))
    if not found:
        return []
    _, label, squares, others = max(found, key=lambda item: item[0])
    spans = " and ".join(f"{_span(o)} ({n})" for o, n in zip(others, names[1:], strict=True))
    elsewhere = [other for _, other, *_ in found if other != label]
    also = f" The same holds for {listed(elsewhere)}." if elsewhere else ""
    return [f"{label}: least squares over all cells overfits, {_span(squares)} against {spans}.{also}"]


def _composed(rows: list[dict[str, Any]]) -> list[str]:
    """Products of maps that are clearly worse than the map learned directly, and those that are not."""
    found = []
    for verdict, worse in (("is clearly worse than", True), ("is not clearly worse than", False)):
        items = [
            f"{row['label']} ({show(row['composed']['mean'])} against {show(row['direct']['mean'])}, paired difference "
            f"{_span(row['gap'])})"
            for row in rows
            if (row["gap"]["low"] > 0) is worse
        ]
        if items:
            found.append(
                f"The product of two learned maps {verdict} the map learned directly for {listed(items)}."
            )
    return found


def _timed(learning: dict[str, Any] | None) -> list[str]:
    if not learning:
        return []
    seconds = {row["name"]: row["seconds"] for row in learning["rows"]}
    slowest = max(seconds, key=lambda name: seconds[name])
    paper, cells = learning["paper"], "{}×{} cells".format(*learning["field"])
    fastest_there, slowest_there = paper["structured"]
    theirs = " for {}×{} cells".format(*paper["field"]) if "field" in paper else ""
    return [
        f"Learning a map for {cells} from the features of {learning['train_windows']} windows takes "
        f"{seconds[SPARSE.name]:.2g} s ({SPARSE.name}), at most {seconds[slowest]:.2g} s ({slowest}). The paper’s "
        f"table 1 has {paper['unstructured']} s without structure and {fastest_there} to {slowest_there} s with "
        f"m = 1 to 5{theirs}, on its authors’ machine."
    ]


def _kept(task: dict[str, Any] | None) -> list[str]:
    """The classifier's accuracy at the angle that hurts most without a map."""
    if not task or "rotation" not in task["curves"]:
        return []
    curve = task["curves"]["rotation"]
    alone = curve["series"]["no map"]
    k = min(range(len(alone)), key=lambda i: float(alone[i]))

    def share(found: dict[str, Any]) -> str:
        return f"{100 * found['mean']:.1f} % [{100 * found['low']:.1f}, {100 * found['high']:.1f}]"

    def at(name: str) -> str:
        ends = {"mean": "series", "low": "low", "high": "high"}
        return share({end: curve[part][name][k] for end, part in ends.items()})

    return [
        f"{task['name']}: a classifier learned on upright images is right on {share(task['upright'])} of upright "
        f"test images. At {curve['degrees'][k]}°, where it does worst with no map, it is right on {at('no map')}, on "
        f"{at('cells moved')} with cells moved, and on {at('mapped back')} with features mapped back."
    ]
