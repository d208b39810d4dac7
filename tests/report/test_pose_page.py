"""The page of a pose study is one file, safe against the names in it, and shows the numbers of its result."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from markupsafe import escape
from report.markup import Page
from report.poses import EVIL

from equivfast import report
from equivfast.report import figures
from equivfast.report.figures.cells import FORMATS

SECTIONS = ("error", "curves", "examples", "failures", "time", "leak", "findings", "measured", "provenance")


@pytest.fixture
def html(tmp_path: Path, posed: dict[str, Any]) -> str:
    return report.write_pose_page(tmp_path / "pose.html", posed).read_text(encoding="utf-8")


def written(tmp_path: Path, result: dict[str, Any]) -> Page:
    return Page(report.write_pose_page(tmp_path / "p.html", result).read_text(encoding="utf-8"))


def numbers(html: str) -> list[tuple[str, str, str, str]]:
    """(path, value, format, words) of every number that names its place."""
    found = re.findall(
        r'<(?:td|span)[^>]*? data-path="([^"]*)" data-value="([^"]*)"(?: data-format="([^"]*)")?>([^<]*)<',
        html,
    )
    assert len(found) == html.count("data-path=")
    return found


def test_nothing_comes_from_elsewhere_and_no_script_runs(html: str) -> None:
    page = Page(html)
    for address in page.values("href") + page.values("src"):
        assert address.startswith(("data:image/png;base64,", "data:application/json;base64,", "#"))
    assert {a.get("type") for tag, a in page.tags if tag == "script"} == {"application/json"}
    assert not {"link", "iframe", "object", "embed", "form", "base"} & {tag for tag, _ in page.tags}
    assert not [name for _, a in page.tags for name in a if name.startswith("on")]
    assert "http:" not in re.sub(r"base64,[A-Za-z0-9+/=]+", "", html)
    policy = next(a["content"] for tag, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def test_names_are_text_and_never_tags(html: str) -> None:
    assert "<script>alert" not in html and "<b>bold" not in html
    assert Page(html).text.count(EVIL) >= 15


def test_sections_stand_in_order_and_links_lead_to_them(html: str) -> None:
    page = Page(html)
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert [name for name in ids if name in SECTIONS] == list(SECTIONS)
    assert [address[1:] for address in page.values("href") if address.startswith("#")] == list(SECTIONS)


def test_every_number_names_its_place_and_is_the_one_of_the_result(html: str, posed: dict[str, Any]) -> None:
    shown = numbers(html)
    for path, value, form, words in shown:
        found: Any = posed
        for key in path.split("."):
            found = found[int(key)] if isinstance(found, list) else found[key]
        assert value == ("" if found is None else repr(found)), path
        assert words == FORMATS[form](found), path
    paths = {path for path, *_ in shown}
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


@pytest.mark.parametrize(
    ("spoil", "gone"),
    [
        (lambda r: r["tasks"][0].update(leak=None), ["leak"]),
        (lambda r: [task.update(scores=[]) for task in r["tasks"]], ["examples", "failures"]),
        (lambda r: r.update(timing=None), ["time"]),
        (lambda r: r.update(findings=[]), ["findings"]),
        (lambda r: r["tasks"].pop(), []),
        (lambda r: r["tasks"].pop(0), ["leak"]),
        (lambda r: r["timing"]["rows"].pop(), []),
        (lambda r: r["tasks"][0].update(gap=None), []),
        (lambda r: r["tasks"][0]["rows"][2].update(grid=None), []),
        (lambda r: r["tasks"][0]["rows"].pop(), []),
        (lambda r: r.pop("interval"), []),
        (lambda r: r["provenance"].update(skipped=[]), []),
    ],
)
def test_parts_may_be_absent(tmp_path: Path, posed: dict[str, Any], spoil: Any, gone: list[str]) -> None:
    spoil(posed)
    page = written(tmp_path, posed)
    left = [name for name in SECTIONS if name not in gone]
    assert [name for name in page.values("id") if name in SECTIONS] == left
    assert [address[1:] for address in page.values("href") if address.startswith("#")] == left
    assert len(page.values("id")) == len(set(page.values("id")))


def test_without_opencv_its_row_is_absent(tmp_path: Path, posed: dict[str, Any]) -> None:
    assert "OpenCV" in written(tmp_path, posed).text
    posed["timing"]["rows"].pop()
    assert "OpenCV" not in written(tmp_path, posed).text


def test_a_study_without_failures_says_so(tmp_path: Path, posed: dict[str, Any]) -> None:
    for task in posed["tasks"]:
        task["scores"] = [example for example in task["scores"] if example["kind"] == "typical"]
    assert "The study lists none." in written(tmp_path, posed).text


def test_not_a_number_becomes_null_and_a_dash(tmp_path: Path, posed: dict[str, Any]) -> None:
    posed["tasks"][0]["leak"]["mean"] = float("nan")
    html = report.write_pose_page(tmp_path / "p.html", posed).read_text(encoding="utf-8")
    assert Page(html).blocks["data-result"]["tasks"][0]["leak"]["mean"] is None
    assert not re.search(r"\bnan\b", re.sub(r"base64,[A-Za-z0-9+/=]+", "", html), re.I)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda r: r.pop("heads"), "result must have title, .*, lacks heads"),
        (lambda r: r.update(tasks=[]), "result must have at least one task, got none"),
        (lambda r: r["tasks"][1].pop("cumulative"), "task 1 must have .*, lacks cumulative"),
        (lambda r: r["tasks"].append("rotation"), "task 2 must be a dict with .*, got str"),
        (lambda r: r["tasks"][0]["rows"][1].pop("grid"), "a row of task rotation must have .*, lacks grid"),
        (lambda r: r["tasks"][0]["rows"][1].update(mean=4.9), "mean of task rotation must be a dict .* got float"),
        (lambda r: r["tasks"][0]["cumulative"]["limits"].pop(), r"lists of one length, at least 1, got \[180, 181, "),
        (lambda r: r["tasks"][0]["cumulative"].update(limits=[], series={}), r"at least 1, got \[0\]"),
        (lambda r: r["tasks"][0]["scores"][0].pop("truth"), "an example of task rotation must have .*, lacks truth"),
        (lambda r: r["tasks"][0]["scores"][0]["curve"].pop("found"), "a curve of task rotation .*, lacks found"),
        (lambda r: r["tasks"][0]["scores"][0]["curve"]["direct"].pop(), r"a curve .* got \[36, 35, 36\]"),
        (lambda r: r["tasks"][0]["scores"][2].update(undone="https://example.org/x.png"), "a picture must be"),
        (lambda r: r["tasks"][1]["scores"][0].update(image='data:image/png;base64,AA" on="x'), "a picture must be"),
        (lambda r: r["tasks"][1]["scores"][0].update(image="data:image/jpeg;base64,AAAA"), "a picture must be"),
        (lambda r: r["timing"].pop("rows"), "timing must have poses, images, rows, lacks rows"),
        (lambda r: r["timing"]["rows"][0].pop("ratio"), "a row of timing must have .*, lacks ratio"),
    ],
)  # fmt: skip
def test_refuses_a_result(tmp_path: Path, posed: dict[str, Any], spoil: Any, message: str) -> None:
    spoil(posed)
    with pytest.raises(ValueError, match=f"^write_pose_page: .*{message}"):
        report.write_pose_page(tmp_path / "p.html", posed)
    assert list(tmp_path.iterdir()) == []
