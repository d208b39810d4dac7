"""The figures of a pose study draw their data: places are read back out of the drawing and compared."""

from __future__ import annotations

import re
from typing import Any

import pytest

from equivfast.report import figures
from equivfast.report.formats import degrees, microseconds, times


def upright(body: str, kind: str) -> list[float]:
    """Where upright lines of a kind stand, in per cent."""
    pairs = re.findall(rf'<line class="{kind}" x1="([\d.]+)%" y1="[\d.]+" x2="([\d.]+)%"', body)
    assert all(left == right for left, right in pairs)
    return [float(left) for left, _ in pairs]


def points(body: str, kind: str) -> list[tuple[float, float]]:
    (found,) = re.findall(rf'<polyline class="curve {kind}" points="([^"]*)"', body)
    return [tuple(map(float, point.split(","))) for point in found.split()]


def test_cumulative_curves_stand_on_a_square_root_axis() -> None:
    series = {"direct": [0.0, 0.5, 0.75, 1.0], "equivariant": [0.1, 0.5, 0.8, 0.9]}
    task = {
        "name": "t", "label": "turned", "unit": "degrees", "near": 15.0,
        "cumulative": {"limits": [0, 15, 45, 180], "series": series},
    }  # fmt: skip
    figure = figures.cumulative_curves(task)
    xs = [0, 100 * (15 / 180) ** 0.5, 50, 100]
    for kind, name in (("learned2", "direct"), ("learned", "equivariant")):
        expected = [
            pytest.approx((x, 240 * (1 - y)), abs=0.01) for x, y in zip(xs, series[name], strict=True)
        ]
        assert points(figure.body, kind) == expected
    assert upright(figure.body, "near") == [pytest.approx(xs[1], abs=1e-3)]
    assert figure.legend[-1] == ("near", "within 15°") and figure.data["series"] == series
    words = re.findall(r'text-anchor="middle">([\d.]+°)<', figure.body)
    assert words == ["0°", "5°", "15°", "30°", "60°", "90°", "120°", "180°"]
    task["cumulative"] = {"limits": [0, 5], "series": {"direct": [0, 1]}}
    assert figures.cumulative_curves(task).legend == (("curve learned2", "direct"),)  # 15 is beyond the axis


def test_scores_are_drawn_over_a_full_turn_with_truth_and_answer() -> None:
    curve = {
        "degrees": [0, 90, 180, 270], "direct": [1.0, 3.0, 2.0, 1.0], "equivariant": [-2.0, -2.0, 0.0, -1.0],
        "truth": 350.0, "found": 365.0,
    }  # fmt: skip
    body = figures.score_curves(curve)
    assert points(body, "learned2") == [(0, 150), (25, 0), (50, 75), (75, 150), (100, 150)]
    assert points(body, "learned") == [(0, 150), (25, 150), (50, 0), (75, 75), (100, 150)]
    assert upright(body, "truth") == [pytest.approx(100 * 350 / 360, abs=1e-3)]
    assert upright(body, "found") == [pytest.approx(100 * 5 / 360, abs=1e-3)]


def test_scores_from_minus_a_half_turn_and_level_scores() -> None:
    curve = {
        "degrees": [-180, -60, 60], "direct": [1.0, 1.0, 1.0], "equivariant": [0.0, 1.0, 2.0],
        "truth": 200.0, "found": -170.0,
    }  # fmt: skip
    body = figures.score_curves(curve)
    assert [y for _, y in points(body, "learned2")] == [75] * 4
    assert upright(body, "truth") == [pytest.approx(100 * 20 / 360, abs=1e-3)]
    assert upright(body, "found") == [pytest.approx(100 * 10 / 360, abs=1e-3)]
    assert re.findall(r'text-anchor="middle">(-?\d+°)<', body) == [f"{v}°" for v in range(-180, 181, 60)]


def test_the_gap_stands_on_both_sides_of_zero(posed: dict[str, Any]) -> None:
    task = posed["tasks"][0]
    task["gap"] = {
        "mean": {"mean": -0.5, "low": -1.5, "high": 0.25},
        "median": {"mean": 0.5, "low": 0.0, "high": 1.0},
    }
    figure = figures.gap_bars(task)
    assert figure is not None and upright(figure.body, "zero") == [50, 50]
    spans = re.findall(r'<line class="span" x1="([\d.]+)%" y1="[\d.]+" x2="([\d.]+)%"', figure.body)

    def at(value: float) -> float:
        return 50 + 100 * value / 3

    assert [tuple(map(float, span)) for span in spans] == [
        pytest.approx((at(-1.5), at(0.25)), abs=1e-3), pytest.approx((at(0), at(1)), abs=1e-3),
    ]  # fmt: skip
    dots = re.findall(r'<circle class="learned" cx="([\d.]+)%"', figure.body)
    assert [float(x) for x in dots] == [pytest.approx(at(-0.5), abs=1e-3), pytest.approx(at(0.5), abs=1e-3)]
    assert "mean: −0.50° (−1.50° to 0.25°)" in figure.body
    task["gap"] = None
    assert figures.gap_bars(task) is None


def test_a_gap_of_nothing_is_drawn(posed: dict[str, Any]) -> None:
    none = {"mean": 0.0, "low": 0.0, "high": 0.0}
    figure = figures.gap_bars(posed["tasks"][1] | {"gap": {"mean": none, "median": none}})
    assert figure is not None and figure.body.count('cx="50.000%"') == 2


def test_bars_of_time_are_as_long_as_their_times(posed: dict[str, Any]) -> None:
    figure = figures.time_table(posed["timing"])
    widths = [float(width) for width in re.findall(r'class="bar" style="width:([\d.]+)%"', figure.body)]
    spent = [row["microseconds"] for row in posed["timing"]["rows"]]
    assert widths == [pytest.approx(100 * value / max(spent), abs=1e-3) for value in spent]


def test_chance_within_a_quarter_turn_is_four_times_chance(posed: dict[str, Any]) -> None:
    figure = figures.leak_table(0, posed["tasks"][0])
    assert figure is not None and "<td>33.3 %</td>" in figure.body


@pytest.mark.parametrize(
    ("form", "value", "words"),
    [
        (degrees, 9.996, "10.0°"), (degrees, 99.97, "100°"), (degrees, 0.004, "0.00°"), (degrees, -12.34, "−12.3°"),
        (microseconds, 99.96, "100 µs"), (microseconds, 9.999, "10.0 µs"), (microseconds, 0.0, "0.000 µs"),
        (microseconds, 0.99999, "1.00 µs"),
        (times, 99.99, "100×"), (times, None, "–"), (times, 0.512, "0.512×"),
    ],
)  # fmt: skip
def test_numbers_keep_three_digits(form: Any, value: float | None, words: str) -> None:
    assert form(value) == words
