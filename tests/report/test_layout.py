"""What a reader's eye would stumble over: words on words, cut labels, bars and lines that cannot be compared."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from report.browser import DESK, TELEPHONE, Browser

from equivfast import report

SIZES = pytest.mark.parametrize("size", [TELEPHONE, DESK], ids=["telephone", "desk"])
PAPER = (688, 900)  # A4 between the margins of the style sheet, in CSS pixels

# Words that reach out of the cell that holds them; the page cuts nothing off, so they would cover the next cell.
ESCAPED = """[...document.querySelectorAll("td, th")].filter(cell => {
    if (!cell.offsetParent) return false;
    const range = document.createRange(), box = cell.getBoundingClientRect();
    const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        range.selectNodeContents(texts.currentNode);
        if (range.getBoundingClientRect().right > box.right + 1) return true;
    }
    return false;
}).map(cell => cell.textContent)"""
# For every table of bars the widths of its columns but the first, in whole pixels.
COLUMNS = """[...document.querySelectorAll("table.errors")].map(table =>
    [...new Set([...table.tHead.rows[0].cells].slice(1).map(cell => Math.round(cell.offsetWidth)))])"""
# The words of drawings with their boxes, drawing by drawing.
LABELS = """[...document.querySelectorAll("figure svg, article svg")].filter(svg => !svg.ownerSVGElement).map(svg =>
    [...svg.querySelectorAll("text")].filter(text => getComputedStyle(text).display !== "none").map(text => {
        const box = text.getBoundingClientRect();
        return [text.textContent, box.left, box.top, box.right, box.bottom];
    }))"""
# For every figure with a legend of lines: stroke and dashes of each entry, and of each curve that is drawn.
LINES = """[...document.querySelectorAll("figure")].filter(f => f.querySelector(".legend svg")).map(figure => {
    const look = (line) => [getComputedStyle(line).stroke, getComputedStyle(line).strokeDasharray];
    const all = (query) => [...figure.querySelectorAll(query)].map(line => [line.getAttribute("class"), ...look(line)]);
    return [all(".legend line"), all(".curves polyline, .curves line.level, .curves line.guess")];
})"""
HEADINGS = "[...document.querySelectorAll('h1, h2, h3, h4, h5')].map(h => Number(h.tagName[1]))"
CAPTIONS = """[...document.querySelectorAll("figure")].map(figure => {
    const caption = figure.querySelector("figcaption")?.cloneNode(true);
    caption?.querySelectorAll(".json, script").forEach(e => e.remove());
    return [figure.id, caption?.textContent.trim() ?? ""];
})"""


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
    drawings = browser.evaluate(LABELS)
    assert sum(map(len, drawings)) > 20
    for labels in drawings:
        for k, (words, left, top, right, bottom) in enumerate(labels):
            assert left >= 0 and right <= size[0], f"{words!r} is cut off"
            for other, x0, y0, x1, y1 in labels[k + 1 :]:
                apart = right <= x0 or x1 <= left or bottom - 2 <= y0 or y1 - 2 <= top
                assert apart, f"{words!r} and {other!r} cover each other"


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
    levels = browser.evaluate(HEADINGS)
    assert levels[0] == 1 and levels.count(1) == 1 and len(levels) > 15
    assert [k for k, (a, b) in enumerate(pairwise(levels)) if b > a + 1] == []


def test_every_figure_has_a_caption_in_words(browser: Browser, address: str) -> None:
    browser.open(address, *DESK)
    captions = browser.evaluate(CAPTIONS)
    assert len(captions) >= 8
    assert [name for name, words in captions if len(words.split()) < 5] == []


def test_paper_is_as_wide_as_the_page(browser: Browser, tmp_path: Path, measured: dict[str, Any]) -> None:
    """What is too wide makes a browser print the whole page smaller."""
    page = report.write_equivariance_page(tmp_path / "index.html", measured)
    browser.open(page.as_uri(), *PAPER)
    browser.call("Emulation.setEmulatedMedia", media="print")
    assert browser.evaluate("document.documentElement.scrollWidth") <= PAPER[0]
    assert browser.evaluate(ESCAPED) == []
    hidden = "[...document.querySelectorAll('nav, .json, .choose')].filter(e => e.offsetParent).length"
    assert browser.evaluate(hidden) == 0
