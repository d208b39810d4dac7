"""The rest of a network, run on a field: cut out by torch.fx where that is proved right, else by hooks."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, fx

from equivfast.representations import _hooks
from equivfast.representations._cuts import Graph
from equivfast.representations._field_layout import Layout
from equivfast.representations._layer_id import Key
from equivfast.representations._runner import Runner

# Both are the same operations in the same order; memory may lie otherwise, and sums be taken in another order.
_ROUNDING = 1e-4


class _Cut(NamedTuple):
    module: fx.GraphModule
    layout: Layout


class Rest:
    """Runs what follows a layer; cuts are kept."""

    def __init__(self, run: Runner, trace: bool) -> None:
        self._run, self._trace = run, trace
        self._graph: Graph | None = None
        self._cuts: dict[Key, _Cut | None] = {}

    def may_cut(self, key: Key) -> bool:
        """False where the graph shows a way around the layer."""
        graph = self._traced()
        return graph is None or graph.may_cut(key)

    def __call__(self, name: str, key: Key, field: Tensor, images: Tensor | None) -> Tensor:
        if not isinstance(field, Tensor) or field.ndim != 4 or not field.is_floating_point():
            got = tuple(field.shape) if isinstance(field, Tensor) else type(field).__name__
            raise ValueError(f"Network.resume: field must be a floating-point tensor (n, c, H, W), got {got}")
        field = field.to(self._run.device, self._run.dtype)
        cut = self._cut(key, images)
        if cut is not None:
            _fits(name, field, cut.layout, None)
            with _hooks.at_rest(self._run.model, _hooks.wants_gradients(field)):
                # A copy: the rest may begin with an operation in place.
                return self._run.logits("Network.resume", cut.module(cut.layout.output(field, None).clone()))
        if images is None:
            raise ValueError(
                f"Network.resume: images must be given for layer {name!r}, behind which torch.fx cannot cut the "
                "network, got None"
            )
        return self._hooked(name, key, field, images)

    def _hooked(self, name: str, key: Key, field: Tensor, images: Tensor) -> Tensor:
        patches = self._run.patches(images)

        def put(original: Tensor) -> Tensor:
            shape = self._run.layout(key, tuple(original.shape), len(images), patches)
            _fits(name, field, shape, len(images))
            return shape.output(field, original).clone()

        with torch.set_grad_enabled(_hooks.wants_gradients(field, images)):
            return self._run.changed("Network.resume", images, key, put)

    def _traced(self) -> Graph | None:
        if self._trace and self._graph is None:
            with _hooks.at_rest(self._run.model, False):
                self._graph = Graph.trace(self._run.model)
            self._trace = self._graph is not None
        return self._graph

    def _cut(self, key: Key, images: Tensor | None) -> _Cut | None:
        """The traced rest, once it has been seen to give the network's output."""
        if key not in self._cuts:
            graph = self._traced()
            rest = None if graph is None else graph.rest(key)
            self._cuts[key] = None if rest is None else self._proved(key, rest, images)
        return self._cuts[key]

    def _proved(self, key: Key, rest: fx.GraphModule, images: Tensor | None) -> _Cut | None:
        run = self._run
        try:
            x = (run.example() if images is None else images)[:2].detach()
            with torch.no_grad():
                found, patches = run.raw(x, [key])
                layout = run.layout(key, tuple(found[key].shape), len(x), patches)
                wanted = run.whole("Network.resume", x)
                with _hooks.at_rest(run.model, False):
                    given = layout.output(layout.field(found[key]), None).clone()
                    got = run.logits("Network.resume", rest(given))
        except (RuntimeError, ValueError, TypeError, AssertionError):
            return None
        same = got.shape == wanted.shape and bool(
            (got - wanted).abs().max() <= _ROUNDING * wanted.abs().max().clamp_min(1e-30)
        )
        return _Cut(rest, layout) if same and not layout.prefix else None


def _fits(name: str, field: Tensor, layout: Layout, batch: int | None) -> None:
    expected = ("n" if batch is None else batch, layout.channels)
    cells = layout.kind == "tokens" and tuple(field.shape[2:]) != (layout.height, layout.width)
    single = layout.kind == "vector" and tuple(field.shape[2:]) != (1, 1)
    wrong = field.shape[1] != layout.channels or (batch is not None and len(field) != batch)
    if wrong or single or (cells and batch is not None):
        size = f"{layout.height}, {layout.width}" if cells or single else "H, W"
        raise ValueError(
            f"Network.resume: field must be ({expected[0]}, {expected[1]}, {size}) for layer {name!r}, "
            f"got {tuple(field.shape)}"
        )
