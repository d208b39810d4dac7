"""A page as a parser sees it: elements, words, numbers, and the data that it offers."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

from equivfast.report.figures.cells import FORMATS


class Page(HTMLParser):
    """Elements with their attributes, visible text, JSON blocks; an unclosed or misplaced tag fails."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.text = self.script = ""
        self.blocks: dict[str, Any] = {}
        self.block: str | None = None
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.tags.append((tag, attributes))
        if tag == "script" and attributes.get("type") == "application/json":
            self.block = attributes["id"]
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        self.block = None

    def handle_data(self, data: str) -> None:
        if self.block is not None:
            self.blocks[self.block] = json.loads(data)
        elif "script" in self.open:
            self.script += data
        elif "style" not in self.open:
            self.text += data

    def values(self, attribute: str) -> list[str]:
        return [attributes[attribute] for _, attributes in self.tags if attribute in attributes]


def numbers(html: str) -> list[tuple[str, str, str, str]]:
    """(path, value, format, words) of every number that names its place."""
    found = re.findall(
        r'<(?:td|span)[^>]*? data-path="([^"]*)" data-value="([^"]*)"(?: data-format="([^"]*)")?>([^<]*)<',
        html,
    )
    assert len(found) == html.count("data-path=")
    return found


def check_numbers(html: str, result: dict[str, Any]) -> None:
    """Every number is the one that stands in the result at the place it names."""
    for path, value, form, words in numbers(html):
        found: Any = result
        for key in path.split("."):
            found = found[int(key)] if isinstance(found, list) else found[key]
        assert value == ("" if found is None else repr(found)), path
        assert words == FORMATS[form](found), path


def check_self_contained(html: str) -> None:
    """Nothing comes from elsewhere, and no script runs."""
    page = Page(html)
    for address in page.values("href") + page.values("src"):
        assert address.startswith(("data:image/png;base64,", "data:application/json;base64,", "#"))
    assert {a.get("type") for tag, a in page.tags if tag == "script"} == {"application/json"}
    assert not {"link", "iframe", "object", "embed", "form", "base"} & {tag for tag, _ in page.tags}
    assert not [name for _, a in page.tags for name in a if name.startswith("on")]
    assert "http:" not in re.sub(r"base64,[A-Za-z0-9+/=]+", "", html)
    policy = next(a["content"] for tag, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def check_sections(html: str, names: tuple[str, ...]) -> None:
    """Sections of these names stand in order, every name once, and links lead to each."""
    page = Page(html)
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert [name for name in ids if name in names] == list(names)
    assert [address[1:] for address in page.values("href") if address.startswith("#")] == list(names)


def check_names(html: str, evil: str, least: int) -> None:
    """Names that try to be tags are text, at least so often."""
    assert "<script>alert" not in html and "<b>bold" not in html
    assert Page(html).text.count(evil) >= least
