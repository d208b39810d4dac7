"""HOG of an image at all scales: every level from a resampled image, or most of them from resampled features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equivfast.groups import Grid
from equivfast.ops import hog
from equivfast.ops._register import planes
from equivfast.representations._channels import PowerLaw
from equivfast.representations._octaves import between, plan, resampled
from equivfast.representations.hog import HOG

_NAME = "hog_pyramid"


@dataclass(frozen=True, eq=False)
class Level:
    """One scale of a pyramid.

    Shapes      field (n, d, H, W) or (d, H, W), of the kind that the image was
    Units       scale is the nominal one, 2^-(k / per_octave); the level's sides are whole numbers of pixels, and
                scale_x, scale_y what that makes of it: the level's width (height) over the image's. `grid` is in
                pixels of the level, `centres` and `stride` in pixels of the image
    Definition  resampling maps canvas onto canvas, so a point p of the level, from the canvas centre, lies at
                (p_x / scale_x, p_y / scale_y) in the image, exactly. `exact` is False for features that were
                resampled
    """

    scale: float
    scale_x: float
    scale_y: float
    grid: Grid
    exact: bool
    field: Any

    @property
    def centres(self) -> NDArray[np.float64]:
        """The cells' centres in the image, (H, W, 2) of (x, y) in centred pixel coordinates."""
        return self.grid.centres / (self.scale_x, self.scale_y)

    @property
    def stride(self) -> tuple[float, float]:
        """Pixels of the image between neighbouring cells, (x, y)."""
        return self.grid.stride / self.scale_x, self.grid.stride / self.scale_y


def hog_pyramid(
    image: Any,
    phi: HOG | None = None,
    *,
    per_octave: int = 8,
    smallest: int = 5,
    octaves_up: int = 0,
    approximate: bool = False,
    power_law: PowerLaw | None = None,
) -> tuple[Level, ...]:
    """HOG of an image at scales 2^(octaves_up - k / per_octave), k = 0, 1, ..., the largest first.

    Shapes      torch (n, c, h, w) or NumPy (h, w), (h, w, c) -> levels with fields of the same kind, down to the last
                with at least `smallest` cells each way
    Units       intensities as they are; uint8 is resampled as float32
    Definition  a level is :func:`equivfast.hog` with the settings of `phi` (the default: ``HOG()``) of the image
                resampled by an anti-aliased cubic, each from the level one octave above. ``approximate=True``: so are
                whole octaves alone; between them the features of both neighbours, cubically interpolated at the
                cells' places, are blended in proportion to log scale. `power_law` multiplies what comes from scale
                s' by (s / s')^-lambda; see :func:`power_law` for why the default is not to
    Cost        exact: resampling by torch takes four fifths of the time, hog the rest. Approximate, 8 levels an
                octave: a third of the time (half for cells of 4 pixels), and features off by 0.21 of their norm
                (0.29), on the embedded photographs; those of the exact level before, at the same places, are off
                by 0.19 (0.29), those of the octave before by 0.27 (0.37) (benchmarks/bench_pyramid.py)
    Source      octaves and halving: Felzenszwalb et al. 2010 (voc-dpm's featpyramid); features between octaves:
                Dollar, Appel, Belongie & Perona, Fast Feature Pyramids for Object Detection, PAMI 2014
    Raises      ValueError as `hog`; for a number out of range; for an image that holds no level of `smallest` cells;
                for a power law without ``approximate`` or of other channels

    >>> import equivfast as ef
    >>> cat = ef.data.photographs(["cat"])[0].image                  # 300 x 451 pixels
    >>> levels = hog_pyramid(cat, per_octave=2, smallest=10)
    >>> [(round(level.scale, 2), level.field.shape) for level in levels]
    [(1.0, (31, 38, 56)), (0.71, (31, 27, 40)), (0.5, (31, 19, 28)), (0.35, (31, 13, 20))]
    >>> levels[2].stride                                             # 8 pixels of 226 x 150
    (15.964601769911505, 16.0)
    """
    phi = HOG() if phi is None else phi
    _check(phi, per_octave, smallest, octaves_up, power_law, approximate)
    factors = None if power_law is None else power_law.per_channel(phi)
    images = planes(_NAME, "image", image)
    phi(images[:0])  # the op names what is wrong with the image
    height, width = images.shape[2:]
    places, further = plan(phi, height, width, int(per_octave), int(smallest), int(octaves_up))
    if not places:
        size = f"{height}x{width} (height x width)"
        raise ValueError(
            f"{_NAME}: image must hold {smallest} cells of {phi.cell} pixels each way, got {size}"
        )
    step = int(per_octave) if approximate else 1
    computed = [*places[::step], *([further] if approximate and further else [])]
    layout = "cells" if approximate else "channels"
    settings = (phi.cell, phi.orientations, phi.variant, phi.assignment, layout)
    fields = [hog(part, *settings) for part in resampled(images, computed)]
    if approximate:
        fields = between(places, dict(zip(computed, fields, strict=True)), int(per_octave), factors)
    if isinstance(image, np.ndarray):
        fields = [field.numpy()[0] for field in fields]
    return tuple(
        Level(place.scale, place.size[1] / width, place.size[0] / height, place.grid, k % step == 0, field)
        for k, (place, field) in enumerate(zip(places, fields, strict=True))
    )


def _check(
    phi: Any, per_octave: Any, smallest: Any, octaves_up: Any, power_law: Any, approximate: Any
) -> None:
    if not isinstance(phi, HOG):
        raise ValueError(f"{_NAME}: phi must be a HOG representation or None, got {type(phi).__name__}")
    numbers = {"per_octave": (per_octave, 1), "smallest": (smallest, 1), "octaves_up": (octaves_up, 0)}
    for name, (number, least) in numbers.items():
        if not isinstance(number, int | np.integer) or isinstance(number, bool) or number < least:
            raise ValueError(f"{_NAME}: {name} must be a whole number, {least} or more, got {number!r}")
    if power_law is not None and not isinstance(power_law, PowerLaw):
        raise ValueError(f"{_NAME}: power_law must be a PowerLaw or None, got {type(power_law).__name__}")
    if power_law is not None and not approximate:
        raise ValueError(f"{_NAME}: power_law needs approximate=True, got approximate={approximate!r}")
