"""HOG as a representation: the op, its grid of cells, and the permutations that flips and turns act by."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from equivfast.groups import Grid, Transform
from equivfast.ops import hog

_BLOCKS = np.array([(-1, -1), (1, -1), (-1, 1), (1, 1)])  # TL TR BL BR as (x, y)
DPM_BLOCKS = (3, 1, 2, 0)  # the blocks of dpm, counted as uoctti counts them


@dataclass(frozen=True)
class HOG:
    """HOG of images, cell by cell.

    Shapes      images (n, c, h, w) -> (n, d, H, W); see :func:`equivfast.hog`
    Symmetry    ``channel_action`` gives the permutation of flips, half turns and, for an even number of
                orientations, quarter turns; ``exact`` says whether it holds to rounding. The assignment ``bilinear``
                (the default here) keeps every one of them exact

    >>> import torch
    >>> from equivfast.groups import hflip
    >>> phi = HOG()
    >>> phi(torch.zeros(1, 1, 64, 48)).shape
    torch.Size([1, 31, 8, 6])
    >>> phi.channel_action(hflip())[:9]
    array([9, 8, 7, 6, 5, 4, 3, 2, 1])
    """

    cell: int = 8
    orientations: int = 9
    variant: str = "uoctti"
    assignment: str = "bilinear"

    def __post_init__(self) -> None:
        side = 4 * self.cell if isinstance(self.cell, int) and self.cell > 0 else 8
        self(torch.zeros((0, 1, side, side)))  # the op names what is wrong

    @property
    def channels(self) -> int:
        return 4 * self.orientations if self.variant == "dalal-triggs" else 3 * self.orientations + 4

    @property
    def settings(self) -> dict[str, object]:
        """What a report says about this representation."""
        return {"name": "HOG", **asdict(self), "channels": self.channels}

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        return hog(images, self.cell, self.orientations, self.variant, self.assignment)

    def grid(self, height: int, width: int) -> Grid:
        """Cells of the field of a height x width image; cell (0, 0) begins at the image's first pixel."""
        shape = self(torch.zeros((0, 1, height, width))).shape
        first = (self.cell - 1) / 2 + (self.cell if self.variant == "dpm" else 0)
        return Grid(shape[2], shape[3], self.cell, (first - (width - 1) / 2, first - (height - 1) / 2))

    def exact(self, g: Transform) -> bool:
        """Whether ``channel_action(g)`` holds to rounding on images whose sides are multiples of the cell.

        With nearest assignment a gradient between two bins goes to the lower one. Turns keep that order; a flip
        reverses it, unless the number of orientations is divisible by 4: then no gradient of an integer image ties.
        """
        if self.channel_action(g) is None:
            return False
        turn = float(np.linalg.det(g.linear)) > 0
        return turn or self.assignment == "bilinear" or self.orientations % 4 == 0

    def channel_action(self, g: Transform) -> NDArray[np.int64] | None:
        """Channel i of the field of g x is channel ``permutation[i]`` of the field of x; None where none exists.

        Definition  the gradient turns with g: bin k goes to bin s k + a with s = det g, a = the angle of g (1, 0) in
                    bins; block (x, y) goes to block g (x, y)
        """
        if not g.grid_symmetry:
            return None
        linear = g.linear
        quarter_turns = round(float(np.degrees(np.arctan2(linear[1, 0], linear[0, 0]))) / 90)
        if quarter_turns * self.orientations % 2:
            return None
        n, sign = self.orientations, round(float(np.linalg.det(linear)))
        directed = np.empty(2 * n, np.int64)
        directed[(sign * np.arange(2 * n) + quarter_turns * n // 2) % (2 * n)] = np.arange(2 * n)
        undirected = directed[:n] % n
        offsets = _BLOCKS[list(DPM_BLOCKS)] if self.variant == "dpm" else _BLOCKS
        blocks = np.array(
            [int(np.flatnonzero((offsets @ linear.T == offset).all(1))[0]) for offset in offsets]
        )
        if self.variant == "dalal-triggs":
            return (blocks[:, None] * n + undirected).ravel()
        return np.concatenate([directed, 2 * n + undirected, 3 * n + blocks])
