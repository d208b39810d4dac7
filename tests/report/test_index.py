"""The page that leads to the studies shows what each has measured, and leads nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from report.markup import Page

from equivfast import report


def test_index_leads_to_the_studies(tmp_path: Path, result: dict[str, Any]) -> None:
    entry = report.index_entry(result, "hog/index.html")
    page = Page(report.write_index(tmp_path / "index.html", [entry]).read_text(encoding="utf-8"))
    assert page.values("href") == ["hog/index.html"]
    assert page.values("src") == entry["thumbnail"] and len(entry["thumbnail"]) == 5
    assert result["title"] in page.text and "error at 45°" in page.text


def test_index_prefers_the_example_of_a_learned_map(result: dict[str, Any]) -> None:
    flipped = result["transforms"][1]
    flipped["example"]["method"] = "permutation"
    result["transforms"] = [flipped, result["transforms"][0]]
    assert report.index_entry(result, "x")["thumbnail"][4] == result["transforms"][1]["example"]["mapped"]
    for transform in result["transforms"]:
        transform["example"] = None
    assert report.index_entry(result, "x")["thumbnail"] == []


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "//example.org", "../up.html", "/etc/passwd", "a/../../b"]
)
def test_index_refuses_links_out_of_its_folder(tmp_path: Path, result: dict[str, Any], link: str) -> None:
    with pytest.raises(ValueError, match="write_index: link must be a path inside the page's folder, got"):
        report.write_index(tmp_path / "index.html", [report.index_entry(result, link)])


def test_index_shows_both_kinds_of_study(
    tmp_path: Path, posed: dict[str, Any], result: dict[str, Any]
) -> None:
    entries = [report.index_entry(result, "hog/index.html"), report.index_entry(posed, "pose/index.html")]
    page = Page(report.write_index(tmp_path / "index.html", entries).read_text(encoding="utf-8"))
    assert page.values("href") == ["hog/index.html", "pose/index.html"]
    first, second = posed["tasks"][0]["scores"][:2]
    assert page.values("src")[5:] == [first["image"], first["undone"], second["image"], second["undone"]]
    assert "predicted from x" in page.text and page.text.count("its found pose undone") == 2


def test_index_of_a_study_without_examples_has_no_picture(tmp_path: Path, posed: dict[str, Any]) -> None:
    for task in posed["tasks"]:
        task["scores"] = []
    entry = report.index_entry(posed, "x")
    assert entry["thumbnail"] == entry["words"] == []
    assert (
        Page(report.write_index(tmp_path / "i.html", [entry]).read_text(encoding="utf-8")).values("src") == []
    )


def test_index_refuses_pictures_without_words(tmp_path: Path, posed: dict[str, Any]) -> None:
    entry = report.index_entry(posed, "x") | {"words": ["one"]}
    with pytest.raises(ValueError, match="write_index: words must be one for each of 4 pictures, got 1"):
        report.write_index(tmp_path / "i.html", [entry])
