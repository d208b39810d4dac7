"""The rest of a network behind a layer, as a module of its own: cut out of the graph that torch.fx traces.

Models that torch.fx cannot trace (control flow on data, item assignment) have no graph here; they are run whole,
with hooks.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any

from torch import fx, nn

from equivfast.representations._layer_id import Key

_SIZES = ("size", "dim", "shape")  # what is asked of a tensor without reading its numbers


class _Tracer(fx.Tracer):
    """Keeps the node of what each call of each module returns, of containers too."""

    def __init__(self) -> None:
        super().__init__()
        self.returned: dict[Key, fx.Node] = {}
        self._counts: Counter[str] = Counter()

    def call_module(
        self, m: nn.Module, forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        result = super().call_module(m, forward, args, kwargs)
        name = self.path_of_module(m)
        if isinstance(result, fx.Proxy):
            self.returned[name, self._counts[name]] = result.node
        self._counts[name] += 1
        return result


class Graph:
    """A traced model. The model has to be in evaluation mode, when it is traced and when a part of it runs."""

    def __init__(self, model: nn.Module, graph: fx.Graph, returned: dict[Key, fx.Node]) -> None:
        self.model, self.graph, self.returned = model, graph, returned

    @classmethod
    def trace(cls, model: nn.Module) -> Graph | None:
        """None where the model cannot be traced."""
        tracer = _Tracer()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                graph = tracer.trace(model)
        except Exception:  # whatever a forward does with a proxy that is no tensor
            return None
        return cls(model, graph, tracer.returned)

    def may_cut(self, key: Key) -> bool:
        """Whether no way leads from the input to the output but through this call, as far as the graph knows."""
        cut = self.returned.get(key)
        return cut is None or not self._reaches_input(cut, numbers_only=True)

    def rest(self, key: Key) -> fx.GraphModule | None:
        """The module that makes the network's output of what this call returns; None where it needs more than that.

        It shares the model's weights.
        """
        cut = self.returned.get(key)
        if cut is None or self._reaches_input(cut, numbers_only=False):
            return None
        needed = self._needed(cut, numbers_only=False)
        rest = fx.Graph()
        copies = {cut: rest.placeholder("field")}
        for node in self.graph.nodes:
            if node in needed and node is not cut:
                copies[node] = rest.node_copy(node, copies.__getitem__)
        return fx.GraphModule(self.model, rest)

    def _reaches_input(self, cut: fx.Node, numbers_only: bool) -> bool:
        return any(node.op == "placeholder" for node in self._needed(cut, numbers_only))

    def _needed(self, cut: fx.Node, numbers_only: bool) -> set[fx.Node]:
        """The nodes that the output is made of, back to the cut."""
        waiting = [node for node in self.graph.nodes if node.op == "output"]
        needed: set[fx.Node] = set()
        while waiting:
            node = waiting.pop()
            if node in needed:
                continue
            needed.add(node)
            if node is not cut and not (numbers_only and _asks_size(node)):
                waiting += node.all_input_nodes
        return needed - {cut}


def _asks_size(node: fx.Node) -> bool:
    if node.op == "call_method":
        return node.target in _SIZES
    return node.target is getattr and len(node.args) > 1 and node.args[1] in _SIZES
