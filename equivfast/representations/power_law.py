"""How the mean of HOG's channels changes with the scale of a photograph."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from equivfast.representations._channels import PowerLaw, channel_groups
from equivfast.representations.hog import HOG
from equivfast.representations.pyramid import hog_pyramid

_NAME = "power_law"


def power_law(
    images: Iterable[Any], phi: HOG | None = None, *, per_octave: int = 4, octaves: int = 2
) -> PowerLaw:
    """Fits the power law of a HOG to images.

    Shapes      images as of :func:`hog_pyramid`, one or more, each with cells left after `octaves` octaves
    Definition  for each image and group the slope of log2(mean feature) over log2(scale), by least squares over the
                levels below scale 1 (as resampling itself changes the mean, the image as it came stays out); the
                mean over images, and the standard deviation
    Source      Dollar, Appel, Belongie & Perona 2014, section 4. Unlike their gradients HOG's cells are normalised,
                and a lambda near 0 is what one should expect. On the embedded photographs it is +0.04 with a deviation
                of 0.17 between photographs for cells of 8 pixels, -0.05 with 0.14 for cells of 4, and it moves the
                error of an approximate pyramid by 0.001, of either sign (benchmarks/bench_pyramid.py). So
                `hog_pyramid` leaves it out by default
    Raises      ValueError as `hog_pyramid`; without images; for fewer than two levels

    >>> import equivfast as ef
    >>> law = power_law(photo.image for photo in ef.data.photographs(["cat", "coffee", "rocket"]))
    >>> law.groups, max(abs(exponent) for exponent in law.exponents) < 0.15
    (('directed', 'undirected', 'texture'), True)
    """
    phi = HOG() if phi is None else phi
    slopes = []
    for image in images:
        levels = hog_pyramid(image, phi, per_octave=per_octave, smallest=1)[1 : octaves * per_octave + 1]
        if len(levels) < max(2, octaves * per_octave):
            raise ValueError(
                f"{_NAME}: images must have cells left after {octaves} octaves, got {image.shape}"
            )
        scales = np.log2([level.scale for level in levels])
        means = [
            [float(level.field[..., part, :, :].mean()) for part in channel_groups(phi).values()]
            for level in levels
        ]
        slopes.append(np.polyfit(scales, np.log2(means), 1)[0])
    if not slopes:
        raise ValueError(f"{_NAME}: images must hold at least one image, got none")
    # + 0.0: no minus zero
    exponents, spreads = 0.0 - np.mean(slopes, 0), np.std(slopes, 0)
    return PowerLaw(tuple(channel_groups(phi)), tuple(map(float, exponents)), tuple(map(float, spreads)))
