"""Strided inputs whose elements lie more than 2^31 elements apart."""

from __future__ import annotations

import mmap

import pytest
import torch
from transform_cases import CASES

import equivfast as ef

MAP_NORESERVE = 0x4000  # of Linux; Python's mmap does not name it before 3.13


def spread(tensor: torch.Tensor, axis: int) -> torch.Tensor:
    """The same values, with a stride along `axis` that carries its last entry beyond element 2^31.

    The memory is reserved and not touched but for these values.
    """
    order = [axis, *(a for a in range(tensor.ndim) if a != axis)]
    shape = [tensor.shape[a] for a in order]
    stride = list(torch.empty(shape, device="meta").stride())
    stride[0] = -(-(2**31) // (shape[0] - 1))
    elements = (shape[0] - 1) * stride[0] + tensor.numel() // shape[0]
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_NORESERVE
    flat = torch.frombuffer(mmap.mmap(-1, elements * tensor.itemsize, flags=flags), dtype=tensor.dtype)
    view = torch.as_strided(flat, shape, stride).permute([order.index(a) for a in range(tensor.ndim)])
    return view.copy_(tensor)


@pytest.mark.parametrize("axis", range(4))
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_hog(dtype: torch.dtype, axis: int) -> None:
    image = torch.randint(0, 256, (2, 2, 24, 32), generator=torch.Generator().manual_seed(axis)).to(dtype)
    assert torch.equal(ef.hog(spread(image, axis)), ef.hog(image))


@pytest.mark.parametrize("axis", range(4))
def test_feature_transform(axis: int) -> None:
    inputs = CASES["3x3"].build(torch.float32)
    x = spread(inputs["x"], axis).requires_grad_()
    mix = inputs["mix"].requires_grad_()
    out = ef.feature_transform(**{**inputs, "x": x})
    dense = ef.feature_transform(**inputs)
    assert torch.equal(out, dense)
    upstream = torch.ones_like(out)
    assert torch.equal(
        torch.autograd.grad(out, mix, upstream)[0], torch.autograd.grad(dense, mix, upstream)[0]
    )
