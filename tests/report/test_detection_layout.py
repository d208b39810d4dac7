"""The page of a detection study as a reader meets it: on a telephone, on a tablet, at a desk and on paper."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from report.browser import DESK, TELEPHONE, Browser, pdf_pages
from report.test_browser import check_page
from report.test_layout import CAPTIONS, ESCAPED, HEADINGS, LABELS, LINES, PAPER
from report.test_pose_layout import SIZES, apart

from equivfast import report

# The columns of each grid of pictures, and how wide its narrowest picture is.
GRIDS = """[...document.querySelectorAll(".finds")].map(grid => [
    getComputedStyle(grid).gridTemplateColumns.split(" ").length,
    Math.min(...[...grid.querySelectorAll("img")].map(i => i.getBoundingClientRect().width))])"""


@pytest.fixture
def address(tmp_path: Path, detected: dict[str, Any]) -> str:
    return report.write_detection_page(tmp_path / "index.html", detected).as_uri()


@SIZES
def test_page_is_whole_silent_and_fits(browser: Browser, address: str, size: tuple[int, int]) -> None:
    browser.open(address, *size)
    check_page(browser, address, size[0])
    assert browser.evaluate(ESCAPED) == []
    columns = [1, 1, 1, 1] if size == TELEPHONE else [3, 2, 3, 2]
    grids = browser.evaluate(GRIDS)
    assert [count for count, _ in grids] == columns
    assert min(width for _, width in grids) >= 200


@SIZES
def test_labels_are_apart(browser: Browser, address: str, size: tuple[int, int]) -> None:
    browser.open(address, *size)
    drawings = browser.evaluate(LABELS)
    assert sum(map(len, drawings)) == 12
    for labels in drawings:
        for k, (words, *box) in enumerate(labels):
            assert box[0] >= 0 and box[2] <= size[0], f"{words!r} is cut off"
            assert all(apart(box, second, 2) for _, *second in labels[k + 1 :])


def test_a_legend_shows_the_lines_that_are_drawn(browser: Browser, address: str) -> None:
    browser.open(address, *DESK)
    ((legend, drawn),) = browser.evaluate(LINES)
    curves = [line for line in legend if line[0].startswith("curve")]
    assert [line in curves for line in drawn] == [True, True] and len(curves) == 3
    assert len({dashes for *_, dashes in curves}) == 3


def test_headings_lead_down_and_figures_have_captions(browser: Browser, address: str) -> None:
    browser.open(address, *DESK)
    levels = browser.evaluate(HEADINGS)
    assert levels[0] == 1 and levels.count(1) == 1
    assert [k for k, (a, b) in enumerate(pairwise(levels)) if b > a + 1] == []
    captions = browser.evaluate(CAPTIONS)
    assert len(captions) == 8
    assert [name for name, words in captions if len(words.split()) < 5] == []


def test_paper_is_as_wide_as_the_page(browser: Browser, address: str) -> None:
    browser.open(address, *PAPER)
    browser.call("Emulation.setEmulatedMedia", media="print")
    assert browser.evaluate("document.documentElement.scrollWidth") <= PAPER[0]
    assert browser.evaluate(ESCAPED) == []
    assert len(pdf_pages(browser.pdf())) > 1


@SIZES
def test_index_of_all_studies_fits(
    browser: Browser,
    tmp_path: Path,
    result: dict[str, Any],
    posed: dict[str, Any],
    detected: dict[str, Any],
    size: tuple[int, int],
) -> None:
    entries = [report.index_entry(study, f"{k}.html") for k, study in enumerate((result, posed, detected))]
    index = report.write_index(tmp_path / "start.html", entries).as_uri()
    browser.open(index, *size)
    check_page(browser, index, size[0])
