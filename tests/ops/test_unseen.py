"""A plain tensor goes straight to the kernel; whatever of torch has to see the op, sees it."""

from __future__ import annotations

import pytest
import torch
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils._python_dispatch import TorchDispatchMode

import equivfast as ef
from equivfast.ops._register import unseen

IMAGE = torch.rand(2, 1, 40, 40, generator=torch.Generator().manual_seed(0))


class Names(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        self.seen.append(str(func))
        return func(*args, **(kwargs or {}))


def test_nothing_looks_at_a_plain_tensor() -> None:
    assert unseen(IMAGE)
    assert not unseen(IMAGE.clone().requires_grad_())
    assert not unseen(torch.nn.Parameter(IMAGE))


def test_a_dispatch_mode_sees_the_op() -> None:
    with Names() as mode:
        ef.hog(IMAGE)
    assert "equivfast.hog.default" in mode.seen


def test_a_profile_names_the_op() -> None:
    with torch.profiler.profile() as profile:
        ef.hog(IMAGE)
    assert "equivfast::hog" in {event.key for event in profile.key_averages()}
    assert unseen(IMAGE)


def test_a_trace_holds_the_op() -> None:
    graph = make_fx(lambda x: ef.hog(x) + 1)(IMAGE)
    assert "equivfast.hog" in graph.code
    torch.testing.assert_close(graph(IMAGE), ef.hog(IMAGE) + 1)


def test_inside_a_transform_the_op_is_not_left_out() -> None:
    seen: list[bool] = []
    torch.func.vmap(lambda x: seen.append(unseen(x)) or x)(IMAGE)
    assert seen == [False]


def test_a_gradient_that_is_asked_for_is_not_lost() -> None:
    image = IMAGE.clone().requires_grad_()
    field = ef.hog(image)
    assert field.requires_grad
    field.square().sum().backward()
    assert image.grad is not None and image.grad.any()


def test_forward_differentiation_is_not_passed_by() -> None:
    with torch.autograd.forward_ad.dual_level():
        assert not unseen(IMAGE)
    assert unseen(IMAGE)


@pytest.mark.parametrize("gradient", [False, True])
def test_a_dispatch_mode_sees_feature_transform_and_its_gradient(gradient: bool) -> None:
    x = torch.rand(1, 2, 3, 3).requires_grad_(gradient)
    with Names() as mode:
        out = ef.feature_transform(x, torch.arange(9).reshape(3, 3), torch.eye(2))
        if gradient:
            out.sum().backward()
    assert "equivfast.feature_transform.default" in mode.seen
    assert ("equivfast.feature_transform_backward.default" in mode.seen) == gradient
