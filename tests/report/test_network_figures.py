"""The figures of a network study draw their data: places are read back out of the drawing and compared."""

from __future__ import annotations

import re
from typing import Any

import pytest
from report.network_entries import LAYERS, ORIGINAL, TRANSFORMS

from equivfast.report.figures import (
    network_accuracy,
    network_budget,
    network_curves,
    network_heat,
    network_repairs,
    network_spectra,
)
from equivfast.report.figures.network_marks import LayerAxis

COMPLETE = [layer[0] for layer in LAYERS if layer[4]]


def entry_of(result: dict[str, Any], layer: str, transform: str) -> dict[str, Any]:
    return next(e for e in result["entries"] if (e["layer"], e["transform"]) == (layer, transform))


def panels(body: str) -> list[str]:
    return body.split('<div class="panel">')[1:]


def test_bars_are_as_high_as_the_error_and_levels_stand_where_they_should(networked: dict[str, Any]) -> None:
    charts = network_repairs.error_charts(networked)
    assert [chart.id for chart in charts] == [
        "repair-hflip",
        "repair-vflip",
        "repair-rot-90",
        "repair-scale-0-707",
    ]
    first, second = panels(charts[1].body)  # top-1 and top-5 of the vertical flip
    top = 80.0  # the end of the axis: without a map 64.8 % are wrong
    found = re.findall(
        r'<rect class="(\w+) stick" x="[\d.]+%" y="([\d.]+)" width="[\d.]+%" height="([\d.]+)">', first
    )
    wanted = []
    for layer in COMPLETE:
        trained = entry_of(networked, layer, "vflip")["trained"]
        wanted += [("learned", trained["before"]["mean"]), ("learned2", trained["after"]["mean"])]
    assert [look for look, *_ in found] == [look for look, _ in wanted]
    for (_, y, height), (_, accuracy) in zip(found, wanted, strict=True):
        assert float(height) == pytest.approx(220 * 100 * (1 - accuracy) / top, abs=0.02)
        assert float(y) + float(height) == pytest.approx(220)
    for kind, accuracy in (("level", ORIGINAL), ("guess", 0.352)):
        (y,) = re.findall(rf'<line class="{kind}" x1="0" y1="([\d.]+)" x2="100%"', first)
        assert float(y) == pytest.approx(220 * (1 - 100 * (1 - accuracy) / top), abs=0.01)
    assert "top-1 error, %" in first and "top-5 error, %" in second
    assert "after training" not in charts[0].body  # nothing was trained for the horizontal flip


def test_the_table_takes_trained_maps_else_the_best_by_residual(networked: dict[str, Any]) -> None:
    figure = network_accuracy.accuracy_table(networked)
    found = {(row["layer"], row["transform"]): row["mean"] for row in figure.data["recovered"]}
    assert set(found) == {(layer, t[0]) for layer in COMPLETE for t in TRANSFORMS}
    assert found["layer2", "vflip"] == entry_of(networked, "layer2", "vflip")["trained"]["after"]["mean"]
    best = entry_of(networked, "layer2", "scale:0.707")
    best["methods"][2]["top1"]["mean"] = 0.99  # better on test images, but not the smallest residual
    figure = network_accuracy.accuracy_table(networked)
    found = {(row["layer"], row["transform"]): row["mean"] for row in figure.data["recovered"]}
    assert found["layer2", "scale:0.707"] == best["methods"][3]["top1"]["mean"]


def test_residuals_stand_on_one_scale_with_the_best_ringed(networked: dict[str, Any]) -> None:
    figure = network_curves.residual_curves(networked)
    assert figure is not None
    first, *_ = shown = panels(figure.body)
    assert len(shown) == len(TRANSFORMS)
    (points,) = re.findall(r'<polyline class="curve learned4" points="([^"]*)"', first)  # 3x3
    places = [tuple(map(float, point.split(","))) for point in points.split()]
    assert [x for x, _ in places] == [10, 30, 50, 70, 90]
    residuals = [entry_of(networked, layer[0], "hflip")["methods"][3]["residual"]["mean"] for layer in LAYERS]
    top = 1.2
    assert [y for _, y in places] == [pytest.approx(180 * (1 - value / top), abs=0.01) for value in residuals]
    rings = [float(y) for y in re.findall(r'<circle class="ring" cx="[\d.]+%" cy="([\d.]+)"', first)]
    assert rings == [y for _, y in places]
    # Trained maps have a gap at the layer that has none.
    trained = re.findall(r'<polyline class="curve learned2" points="([^"]*)"', shown[1])
    assert [len(line.split()) for line in trained] == [2, 2]


