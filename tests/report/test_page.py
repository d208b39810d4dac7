"""The page is one file, safe against the names in it, and offers the data of every figure."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from report.markup import Page

from equivfast import report
from equivfast.report import figures

EVIL = '<script>alert("x")</script> & <b>bold</b>'  # the name that the made-up result is full of


@pytest.fixture
def html(tmp_path: Path, result: dict[str, Any]) -> str:
    return report.write_equivariance_page(tmp_path / "index.html", result).read_text(encoding="utf-8")


def test_every_figure_offers_the_data_it_shows(html: str, result: dict[str, Any]) -> None:
    page = Page(html)
    transforms = result["transforms"]
    shown = [
        figures.error_bars(transforms),
        figures.error_curves("rotation", result["curves"]["rotation"]),
        figures.error_table(transforms),
        figures.settings_table(transforms),
        figures.size_table(0, result["sizes"][0]),
        figures.composition_table(result["composition"]),
        figures.learning_table(result["learning"]),
        figures.shared_table(result["shared"], transforms),
        *figures.accuracy_curves(result["task"]),
        *map(figures.photo_errors, transforms),
    ]
    for figure in shown:
        assert page.blocks[f"data-{figure.id}"] == figure.data
    assert page.blocks["data-glyphs-rot-45"]["photo"] == EVIL
    assert page.blocks["data-glyphs-rot-45"]["errors"] == [transforms[0]["methods"][3]]
    assert page.blocks["data-result"]["provenance"] == result["provenance"]
    assert page.blocks["data-result"]["transforms"][0]["methods"] == transforms[0]["methods"]
    assert page.blocks["data-pattern-0"] == {k: v for k, v in result["pattern"][0].items() if k != "picture"}
    assert page.blocks["data-result"]["pattern"] == [page.blocks["data-pattern-0"]]
    assert len(page.blocks) == len(shown) + 2 + 1 + 1


def test_download_of_each_figure_is_the_same_data(html: str) -> None:
    page = Page(html)
    links = {a["download"]: a["href"] for tag, a in page.tags if tag == "a" and "download" in a}
    assert len(links) == len(page.blocks)
    for name, href in links.items():
        kind, content = href.split(",", 1)
        assert kind == "data:application/json;base64"
        assert json.loads(base64.b64decode(content)) == page.blocks[f"data-{name.removesuffix('.json')}"]


def test_nothing_comes_from_elsewhere_and_one_script_runs(html: str) -> None:
    page = Page(html)
    for address in page.values("href") + page.values("src"):
        assert address.startswith(("data:image/png;base64,", "data:application/json;base64,", "#"))
    scripts = [a for tag, a in page.tags if tag == "script" and a.get("type") != "application/json"]
    assert scripts == [{"id": "sort"}] and page.script.count("addEventListener") == 2
    assert not [a for tag, a in page.tags if tag == "script" and "src" in a]
    for word in ("import", "fetch", "XMLHttpRequest", "innerHTML", "eval", "http"):
        assert word not in page.script
    assert not {"link", "iframe", "object", "embed", "form", "base"} & {tag for tag, _ in page.tags}
    assert not [name for _, a in page.tags for name in a if name.startswith("on")]
    style = re.search(r"<style>(.*?)</style>", html, re.S)
    assert style and "url(" not in style[1] and "@import" not in style[1]
    assert "http:" not in re.sub(r"base64,[A-Za-z0-9+/=]+", "", html)
    policy = next(a["content"] for tag, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    digest = base64.b64encode(hashlib.sha256(page.script.encode()).digest()).decode()
    assert policy.split("; ") == [
        "default-src 'none'", "img-src data:", "style-src 'unsafe-inline'", f"script-src 'sha256-{digest}'",
    ]  # fmt: skip


def test_names_are_text_and_never_tags(html: str) -> None:
    page = Page(html)
    assert "<script>alert" not in html and "<b>bold" not in html and "<i>flip" not in html
    assert page.text.count(EVIL) >= 25
    assert "horizontal <i>flip</i>" in page.text


def test_ids_are_unique_and_links_inside_the_page_lead_somewhere(html: str) -> None:
    page = Page(html)
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    inner = [address[1:] for address in page.values("href") if address.startswith("#")]
    assert len(inner) == 2 + 12 + 1 and set(inner) <= set(ids)


def test_order_is_headline_charts_examples_method_provenance(html: str) -> None:
    text = Page(html).text
    places = [text.index(words) for words in (
        "error at 45°", "Findings", "Error with and without the map", "Error against rotation", "All methods",
        "Transformation by transformation", "What the maps look like", "Larger and smaller arrays", "Composition",
        "How long learning takes", "One filter bank for all cells", "Does a classifier still work?", "Every setting",
        "How it was measured", "Provenance",
    )]  # fmt: skip
    assert places == sorted(places)


def test_provenance_is_complete(html: str, result: dict[str, Any]) -> None:
    text = Page(html).text
    origin = result["provenance"]
    for words in (
        origin["command"],
        "avx2",
        "a machine",
        "equivfast 0.1.0",
        "image file is truncated",
        "12.5 s",
    ):
        assert words in text
    assert "transforms = rot:45, hflip" in text and "2025-11-23 04:10 UTC" in text


def test_five_pictures_stand_in_order(html: str, result: dict[str, Any]) -> None:
    pictures = [a["src"] for tag, a in Page(html).tags if tag == "img"]
    example = result["transforms"][0]["example"]
    assert pictures[:5] == [example[key] for key in ("image_x", "image_gx", "phi_x", "phi_gx", "mapped")]
    assert len(pictures) == 14 and pictures[13] == result["pattern"][0]["picture"]


def test_inversions_stand_below_the_features_that_they_show(html: str, result: dict[str, Any]) -> None:
    page = Page(html)
    example = result["transforms"][0]["example"]
    pictures = [a["src"] for tag, a in page.tags if tag == "img"]
    assert pictures[5:8] == [example[key] for key in ("inverted_x", "inverted_gx", "inverted_mapped")]
    assert html.count('class="five inverted"') == 1  # the other example has none
    assert "by a dictionary of features and pictures" in page.text
    shown = page.blocks["data-glyphs-rot-45"]
    assert shown["inverted_by"] == "paired" and "inverted_x" not in shown
    kept = page.blocks["data-result"]["transforms"][0]["example"]
    assert [key for key in kept if key.startswith("inverted")] == ["inverted_by"]


def test_inversions_by_descent_say_so(tmp_path: Path, result: dict[str, Any]) -> None:
    result["transforms"][0]["example"]["inverted_by"] = "gradient"
    page = Page(report.write_equivariance_page(tmp_path / "p.html", result).read_text(encoding="utf-8"))
    assert "by gradient descent through HOG" in page.text


def test_curves_and_examples_may_be_absent(tmp_path: Path, result: dict[str, Any]) -> None:
    del result["curves"], result["transforms"][0]["example"]
    page = Page(report.write_equivariance_page(tmp_path / "p.html", result).read_text(encoding="utf-8"))
    assert "data-curve-rotation" not in page.blocks and "data-glyphs-rot-45" not in page.blocks
    assert "data-glyphs-hflip" in page.blocks


@pytest.mark.parametrize(
    ("part", "title", "place"),
    [
        ("pattern", "What the maps look like", "patterns"),
        ("sizes", "Larger and smaller arrays", "sizes"),
        ("composition", "Composition", "compose"),
        ("learning", "How long learning takes", "learn"),
        ("shared", "One filter bank for all cells", "bank"),
        ("task", "Does a classifier still work?", "task"),
    ],
)
def test_a_part_that_is_absent_has_no_section(
    tmp_path: Path, result: dict[str, Any], part: str, title: str, place: str
) -> None:
    def written() -> Page:
        path = report.write_equivariance_page(tmp_path / "p.html", result)
        return Page(path.read_text(encoding="utf-8"))

    def shown(page: Page) -> tuple[bool, bool, bool]:
        return title in page.text, place in page.values("id"), f"#{place}" in page.values("href")

    assert shown(written()) == (True, True, True)
    result[part] = []
    assert shown(written()) == (False, False, False)
    del result[part]
    assert shown(written()) == (False, False, False)


def test_every_number_in_a_table_names_its_place(html: str, result: dict[str, Any]) -> None:
    places = [(a["data-path"], a["data-value"]) for _, a in Page(html).tags if "data-path" in a]
    for path, value in places:
        found: Any = result
        for key in path.split("."):
            found = found[int(key)] if isinstance(found, list) else found[key]
        assert value == ("" if found is None else repr(found)), path
    parts = {path.split(".")[0] for path, _ in places}
    assert parts == {"transforms", "pattern", "sizes", "composition", "learning", "shared", "task"}


def test_not_a_number_becomes_null_and_a_dash(tmp_path: Path, result: dict[str, Any]) -> None:
    result["transforms"][0]["methods"][0]["relative_l2"] = float("nan")
    html = report.write_equivariance_page(tmp_path / "p.html", result).read_text(encoding="utf-8")
    page = Page(html)
    assert page.blocks["data-result"]["transforms"][0]["methods"][0]["relative_l2"] is None
    assert not re.search(r"\bnan\b", re.sub(r"base64,[A-Za-z0-9+/=]+", "", html), re.I)


def test_page_of_many_transformations_has_unique_ids(tmp_path: Path, result: dict[str, Any]) -> None:
    base = result["transforms"][0]
    result["transforms"] = [
        {**copy.deepcopy(base), "name": n} for n in ("shift:3,-2", "shift:3,2", "shift:-3,2")
    ]
    page = Page(report.write_equivariance_page(tmp_path / "p.html", result).read_text(encoding="utf-8"))
    assert len(page.values("id")) == len(set(page.values("id")))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda r: r.pop("headline"), "lacks headline"),
        (lambda r: r.update(transforms=[]), "at least one transformation, got none"),
        (
            lambda r: r["transforms"][0]["example"].update(phi_x="https://example.org/x.png"),
            "a picture must be a data:image/png;base64 address, got 'https://example.org/x.png'",
        ),
        (
            lambda r: r["transforms"][0]["example"].update(inverted_gx="https://example.org/y.png"),
            "a picture must be a data:image/png;base64 address, got 'https://example.org/y.png'",
        ),
        (lambda r: r["pattern"][0].update(picture="pattern.png"), "a picture must be"),
        (
            lambda r: r["transforms"][0]["example"].update(phi_x='data:image/png;base64,AA" onload="x'),
            "a picture must be",
        ),
    ],
)
def test_refuses_a_result(tmp_path: Path, result: dict[str, Any], spoil: Any, message: str) -> None:
    spoil(result)
    with pytest.raises(ValueError, match=f"^write_equivariance_page: .*{re.escape(message)}"):
        report.write_equivariance_page(tmp_path / "p.html", result)
    assert list(tmp_path.iterdir()) == []


def test_unwritable_page(tmp_path: Path, result: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"write_text: cannot write .*/nowhere/p\.html: No such file"):
        report.write_equivariance_page(tmp_path / "nowhere" / "p.html", result)


def test_exact_mark_is_given_for_rounding_only(result: dict[str, Any]) -> None:
    flipped = result["transforms"][1]
    assert "<abbr" in figures.error_table([flipped]).body
    flipped["methods"][2]["max_abs"] = 0.3
    assert "<abbr" not in figures.error_table([flipped]).body


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "–"), (-0.0, "0 %"), (4e-9, "< 0.01 %"), (1.433e-4, "0.0143 %"), (0.04, "4 %")],
)
def test_shares(tmp_path: Path, result: dict[str, Any], value: float | None, words: str) -> None:
    result["transforms"][0]["methods"][3]["nonzero_share"] = value
    html = report.write_equivariance_page(tmp_path / "p.html", result).read_text(encoding="utf-8")
    path = 'data-path="transforms.0.methods.3.nonzero_share"'
    cells = re.findall(rf'<td {path} data-value="([^"]*)" data-format="share">(.*?)</td>', html)
    assert cells == 2 * [("" if value is None else repr(value), words.replace("<", "&lt;"))]
