"""assert_equivariant: a test of any callable whose failure says why, as an error budget."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from equivfast import data
from equivfast.groups import Grid, Transform, parse
from equivfast.maps import Map
from equivfast.measures._budget_call import Phi, resting
from equivfast.measures.budget import Budget, error_budget

__all__ = ["assert_equivariant"]

Action = Sequence[int] | NDArray[np.int64] | Callable[[Transform], Any] | None
# In colour, with objects: textures say little about what a network was made for.
_PHOTOGRAPHS = ("astronaut", "cat", "china", "coffee", "flower", "motorcycle", "rocket", "coins")
_CROPS = 2  # of each


def assert_equivariant(
    fn: Callable[..., Any],
    g: Transform | str | Sequence[Transform | str],
    tol: float = 1e-4,
    *,
    images: Any = None,
    channel_action: Action = None,
    map: Map | None = None,
    grid: Grid | None = None,
    interior: bool = False,
    size: int | tuple[int, int] = 64,
    seed: int = 0,
) -> Any:
    """AssertionError unless fn(x) is fn(g x) with its cells moved back; the text holds the error budget and advice.

    Shapes     fn: images (n, c, h, w) -> (n, d, H, W), or vectors (n, d) for invariance; a torch module (put in eval
               mode meanwhile), or a function of torch tensors or NumPy arrays. g: one transformation, or a list
    Units      tol bounds the residual as a share of |fn(x) - mean|^2, a square: 1e-4 is 1 % of the spread
    Definition `error_budget` of each g with the same arguments; `channel_action` may also be a function g ->
               permutation. `interior=True` leaves the border's part out. Without `images`: 16 crops of embedded
               photographs, `size` pixels a side (or (h, w)), in 0..1, of 3 channels, or of 1 where fn fails on 3. Not
               noise: its finest detail is lost by any interpolation, and networks answer to it by nothing they were
               trained for, so that it condemns good networks and says nothing of bad ones.
    Returns    the `Budget`; a list of them for a list of g
    Raises     AssertionError as said; ValueError when an argument does not fit.

    >>> blur = torch.nn.AvgPool2d(3, stride=1)
    >>> [budget.real < 1e-9 for budget in assert_equivariant(blur, ["hflip", "rot90"])]
    [True, True]
    >>> assert_equivariant(lambda x: x[..., ::2, ::2], "hflip")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    AssertionError: assert_equivariant: hflip leaves a relative residual of 0.0..., tol is 0.0001
    ...
    """
    __tracebackhide__ = True  # pytest shows the caller's line
    if isinstance(tol, bool) or not isinstance(tol, (int, float)) or not 0 <= tol < math.inf:
        raise ValueError(f"assert_equivariant: tol must be a number from 0, got {tol!r}")
    single = isinstance(g, (str, Transform))
    transforms = [parse(h) if isinstance(h, str) else h for h in _listed(g)]
    if not transforms:
        raise ValueError("assert_equivariant: g must be a transformation or some, got an empty list")
    pixels = _crops_for(fn, size, seed) if images is None else images
    budgets, failures = [], []
    for h in transforms:
        order = channel_action(h) if callable(channel_action) else channel_action
        budget = error_budget(fn, h, pixels, map=map, channel_action=order, grid=grid, seed=seed)
        left = budget.total - budget.border if interior else budget.total
        budgets.append(budget)
        if not left <= tol:
            failures.append(_failure(budget, left, tol, interior))
    if failures:
        raise AssertionError("\n".join(failures))
    return budgets[0] if single else budgets


def _listed(g: Transform | str | Sequence[Transform | str]) -> list[Transform | str]:
    if isinstance(g, (str, Transform)):
        return [g]
    listed = list(g) if isinstance(g, Iterable) else [g]
    for h in listed:
        if not isinstance(h, (str, Transform)):
            raise ValueError(f"assert_equivariant: g must be transformations or their names, got {h!r}")
    return listed


def _failure(budget: Budget, left: float, tol: float, interior: bool) -> str:
    where = " on interior cells" if interior else ""
    head = f"{budget.transform} leaves a relative residual of {left:.3g}{where}, tol is {tol:g}"
    counted = [name for name in _ADVICE if not (interior and name == "border")]
    name = max(counted, key=lambda part: float(getattr(budget, part)))
    return f"assert_equivariant: {head}\n{budget.lines()}\n{_ADVICE[name](budget)}"


def _phase_advice(budget: Budget) -> str:
    return (
        f"stride phase: cells land {budget.offset / budget.stride:.3g} cells off ({budget.offset:.3g} pixels at stride "
        f"{budget.stride:.3g}): take sizes and paddings that lay the cells symmetric about the middle (with kernels of "
        "odd size and stride 2: odd sizes), shift by multiples of the stride, or blur before subsampling"
    )


_ADVICE: dict[str, Callable[[Budget], str]] = {
    "border": lambda _: "border: pad less, or compare interior cells: interior=True",
    "interpolation": lambda _: (
        "interpolation: no phi can do better on these images: set tol above it, test flips, quarter turns of square "
        "images and shifts by whole pixels, or take smoother images"
    ),
    "phase": _phase_advice,
    "real": lambda _: (
        "real: fn itself does not answer to g this way: if its channels should be permuted pass channel_action "
        "(channel i of g x is channel channel_action[i] of x), if they should be mixed pass map"
    ),
}


def _crops_for(fn: Callable[..., Any], size: int | tuple[int, int], seed: int) -> Tensor:
    """Crops of 3 channels, or of 1 where fn fails on the first of 3."""
    crops = _crops(_pair(size), seed)
    grey = crops.mean(1, keepdim=True)
    complaints = []
    for images in (crops, grey):
        try:
            with resting(fn):
                Phi("assert_equivariant", fn)(images[:1])
        except Exception as error:
            complaints.append(" ".join(f"{type(error).__name__}: {error}".split())[:200])
        else:
            return images
    raise ValueError(
        f"assert_equivariant: fn must take images (n, 3, {crops.shape[2]}, {crops.shape[3]}) or of 1 channel, "
        f"or images must be given; got {complaints[0]}; and {complaints[1]}"
    )


def _pair(size: Any) -> tuple[int, int]:
    pair = size if isinstance(size, (tuple, list)) else (size, size)
    whole = all(isinstance(v, (int, np.integer)) and not isinstance(v, bool) for v in pair)
    if len(pair) != 2 or not whole or not all(1 <= v <= 256 for v in pair):
        raise ValueError(f"assert_equivariant: size must be 1 to 256 pixels, or (h, w) of them, got {size!r}")
    return int(pair[0]), int(pair[1])


@lru_cache(maxsize=4)
def _crops(size: tuple[int, int], seed: int) -> Tensor:
    rng = np.random.default_rng(seed)
    found = []
    for photo in data.photographs(_PHOTOGRAPHS):
        for _ in range(_CROPS):
            top, left = (
                rng.integers(side - some + 1) for side, some in zip(photo.image.shape, size, strict=False)
            )
            found.append(photo.image[top : top + size[0], left : left + size[1]])
    return torch.from_numpy(np.stack(found)).permute(0, 3, 1, 2).contiguous().float() / 255
