"""Self-contained HTML pages: no script, no style sheet, no picture and no letter from anywhere else.

`write_equivariance_page` takes the result of an equivariance study, a plain dict as JSON holds it:

    title, created (ISO time)
    representation  name, variant, cell, orientations, assignment, channels
    transforms      list of
        name, label             "rot:45", "rotation 45°"
        field                   [H, W] cells compared
        train_windows, test_windows
        methods                 list of name, role ("control", "exact" or "learned"), hellinger {mean, low,
                                high}, relative_l2, max_abs, clipped_share, nonzero_share, learn_seconds (the
                                last two may be None), per_photo {photograph: mean}
        best                    the name of the method with the smallest error (controls left out)
        gain                    {over, mean, low, high}: the better control, and how far the best is below it
        example                 may be absent: photo, method, and image_x, image_gx, phi_x, phi_gx, mapped
                                (PNG as data: addresses; see glyphs.png_uri)
    curves          may be absent: {"rotation": {"degrees": [...], "series": {method: [error or None]}}, ...}
    headline        list of value, text (a sentence)
    findings        list of sentences
    interval        may be absent: what low and high are, in words
    provenance      versions {name: version}, seed, command, cpu_level, machine, skipped [[name, reason]],
                    images {train: [...], test: [...]}, settings {...}, seconds {stage: seconds}
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from equivfast.report import figures
from equivfast.report.atomic import write_text
from equivfast.report.svg import show, slug

_TEMPLATES = Path(__file__).with_name("templates")
_PNG = re.compile(r"data:image/png;base64,[A-Za-z0-9+/]+={0,2}")
PICTURES = ("image_x", "image_gx", "phi_x", "phi_gx", "mapped")
_KEYS = ("title", "created", "representation", "transforms", "headline", "findings", "provenance")


def write_equivariance_page(path: str | os.PathLike[str], result: dict[str, Any]) -> Path:
    """The page of an equivariance study (the shape of `result` stands in this module's docstring).

    Raises     ValueError for a result without one of its parts, a picture that is no PNG data: address, or a
               path that cannot be written
    """
    _check(result)
    transforms = result["transforms"]
    curves = [figures.error_curves(name, curve) for name, curve in result.get("curves", {}).items()]
    sections = [
        {
            **transform,
            "id": f"g-{slug(transform['name'])}",
            "photos": figures.photo_errors(transform),
            "glyphs": _glyph_row(transform),
        }
        for transform in transforms
    ]
    html = (
        _environment()
        .get_template("equivariance.html.j2")
        .render(
            result=result,
            bars=figures.error_bars(transforms),
            curves=curves,
            table=figures.error_table(transforms),
            sections=sections,
            whole=figures.Figure("result", "Everything measured", Markup(""), _without_pictures(result)),
        )
    )
    return write_text(path, html)


def index_entry(result: dict[str, Any], link: str) -> dict[str, Any]:
    """What `write_index` shows of a study: title, headline, link, and the pictures of a learned map."""
    examples = [transform["example"] for transform in result["transforms"] if transform.get("example")]
    learned = [
        example for example in examples if example["method"] not in ("permutation", "no map", "cells moved")
    ]
    shown = (learned or examples or [None])[0]
    return {
        "title": result["title"],
        "created": result["created"],
        "headline": result["headline"],
        "link": link,
        "thumbnail": [shown[key] for key in PICTURES] if shown else [],
    }


def write_index(path: str | os.PathLike[str], studies: Sequence[dict[str, Any]]) -> Path:
    """A page that leads to studies: each with title, created, headline [{value, text}], link (inside the
    page's folder) and thumbnail (a list of PNG data: addresses, which may be empty).

    Raises     ValueError for a link that leaves the page's folder, a picture that is no PNG data: address, or a
               path that cannot be written
    """
    for study in studies:
        link = study["link"]
        if not re.fullmatch(r"[\w.-]+(/[\w.-]+)*", link) or ".." in link.split("/"):
            raise ValueError(f"write_index: link must be a path inside the page's folder, got {link!r}")
        for picture in study["thumbnail"]:
            _check_picture("write_index", picture)
    return write_text(path, _environment().get_template("index.html.j2").render(studies=studies))


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["css"] = Markup((_TEMPLATES / "style.css").read_text(encoding="utf-8"))
    environment.filters["show"] = show
    environment.filters["share"] = _share
    environment.filters["seconds"] = _seconds
    environment.filters["plain"] = _plain
    environment.filters["moment"] = _moment
    return environment


def _check(result: dict[str, Any]) -> None:
    missing = [key for key in _KEYS if key not in result]
    if missing:
        lacks = ", ".join(missing)
        raise ValueError(f"write_equivariance_page: result must have {', '.join(_KEYS)}, lacks {lacks}")
    if not result["transforms"]:
        raise ValueError("write_equivariance_page: result must have at least one transformation, got none")
    for transform in result["transforms"]:
        example = transform.get("example")
        for picture in PICTURES if example else ():
            _check_picture("write_equivariance_page", example[picture])


def _check_picture(name: str, address: object) -> None:
    if not (isinstance(address, str) and _PNG.fullmatch(address)):
        raise ValueError(
            f"{name}: a picture must be a data:image/png;base64 address, got {str(address)[:60]!r}"
        )


def _glyph_row(transform: dict[str, Any]) -> figures.Figure | None:
    """The five pictures x, gx, phi(x), phi(gx), M phi(x), with the numbers of the method that drew them."""
    example = transform.get("example")
    if not example:
        return None
    rows = [method for method in transform["methods"] if method["name"] == example["method"]]
    data = {
        "transform": transform["name"],
        "field": transform["field"],
        **{key: value for key, value in example.items() if key not in PICTURES},
        "errors": rows,
    }
    return figures.Figure(f"glyphs-{slug(transform['name'])}", "An example", Markup(""), data)


def _without_pictures(result: dict[str, Any]) -> dict[str, Any]:
    def bare(transform: dict[str, Any]) -> dict[str, Any]:
        example = transform.get("example") or {}
        kept = {key: value for key, value in example.items() if key not in PICTURES}
        return {**transform, "example": kept} if example else transform

    return {**result, "transforms": [bare(transform) for transform in result["transforms"]]}


def _share(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{100 * value:.3g} %" if value >= 1e-4 else "< 0.01 %" if value > 0 else "0 %"


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f} s" if value >= 100 else f"{value:.3g} s"


def _plain(value: Any) -> str:
    """A setting as text: lists joined, the rest as Python prints it."""
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _moment(created: str) -> str:
    """2025-11-23T04:10:00+00:00 as 2025-11-23 04:10 +00:00, whatever is no ISO time as it is."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)[\d:.]*(.*)", created)
    return " ".join(part for part in found.groups() if part).replace("+00:00", "UTC") if found else created
