"""The page of a pose study as a reader meets it: on a telephone, on a tablet, at a desk and on paper."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from report.browser import DESK, Browser
from report.layout import (
    ESCAPED,
    LINES,
    SIZES,
    apart,
    check_captions,
    check_headings,
    check_labels,
    check_paper,
)
from report.test_browser import check_page

from equivfast import report

# Boxes of the parts of each example, which must not cover each other.
PARTS = """[...document.querySelectorAll(".example .sides")].map(sides => [...sides.children].map(part => {
    const box = part.getBoundingClientRect();
    return [box.left, box.top, box.right, box.bottom];
}))"""
SQUARE = "[...document.images].filter(i => Math.abs(i.width - i.height) > 1 || i.width < 80).length"


@pytest.fixture
def address(tmp_path: Path, posed: dict[str, Any]) -> str:
    return report.write_pose_page(tmp_path / "index.html", posed).as_uri()


@SIZES
def test_page_is_whole_silent_and_fits(browser: Browser, address: str, size: tuple[int, int]) -> None:
    browser.open(address, *size)
    check_page(browser, address, size[0])
    assert browser.evaluate(ESCAPED) == []
    assert browser.evaluate("document.images.length") == 14 and browser.evaluate(SQUARE) == 0


@SIZES
def test_labels_and_parts_of_examples_are_apart(
    browser: Browser, address: str, size: tuple[int, int]
) -> None:
    browser.open(address, *size)
    assert check_labels(browser, size[0]) > 60
    examples = browser.evaluate(PARTS)
    assert len(examples) == 7
    for parts in examples:
        for k, box in enumerate(parts):
            assert box[0] >= 0 and box[2] <= size[0]
            assert all(apart(box, second) for second in parts[k + 1 :])


def test_a_legend_shows_the_lines_that_are_drawn(browser: Browser, address: str) -> None:
    browser.open(address, *DESK)
    figures = browser.evaluate(LINES)
    assert len(figures) == 2
    for legend, drawn in figures:
        curves = [line for line in legend if line[0].startswith("curve")]
        assert sorted(curves) == sorted(drawn) and len(curves) == 3
        # Dashes tell them apart, where colours are not printed or not seen.
        assert len({dashes for *_, dashes in curves}) == 3


def test_marks_can_be_seen(browser: Browser, address: str) -> None:
    browser.open(address, *DESK)
    for kind, count in (("truth", 8), ("found", 4), ("near", 4), ("zero", 4), ("span", 4)):
        looks = browser.evaluate(f"""[...document.querySelectorAll("line.{kind}")].map(line =>
            [getComputedStyle(line).stroke, getComputedStyle(line).strokeWidth])""")
        assert len(looks) == count
        assert all(stroke != "none" and width != "0px" for stroke, width in looks)


def test_headings_lead_down_and_figures_have_captions(browser: Browser, address: str) -> None:
    browser.open(address, *DESK)
    check_headings(browser)
    check_captions(browser, 15)


def test_paper_is_as_wide_as_the_page(browser: Browser, address: str) -> None:
    check_paper(browser, address)
