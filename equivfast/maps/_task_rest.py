"""The rest of a network while a map before it is trained."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor


def precision(like: Tensor, mixed: bool) -> AbstractContextManager[Any]:
    """Autocast for the rest of the network, on CUDA alone."""
    on = mixed and like.device.type == "cuda"
    return torch.autocast("cuda", torch.bfloat16) if on else nullcontext()


@contextmanager
def frozen(rest: object) -> Iterator[None]:
    """A module in eval mode and without gradients of its own, and as it was afterwards."""
    if not isinstance(rest, torch.nn.Module):
        yield
        return
    modes = [(module, module.training) for module in rest.modules()]
    wanted = [(p, p.requires_grad) for p in rest.parameters()]
    rest.eval().requires_grad_(False)
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
        for p, wants in wanted:
            p.requires_grad_(wants)
