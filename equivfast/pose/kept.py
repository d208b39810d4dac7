"""Files that can be computed again: read where they are sound, written where that can be done."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def cache_folder() -> Path:
    """Where what can be computed again is kept: $EQUIVFAST_CACHE, or equivfast in $XDG_CACHE_HOME or ~/.cache."""
    if own := os.environ.get("EQUIVFAST_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "equivfast"


def kept(path: Path, load: Callable[[Path], T]) -> T | None:
    """What `load` makes of the file; None where it is not there, damaged, of another version, or not ours to read."""
    try:
        return load(path)
    except (KeyError, ValueError, OSError):
        return None


def keep(path: Path, save: Callable[[Path], object]) -> Exception | None:
    """Let `save` write the file, its folder made before; what went wrong, if anything."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save(path)
    except (ValueError, OSError) as error:
        return error
    return None
