"""hog: the contract of every op, then shapes, layouts and properties of its own."""

from __future__ import annotations

import sys
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from op_contract import Case, Inputs, OpContract, Tolerance
from strategies import hog_settings, images, smallest_side

import equivfast as ef
from equivfast.reference.hog import hog as oracle


def photograph(shape: tuple[int, ...], dtype: torch.dtype, levels: int = 256) -> torch.Tensor:
    """Integers 0 .. levels - 1: exact in every dtype, and rich in ties where levels are few."""
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randint(0, levels, shape, generator=generator).to(dtype)


def case(*shape: int, levels: int = 256, **settings: Any) -> Case:
    return Case(lambda dtype: {"image": photograph(shape, dtype, levels)}, settings)


def oracle_batch(image: np.ndarray, **settings: Any) -> np.ndarray:
    settings.pop("layout", None)
    return np.stack([oracle(one, **settings) for one in image])


class TestHog(OpContract):
    op = "hog"
    dtypes = (torch.float32, torch.float64, torch.uint8)
    cases: ClassVar = {
        "uoctti": case(2, 1, 61, 47),
        "uoctti-bilinear-ties": case(2, 3, 40, 300, levels=4, assignment="bilinear", cell=4),
        "dalal-triggs": case(3, 3, 32, 24, variant="dalal-triggs", orientations=6),
        "dalal-triggs-bilinear": case(2, 2, 33, 29, variant="dalal-triggs", assignment="bilinear", cell=5),
        "dpm": case(2, 3, 51, 78, variant="dpm", levels=8),
        "cells": case(2, 1, 48, 40, layout="cells", orientations=16),
        "cell-of-one-pixel": case(2, 1, 9, 70, cell=1, orientations=4),
    }

    def call(self, inputs: Inputs, settings: dict[str, Any]) -> torch.Tensor:
        return ef.hog(inputs["image"], **settings)

    def oracle(self, inputs: Inputs, settings: dict[str, Any]) -> np.ndarray:
        return oracle_batch(inputs["image"].numpy(), **settings)

    def arguments(self, inputs: Inputs, settings: dict[str, Any]) -> tuple[Any, ...]:
        defaults = {
            "cell": 8,
            "orientations": 9,
            "variant": "uoctti",
            "assignment": "nearest",
            "layout": "channels",
        }
        return inputs["image"], *{**defaults, **settings}.values()

    def numpy_inputs(self, inputs: Inputs) -> Inputs:
        return {f"image{i}": one.permute(1, 2, 0).numpy() for i, one in enumerate(inputs["image"])}

    def call_numpy(self, arrays: Inputs, settings: dict[str, Any]) -> np.ndarray:
        return np.stack([ef.hog(array, **settings) for array in arrays.values()])


@given(st.data(), hog_settings())
def test_any_image_any_settings(tolerance: Tolerance, data: st.DataObject, settings: dict[str, Any]) -> None:
    image = data.draw(images(smallest_side(settings)))
    out = ef.hog(torch.from_numpy(image), **settings).numpy()
    wanted = oracle_batch(image, **settings)
    assert out.shape == wanted.shape
    assert np.abs(out - wanted).max() <= tolerance(
        "hog", torch.float64 if image.dtype == np.float64 else torch.float32
    )


@pytest.mark.parametrize("colours", [1, 2, 3])
def test_no_row_has_a_wrong_tail(colours: int, cpu_level: str, tolerance: Tolerance) -> None:
    """Rows are computed in whole vectors, beyond their ends: of up to two vectors, and about the strip's 31 blocks."""
    for width in (*range(3, 36), *range(120, 136)):
        image = photograph((1, colours, 7, width), torch.float32)
        out = ef.hog(image, 4, assignment="bilinear").numpy()
        wanted = oracle_batch(image.numpy(), cell=4, assignment="bilinear")
        assert np.abs(out - wanted).max() <= tolerance("hog", torch.float32), width


@given(images(largest=24), hog_settings())
def test_small_images_are_computed_or_refused(image: np.ndarray, settings: dict[str, Any]) -> None:
    if min(image.shape[2:]) < smallest_side(settings):
        with pytest.raises(ValueError, match="holds no cell of"):
            ef.hog(torch.from_numpy(image), **settings)
    else:
        assert ef.hog(torch.from_numpy(image), **settings).isfinite().all()


