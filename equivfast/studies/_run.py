"""What every study shares: progress, provenance, and pieces that survive an interruption."""

from __future__ import annotations

import hashlib
import json
import platform
import re
import shlex
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Protocol

import equivfast._build_info as build
from equivfast.report import atomic


class Progress(Protocol):
    """Told the stage and how much of it is done."""

    def __call__(self, stage: str, done: int, total: int) -> None: ...


def silent(stage: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


def fingerprint(settings: dict[str, Any]) -> str:
    """Short hash of a config: pieces saved under another one are not taken up again."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def versions() -> dict[str, str]:
    info = build.build_info()
    return {name: str(info[name]) for name in ("version", "python", "torch", "numpy", "compiler")}


def now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def machine() -> str:
    info = build.build_info()
    return f"{platform.system()} {platform.machine()}, {info['threads']} threads"


def provenance(
    settings: dict[str, Any],
    images: dict[str, list[str]],
    skipped: Iterable[Sequence[str]],
    seconds: dict[str, float],
) -> dict[str, Any]:
    """Where a result comes from: program, machine and command, pictures and settings, and how long it took."""
    apart = ("out", "resume", "threads")
    return {
        "versions": versions(),
        "seed": settings["seed"],
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "cpu_level": str(build.build_info()["cpu_level"]),
        "machine": machine(),
        "images": images,
        "skipped": [list(item) for item in skipped],
        "settings": {name: value for name, value in settings.items() if name not in apart},
        "seconds": seconds,
    }


def plain(result: dict[str, Any]) -> dict[str, Any]:
    """The result as JSON gives it back: lists for tuples, so that a run and its saved copy are equal."""
    copied: dict[str, Any] = json.loads(json.dumps(result))
    return copied


class Pieces:
    """Finished parts of a study in a folder, one JSON file each.

    A piece is computed once; with ``resume`` a piece that a run with the same settings has left is read back instead.
    Pieces that cannot be read, or belong to other settings, are computed anew. Without a folder nothing is kept.
    """

    def __init__(self, folder: Path | None, settings: dict[str, Any], resume: bool) -> None:
        self.folder = None if folder is None else atomic.make_folder(folder)
        self.resume, self.hash = resume, fingerprint(settings)

    def get(self, name: str, compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        if self.folder is None:
            return compute()
        path = self.folder / (re.sub(r"[^A-Za-z0-9.+-]+", "_", name) + ".json")
        if self.resume:
            kept = self._read(path)
            if kept is not None:
                return kept
        piece = compute()
        atomic.write_json(path, {"settings": self.hash, "name": name, "piece": piece})
        return plain(piece)

    def _read(self, path: Path) -> dict[str, Any] | None:
        try:
            kept = json.loads(path.read_text())
            piece = kept["piece"] if kept["settings"] == self.hash else None
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return piece if isinstance(piece, dict) else None
