"""Patches of a picture, each less its mean, make the picture again."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from equivfast import data
from equivfast.inversion.blend import blend


def patches(picture: torch.Tensor, side: int, stride: int) -> tuple[torch.Tensor, int, int]:
    cut = picture.unfold(0, side, stride).unfold(1, side, stride)
    flat = cut.flatten(2).flatten(0, 1)
    return (flat - flat.mean(1, keepdim=True))[None], cut.shape[0], cut.shape[1]


@pytest.mark.parametrize(
    ("height", "width", "side", "stride"), [(92, 116, 20, 8), (60, 60, 20, 4), (20, 28, 20, 8)]
)
def test_a_picture_comes_back_from_its_patches(height, width, side, stride):
    grey = data.photographs(["coins"])[0].image.mean(axis=2)[10 : 10 + 2 * height : 2, 5 : 5 + 2 * width : 2]
    picture = torch.from_numpy(grey).float()
    found = blend(*patches(picture, side, stride), stride)[0]
    assert found.shape == picture.shape
    error = (found - found.mean()) - (picture - picture.mean())
    assert float(error.std() / picture.std()) < 0.2  # structure beyond the reach of windows is given up
    # No seam: differences between neighbours are right where patches begin and end, as they are elsewhere.
    for axis in (0, 1):
        wrong = (found.diff(dim=axis) - picture.diff(dim=axis)).abs().mean(1 - axis)
        assert float(wrong.max()) < 0.1 * float(picture.std())


def test_a_step_between_large_regions_survives():
    """Averaging patches without their means would let it fade within half a patch."""
    picture = torch.zeros(100, 100)
    picture[:, 50:] = 1.0
    found = blend(*patches(picture, 20, 8), 8)[0]
    profile = found.mean(0)
    assert float(profile[50:65].min() - profile[35:50].max()) > 0.6


def test_a_batch_is_its_pictures(height=36, width=44):
    draw = np.random.default_rng(0)
    pictures = torch.from_numpy(draw.standard_normal((3, height, width))).float()
    parts = [patches(picture, 20, 8) for picture in pictures]
    together = blend(torch.cat([part[0] for part in parts]), *parts[0][1:], 8)
    for one, part in zip(together, parts, strict=True):
        torch.testing.assert_close(one, blend(*part, 8)[0])
