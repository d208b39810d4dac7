"""What features look like anywhere: their mean, and how cells that lie apart vary together."""

from __future__ import annotations

import hashlib
import json
import warnings
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import cholesky

from equivfast import data
from equivfast.detection.lattice import Lattice
from equivfast.detection.levels import middles
from equivfast.pose.kept import cache_folder, keep, kept
from equivfast.report.tensor_file import TensorFile
from equivfast.representations import HOG, hog_pyramid

Array = NDArray[np.float64]

FILE = TensorFile("background", version=1, reader="Background.load")
REACH = 15  # cells: as far as the cells of a template of 16 lie apart
# What is added to the covariance's diagonal, as a share of its mean: maps predict features to no better than a tenth of
# their variance, and directions in which photographs hardly vary must not decide.
RIDGE = 0.1
# Border cells of a photograph see an edge that is not there.
_BORDER = 2
_LEAST = 14  # cells of a level: 10 within its border
_PER_OCTAVE = 2
_PER_OCTAVE_OF_OTHERS = 1
_KEPT = 2  # factors: some 50 MB each


@dataclass(frozen=True, eq=False)
class Background:
    """Mean and stationary covariance of features on natural photographs.

    Shapes     mean (d,); covariance (2 r + 1, 2 r + 1, d, d), entry [r + dy, r + dx] = cov(f(y, x), f(y + dy, x + dx))
    Definition sums over all cells of all levels of a pyramid, both cells inside the photograph
    Units      ridge: what `factor` adds to the diagonal, as a share of its mean
    Symmetry   entry [r - dy, r - dx] is the transpose of [r + dy, r + dx]
    Source     Hariharan, Malik & Ramanan, Discriminative Decorrelation for Clustering and Classification, ECCV 2012
    """

    mean: Array
    covariance: Array
    ridge: float = RIDGE
    _factors: dict[bytes, Array] = field(default_factory=dict, init=False, repr=False)
    _lock: Lock = field(default_factory=Lock, init=False, repr=False)

    @property
    def reach(self) -> int:
        """The largest distance of two cells along an axis."""
        return len(self.covariance) // 2

    def matrix(self, cells: NDArray[np.int64]) -> Array:
        """The covariance of these cells' features, (n d, n d), for cells (n, 2) of (y, x), features of a cell together.

        Raises     ValueError for cells farther apart than `reach`
        """
        apart = cells[None] - cells[:, None] + self.reach
        if len(cells) and (apart.min() < 0 or apart.max() > 2 * self.reach):
            widest = int(np.abs(apart - self.reach).max())
            raise ValueError(f"Background: cells must lie at most {self.reach} apart, got {widest}")
        blocks = self.covariance[apart[..., 0], apart[..., 1]]
        side = len(cells) * len(self.mean)
        return np.ascontiguousarray(blocks.swapaxes(1, 2)).reshape(side, side)

    def factor(self, cells: NDArray[np.int64]) -> Array:
        """Lower triangular L with L L^T = `matrix(cells)` + `ridge` of its mean diagonal; those of the last two sets of
        cells are kept: examples of one size share it."""
        key = cells.tobytes()
        found = self._factors.get(key)
        if found is None:
            sigma = self.matrix(cells)
            sigma.reshape(-1)[:: len(sigma) + 1] += self.ridge * float(sigma.diagonal().mean())
            found = cholesky(sigma, lower=True, overwrite_a=True, check_finite=False)
            with self._lock:
                self._factors[key] = found
                for old in list(self._factors)[:-_KEPT]:
                    del self._factors[old]
        return found

    @classmethod
    def learn(cls, fields: list[Array], reach: int = REACH, definite: bool = False) -> Background:
        """From fields (d, H, W), all cells counting alike.

        Definition every entry is the mean over its pairs of cells. `definite`: the sum over them by the number of all
                   cells, which is less for cells that lie far apart, but has no negative eigenvalue for any cells
        Raises     ValueError for no field
        """
        if not fields:
            raise ValueError("Background.learn: fields must hold at least one field, got none")
        d = len(fields[0])
        mean = sum(f.sum((1, 2)) for f in fields) / sum(f[0].size for f in fields)
        centred = [np.ascontiguousarray(np.moveaxis(f, 0, 2) - mean) for f in fields]
        covariance = np.zeros((2 * reach + 1, 2 * reach + 1, d, d))
        for dy in range(reach + 1):
            for dx in range(-reach, reach + 1):
                pairs = [_apart(f, dy, dx) for f in centred]
                count = sum(len(first) for first, _ in pairs)
                count = sum(f[0].size for f in fields) if definite else max(count, 1)
                entry = np.sum([first.T @ second for first, second in pairs], 0) / count
                covariance[reach + dy, reach + dx] = entry
                covariance[reach - dy, reach - dx] = entry.T
        return cls(mean, covariance)