@pytest.mark.parametrize("assignment", ["nearest", "bilinear"])
def test_any_float64_is_decided_as_the_oracle_decides(
    assignment: str, cpu_level: str, tolerance: Tolerance
) -> None:
    """Numbers that float32 does not hold: decisions and the cosine see them rounded, votes do not."""
    image = 255 * torch.rand(1, 2, 40, 70, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    out = ef.hog(image, 4, assignment=assignment).numpy()
    wanted = oracle_batch(image.numpy(), cell=4, assignment=assignment)
    assert np.abs(out - wanted).max() <= tolerance("hog", torch.float64)


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (1, 40), (40, 2)])
def test_an_image_without_an_inner_pixel_has_no_gradient(size: tuple[int, int]) -> None:
    out = ef.hog(photograph((1, 2, *size), torch.float32), cell=1)
    assert tuple(out.shape[2:]) == size
    assert not out.any()


@pytest.mark.parametrize("variant", ["uoctti", "dalal-triggs", "dpm"])
@pytest.mark.parametrize("orientations", [9, 4, 128])
def test_cells_layout_is_padded_memory_with_the_same_values(
    variant: str, orientations: int, cpu_level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    op = sys.modules["equivfast.ops.hog"]
    fresh = op.padded_cells  # type: ignore[attr-defined]

    def used(*wanted: Any) -> torch.Tensor:
        """Memory that is not 0 by chance."""
        out: torch.Tensor = fresh(*wanted)
        out.as_strided((out.untyped_storage().nbytes() // out.element_size(),), (1,), 0).fill_(7)
        return out

    monkeypatch.setattr(op, "padded_cells", used)
    image = photograph((2, 3, 40, 33), torch.float32)
    planes = ef.hog(image, variant=variant, orientations=orientations)
    cells = ef.hog(image, variant=variant, orientations=orientations, layout="cells")
    n, d, H, W = planes.shape
    padded = -(-d // 16) * 16
    assert torch.equal(planes, cells)
    assert cells.stride() == (H * W * padded, 1, W * padded, padded)
    memory = torch.as_strided(cells, (n, H, W, padded), (H * W * padded, W * padded, padded, 1))
    assert not memory[..., d:].any()


@pytest.mark.parametrize("layout", ["channels", "cells"])
def test_empty_batch(layout: str) -> None:
    out = ef.hog(torch.empty(0, 3, 20, 17, dtype=torch.uint8), layout=layout)
    assert tuple(out.shape) == (0, 31, 3, 2)
    assert out.dtype == torch.float32


def test_each_image_of_a_batch_is_computed_alone() -> None:
    batch = photograph((5, 3, 37, 45), torch.float32)
    assert torch.equal(ef.hog(batch), torch.cat([ef.hog(one[None]) for one in batch]))


def test_gray_numpy_needs_no_channel_axis() -> None:
    gray = photograph((40, 33), torch.uint8).numpy()
    np.testing.assert_array_equal(ef.hog(gray), ef.hog(gray[..., None]))


def test_equal_channels_are_one_channel() -> None:
    gray = photograph((1, 1, 40, 33), torch.float32)
    assert torch.equal(ef.hog(gray.expand(1, 3, 40, 33)), ef.hog(gray))


@pytest.mark.parametrize("width", [247, 248, 249, 496, 500])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_pixels_read_in_place_are_those_of_a_copy(width: int, dtype: torch.dtype, cpu_level: str) -> None:
    """Strips of 31 blocks of 8 pixels are read from the image where there are rows around them to run over into."""
    image = photograph((1, 3, 70, width), dtype)
    wanted = ef.hog(image)
    around = photograph((1, 5, 90, width + 31), dtype)
    around[:, 1:4, 11:81, 17 : 17 + width] = image
    last = image.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    backwards = image.flip(2).contiguous()
    assert torch.equal(ef.hog(around[:, 1:4, 11:81, 17 : 17 + width]), wanted)
    assert torch.equal(ef.hog(last), wanted)
    assert np.array_equal(ef.hog(backwards.numpy()[0].transpose(1, 2, 0)[::-1]), wanted[0])
    np.testing.assert_allclose(wanted, oracle_batch(image.numpy()), atol=1e-5)


@pytest.mark.parametrize("width", [640, 650])
@pytest.mark.parametrize("variant", ["uoctti", "dalal-triggs", "dpm"])
def test_a_batch_larger_than_the_caches_has_the_fields_of_its_images(width: int, variant: str) -> None:
    """Beyond 4 MB images are fetched ahead and fields are stored past the caches, where rows of them are aligned."""
    batch = photograph((9, 1, 480, width), torch.float32)
    fields = ef.hog(batch, variant=variant)
    assert fields.nbytes > 1 << 22
    assert torch.equal(fields, torch.cat([ef.hog(one[None], variant=variant) for one in batch]))
