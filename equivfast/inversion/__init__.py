"""Inversion: pictures of what a HOG field describes."""

from __future__ import annotations

from equivfast.inversion.invert import invert, pairable

__all__ = ["invert", "pairable"]
