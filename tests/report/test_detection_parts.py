"""The page of a detection study without some of its parts, and results that it refuses."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from report.detections import shown
from report.markup import Page, check_numbers
from report.test_detection_page import SECTIONS, plain, written

from equivfast import report


def all_found(result: dict[str, Any]) -> None:
    alone, clutter = result["alone"], result["clutter"]
    alone["exact"] = 1.0
    for row in alone["rows"]:
        row["error"] = {"dx": 0.1, "dy": 0.1, "degrees": 0.1, "scale": 0.01}
    for part in (alone, clutter):
        part["pictures"] = [one for one in part["pictures"] if one["kind"] == "found"]
    clutter["at_threshold"] = {"precision": 1.0, "recall": 1.0}


def none_found(result: dict[str, Any]) -> None:
    alone, clutter = result["alone"], result["clutter"]
    alone["exact"] = 0.0
    for row in alone["rows"]:
        row["error"] = row["score"] = None
    for part in (alone, clutter):
        part["pictures"] = [one for one in part["pictures"] if one["kind"] == "missed"]
    clutter["at_threshold"] = {"precision": None, "recall": 0.0}
    clutter["curve"] = {"recall": [], "precision": [], "threshold": [], "average_precision": 0.0}


@pytest.mark.parametrize(
    ("spoil", "gone"),
    [
        (lambda r: r.pop("rivals"), []),
        (lambda r: r.update(rivals=[]), []),
        (lambda r: r.update(findings=[]), ["findings"]),
        (lambda r: [r[part].update(pictures=[]) for part in ("alone", "clutter")], []),
        (lambda r: r["provenance"].update(skipped=[]), []),
        (lambda r: r["clutter"].update(at_threshold={"precision": None, "recall": None}), []),
        (all_found, []),
        (none_found, []),
        (lambda r: [none_found(r), r.pop("rivals")], []),
    ],
)
def test_parts_may_be_absent(tmp_path: Path, detected: dict[str, Any], spoil: Any, gone: list[str]) -> None:
    spoil(detected)
    html = report.write_detection_page(tmp_path / "d.html", detected).read_text(encoding="utf-8")
    page = Page(html)
    left = [name for name in SECTIONS if name not in gone]
    assert [name for name in page.values("id") if name in SECTIONS] == left
    assert [address[1:] for address in page.values("href") if address.startswith("#")] == left
    assert len(page.values("id")) == len(set(page.values("id")))
    check_numbers(html, detected)


def test_without_rivals_only_the_detector_is_drawn(tmp_path: Path, detected: dict[str, Any]) -> None:
    assert "SIFT" in written(tmp_path, detected).text
    detected.pop("rivals")
    page = written(tmp_path, detected)
    assert "SIFT" not in page.text and "others have scores" not in page.text
    assert list(page.blocks["data-precision-recall"]["curves"]) == ["PoseDetector"]


def test_a_study_without_failures_says_so(tmp_path: Path, detected: dict[str, Any]) -> None:
    assert "no failure to show" not in written(tmp_path, detected).text
    all_found(detected)
    text = plain(written(tmp_path, detected).text)
    assert "All 5 were found exactly: there is no failure to show." in text
    assert "every object was found and nothing else reported: there is no failure to show." in text


def test_a_study_that_shows_no_failure_does_not_claim_that_there_was_none(
    tmp_path: Path, detected: dict[str, Any]
) -> None:
    for part in ("alone", "clutter"):
        detected[part]["pictures"] = []
    text = plain(written(tmp_path, detected).text)
    assert "Of the 5, 2 were not found exactly; the study shows none of them." in text
    assert "The study shows no scene in which something is amiss." in text
    assert "no failure to show" not in text


def test_the_page_tells_how_many_failures_it_leaves_out(tmp_path: Path, detected: dict[str, Any]) -> None:
    detected["alone"]["pictures"].pop()
    text = plain(written(tmp_path, detected).text)
    assert "Of the 5, 2 were not found exactly; 1 of them stands here, drawn like the others." in text


def test_a_study_that_found_nothing_says_so_and_shows_no_errors(
    tmp_path: Path, detected: dict[str, Any]
) -> None:
    detected["alone"]["errors"] = {name: {"median": 0.0, "most": 0.0} for name in detected["alone"]["errors"]}
    none_found(detected)
    page = written(tmp_path, detected)
    text = plain(page.text)
    assert "None was found exactly." in text and "Nothing was found exactly, so there are no errors" in text
    assert "The detector found nothing in any scene" in text
    assert "nearness" not in page.values("id")
    assert not any("alone.errors" in path for path in page.values("data-path"))


def test_a_threshold_that_nothing_reaches_is_not_marked(tmp_path: Path, detected: dict[str, Any]) -> None:
    detected["clutter"]["at_threshold"] = {"precision": None, "recall": 0.0}
    page = written(tmp_path, detected)
    assert "Nothing was reported at the default threshold, which is not marked." in plain(page.text)
    assert "near" not in page.values("class") and "mark" not in page.values("class")


def test_index_shows_three_pictures_with_their_words(tmp_path: Path, detected: dict[str, Any]) -> None:
    alone, clutter = detected["alone"]["pictures"], detected["clutter"]["pictures"]
    expected = [alone[0], alone[1], clutter[0]]
    entry = report.index_entry(detected, "detection/index.html")
    page = Page(report.write_index(tmp_path / "i.html", [entry]).read_text(encoding="utf-8"))
    assert page.values("href") == ["detection/index.html"] and "three" in page.values("class")
    assert page.values("src") == [one["picture"] for one in expected]
    assert all(one["words"] in page.text for one in expected)
    detected["alone"]["pictures"] = [shown("found", k, True, f"{k}: found") for k in range(4)]
    assert report.index_entry(detected, "x")["words"] == ["0: found", "1: found", "2: found"]
    none_found(detected)
    assert report.index_entry(detected, "x")["words"] == [clutter[1]["words"]]
    detected["clutter"]["pictures"] = []
    assert report.index_entry(detected, "x")["thumbnail"] == []


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda r: r.pop("clutter"), "result must have title, .*, lacks clutter"),
        (lambda r: r.update(alone=[]), "alone must be a dict with .*, got list"),
        (lambda r: r["alone"].pop("rows"), "alone must have .*, lacks rows"),
        (lambda r: r["alone"].update(count=0), "count of alone must be at least 1, got 0"),
        (lambda r: r["alone"]["rows"].pop(), "rows of alone must be 5, got 4"),
        (lambda r: r["alone"]["rows"][0].pop("error"), "a row of alone must have .*, lacks error"),
        (lambda r: r["alone"]["errors"].pop("scale"), "errors of alone must have .*, lacks scale"),
        (lambda r: r["alone"]["errors"].update(degrees=0.2), "the error degrees of alone must be a dict .* got float"),
        (lambda r: r["alone"]["pictures"][0].pop("words"), "a picture of alone must have .*, lacks words"),
        (lambda r: r["alone"]["pictures"][0].update(kind="seen"), "must be found or missed, got 'seen'"),
        (lambda r: r["alone"]["pictures"][0].update(picture="https://example.org/x.png"), "a picture must be"),
        (lambda r: r["clutter"]["pictures"][1].update(picture='data:image/png;base64,AA" on="x'), "a picture must be"),
        (lambda r: r["clutter"]["at_threshold"].pop("recall"), "at_threshold of clutter must have .*, lacks recall"),
        (lambda r: r["clutter"]["curve"].pop("average_precision"), "curve of clutter must have .*, lacks average"),
        (lambda r: r["clutter"]["curve"]["recall"].pop(), r"must be lists of one length, got \[8, 9, 9\]"),
        (lambda r: r["clutter"]["curve"]["recall"].__setitem__(0, 1.5), "recall of the curve of clutter .* got 1.5"),
        (lambda r: r["clutter"]["curve"]["precision"].__setitem__(0, None), "precision of the curve .* got None"),
        (lambda r: r["rivals"][0].pop("name"), "a rival must have name, curve, lacks name"),
        (lambda r: r["rivals"][0]["curve"]["precision"].__setitem__(0, float("nan")), "curve of SIFT .* got nan"),
        (lambda r: r["provenance"]["settings"].pop("scales"), "settings of provenance must have .*, lacks scales"),
    ],
)  # fmt: skip
def test_refuses_a_result(tmp_path: Path, detected: dict[str, Any], spoil: Any, message: str) -> None:
    spoil(detected)
    with pytest.raises(ValueError, match=f"^write_detection_page: .*{message}"):
        report.write_detection_page(tmp_path / "d.html", detected)
    assert list(tmp_path.iterdir()) == []


def test_not_a_number_becomes_null_and_a_dash(tmp_path: Path, detected: dict[str, Any]) -> None:
    detected["alone"]["errors"]["degrees"]["median"] = float("nan")
    html = report.write_detection_page(tmp_path / "d.html", detected).read_text(encoding="utf-8")
    assert Page(html).blocks["data-result"]["alone"]["errors"]["degrees"]["median"] is None
    assert not re.search(r"\bnan\b", re.sub(r"base64,[A-Za-z0-9+/=]+", "", html), re.I)
