"""The page of a detection study as a reader meets it: on a telephone, on a tablet, at a desk and on paper."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from report.browser import DESK, TELEPHONE, Browser
from report.layout import ESCAPED, LINES, SIZES, check_captions, check_headings, check_labels, check_paper
from report.test_browser import check_page

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
    assert check_labels(browser, size[0]) == 12


def test_a_legend_shows_the_lines_that_are_drawn(browser: Browser, address: str) -> None:
    browser.open(address, *DESK)
    ((legend, drawn),) = browser.evaluate(LINES)
    curves = [line for line in legend if line[0].startswith("curve")]
    assert [line in curves for line in drawn] == [True, True] and len(curves) == 3
    assert len({dashes for *_, dashes in curves}) == 3


def test_headings_lead_down_and_figures_have_captions(browser: Browser, address: str) -> None:
    browser.open(address, *DESK)
    check_headings(browser)
    check_captions(browser, 8)


def test_paper_is_as_wide_as_the_page(browser: Browser, address: str) -> None:
    check_paper(browser, address)


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
