"""Where a layer's cells lie on images of one size, and how that was found."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from equivfast.groups import Grid
from equivfast.representations._field_layout import Layout
from equivfast.representations._hooks import at_rest
from equivfast.representations._layer_id import Key
from equivfast.representations._probe import Found, Truncated, dense_pools, probe, reach, sizes
from equivfast.representations._runner import Runner


class Alignment(NamedTuple):
    """`centred`: the cells lie symmetric about the middle of the canvas. `placed`: where the network puts them.

    `how` is "probed", or "assumed" where cells see the whole image: then the two grids are one, and the stride is the
    image's size over the field's.
    """

    centred: Grid
    placed: Grid
    how: str


def align(run: Runner, key: Key, height: int, width: int) -> Alignment:
    """Stride and offset of a layer's cells on a height x width image."""
    image = run.random(1, height, width, 0)
    field, layout = _field(run, key, image)
    rows, columns = field.shape[2:]
    stride = _size_ratio((height, width), (rows, columns))
    found = None if layout.kind == "vector" else _probed(run, key, (height, width), stride)
    if found is None:
        centred = Grid.centred(rows, columns, stride)
        return Alignment(centred, centred, "assumed")
    offset = (found.x - (width - 1) / 2, found.y - (height - 1) / 2)
    placed = Grid(rows, columns, found.stride, offset)
    return Alignment(Grid.centred(rows, columns, found.stride), placed, "probed")


def _probed(run: Runner, key: Key, size: tuple[int, int], stride: float) -> Found | None:
    """What probing finds, on larger images where cells see the whole of this one."""
    seen = reach(run.calls(run.random(1, *size, 0), key), size[0])
    for height, width in sizes(*size, max(1, round(stride)), seen):
        image = partial(_image, run, height, width)
        try:
            with _probing(run.model):
                found = probe(lambda pixels: _field(run, key, pixels)[0], image, seen)
        except Truncated:
            continue
        except (RuntimeError, ValueError, AssertionError, IndexError):
            return None  # no image of another size fits this network, or it has no gradient
        # A stride that would not fill the image is no stride of these cells.
        return found if found is not None and abs(found.stride - stride) < 0.5 * stride else None
    return None


@contextmanager
def _probing(model: nn.Module) -> Iterator[None]:
    """Gradients, whatever the caller has switched off, and no warnings of a model that is surprised by them."""
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        stack.enter_context(at_rest(model, True))
        stack.enter_context(dense_pools(model))
        # The faster algorithms of cuDNN leave rounding where there should be nothing.
        stack.enter_context(torch.backends.cudnn.flags(enabled=False))
        yield


def _image(run: Runner, height: int, width: int, seed: int) -> Tensor:
    return run.random(1, height, width, seed)


def _field(run: Runner, key: Key, pixels: Tensor) -> tuple[Tensor, Layout]:
    found, patches = run.raw(pixels, [key])
    layout = run.layout(key, tuple(found[key].shape), 1, patches)
    return layout.field(found[key]), layout


def _size_ratio(size: tuple[int, int], cells: tuple[int, int]) -> float:
    """Pixels a cell: a whole number where such a stride, rounded up or down, gives as many cells."""
    step = max(1, round(size[0] / cells[0]))
    if all(cell in (side // step, -(-side // step)) for side, cell in zip(size, cells, strict=True)):
        return float(step)
    return (size[0] / cells[0] + size[1] / cells[1]) / 2
