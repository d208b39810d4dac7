"""Two classes of images: what is read, what is left out and why, and a split that leaks nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from equivfast import data
from equivfast.data import TaskImages


def noise(seed: int, height: int = 30, width: int = 30) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def save(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)


def fill(root: Path, positive: int = 20, negative: int = 20) -> Path:
    for kind, count, first in (("positive", positive, 0), ("negative", negative, 1000)):
        for i in range(count):
            save(root / kind / f"{i:02}.png", noise(first + i))
    return root


def task(groups: np.ndarray | None = None, each: int = 30, **parts: object) -> TaskImages:
    count = 2 * each
    images = np.zeros((count, 32, 32), np.float32)
    groups = np.arange(count) if groups is None else groups
    default = {"images": images, "labels": np.arange(count) < each, "groups": groups}
    return TaskImages("set", "these", "those", **(default | parts))


# ---- faces -------------------------------------------------------------------------------------


def test_faces_are_the_hundred_and_hundred_of_the_wheel() -> None:
    faces = data.faces(25)
    assert faces.images.shape == (200, 25, 25) and faces.images.dtype == np.float32
    assert faces.labels.tolist() == [True] * 100 + [False] * 100
    assert len({image.tobytes() for image in faces.images}) == 200
    # Faces have eyes, nose and mouth in the middle, backgrounds are mostly smooth.
    contrast = faces.images[:, 6:19, 6:19].std((1, 2))
    assert np.median(contrast[:100]) > 1.5 * np.median(contrast[100:])


def test_enlarged_faces_are_the_same_pictures_and_smooth() -> None:
    small, large = data.faces(25).images, data.faces(125).images
    back = large.reshape(200, 25, 5, 25, 5).mean((2, 4))
    assert np.abs(back - small).mean() < 0.02
    # An enlargement by repeated pixels would jump by whole steps of the small picture at every fifth pixel.
    assert np.abs(np.diff(large, axis=2)).max() < 0.6 * np.abs(np.diff(small, axis=2)).max()


@pytest.mark.parametrize("pixels", [15, 0, 100.0])
def test_a_wrong_size_is_repeated(pixels: object) -> None:
    with pytest.raises(ValueError, match=rf"^faces: pixels must be .* 16, got {pixels}$"):
        data.faces(pixels)


# ---- a folder ----------------------------------------------------------------------------------


def test_a_folder_gives_squares_of_one_size_in_the_order_of_names(tmp_path: Path) -> None:
    fill(tmp_path / "pets")
    save(tmp_path / "pets/positive/wide.png", noise(7, 20, 60))
    found = data.two_classes(tmp_path / "pets", pixels=20)
    assert (found.name, found.positives, found.negatives) == (
        "pets",
        "images in pets/positive",
        "images in pets/negative",
    )
    assert found.images.shape == (41, 20, 20, 3) and found.images.dtype == np.uint8
    assert found.labels.sum() == 21 and found.skipped == ()
    np.testing.assert_array_equal(found.images[20], noise(7, 20, 60)[:, 20:40])  # the central square
    assert len(set(found.groups.tolist())) == 41


def test_what_cannot_be_used_is_named(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / "positive/cut.png").write_bytes((tmp_path / "positive/00.png").read_bytes()[:200])
    save(tmp_path / "negative/small.png", noise(8, 40, 15))
    save(tmp_path / "negative/copy.png", noise(3))
    found = data.two_classes(tmp_path, pixels=16)
    assert len(found.images) == 40
    (copy, small, cut) = found.skipped
    assert copy == ("negative/copy.png", "same pixels as positive/03.png")
    assert small == ("negative/small.png", "15x40 pixels, needs 16x16")
    assert cut[0] == "positive/cut.png" and "\n" not in cut[1]


def test_subfolders_are_groups_across_the_classes(tmp_path: Path) -> None:
    fill(tmp_path)
    for kind, seed in (("positive", 70), ("negative", 80)):
        for i in range(2):
            save(tmp_path / kind / "ada" / f"{i}.png", noise(seed + i))
    found = data.two_classes(tmp_path, pixels=16)
    counts = np.bincount(found.groups)
    assert sorted(counts.tolist()) == [1] * 40 + [4]
    assert found.labels[found.groups == counts.argmax()].tolist() == [True, True, False, False]


def test_missing_folders_and_too_few_images_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"two_classes: path must hold folders .* has no positive"):
        data.two_classes(tmp_path)
    (tmp_path / "positive").mkdir()
    with pytest.raises(ValueError, match="has no negative"):
        save(tmp_path / "positive/a.png", noise(0))
        data.two_classes(tmp_path)
    (tmp_path / "negative").mkdir()
    with pytest.raises(ValueError, match=r"folder: path must hold images"):
        data.two_classes(tmp_path)
    fill(tmp_path / "few", 20, 19)
    with pytest.raises(ValueError, match=r"few must have at least 20 .* got 20 positive, 19 negative$"):
        data.two_classes(tmp_path / "few")


# ---- arrays and splits -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "value", "words"),
    [
        ("images", np.zeros((60, 3, 4)), r"images must be \(n, h, h\) or \(n, h, h, c\), got \(60, 3, 4\)"),
        ("images", np.full((60, 4, 4), 2.0), r"images of floats must lie in 0\.\.1"),
        ("images", np.full((60, 4, 4), np.nan), r"images of floats must lie in 0\.\.1"),
        ("images", np.zeros((60, 4, 4), np.int64), "images must be uint8 or floats, got int64"),
        ("labels", np.zeros(59, bool), r"labels must be \(60,\), got \(59,\)"),
        ("labels", np.zeros(60), "labels must be bool, got float64"),
        ("groups", np.zeros(1, int), r"groups must be \(60,\), got \(1,\)"),
    ],
)
def test_arrays_that_do_not_fit_are_named(part: str, value: np.ndarray, words: str) -> None:
    with pytest.raises(ValueError, match=f"^TaskImages: {words}"):
        task(**{part: value})


def test_split_is_disjoint_complete_balanced_and_repeatable() -> None:
    images = task()
    train, test = images.split(seed=0)
    assert sorted([*train, *test]) == list(range(60))
    assert images.labels[train].sum() == 15 == images.labels[test].sum() and len(test) == 30
    np.testing.assert_array_equal(images.split(seed=0)[1], test)
    assert images.split(seed=1)[1].tolist() != test.tolist()
    assert len(images.split(seed=0, test_share=0.2)[1]) == 12


def test_split_keeps_groups_whole() -> None:
    """Ten people, each in three positive and three negative images."""
    images = task(groups=np.tile(np.arange(10), 6))
    train, test = images.split(seed=3)
    assert not set(images.groups[train]) & set(images.groups[test])
    assert len(set(images.groups[test])) == 5


def test_groups_too_large_to_divide_are_reported() -> None:
    with pytest.raises(ValueError, match=r"groups must be at least 5 .* got 3 of 36 groups of 60 images"):
        task(groups=np.maximum(np.arange(60) - 24, 0)).split(seed=0)


def test_fingerprint_sees_pixels_labels_and_groups() -> None:
    images = task()
    moved = images.images.copy()
    moved[5, 3, 3] = 0.5
    others = [
        replace(images, images=moved),
        replace(images, labels=~images.labels),
        replace(images, groups=images.groups // 2),
    ]
    assert len({other.fingerprint for other in [images, *others]}) == 4
    assert task().fingerprint == images.fingerprint
