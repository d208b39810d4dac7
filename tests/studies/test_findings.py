"""Sentences say what the figures say, on results made up to be on one side or the other."""

from __future__ import annotations

from typing import Any

from equivfast.studies import _findings


def interval(mean: float, spread: float = 0.01) -> dict[str, float]:
    return {"mean": mean, "low": mean - spread, "high": mean + spread}


def method(name: str, role: str, mean: float, largest: float = 0.5) -> dict[str, Any]:
    return {"name": name, "role": role, "hellinger": interval(mean), "max_abs": largest}


def transform(label: str, learned: dict[str, float], exact: float | None = None) -> dict[str, Any]:
    """`learned` gives errors and, of an exact symmetry, largest differences."""
    methods = [method("no map", "control", 0.3), method("cells moved", "control", 0.28)]
    if exact is not None:
        methods.append(method("permutation", "exact", 0.0, exact))
    methods += [method(name, "learned", error, error) for name, error in learned.items()]
    best = "permutation" if exact is not None else min(learned, key=lambda name: learned[name])
    return {
        "label": label,
        "methods": methods,
        "best": best,
        "gain": {"over": "cells moved", **interval(0.1)},
    }


def sentences(**result: Any) -> list[str]:
    return _findings.of({"transforms": [], **result})["findings"]


def test_exact_symmetries_share_a_sentence_that_names_who_found_them() -> None:
    learned = {"least squares m=1": 1e-6, "ridge m=1": 2e-5, "ridge m=3": 3e-4}
    flips = [transform("left-right flip", learned, 4e-7), transform("up-down flip", learned, 7e-7)]
    found = _findings.of({"transforms": flips})
    assert found["findings"] == [
        "Left-right flip and up-down flip permute cells and channels and change nothing else: largest difference of "
        "any feature 7·10⁻⁷.",
        "Learning finds that too, to 1·10⁻⁴ in every feature, by least squares (m=1) and ridge (m=1). The largest "
        "difference is above that with ridge m=3 (3·10⁻⁴).",
    ]
    assert [item["value"] for item in found["headline"]] == ["7·10⁻⁷"]
    assert sentences(transforms=flips[:1])[0].startswith(
        "Left-right flip permutes cells and channels and changes"
    )


def test_a_permutation_that_is_not_exact_is_judged_like_a_learned_map() -> None:
    (sentence,) = sentences(transforms=[transform("flip", {"ridge m=1": 0.1}, 0.2)])
    assert sentence.startswith("Flip: the error of permutation")


def test_overfitting_is_told_once_at_its_worst() -> None:
    names = ("least squares all cells", "ridge all cells", "forward selection k=5 all cells")
    turns = [
        transform(label, dict(zip(names, errors, strict=True)))
        for label, errors in (
            ("rotation 90°", (0.2, 0.15, 0.1)),
            ("rotation 45°", (0.3, 0.15, 0.1)),
            ("rotation 30°", (0.155, 0.15, 0.1)),  # intervals overlap
        )
    ]
    (sentence,) = [words for words in sentences(transforms=turns) if "overfits" in words]
    assert sentence == (
        "Rotation 45°: least squares over all cells overfits, 0.300 [0.290, 0.310] against 0.150 [0.140, 0.160] (ridge "
        "all cells) and 0.100 [0.090, 0.110] (forward selection k=5 all cells). The same holds for rotation 90°."
    )


def test_products_are_clearly_worse_or_not() -> None:
    def product(label: str, gap: float) -> dict[str, Any]:
        direct, composed = interval(0.1), interval(0.1 + gap)
        return {"label": label, "direct": direct, "composed": composed, "gap": interval(gap, 0.001)}

    worse, same = sentences(composition=[product("a", 0.05), product("b", -0.002), product("c", 0.02)])
    assert worse == (
        "The product of two learned maps is clearly worse than the map learned directly for a (0.150 against 0.100, "
        "paired difference 0.050 [0.049, 0.051]) and c (0.120 against 0.100, paired difference 0.020 [0.019, 0.021])."
    )
    assert "not clearly worse" in same and "paired difference −0.0020 [−0.0030, −0.0010]" in same


def test_times_are_told_with_the_sizes_they_are_for() -> None:
    rows = [{"name": "forward selection k=5 m=3", "seconds": 0.2}, {"name": "ridge m=5", "seconds": 1.1}]
    paper: dict[str, Any] = {"unstructured": 281.18, "structured": [5.91, 30.93]}
    learning = {"field": [5, 5], "train_windows": 1000, "rows": rows, "paper": paper}
    (sentence,) = sentences(learning=learning)
    assert (
        "5×5 cells" in sentence and "0.2 s (forward selection k=5 m=3), at most 1.1 s (ridge m=5)" in sentence
    )
    assert "281.18 s without structure and 5.91 to 30.93 s with m = 1 to 5, on" in sentence
    paper["field"] = [9, 9]
    assert "with m = 1 to 5 for 9×9 cells, on" in sentences(learning=learning)[0]


def test_the_classifier_is_quoted_where_it_is_worst_with_no_map() -> None:
    series = {"no map": [0.9, 0.4, 0.5], "cells moved": [0.9, 0.3, 0.2], "mapped back": [0.9, 0.95, 0.9]}
    ends = {
        end: {m: [v + d for v in vs] for m, vs in series.items()} for end, d in (("low", -0.1), ("high", 0.1))
    }
    curve = {"degrees": [0, 90, 180], "series": series, **ends}
    task = {"name": "faces", "upright": interval(0.9, 0.1), "curves": {"rotation": curve}}
    (sentence,) = sentences(task=task)
    assert sentence == (
        "Faces: a classifier learned on upright images is right on 90.0 % [80.0, 100.0] of upright test images. At "
        "90°, where it does worst with no map, it is right on 40.0 % [30.0, 50.0], on 30.0 % [20.0, 40.0] with "
        "cells moved, and on 95.0 % [85.0, 105.0] with features mapped back."
    )
