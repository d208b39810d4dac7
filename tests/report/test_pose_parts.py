"""The page of a pose study without some of its parts, and results that it refuses."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from report.markup import Page
from report.poses import SECTIONS

from equivfast import report


def written(tmp_path: Path, result: dict[str, Any]) -> Page:
    return Page(report.write_pose_page(tmp_path / "p.html", result).read_text(encoding="utf-8"))


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
