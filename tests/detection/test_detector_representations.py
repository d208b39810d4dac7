"""PoseDetector on other representations than HOG: layers of networks, and classes that nobody knows."""

from __future__ import annotations

from pathlib import Path

import convolutions
import numpy as np
import pytest
import torch
from torch import nn

import equivfast as ef
from equivfast.detection import background, files
from equivfast.groups import Grid, rotation, scaling, warp
from equivfast.representations import HOG, Layer, Network
from equivfast.representations.models import load

pytestmark = pytest.mark.usefixtures("one_thread")

EYE = (130, 75, 80, 80)  # x, y, width, height
POSES = [rotation(angle) for angle in range(0, 360, 15)]
FEW = [rotation(angle) for angle in (-15, 0, 15)]


@pytest.fixture(scope="module")
def cat() -> np.ndarray:
    return ef.data.photographs(["cat"])[0].image


@pytest.fixture(scope="module")
def crop(cat: np.ndarray) -> np.ndarray:
    x, y, width, height = EYE
    return cat[y : y + height, x : x + width]


@pytest.fixture(scope="module")
def detector(crop: np.ndarray) -> ef.PoseDetector:
    return ef.PoseDetector.from_template(crop, poses=POSES, representation=convolutions.layer())


def trials(cat: np.ndarray, detector: ef.PoseDetector, count: int = 8) -> list[tuple[float, float, float]]:
    """How far off the best finds are in turned and scaled copies of the photograph: pixels, degrees, log scale."""
    x, y, width, height = EYE
    random, middle = np.random.default_rng(0), (np.array(cat.shape[1::-1]) - 1) / 2
    found = []
    for _ in range(count):
        angle, scale = float(random.uniform(-180, 180)), float(random.uniform(0.8, 1.25))
        g = rotation(angle) @ scaling(scale)
        at = g(np.array([x + (width - 1) / 2, y + (height - 1) / 2]) - middle) + middle
        best = next(iter(detector.detect(warp(cat, g)[0], scales=(0.7, 1.4), threshold=0.2)), None)
        if best is not None:
            turned = abs((best.angle - angle + 180) % 360 - 180)
            found.append(
                (float(np.hypot(best.x - at[0], best.y - at[1])), turned, abs(np.log(best.scale / scale)))
            )
    return found


def right(found: list[tuple[float, float, float]]) -> int:
    return sum(pixels < 2 and degrees < 5 and scale < 0.05 for pixels, degrees, scale in found)


def test_a_layer_finds_what_was_turned(cat: np.ndarray, detector: ef.PoseDetector) -> None:
    assert right(trials(cat, detector)) >= 7  # all; of 16 copies 14
    assert (detector.layout.cell, detector.layout.rows, detector.layout.scale) == (4, 10, 0.5)


@pytest.mark.long
def test_a_layer_of_a_trained_network_finds_what_was_turned(cat, crop, test_data: Path) -> None:
    weights = str(test_data / "cifar10_nets" / "resnet20-12fca82f.th")
    net = load("docs/examples/cifar_resnet.py:resnet20", weights)
    detector = ef.PoseDetector.from_template(crop, poses=POSES, representation=net.layer("layer2"))
    assert right(trials(cat, detector, 16)) >= 12  # 13; HOG finds them all


def test_a_representation_without_settings_finds_gray_things(cat, crop) -> None:
    """Its channels have deviations of some hundreds, which are brought to one."""
    phi, at = convolutions.Plain(), (EYE[0] + 39.5, EYE[1] + 39.5)
    detector = ef.PoseDetector.from_template(crop.mean(2), poses=FEW[1:], representation=phi, cells=6)
    for image in (cat, cat.mean(2)):
        best = detector.detect(image, scales=(0.9, 1.1))[0]
        np.testing.assert_allclose((best.x, best.y), at, atol=1)
        assert best.score > 0.95
    assert "Plain" in repr(detector)


def test_one_scale_serves_all_channels(detector: ef.PoseDetector) -> None:
    common = detector.features.background
    variances = common.covariance[common.reach, common.reach].diagonal()
    np.testing.assert_allclose(variances, 1 / 24, rtol=1e-4)
    assert not common.mean.any()
    cells = np.argwhere(np.ones((10, 10)))
    assert np.linalg.eigvalsh(common.matrix(cells[::3])).min() > -1e-9  # no cells are impossible


