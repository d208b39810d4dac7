"""The page of a pose study is one file, safe against the names in it, and shows the numbers of its result."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from markupsafe import escape
from report.markup import Page, check_names, check_numbers, check_sections, check_self_contained, numbers
from report.poses import EVIL, SECTIONS

from equivfast import report
from equivfast.report import figures


@pytest.fixture
def html(tmp_path: Path, posed: dict[str, Any]) -> str:
    return report.write_pose_page(tmp_path / "pose.html", posed).read_text(encoding="utf-8")


def test_nothing_comes_from_elsewhere_and_no_script_runs(html: str) -> None:
    check_self_contained(html)


def test_names_are_text_and_never_tags(html: str) -> None:
    check_names(html, EVIL, 15)


def test_sections_stand_in_order_and_links_lead_to_them(html: str) -> None:
    check_sections(html, SECTIONS)


def test_every_number_names_its_place_and_is_the_one_of_the_result(html: str, posed: dict[str, Any]) -> None:
    check_numbers(html, posed)
    paths = {path for path, *_ in numbers(html)}
    for k, task in enumerate(posed["tasks"]):
        for j, row in enumerate(task["rows"]):
            for measure in ("mean", "median", "within"):
                own = f"tasks.{k}.rows.{j}"
                assert {f"{own}.{measure}.{end}" for end in ("mean", "low", "high")} <= paths
                assert (f"{own}.grid.{measure}" in paths) == (row["grid"] is not None)
        assert {
            f"tasks.{k}.gap.{m}.{end}" for m in ("mean", "median") for end in ("mean", "low", "high")
        } <= paths
        assert {f"tasks.{k}.scores.{j}.error_direct" for j in range(len(task["scores"]))} <= paths
    assert {f"timing.rows.{k}.{key}" for k in range(3) for key in ("microseconds", "ratio")} <= paths
    assert {f"tasks.0.leak.{key}" for key in posed["tasks"][0]["leak"]} <= paths


def test_each_task_has_its_own_unit(html: str) -> None:
    shown = {path: (form, words) for path, _, form, words in numbers(html)}
    assert shown["tasks.0.rows.2.mean.mean"] == ("degrees", "4.52°")
    assert shown["tasks.1.rows.2.mean.mean"] == ("", "0.064")
    assert {shown[f"tasks.0.rows.1.{m}.{end}"][0] for m in ("mean", "median") for end in ("mean", "low")} == {
        "degrees"
    }
    assert {shown[f"tasks.0.rows.1.grid.{m}"][0] for m in ("mean", "median")} == {"degrees"}
    assert {shown[f"tasks.{k}.rows.1.within.high"][0] for k in (0, 1)} == {"share"}
    assert shown["tasks.0.gap.mean.mean"] == ("degrees", "−0.41°")
    text = Page(html).text
    assert "within 15°" in text and "within 0.1 head widths" in text and "0.310 head widths off" in text


def test_every_figure_offers_the_data_it_shows(html: str, posed: dict[str, Any]) -> None:
    blocks = Page(html).blocks
    first, second = posed["tasks"]
    shown = [
        *(figures.pose_table(k, task) for k, task in enumerate(posed["tasks"])),
        *map(figures.gap_bars, posed["tasks"]),
        *map(figures.cumulative_curves, posed["tasks"]),
        figures.time_table(posed["timing"]),
        figures.leak_table(0, first),
    ]
    for figure in shown:
        assert figure and blocks[f"data-{figure.id}"] == json.loads(json.dumps(figure.data))
    examples = [f"example-{task['name']}-{k}" for task in (first, second) for k in range(len(task["scores"]))]
    kept = blocks["data-result"]["tasks"]
    for name in examples:
        example = blocks[f"data-{name}"]
        place, k = ("rotation", "affine").index(example["task"]), int(name.split("-")[-1])
        own = {
            key: v for key, v in posed["tasks"][place]["scores"][k].items() if key not in ("image", "undone")
        }
        assert own.items() <= example.items() and kept[place]["scores"][k] == own
    assert len(blocks) == len(shown) + len(examples) + 1
    assert blocks["data-result"]["provenance"] == posed["provenance"]


def test_failures_are_drawn_like_the_others(html: str, posed: dict[str, Any]) -> None:
    page = Page(html)
    examples = [example for task in posed["tasks"] for example in task["scores"]]
    ordered = [e for kind in ("typical", "failure") for e in examples if e["kind"] == kind]
    assert page.values("src") == [e[key] for e in ordered for key in ("image", "undone")]
    boxes = re.findall(r'<figure class="example".*?</figure>', html, re.S)
    assert len(boxes) == len(ordered)
    for box, example in zip(boxes, ordered, strict=True):
        drawn = int(example["curve"] is not None)
        for mark in ('<line class="found"', 'class="curve learned" points', 'class="curve learned2" points'):
            assert box.count(mark) == drawn
        for words in (example["truth"], example["direct"], example["equivariant"]):
            assert f"<td>{escape(words)}" in box
    places = [html.index(f'<section id="{name}">') for name in ("examples", "failures", "time")]
    for start, end, kind in zip(places[:2], places[1:], ("typical", "failure"), strict=True):
        assert html[start:end].count('class="example"') == [e["kind"] for e in examples].count(kind)
