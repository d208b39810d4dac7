"""invert: a picture that a HOG field describes."""

from __future__ import annotations

from typing import Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from equivfast.inversion.dictionary import SETTINGS
from equivfast.inversion.gradient import invert_gradient
from equivfast.inversion.paired import invert_paired
from equivfast.representations import HOG

METHODS = ("paired", "gradient")

FieldT = TypeVar("FieldT", Tensor, np.ndarray)


class Progress(Protocol):
    """What is called to say how far the work has come."""

    def __call__(self, stage: str, done: int, total: int) -> None: ...


def pairable(phi: HOG) -> bool:
    """Whether the paired dictionary knows fields of this HOG: uoctti, cells of 8 pixels, 9 orientations.

    >>> pairable(HOG(cell=8)), pairable(HOG(cell=4))
    (True, False)
    """
    known = (SETTINGS.variant, SETTINGS.cell, SETTINGS.orientations)
    return (phi.variant, phi.cell, phi.orientations) == known


def invert(
    field: FieldT,
    phi: HOG | None = None,
    method: str = "paired",
    *,
    size: tuple[int, int] | None = None,
    steps: int = 200,
    seed: int = 0,
    progress: Progress | None = None,
) -> FieldT:
    """A grey picture that looks to HOG as the field says: what HOG has kept of an image, made visible.

    Shapes      field (d, H, W) -> (h, w), (n, d, H, W) -> (n, h, w); NumPy in, NumPy out, torch in, torch out; float32.
                `size` is the (h, w) of the image that the field came from: cells times their pixels by default
    Units       grey values 0..255. HOG has lost brightness and contrast: the picture has a full range of its own, and
                `dalal-triggs`, which has no directed channels, does not tell a picture from its negative
    Definition  ``paired``: windows of 5 x 5 cells as sparse non-negative sums of atoms of a dictionary (lasso, all
                windows together); each atom has a picture, the sums of pictures are joined into one. Blurred, as HOG
                is about what lies where in a cell. For ``uoctti`` with cells of 8 pixels and 9 orientations.
                ``gradient``: |phi(x) - field|^2 / |field|^2 + 3e-4 times the mean slope of x, minimised by at most
                `steps` iterations of L-BFGS through the gradient of HOG, ended early when they gain nothing; for any
                HOG, taken with bilinear assignment, which has more of a gradient. It begins with the paired picture,
                or with noise (from `seed`) on a net of two cells that is made finer and finer. Sharp, and some of its
                sharpness is made up
    Cost        paired: 12 sweeps of 2 K^2 operations, K = 1024, for every second cell each way. gradient: about `steps`
                times HOG and its gradient
    Source      Vondrick, Khosla, Malisiewicz, Torralba, HOGgles: Visualizing Object Detection Features, ICCV 2013;
                Mahendran, Vedaldi, Understanding Deep Image Representations by Inverting Them, CVPR 2015
    Raises      ValueError for a field that does not have phi's channels or holds NaN, a size whose field is of another
                shape, an unknown method, and settings that the paired dictionary was not made for

    >>> import numpy as np
    >>> import equivfast as ef
    >>> cat = ef.data.photographs(["cat"])[0].image
    >>> phi = ef.representations.HOG(cell=8)
    >>> field = ef.hog(cat, assignment="bilinear")
    >>> seen = ef.inversion.invert(field, phi, size=cat.shape[:2])
    >>> print(seen.shape, seen.dtype)
    (300, 451) float32
    >>> print(np.corrcoef(seen.ravel(), cat.mean(axis=2).ravel())[0, 1] > 0.6)
    True
    """
    phi = HOG() if phi is None else phi
    if not isinstance(phi, HOG):
        raise ValueError(f"invert: phi must be a representations.HOG, got {phi!r}")
    if method not in METHODS:
        raise ValueError(f"invert: method must be one of {', '.join(METHODS)}, got {method!r}")
    if method == "paired" and not pairable(phi):
        raise ValueError(
            "invert: method 'paired' knows variant 'uoctti' with cell 8 and 9 orientations only, 'gradient' works "
            f"for every HOG; got {phi.variant!r}, cell {phi.cell}, {phi.orientations} orientations"
        )
    if steps < 1:
        raise ValueError(f"invert: steps must be at least 1, got {steps}")
    fields = _fields(field, phi)
    shape: tuple[int, int] = _size(fields, phi, size)
    with torch.no_grad():
        pictures = invert_paired(fields, shape) if pairable(phi) and len(fields) else None
    if method == "gradient":
        pictures = _descend(fields, phi, shape, pictures, steps, seed, progress)
    found = fields.new_zeros((0, *shape)) if pictures is None else pictures
    found = found if field.ndim == 4 else found[0]
    return found if isinstance(field, Tensor) else found.numpy()


def _descend(
    fields: Tensor,
    phi: HOG,
    size: tuple[int, int],
    starts: Tensor | None,
    steps: int,
    seed: int,
    progress: Progress | None,
) -> Tensor:
    """Picture by picture: one line search for all would take the shortest step that any of them needs."""
    found = []
    with torch.enable_grad():
        for k, field in enumerate(fields):

            def report(done: int, total: int, k: int = k) -> None:
                if progress is not None:
                    progress("inversion", k * total + done, len(fields) * total)

            start = None if starts is None else starts[k]
            found.append(invert_gradient(field, phi, size, start, steps, seed, report))
    return torch.stack(found) if found else fields.new_zeros((0, *size))


def _fields(field: Tensor | np.ndarray, phi: HOG) -> Tensor:
    """The field as a finite float32 batch on the CPU."""
    raw = torch.as_tensor(field)
    if raw.ndim not in (3, 4) or raw.shape[-3] != phi.channels or 0 in raw.shape[-2:]:
        raise ValueError(
            f"invert: field must be ({phi.channels}, H, W) or (n, {phi.channels}, H, W) for {phi.variant} with "
            f"{phi.orientations} orientations, got {tuple(raw.shape)}"
        )
    if not raw.is_floating_point():
        raise ValueError(f"invert: field must hold floating-point numbers, got {raw.dtype}")
    batch = raw.detach().to("cpu", torch.float32)
    if not bool(torch.isfinite(batch).all()):
        raise ValueError("invert: field must be finite, got NaN or infinity")
    return batch if batch.ndim == 4 else batch[None]


def _size(fields: Tensor, phi: HOG, size: tuple[int, int] | None) -> tuple[int, int]:
    """The picture's (h, w), which must have a field of the shape that was given."""
    H, W = int(fields.shape[2]), int(fields.shape[3])
    margin = 2 if phi.variant == "dpm" else 0
    shape: tuple[int, int] = ((H + margin) * phi.cell, (W + margin) * phi.cell)
    if size is not None:
        shape = (int(size[0]), int(size[1]))
    grid = phi.grid(*shape)
    if (grid.height, grid.width) != (H, W):
        raise ValueError(
            f"invert: size must be the (h, w) of an image with {H}x{W} cells, "
            f"got {shape} with {grid.height}x{grid.width}"
        )
    return shape
