"""What a transformation does to a grid of cells: which source cells each target cell reads, and how much."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equivfast.groups._checks import finite_number, number_pair, one_of, shown, whole_number
from equivfast.groups._transform import Transform

# A coordinate this near to a cell centre, in cells, is that cell: rounding must not turn a move into a blend.
_EXACT = 1e-6
INTERPOLATIONS = ("nearest", "bilinear")


@dataclass(frozen=True)
class Grid:
    """Where the cells of a feature field lie on the canvas of its image.

    Units      stride in pixels between neighbouring cells; offset = (x, y) of cell (0, 0)'s centre, in
               centred pixel coordinates (origin at the canvas centre, y down)
    Raises     ValueError when a size is below 1, the stride is not above 0 or a number is not finite.

    >>> Grid.centred(2, 3, stride=8)
    Grid(height=2, width=3, stride=8.0, offset=(-8.0, -4.0))
    """

    height: int
    width: int
    stride: float
    offset: tuple[float, float]

    def __post_init__(self) -> None:
        for name in ("height", "width"):
            object.__setattr__(self, name, whole_number("Grid", name, getattr(self, name), 1))
        stride = finite_number("Grid", "stride", self.stride)
        if stride <= 0:
            raise ValueError(f"Grid: stride must be above 0, got {self.stride!r}")
        object.__setattr__(self, "stride", stride)
        object.__setattr__(self, "offset", number_pair("Grid", "offset", self.offset))

    @classmethod
    def centred(cls, height: int, width: int, stride: float) -> Grid:
        """The grid whose middle is the canvas centre: the one that flips and half turns map onto itself."""
        columns, rows = whole_number("Grid", "width", width, 1), whole_number("Grid", "height", height, 1)
        step = finite_number("Grid", "stride", stride)
        return cls(rows, columns, step, (-(columns - 1) / 2 * step, -(rows - 1) / 2 * step))

    @property
    def centres(self) -> NDArray[np.float64]:
        """The cells' centres, (height, width, 2) of (x, y) in centred pixel coordinates.

        >>> Grid.centred(1, 2, stride=8).centres.tolist()
        [[[-4.0, 0.0], [4.0, 0.0]]]
        """
        x = self.offset[0] + self.stride * np.arange(self.width)
        y = self.offset[1] + self.stride * np.arange(self.height)
        return np.stack(np.broadcast_arrays(x[None, :], y[:, None]), axis=-1)

    def crop(self, border: int) -> Grid:
        """The grid without `border` cells on each side; the cells that stay keep their place.

        >>> Grid.centred(5, 5, stride=8).crop(2)
        Grid(height=1, width=1, stride=8.0, offset=(0.0, 0.0))
        """
        border = whole_number("Grid.crop", "border", border, 0)
        if 2 * border >= min(self.height, self.width):
            raise ValueError(
                f"Grid.crop: border must leave a cell of {self.height} x {self.width}, got {border}"
            )
        x, y = self.offset
        shift = border * self.stride
        return Grid(self.height - 2 * border, self.width - 2 * border, self.stride, (x + shift, y + shift))

    def cells(self, points: ArrayLike) -> NDArray[np.float64]:
        """Points (..., 2) of centred (x, y) -> fractional (row, column), float64, same shape.

        >>> Grid.centred(3, 3, stride=8).cells([8, -4]).tolist()
        [0.5, 2.0]
        """
        values = np.asarray(points, dtype=np.float64)
        if values.ndim == 0 or values.shape[-1] != 2:
            raise ValueError(f"Grid.cells: points must be (..., 2), got {values.shape}")
        return ((values - np.array(self.offset)) / self.stride)[..., ::-1]


@dataclass(frozen=True, eq=False)
class GridAction:
    """How g moves a field: target cell (i, j) is the sum over k of weight * source cell number `index`.

    Shapes     index int64, weight float64 (H, W, k); mask bool (H, W)
    Definition index = row * width + column in the source grid, -1 outside; the mask is True where every
               source with a weight other than 0 is inside.
    """

    index: NDArray[np.int64]
    weight: NDArray[np.float64]
    mask: NDArray[np.bool_]


def grid_action(
    g: Transform, source: Grid, target: Grid | None = None, interpolation: str = "nearest"
) -> GridAction:
    """The cells that a field of the transformed image is read from: the cell at p reads the source at g^-1 p.

    Shapes     index, weight (H, W, k) for the target's H x W cells: k = 1 when every cell is read from one
               source cell (nearest, or exact), 4 for bilinear; the target is the source's grid unless given
    Definition coordinates within 1e-6 of a cell centre are that cell; half-way between two cells, `nearest`
               takes the upper, the left one. Bilinear weights sum to 1; what lies outside keeps its weight
               and has index -1, which contributes 0.
    Symmetry   flips and quarter turns permute a centred (for quarter turns square) grid; channels are not
               touched.
    Raises     ValueError when an argument is of the wrong kind or the interpolation is unknown.

    >>> from equivfast.groups import hflip
    >>> grid_action(hflip(), Grid.centred(2, 3, stride=8)).index[..., 0].tolist()
    [[2, 1, 0], [5, 4, 3]]
    """
    cells = _read_cells("grid_action", g, source, target)
    one_of("grid_action", "interpolation", interpolation, INTERPOLATIONS)
    whole = np.rint(cells)
    exact = np.abs(cells - whole) <= _EXACT
    if interpolation == "nearest" or exact.all():
        index = _flat_index(_nearest(cells), source)[..., None]
        return GridAction(index, np.ones(index.shape), index[..., 0] >= 0)
    cells = np.where(exact, whole, cells)
    low = np.floor(cells)
    part = cells - low
    corners = np.array([(0, 0), (0, 1), (1, 0), (1, 1)])  # (row, column) steps, row-major
    weight = np.where(corners, part[..., None, :], 1 - part[..., None, :]).prod(-1)
    index = _flat_index(low[..., None, :] + corners, source)
    # A corner of weight 0 points at the nearest cell, so that -1 means outside and only that.
    index = np.where(weight == 0, _flat_index(_nearest(cells), source)[..., None], index)
    return GridAction(index, weight, np.all(index >= 0, axis=-1))


def neighbourhood(g: Transform, source: Grid, target: Grid | None = None, size: int = 3) -> NDArray[np.int64]:
    """The size x size source cells around the nearest back-projected cell of each target cell.

    Shapes     (H, W, size * size) int64, row-major, -1 outside the source grid; size is odd
    Definition the middle is the cell that `grid_action(..., "nearest")` reads; neighbours are not turned
               with g.
    Raises     ValueError when size is not an odd number above 0, or an argument is of the wrong kind.

    >>> from equivfast.groups import identity
    >>> neighbourhood(identity(), Grid.centred(2, 2, stride=8), size=3)[0, 0].tolist()
    [-1, -1, -1, -1, 0, 1, -1, 2, 3]
    """
    cells = _read_cells("neighbourhood", g, source, target)
    if whole_number("neighbourhood", "size", size, 1) % 2 == 0:
        raise ValueError(f"neighbourhood: size must be odd, got {size}")
    reach = np.arange(size) - size // 2
    steps = np.stack(np.meshgrid(reach, reach, indexing="ij"), axis=-1).reshape(-1, 2)
    return _flat_index(_nearest(cells)[..., None, :] + steps, source)


def _read_cells(function: str, g: Transform, source: Grid, target: Grid | None) -> NDArray[np.float64]:
    """(H, W, 2) fractional source (row, column) that each target cell reads."""
    if not isinstance(g, Transform):
        raise ValueError(f"{function}: g must be a Transform, got {shown(g)}")
    if not isinstance(source, Grid):
        raise ValueError(f"{function}: source must be a Grid, got {shown(source)}")
    if target is not None and not isinstance(target, Grid):
        raise ValueError(f"{function}: target must be a Grid or None, got {shown(target)}")
    return source.cells(g.inverse()((target or source).centres))


def _nearest(cells: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.ceil(cells - 0.5 - _EXACT)  # half-way, rounding included: the lower index


def _flat_index(cells: NDArray[np.float64], source: Grid) -> NDArray[np.int64]:
    """Whole (row, column) -> row * width + column, -1 outside; compared as floats: none wraps round."""
    row, column = cells[..., 0], cells[..., 1]
    inside = (row >= 0) & (row < source.height) & (column >= 0) & (column < source.width)
    return np.where(inside, row * source.width + column, -1).astype(np.int64)
