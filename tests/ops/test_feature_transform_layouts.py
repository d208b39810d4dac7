"""feature_transform on every kernel and in every layout, against the float64 reference; and the layout of results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from op_contract import Inputs, Tolerance

import equivfast as ef
from equivfast.reference.feature_transform import feature_transform as oracle


def in_cells(x: torch.Tensor, padding: int) -> torch.Tensor:
    """The same values; the channels of a cell lie together, with room behind them that holds NaN."""
    n, c, h, w = x.shape
    memory = torch.full((n, h, w, c + padding), torch.nan, dtype=x.dtype)
    return memory[..., :c].permute(0, 3, 1, 2).copy_(x)


LAYOUTS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "planes": lambda x: x,
    "cells": lambda x: x.contiguous(memory_format=torch.channels_last),
    "padded cells": lambda x: in_cells(x, -x.shape[1] % 16 or 16),
    "wide rows": lambda x: torch.cat([x, x], 3)[..., : x.shape[3]],
    "columns": lambda x: x.transpose(2, 3).contiguous().transpose(2, 3),
}
MIXES = ("dense", "sparse", "crowded", "dense 3x3", "sparse 3x3")


def problem(channels: int, mix: str, taps: int, dtype: torch.dtype = torch.float32) -> Inputs:
    """Two images of 9 x 7 cells to 11 x 13, some from outside; as many channels out as in, and two more."""
    g = torch.Generator().manual_seed(channels * 10 + taps)
    m = 3 if "3x3" in mix else 1
    values = (
        torch.randn(channels + 2, channels * m * m, generator=g, dtype=torch.float64)
        / (channels * m * m) ** 0.5
    )
    if "sparse" in mix:
        values *= torch.rand(values.shape, generator=g) < 4 / channels
    if mix == "crowded":  # one row holds all
        values[:-1] *= torch.rand(values[:-1].shape, generator=g) < 1 / channels
    csr = mix in ("sparse", "crowded", "sparse 3x3")
    cells = (11, 13) if taps == 1 else (11, 13, taps)
    weight = torch.rand(cells, generator=g, dtype=torch.float64) if taps > 1 else None
    return {
        "x": torch.randn(2, channels, 9, 7, generator=g, dtype=torch.float64).to(dtype),
        "index": torch.randint(-1, 63, cells, generator=g),
        "mix": (values.to_sparse_csr() if csr else values.reshape(channels + 2, channels, m, m)).to(dtype),
        "weight": None if weight is None else weight.to(dtype),
        "bias": torch.randn(channels + 2, generator=g, dtype=torch.float64).to(dtype),
    }


def wanted(inputs: Inputs) -> np.ndarray:
    x, mix = inputs["x"], inputs["mix"].to_dense()
    m = round((mix[0].numel() / x.shape[1]) ** 0.5)
    given = {**inputs, "mix": mix.reshape(len(mix), x.shape[1], m, m)}
    arrays = {k: t.numpy() if k == "index" else t.double().numpy() for k, t in given.items() if t is not None}
    return oracle(**{"weight": None, **arrays})


@pytest.mark.parametrize("taps", [1, 4])
@pytest.mark.parametrize("mix", MIXES)
@pytest.mark.parametrize("channels", [1, 7, 31, 32, 33, 96])
def test_every_kernel_matches_the_reference(
    channels: int, mix: str, taps: int, cpu_level: str, tolerance: Tolerance
) -> None:
    for dtype in (torch.float32, torch.float64):
        inputs = problem(channels, mix, taps, dtype)
        right = wanted(inputs)
        results = {
            name: ef.feature_transform(**{**inputs, "x": lay(inputs["x"])}) for name, lay in LAYOUTS.items()
        }
        out = results["planes"]
        assert np.abs(out.double().numpy() - right).max() <= tolerance("feature_transform", dtype)
        assert all(torch.equal(result, out) for result in results.values()), "layouts differ in their numbers"


@pytest.mark.parametrize("mix", MIXES)
def test_more_taps_than_one_blend_takes(mix: str, cpu_level: str, tolerance: Tolerance) -> None:
    for taps in (2, 3, 5, 9):
        inputs = problem(33, mix, taps)
        out = ef.feature_transform(**inputs)
        limit = taps * tolerance("feature_transform", torch.float32)  # as many times as long sums
        assert np.abs(out.double().numpy() - wanted(inputs)).max() <= limit


def gradients(inputs: Inputs, layout: str, upstream_layout: str) -> list[torch.Tensor]:
    given = {k: None if t is None else t.detach().clone() for k, t in inputs.items()}
    given["x"] = LAYOUTS[layout](given["x"])
    leaves = [given[k].requires_grad_() for k in ("x", "mix", "weight", "bias") if given[k] is not None]
    out = ef.feature_transform(**given)
    g = torch.Generator().manual_seed(1)
    upstream = torch.randn(out.shape, generator=g, dtype=torch.float64).to(out.dtype)
    grads = torch.autograd.grad(out, leaves, LAYOUTS[upstream_layout](upstream))
    return [t.values() if t.layout is torch.sparse_csr else t for t in grads]


@pytest.mark.parametrize("taps", [1, 4])
@pytest.mark.parametrize("mix", MIXES)
@pytest.mark.parametrize("channels", [1, 31, 33, 96])
def test_gradients_are_the_same_in_every_layout_and_nearly_so_in_double(
    channels: int, mix: str, taps: int, cpu_level: str, tolerance: Tolerance
) -> None:
    inputs = problem(channels, mix, taps)
    planes = gradients(inputs, "planes", "planes")
    for layout in LAYOUTS:
        found = gradients(inputs, layout, layout)
        assert all(torch.equal(a, b) for a, b in zip(planes, found, strict=True)), layout
    exact = gradients(problem(channels, mix, taps, torch.float64), "planes", "planes")
    for a, b in zip(planes, exact, strict=True):
        # Sums over 143 cells and over 98 channels; the cases of the reference have 20 terms.
        assert (a - b).abs().max() <= 10 * tolerance(
            "feature_transform", torch.float32
        ) * b.abs().max().clamp(1)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("mix", MIXES)
def test_thread_count_changes_no_bit(mix: str, layout: str, cpu_level: str, threads: int) -> None:
    inputs = problem(96, mix, 4)
    inputs["x"] = LAYOUTS[layout](inputs["x"])
    many = [ef.feature_transform(**inputs), *gradients(inputs, layout, "planes")]
    torch.set_num_threads(1)
    one = [ef.feature_transform(**inputs), *gradients(inputs, layout, "planes")]
    assert all(torch.equal(a, b) for a, b in zip(many, one, strict=True))


@pytest.mark.parametrize("mix", ["sparse", "crowded", "sparse 3x3"])
def test_a_sparse_mix_reads_only_what_it_holds(mix: str, cpu_level: str) -> None:
    inputs = problem(31, mix, 1)
    before = ef.feature_transform(**inputs)
    inputs["x"][:, 5] = torch.nan
    readers = inputs["mix"].to_dense().reshape(33, 31, -1)[:, 5].any(1)
    after = ef.feature_transform(**inputs)
    assert torch.equal(after[:, ~readers], before[:, ~readers])
    assert after[:, readers].isnan().any()


@pytest.mark.parametrize("way", ["eager", "compiled", "with gradients"])
def test_results_have_the_layout_of_x(way: str) -> None:
    inputs = problem(31, "dense", 1)
    call: Callable[..., Any] = ef.feature_transform
    if way == "compiled":
        torch._dynamo.reset()
        call = torch.compile(ef.feature_transform, backend="aot_eager", fullgraph=True)
    strides = {}
    for name, lay in LAYOUTS.items():
        x = lay(inputs["x"]).requires_grad_(way == "with gradients")
        strides[name] = call(**{**inputs, "x": x}).stride()
    planes = (33 * 143, 143, 13, 1)
    assert strides == {
        "planes": planes, "cells": (143 * 33, 1, 13 * 33, 33), "padded cells": (143 * 48, 1, 13 * 48, 48),
        "wide rows": planes, "columns": planes,
    }  # fmt: skip


def test_hog_in_cells_is_transformed_in_cells() -> None:
    image = torch.rand(1, 1, 64, 48, generator=torch.Generator().manual_seed(0))
    field = ef.hog(image, layout="cells")
    index = torch.arange(48).reshape(8, 6).flip(1)
    out = ef.feature_transform(field, index, torch.eye(31))
    assert out.stride() == field.stride()
    assert torch.equal(out, field.flip(3))
