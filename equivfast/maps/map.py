"""Map: a linear map between feature fields, M(phi(x)) ~ phi(g x)."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from equivfast.groups import Grid, GridAction, Transform, grid_action, neighbourhood
from equivfast.maps import _check, compose, serial
from equivfast.maps.matrix import as_tensor, packed
from equivfast.ops import feature_transform


@dataclass(frozen=True, eq=False)
class Map:
    """A learned or exact affine map between feature fields; call it on features.

    Shapes     M(features (n, c, H, W)) -> (n, d, H', W'), or without n; torch or NumPy, float32 or float64, the dtype
               and kind are kept. kind "window": (H, W) and (H', W') are those of the grids `source` and `target`;
               weight (d H' W', c H W), bias (d H' W'), over fields flattened in (c, H, W) order. kind "shared":
               any size; weight (d, c m m), columns in (c, m, m) order, bias (d,).
    Definition window: weight @ features + bias. shared: the cells are moved by the grid action of g, then filtered:
               `feature_transform`. weight is a float64 array, or SciPy CSR when at most a quarter is not zero.
    Symmetry   `M @ N` applies N first; `M.inverse()` undoes M.
    Gradient   torch: with respect to the features.
    Raises     ValueError when the parts do not fit together, or features do not fit the map.

    >>> import numpy as np
    >>> from equivfast import groups, maps
    >>> flip = maps.permutation(groups.hflip(), groups.Grid.centred(1, 3, stride=8), [1, 0])
    >>> flip(np.array([[[1.0, 2, 3]], [[4, 5, 6]]])).tolist()
    [[[6.0, 5.0, 4.0]], [[3.0, 2.0, 1.0]]]
    """

    kind: str
    g: Transform
    method: str
    weight: Any
    bias: Any
    channels: tuple[int, int]
    source: Grid
    target: Grid
    support: int | None = 1
    interpolation: str = "nearest"
    settings: dict[str, Any] = field(default_factory=dict)
    _cast: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        _check.kind("Map", self.kind)
        _check.support("Map", self.kind, self.support)
        c, d = _check.channels("Map", self.channels)
        shape = (d, c * (self.support or 0) ** 2)
        if self.kind == "window":
            shape = (d * self.target.height * self.target.width, c * self.source.height * self.source.width)
        elif self.source.stride != self.target.stride:
            strides = f"{self.source.stride} and {self.target.stride}"
            raise ValueError(
                f"Map: source and target must have the same stride for kind 'shared', got {strides}"
            )
        bias = np.array(self.bias, dtype=np.float64)
        weight = packed(self.weight)
        for name, value, expected in (("weight", weight, shape), ("bias", bias, shape[:1])):
            if value.shape != expected:
                raise ValueError(f"Map: {name} must be {expected}, got {value.shape}")
            if not np.isfinite(value.data if isinstance(value, csr_array) else value).all():
                raise ValueError(f"Map: {name} must be finite, got NaN or infinity")
        object.__setattr__(self, "weight", weight)
        object.__setattr__(self, "bias", bias)
        object.__setattr__(self, "channels", (c, d))

    def __call__(self, features: Any, source: Grid | None = None) -> Any:
        """The mapped features.

        A shared map needs to know where the cells lie on the canvas: `source`, by default a grid of the features'
        size with the stride and the centre of the grid the map was learned on.
        """
        single = getattr(features, "ndim", 0) == 3
        grid = self._grid(source)
        x = _check.field("Map", "features", features[None] if single else features, self.channels[0], grid)
        if x.dtype not in (torch.float32, torch.float64):
            raise ValueError(f"Map: features must be float32 or float64, got {x.dtype}")
        y = self._window(x) if self.kind == "window" else self._shared(x, grid or self.grid(*x.shape[2:]))
        y = y[0] if single else y
        return y if isinstance(features, Tensor) else y.numpy()

    def __matmul__(self, other: Map) -> Map:
        """`M @ N`: N first, then M; see `docs/maths.md` for when this is exact."""
        return compose.product(self, other) if isinstance(other, Map) else NotImplemented

    def inverse(self, max_condition: float = 1e6) -> Map:
        """The map that undoes this one; only for square, well-conditioned maps.

        Definition weight^-1 and -weight^-1 bias; for kind "shared" (m = 1) cells are moved by g^-1.
        Raises     ValueError when the matrix is not square, or its condition number (1-norm) is above the limit.
        """
        return compose.inverse(self, max_condition)

    @property
    def nonzero_share(self) -> float:
        """Share of the matrix's entries that are not 0."""
        rows, columns = self.weight.shape
        nonzero = (
            self.weight.nnz if isinstance(self.weight, csr_array) else int(np.count_nonzero(self.weight))
        )
        return float(nonzero / (rows * columns))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the map as a safetensors file, at once or not at all; `maps.load` reads it."""
        serial.save(self, path)

    def grid(self, height: int, width: int) -> Grid:
        """The grid on which a field of this size is taken to lie: stride and centre as in training."""
        step, (x, y) = self.source.stride, self.source.offset
        shift = (self.source.width - width) / 2 * step, (self.source.height - height) / 2 * step
        return Grid(height, width, step, (x + shift[0], y + shift[1]))

    def mask(self, source: Grid | None = None) -> NDArray[np.bool_]:
        """(H', W') bool: True where all that the output cell reads lies inside the source array."""
        if self.kind == "window":
            if self.support is None:
                return np.ones((self.target.height, self.target.width), dtype=bool)
            return np.all(neighbourhood(self.g, self.source, self.target, self.support) >= 0, axis=-1)
        inside = _action(self.g, self._grid(source) or self.source, self.interpolation).mask
        r = (self.support or 1) // 2
        views = np.lib.stride_tricks.sliding_window_view(np.pad(inside, r), (2 * r + 1, 2 * r + 1))
        return np.asarray(views.all((-2, -1)))

    def _grid(self, source: Grid | None) -> Grid | None:
        if self.kind == "window" and source not in (None, self.source):
            raise ValueError(f"Map: source must be {self.source} for this window map, got {source}")
        return self.source if self.kind == "window" else source

    def _window(self, x: Tensor) -> Tensor:
        weight, bias = self._tensors(x)
        flat = x.flatten(1)
        product = (weight @ flat.T).T if weight.layout is torch.sparse_csr else flat @ weight.T
        return (product + bias).unflatten(1, (self.channels[1], self.target.height, self.target.width))

    def _shared(self, x: Tensor, grid: Grid) -> Tensor:
        mix, bias = self._tensors(x)
        m = self.support or 1
        mix = mix if mix.layout is torch.sparse_csr else mix.unflatten(1, (self.channels[0], m, m))
        action = _action(self.g, grid, self.interpolation)
        index = torch.from_numpy(action.index).to(x.device)
        out: Tensor = feature_transform(x, index, mix, torch.from_numpy(action.weight).to(x), bias)
        return out

    def _tensors(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """Weight and bias in the dtype and on the device of the features; kept for the next call."""
        key = (like.dtype, like.device)
        if key not in self._cast:
            self._cast[key] = (as_tensor(self.weight, like), as_tensor(self.bias, like))
        found: tuple[Tensor, Tensor] = self._cast[key]
        return found


def load(path: str | os.PathLike[str]) -> Map:
    """Read a map that `Map.save` wrote; all its numbers come back bit for bit.

    Raises     ValueError, one line with the path, for any other file, a damaged one or another version;
               FileNotFoundError where there is none.

    >>> import tempfile
    >>> from equivfast import groups, maps
    >>> M = maps.permutation(groups.hflip(), groups.Grid.centred(2, 2, stride=8), [1, 0])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     M.save(folder + "/flip.safetensors")
    ...     maps.load(folder + "/flip.safetensors").g.name
    'hflip'
    """
    fields = serial.read(path)
    try:
        return Map(**fields)
    except (TypeError, ValueError) as error:
        raise serial.FILE.damaged(path, error) from error


@lru_cache(maxsize=64)
def _action(g: Transform, grid: Grid, interpolation: str) -> GridAction:
    return grid_action(g, grid, None, interpolation)
