"""What the pages share: their templates, and the checks of what goes into them."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from equivfast.report import figures, formats
from equivfast.report.svg import show

_TEMPLATES = Path(__file__).with_name("templates")
_PNG = re.compile(r"data:image/png;base64,[A-Za-z0-9+/]+={0,2}")


def environment() -> Environment:
    """The templates, with the style sheet, the one script, and numbers as a page prints them."""
    found = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = (_TEMPLATES / "table.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    found.globals |= {
        "css": Markup((_TEMPLATES / "style.css").read_text(encoding="utf-8")),
        "script": Markup(script),
        "script_hash": Markup(f"sha256-{digest}"),  # the one script that the page's policy lets run
        "number": figures.number,
    }
    filters: dict[str, Callable[..., str]] = {
        "show": show,
        "share": formats.share,
        "seconds": formats.seconds,
        "plain": formats.plain,
        "moment": formats.moment,
    }
    found.filters |= filters
    return found


def check_keys(name: str, part: str, value: object, keys: Sequence[str]) -> None:
    """Raises a ValueError of the function `name` for a part that lacks one of its keys."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{name}: {part} must be a dict with {', '.join(keys)}, got {type(value).__name__}")
    missing = [key for key in keys if key not in value]
    if missing:
        raise ValueError(f"{name}: {part} must have {', '.join(keys)}, lacks {', '.join(missing)}")


def check_picture(name: str, address: Any) -> None:
    """Raises a ValueError of the function `name` for a picture that would be fetched from elsewhere."""
    if not (isinstance(address, str) and _PNG.fullmatch(address)):
        raise ValueError(
            f"{name}: a picture must be a data:image/png;base64 address, got {str(address)[:60]!r}"
        )
