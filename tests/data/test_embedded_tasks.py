"""The embedded tasks: training and test never see the same pixels, and every draw is repeatable."""

from __future__ import annotations

import numpy as np
import pytest

from equivfast.data import Photograph, embedded_tasks
from equivfast.data.embedded_tasks import GAP, SIDE, crops, digits, held_out


def _painted(inside: bool) -> np.ndarray:
    """A noisy picture, red where the held-out tiles are, or where they are not."""
    picture = np.random.default_rng(0).integers(0, 256, (303, 384, 3)).astype(np.uint8)
    picture[..., 0] = 0 if inside else 255
    for left, top, right, bottom in held_out(303, 384):
        gap = GAP if inside else 0
        place = slice(max(0, top - gap), bottom + gap), slice(max(0, left - gap), right + gap)
        picture[(*place, 0)] = 255 if inside else 0
    return picture


@pytest.mark.parametrize("part", ["train", "test"])
def test_parts_have_areas_of_their_own(monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    """Red is what a part must not see: the held-out tiles and the gap around them, or everything else."""
    photo = Photograph("painted", _painted(part == "train"))
    monkeypatch.setattr(embedded_tasks, "photographs", lambda: [photo])
    images, labels = crops(part, each=200)
    assert images.shape == (200, SIDE, SIDE, 3) and not labels.any()
    assert not images[..., 0].any()


def test_tiles_stay_apart_and_leave_most_of_the_picture() -> None:
    for height, width in ((303, 384), (512, 512), (300, 451), (427, 640)):
        tiles = held_out(height, width)
        share = sum((r - x) * (b - y) for x, y, r, b in tiles) / (height * width)
        assert 0.15 < share < 0.25
        for x, y, r, b in tiles:
            assert min(r - x, b - y) >= max(embedded_tasks._WINDOWS)


def test_draws_are_repeatable_and_balanced() -> None:
    images, labels = crops("train", each=5)
    again, _ = crops("train", each=5)
    longer, _ = crops("train", each=8)
    other, _ = crops("train", each=5, seed=1)
    assert np.array_equal(images, again) and not np.array_equal(images, other)
    assert np.array_equal(images[:5], longer[:5])
    assert np.bincount(labels).tolist() == [5] * 12
    assert images.mean(3).std((1, 2)).min() > 5


def test_digits_are_divided_once_and_for_all() -> None:
    train, test = digits("train"), digits("test")
    assert len(train[0]) == 1438 and len(test[0]) == 359
    assert train[0].dtype == np.uint8 and (train[0][..., 0] == train[0][..., 2]).all()


def test_unknown_parts_are_refused() -> None:
    for function in (crops, digits):
        with pytest.raises(ValueError, match="part must be 'train' or 'test', got 'val'"):
            function("val")
    with pytest.raises(ValueError, match="each must be at least 1, got 0"):
        crops("train", each=0)