def natural_background(phi: HOG) -> Background:
    """Of the embedded photographs to learn from, at all scales; computed once and kept in `cache_folder`.

    Raises     ValueError for cells so large that the photographs hold too few of them
    """
    return _natural(phi, str(cache_folder()))


@lru_cache(maxsize=4)
def _natural(phi: HOG, folder: str) -> Background:
    settings = (FILE.version, phi, REACH, _PER_OCTAVE, data.split.train)
    key = hashlib.sha256(repr(settings).encode()).hexdigest()
    path = Path(folder) / "background" / f"{key[:32]}.safetensors"
    if (known := kept(path, partial(_read, channels=phi.channels))) is not None:
        return known
    inner = slice(_BORDER, -_BORDER)
    fields = []
    for photo in data.photographs(data.split.train):
        smallest = min(2 * REACH, min(photo.image.shape[:2]) // phi.cell - 2)
        if smallest >= _LEAST:
            levels = hog_pyramid(photo.image, phi, per_octave=_PER_OCTAVE, smallest=smallest)
            fields += [np.asarray(level.field[:, inner, inner], np.float64) for level in levels]
    if not fields:
        raise ValueError(f"natural_background: phi must have cells of at most 25 pixels, got {phi.cell}")
    return _kept(Background.learn(fields, REACH), path)


def background_of(
    phi: Any, lattice: Lattice, channels: int, reach: int, told: tuple[Any, bytes], folder: str
) -> Background:
    """:func:`natural_background` of a representation of photographs of 1 or 3 channels, 0..255.

    Definition of the middle of each photograph at all scales, from the one at which it has 24 cells or more. `told`:
               all that tells the representation from others; the file is named by it
    Cost       the square of the channels, for each way in which two cells can lie up to `reach` apart
    """
    settings = (
        FILE.version,
        reach,
        channels,
        _PER_OCTAVE_OF_OTHERS,
        data.split.train,
        json.dumps(told[0], sort_keys=True),
    )
    key = hashlib.sha256(repr(settings).encode() + told[1]).hexdigest()
    path = Path(folder) / "background" / f"{key[:32]}.safetensors"
    if (known := kept(path, partial(_read, channels=phi.channels, reach=reach))) is not None:
        return known
    inner, fields = slice(_BORDER, -_BORDER), []
    for photo in data.photographs(data.split.train):
        planes = torch.from_numpy(photo.image.copy()).movedim(2, 0)[None].float()
        planes = planes.mean(1, keepdim=True) if channels == 1 else planes
        for level in middles(planes, lattice, _PER_OCTAVE_OF_OTHERS, _BORDER):
            with torch.no_grad():
                fields.append(np.asarray(phi(level)[0, :, inner, inner].cpu(), np.float64))
    return _kept(Background.learn(fields, reach, definite=True), path)


def _kept(found: Background, path: Path) -> Background:
    if problem := keep(path, partial(_write, found)):
        warnings.warn(
            f"the background is not kept: {path.parent} cannot be written ({problem})", stacklevel=4
        )
    return found


def _apart(values: Array, dy: int, dx: int) -> tuple[Array, Array]:
    """The features (n, d) of all pairs of cells of a field (H, W, d) that lie (dy, dx) apart, dy >= 0."""
    height, width, d = values.shape
    left, right = max(0, -dx), max(0, dx)
    first = values[: max(height - dy, 0), left : max(width - right, left)]
    second = values[dy:, right : max(width - left, right)]
    return first.reshape(-1, d), second.reshape(-1, d)


def _read(path: Path, channels: int, reach: int | None = None) -> Background:
    """ValueError for a file whose numbers cannot be what was learned."""
    arrays = FILE.read(path)[1]
    found = Background(arrays["mean"].astype(np.float64), arrays["covariance"].astype(np.float64))
    side = 2 * (REACH if reach is None else reach) + 1
    fits = found.mean.shape == (channels,) and found.covariance.shape == (side, side, channels, channels)
    if not (fits and np.isfinite(found.mean).all() and np.isfinite(found.covariance).all()):
        raise FILE.damaged(path, "its arrays do not fit, or are not finite")
    return found


def _write(found: Background, path: Path) -> None:
    FILE.write(path, {}, {"mean": found.mean, "covariance": found.covariance})
