"""Figures draw their data: lengths and places are read back out of the drawing and compared."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest

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
    # The learned series has no value at 45 degrees: two points, and no line across the gap.
    assert attributes(figure.body, "circle", "cx", "learned") == [0, 100]
    assert "curve learned" not in figure.body and figure.body.count('"curve control0"') == 2


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
    best = re.findall(r'<td class="best (\w+)">.*?</td>', body)
    assert sorted(best) == ["exact", "learned"]
    assert body.count('<td class="none">') == 1
    names = re.findall(r'<th scope="row">(.*?)</th>', body)
    assert names == ["no map", "cells moved", "permutation", "forward selection k=1", "ridge m=3"]


def test_json_cannot_end_its_script(result: dict[str, Any]) -> None:
    figure = figures.Figure("x", "x", figures.Markup(""), {"name": "</script><!--&"})
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
        (-2e-5, "-2·10⁻⁵"),
    ],
)
def test_numbers(value: float | None, words: str) -> None:
    assert show(value) == words


def test_percent_and_slug() -> None:
    assert percent(0.3, 0.4) == "75.000%" and percent(1.0, 1.5, 0.5) == "50.000%"
    assert len({slug(name) for name in ("shift:3,-2", "shift:-3,2", "shift:3,2", "shift:32")}) == 4
