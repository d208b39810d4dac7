"""scikit-image: ``hog`` takes the place of ``skimage.feature.hog``."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from skimage.feature import hog as _original  # kept: a program may put ours in its place

from equivfast import _core
from equivfast.compat import _skimage_picture

__all__ = ["hog"]

BLOCK_NORMS = ("L1", "L1-sqrt", "L2", "L2-Hys")  # BlockNorm of csrc/ops/skimage_hog.hpp
MAX_ORIENTATIONS = 256  # beyond, multiples of 45 degrees are no longer safe ties (csrc/math/half_turn.hpp)
MAX_SIDE = 2**31 - 1  # scikit-image counts pixels in C ints

_CODES = {np.dtype(np.uint8): 0, np.dtype(np.float32): 1, np.dtype(np.float64): 2}
# What the kernel reads instead; every difference of these integers is a float32 number.
_READ_AS: dict[str, Any] = {
    "?": np.uint8, "B": np.uint8, "b": np.float32, "h": np.float32, "H": np.float32, "e": np.float32,
    "f": np.float32,
}  # fmt: skip
_ROOTS = np.sqrt(np.arange(256.0))
_UNDECIDED = np.dtype([("cell", "i8"), ("gradient_y", "f8"), ("gradient_x", "f8"), ("share", "f8")])


def _channels_last(function: Callable[..., Any]) -> Callable[..., Any]:
    """scikit-image's channel_as_last_axis: only an image given by position has its axes moved."""

    @functools.wraps(function)
    def moved(*args: Any, **kwargs: Any) -> Any:
        axis: Any = kwargs.get("channel_axis")
        if axis is None:
            return function(*args, **kwargs)
        if np.isscalar(axis):
            axis = (axis,)
        if len(axis) > 1:
            raise ValueError("only a single channel axis is currently supported")
        if axis != (-1,):
            args = tuple(np.moveaxis(arg, axis[0], -1) if i == 0 else arg for i, arg in enumerate(args))
            kwargs["channel_axis"] = -1
        return function(*args, **kwargs)

    return moved


@_channels_last
def hog(
    image: ArrayLike,
    orientations: int = 9,
    pixels_per_cell: Sequence[int] = (8, 8),
    cells_per_block: Sequence[int] = (3, 3),
    block_norm: str = "L2-Hys",
    visualize: bool = False,
    transform_sqrt: bool = False,
    feature_vector: bool = True,
    *,
    channel_axis: int | None = None,
) -> Any:
    """``skimage.feature.hog``: the same arguments, results and errors, sooner.

    Shapes      (h, w), or (h, w, c) with ``channel_axis`` -> (n_blocks_row, n_blocks_col, n_cells_row, n_cells_col,
                orientations), flat with ``feature_vector``; with ``visualize`` also the picture, (h, w). float16 and
                float32 give float32, all others float64
    Units       intensities as they are: the 1e-5 in every norm is in their unit
    Definition  per pixel the centred difference of the strongest channel (across the image's edges 0), its length in
                one of ``orientations`` bins of the half turn; cells are means of ``pixels_per_cell`` pixels that do not
                overlap; each block of ``cells_per_block`` cells is divided by its norm
    Symmetry    none is exact: bins begin at 0 degrees, and a tie goes to the upper bin
    Cost        reads the image once; about 50 operations per pixel and the block numbers, written once. Threads as
                ``torch.set_num_threads`` has them; the result is that of one thread
    Source      Dalal & Triggs 2005; the values of scikit-image 0.26, within 1e-6 (its own sums are float32)
    Raises      what scikit-image raises: arguments that the kernel does not take (images too small, unknown norms,
                cells of one pixel with ``visualize``) are passed on to it. NaN and infinities give its values, without
                its RuntimeWarnings

    >>> import numpy as np
    >>> from equivfast.compat.skimage import hog
    >>> image = np.tile(np.arange(32, dtype=np.uint8), (32, 1))     # brighter to the right: 0 degrees
    >>> hog(image, cells_per_block=(1, 1), block_norm="L1").reshape(-1, 9)[5].round(3)
    array([1., 0., 0., 0., 0., 0., 0., 0., 0.])
    """
    options = {
        "orientations": orientations, "pixels_per_cell": pixels_per_cell, "cells_per_block": cells_per_block,
        "block_norm": block_norm, "visualize": visualize, "transform_sqrt": transform_sqrt,
        "feature_vector": feature_vector,
    }  # fmt: skip
    pixels = np.atleast_2d(cast(Any, image))
    colour = channel_axis is not None
    sizes = _sizes(pixels, colour, orientations, pixels_per_cell, cells_per_block)
    if sizes is None or block_norm not in BLOCK_NORMS or (visualize and 1 in sizes[:2]):
        return _original(image, **options, channel_axis=channel_axis)
    dtype = np.float32 if pixels.dtype.char in "ef" else np.float64
    if transform_sqrt:
        of_bytes = pixels.dtype == np.uint8
        pixels = np.take(_ROOTS, pixels) if of_bytes else np.sqrt(pixels.astype(dtype, copy=False))
    histogram = _histogram(pixels if colour else pixels[..., None], orientations, sizes[:2])
    picture = None
    if visualize:
        picture = _skimage_picture.picture(histogram, pixels.shape[:2], sizes[:2], dtype)
    blocks = _blocks(histogram, sizes[2:], BLOCK_NORMS.index(block_norm), dtype)
    if feature_vector:
        blocks = blocks.ravel()
    return (blocks, picture) if visualize else blocks


