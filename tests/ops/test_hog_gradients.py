"""Gradients of hog: against the float64 reference, finite differences, every level, number of threads and layout."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from op_contract import Tolerance
from strategies import hog_settings, images, smallest_side

import equivfast as ef
from equivfast.reference.hog_gradient import hog_gradient as oracle

FORMS: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "uoctti": ((2, 1, 61, 47), {}),
    "uoctti-bilinear": ((2, 3, 40, 70), {"assignment": "bilinear", "cell": 4}),
    "default-setting-bilinear": ((1, 3, 50, 66), {"assignment": "bilinear"}),
    "dalal-triggs": ((3, 3, 32, 24), {"variant": "dalal-triggs", "orientations": 6}),
    "dpm": ((2, 3, 51, 78), {"variant": "dpm"}),
    "dpm-repeats-pixels": ((1, 1, 52, 44), {"variant": "dpm", "orientations": 7}),
    "cell-of-one-pixel": ((1, 1, 9, 70), {"cell": 1, "orientations": 4}),
    "wide": ((1, 1, 24, 700), {}),
}


def noise(shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    return 255 * torch.rand(shape, generator=torch.Generator().manual_seed(sum(shape)), dtype=dtype)


def upstream(out: torch.Tensor) -> torch.Tensor:
    return torch.randn(out.shape, generator=torch.Generator().manual_seed(7), dtype=torch.float64).to(
        out.dtype
    )


def gradient(image: torch.Tensor, **settings: Any) -> torch.Tensor:
    leaf = image.detach().requires_grad_()
    out = ef.hog(leaf, **settings)
    return torch.autograd.grad(out, leaf, upstream(out))[0]


def wanted_gradient(image: torch.Tensor, **settings: Any) -> np.ndarray:
    grad = upstream(ef.hog(image, **settings)).double().numpy()
    return np.stack([oracle(one, g, **settings) for one, g in zip(image.numpy(), grad, strict=True)])


def assert_close(ours: torch.Tensor, wanted: np.ndarray, limit: float) -> None:
    assert tuple(ours.shape) == wanted.shape
    assert np.abs(ours.double().numpy() - wanted).max(initial=0) <= limit * max(
        np.abs(wanted).max(initial=0), 1e-3
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("form", FORMS)
def test_every_level_matches_the_oracle(
    form: str, dtype: torch.dtype, cpu_level: str, tolerance: Tolerance
) -> None:
    shape, settings = FORMS[form]
    image = noise(shape, dtype)
    limit = tolerance("hog_backward", dtype)
    assert_close(gradient(image, **settings), wanted_gradient(image, **settings), limit)


@given(st.data(), hog_settings())
@settings(max_examples=60)
def test_any_image_any_settings(tolerance: Tolerance, data: st.DataObject, settings: dict[str, Any]) -> None:
    """Ties included: the float64 image has the oracle's decisions, and clipping rarely comes within rounding."""
    image = torch.from_numpy(data.draw(images(smallest_side(settings)))).double() * 1.7
    assert_close(
        gradient(image, **settings),
        wanted_gradient(image, **settings),
        tolerance("hog_backward", torch.float64),
    )


@pytest.mark.parametrize("form", ["uoctti", "dalal-triggs", "dpm", "cell-of-one-pixel"])
def test_gradcheck(form: str) -> None:
    """Nearest assignment is differentiable almost everywhere; the cosine of bilinear assignment has float32 steps."""
    (_, colours, *_), settings = FORMS[form]
    image = noise((1, colours, 12, 14), torch.float64)
    settings = {**settings, "cell": min(settings.get("cell", 4), 4)}
    leaf = image.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x: ef.hog(x, **settings), (leaf,), eps=1e-5, atol=1e-6, rtol=1e-4, fast_mode=False
    )


def test_bilinear_gradient_predicts_what_a_step_changes() -> None:
    """The step is long enough to go over many of the cosine's float32 steps, and too short to change many bins."""
    image = noise((1, 1, 40, 40), torch.float64)
    towards = image.flip(3) - 127
    out = ef.hog(image, assignment="bilinear")
    grad = gradient(image, assignment="bilinear")
    ahead, behind = (ef.hog(image + s * 2e-3 * towards, assignment="bilinear") for s in (1, -1))
    change = ((ahead - behind) * upstream(out)).sum() / 4e-3
    assert float((grad * towards).sum()) == pytest.approx(float(change), rel=2e-2)


