"""lie_error: the Lie derivative of a representation, how far it is from equivariant to the smallest motions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from equivfast.groups import Grid, Transform, rotation, scaling, translation, warp
from equivfast.measures._budget_call import read_images, resting

Family = Callable[[float], Transform]
GENERATORS: dict[str, Family] = {
    "shift-x": lambda t: translation(t, 0),
    "shift-y": lambda t: translation(0, t),
    "rotation": rotation,
    "scaling": lambda t: scaling(float(np.exp(t / 100))),
}
# Of a family's unit: small beside the 1 pixel over which a picture bends, large beside the rounding of float64.
_STEP = 1e-3
_AT_ONCE = 32  # images in one call
# A variance below this share of the mean square is rounding: the channel is dead.
_DEAD = 1e-14


@dataclass(frozen=True)
class LieError:
    """Per channel and in all, relative squared errors for one unit of motion; `dead` channels do not vary and have 0.

    `mode`: "forward", or "differences" where an operation of phi has no forward derivative.
    """

    channels: NDArray[np.float64]
    total: float
    dead: int
    mode: str


def lie_error(
    phi: Callable[[Tensor], Tensor],
    images: Any,
    generator: str | Family,
    *,
    grid: Grid | None = None,
    border_cells: int = 2,
) -> LieError:
    """The local equivariance error of a representation whose channels are to stay what they are.

    Shapes     images (n, c, h, w); phi gives fields (n, d, H, W), or vectors (n, d)
    Units      generator: "shift-x" and "shift-y" (1 pixel), "rotation" (1 degree, counter-clockwise), "scaling" (1 per
               cent), or a family t -> Transform that is the identity at 0 (its own unit). Errors are squares:
               k units have k^2 times the error
    Definition L = d/dt T_-t phi(T_t x) at t = 0 = J phi(x)[dx] - d/dt T_t phi(x), dx = d/dt T_t x. Error of a channel:
               the mean of L^2 over images and cells, over the channel's variance there. Total: sum over sum. Images
               and fields are moved by one interpolation, `groups.warp`'s, so that the identity has error 0; a field
               lies on `grid`, phi's own where it has one, else centred with the stride of the sizes. `border_cells` on
               each side are left out; what the interpolation carries inwards from the border falls to .27 per cell. A
               vector (a field of one cell) is not moved: its error is its lack of invariance
    Symmetry   phi and a phi + b have the same error, for numbers a and b
    Cost       one forward pass with derivatives (two without where there is no forward mode) and four warps
    Source     Gruver, Finzi, Goldblum & Wilson 2022, The Lie derivative for measuring learned equivariance
    Raises     ValueError for an unknown generator, a family that does not start at the identity, fields without a
               cell inside the border, NaN or infinity

    >>> images = torch.rand(2, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    >>> lie_error(lambda x: 2 * x, images, "rotation").total < 1e-8
    True
    >>> lie_error(lambda x: x * torch.linspace(0, 1, 16), images, "shift-x").total > 1e-4
    True
    """
    family = _family(generator)
    x = read_images("lie_error", images)
    if isinstance(border_cells, bool) or not isinstance(border_cells, int) or border_cells < 0:
        raise ValueError(
            f"lie_error: border_cells must be a whole number of at least 0, got {border_cells!r}"
        )
    like = next(phi.parameters(), None) if isinstance(phi, torch.nn.Module) else None
    x = x if like is None else x.to(like)
    mode, count, origin, sums = "forward", 0, None, None
    with resting(phi):
        for part in x.split(_AT_ONCE):
            field, change, mode = _derivative(phi, part, _moving(part, family), mode)
            field, change = _transported(phi, part, field, change, family, grid, border_cells)
            # Less the first batch's mean, so that the difference of squares keeps its digits.
            origin = field.mean((0, 2, 3), keepdim=True) if origin is None else origin
            near = field - origin
            found = torch.stack([t.sum((0, 2, 3)) for t in (change.square(), near, near.square())])
            sums = found if sums is None else sums + found
            count += len(field) * field.shape[2] * field.shape[3]
    assert sums is not None and origin is not None
    error, first, second = (sums / count).numpy()
    variance = second - np.square(first)
    dead = variance <= _DEAD * (np.square(first + origin.flatten().numpy()) + variance)
    channels = np.divide(error, variance, out=np.zeros_like(error), where=~dead)
    spread = float(variance[~dead].sum())
    total = float(error[~dead].sum() / spread) if spread > 0 else 0.0
    return LieError(channels, total, int(dead.sum()), mode)


def _family(generator: Any) -> Family:
    if isinstance(generator, str) and generator in GENERATORS:
        return GENERATORS[generator]
    if isinstance(generator, str) or not callable(generator):
        known = ", ".join(GENERATORS)
        raise ValueError(f"lie_error: generator must be one of {known} or a family, got {generator!r}")
    start = generator(0.0)
    if not isinstance(start, Transform) or not start.is_identity:
        raise ValueError(f"lie_error: generator must be the identity at 0, got {start!r}")
    family: Family = generator
    return family


def _moving(field: Tensor, family: Family, grid: Grid | None = None) -> Tensor:
    """d/dt T_t field at t = 0: on its own canvas, or as a field of cells on a grid of the image's canvas."""
    ahead, behind = (
        warp(field.double(), _on_grid(family(t), grid), antialias=False)[0] for t in (_STEP, -_STEP)
    )
    return (ahead - behind).to(field.dtype) / (2 * _STEP)


def _on_grid(g: Transform, grid: Grid | None) -> Transform:
    """g in units of cells, origin at the middle of the grid."""
    if grid is None:
        return g
    middle = np.array(grid.offset) + np.array([grid.width - 1, grid.height - 1]) / 2 * grid.stride
    offset = (g.linear @ middle + g.offset - middle) / grid.stride
    (a, b), (c, d) = g.linear.tolist()
    return Transform(((a, b, float(offset[0])), (c, d, float(offset[1]))))


def _derivative(
    phi: Callable[[Tensor], Tensor], x: Tensor, dx: Tensor, mode: str
) -> tuple[Tensor, Tensor, str]:
    """phi(x), J phi(x)[dx], and how it was found."""
    field: Any = None
    change: Any = None
    if mode == "forward":
        try:
            field, change, *_ = torch.func.jvp(phi, (x,), (dx,))
        except (NotImplementedError, RuntimeError, ValueError, TypeError):
            field = None
        # A phi that computes without gradients, or by way of NumPy, has lost the derivative and does not say so.
        if field is not None and (bool(change.any()) or not bool(dx.any())):
            return _field(field, len(x)), _field(change, len(x)), "forward"
    size = float(dx.square().mean().sqrt())
    scale = float((x - x.mean()).square().mean().sqrt())
    step = torch.finfo(x.dtype).eps ** (1 / 3) * (scale / size if size > 0 and scale > 0 else 1.0)
    with torch.no_grad():
        ahead, behind = (_field(phi(x + sign * step * dx), len(x)) for sign in (1, -1))
        return _field(phi(x), len(x)), (ahead - behind) / (2 * step), "differences"


def _field(out: Any, n: int) -> Tensor:
    if not isinstance(out, Tensor) or out.ndim not in (2, 4) or len(out) != n or not out.numel():
        what = tuple(out.shape) if isinstance(out, Tensor) else type(out).__name__
        raise ValueError(f"lie_error: phi must return ({n}, d, H, W) or ({n}, d) for {n} images, got {what}")
    field = out.detach().double().cpu()
    if not bool(field.isfinite().all()):
        raise ValueError("lie_error: phi must return finite numbers, got NaN or infinity")
    return field if field.ndim == 4 else field[:, :, None, None]


def _transported(
    phi: Any, x: Tensor, field: Tensor, change: Tensor, family: Family, grid: Grid | None, border: int
) -> tuple[Tensor, Tensor]:
    """The field and L, without the border's cells."""
    height, width = field.shape[2:]
    if height * width == 1:
        return field, change
    place = _grid(phi, x, field) if grid is None else grid
    if (place.height, place.width) != (height, width):
        size = f"{place.height} x {place.width}"
        raise ValueError(f"lie_error: grid must have the field's {height} x {width} cells, got {size}")
    if 2 * border >= min(height, width):
        raise ValueError(f"lie_error: border_cells must leave a cell of {height} x {width}, got {border}")
    error = change - _moving(field, family, place)
    rows, columns = slice(border, height - border), slice(border, width - border)
    return field[:, :, rows, columns], error[:, :, rows, columns]


def _grid(phi: Any, x: Tensor, field: Tensor) -> Grid:
    (h, w), (height, width) = x.shape[2:], field.shape[2:]
    if hasattr(phi, "grid"):
        found: Grid = phi.grid(h, w)
        return found
    # Sizes are rounded: the longer side tells the stride more exactly.
    stride = h / height if height >= width else w / width
    return Grid.centred(height, width, stride)
