"""PoseDetector: what it finds in real photographs, what it keeps, what it refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import equivfast as ef
from equivfast.detection import Detection
from equivfast.groups import Transform, affine, hflip, rotation, scaling, warp

Image = np.ndarray
EYE = (130, 75, 80, 80)  # x, y, width, height: an eye and the nose's bridge


@pytest.fixture(scope="module")
def cat() -> Image:
    return ef.data.photographs(["cat"])[0].image


@pytest.fixture(scope="module")
def detector(cat: Image) -> ef.PoseDetector:
    return ef.PoseDetector.from_template(cut(cat, EYE))


def cut(image: Image, box: tuple[int, int, int, int]) -> Image:
    x, y, width, height = box
    return image[y : y + height, x : x + width]


def middle(box: tuple[int, int, int, int], image: Image, g: Transform) -> np.ndarray:
    x, y, width, height = box
    corner = (np.array(image.shape[1::-1]) - 1) / 2
    return g(np.array([x + (width - 1) / 2, y + (height - 1) / 2]) - corner) + corner


def assert_found(found: list[Detection], at: np.ndarray, g: Transform, pixels: float = 2.0) -> None:
    assert found
    best = found[0]
    np.testing.assert_allclose((best.x, best.y), at, atol=pixels)
    scale = np.sqrt(np.linalg.det(g.linear))
    assert best.scale == pytest.approx(scale, rel=0.05)
    np.testing.assert_allclose(best.pose.linear, g.linear, atol=0.1 * scale)


@pytest.mark.parametrize(
    "g", [rotation(0), rotation(37), rotation(-121) @ scaling(0.7), rotation(178) @ scaling(1.4)]
)
def test_an_object_is_found_at_any_turn_and_size(cat: Image, detector: ef.PoseDetector, g: Transform) -> None:
    turned = warp(cat, g)[0]
    found = detector.detect(turned)
    assert_found(found, middle(EYE, cat, g), g, pixels=1.0)
    assert found[0].score > 0.9
    assert (
        abs((found[0].angle - np.degrees(np.arctan2(g.linear[0, 1], g.linear[0, 0])) + 180) % 360 - 180) < 1.5
    )


def test_search_alone_is_coarse_and_near(cat: Image, detector: ef.PoseDetector) -> None:
    g = rotation(37)
    (best, *_) = detector.detect(warp(cat, g)[0], align=False, scales=(1, 1), threshold=0.3)
    np.testing.assert_allclose((best.x, best.y), middle(EYE, cat, g), atol=6)
    assert best.angle in (35.0, 40.0) and best.scale == pytest.approx(1)


def test_torch_numpy_gray_and_float_agree(cat: Image, detector: ef.PoseDetector) -> None:
    planes = torch.from_numpy(cat.copy()).movedim(2, 0)[None]
    as_floats = cat.astype(np.float64)
    expected = detector.detect(cat, scales=(1, 1))[0]
    for image in (planes, as_floats, np.asfortranarray(cat), cat[:, ::-1][:, ::-1]):
        assert detector.detect(image, scales=(1, 1))[0] == expected
    gray = cat.astype(np.float32).mean(2)
    of_gray = ef.PoseDetector.from_template(cut(gray, EYE))
    assert of_gray.channels == 1
    assert of_gray.detect(cat, scales=(1, 1))[0] == of_gray.detect(gray, scales=(1, 1))[0]
    assert_found(detector.detect(gray, scales=(1, 1)), middle(EYE, cat, rotation(0)), rotation(0))


def test_a_long_object_is_found_up_to_the_border(cat: Image) -> None:
    box = (100, 10, 120, 48)  # the ear and the brow, in the upper left
    thin = ef.PoseDetector.from_template(cut(cat, box))
    assert (thin.layout.rows, thin.layout.columns) == (4, 10)
    part = np.ascontiguousarray(cat[4:160, 94:330])
    assert_found(thin.detect(part, scales=(0.9, 1.1)), np.array([6 + 59.5, 6 + 23.5]), rotation(0))
    upright = np.ascontiguousarray(np.rot90(part))
    assert_found(
        thin.detect(upright, scales=(0.9, 1.1)), np.array([6 + 23.5, 235 - (6 + 59.5)]), rotation(90)
    )


def test_stretched_poses_are_found_stretched(cat: Image) -> None:
    shear = affine([[1.0, 0.35], [0.0, 1.0]])
    poses = [rotation(angle) @ shape for angle in (-20, 0, 20) for shape in (rotation(0), shear)]
    detector = ef.PoseDetector.from_template(cut(cat, EYE), poses=poses)
    g = rotation(14) @ affine([[1.0, 0.3], [0.0, 1.0]])
    found = detector.detect(warp(cat, g)[0], scales=(0.9, 1.1))
    assert_found(found, middle(EYE, cat, g), g)


def test_every_instance_is_found_once_and_no_more_than_asked(cat: Image, detector: ef.PoseDetector) -> None:
    left, right = warp(cat, rotation(20))[0], warp(cat, rotation(-60))[0]
    both = np.concatenate([left, right], 1)
    found = detector.detect(both, scales=(0.9, 1.1), threshold=0.8)
    assert len(found) == 2 and {one.x < cat.shape[1] for one in found} == {True, False}
    assert detector.detect(both, scales=(0.9, 1.1), threshold=0.8, most=1) == found[:1]


@pytest.mark.parametrize(
    "size", [(80, 80), (90, 70), (64, 110), (83, 67), (53, 41), (80, 27), (160, 48), (31, 40)]
)
def test_every_crop_is_found_in_itself_and_in_its_photograph(cat: Image, size: tuple[int, int]) -> None:
    box = (110, 60, *size)
    crop = cut(cat, box)
    detector = ef.PoseDetector.from_template(crop, poses=[rotation(a) for a in range(0, 360, 45)])
    for image, at in ((crop, ((size[0] - 1) / 2, (size[1] - 1) / 2)), (cat, middle(box, cat, rotation(0)))):
        assert_found(detector.detect(image, scales=(1, 1)), np.array(at), rotation(0))


def test_a_mirrored_pose_stays_a_similarity(cat: Image) -> None:
    turns = [rotation(a) for a in range(0, 360, 45)]
    detector = ef.PoseDetector.from_template(cut(cat, EYE), poses=[*turns, *(r @ hflip() for r in turns)])
    g = rotation(40) @ hflip() @ scaling(0.9)
    best = detector.detect(warp(cat, g, border="edge")[0], scales=(0.7, 1.4))[0]
    sizes = np.linalg.svd(best.pose.linear, compute_uv=False)
    assert sizes[0] == pytest.approx(sizes[1]) and np.linalg.det(best.pose.linear) < 0
    assert best.angle == pytest.approx(40, abs=2) and best.scale == pytest.approx(0.9, rel=0.05)


def test_sizes_outside_the_range_are_not_found(cat: Image, detector: ef.PoseDetector) -> None:
    assert detector.detect(cat, scales=(1.2, 1.5)) == []
    assert detector.detect(cat, scales=(0.6, 0.85)) == []
    assert detector.detect(cat, scales=(0.97, 1.5))[0].scale == pytest.approx(1, rel=0.02)


def test_many_instances_are_all_found(cat: Image, detector: ef.PoseDetector) -> None:
    tiles = np.tile(cut(cat, EYE), (7, 7, 1))
    assert len(detector.detect(tiles, scales=(1, 1), threshold=0.7)) == 49
    assert len(detector.detect(tiles, scales=(1, 1), threshold=0.7, most=5)) == 5


@pytest.mark.parametrize(
    "phi",
    [
        ef.representations.HOG(cell=4),
        ef.representations.HOG(cell=16),
        ef.representations.HOG(variant="dalal-triggs"),
        ef.representations.HOG(orientations=8, assignment="nearest"),
    ],
    ids=str,
)
def test_other_histograms_find_it_too(cat: Image, phi: ef.representations.HOG) -> None:
    poses = [rotation(a) for a in range(0, 360, 30)]
    detector = ef.PoseDetector.from_template(cut(cat, EYE), poses=poses, phi=phi)
    g = rotation(37)
    assert_found(detector.detect(warp(cat, g)[0], scales=(0.9, 1.1)), middle(EYE, cat, g), g)


def test_nothing_is_found_where_nothing_is(detector: ef.PoseDetector) -> None:
    assert detector.detect(np.zeros((200, 200), np.uint8)) == []
    assert detector.detect(np.full((200, 200, 3), 255, np.uint8)) == []
    noise = np.random.default_rng(0).integers(0, 256, (200, 200), np.uint8)
    assert detector.detect(noise) == []


def test_fit_finds_what_examples_have_in_common() -> None:
    """Thirty faces; another one is found in a larger picture, turned."""
    pictures = ef.data.faces(64)
    faces = [(255 * image).astype(np.uint8) for image in pictures.images[pictures.labels]]
    detector = ef.PoseDetector.fit(faces[:30], [(0, 0, 64, 64)] * 30)
    scene = np.full((240, 240), 128, np.uint8)
    scene[60:124, 100:164] = faces[40]
    g = rotation(50)
    turned = warp(scene, g)[0]
    found = detector.detect(turned, scales=(0.9, 1.1), threshold=0.3)
    # Another person's face: nobody says where exactly its middle is, nor how large it is.
    np.testing.assert_allclose((found[0].x, found[0].y), middle((100, 60, 64, 64), scene, g), atol=8)
    assert abs(found[0].angle - 50) < 8 and 0.8 < found[0].scale < 1.25


def test_a_saved_detector_is_the_same(tmp_path: Path, cat: Image, detector: ef.PoseDetector) -> None:
    path = tmp_path / "eye.safetensors"
    detector.save(path)
    loaded = ef.PoseDetector.load(path)
    assert repr(loaded) == repr(detector)
    assert loaded.detect(cat) == detector.detect(cat)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ValueError, match=r"PoseDetector.load: .*eye.safetensors"):
        ef.PoseDetector.load(path)
    ef.PoseBank(np.ones((2, 1, 3, 3), np.float32)).save(path)
    with pytest.raises(ValueError, match="is not an equivfast pose detector"):
        ef.PoseDetector.load(path)