@pytest.mark.parametrize("form", FORMS)
def test_thread_count_changes_no_bit(form: str, cpu_level: str, threads: int) -> None:
    shape, settings = FORMS[form]
    image = noise((1, *shape[1:2], 4 * shape[2], shape[3]), torch.float32)
    many = gradient(image, **settings)
    torch.set_num_threads(1)
    assert torch.equal(many, gradient(image, **settings))


def test_each_image_of_a_batch_is_computed_alone() -> None:
    batch = noise((5, 3, 37, 45), torch.float32)
    leaf = batch.clone().requires_grad_()
    ef.hog(leaf).square().sum().backward()
    for i, one in enumerate(batch):
        alone = one[None].clone().requires_grad_()
        ef.hog(alone).square().sum().backward()
        assert torch.equal(leaf.grad[i], alone.grad[0])


@pytest.mark.parametrize("value", [0.0, 128.0])
@pytest.mark.parametrize("assignment", ["nearest", "bilinear"])
def test_flat_areas_have_gradient_zero(value: float, assignment: str) -> None:
    image = torch.full((1, 3, 40, 40), value)
    image[..., 20:, :] = noise((1, 3, 20, 40), torch.float32)
    grad = gradient(image, assignment=assignment)
    assert not grad[..., :18, :].any()
    assert grad[..., 22:38, :].any() and grad.isfinite().all()


def test_strides_of_image_and_upstream_change_nothing() -> None:
    image = noise((2, 3, 37, 45), torch.float32)
    wanted = gradient(image)
    last = image.contiguous(memory_format=torch.channels_last).requires_grad_()
    out = ef.hog(last)
    grad = upstream(out).permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    assert torch.equal(torch.autograd.grad(out, last, grad)[0], wanted)
    turned = image.transpose(2, 3).contiguous().transpose(2, 3).requires_grad_()
    out = ef.hog(turned, layout="cells")
    assert torch.equal(torch.autograd.grad(out, turned, upstream(out))[0], wanted)
    one = image[:1].expand(2, 3, 37, 45).requires_grad_()
    out = ef.hog(one)
    ones = torch.autograd.grad(out.sum(), one)[0]  # an upstream gradient whose strides are all 0
    assert torch.equal(ones[0], ones[1])


def test_empty_batch_and_images_without_an_inner_pixel() -> None:
    for shape in ((0, 3, 20, 17), (1, 2, 2, 40), (1, 1, 1, 1), (2, 1, 40, 2)):
        image = noise(shape, torch.float32).requires_grad_()
        ef.hog(image, cell=1).sum().backward()
        assert image.grad.shape == shape
        assert not image.grad.any()


def test_registered_as_torch_wants_it() -> None:
    image = noise((1, 1, 20, 16), torch.float64).requires_grad_()
    settings = (4, 9, "uoctti", "nearest")
    torch.library.opcheck(torch.ops.equivfast.hog.default, (image, *settings, "channels"))
    grad = upstream(ef.hog(image.detach(), 4))
    torch.library.opcheck(torch.ops.equivfast.hog_backward.default, (grad, image.detach(), *settings))


def test_compiled_training_step() -> None:
    image = noise((1, 1, 24, 24), torch.float32)

    def loss(x: torch.Tensor) -> torch.Tensor:
        return (ef.hog(2 * x) ** 2).sum()

    plain, compiled = image.clone().requires_grad_(), image.clone().requires_grad_()
    loss(plain).backward()
    torch.compile(loss, backend="aot_eager", fullgraph=True)(compiled).backward()
    assert torch.equal(plain.grad, compiled.grad)


def test_second_derivatives_are_refused() -> None:
    image = noise((1, 1, 20, 20), torch.float64).requires_grad_()
    (grad,) = torch.autograd.grad(ef.hog(image).square().sum(), image, create_graph=True)
    with pytest.raises(RuntimeError, match="hog: second derivatives are not available"):
        grad.sum().backward()


def test_wrong_upstream_gradients_are_named() -> None:
    image = noise((1, 1, 24, 24), torch.float32)
    settings = (8, 9, "uoctti", "nearest")
    backward = torch.ops.equivfast.hog_backward
    with pytest.raises(
        ValueError, match=r"gradient must be torch.float32 \(1, 31, 3, 3\), got .*\(1, 31, 3, 4\)"
    ):
        backward(torch.zeros(1, 31, 3, 4), image, *settings)
    with pytest.raises(ValueError, match="only float32 and float64 images have gradients, got uint8"):
        backward(torch.zeros(1, 31, 3, 3), image.byte(), *settings)
