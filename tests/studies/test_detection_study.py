"""The detection study: scenes that hold what they say, judgements by hand, and a small run."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from equivfast import data
from equivfast.detection import Detection
from equivfast.groups import rotation, scaling, window
from equivfast.studies import detection
from equivfast.studies._object_scenes import Placed, cluttered_scene, subjects, turned_scene
from equivfast.studies._object_scores import PoseError, judged, precision_recall
from equivfast.studies.detection import DetectionConfig

TINY = DetectionConfig(alone=3, objects=4, scenes=2, together=2, size=300)


@pytest.fixture(scope="module")
def photographs() -> list[data.Photograph]:
    return data.photographs(["cat", "china"])


def looks_like(scene: np.ndarray, placed: Placed, crop: np.ndarray) -> float:
    """Correlation of the crop with the scene seen through the pose."""
    g = rotation(placed.angle) @ scaling(placed.scale)
    seen = np.asarray(window(scene, (placed.x, placed.y), len(crop), g.inverse())[0], np.float32)
    inner = slice(8, -8)
    return float(np.corrcoef(seen[inner, inner].ravel(), crop[inner, inner].ravel())[0, 1])


def test_subjects_are_pieces_with_contrast_apart_from_each_other(photographs: list[data.Photograph]) -> None:
    found = subjects(photographs, 6, 80, seed=0, apart=1.0)
    assert len(found) == 6 and {s.photo.name for s in found} == {"cat", "china"}
    assert all(s.crop.shape == (80, 80, 3) and s.crop.mean(2).std() > 30 for s in found)
    for a in found:
        same = [b for b in found if b is not a and b.photo is a.photo]
        assert all(max(abs(a.centre[0] - b.centre[0]), abs(a.centre[1] - b.centre[1])) >= 80 for b in same)
    with pytest.raises(ValueError, match="must have room for 200 pieces of 80 pixels, got room for"):
        subjects(photographs, 200, 80, seed=0, apart=1.0)


def test_a_turned_scene_shows_the_subject_where_it_says(photographs: list[data.Photograph]) -> None:
    random = np.random.default_rng(0)
    for k, subject in enumerate(subjects(photographs, 3, 80, seed=2)):
        scene = turned_scene(subject, k, 300, (0.7, 1.4), random)
        assert scene.image.shape == (300, 300, 3) and scene.placed[0].subject == k
        assert looks_like(scene.image, scene.placed[0], subject.crop) > 0.85


def test_clutter_holds_its_objects_apart(photographs: list[data.Photograph]) -> None:
    random = np.random.default_rng(1)
    wanted = subjects(photographs[:1], 3, 60, seed=1, apart=1.0)
    scene = cluttered_scene(photographs[1], list(enumerate(wanted)), 400, (0.7, 1.4), random)
    assert scene.background == "china" and len(scene.placed) == 3
    for placed in scene.placed:
        assert looks_like(scene.image, placed, wanted[placed.subject].crop) > 0.85
        others = [p for p in scene.placed if p is not placed]
        assert all(np.hypot(p.x - placed.x, p.y - placed.y) > 60 for p in others)


def find(x: float, score: float, angle: float = 0.0, scale: float = 1.0) -> Detection:
    return Detection.at(np.array([x, 50.0]), rotation(angle) @ scaling(scale), score, (40.0, 40.0))


def test_errors_are_those_of_the_pose() -> None:
    error = PoseError.of(find(51.5, 1.0, angle=178, scale=1.04), Placed(0, 50.0, 50.0, 1.0, -179.0, 40))
    assert error.dx == pytest.approx(1.5) and error.degrees == pytest.approx(-3) and error.exact
    assert not PoseError.of(find(52.1, 1.0), Placed(0, 50.0, 50.0, 1.0, 0.0, 40)).exact
    assert not PoseError.of(find(50, 1.0, angle=5.1), Placed(0, 50.0, 50.0, 1.0, 0.0, 40)).exact
    assert not PoseError.of(find(50, 1.0, scale=1.06), Placed(0, 50.0, 50.0, 1.0, 0.0, 40)).exact


def test_an_object_counts_once() -> None:
    there = [Placed(0, 50.0, 50.0, 1.0, 0.0, 40)]
    assert judged([find(50, 0.5), find(52, 0.9), find(90, 0.7)], there, 40) == [
        (0.9, True),
        (0.7, False),
        (0.5, False),
    ]
    assert judged([find(50, 0.5, angle=20)], there, 40) == [(0.5, False)]
    assert judged([], there, 40) == []


def test_precision_and_recall_by_hand() -> None:
    curve = precision_recall([(0.9, True), (0.5, True), (0.8, False)], objects=4)
    assert curve["threshold"] == [0.9, 0.8, 0.5]
    np.testing.assert_allclose(curve["precision"], [1, 1 / 2, 2 / 3])
    np.testing.assert_allclose(curve["recall"], [1 / 4, 1 / 4, 1 / 2])
    assert curve["average_precision"] == pytest.approx(1 / 4 * 1 + 1 / 4 * 2 / 3)
    assert precision_recall([], objects=4)["average_precision"] == 0


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> dict:
    config = dataclasses.replace(TINY, out=str(tmp_path_factory.mktemp("run")))
    return {"config": config, **detection.run(config)}


def test_a_small_run_finds_and_says_so(result: dict) -> None:
    alone, clutter = result["alone"], result["clutter"]
    assert alone["count"] == len(alone["rows"]) == 3 and alone["exact"] >= 2 / 3
    assert alone["errors"]["pixels"]["most"] <= 2 and alone["errors"]["degrees"]["most"] <= 5
    assert clutter["objects"] == 4 and clutter["curve"]["average_precision"] > 0.7
    assert all(p["picture"].startswith("data:image/png") for p in alone["pictures"] + clutter["pictures"])
    assert result["headline"][0]["value"] == f"{alone['exact']:.0%}".replace("%", " %")
    assert str(clutter["objects"]) in result["headline"][2]["text"]


def test_an_interrupted_run_goes_on(result: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detection.trials, "alone", _must_not_run)
    again = detection.run(dataclasses.replace(result["config"], resume=True))
    assert again["alone"] == result["alone"] and again["clutter"] == result["clutter"]
    with pytest.raises(AssertionError, match="kept"):
        detection.run(dataclasses.replace(result["config"], resume=True, seed=1))


def test_other_pixels_under_the_same_names_are_computed_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[int] = []

    def count(*_: object) -> dict:
        counted.append(1)
        return {"count": len(counted)}

    monkeypatch.setattr(detection.trials, "alone", count)
    monkeypatch.setattr(detection.trials, "clutter", count)
    monkeypatch.setattr(detection._object_report, "words", lambda _: {})
    images = np.random.default_rng(0).integers(0, 256, (2, 300, 300, 3), dtype=np.uint8)
    config = dataclasses.replace(TINY, images=str(tmp_path / "in"), out=str(tmp_path / "out"), resume=True)
    (tmp_path / "in").mkdir()
    for change, computed in ((0, 2), (0, 2), (1, 4), (0, 4)):
        images[0, 5, 7] += change
        for name, image in zip("ab", images, strict=True):
            Image.fromarray(image).save(tmp_path / "in" / f"{name}.png")
        detection.run(config)
        assert len(counted) == computed


def _must_not_run(*_: object) -> dict:
    raise AssertionError("what was kept should have been read")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"alone": 0}, "alone must be at least 1, got 0"),
        ({"objects": 2, "together": 3}, "together must be at most the objects, 2, got 3"),
        ({"scales": (2.0, 1.0)}, r"scales must be \(smallest, largest\) above 0, got \(2.0, 1.0\)"),
        ({"size": 100}, "size must be at least 224 pixels, got 100"),
    ],
)
def test_settings_that_make_no_sense(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=f"detection: {message}"):
        DetectionConfig(**settings)


def test_a_folder_of_one_photograph_is_too_little(tmp_path: Path, photographs: list[data.Photograph]) -> None:
    Image.fromarray(photographs[0].image).save(tmp_path / "one.png")
    with pytest.raises(ValueError, match="images must hold at least 2 photographs, got 1"):
        detection.run(dataclasses.replace(TINY, images=str(tmp_path)))
