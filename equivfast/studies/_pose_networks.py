"""Layers of networks in the pose study: how they are named, and how large the windows are that suit them."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from typing import Any, NamedTuple

from equivfast.data.heads import WINDOW
from equivfast.pose.prepared import described, prepared
from equivfast.pose.scaled import Pooled
from equivfast.representations import Layer

_FORM = "MODEL#LAYER or MODEL#LAYER@WEIGHTS"
# Cells along a window's side, as many as HOG has in the study; fewer where the window would have more numbers.
_CELLS, _FEWEST_CELLS, _MOST_NUMBERS = 13, 5, 25_000
_STEP = 4  # pixels: finer layers are averaged to cells of about that size
_LARGEST = 2 * WINDOW
WHITE = 1.0  # the intensity of white in heads
WINDOWS = 100  # pieces of photographs that a layer's maps are learned on, at most: no symmetry saves maps


class Named(NamedTuple):
    """The parts of "MODEL#LAYER@WEIGHTS"."""

    model: str
    layer: str
    weights: str | None


def parse(text: Any) -> Named:
    """The parts of a layer's name; a number after @ belongs to the layer ("relu@2", its third call).

    Raises     ValueError where one is missing

    >>> parse("nets.py:resnet20#layer1@r20.th")
    Named(model='nets.py:resnet20', layer='layer1', weights='r20.th')
    >>> parse("embedded:photos-a#relu@2").layer
    'relu@2'
    """
    model, mark, rest = str(text).rpartition("#")
    layer, at, weights = rest.partition("@")
    call, more, behind = weights.partition("@")
    if at and call.isdigit():
        layer, at, weights = f"{layer}@{call}", more, behind
    if not mark or not model or not layer or (at and not weights):
        raise ValueError(f"pose: networks must be {_FORM}, got {text!r}")
    return Named(model, layer, weights or None)


@dataclass(frozen=True, eq=False)
class NetworkLayer:
    """A layer as the study sees it: its name in the table, the representation, and the side of its windows."""

    name: str
    phi: Any
    window: int

    @property
    def key(self) -> str:
        """Short hash of all that its numbers depend on, weights included."""
        told = json.dumps([described(self.phi), self.window], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()[:12]

    def describe(self) -> dict[str, Any]:
        """What a report says about it."""
        grid = self.phi.grid(self.window, self.window)
        return {
            "name": self.name,
            "channels": self.phi.channels,
            "cells": grid.height,
            "stride": grid.stride,
            "pooled": self.phi.side,
            "window": self.window,
            "settings": described(self.phi),
        }


def load_layers(names: tuple[str, ...]) -> list[NetworkLayer]:
    """The layers, each with a name of its own.

    Raises     ValueError as `models.load` and `Layer`, and for windows that give a layer too few cells
    """
    from equivfast.representations.models import load

    found: list[NetworkLayer] = []
    for text in names:
        spec = parse(text)
        layer = load(spec.model, spec.weights).layer(spec.layer)
        short = f"{spec.model.rpartition(':')[2]} {spec.layer}"
        # Layers of other weights, or of models of one name in several files, have their full name.
        taken = sum(parse(other)[:2] == spec[:2] for other in names) > 1
        same = any(one.name == short for one in found)
        found.append(fitted(text if taken or same else short, layer))
    return found


def fitted(name: str, layer: Layer) -> NetworkLayer:
    """The layer averaged to cells of about 4 pixels or more, and windows that hold 13 x 13 of them.

    Definition fewer cells where 13 x 13 would be more than 25,000 numbers or 208 pixels
    Raises     ValueError for layers that have fewer than 3 cells in such a window, or cells off its middle
    """
    phi = prepared(layer, WHITE)
    stride = phi.grid(WINDOW, WINDOW).stride
    side = max(1, round(_STEP / stride))
    cells = min(_CELLS, int(math.sqrt(_MOST_NUMBERS / phi.channels)), int(_LARGEST / (side * stride)))
    pooled = Pooled(phi, side)
    wanted = round(max(cells, _FEWEST_CELLS) * side * stride)
    # Layers without padding have fewer cells: the first window with a whole number of averaged ones.
    for window in range(wanted, wanted + math.ceil(2 * side * stride)):
        inner = phi.grid(window, window)
        if inner.height % side == 0 and inner.height // side >= 3:
            return NetworkLayer(name, pooled, window)
    raise ValueError(f"pose: networks must have 3 x 3 cells in windows of {wanted} pixels, {name} has fewer")
