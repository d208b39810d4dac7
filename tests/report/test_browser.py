"""The report as a reader meets it: in a browser, on a telephone, at a desk and on paper."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from report.browser import DESK, NAMES, TELEPHONE, Browser, BrowserError, find, pdf_pages

from equivfast import report
from equivfast.report.formats import degrees, microseconds, published, seconds, share, times

FORMATS = {
    None: report.show,
    "share": share,
    "seconds": seconds,
    "published": published,
    "degrees": degrees,
    "microseconds": microseconds,
    "times": times,
}

# Only what reaches beyond the page counts: a wide table may scroll inside its box.
OVERFLOW = "Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)"
BROKEN_IMAGES = "[...document.images].filter(i => !i.complete || !i.naturalWidth).map(i => i.alt)"
NUMBERS = """[...document.querySelectorAll("[data-path]")].map(
    e => [e.dataset.path, e.dataset.value ?? null, e.dataset.format ?? null, e.textContent.trim()])"""
HEAD = """[...document.querySelectorAll("table.settings thead th")].find(th => th.textContent.includes("Hellinger"))"""
SORTED = f"{HEAD}.ariaSort"
# The Hellinger distance of every row that can be seen.
COLUMN = f"""[...document.querySelectorAll("table.settings tbody tr")].filter(row => row.offsetParent)
    .map(row => row.cells[{HEAD}.cellIndex])
    .map(cell => Number((cell.querySelector("[data-value]") ?? cell).dataset.value))"""


def check_page(browser: Browser, address: str, width: int) -> None:
    assert browser.complaints == []
    assert [url for url in browser.requests if url != address and not url.startswith("data:")] == []
    assert browser.evaluate(BROKEN_IMAGES) == []
    assert browser.evaluate(OVERFLOW) <= width  # not innerWidth, which grows with the page on a telephone


@pytest.mark.parametrize("size", [TELEPHONE, DESK], ids=["telephone", "desk"])
def test_page_is_whole_silent_and_fits(browser: Browser, address: str, size: tuple[int, int]) -> None:
    browser.open(address, *size)
    check_page(browser, address, size[0])
    assert browser.evaluate("document.images.length") >= 10


@pytest.mark.parametrize("size", [TELEPHONE, DESK], ids=["telephone", "desk"])
def test_index_is_whole_and_leads_to_the_report(
    browser: Browser, address: str, study: dict[str, Any], tmp_path: Path, size: tuple[int, int]
) -> None:
    index = report.write_index(tmp_path / "start.html", [report.index_entry(study, "index.html")]).as_uri()
    browser.open(index, *size)
    check_page(browser, index, size[0])
    assert browser.evaluate("[...document.querySelectorAll('a.study')].map(a => a.href)") == [address]


def test_every_number_is_the_one_of_the_result(browser: Browser, address: str, study: dict[str, Any]) -> None:
    browser.open(address, *DESK)
    numbers = browser.evaluate(NUMBERS)
    wrong = [number for number in numbers if not agrees(study, *number)]
    assert wrong == []
    paths = {path for path, *_ in numbers}
    assert len(paths) >= sum(len(transform["methods"]) for transform in study["transforms"])


def test_headline_and_findings_are_those_of_the_result(
    browser: Browser, address: str, study: dict[str, Any]
) -> None:
    browser.open(address, *DESK)
    words = "[...document.querySelectorAll('{}')].map(e => e.textContent)"
    assert browser.evaluate(words.format(".card b")) == [item["value"] for item in study["headline"]]
    assert browser.evaluate(words.format(".card p")) == [item["text"] for item in study["headline"]]
    assert browser.evaluate(words.format(".findings li")) == study["findings"]


def agrees(result: dict[str, Any], path: str, value: str | None, form: str | None, text: str) -> bool:
    expected = at(result, path)
    same = value in (None, "") if expected is None else value is not None and float(value) == expected
    return same and text == FORMATS[form](expected)


def at(result: dict[str, Any], path: str) -> Any:
    found: Any = result
    for key in re.findall(r"[^.\[\]]+", path):
        found = found[int(key)] if isinstance(found, list) else found[key]
    return found


def test_the_table_of_every_setting_sorts(browser: Browser, address: str, study: dict[str, Any]) -> None:
    browser.open(address, *DESK)
    errors = sorted(m["hellinger"]["mean"] for t in study["transforms"] for m in t["methods"])
    for order, expected in (("ascending", errors), ("descending", errors[::-1])):
        browser.click(f"({HEAD}.querySelector('button') ?? {HEAD})")
        assert browser.evaluate(SORTED) == order
        assert browser.evaluate(COLUMN) == expected
    assert browser.complaints == []


def test_unlimited_and_absent_settings_sort_behind_numbers(
    browser: Browser, address: str, study: dict[str, Any]
) -> None:
    browser.open(address, *DESK)
    head = HEAD.replace("Hellinger", "m").replace(".includes(", " === (")
    learned = [m["support"] for t in study["transforms"] for m in t["methods"] if m["role"] == "learned"]
    numbers = sorted(support for support in learned if support is not None)
    everywhere = ["all"] * learned.count(None)
    absent = ["–"] * (sum(len(t["methods"]) for t in study["transforms"]) - len(learned))
    upwards = [*map(str, numbers), *everywhere]
    for expected in (upwards + absent, upwards[::-1] + absent):
        browser.click(f"{head}.querySelector('button')")
        shown = browser.evaluate(f"""[...document.querySelectorAll("table.settings tbody tr")]
            .map(row => row.cells[{head}.cellIndex].textContent)""")
        assert shown == expected


def test_the_table_of_every_setting_shows_one_transformation(
    browser: Browser, address: str, study: dict[str, Any]
) -> None:
    browser.open(address, *DESK)
    for transform in study["transforms"]:
        choose(browser, transform["label"])
        errors = [method["hellinger"]["mean"] for method in transform["methods"]]
        assert sorted(browser.evaluate(COLUMN)) == sorted(errors)
    choose(browser, browser.evaluate("document.querySelector('select').options[0].text"))
    assert len(browser.evaluate(COLUMN)) == sum(len(t["methods"]) for t in study["transforms"])
    assert browser.complaints == []


def choose(browser: Browser, words: str) -> None:
    """Takes the option with these words, as a reader does: the page hears of it by an event."""
    browser.evaluate(f"""(() => {{
        const list = document.querySelector("select");
        list.selectedIndex = [...list.options].findIndex(option => option.text === {json.dumps(words)});
        for (const kind of ["input", "change"]) list.dispatchEvent(new Event(kind, {{bubbles: true}}));
    }})()""")


def test_page_prints(browser: Browser, address: str) -> None:
    browser.open(address, *DESK)
    letters = [len(re.findall(rb"\bT[jJ]\b", page)) for page in pdf_pages(browser.pdf())]
    assert len(letters) > 1 and min(letters) > 0
    assert browser.complaints == []


# ---- the browser itself ------------------------------------------------------------------------

SPOILED = """<!DOCTYPE html><meta name="viewport" content="width=device-width"><title>spoiled</title>
<img src="nowhere.png" alt="a picture"><p style="width: 700px">wide</p>
<script>console.warn("take", 3); setTimeout(() => { throw new Error("late") })</script>"""
POLICY = """<meta http-equiv="Content-Security-Policy" content="default-src 'none'">"""


def test_a_spoiled_page_is_seen(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "spoiled.html"
    path.write_text(SPOILED)
    browser.open(path.as_uri(), *TELEPHONE)
    complaints = " | ".join(browser.complaints)
    for expected in ("console warning: take 3", "exception: Error: late", "ERR_FILE_NOT_FOUND"):
        assert expected in complaints
    assert browser.evaluate(OVERFLOW) > 700 and browser.evaluate(BROKEN_IMAGES) == ["a picture"]
    assert (tmp_path / "nowhere.png").as_uri() in browser.requests
    path.write_text(POLICY + SPOILED)
    browser.open(path.as_uri(), *DESK)
    refused = [complaint for complaint in browser.complaints if "Content Security Policy" in complaint]
    assert len(refused) == 3  # the picture, the style, the script


def test_every_page_starts_afresh(browser: Browser, tmp_path: Path) -> None:
    browser.open("data:text/html,<script>missing()</script>", *DESK)
    assert browser.complaints
    browser.open("data:text/html,<title>well</title>", *DESK)
    assert browser.complaints == [] and browser.evaluate("document.title") == "well"
    with pytest.raises(BrowserError, match="ERR_FILE_NOT_FOUND"):
        browser.open((tmp_path / "nowhere.html").as_uri(), *DESK)
    with pytest.raises(BrowserError, match="ReferenceError"):
        browser.evaluate("missing")


@pytest.mark.parametrize(
    ("script", "message"), [("exec sleep 60", "no answer in 1 s"), ("echo sorry >&2", "it said .*sorry")]
)
def test_a_browser_that_hangs_or_ends_is_an_error(tmp_path: Path, script: str, message: str) -> None:
    program = tmp_path / "browser"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    with Browser(str(program), limit=1) as spoiled:
        for expected in (message, "no answer|ended"):
            with pytest.raises(BrowserError, match=expected):
                spoiled.open("about:blank", *DESK)


def test_a_browser_asked_for_has_to_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EQUIVFAST_BROWSER", "no-such-browser")
    with pytest.raises(BrowserError, match="got 'no-such-browser'"):
        find()
    script = Path(__file__).parents[2] / "tools/browser.sh"
    assert f"for name in {' '.join(NAMES)}; do" in script.read_text()
