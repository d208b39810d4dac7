"""PoseRegressor on other representations than HOG: as well, and as exactly, whatever numbers their channels have."""

from __future__ import annotations

import convolutions
import numpy as np
import pytest
import torch

from equivfast import data, groups
from equivfast.pose import PoseRegressor
from equivfast.pose.losses import angle_differences, angles_of
from equivfast.pose.scaled import Pooled
from equivfast.representations import HOG

pytestmark = pytest.mark.usefixtures("one_thread")

SIZE, TURNS = 52, [groups.rotation(angle) for angle in range(0, 360, 20)]
SETTINGS = {"lambdas": (1.0,), "windows": 60}


@pytest.fixture(scope="module")
def shown() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Training images with the indices of their poses, and test images with their angles."""
    heads, rng = data.face_heads(), np.random.default_rng(0)
    index, angles = rng.integers(len(TURNS), size=60), rng.uniform(0, 360, 30)
    train = np.stack([heads.window(i, TURNS[k], SIZE) for i, k in enumerate(index)])
    test = np.stack([heads.window(60 + i, groups.rotation(a), SIZE) for i, a in enumerate(angles)])
    return train, index, test, angles


@pytest.fixture(scope="module", params=["equivariant", "direct"])
def fitted(request: pytest.FixtureRequest, shown) -> PoseRegressor:
    model = PoseRegressor(TURNS, convolutions.layer(), request.param, **SETTINGS)
    return model.fit(shown[0], shown[1])


def test_most_angles_are_found(fitted, shown) -> None:
    errors = angle_differences(angles_of(fitted.predict(shown[2])), shown[3])
    assert np.median(errors) < 6
    assert (errors <= 15).mean() > 0.75


def test_the_bank_scores_what_mapped_features_score(fitted, shown) -> None:
    scores = fitted.decision_function(shown[2])
    assert np.allclose(scores, fitted.scores(fitted.features(shown[2])), atol=1e-4 * np.abs(scores).max())


def test_the_unit_of_the_channels_does_not_matter(shown) -> None:
    class Louder(convolutions.Plain):
        def __call__(self, images: torch.Tensor) -> torch.Tensor:
            return 50 * super().__call__(images) + 7

    scores = []
    for phi in (convolutions.Plain(), Louder()):
        model = PoseRegressor(TURNS, phi, "direct", passes=3, **SETTINGS).fit(shown[0], shown[1])
        scores.append(model.decision_function(shown[2]))
    assert np.allclose(*scores, atol=2e-3 * np.abs(scores[0]).max())


def test_hog_is_left_as_it_is_and_pooled_hog_is_another(shown) -> None:
    own = HOG(cell=4)
    model = PoseRegressor(TURNS, own, "direct", passes=1, **SETTINGS).fit(shown[0][:20], shown[1][:20])
    assert model.representation_ is own
    pooled = PoseRegressor(TURNS, Pooled(HOG(cell=4), 1), "direct", passes=1, **SETTINGS)
    pooled.fit(shown[0][:20], shown[1][:20])
    assert pooled.representation_.settings["standardised"]


@pytest.mark.parametrize(
    ("size", "phi", "message"),
    [
        (52, Pooled(HOG(cell=4), 2), "images must be a multiple of the cell wide, got 52 x 52"),
        (16, Pooled(HOG(cell=4), 2), "images must hold at least 3 x 3 cells, got 16 x 16"),
    ],
)
def test_windows_that_do_not_suit_are_named(shown, size: int, phi: Pooled, message: str) -> None:
    images = np.ascontiguousarray(shown[0][:, :size, :size])
    with pytest.raises(ValueError, match=f"PoseRegressor: {message}"):
        PoseRegressor(TURNS, phi, **SETTINGS).fit(images, shown[1])


def test_a_representation_without_a_hash_is_refused(shown) -> None:
    class Unhashable(convolutions.Plain):
        __hash__ = None  # type: ignore[assignment]

    with pytest.raises(ValueError, match="PoseRegressor: phi must be hashable, or None, got Unhashable"):
        PoseRegressor(TURNS, Unhashable(), **SETTINGS).fit(shown[0], shown[1])
