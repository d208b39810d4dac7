"""How a page looks to a reader: what to ask a browser, and what its answers have to be on every page."""

from __future__ import annotations

from itertools import pairwise

import pytest
from report.browser import DESK, TELEPHONE, Browser, pdf_pages

TABLET = (768, 1024)
SIZES = pytest.mark.parametrize("size", [TELEPHONE, TABLET, DESK], ids=["telephone", "tablet", "desk"])
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


def check_labels(browser: Browser, width: int) -> int:
    """The labels of drawings are whole, and none covers another of its drawing; how many there are."""
    drawings = browser.evaluate(LABELS)
    for labels in drawings:
        for k, (words, *box) in enumerate(labels):
            assert box[0] >= 0 and box[2] <= width, f"{words!r} is cut off"
            for other, *second in labels[k + 1 :]:
                assert apart(box, second, 2), f"{words!r} and {other!r} cover each other"
    return sum(map(len, drawings))


def apart(a: list[float], b: list[float], slack: float = 0) -> bool:
    """Whether two boxes (left, top, right, bottom) do not cover each other, `slack` pixels of height aside."""
    beside = a[2] <= b[0] or b[2] <= a[0]
    return beside or a[3] - slack <= b[1] or b[3] - slack <= a[1]


def check_headings(browser: Browser) -> None:
    """One heading of the first rank, at the top, and none that skips a rank."""
    levels = browser.evaluate(HEADINGS)
    assert levels[0] == 1 and levels.count(1) == 1
    assert [k for k, (a, b) in enumerate(pairwise(levels)) if b > a + 1] == []


def check_captions(browser: Browser, count: int) -> None:
    """So many figures, each with a caption in words."""
    captions = browser.evaluate(CAPTIONS)
    assert len(captions) == count
    assert [name for name, words in captions if len(words.split()) < 5] == []


def check_paper(browser: Browser, address: str) -> None:
    """Printed, the page is as wide as the paper: what is too wide makes a browser print all of it smaller."""
    browser.open(address, *PAPER)
    browser.call("Emulation.setEmulatedMedia", media="print")
    assert browser.evaluate("document.documentElement.scrollWidth") <= PAPER[0]
    assert browser.evaluate(ESCAPED) == []
    assert len(pdf_pages(browser.pdf())) > 1
