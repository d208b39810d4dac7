"""Layers of networks on the page of a pose study: rows, differences and lines of their own, HOG's as without them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from report.browser import DESK, Browser
from report.layout import ESCAPED, LINES, SIZES, check_labels
from report.markup import check_names, check_numbers, check_self_contained, numbers
from report.poses import EVIL, interval, row
from report.test_browser import check_page

from equivfast import report
from equivfast.report import figures

NAMES = ("resnet20 layer2", f"net {EVIL}")


@pytest.fixture
def networked(posed: dict[str, Any]) -> dict[str, Any]:
    """The made-up result with two layers beside HOG."""
    task = posed["tasks"][0]
    task["networks"] = []
    for k, name in enumerate(NAMES):
        rows = {learner: f"{name}, {learner}" for learner in ("direct", "equivariant")}
        for n, of in enumerate(rows.values()):
            task["rows"].append(row(of, 3.5 + k + n, 2.4 + k + n, 0.97 - 0.01 * n, 1.2))
            shares = task["cumulative"]["series"]["direct"]
            task["cumulative"]["series"][of] = [share * (0.99 - 0.02 * k - 0.01 * n) for share in shares]
        gap = {"mean": interval(0.6 + k, 0.9), "median": interval(0.2, 2.0)}
        more = {"channels": 32, "cells": 13, "window": 52, "pooled": 2 - k}
        task["networks"].append({"name": name, **more, "rows": rows, "gap": gap})
    return posed


def write(tmp_path: Path, result: dict[str, Any]) -> Path:
    return report.write_pose_page(tmp_path / "index.html", result)


def test_every_layer_has_its_numbers_and_is_described(tmp_path: Path, networked: dict[str, Any]) -> None:
    html = write(tmp_path, networked).read_text(encoding="utf-8")
    check_self_contained(html)
    check_names(html, EVIL, 20)
    check_numbers(html, networked)
    paths = {path for path, *_ in numbers(html)}
    for k in (3, 4, 5, 6):
        assert {f"tasks.0.rows.{k}.{m}.mean" for m in ("mean", "median", "within")} <= paths
        assert f"tasks.0.rows.{k}.grid.mean" in paths
    for k in (0, 1):
        assert {
            f"tasks.0.networks.{k}.gap.{m}.{end}" for m in ("mean", "median") for end in ("low", "high")
        } <= paths
    words = "13 × 13 cells, each the mean of 2 × 2, of 32 channels; windows of 52 pixels"
    assert f"resnet20 layer2: {words}" in html and "Layers of networks." in html


def test_the_table_goes_from_hog_to_the_layers(networked: dict[str, Any]) -> None:
    body = figures.pose_table(0, networked["tasks"][0]).body
    found = re.findall(r"tasks\.0\.(rows\.\d|networks\.\d\.gap|gap)\.mean\.mean", body)
    order = ["rows.0", "rows.1", "rows.2", "gap", "rows.3", "rows.4", "networks.0.gap", "rows.5", "rows.6"]
    assert found == [*order, "networks.1.gap"]


def test_differences_of_layers_stand_below_hog_s(networked: dict[str, Any]) -> None:
    figure = figures.gap_bars(networked["tasks"][0])
    assert figure is not None and figure.body.count('<circle class="learned"') == 4
    assert "resnet20 layer2: 0.60° (0.06° to 1.14°)" in figure.body
    assert figure.data["networks"][NAMES[0]]["mean"]["mean"] == 0.6


def test_a_layer_has_one_line_and_all_its_data(networked: dict[str, Any]) -> None:
    figure = figures.cumulative_curves(networked["tasks"][0])
    names = [words for kind, words in figure.legend if kind.startswith("curve")]
    assert names == ["no pose", "direct", "equivariant", *(f"{name}, equivariant" for name in NAMES)]
    assert len({kind for kind, _ in figure.legend}) == len(figure.legend)
    assert f"{NAMES[0]}, direct" in figure.data["series"]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda task: task["networks"][0].pop("gap"), "a network of task rotation must have"),
        (
            lambda task: task["networks"][1]["rows"].pop("direct"),
            "rows of a network of task rotation must have",
        ),
        (lambda task: task["rows"].pop(), "task rotation must have the rows of its networks, lacks net"),
    ],
)
def test_what_is_missing_is_named(
    tmp_path: Path, networked: dict[str, Any], spoil: Any, message: str
) -> None:
    spoil(networked["tasks"][0])
    with pytest.raises(ValueError, match=message):
        write(tmp_path, networked)


@SIZES
def test_the_page_is_whole_and_labels_are_apart(
    browser: Browser, tmp_path: Path, networked: dict[str, Any], size: tuple[int, int]
) -> None:
    address = write(tmp_path, networked).as_uri()
    browser.open(address, *size)
    check_page(browser, address, size[0])
    assert browser.evaluate(ESCAPED) == []
    assert check_labels(browser, size[0]) > 60


def test_lines_of_layers_differ_in_their_dashes(
    browser: Browser, tmp_path: Path, networked: dict[str, Any]
) -> None:
    browser.open(write(tmp_path, networked).as_uri(), *DESK)
    legend, drawn = browser.evaluate(LINES)[0]
    curves = [line for line in legend if line[0].startswith("curve")]
    assert sorted(curves) == sorted(drawn) and len(curves) == 5
    assert len({dashes for *_, dashes in curves}) == 5
