"""A page as a parser sees it: elements, words, and the data that it offers."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any


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
