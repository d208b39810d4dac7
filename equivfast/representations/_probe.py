"""Where the cells of a layer lie on its image: found from the pixels that a cell depends on.

The pixels that change one cell are those where its gradient is not 0. Their middle is the cell's centre, and how they
move from one cell to the next is the stride: exact, and the same for every kind of convolution, pool and padding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from equivfast.representations._hooks import Call

LARGEST = 1024  # pixels a side; what a cell sees beyond is not searched for
_ROUNDS = 12  # random images at most
_CALM = 2  # images in a row that show nothing new
_LOUD = 2.0**40  # starts the gradient high, so that small ones at the rim do not become 0


class Truncated(Exception):  # noqa: N818 - a finding
    """A cell sees as far as the image's border: more may lie outside, or it sees everything."""


class Found(NamedTuple):
    """Pixels between cells, and the centre of cell (0, 0) counted from the image's first pixel."""

    stride: float
    x: float
    y: float


def reach(calls: Iterable[Call], height: int) -> int:
    """Pixels that a cell can depend on through the convolutions and pools called, as if one followed the other."""
    total = 1.0
    for call in calls:
        kernel = getattr(call.module, "kernel_size", None)
        if kernel is None or len(call.entered) != 4:
            continue
        dilation = getattr(call.module, "dilation", 1)
        spread = max((_pair(kernel)[i] - 1) * _pair(dilation)[i] for i in (0, 1))
        step = height / call.entered[2]
        total += spread * (round(step) if step >= 1 else step)  # odd sizes are rounded up on the way
    return math.ceil(total)


def sizes(height: int, width: int, stride: int, reached: int) -> list[tuple[int, int]]:
    """The image's own size, then larger ones on which strides and paddings fall alike."""
    found = [(height, width)]
    for wanted in (reached + 4 * stride, 2 * (reached + 4 * stride)):
        size = tuple(side + stride * max(0, math.ceil((wanted - side) / stride)) for side in (height, width))
        if max(size) <= LARGEST and size not in found:
            found.append((size[0], size[1]))
    return found


def probe(layer: Callable[[Tensor], Tensor], image: Callable[[int], Tensor], reached: int) -> Found | None:
    """Stride and offset of a layer, images (1, c, h, w) -> field (1, d, H, W), on images of one size.

    `image(seed)` makes a random image; a pixel counts when it matters for one of several, of one alone where a cell
    sees all the `reached` pixels that it can. None where neighbouring cells do not see alike, as those of one
    attention window do not.
    Raises     Truncated where a cell in the middle sees as far as the image's border
    """
    total: Tensor | None = None
    before: list[int] = []
    found: Found | None = None
    calm = 0
    for seed in range(_ROUNDS):
        pixels = image(seed).requires_grad_()
        field = layer(pixels * 1)
        rows, columns = field.shape[2:]
        if min(rows, columns) < 2:
            raise Truncated
        if not field.requires_grad:
            return None
        apart = _apart(pixels.shape[2] / rows, min(rows, columns))
        cells = [((rows - apart) // 2 + step, (columns - apart) // 2 + step) for step in (0, apart)]
        seen = torch.stack([_seen(field, pixels, cell) for cell in cells])
        total = seen if total is None else total | seen
        ends = _ends(total)
        if _at_border(ends, total):
            raise Truncated
        found = _found(ends, apart, cells[0])
        calm = calm + 1 if ends == before else 0
        if calm == _CALM or (found is not None and ends[1] - ends[0] + 1 == reached == ends[3] - ends[2] + 1):
            break
        before = ends
    return found


@contextmanager
def dense_pools(model: nn.Module) -> Iterator[None]:
    """Max pools pass every pixel of their windows on, as average pools of the same windows: none is overlooked."""

    def average(module: nn.Module, inputs: tuple[Tensor, ...], output: object) -> object:
        assert isinstance(module, nn.MaxPool2d)
        if not isinstance(output, Tensor) or _pair(module.dilation) != (1, 1):
            return output
        window = module.kernel_size, module.stride, module.padding, module.ceil_mode
        return nn.functional.avg_pool2d(inputs[0], *window)

    with ExitStack() as stack:
        for module in model.modules():
            if isinstance(module, nn.MaxPool2d):
                stack.callback(module.register_forward_hook(average).remove)
        yield


def _apart(ratio: float, cells: int) -> int:
    """Cells between the two that are compared: four pixels, where there is room."""
    return max(1, min(math.ceil(4 / ratio), cells // 2))


def _seen(field: Tensor, pixels: Tensor, cell: tuple[int, int]) -> Tensor:
    """The pixels (h, w) that some channel of the cell depends on, bool."""
    signs = torch.linspace(1, 2, field.shape[1], dtype=field.dtype, device=field.device)  # nothing cancels
    scalar = (field[0, :, cell[0], cell[1]] * signs).sum() * _LOUD
    (gradient,) = torch.autograd.grad(scalar, pixels, retain_graph=True)
    return (gradient != 0).any(1)[0]


def _ends(seen: Tensor) -> list[int]:
    """Of both cells: first and last column, first and last row; nothing where no pixel is seen."""
    ends: list[int] = []
    for mask in seen:
        for line in (mask.any(0), mask.any(1)):
            places = line.nonzero()
            ends += [int(places[0]), int(places[-1])] if len(places) else []
    return ends if len(ends) == 8 else []


def _at_border(ends: list[int], seen: Tensor) -> bool:
    height, width = seen.shape[1:]
    return bool(ends) and (
        min(ends) == 0 or max(ends[1], ends[5]) == width - 1 or max(ends[3], ends[7]) == height - 1
    )


def _found(ends: list[int], apart: int, cell: tuple[int, int]) -> Found | None:
    """None where the two cells see different shapes, or rows and columns have different strides."""
    if not ends:
        return None
    moves = {second - first for first, second in zip(ends[:4], ends[4:], strict=True)}
    if len(moves) != 1 or min(moves) <= 0:
        return None
    stride = moves.pop() / apart
    x, y = (ends[0] + ends[1]) / 2, (ends[2] + ends[3]) / 2
    return Found(stride, x - stride * cell[1], y - stride * cell[0])


def _pair(value: int | tuple[int, ...]) -> tuple[int, int]:
    parts = value if isinstance(value, tuple) else (value, value)
    return parts[0], parts[-1]
