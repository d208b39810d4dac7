"""Names of networks: "torchvision:alexnet", "timm:resnet50", "embedded:photos-a", "path/to/file.py:factory"."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import torch
from torch import nn

from equivfast.representations import _zoo
from equivfast.representations._weights_file import load_weights
from equivfast.representations.network import Network
from equivfast.representations.preprocess import Preprocess

__all__ = ["load"]


def load(spec: str, weights: str | None = None, *, seed: int = 0, **options: Any) -> Network:
    """A network by name.

    Definition spec: "torchvision:NAME", "timm:NAME", "embedded:NAME", or "FILE.py:FACTORY", a function without
               arguments that returns a torch model (its attribute `preprocess` is used where there is one) or a
               `Network`. weights: None or "default" (the library's, the factory's own), "random" (drawn anew from
               `seed`: the control of every study), or a file: .safetensors, .npz, .pt, .pth, .th, .bin. `options` are
               those of `Network`
    Raises     ValueError, one line: a library that is not installed, no such model or file, weights that do not fit, a
               file that needs arbitrary objects to be unpickled

    >>> load("nowhere:net")
    Traceback (most recent call last):
    ValueError: load: model must be torchvision:NAME, timm:NAME, embedded:NAME or FILE.py:FACTORY, got 'nowhere:net'
    """
    kind, separator, name = spec.rpartition(":") if isinstance(spec, str) else ("", "", "")
    if not separator or not name or (kind not in _SOURCES and not kind.endswith(".py")):
        raise ValueError(
            f"load: model must be torchvision:NAME, timm:NAME, embedded:NAME or FILE.py:FACTORY, got {spec!r}"
        )
    pretrained = weights in (None, "default")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = _SOURCES[kind](name, pretrained) if kind in _SOURCES else _from_file(Path(kind), name)
        network = _network(made, spec, name if kind.endswith(".py") else spec, options)
        if weights == "random":
            reset(network.model)
    if weights is not None and weights not in ("default", "random"):
        load_weights(network.model, weights)
    network.model.eval()
    return network


def reset(model: nn.Module) -> None:
    """Draws every weight anew, from torch's generator.

    Definition modules that know how do it themselves (`reset_parameters`); filters of convolutions then become normal
               with the deviation that keeps a deep network's fields from fading (He et al. 2015). Of the others' own
               parameters, matrices and larger (position embeddings, class tokens) become normal with deviation .02,
               vectors stay
    """
    for module in model.modules():
        method = getattr(module, "reset_parameters", None) or getattr(module, "_reset_parameters", None)
        if callable(method):
            method()
            if isinstance(module, (nn.Conv1d, nn.Conv2d)):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            continue
        for parameter in module.parameters(recurse=False):
            if parameter.ndim > 1:
                nn.init.normal_(parameter, std=0.02)


def _network(made: Any, spec: str, name: str, options: dict[str, Any]) -> Network:
    if isinstance(made, Network):
        if not options:
            return made
        return Network(made.model, **{"name": made.name, "preprocess": made.preprocess, **options})
    model, preprocess = made if isinstance(made, tuple) else (made, getattr(made, "preprocess", None))
    if not isinstance(model, nn.Module):
        raise ValueError(
            f"load: model must be a torch.nn.Module or a Network, got {type(model).__name__} from {spec!r}"
        )
    if not isinstance(preprocess, Preprocess):
        preprocess = None
    return Network(model, **{"name": name, "preprocess": preprocess, **options})


def _from_file(path: Path, factory: str) -> Any:
    if not path.is_file():
        raise ValueError(f"load: model must name a file that is there, got '{path}:{factory}'")
    name = f"equivfast_model_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up there
    sys.path.insert(0, str(path.resolve().parent))  # the file may import what lies beside it
    try:
        spec.loader.exec_module(module)
        make = getattr(module, factory, None)
        if not callable(make):
            found = ", ".join(key for key, value in vars(module).items() if callable(value) and key[0] != "_")
            raise ValueError(f"load: model must name a function of {path} ({found}), got {factory!r}")
        return make()
    finally:
        sys.path.remove(str(path.resolve().parent))


def _embedded(name: str, _: bool) -> Any:
    from equivfast.representations.embedded_nets import build  # only then are their weights looked for

    return build(name)


_SOURCES = {"torchvision": _zoo.torchvision, "timm": _zoo.timm, "embedded": _embedded}
