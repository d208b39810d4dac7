"""Memory of a run that allocates the same large tensors again and again."""

from __future__ import annotations

import ctypes

# Of glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_LARGE = 1 << 30


def keep_freed_memory() -> bool:
    """Have glibc keep what is freed for what is allocated next; False where the C library is another.

    It gives tensors of more than a few MB back to the system when they are freed, and the next ones are of fresh pages,
    whose first writing costs as much as a good part of a network's layer. For programs that end when their work does:
    the process stays as large as it once was.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return False
    # One arena: those of further threads can only hold 64 MB each.
    settings = ((_ARENA_MAX, 1), (_TRIM_THRESHOLD, _LARGE), (_MMAP_THRESHOLD, _LARGE))
    return all([mallopt(name, value) for name, value in settings])
