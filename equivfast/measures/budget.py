"""error_budget: why phi(g x) is not the moved phi(x): border, interpolation, stride phase, or phi itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equivfast.groups import Grid, Transform, parse
from equivfast.maps import Map
from equivfast.measures._budget_call import Phi, read_images, resting
from equivfast.measures._budget_measure import Plan, measure, plan
from equivfast.measures._budget_sums import PARTS, intervals

# Where no cell is interior.
_BORDER_LEFT = (
    "what the pixels cost that the warp made up; no cell sees the inside alone, other effects are in real"
)
_PHASE_LEFT = "and the stride phase: where the cells lie is not known"

_MEANING = {
    "border": "cells that see the image's border, or what the warp made up beyond it",
    "interpolation": "what sampling the image there and back costs by itself",
    "phase": "stride phase: cells do not land on cells",
    "real": "what is left: phi itself",
}


@dataclass(frozen=True)
class Budget:
    """Shares of |phi(x) - mean|^2, each at least 0; border, interpolation, phase and real sum to the total.

    `low` and `high` hold the 95 % interval of each by name (images drawn with replacement). `interior` counts the cells
    that see neither border nor invented content; 0: there are none, see `error_budget`. `offset` is by how many pixels
    the cells miss the places they should land on (root mean square), `stride` the pixels between cells. `placed` is
    False where it is not known where the cells lie; they are then taken to lie symmetric about the middle.
    """

    transform: str
    total: float
    border: float
    interpolation: float
    phase: float
    real: float
    low: dict[str, float]
    high: dict[str, float]
    images: int
    cells: int
    interior: int
    offset: float
    stride: float
    placed: bool

    @property
    def largest(self) -> str:
        """The name of the largest part; the first of equal ones."""
        return max(PARTS, key=lambda name: float(getattr(self, name)))

    def lines(self) -> str:
        """What a person reads: the total, then a line for each part, the largest first."""
        inside = f"{self.interior} of them interior" if self.interior else "none sees the inside alone"
        head = f"total of {self.transform}: {self._range('total')} of the variance"
        rows = [f"{head} ({self.images} images, {self.cells} cells, {inside})"]
        for name in sorted(PARTS, key=lambda part: -float(getattr(self, part))):
            meaning = _MEANING[name]
            if name == "border" and not self.interior:
                meaning = _BORDER_LEFT
            if name == "real" and not self.placed:
                meaning += f", {_PHASE_LEFT}"
            if name == "phase" and self.offset:
                meaning += f", {self.offset / self.stride:.3g} cells ({self.offset:.3g} pixels) off"
            rows.append(f"  {name:<13} {self._range(name):<24} {meaning}")
        return "\n".join(rows)

    def as_dict(self) -> dict[str, Any]:
        """Plain values: total and parts as {mean, low, high}, and what was counted."""
        shares = {
            name: {"mean": float(getattr(self, name)), "low": self.low[name], "high": self.high[name]}
            for name in ("total", *PARTS)
        }
        names = ("transform", "images", "cells", "interior", "offset", "stride", "placed")
        return {**shares, **{name: getattr(self, name) for name in names}}

    def _range(self, name: str) -> str:
        return f"{getattr(self, name):.3g} ({self.low[name]:.3g} .. {self.high[name]:.3g})"


def error_budget(
    phi: Callable[..., Any],
    g: Transform | str,
    images: Any,
    *,
    map: Map | None = None,
    channel_action: Sequence[int] | NDArray[np.int64] | None = None,
    grid: Grid | None = None,
    seed: int = 0,
    border_cells: int | None = None,
) -> Budget:
    """Where the residual of phi(x) against the moved phi(g x) comes from.

    Shapes     images (n, c, h, w), torch or NumPy; phi(images) -> (n, d, H, W), or vectors (n, d): one cell, unmoved
    Units      shares of |phi(x) - mean|^2, summed over cells, the mean of each channel over images and cells; of
               (|phi(x)|^2 + |prediction|^2) / 2 where phi(x) does not vary
    Definition The prediction of phi(x) is phi(g x) with its cells moved by g^-1 and its channels put back by
               `channel_action` (channel i of g x is channel `channel_action[i]` of x, as representations give it; by
               default a representation's own), or what `map`, a map of g^-1, makes of it. Cells that do not land on
               cells are moved by the cubic spline, or as the map moves them.
               total          all cells whose source lies in the field
               border         total less the share that interior cells leave of their own variance
               interpolation  phi(x) against phi of x sampled there and back, interior cells
               phase          phi(x) against phi of x shifted by as much as the cells miss their places (moved back by
                              what the move itself makes good), less that shift's interpolation; interior cells.
                              Where all miss by the same (flips, shifts), at most what it saves to shift g x so
                              that they land (not for maps of a support above 1, which make it good themselves)
               real           what is left
               Cut off in this order at what is left, so that no part is below 0 and they sum to the total. Interior
               cells see only pixels that stay on the canvas, before and after; what a cell sees is measured, or
               `border_cells` cells around it. Where fewer than 4 are interior, all cells are measured, and border is
               what replacing the pixels that g loses by invented ones costs phi(x): what else the border does is
               within real. Networks are then probed on larger images to find where their cells lie; functions are
               not, and their phase is within real as well. See docs/maths.md.
    Cost       phi of the images 2 to 5 times, and of a few hundred more to find what a cell sees
    Raises     ValueError when an argument does not fit, phi returns something else, or no cell has a source.

    >>> import torch
    >>> x = torch.rand(4, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    >>> budget = error_budget(lambda image: image[..., ::2, ::2], "hflip", x)    # even sides: cells at 0, 2, ..., 14
    >>> budget.largest, budget.real, budget.offset
    ('phase', 0.0, 1.0)
    """
    called = Phi("error_budget", phi)
    pixels = read_images("error_budget", images)
    g = parse(g) if isinstance(g, str) else g
    if not isinstance(g, Transform):
        raise ValueError(f"error_budget: g must be a Transform or its name, got {type(g).__name__}")
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ValueError(f"error_budget: seed must be a whole number from 0, got {seed!r}")
    if channel_action is None and map is None and hasattr(phi, "channel_action"):
        channel_action = phi.channel_action(g)
    with resting(phi):
        made: Plan = plan(called, g, pixels, map, channel_action, grid, seed, border_cells)
        everywhere, inner, residuals = measure(called, made, pixels)
    values, low, high = intervals(everywhere, inner, residuals, seed)
    return Budget(
        g.name,
        **values,
        low=low,
        high=high,
        images=len(pixels),
        cells=int(made.used.sum()),
        interior=0 if made.inner is None else int(made.inner.sum()),
        offset=float(np.hypot(*made.missed.shift)),
        stride=made.grid.stride,
        placed=made.placed,
    )
