"""hog: histogram of oriented gradients."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import torch

from equivfast import _core
from equivfast.ops import _check
from equivfast.ops._cells import padded_cells
from equivfast.ops._register import DTYPE_CODES, LIBRARY, define, planes, threads, unseen

VARIANTS = ("uoctti", "dalal-triggs", "dpm")
ASSIGNMENTS = ("nearest", "bilinear")
LAYOUTS = ("channels", "cells")
MAX_ORIENTATIONS = 128  # kMaxOrientations of csrc/math/orientation.hpp

ImageT = TypeVar("ImageT", torch.Tensor, np.ndarray)

_SCHEMA = "hog(Tensor image, int cell, int orientations, str variant, str assignment, str layout) -> Tensor"
_BACKWARD_SCHEMA = (
    "hog_backward(Tensor grad, Tensor image, "
    "int cell, int orientations, str variant, str assignment) -> Tensor"
)


def _check_settings(cell: int, orientations: int, variant: str, assignment: str, layout: str) -> None:
    _check.choice("hog", "variant", variant, VARIANTS)
    _check.choice("hog", "assignment", assignment, ASSIGNMENTS)
    _check.choice("hog", "layout", layout, LAYOUTS)
    if cell < 1:
        raise ValueError(f"hog: cell must be at least 1 pixel, got {cell}")
    if not 1 <= orientations <= MAX_ORIENTATIONS:
        raise ValueError(f"hog: orientations must be 1..{MAX_ORIENTATIONS}, got {orientations}")
    if variant == "dpm" and assignment != "nearest":
        raise ValueError(f"hog: variant 'dpm' is defined for assignment 'nearest' only, got {assignment!r}")


def _field_shape(
    h: int, w: int, cell: int, orientations: int, variant: str, assignment: str, layout: str
) -> tuple[int, int, int]:
    """(d, H, W) of images (h, w)."""
    _check_settings(cell, orientations, variant, assignment, layout)
    d, rows, columns = _core.hog_shape(h, w, cell, orientations, VARIANTS.index(variant))
    if rows < 1 or columns < 1:
        need = (5 * cell + 1) // 2 if variant == "dpm" else cell - cell // 2
        raise ValueError(
            f"hog: image {h}x{w} (height x width) holds no cell of {cell} pixels; "
            f"it must be at least {need} pixels each way"
        )
    return d, rows, columns


# On small images the checks count: they are made once for all calls that are alike.
_known_field_shape = functools.lru_cache(1024)(_field_shape)


def _quick_field_shape(*arguments: Any) -> tuple[int, int, int]:
    try:
        return _known_field_shape(*arguments)
    except TypeError:  # something that cannot be hashed: the checks say what
        return _field_shape(*arguments)


def _output(
    field_shape: Callable[..., tuple[int, int, int]], image: torch.Tensor, layout: str, *settings: Any
) -> torch.Tensor:
    _check.rank("hog", "image", image, (4,), "(n, c, h, w)")
    _check.dtype("hog", "image", image, tuple(DTYPE_CODES))
    n, c, h, w = image.shape
    d, rows, columns = field_shape(h, w, *settings, layout)
    if c < 1:
        raise ValueError(f"hog: image must have at least one channel, got {_check.shape_of(image)}")
    dtype = torch.float32 if image.dtype == torch.uint8 else image.dtype
    if layout == "channels":
        return image.new_empty((n, d, rows, columns), dtype=dtype)
    return padded_cells(image, (n, d, rows, columns), dtype)  # the kernel clears the padding


def _infer(
    image: torch.Tensor, cell: int, orientations: int, variant: str, assignment: str, layout: str
) -> torch.Tensor:
    return _output(_field_shape, image, layout, cell, orientations, variant, assignment)


def _run(
    image: torch.Tensor, cell: int, orientations: int, variant: str, assignment: str, layout: str
) -> torch.Tensor:
    out = _output(_quick_field_shape, image, layout, cell, orientations, variant, assignment)
    if image.shape[0] == 0:
        return out
    _core.advise_huge_pages(out.data_ptr(), out.nbytes)
    _core.hog(
        image.data_ptr(), DTYPE_CODES[image.dtype], image.shape, image.stride(),
        out.data_ptr(), out.shape, out.stride(),
        cell, orientations, VARIANTS.index(variant), assignment == "bilinear", layout == "cells", threads(),
    )  # fmt: skip
    return out


def _infer_backward(
    grad: torch.Tensor, image: torch.Tensor, cell: int, orientations: int, variant: str, assignment: str
) -> torch.Tensor:
    out = _infer(image, cell, orientations, variant, assignment, "channels")
    if image.dtype == torch.uint8:
        raise ValueError("hog: only float32 and float64 images have gradients, got uint8")
    if grad.shape != out.shape or grad.dtype != out.dtype:
        raise ValueError(
            f"hog: the gradient must be {out.dtype} {_check.shape_of(out)}, "
            f"got {grad.dtype} {_check.shape_of(grad)}"
        )
    return torch.empty_like(image)


def _run_backward(
    grad: torch.Tensor, image: torch.Tensor, cell: int, orientations: int, variant: str, assignment: str
) -> torch.Tensor:
    out = _infer_backward(grad, image, cell, orientations, variant, assignment)
    if image.shape[0] == 0:
        return out
    _core.advise_huge_pages(out.data_ptr(), out.nbytes)
    _core.hog_backward(
        image.data_ptr(), DTYPE_CODES[image.dtype], image.shape, image.stride(),
        grad.data_ptr(), grad.shape, grad.stride(), out.data_ptr(), out.stride(),
        cell, orientations, VARIANTS.index(variant), assignment == "bilinear", threads(),
    )  # fmt: skip
    return out


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
    ctx.save_for_backward(inputs[0])
    ctx.settings = inputs[1:5]


def _backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
    (image,) = ctx.saved_tensors
    return _hog_backward(grad, image, *ctx.settings), None, None, None, None, None


def _refuse(ctx: Any, *grads: Any) -> None:
    raise RuntimeError("hog: second derivatives are not available in this version")


_hog = define(_SCHEMA, _infer, _run)
_hog_backward = define(_BACKWARD_SCHEMA, _infer_backward, _run_backward)
torch.library.register_autograd("equivfast::hog", _backward, setup_context=_setup_context, lib=LIBRARY)
torch.library.register_autograd("equivfast::hog_backward", _refuse, lib=LIBRARY)


def hog(
    image: ImageT,
    cell: int = 8,
    orientations: int = 9,
    variant: str = "uoctti",
    assignment: str = "nearest",
    layout: str = "channels",
) -> ImageT:
    """Histogram of oriented gradients of an image, as a feature field.

    Shapes      torch (n, c, h, w) -> (n, d, H, W); NumPy (h, w) or (h, w, c) -> (d, H, W). uint8 or float32 in,
                float32 out; float64 in and out; any strides. H = (h + cell // 2) // cell, and so W; for ``dpm``
                round(h / cell) - 2. d = 3 * orientations + 4, or 4 * orientations for ``dalal-triggs``.
                ``layout="cells"``: the same shape, as a view of (n, H, W, d padded to 16) memory.
    Units       intensities as they are: the 1e-4 under the square root is in their square, so images in 0..1 and
                in 0..255 differ slightly where they are flat
    Definition  per pixel (but the outermost ring) the centred difference of the strongest channel, its length
                split between the four nearest cells and one bin (``nearest``) or two (``bilinear``); cells
                normalised by their four 2 x 2 blocks and clipped at 0.2. Channels: ``uoctti`` and ``dpm`` 2n directed
                bins, n undirected, 4 textures; ``dalal-triggs`` n undirected bins for blocks TL, TR, BL, BR
    Symmetry    flips and turns act by a permutation of cells and channels, exactly when h and w are multiples of
                ``cell``: half turns always, quarter turns if orientations is even, flips if the assignment is
                ``bilinear`` or orientations a multiple of 4 (else gradients that tie between bins break them). The
                permutations: ``equivfast.representations.HOG.channel_action``
    Gradient    with respect to float images, once; channel, bin and clipping count as constants, and where the image
                is flat it is 0
    Cost        reads the image once, writes the field once; about 30 operations per pixel
    Source      Dalal & Triggs 2005; Felzenszwalb et al. 2010. Values of VLFeat 0.9.21 (``uoctti``,
                ``dalal-triggs``) and voc-dpm (``dpm``), first channel and lowest bin on ties
    Raises      ValueError for a wrong rank, dtype, name or size, and an image that holds no cell. NaN and infinity are
                not searched for: they spread to the cells around them

    >>> import numpy as np
    >>> import equivfast as ef
    >>> ef.hog(np.zeros((64, 48, 3), np.uint8)).shape
    (31, 8, 6)
    """
    _check.whole("hog", "cell", cell)
    _check.whole("hog", "orientations", orientations)
    tensor = planes("hog", "image", image)
    if isinstance(image, np.ndarray):
        return _run(tensor, cell, orientations, variant, assignment, layout).numpy()[0]
    _check.dense("hog", "image", tensor)
    _check.on_cpu("hog", "image", tensor)
    run = _run if unseen(tensor) else _hog
    return run(tensor, cell, orientations, variant, assignment, layout)
