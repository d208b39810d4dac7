"""The scales that are searched, and where their cells lie in the image."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from equivfast.detection.levels import searched
from equivfast.representations import HOG


def levels(
    scales: tuple[float, float], margin: int = 0, side: int = 5, size: tuple[int, int] = (160, 201)
) -> list:
    image = torch.rand(1, 1, *size, generator=torch.Generator().manual_seed(0))
    return list(searched(image, HOG(8), scales, 6, margin, side))


def test_scales_go_in_equal_steps_from_end_to_end() -> None:
    scales = [level.scale for level in levels((0.5, 2.0))]
    assert len(scales) == 13 and scales[0] == 2.0 and scales[-1] == pytest.approx(0.5)
    np.testing.assert_allclose(np.diff(np.log2(scales)), -1 / 6)
    assert [level.scale for level in levels((1.0, 1.0))] == [1.0]
    assert len(levels((0.9, 1.0))) == 2


def test_levels_too_small_for_a_template_are_left_out() -> None:
    assert min(level.field.shape[2] for level in levels((0.1, 1.0), side=7)) == 7
    assert levels((0.1, 0.2), side=7) == []
    padded = levels((0.1, 1.0), margin=2, side=7)
    assert min(level.field.shape[2] for level in padded) >= 7
    assert not padded[0].field[..., :2, :].any() and padded[0].field[..., 2:-2, 2:-2].any()


@pytest.mark.parametrize("margin", [0, 3])
def test_windows_lie_where_their_pixels_do(margin: int) -> None:
    """A window of 4 x 4 cells at cells (2, 5) has its middle at pixel (5 + 2) * 8 - 0.5 of its level."""
    for level in levels((0.6, 1.5), margin, 4):
        x, y = level.centre(2 + margin, 5 + margin, 4)
        height, width = round(160 * level.scale), round(201 * level.scale)
        at = np.array([(5 + 2) * 8 - 0.5 - (width - 1) / 2, (2 + 2) * 8 - 0.5 - (height - 1) / 2])
        np.testing.assert_allclose((x, y), at * (201 / width, 160 / height), atol=1e-9)
