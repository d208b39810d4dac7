"""Lists as people type them: names, transformations and numbers between commas."""

from __future__ import annotations

import re


def names(text: str) -> tuple[str, ...]:
    """Names between commas; `none` is none of them.

    >>> names("curves, task"), names("none")
    (('curves', 'task'), ())
    """
    return tuple(name for part in text.split(",") if (name := part.strip()) not in ("", "none"))


def split_transforms(text: str) -> tuple[str, ...]:
    """Names between commas; a comma before a number belongs to the name it stands in.

    >>> split_transforms("rot:45, shift:3,-2,hflip")
    ('rot:45', 'shift:3,-2', 'hflip')
    """
    return tuple(
        name for part in re.split(r",(?!\s*[-+.\d])", text) if (name := part.strip()) not in ("", "none")
    )


def whole_numbers(name: str, text: str) -> tuple[int, ...]:
    """Whole numbers between commas.

    >>> whole_numbers("sizes", "3, 5")
    (3, 5)
    """
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"equivariance: {name} must be whole numbers with commas, got {text!r}") from None


def numbers(name: str, text: str) -> tuple[float, ...]:
    """Numbers between commas.

    >>> numbers("angles", "15, 22.5")
    (15.0, 22.5)
    """
    try:
        return tuple(float(part) for part in text.split(",") if part.strip() != "none")
    except ValueError:
        raise ValueError(f"network: {name} must be numbers with commas, got {text!r}") from None
