"""Labelled images before any is decoded, and their division into training and test."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

TESTS = ("test", "val", "valid", "validation")
_TRAINS = ("train", "training")


@dataclass(frozen=True)
class Rows:
    """Pixels, or files that hold them, with labels and names."""

    pixels: NDArray[np.uint8] | Sequence[Path]
    labels: Sequence[int]
    names: Sequence[str]


@dataclass(frozen=True)
class Found:
    name: str
    classes: tuple[str, ...]
    train: Rows
    test: Rows
    skipped: tuple[tuple[str, str], ...] = ()


def numbered(labels: Sequence[int], most: int = 1_000_000) -> tuple[str, ...]:
    """The classes of labels that are numbers of classes as they stand: "0", "1", ... up to the largest."""
    if min(labels, default=0) < 0:
        raise ValueError(f"labelled: labels must not be below 0, got {min(labels)}")
    if max(labels, default=0) >= most:
        raise ValueError(f"labelled: labels must be numbers of classes, below {most}, got {max(labels)}")
    return tuple(map(str, range(max(labels, default=-1) + 1)))


def divided(
    name: str, classes: tuple[str, ...], rows: Rows, split: list[str] | None, test_share: float, seed: int
) -> Found:
    """Train and test: as `split` says, or a share of every class by a hash of the names."""
    if split is None:
        tested = _drawn(rows, test_share, seed)
    else:
        if len(split) != len(rows.labels):
            raise ValueError(
                f"labelled: split must say train or test of {len(rows.labels)} images, got {len(split)}"
            )
        strange = sorted(set(split) - {*_TRAINS, *TESTS})
        if strange:
            raise ValueError(f"labelled: split must be train or test, got {strange[0]!r}")
        tested = np.array([value in TESTS for value in split], dtype=bool)
    return Found(name, classes, _picked(rows, ~tested), _picked(rows, tested))


def _drawn(rows: Rows, test_share: float, seed: int) -> NDArray[np.bool_]:
    tested = np.zeros(len(rows.labels), dtype=bool)
    labels = np.array(rows.labels, dtype=np.int64)
    keys = [hashlib.sha256(f"{seed}/{text}".encode()).digest() for text in rows.names]
    for label in np.unique(labels):
        own = sorted(np.flatnonzero(labels == label), key=lambda k: keys[k])
        tested[own[: min(round(test_share * len(own)), len(own) - 1)]] = True
    if not tested.any() and len(tested) > 1:  # one image of each class: whole classes would be lost
        order = sorted(range(len(tested)), key=lambda k: keys[k])
        tested[order[: max(1, round(test_share * len(tested)))]] = True
    return tested


def _picked(rows: Rows, chosen: NDArray[np.bool_]) -> Rows:
    places = np.flatnonzero(chosen).tolist()
    pixels = rows.pixels[places] if isinstance(rows.pixels, np.ndarray) else [rows.pixels[k] for k in places]
    return Rows(pixels, [rows.labels[k] for k in places], [rows.names[k] for k in places])
