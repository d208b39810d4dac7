"""What a reader's eye would stumble over: words on words, cut labels, bars and lines that cannot be compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from report.browser import DESK, TELEPHONE, Browser
from report.layout import CAPTIONS, ESCAPED, HEADINGS, LINES, check_headings, check_labels, check_paper

from equivfast import report

SIZES = pytest.mark.parametrize("size", [TELEPHONE, DESK], ids=["telephone", "desk"])
# For every table of bars the widths of its columns but the first, in whole pixels.
COLUMNS = """[...document.querySelectorAll("table.errors")].map(table =>
    [...new Set([...table.tHead.rows[0].cells].slice(1).map(cell => Math.round(cell.offsetWidth)))])"""


@SIZES
def test_words_stay_in_their_cells_and_columns_of_bars_are_equal(
    browser: Browser, address: str, size: tuple[int, int]
) -> None:
    browser.open(address, *size)
    assert browser.evaluate(ESCAPED) == []
    widths = browser.evaluate(COLUMNS)
    assert len(widths) >= 3
    assert [w for w in widths if max(w) - min(w) > 1] == []  # a remainder of a pixel falls somewhere


@SIZES
def test_labels_of_drawings_are_whole_and_apart(
    browser: Browser, address: str, size: tuple[int, int]
) -> None:
    browser.open(address, *size)
    assert check_labels(browser, size[0]) > 20


def test_a_legend_shows_the_lines_that_are_drawn(
    browser: Browser, tmp_path: Path, result: dict[str, Any]
) -> None:
    methods = (
        "no map",
        "cells moved",
        "least squares m=3",
        "ridge m=3",
        "forward selection k=5 m=3",
        "another",
    )
    series = {method: [k / 20, k / 10] for k, method in enumerate(methods)}
    result["curves"]["rotation"] = {"degrees": [0, 45], "series": series}
    page = report.write_equivariance_page(tmp_path / "index.html", result)
    browser.open(page.as_uri(), *DESK)
    figures = browser.evaluate(LINES)
    assert len(figures) == 3 and len(figures[0][0]) == len(methods)
    for legend, drawn in figures:
        assert sorted(legend) == sorted(drawn)
        looks = [tuple(look) for _, *look in legend]
        assert len(set(looks)) == len(looks)
        curves = [dashes for kind, _, dashes in legend if kind.startswith("curve")]
        # Dashes tell them apart, where colours are not printed or not seen.
        assert len(set(curves)) == len(curves)


def test_headings_lead_down_step_by_step(browser: Browser, address: str) -> None:
    browser.open(address, *DESK)
    check_headings(browser)
    assert len(browser.evaluate(HEADINGS)) > 15


def test_every_figure_has_a_caption_in_words(browser: Browser, address: str) -> None:
    browser.open(address, *DESK)
    captions = browser.evaluate(CAPTIONS)
    assert len(captions) >= 8
    assert [name for name, words in captions if len(words.split()) < 5] == []


def test_paper_is_as_wide_as_the_page(browser: Browser, tmp_path: Path, measured: dict[str, Any]) -> None:
    page = report.write_equivariance_page(tmp_path / "index.html", measured)
    check_paper(browser, page.as_uri())
    hidden = "[...document.querySelectorAll('nav, .json, .choose')].filter(e => e.offsetParent).length"
    assert browser.evaluate(hidden) == 0
