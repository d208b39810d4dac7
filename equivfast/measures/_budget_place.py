"""Where a network puts cells that see the whole image: probed on larger ones."""

from __future__ import annotations

from typing import Any

from torch import nn

from equivfast.groups import Grid
from equivfast.representations import Layer, Network


def network_grids(phi: Any, height: int, width: int, cells: tuple[int, int]) -> tuple[Grid, Grid] | None:
    """The centred grid of a layer or a torch module, and the grid as the network places it; None where unknown."""
    if isinstance(phi, Layer):
        network, name = phi.network, phi.name
    elif isinstance(phi, nn.Module):
        network, name = Network(nn.Sequential(phi)), "0"
    else:
        return None
    try:
        found = network.alignment(name, height, width)
    except (ValueError, RuntimeError, NotImplementedError):
        return None  # not a network whose layers can be read
    same = (found.placed.height, found.placed.width) == cells
    return (found.centred, found.placed) if found.how == "probed" and same else None
