"""Transformations g of the plane: their algebra, what they do to images and to grids of cells."""

from __future__ import annotations

from equivfast.groups.grid import Grid, GridAction, grid_action, neighbourhood
from equivfast.groups.prepared import PreparedWarp
from equivfast.groups.sampler import Sampler
from equivfast.groups.transforms import (
    Transform,
    affine,
    hflip,
    identity,
    parse,
    rotation,
    scaling,
    translation,
    vflip,
)
from equivfast.groups.warp import warp, window

__all__ = [
    "Grid",
    "GridAction",
    "PreparedWarp",
    "Sampler",
    "Transform",
    "affine",
    "grid_action",
    "hflip",
    "identity",
    "neighbourhood",
    "parse",
    "rotation",
    "scaling",
    "translation",
    "vflip",
    "warp",
    "window",
]