def test_many_layers_share_out_the_lines_of_angles(networked: dict[str, Any]) -> None:
    series = {f"layer{k}": [0.9, 0.8 - k / 50] for k in range(19)}
    networked["angles"] = {"degrees": [0, 90], "none": [0.9, 0.3], "series": series, "original": 0.91}
    figure = network_curves.angle_curves(networked)
    assert figure is not None
    charts = panels(figure.body)
    looks = [re.findall(r'<polyline class="curve (step\d)"', chart) for chart in charts]
    assert [len(found) for found in looks] == [6, 7, 6] and all(
        len(set(found)) == len(found) for found in looks
    )
    assert all("curve control1" in chart and 'class="level"' in chart for chart in charts)
    (points,) = re.findall(r'<polyline class="curve step0" points="([^"]*)"', charts[0])
    assert points == "0,24 100,48"


def test_warmth_is_the_share_of_invariant_channels(networked: dict[str, Any]) -> None:
    figure = network_heat.invariant_table(networked)
    assert figure is not None
    found = re.findall(r'--warmth:([\d.]+)" title="[^"]*">(\d+) <small>(\d+) %</small>', figure.body)
    wanted = [entry_of(networked, layer, t[0])["invariant"] for layer in COMPLETE for t in TRANSFORMS]
    assert [int(count) for _, count, _ in found] == [one["count"] for one in wanted]
    for (warmth, _, cent), one in zip(found, wanted, strict=True):
        part = one["count"] / one["channels"]
        assert float(warmth) == pytest.approx(part, abs=1e-3) and int(cent) == round(100 * part)
    figure = network_heat.variance_table(networked)
    assert (
        figure is not None and figure.body.count("--warmth:0.950") == 8
    )  # a ratio of 0.05 is nearly invariant


def test_eigenvalues_stand_in_the_plane(networked: dict[str, Any]) -> None:
    networked["entries"] = networked["entries"][:1]
    networked["entries"][0]["spectrum"] = [[1.0, 0.0], [0.0, 0.5], [0.0, -0.5], [3.0, 4.0]]
    figure = network_spectra.spectra(networked)
    assert figure is not None and figure.body.count('class="spectrum"') == 1
    assert 'class="eigen" d="M1.000 0.000h0M0.000 -0.500h0M0.000 0.500h0"' in figure.body.replace(
        "-0.000", "0.000"
    )
    (far,) = re.findall(r'class="eigen far" d="M([\d.-]+) ([\d.-]+)h0"', figure.body)
    x, y = map(float, far)
    assert y / x == pytest.approx(-4 / 3, abs=1e-2) and 1 < (x * x + y * y) ** 0.5 < network_spectra.EDGE
    assert "4 eigenvalues, the largest 5.000" in figure.body


def test_parts_of_a_budget_follow_each_other(networked: dict[str, Any]) -> None:
    figure = network_budget.budget_bars(networked)
    assert figure is not None
    first = panels(figure.body)[0].split('<div class="row">')[2]  # of layer1
    bars = re.findall(r'<rect class="(\w+) stick" x="([\d.]+)%" y="4" width="([\d.]+)%"', first)
    assert [look for look, *_ in bars] == ["control1", "learned3", "learned4", "learned"]
    budget, end = entry_of(networked, "layer1", "hflip")["budget"], 0.0
    for (_, x, width), key in zip(bars, ("border", "interpolation", "phase", "real"), strict=True):
        assert float(x) == pytest.approx(end, abs=2e-3)
        assert float(width) == pytest.approx(100 * budget[key]["mean"] / 1.2, abs=2e-3)
        end += float(width)
    assert end == pytest.approx(100 * budget["total"]["mean"] / 1.2, abs=1e-2)


def test_a_history_marks_the_epoch_that_is_kept(networked: dict[str, Any]) -> None:
    entry = entry_of(networked, "conv1", "vflip")
    entry["trained"] |= {
        "best_epoch": 1,
        "epochs": 2,
        "history": {"epoch": [0, 1, 2], "held_out": [3.0, 1.0, 2.0]},
    }
    networked["entries"] = [entry]
    figure = network_budget.histories(networked)
    assert figure is not None
    assert re.findall(r'<polyline class="curve learned2" points="([^"]*)"', figure.body) == [
        "0,4 50,56 100,30"
    ]
    assert re.findall(r'<circle class="mark" cx="([\d.]+)%" cy="([\d.]+)"', figure.body) == [
        ("50.000", "56.0")
    ]


@pytest.mark.parametrize(
    ("names", "lying"),
    [
        ([f"conv{k}" for k in range(5)], True),
        ([f"layer{k}.0.conv1" for k in range(19)], False),
        (["a"], True),
    ],
)
def test_labels_of_layers_stand_where_they_cannot_lie(names: list[str], lying: bool) -> None:
    body = LayerAxis(tuple(names)).chart(100, [])
    assert body.count('<svg class="stand"') == (0 if lying else len(names))
    assert all(name in body for name in names)
    assert f"--least:{15 * len(names)}px" in body


def test_long_names_of_layers_keep_their_end() -> None:
    (label,) = LayerAxis(("features.denseblock3.denselayer12.conv2",)).labels
    assert len(label) == 20 and label.startswith("…") and label.endswith("denselayer12.conv2")
