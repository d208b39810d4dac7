"""The page of a network study as a reader meets it: on a telephone, a tablet, at a desk, in the dark and on paper."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from report.browser import DESK, TELEPHONE, Browser
from report.layout import ESCAPED, LINES, SIZES, check_captions, check_headings, check_labels, check_paper
from report.test_browser import check_page

from equivfast import report

OPEN = "document.querySelectorAll('details').forEach(one => one.open = true)"
# Words and what stands behind them, as [red, green, blue].
COLOURS = """["color", "backgroundColor"].map(key =>
    getComputedStyle(document.body)[key].match(/\\d+/g).slice(0, 3).map(Number))"""
SQUARE = "[...document.images].filter(i => Math.abs(i.width - i.height) > 1 || i.width < 60).length"


@pytest.fixture
def address(tmp_path: Path, networked: dict[str, Any]) -> str:
    return report.write_network_page(tmp_path / "index.html", networked).as_uri()


@SIZES
def test_page_is_whole_silent_and_fits(browser: Browser, address: str, size: tuple[int, int]) -> None:
    browser.open(address, *size)
    browser.evaluate(OPEN)
    check_page(browser, address, size[0])
    assert browser.evaluate(ESCAPED) == []
    assert browser.evaluate("document.images.length") == 20 + 2 * (2 + 4 * 3)


@SIZES
def test_labels_are_apart(browser: Browser, address: str, size: tuple[int, int]) -> None:
    browser.open(address, *size)
    assert check_labels(browser, size[0]) > 200


@pytest.mark.parametrize("size", [TELEPHONE, DESK], ids=["telephone", "desk"])
def test_a_bare_page_fits(
    browser: Browser, tmp_path: Path, bare_network: dict[str, Any], size: tuple[int, int]
) -> None:
    address = report.write_network_page(tmp_path / "bare.html", bare_network).as_uri()
    browser.open(address, *size)
    check_page(browser, address, size[0])
    assert check_labels(browser, size[0]) > 20


@pytest.mark.parametrize("size", [TELEPHONE, DESK], ids=["telephone", "desk"])
def test_many_layers_scroll_in_their_own_boxes(
    browser: Browser, tmp_path: Path, networked: dict[str, Any], size: tuple[int, int]
) -> None:
    """The network's layers six times over, as many as a ResNet-56 has blocks."""
    layers, entries = networked["layers"], networked["entries"]
    networked["layers"] = [{**layer, "name": f"{k}.{layer['name']}"} for k in range(6) for layer in layers]
    networked["entries"] = [
        {**entry, "layer": f"{k}.{entry['layer']}"} for k in range(6) for entry in entries
    ]
    address = report.write_network_page(tmp_path / "many.html", networked).as_uri()
    browser.open(address, *size)
    check_page(browser, address, size[0])
    wide = "[...document.querySelectorAll('#residual .scroll')].filter(box => box.scrollWidth > box.clientWidth).length"
    assert browser.evaluate(wide) == 4


def test_a_legend_shows_the_lines_that_are_drawn(browser: Browser, address: str) -> None:
    browser.open(address, *DESK)
    figures = browser.evaluate(LINES)
    assert len(figures) == 4 + 4  # bars of four transformations, residuals, angles, Lie derivative, histories
    for legend, drawn in figures:
        kinds = {kind for kind, *_ in legend}
        assert {tuple(line) for line in drawn} <= {tuple(line) for line in legend}
        assert {line[0] for line in drawn if not line[0].startswith("curve")} == {
            k for k in kinds if "curve" not in k
        }
        curves = {dashes for kind, _, dashes in legend if kind.startswith("curve")}
        # Dashes tell them apart, where colours are not printed or not seen.
        assert len(curves) == len([kind for kind in kinds if kind.startswith("curve")])


def test_marks_can_be_seen(browser: Browser, address: str) -> None:
    browser.open(address, *DESK)
    for kind, least in (
        ("circle.ring", 20),
        (".spectrum .eigen", 20),
        (".spectrum .one", 20),
        ("line.interval", 30),
    ):
        looks = browser.evaluate(f"""[...document.querySelectorAll("{kind}")].map(line =>
            [getComputedStyle(line).stroke, getComputedStyle(line).strokeWidth])""")
        assert len(looks) >= least
        assert all(stroke != "none" and width != "0px" for stroke, width in looks)
    assert browser.evaluate(SQUARE) == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_the_paper(browser: Browser, address: str, scheme: str) -> None:
    browser.open(address, *DESK)
    wanted = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.call("Emulation.setEmulatedMedia", features=wanted)
    ink, paper = (sum(colour) / 3 for colour in browser.evaluate(COLOURS))
    assert (paper < 40 and ink > 200) if scheme == "dark" else (paper == 255 and ink < 60)


def test_headings_lead_down_and_figures_have_captions(browser: Browser, address: str) -> None:
    browser.open(address, *DESK)
    check_headings(browser)
    check_captions(browser, 22)


def test_paper_is_as_wide_as_the_page(browser: Browser, address: str) -> None:
    check_paper(browser, address)
