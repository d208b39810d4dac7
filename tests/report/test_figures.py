"""Figures draw their data: lengths and places are read back out of the drawing and compared."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
from markupsafe import Markup

from equivfast.report import figures
from equivfast.report.svg import percent, scale, show, slug


def attributes(body: str, tag: str, attribute: str, kind: str) -> list[float]:
    found = re.findall(rf'<{tag} class="{kind}"[^>]*? {attribute}="([\d.]+)%?"', body)
    return [float(value) for value in found]


def test_bars_are_as_long_as_their_errors(result: dict[str, Any]) -> None:
    figure = figures.error_bars(result["transforms"])
    top = 0.4  # the largest interval ends at 0.346 * 1.1
    assert attributes(figure.body, "rect", "width", "learned") == pytest.approx(
        [12.9 / top, 6.7 / top], abs=1e-3
    )
    assert attributes(figure.body, "rect", "width", "control0") == pytest.approx(
        [34.6 / top, 32.2 / top], abs=1e-3
    )
    assert attributes(figure.body, "rect", "width", "exact") == pytest.approx([0.003 / top], abs=1e-3)
    ends = zip(
        attributes(figure.body, "line", "x1", "interval"),
        attributes(figure.body, "line", "x2", "interval"),
        strict=True,
    )
    series = [entry for group in figure.data["transforms"] for entry in group["series"]]
    for (low, high), entry in zip(ends, series, strict=True):
        assert (low, high) == pytest.approx((100 * entry["low"] / top, 100 * entry["high"] / top), abs=1e-3)


def test_bars_show_the_best_learned_map_only(result: dict[str, Any]) -> None:
    groups = figures.error_bars(result["transforms"]).data["transforms"]
    assert [entry["method"] for entry in groups[0]["series"]] == ["no map", "cells moved", "ridge m=3"]
    assert [entry["method"] for entry in groups[1]["series"]][-1] == "permutation"


def test_curve_points_stand_where_the_data_say(result: dict[str, Any]) -> None:
    figure = figures.error_curves("rotation", result["curves"]["rotation"])
    assert attributes(figure.body, "circle", "cx", "control0") == [0, 50, 100]
    assert attributes(figure.body, "circle", "cy", "control0") == [240, 60, 0]
    assert '<polyline class="curve control0" points="0,240 50,60 100,0"/>' in figure.body
    # The learned series has no value at 45 degrees: two points, and no line across the gap.
    assert attributes(figure.body, "circle", "cx", "learned") == [0, 100]
    assert "curve learned" not in figure.body and "band" not in figure.body


def test_intervals_are_bands_around_their_curve() -> None:
    curve = {"degrees": [0, 45, 90, 135], "series": {"a map": [0.1, 0.2, None, 0.2]}}
    curve |= {"low": {"a map": [0.0, 0.1, None, 0.1]}, "high": {"a map": [0.2, 0.4, None, 0.3]}}
    body = figures.error_curves("rotation", curve).body
    assert '<polygon class="band learned" points="0,120 33.333,0 33.333,180 0,240"/>' in body
    assert body.count("<polygon") == 2 and body.count("<polyline") == 1


def test_a_solver_keeps_its_line_whatever_stands_beside_it() -> None:
    def lines(*methods: str) -> dict[str, str]:
        curve = {"degrees": [0, 45], "series": {method: [0.1, 0.2] for method in methods}}
        return {words: kind for kind, words in figures.error_curves("rotation", curve).legend}

    three = lines("no map", "least squares m=3", "ridge m=3", "forward selection k=5 m=3")
    assert len(set(three.values())) == 4
    assert lines("ridge m=3")["ridge m=3"] == three["ridge m=3"]
    two = lines("ridge m=3", "ridge m=5", "another")
    assert len(set(two.values())) == 3 and two["ridge m=3"] == three["ridge m=3"]


def test_axes_say_what_they_measure(result: dict[str, Any]) -> None:
    def titles(figure: figures.Figure) -> list[str]:
        return re.findall(r'<text class="axis-title"[^>]*>(.*?)</text>', figure.body)

    error = "mean Hellinger distance per cell"
    curve = {"series": {"no map": [0.1, 0.2]}}
    for parameter, words in (("degrees", "angle"), ("factors", "factor"), ("cells", "shift")):
        upright, level = titles(figures.error_curves("x", {parameter: [0.5, 1.0], **curve}))
        assert upright == error and words in level
    assert titles(figures.error_bars(result["transforms"])) == [error]
    assert titles(figures.accuracy_curves(result["task"])[0])[0] == "accuracy, mean of both classes"


def test_factors_stand_by_their_logarithm() -> None:
    body = figures.error_curves("scale", {"factors": [0.5, 1, 2], "series": {"no map": [0.1, 0.0, 0.1]}}).body
    assert attributes(body, "circle", "cx", "control0") == [0, 50, 100]
    ticks = re.findall(r'<text class="tick[^"]*" x="([\d.]+)%"[^>]*>(.*?)</text>', body)
    assert [words for _, words in ticks] == ["0.5", "0.71", "1", "1.25", "1.41", "2"]
    assert [float(at) for at, _ in ticks] == pytest.approx([0, 25, 50, 66.096, 75, 100], abs=1e-3)
    shift = figures.error_curves("shift", {"cells": [0, 0.5, 1], "series": {"no map": [0, 0.1, 0]}}).body
    assert re.findall(r'class="tick" x="[\d.]+%"[^>]*>(.*?)</text>', shift) == ["0", "¼", "½", "¾", "1"]


def test_many_points_are_a_line_without_dots() -> None:
    degrees = list(range(0, 181, 5))
    body = figures.error_curves("rotation", {"degrees": degrees, "series": {"no map": [0.1] * 37}}).body
    assert body.count('<circle class="hit"') == 37 and '<circle class="control0"' not in body
    alone = [None, 0.1, None, *[0.1] * 34]
    body = figures.error_curves("rotation", {"degrees": degrees, "series": {"no map": alone}}).body
    assert body.count('<circle class="control0"') == 1


@pytest.mark.parametrize(("lowest", "first"), [(0.52, "50 %"), (0.41, "40 %"), (0.2, "0 %")])
def test_accuracies_have_an_axis_that_holds_them(result: dict[str, Any], lowest: float, first: str) -> None:
    task = result["task"]
    task["curves"] = {"rotation": {"degrees": [0, 90], "series": {"no map": [0.9, lowest]}}}
    (figure,) = figures.accuracy_curves(task)
    assert re.findall(r'dx="-8"[^>]*>(.*?)</text>', figure.body)[0] == first
    assert figure.data["series"] == {"no map": [0.9, lowest]}
    bottom = float(first.removesuffix(" %")) / 100
    levels = {"level": ("upright images (90 %)", 0.9), "guess": ("guessing (50 %)", 0.5)}
    shown = levels if bottom < 0.5 else {"level": levels["level"]}
    assert figure.legend[1:] == tuple((kind, words) for kind, (words, _) in shown.items())
    for kind, (_, value) in levels.items():
        height = [240 * (1 - (value - bottom) / (1 - bottom))] if kind in shown else []
        assert attributes(figure.body, "line", "y1", kind) == pytest.approx(height, abs=0.01)


def test_notable_methods_are_controls_the_exact_action_and_the_best_of_each_solver(
    result: dict[str, Any],
) -> None:
    turned, flipped = result["transforms"]
    assert figures.notable(turned) == [0, 1, 2, 3] and figures.notable(flipped) == [0, 1, 2, 3, 4]
    for method in turned["methods"]:
        method.pop("solver", None)
    assert figures.notable(turned) == [0, 1, 2, 3, 4]


def test_every_setting_is_a_row(result: dict[str, Any]) -> None:
    body = figures.settings_table(result["transforms"]).body
    rows = re.findall(r"<tr class=.*?</tr>", body)
    assert len(rows) == 5 + 6
    assert '<td data-value="Infinity">all</td><td data-value="">–</td>' in rows[4]
    assert '<td data-value="3">3</td><td data-value="1">1</td>' in rows[2]
    assert rows[0].count('<td data-value="">–</td>') == 2
    options = re.findall(r'<option value="(\d*)">(.*?)</option>', body)
    assert options == [
        ("", "all transformations"), ("0", "rotation 45°"), ("1", "horizontal &lt;i&gt;flip&lt;/i&gt;"),
    ]  # fmt: skip


def test_sizes_mark_the_best_of_each_column(result: dict[str, Any]) -> None:
    body = figures.size_table(0, result["sizes"][0]).body
    best = re.findall(r'<td class="best (\w+)".*?data-path="(.*?)"', body)
    assert [(role, path[:14]) for role, path in best] == [
        ("learned", "sizes.0.rows.0"),
        ("learned", "sizes.0.rows.1"),
    ]
    assert "5×5 cells <small>from 9×9</small>" in body
    result["sizes"][0]["rows"][1]["source_all_cells"] = 7
    body = figures.size_table(0, result["sizes"][0]).body
    assert "5×5 cells <small>from 9×9, all cells from 7×7</small>" in body


def test_shared_banks_stand_beside_the_best_map_per_cell(result: dict[str, Any]) -> None:
    body = figures.shared_table(result["shared"], result["transforms"]).body
    assert 'data-path="transforms.0.methods.3.hellinger.mean"' in body
    assert body.count('class="best learned"') == 1
    result["shared"][0]["name"] = "elsewhere"
    assert figures.shared_table(result["shared"], result["transforms"]).body.count('<td class="none">') == 4


def test_bars_of_one_table_have_one_scale(result: dict[str, Any]) -> None:
    # The best per cell, twice any shared bank.
    result["transforms"][0]["methods"][3]["hellinger"]["mean"] = 0.26
    for learned in (2, 4):
        result["transforms"][0]["methods"][learned]["hellinger"]["mean"] = 0.5
    body = figures.shared_table(result["shared"], result["transforms"]).body
    bars = re.findall(r'style="width:([\d.]+)%"></span><span class="number" [^>]*data-value="([\d.]+)"', body)
    assert len(bars) == 4
    assert [float(width) for width, _ in bars] == pytest.approx(
        [float(v) / 0.26 * 100 for _, v in bars], abs=1e-3
    )


def test_times_of_learning_stand_by_neighbourhood_above_the_published_ones(result: dict[str, Any]) -> None:
    learning = result["learning"]
    learning["rows"] = [
        {"name": name, "support": support, "nonzeros": None, "seconds": seconds}
        for name, support, seconds in (
            ("ridge m=3", 3, 0.25), ("ridge m=1", 1, 0.05), ("ridge all cells", None, 2.5), ("other m=1", 1, 0.01)
        )
    ]  # fmt: skip
    body = figures.learning_table(learning).body
    heads = [re.sub("<.*?>", "", words) for words in re.findall(r'<th scope="col">(.*?)</th>', body)]
    assert heads == ["method", "m = 1", "m = 3", "all cells"]
    rows = re.findall(r"<tr class=.*?</tr>", body)
    cells = [[re.sub("<.*?>", "", cell) for cell in re.findall(r"<td.*?</td>", row)] for row in rows]
    assert cells == [
        ["0.0500 s", "0.250 s", "2.50 s"],
        ["0.0100 s", "–", "–"],
        ["5.91 s to 30.93 s for m = 1 to 5", "281.18 s"],
    ]
    assert 'colspan="2"' in rows[2] and "9×9" not in body
    learning["paper"]["field"] = [9, 9]
    assert "9×9 cells, " in figures.learning_table(learning).body
    learning["rows"] = learning["rows"][2:3]
    assert "colspan" not in figures.learning_table(learning).body


def test_sizes_of_arrays_are_told_where_they_differ(result: dict[str, Any]) -> None:
    transforms = result["transforms"]
    for draw in (figures.error_bars, figures.error_table):
        assert "cells</small>" not in draw(transforms).body
        transforms[1]["field"] = [5, 7]
        assert "5×7 cells</small>" in draw(transforms).body and "9×9 cells</small>" in draw(transforms).body
        transforms[1]["field"] = [9, 9]


def test_narrow_drawings_have_few_ticks(result: dict[str, Any]) -> None:
    turned = result["transforms"][0]
    for method in turned["methods"]:
        method["per_photo"] = {"cat": 0.29}
    ticks = re.findall(r'<text class="tick"[^>]*>(.*?)</text>', figures.photo_errors(turned).body)
    assert ticks == ["0", "0.1", "0.2", "0.3"]


def test_composition_names_methods_where_they_differ(result: dict[str, Any]) -> None:
    items = result["composition"]
    assert figures.one_method(items) == items[0]["method"]
    assert "learned by" not in figures.composition_table(items).body
    items.append({**items[0], "method": "ridge m=3", "no map": {"mean": 0.3}})
    body = figures.composition_table(items).body
    assert figures.one_method(items) == "" and "learned by" in body
    assert body.count('<td class="none">') == 1 and 'data-path="composition.1.no map.mean"' in body


def test_photographs_are_rows_when_few_and_a_histogram_when_many(result: dict[str, Any]) -> None:
    turned = result["transforms"][0]
    rows = figures.photo_errors(turned)
    assert rows.body.count("<circle") == 3 * 2 and "<rect" not in rows.body
    rng = np.random.default_rng(0)
    for method in turned["methods"]:
        method["per_photo"] = {f"p{k}": float(v) for k, v in enumerate(rng.uniform(0.1, 0.4, 60))}
    many = figures.photo_errors(turned)
    assert "<circle" not in many.body
    for colour in ("control0", "control1", "learned"):
        counts = re.findall(rf'class="bin {colour}"[^>]*><title>(\d+) photographs', many.body)
        assert sum(map(int, counts)) == 60


def test_one_photograph_and_zero_errors_can_be_drawn(result: dict[str, Any]) -> None:
    turned = result["transforms"][0]
    for method in turned["methods"]:
        method["hellinger"] = {"mean": 0.0, "low": None, "high": None}
        method["per_photo"] = {"cat": 0.0}
    assert "nan" not in figures.error_bars([turned]).body
    assert "nan" not in figures.photo_errors(turned).body
    assert "nan" not in figures.error_table([turned]).body
    assert "nan" not in figures.error_curves("scale", {"factors": [1.0], "series": {"no map": [0.0]}}).body


def test_table_marks_the_best_and_what_is_missing(result: dict[str, Any]) -> None:
    body = figures.error_table(result["transforms"]).body
    best = re.findall(r'<td class="best (\w+)"', body)
    assert sorted(best) == ["exact", "learned"]
    assert body.count('<td class="none">') == 1
    names = re.findall(r'<th scope="row">(.*?)</th>', body)
    assert names == [
        "no map", "cells moved", "permutation", "forward selection k=1", "ridge m=3", "ridge all cells",
    ]  # fmt: skip
    assert re.findall(r'<tr class="(\w+) begins">', body) == ["exact", "learned", "learned"]


def test_json_cannot_end_its_script(result: dict[str, Any]) -> None:
    figure = figures.Figure("x", "x", Markup(""), {"name": "</script><!--&"})
    assert "<" not in figure.json and json.loads(figure.json) == figure.data


@pytest.mark.parametrize("largest", [1e-7, 0.0123, 0.099, 0.1, 0.37, 0.61, 0.999, 1, 7, 1234])
def test_scale_covers_the_data_with_round_ticks(largest: float) -> None:
    top, ticks = scale(largest)
    assert largest <= top * (1 + 1e-6) and top <= 2.01 * largest
    assert 2 <= len(ticks) <= 7 and ticks[0] == 0 and ticks[-1] == top
    assert np.allclose(np.diff(ticks), ticks[1])


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "–"),
        (float("inf"), "–"),
        (0.0, "0"),
        (1234.5, "1234"),
        (0.5, "0.500"),
        (0.00951, "0.0095"),
        (-2e-5, "−2·10⁻⁵"),
        (-0.012, "−0.012"),
    ],
)
def test_numbers(value: float | None, words: str) -> None:
    assert show(value) == words


def test_percent_and_slug() -> None:
    assert percent(0.3, 0.4) == "75.000%" and percent(1.0, 1.5, 0.5) == "50.000%"
    assert len({slug(name) for name in ("shift:3,-2", "shift:-3,2", "shift:3,2", "shift:32")}) == 4
