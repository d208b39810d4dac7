"""The groups of HOG's channels, and a number for each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equivfast.representations.hog import HOG


@dataclass(frozen=True)
class PowerLaw:
    """f(s) ~ f(s') (s / s')^-lambda: lambda of each group of channels, with its standard deviation over images.

    Shapes      groups, exponents and spreads have one entry for each group: directed, undirected, texture;
                undirected alone for ``dalal-triggs``
    """

    groups: tuple[str, ...]
    exponents: tuple[float, ...]
    spreads: tuple[float, ...]

    def per_channel(self, phi: HOG) -> NDArray[np.float64]:
        """Lambda of each of phi's channels, (d,); ValueError where phi has other groups of channels."""
        parts = channel_groups(phi)
        if tuple(parts) != self.groups:
            raise ValueError(
                f"PowerLaw: phi must have the channels {', '.join(self.groups)}, got {', '.join(parts)}"
            )
        found = np.empty(phi.channels)
        for part, exponent in zip(parts.values(), self.exponents, strict=True):
            found[part] = exponent
        return found


def channel_groups(phi: HOG) -> dict[str, slice]:
    """Which channels of phi are directed, undirected and textures."""
    n = phi.orientations
    if phi.variant == "dalal-triggs":
        return {"undirected": slice(0, 4 * n)}
    return {
        "directed": slice(0, 2 * n),
        "undirected": slice(2 * n, 3 * n),
        "texture": slice(3 * n, 3 * n + 4),
    }
