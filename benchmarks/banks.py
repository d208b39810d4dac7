"""Seeded banks of templates and fields of HOG: what every figure of pose search is measured on.

A name is POSES-MAPS-KIND-CELLS or POSES-MAPS-KIND-CELLS-SOURCE, such as rot360-analytic-lda-8 or
aff1000-learned-mean-10-cat:

    POSES   rot36 (every 10 degrees), rot360 (every degree), aff1000 (25 rotations x 5 scales x 4 stretches x 2 axes)
    MAPS    analytic or learned: see bank_maps.py
    KIND    lda or mean: see bank_templates.py
    CELLS   8 or 10: the template's cells each way
    SOURCE  what the template shows, one of bank_templates.SOURCES; by default the astronaut's face

Banks depend on photographs that scikit-image and scikit-learn carry and on nothing else, so that anyone can rebuild
them; fields may come from the folder of test data too.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import bank_maps
import bank_templates
import numpy as np
import torch
from bank_templates import PHI, SIZE, SOURCES
from numpy.typing import NDArray
from PIL import Image

import equivfast as ef

Floats = NDArray[np.float32]
SEED = 0
FIELDS = ("embedded", "bsds500_test", "imagenet_samples")
CELLS = (8, 10)
DEFAULT = "astronaut"


@dataclass(frozen=True, eq=False)
class Bank:
    """templates (g, 31, k, k) and bias (g,), one for each of g poses, and what the template shows."""

    name: str
    templates: Floats
    bias: Floats
    poses: tuple[ef.groups.Transform, ...]
    source: str

    @property
    def fingerprint(self) -> str:
        """Of all numbers; the last bits of templates depend on the machine's linear algebra."""
        digest = hashlib.sha256(repr([pose.matrix for pose in self.poses]).encode())
        for array in (self.templates, self.bias):
            digest.update(array.tobytes())
        return digest.hexdigest()[:16]


def names(
    poses: Sequence[str] = tuple(bank_maps.POSES),
    maps: Sequence[str] = bank_maps.KINDS,
    kinds: Sequence[str] = bank_templates.KINDS,
    cells: Sequence[int] = CELLS,
    sources: Sequence[str] = (DEFAULT,),
) -> list[str]:
    """The banks' names; the default source is left out of them."""
    tails = ["" if source == DEFAULT else f"-{source}" for source in sources]
    return [f"{p}-{m}-{k}-{c}{t}" for p in poses for m in maps for k in kinds for c in cells for t in tails]


def load(name: str) -> Bank:
    """The bank of that name; learned maps are fitted when they are first asked for, and kept under build/banks."""
    if name not in names(sources=tuple(SOURCES)):
        wanted = "rot36|rot360|aff1000-analytic|learned-lda|mean-8|10[-SOURCE]"
        raise ValueError(f"load: name must be {wanted}, SOURCE one of {', '.join(SOURCES)}, got {name!r}")
    poses, maps, kind, cells, *source = name.split("-")
    shown = source[0] if source else DEFAULT
    w = bank_templates.template(shown, kind, int(cells), background())
    templates, bias = ef.pose.templates_from_maps(w, bank_maps.inverse_maps(poses, maps))
    return Bank(name, templates, bias, bank_maps.POSES[poses], shown)


@lru_cache(maxsize=1)
def background() -> bank_templates.Background:
    """Mean and covariance of the natural fields that LDA and mean difference are measured against."""
    return bank_templates.Background.of(fields(12).astype(np.float64), max(CELLS))


def fields(count: int, source: str = "embedded") -> Floats:
    """(count, 31, 60, 80): HOG of gray 640 x 480 pixels cut from photographs, one after the other.

    Definition  field i shows photograph i modulo their number, in the order of their names: first the largest part of
                4 : 3 in its middle, in later rounds a seeded part, 0.7 to 1 times as large. `source`: "embedded", or a
                folder of the test data that EQUIVFAST_TEST_DATA names
    """
    return np.ascontiguousarray(PHI(torch.from_numpy(images(count, source))).numpy())


def images(count: int, source: str = "embedded") -> Floats:
    """(count, 1, 480, 640), 0..1: what `fields` shows."""
    photographs = _photographs(source)
    rounds, places = np.divmod(np.arange(count), len(photographs))
    return np.stack([_gray(photographs[k], k, int(r))[None] for r, k in zip(rounds, places, strict=True)])


def _gray(photograph: NDArray[np.uint8], number: int, turn: int) -> Floats:
    random = np.random.default_rng((SEED, number, turn))
    share, at = (random.uniform(0.7, 1), random.uniform(0, 1, 2)) if turn else (1, np.full(2, 0.5))
    whole = np.array(photograph.shape[1::-1])
    size = np.minimum(share * bank_templates.scale(photograph) * np.array(SIZE), whole)
    corner = at * (whole - size)
    # Pillow wants a box within the image to the last bit.
    box = (*corner, *np.minimum(corner + size, whole))
    gray = Image.fromarray(photograph).convert("L")
    return np.asarray(gray.resize(SIZE, Image.Resampling.BICUBIC, box=box), np.float32) / 255


@lru_cache(maxsize=len(FIELDS))
def _photographs(source: str) -> list[NDArray[np.uint8]]:
    if source not in FIELDS:
        raise ValueError(f"fields: source must be one of {', '.join(FIELDS)}, got {source!r}")
    if source == "embedded":
        return [photo.image for photo in ef.data.photographs()]
    root = os.environ.get("EQUIVFAST_TEST_DATA")
    if not root or not (Path(root) / source).is_dir():
        raise ValueError(
            f"fields: EQUIVFAST_TEST_DATA must name the folder that holds {source}, got {root!r}"
        )
    return [photo.image for photo in ef.data.folder(Path(root) / source).photographs]