def test_a_saved_detector_needs_its_representation(tmp_path: Path, cat, detector: ef.PoseDetector) -> None:
    path = tmp_path / "eye.safetensors"
    detector.save(path)
    loaded = ef.PoseDetector.load(path, representation=convolutions.layer())
    assert repr(loaded) == repr(detector) and "weights" in repr(loaded)
    settings = {"scales": (0.9, 1.1), "threshold": 0.6}
    assert loaded.detect(cat, **settings) == detector.detect(cat, **settings)
    with pytest.raises(ValueError, match=r"eye.safetensors was made with \(name bars, layer 3, .*, got None"):
        ef.PoseDetector.load(path)
    with pytest.raises(ValueError, match="made with, layer '3', got '0'"):
        ef.PoseDetector.load(path, representation=convolutions.layer("0"))
    other = convolutions.layer()
    with torch.no_grad():
        other.network.model[0].weight[0] += 1e-6
    with pytest.raises(ValueError, match=r"made with, weights '[0-9a-f]{16}', got '[0-9a-f]{16}'"):
        ef.PoseDetector.load(path, representation=other)
    with pytest.raises(ValueError, match="made with, name 'bars', got 'HOG'"):
        ef.PoseDetector.load(path, representation=HOG())


def test_hog_s_files_are_as_before(tmp_path: Path, crop: np.ndarray) -> None:
    path = tmp_path / "eye.safetensors"
    made = ef.PoseDetector.from_template(crop, poses=FEW)
    made.save(path)
    fields, arrays = files.FILE.read(path)
    assert "phi" in fields and "representation" not in fields
    del fields["layout"]["extra"]  # files of earlier versions have none
    files.FILE.write(path, fields, arrays)
    assert repr(ef.PoseDetector.load(path)) == repr(ef.PoseDetector.load(path, representation=HOG()))
    with pytest.raises(ValueError, match="made with, cell 8, got 4"):
        ef.PoseDetector.load(path, representation=HOG(cell=4))


def test_examples_are_fitted_with_a_representation() -> None:
    pictures = ef.data.faces(64)
    faces = [(255 * image).astype(np.uint8) for image in pictures.images[pictures.labels]]
    settings = {"poses": FEW, "representation": convolutions.layer(), "cells": 8}
    detector = ef.PoseDetector.fit(faces[:20], [(0, 0, 64, 64)] * 20, **settings)
    scene = np.full((160, 200), 128, np.uint8)
    scene[40:104, 80:144] = faces[40]
    best = detector.detect(scene, scales=(0.9, 1.1), threshold=0.2)[0]
    np.testing.assert_allclose((best.x, best.y), (111.5, 71.5), atol=8)


class OneSize(nn.Module):
    """A network with a position of its own for each of 8 x 8 cells."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.place = nn.Conv2d(3, 4, 4, stride=4), nn.Parameter(torch.zeros(4, 8, 8))
        self.last = nn.Identity()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.last(self.conv(images) + self.place)


class Between(convolutions.Plain):
    """Cells that are said to be two and a half pixels apart."""

    def grid(self, height: int, width: int) -> Grid:
        return Grid.centred(3, 3, 2.5)


class Unhashable(convolutions.Plain):
    __hash__ = None  # type: ignore[assignment]


class Many(convolutions.Plain):
    channels = 1000


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"representation": "hog"}, "representation must be a Layer, another representation or None, got str"),
        ({"representation": Unhashable()}, "representation must be hashable, got Unhashable"),
        ({"representation": HOG(), "phi": HOG()}, "phi must be None where a representation is given, got HOG"),
        ({"representation": Many()}, "representation must have at most 711 channels, got 1000"),
        ({"representation": Between()}, "representation must have cells a whole number of pixels apart, got 2.5"),
        (
            {"representation": Layer(Network(OneSize()), "last")},
            "representation must take images of any size, got Normalised: ",
        ),
        ({"representation": convolutions.layer(), "cells": 17}, "cells must be a whole number from 3 to 16, got 17"),
    ],
)  # fmt: skip
def test_representations_that_cannot_be_searched_with(crop, settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=f"PoseDetector.*: {message}"):
        ef.PoseDetector.from_template(crop, poses=FEW, **settings)


def test_an_example_that_shows_nothing_is_refused_before_anything_is_learned(monkeypatch) -> None:
    monkeypatch.setattr(background, "background_of", lambda *_: pytest.fail("learned"))
    with pytest.raises(ValueError, match="must show edges"):
        ef.PoseDetector.from_template(np.full((80, 80, 3), 9, np.uint8), representation=convolutions.layer())
