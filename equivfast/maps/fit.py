"""fit, fit_pairs: maps from images, from pairs of fields."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import torch

from equivfast.groups import Grid, Transform
from equivfast.maps import permutation as exact
from equivfast.maps.collect import Features, Frame, batches, collect
from equivfast.maps.map import Map
from equivfast.maps.solve import LEARNED, solve
from equivfast.maps.statistics import Statistics

GIVEN = ("permutation", "cells", "identity")


def fit_pairs(
    pairs: Iterable[tuple[Any, Any]],
    g: Transform,
    source: Grid,
    target: Grid,
    method: str = "ridge",
    *,
    kind: str = "shared",
    support: int | None = 3,
    interpolation: str = "nearest",
    device: torch.device | str = "cpu",
    **solver: Any,
) -> Map:
    """The map that fits pairs of fields, streamed once.

    Shapes     pairs: (x (n, c, H, W), y (n, d, H', W')) batches on the grids `source` and `target`
    Definition `Statistics` over all pairs, then `solve`; `solver` are its `nonzeros` and `ridge`.
    Raises     ValueError as these do, and when there is no pair.

    >>> from equivfast.groups import hflip
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(9, 2, 4, 4))
    >>> grid = Grid.centred(4, 4, stride=8)
    >>> M = fit_pairs([(x, 2 * x[..., ::-1])], hflip(), grid, grid, "least_squares", support=1)
    >>> bool(np.allclose(M.weight, 2 * np.eye(2)))
    True
    """
    stream = iter(pairs)
    first = next(stream, None)
    if first is None:
        raise ValueError("fit_pairs: pairs must hold at least one pair of batches, got none")
    if not all(getattr(field, "ndim", 0) == 4 for field in first):
        shapes = [tuple(getattr(field, "shape", ())) for field in first]
        raise ValueError(f"fit_pairs: pairs must be of fields (n, c, H, W), got {shapes}")
    channels = (first[0].shape[1], first[1].shape[1])
    statistics = Statistics(
        g, source, target, channels, kind=kind, support=support, interpolation=interpolation, device=device
    )
    for x, y in itertools.chain([first], stream):
        statistics.update(x, y)
    return solve(statistics, method, **solver)


def fit(
    phi: Features,
    g: Transform,
    images: Iterable[Any],
    method: str = "ridge",
    *,
    kind: str = "shared",
    nonzeros: int = 5,
    ridge: float = 1e-3,
    **collecting: Any,
) -> Map:
    """The map with M(phi(x)) ~ phi(g x), learned from images or known beforehand.

    Shapes     images: torch (c, h, w) or (n, c, h, w), NumPy (h, w) or (h, w, c)
    Definition learned: `collect` (which see for `support`, `border_cells` and the rest), then `solve`. "permutation":
               cells moved by g, channels by phi.channel_action(g). "cells" and "identity" are the controls: cells
               moved and channels untouched; nothing done. These three only ask the first image for its size.
    Raises     ValueError as `collect` and `solve` do; "permutation" where the representation has none for g.

    >>> from equivfast.groups import hflip
    >>> from equivfast.representations import HOG
    >>> images = torch.rand(4, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    >>> M, P = (fit(HOG(), hflip(), images, method, support=1) for method in ("least_squares", "permutation"))
    >>> field = HOG()(images)
    >>> bool((M(field) - P(field)).abs().max() < 0.01)
    True
    """
    if method not in (*LEARNED, *GIVEN):
        raise ValueError(f"fit: method must be one of {', '.join((*LEARNED, *GIVEN))}, got {method!r}")
    if method in LEARNED:
        return solve(collect(phi, g, images, kind=kind, **collecting), method, nonzeros=nonzeros, ridge=ridge)
    first = next(batches(images, 1), None)
    if first is None:
        raise ValueError("fit: images must hold at least one image, got none")
    border, edge = collecting.get("border_cells", 2), collecting.get("border", "reflect")
    frame = Frame(phi, g, (first.shape[2], first.shape[3]), kind, border, edge)
    source, target = frame.source, frame.target
    if method == "permutation":
        return exact.permutation(g, source, phi.channel_action(g), kind=kind, target=target)
    if method == "cells":
        return exact.cells(g, source, phi.channels, kind=kind, target=target)
    return exact.identity(source, phi.channels, kind=kind, target=target)