def _sizes(
    pixels: NDArray[Any], colour: bool, orientations: object, cell: object, block: object
) -> tuple[int, int, int, int] | None:
    """Pixels of a cell and cells of a block; None where scikit-image has to compute, or to refuse."""
    if type(pixels) is not np.ndarray or pixels.dtype.kind not in "biuf" or pixels.ndim != 2 + colour:
        return None
    pairs = (cell, block)
    if not all(isinstance(pair, (tuple, list, np.ndarray)) and len(pair) == 2 for pair in pairs):
        return None
    numbers = [orientations, *cast(Any, cell), *cast(Any, block)]
    if not all(type(number) is int or isinstance(number, np.integer) for number in numbers):
        return None
    n, *sizes = map(int, numbers)
    if not 1 <= n <= MAX_ORIENTATIONS or min(sizes) < 1 or max(sizes) > MAX_SIDE or pixels.shape[-1] == 0:
        return None
    if any(pixels.shape[axis] // sizes[axis] < sizes[2 + axis] for axis in (0, 1)):
        return None
    return cast(tuple[int, int, int, int], tuple(sizes))


def _readable(pixels: NDArray[Any]) -> NDArray[Any]:
    """As the kernel reads it: the same memory where that is possible."""
    wanted = np.dtype(_READ_AS.get(pixels.dtype.char, np.float64))
    if pixels.dtype == np.bool_:
        return pixels.view(np.uint8)
    if pixels.dtype != wanted or not pixels.flags.aligned:  # other byte orders are other dtypes
        return pixels.astype(wanted)
    return pixels


def _histogram(pixels: NDArray[Any], n: int, cell: Sequence[int]) -> NDArray[np.float32]:
    """(rows, columns, n): the histograms of all cells of (h, w, c); rows have room for the kernel's vectors."""
    pixels = _readable(pixels)
    (h, w, c), (step_y, step_x, step_c) = pixels.shape, pixels.strides
    rows, columns, size = h // cell[0], w // cell[1], pixels.itemsize
    memory = np.empty((rows, _core.skimage_hog_pitch(columns, n)), np.float32)
    undecided = _core.skimage_hog_cells(
        pixels.ctypes.data, _CODES[pixels.dtype], (c, h, w), (step_c // size, step_y // size, step_x // size),
        n, cell[0], cell[1], memory.ctypes.data, memory.shape[1], torch.get_num_threads(),
    )  # fmt: skip
    if undecided:
        _settle(np.frombuffer(undecided, _UNDECIDED), memory.reshape(-1), n)
    return np.lib.stride_tricks.as_strided(memory, (rows, columns, n), (memory.strides[0], 4 * n, 4))


def _settle(undecided: NDArray[Any], histogram: NDArray[np.float32], n: int) -> None:
    """Adds pixels whose bin NumPy's arctan2 decides in its last digit; a NaN is in every bin, 180 degrees in none."""
    with np.errstate(invalid="ignore", over="ignore"):
        angle = np.rad2deg(np.arctan2(undecided["gradient_y"], undecided["gradient_x"])) % 180
        share = undecided["share"].astype(np.float32)
    bins = np.searchsorted(180.0 / n * np.arange(1, n + 1), angle, side="right")
    every = np.isnan(angle)
    one = (bins < n) & ~every
    np.add.at(histogram, (undecided["cell"] + bins)[one], share[one])
    np.add.at(histogram, undecided["cell"][every, None] + np.arange(n), share[every, None])


def _blocks(
    histogram: NDArray[np.float32], block: Sequence[int], norm: int, dtype: type[np.floating[Any]]
) -> NDArray[Any]:
    rows, columns, n = histogram.shape
    out = np.empty((rows - block[0] + 1, columns - block[1] + 1, *block, n), dtype)
    _core.advise_huge_pages(out.ctypes.data, out.nbytes)
    _core.skimage_hog_blocks(
        histogram.ctypes.data, histogram.strides[0] // 4, rows, columns, n, block[0], block[1], norm,
        out.ctypes.data, _CODES[out.dtype], torch.get_num_threads(),
    )  # fmt: skip
    return out
