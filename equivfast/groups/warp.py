"""Transformed images: `warp` on the image's own canvas, `window` cut out of a larger photograph."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray

from equivfast.groups._checks import number_pair, one_of, shown, whole_number
from equivfast.groups._pictures import Image, Picture
from equivfast.groups._sampling import BORDERS, Blur, interpolate, move
from equivfast.groups._transform import Transform
from equivfast.groups.transforms import identity

# Source points this near to pixel centres are those pixels; this far beyond the canvas's edge is inside.
_EXACT = 1e-6


def warp(
    image: Image, g: Transform, *, border: str = "reflect", expand: bool = False, antialias: bool = True
) -> tuple[Image, Image]:
    """The transformed image g x, and the mask of the pixels whose content comes from inside the image.

    Shapes     torch (n, c, h, w) or NumPy (h, w), (h, w, c) -> the same kind, and bool (h, w)
    Units      any intensity scale; floats keep their dtype, uint8 comes out as float32 without rounding or
               clipping (a cubic overshoots at sharp edges, by up to about a fifth of the step)
    Definition (g x)(p) = x(g^-1 p), p centred pixel coordinates, on the same canvas; `expand=True` takes
               the smallest canvas with the same centre that holds the whole transformed image. Where g^-1 p
               leaves the canvas the border rule speaks: "reflect" (mirror image, edge pixel repeated),
               "edge" or "zeros"; the mask is True where g^-1 p lies within the canvas, half a pixel around
               the outer pixel centres. Between pixels: the interpolating cubic B-spline; along directions
               that g shrinks to a share s < 1 the image is first smoothed by a Gaussian of variance (s^-2 -
               1) / 4 (`antialias=False`: not).
    Symmetry   flips, quarter turns and shifts by whole pixels move pixels, bit for bit.
    Gradient   torch: with respect to the image (the warp is linear in it).
    Raises     ValueError for a wrong kind, rank, dtype, size, border or g, NaN or infinite pixels, and for
               a quarter turn of an image that is not square without `expand=True`.

    >>> import numpy as np
    >>> from equivfast.groups import rotation
    >>> turned, mask = warp(np.array([[1.0, 2.0], [3.0, 4.0]]), rotation(90))
    >>> turned.tolist(), bool(mask.all())
    ([[2.0, 4.0], [1.0, 3.0]], True)
    """
    picture = Picture.read("warp", "image", image)
    _check("warp", g, border)
    height, width = picture.size
    if expand:
        reach = np.abs(g.linear) @ [width / 2, height / 2] + np.abs(g.offset)
        shape = (max(1, math.ceil(2 * reach[1] - _EXACT)), max(1, math.ceil(2 * reach[0] - _EXACT)))
    else:
        shape = picture.size
        if height != width and whole_move(np.column_stack([g.linear, np.zeros(2)])) and g.linear[0, 0] == 0:
            raise ValueError(
                f"warp: expand must be True for a quarter turn of an image that is not square, "
                f"got {height} x {width} and g = {g.name}"
            )
    return _resample(picture, g, (np.array([width, height]) - 1) / 2, shape, border, antialias)


def window(
    photo: Image,
    centre: tuple[float, float],
    size: int,
    g: Transform | None = None,
    *,
    border: str = "reflect",
    antialias: bool = True,
) -> tuple[Image, Image]:
    """The size x size patch of the transformed photograph around `centre`, and its mask.

    The content comes from the photograph itself, so the corners of a turned patch are real. Only the pixels
    that the patch needs are read and filtered.

    Shapes     torch (n, c, h, w) or NumPy (h, w), (h, w, c) -> the same kind with h = w = size, and bool
               (size, size)
    Units      centre = (x, y) in pixel indices of the photograph, half-integers included: a patch of even
               size has its centre between pixels
    Definition patch(p) = photo(centre + g^-1 p), p in centred coordinates of the patch; otherwise as `warp`
    Symmetry   where the source points are whole pixels (centre matching the size; g a flip, quarter turn,
               shift by whole pixels) the patch is an exact crop, moved bit for bit.
    Raises     ValueError as `warp`; a size below 1; a centre that is no pair of numbers.

    >>> import numpy as np
    >>> photo = np.arange(25, dtype=np.uint8).reshape(5, 5)
    >>> patch, mask = window(photo, (1.5, 2.5), 2)
    >>> patch.tolist(), bool(mask.all())
    ([[11.0, 12.0], [16.0, 17.0]], True)
    """
    picture = Picture.read("window", "photo", photo)
    g = identity() if g is None else g
    _check("window", g, border)
    place = np.array(number_pair("window", "centre", centre))
    size = whole_number("window", "size", size, 1)
    return _resample(picture, g, place, (size, size), border, antialias)


def _check(function: str, g: Transform, border: str) -> None:
    if not isinstance(g, Transform):
        raise ValueError(f"{function}: g must be a Transform, got {shown(g)}")
    one_of(function, "border", border, BORDERS)


def _resample(
    picture: Picture,
    g: Transform,
    centre: NDArray[np.float64],
    shape: tuple[int, int],
    border: str,
    antialias: bool,
) -> tuple[Image, Image]:
    """Read the picture at centre + g^-1 p for the pixels p of a canvas of that shape."""
    back = g.inverse()
    corner = (np.array([shape[1], shape[0]]) - 1) / 2
    to_source = np.column_stack([back.linear, back.offset - back.linear @ corner + centre])
    if whole_move(to_source):
        planes = _moved(picture, np.rint(to_source), shape, border)
    else:
        blur = Blur.of(back.linear) if antialias else Blur()
        planes = interpolate(picture, to_source, shape, border, blur)
    return picture.finish(planes, _mask(picture, to_source, shape))


def whole_move(to_source: NDArray[np.float64]) -> bool:
    """True when pixel centres come from pixel centres, one for one."""
    entries, offset = np.abs(to_source[:, :2]), to_source[:, 2]
    permutes = np.array_equal(entries, np.eye(2)) or np.array_equal(entries, np.eye(2)[::-1])
    return bool(permutes and np.abs(offset - np.rint(offset)).max() <= _EXACT)


def _moved(
    picture: Picture, to_source: NDArray[np.float64], shape: tuple[int, int], border: str
) -> torch.Tensor:
    (a, b, tx), (c, d, ty) = to_source.tolist()
    y, x = (torch.arange(length, dtype=torch.float64, device=picture.device) for length in shape)
    if b == 0:
        return move(picture, d * y + ty, a * x + tx, border)
    return move(picture, c * x + ty, b * y + tx, border).transpose(1, 2)


def _mask(picture: Picture, to_source: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.bool_]:
    y, x = np.arange(shape[0])[:, None], np.arange(shape[1])
    inside = np.ones(shape, dtype=np.bool_)
    for (a, b, t), length in zip(to_source.tolist(), picture.size[::-1], strict=True):
        place = a * x + b * y + t
        inside &= (place >= -0.5 - _EXACT) & (place <= length - 0.5 + _EXACT)
    return inside
