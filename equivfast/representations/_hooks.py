"""Running a torch model while looking at what its modules return, or replacing it.

Hooks see every model that runs, whatever Python its `forward` holds. What they read is copied where an operation in
place (ReLU, +=) follows and overwrites it. They listen to their own thread alone, so that a model at rest may be read
by several.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from equivfast.representations import _outputs
from equivfast.representations._layer_id import Key, shown


class Stop(BaseException):
    """Everything that was wanted has been read. No error: an `except Exception` of a model must not swallow it."""


class Call(NamedTuple):
    """One call of a module: the shapes of its first input (() if none) and of its first output."""

    key: Key
    module: nn.Module
    entered: tuple[int, ...]
    shape: tuple[int, ...]


@contextmanager
def at_rest(model: nn.Module, gradients: bool) -> Iterator[None]:
    """Evaluation mode, no gradients of weights, and with `gradients=False` none at all; put back afterwards."""
    training = [module for module in model.modules() if module.training]
    learned = [p for p in model.parameters() if p.requires_grad] if gradients else []
    try:
        if training:
            model.eval()
        for parameter in learned:
            parameter.requires_grad_(False)
        with torch.enable_grad() if gradients else torch.no_grad():
            yield
    finally:
        for parameter in learned:
            parameter.requires_grad_(True)
        for module in training:
            module.training = True


def wants_gradients(*tensors: Tensor | None) -> bool:
    return torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in tensors)


def read(
    model: nn.Module,
    modules: Mapping[str, nn.Module],
    images: Tensor,
    keys: Iterable[Key],
    copied: set[Key],
    patch: str | None = None,
) -> tuple[dict[Key, Tensor], tuple[int, ...] | None]:
    """What the calls return, and the shape of what the module `patch` returned; stops after the last of them.

    `copied`: the keys whose output is known to be overwritten later. Where another one is found to be, it joins them
    and the model runs once more.

    Raises     ValueError for a module that is not called, or not so often, or returns no tensor
    """
    found: dict[Key, Tensor] = {}
    versions: dict[Key, int] = {}
    missing = set(keys)
    wanted = set(missing)
    patched: list[tuple[int, ...]] = []

    def look(key: Key, _: Any, output: Any) -> None:
        tensor = _outputs.first(output)
        if key[0] == patch and tensor is not None and not patched:
            patched.append(tuple(tensor.shape))
        if key not in missing:
            return
        if tensor is None:
            raise ValueError(
                f"Network.read: layer must return a tensor, got {type(output).__name__} from {shown(key)!r}"
            )
        missing.discard(key)
        found[key] = tensor.clone() if key in copied or tensor.is_inference() else tensor
        versions[key] = -1 if tensor.is_inference() else found[key]._version
        if not missing:
            raise Stop

    names = {name for name, _ in wanted} | ({patch} if patch is not None else set())
    with _watching(modules, names, look) as counts:
        if wanted:
            with suppress(Stop):
                model(images)
    if missing:
        raise ValueError(_never(min(missing), counts))
    spoiled = {key for key, at in versions.items() if at >= 0 and found[key]._version != at}
    if spoiled:
        copied |= spoiled
        return read(model, modules, images, wanted, copied, patch)
    return found, patched[0] if patched else None


def replaced(
    model: nn.Module,
    modules: Mapping[str, nn.Module],
    images: Tensor,
    key: Key,
    change: Callable[[Tensor], Tensor],
) -> Any:
    """The model's output when what the call returns is changed."""
    changed: list[Key] = []

    def look(at: Key, _: Any, output: Any) -> Any:
        tensor = _outputs.first(output)
        if at != key or tensor is None:
            return None
        changed.append(at)
        return _outputs.with_first(output, change(tensor))

    with _watching(modules, {key[0]}, look) as counts:
        result = model(images)
    if not changed:
        raise ValueError(_never(key, counts))
    return result


def calls(
    model: nn.Module, modules: Mapping[str, nn.Module], images: Tensor, last: Key | None = None
) -> list[Call]:
    """Every call that returns a tensor, in the order in which they end, up to the call `last`."""
    found: list[Call] = []

    def look(key: Key, inputs: Any, output: Any) -> None:
        entered, tensor = _outputs.first(inputs), _outputs.first(output)
        if tensor is not None:
            shape = () if entered is None else tuple(entered.shape)
            found.append(Call(key, modules[key[0]], shape, tuple(tensor.shape)))
        if key == last:
            raise Stop

    with _watching(modules, set(modules) - {""}, look), suppress(Stop):
        model(images)
    return found


@contextmanager
def _watching(
    modules: Mapping[str, nn.Module], names: set[str], look: Callable[[Key, Any, Any], Any]
) -> Iterator[Counter[str]]:
    """Hooks on the modules, under their first names; `look` gets (name, number of the call), inputs and output."""
    first_names: dict[int, str] = {}
    for name, module in modules.items():
        first_names.setdefault(id(module), name)
    counts: Counter[str] = Counter()
    mine = threading.get_ident()

    def hook(module: nn.Module, inputs: Any, output: Any) -> Any:
        if threading.get_ident() != mine:
            return None
        name = first_names[id(module)]
        counts[name] += 1
        return look((name, counts[name] - 1), inputs, output)

    with ExitStack() as stack:
        for name in names:
            if first_names[id(modules[name])] == name:
                stack.callback(modules[name].register_forward_hook(hook).remove)
        yield counts


def _never(key: Key, counts: Counter[str]) -> str:
    times = counts[key[0]]
    reason = f"it is called {times} times, the first is number 0" if times else "it is never called"
    return f"Network: layer must run when the network does, got {shown(key)!r}: {reason}"
