"""Names of transformations: short texts that people read in reports and that `parse` reads back."""

from __future__ import annotations

from collections.abc import Sequence

_INVERSE = "^-1"


def number(value: float) -> str:
    """The shortest text that reads back as the same float; whole numbers without a point.

    >>> number(45.0), number(0.1), number(-0.0)
    ('45', '0.1', '0')
    """
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


def of_matrix(entries: Sequence[float]) -> str:
    """The name of a matrix that was given none: its six entries by rows."""
    return "affine:" + ",".join(number(value) for value in entries)


def product(first: str, second: str) -> str:
    """The name of first @ second; identities drop out."""
    factors = [name for name in (first, second) if name != "identity"]
    return "*".join(factors) or "identity"


def inverse(name: str) -> str:
    """The name of the inverse: factor by factor, from right to left.

    >>> inverse("rot:45*shift:3,-2"), inverse("squeeze"), inverse("squeeze^-1")
    ('shift:-3,2*rot:-45', 'squeeze^-1', 'squeeze')
    """
    return "*".join(_inverse_factor(factor.strip()) for factor in reversed(name.split("*")))


def _inverse_factor(factor: str) -> str:
    if factor in ("identity", "hflip", "vflip"):
        return factor
    if factor.endswith(_INVERSE):
        return factor[: -len(_INVERSE)]
    head, _, tail = factor.partition(":")
    try:
        if head in ("rot", "shift"):
            return f"{head}:" + ",".join(number(-float(value)) for value in tail.split(","))
        if head == "scale":
            return f"scale:{number(1 / float(tail))}"
    except (ValueError, ZeroDivisionError):
        pass  # a person's own name that only looks like one of ours
    return factor + _INVERSE
