"""The page of a detection study is one file, safe against the names in it, and shows the numbers of its result."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from report.detections import EVIL, HITS
from report.markup import Page, check_names, check_numbers, check_sections, check_self_contained, numbers

from equivfast import report
from equivfast.report import figures
from equivfast.studies._object_scores import EXACT, SAME_ANGLE, SAME_PLACE, SAME_SCALE

SECTIONS = ("found", "missed", "near", "curve", "findings", "measured", "provenance")


@pytest.fixture
def html(tmp_path: Path, detected: dict[str, Any]) -> str:
    return report.write_detection_page(tmp_path / "d.html", detected).read_text(encoding="utf-8")


def written(tmp_path: Path, result: dict[str, Any]) -> Page:
    return Page(report.write_detection_page(tmp_path / "d.html", result).read_text(encoding="utf-8"))


def plain(text: str) -> str:
    return " ".join(text.split())


def test_nothing_comes_from_elsewhere_and_no_script_runs(html: str) -> None:
    check_self_contained(html)


def test_names_are_text_and_never_tags(html: str) -> None:
    check_names(html, EVIL, 10)


def test_sections_stand_in_order_and_links_lead_to_them(html: str) -> None:
    check_sections(html, SECTIONS)


def test_every_number_names_its_place_and_is_the_one_of_the_result(
    html: str, detected: dict[str, Any]
) -> None:
    check_numbers(html, detected)
    shown = [(path, words) for path, _, _, words in numbers(html)]
    # In the order of the page, so that each stands below its heading.
    expected = {
        "alone.exact": "60 %",
        "alone.errors.pixels.median": "0.177",
        "alone.errors.pixels.most": "0.981",
        "alone.errors.degrees.median": "0.23°",
        "alone.errors.degrees.most": "0.29°",
        "alone.errors.scale.median": "0.223 %",
        "alone.errors.scale.most": "0.345 %",
        "clutter.curve.average_precision": "0.739",
        "clutter.at_threshold.precision": "80 %",
        "clutter.at_threshold.recall": "66.7 %",
        f"clutter.curve.recall.{len(HITS) - 1}": "83.3 %",
        "rivals.0.curve.average_precision": "0.278",
        "rivals.0.curve.recall.4": "33.3 %",
        "rivals.1.curve.average_precision": "0",
    }
    assert shown == list(expected.items())


def test_every_ending_is_counted(html: str) -> None:
    table = html[html.index('id="endings"') : html.index('id="nearness"')]
    rows = re.findall(r"<tr[^>]*><th scope=\"row\">([^<]*)</th><td>(\d+)</td><td[^>]*>([^<]*)</td>", table)
    assert rows == [
        ("found exactly", "3", "60 %"),
        ("the best find is not exact", "1", "20 %"),
        ("nothing reported", "1", "20 %"),
    ]
    text = plain(Page(html).text)
    assert "Of the 5, 3 were found exactly; 2 of them stand here." in text
    assert "Of the 5, 2 were not found exactly; all stand here, drawn like the others." in text
    assert "Errors of the 3 objects found exactly, and of no others" in text


def test_the_page_tells_the_limits_that_the_study_judges_by(html: str) -> None:
    text = plain(Page(html).text)
    pixels, degrees, part = EXACT
    assert (
        f"exact within {pixels:g} pixels along each axis, {degrees:g}° and {100 * part:g} % of the scale"
        in text
    )
    assert (SAME_PLACE, SAME_SCALE) == (1 / 5, 1 / 4)
    right = f"a fifth of the object’s size, {SAME_ANGLE:g}° and a quarter of"
    assert text.count(f"right within {right} the scale") == 1 and f"within {right} its scale" in text


def test_every_figure_offers_the_data_it_shows(html: str, detected: dict[str, Any]) -> None:
    blocks = Page(html).blocks
    alone, clutter = detected["alone"], detected["clutter"]
    shown = (
        figures.ending_table(alone),
        figures.near_table(alone),
        figures.precision_curves(detected),
        figures.finder_table(detected),
    )
    for figure in shown:
        assert figure and blocks[f"data-{figure.id}"] == json.loads(json.dumps(figure.data))
    assert blocks["data-precision-recall"]["curves"]["PoseDetector"] == clutter["curve"]
    assert blocks["data-endings"]["rows"] == alone["rows"]
    for kind in ("found", "missed"):
        for part in ("alone", "clutter"):
            expected = [
                {"kind": kind, "words": one["words"]}
                for one in detected[part]["pictures"]
                if one["kind"] == kind
            ]
            assert blocks[f"data-{kind}-{part}"] == expected
    assert len(blocks) == len(shown) + 4 + 1
    whole = blocks["data-result"]
    assert whole["clutter"]["curve"] == clutter["curve"] and whole["rivals"] == detected["rivals"]
    assert {key for one in whole["alone"]["pictures"] for key in one} == {"kind", "words"}


def test_what_was_missed_is_drawn_like_what_was_found(html: str, detected: dict[str, Any]) -> None:
    pictures = [*detected["alone"]["pictures"], *detected["clutter"]["pictures"]]
    ordered = [one for kind in ("found", "missed") for one in pictures if one["kind"] == kind]
    assert Page(html).values("src") == [one["picture"] for one in ordered]
    assert Page(html).values("alt") == [one["words"] for one in ordered]
    places = [html.index(f'<section id="{name}">') for name in ("found", "missed", "near")]
    assert [html[a:b].count("<img") for a, b in pairwise(places)] == [3, 3]


def test_curves_and_the_default_threshold_stand_where_the_numbers_say(detected: dict[str, Any]) -> None:
    figure = figures.precision_curves(detected)
    drawn = dict(re.findall(r'<polyline class="curve (\w+)" points="([^"]*)"', figure.body))
    assert list(drawn) == ["learned2", "learned"]  # the detector's own on top; a rival without finds has none
    points = [tuple(map(float, point.split(","))) for point in drawn["learned2"].split()]
    assert points == [
        pytest.approx((100 * r, 240 * (1 - p)), abs=0.01)
        for r, p in ((0, 1), (1 / 6, 1), (1 / 6, 1 / 2), (1 / 3, 2 / 3), (1 / 3, 2 / 5))
    ]
    assert '<circle class="mark" cx="66.667%" cy="48.0"' in figure.body
    assert figure.body.count('class="near"') == 2
    assert [words for _, words in figure.legend] == [
        "PoseDetector", f"SIFT {EVIL}", "nothing at all", "at the default threshold, 0.6",
    ]  # fmt: skip
    assert len({look for look, _ in figure.legend}) == 4
