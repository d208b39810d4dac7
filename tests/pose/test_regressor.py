"""PoseRegressor: it finds poses, its bank agrees with mapped features, and it names what it is not given."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from equivfast import data, groups
from equivfast.groups import Grid, warp
from equivfast.pose import PoseRegressor
from equivfast.pose.disc import Disc
from equivfast.pose.disc_maps import disc_maps
from equivfast.pose.joint import mapped_features, warped_features
from equivfast.pose.losses import angle_differences, angles_of
from equivfast.pose.regressor_input import check_settings, folds
from equivfast.pose.regressor_input import images as given_images
from equivfast.representations import HOG

pytestmark = pytest.mark.usefixtures("one_thread")

SIZE, TURNS = 64, [groups.rotation(angle) for angle in range(0, 360, 20)]
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
    return PoseRegressor(TURNS, variant=request.param, **SETTINGS).fit(shown[0], shown[1])


def test_most_angles_are_found_between_the_steps(fitted, shown):
    _, _, test, angles = shown
    found = fitted.predict(test)
    errors = angle_differences(angles_of(found), angles)
    coarse = angle_differences(20.0 * fitted.decision_function(test).argmax(1), angles)
    assert np.median(errors) < 5
    assert (errors <= 15).mean() > 0.85
    assert np.median(errors) < np.median(coarse)


def test_the_decision_function_is_that_of_features_with_each_pose_undone(fitted, shown):
    scores = fitted.decision_function(shown[2])
    assert scores.shape == (30, len(TURNS))
    assert np.allclose(scores, fitted.scores(fitted.features(shown[2])), atol=1e-4 * np.abs(scores).max())


def test_one_bank_finds_what_scoring_mapped_features_finds(shown):
    train, index, test, _ = shown
    model = PoseRegressor(TURNS, **SETTINGS).fit(train, index)
    field = model.representation_(model.disc_(torch.from_numpy(test))[:, None])
    mapped = torch.stack([m(field) for m in model.maps_], 1).double()
    scores = (mapped * torch.from_numpy(model.weights_)).sum((2, 3, 4)).numpy()
    found = model.bank_.argmax(field)
    assert np.array_equal(found.pose[:, 0, 0], scores.argmax(1))
    assert np.allclose(found.score[:, 0, 0], scores.max(1), atol=1e-5 * np.abs(scores).max())
    assert np.allclose(model.decision_function(test), scores, atol=1e-5 * np.abs(scores).max())


def test_a_direct_score_is_that_of_the_warped_image(shown):
    train, index, test, _ = shown
    model = PoseRegressor(TURNS, variant="direct", **SETTINGS).fit(train, index)
    scores = model.decision_function(test[:6])
    tapered = model.disc_(torch.from_numpy(test[:6]))
    for k in (0, 4, 9):
        undone = warp(tapered[:, None], TURNS[k].inverse())[0]
        plain = (model.representation_(model.disc_(undone)).double() * torch.from_numpy(model.weights_)).sum(
            (1, 2, 3)
        )
        # A warp mirrors the fading rim, where the disc stands on a plane of its mean.
        assert np.allclose(scores[:, k], plain, atol=0.02 * np.ptp(scores))


def test_transforms_and_indices_say_the_same(shown):
    train, index, test, _ = shown
    first = PoseRegressor(TURNS, **SETTINGS).fit(train[:30], index[:30])
    named = [groups.rotation(20.0 * int(k)) for k in index[:30]]
    second = clone(first).fit(list(train[:30]), named)
    assert np.array_equal(first.weights_, second.weights_)
    assert np.array_equal(first.decision_function(test), second.decision_function(test))


def test_it_is_an_estimator():
    model = PoseRegressor(TURNS, variant="direct", lambdas=(0.5,))
    assert model.get_params()["variant"] == "direct"
    assert clone(model).get_params() == model.get_params()
    assert model.set_params(folds=5).folds == 5
    with pytest.raises(NotFittedError):
        model.predict(np.zeros((1, SIZE, SIZE), np.float32))


def test_lambda_is_chosen_by_loss_on_groups_held_out(shown):
    train, index, _, _ = shown
    model = PoseRegressor(TURNS, lambdas=(1000.0, 1.0), windows=60).fit(
        train, index, groups=np.arange(60) // 2
    )
    assert set(model.losses_) == {1000.0, 1.0}
    assert model.losses_[model.lambda_] == min(model.losses_.values())
    parts = folds(np.arange(60) // 2, 60, 3)
    assert sorted(set(parts)) == [0, 1, 2]
    assert np.array_equal(parts[::2], parts[1::2])


def test_other_poses_are_found_by_keypoints(shown):
    heads = data.face_heads()
    poses = [
        groups.affine(m) for m in ([[1, 0], [0, 1]], [[0.9, 0.5], [-0.5, 0.9]], [[0.8, -0.6], [0.5, 1.0]])
    ]
    index = np.arange(90) % 3
    images = np.stack([heads.window(i, poses[k], SIZE) for i, k in enumerate(index)])
    model = PoseRegressor(poses, loss="keypoints", points=[[-9, -7], [9, -7], [0, 5]], **SETTINGS)
    found = model.fit(images[:60], index[:60]).predict(images[60:])
    assert np.mean([g == poses[k] for g, k in zip(found, index[60:], strict=True)]) > 0.9


def test_the_disc_hides_the_corners_and_turns_with_the_image():
    image = torch.rand(2, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    disc, spoiled = Disc(SIZE), image.clone()
    spoiled[:, :8, :8] = 9
    assert torch.equal(disc(image), disc(spoiled))
    assert torch.allclose(disc(image.rot90(1, (1, 2))), disc(image).rot90(1, (1, 2)), atol=1e-6)
    assert int(Disc(104).inside(Grid.centred(13, 13, 8)).sum()) == 137


def test_maps_undo_a_turn_better_than_nothing_does(shown):
    _, _, test, _ = shown
    g, disc, phi = groups.rotation(40), Disc(SIZE), HOG()
    images = torch.from_numpy(test)
    turned = torch.as_tensor(warp(disc(images)[:, None], g)[0])[:, 0]
    wanted = warped_features(turned, [g], phi, disc)
    maps = disc_maps((g,), phi, disc, 60)
    error = (mapped_features(turned, maps, phi, disc) - wanted).square().sum()
    nothing = (warped_features(turned, [groups.identity()], phi, disc) - wanted).square().sum()
    assert error < 0.4 * nothing


IMAGES = np.random.default_rng(0).random((6, 32, 32)).astype(np.float32)
SPOILED = np.where(np.arange(6)[:, None, None] == 3, np.nan, IMAGES)


@pytest.mark.parametrize(
    ("settings", "images", "poses", "message"),
    [
        ({}, IMAGES[:1], [0], "images must be at least 2, got 1"),
        ({}, np.ones_like(IMAGES), range(6), "images must differ, got 6"),
        ({}, np.repeat(IMAGES[:1], 6, 0), range(6), "images must differ"),
        ({}, IMAGES[:, :16], range(6), r"images must be square, \(n, h, h\), got \(6, 16, 32\)"),
        ({}, IMAGES[0], range(6), "images must be square"),
        ({}, [IMAGES[0], IMAGES[1, :24, :24]], range(2), "images must have one size"),
        ({}, IMAGES[:, :16, :16], range(6), "images must hold at least 3 x 3 cells, got 16 x 16 pixels"),
        ({}, IMAGES[:, :4, :4], range(6), "images must hold at least 3 x 3 cells"),
        ({}, IMAGES[:, :29, :29], range(6), "images must be a multiple of the cell wide, got 29 x 29"),
        ({}, SPOILED, range(6), "images must be finite, got NaN or infinity in image 3"),
        ({}, IMAGES.astype(np.int64), range(6), "images must be floats or uint8"),
        ({}, IMAGES, range(5), "poses must be one for each of 6 images, got 5"),
        ({}, IMAGES, 3, "poses must be one for each"),
        ({}, IMAGES, [0, 1, 2, 3, 4, 18], r"poses must be transformations or indices in 0\.\.17, got 18"),
        ({}, IMAGES, [0, 1, 2, 3, 4, -1], "poses must be transformations or indices"),
        ({}, IMAGES, [0, 1, 2, 3, 4, 0.5], "poses must be transformations or indices"),
        ({}, IMAGES, [groups.rotation(5)] * 6, "poses must be in the set that is searched, got rot:5"),
        (
            {"variant": "inverse"},
            IMAGES,
            range(6),
            "variant must be one of equivariant, direct, got 'inverse'",
        ),
        ({"loss": "hinge"}, IMAGES, range(6), "loss must be one of angle, keypoints"),
        ({"loss": "keypoints"}, IMAGES, range(6), "points must be given"),
        ({"poses": TURNS[:1]}, IMAGES, range(6), "poses must be at least 2"),
        ({"poses": [*TURNS, TURNS[0]]}, IMAGES, range(6), "poses must differ"),
        ({"lambdas": ()}, IMAGES, range(6), "lambdas must be"),
        ({"lambdas": (1.0, 0.0)}, IMAGES, range(6), "lambdas must be"),
        ({"lambdas": 1.0}, IMAGES, range(6), r"lambdas must be at least one number above 0, got 1\.0"),
        ({"lambdas": "1"}, IMAGES, range(6), "lambdas must be"),
        ({"lambdas": (1.0, np.nan)}, IMAGES, range(6), "lambdas must be"),
        ({"folds": 1}, IMAGES, range(6), "folds must be at least 2"),
        ({"folds": 2.5}, IMAGES, range(6), r"folds must be at least 2 and whole, got 2\.5"),
        ({"passes": 2.5}, IMAGES, range(6), r"passes must be at least 1 and whole, got 2\.5"),
        ({"passes": 0}, IMAGES, range(6), "passes must be at least 1 and whole, got 0"),
        ({"windows": 0}, IMAGES, range(6), "windows must be at least 1 and whole, got 0"),
        ({"tolerance": -1.0}, IMAGES, range(6), "tolerance must be a number of 0 or more"),
        ({"tolerance": "low"}, IMAGES, range(6), "tolerance must be a number of 0 or more, got 'low'"),
        (
            {"poses": [*TURNS, groups.hflip()]},
            IMAGES,
            range(6),
            "poses must not mirror for the loss 'angle', got hflip",
        ),
    ],
)
def test_what_cannot_be_learned_from_is_named(settings, images, poses, message):
    model = PoseRegressor(**({"poses": TURNS, "variant": "direct"} | settings))
    with pytest.raises(ValueError, match=f"PoseRegressor: {message}"):
        model.fit(images, poses)


def test_a_mirroring_pose_is_refused_before_maps_are_learned(monkeypatch):
    monkeypatch.setattr("equivfast.pose.regressor.disc_maps", lambda *_: pytest.fail("learned"))
    with pytest.raises(ValueError, match="must not mirror"):
        PoseRegressor([*TURNS, groups.hflip()]).features(IMAGES)


def test_numbers_of_numpy_are_settings():
    settings = {"lambdas": np.array([1.0, 0.3], np.float32), "folds": np.int64(2), "passes": np.int32(3)}
    check_settings(PoseRegressor(TURNS, **settings))


def test_features_come_before_a_fit_to_them():
    features = torch.zeros(6, len(TURNS), 31, 9)
    with pytest.raises(NotFittedError, match="features must be called before fit_features"):
        PoseRegressor(TURNS, variant="direct").fit_features(features, range(6))


@pytest.mark.filterwarnings("error")
def test_arrays_of_any_layout_are_images():
    turned = np.rot90(IMAGES, 2, (1, 2))
    read_only = turned.copy()
    read_only.flags.writeable = False
    wanted = torch.from_numpy(turned.copy())
    kinds = [turned, turned.astype(">f4"), turned.astype(">f8"), read_only, list(turned), wanted]
    for images in [*kinds, turned.astype(np.float64), np.asfortranarray(turned)]:
        assert torch.equal(given_images(images, least=2), wanted)
    whole = (IMAGES * 255).astype(np.uint8)
    assert torch.equal(
        given_images(whole[:, ::-1], least=2), torch.from_numpy(whole[:, ::-1] / np.float32(255))
    )
    with pytest.raises(ValueError, match="images must be finite, got NaN or infinity in image 0"):
        given_images(IMAGES.astype(np.float64) + 1e300, least=2)


def test_upside_down_views_are_predicted(fitted, shown):
    views = shown[2][:4, ::-1]
    assert np.array_equal(fitted.decision_function(views), fitted.decision_function(views.copy()))


def test_images_of_another_size_and_groups_that_do_not_fit_are_named(fitted):
    with pytest.raises(ValueError, match="images must be 64 x 64 as in fit"):
        fitted.predict(IMAGES)
    with pytest.raises(ValueError, match="images must be 64 x 64 as in fit"):
        fitted.features(IMAGES)
    with pytest.raises(ValueError, match="finite"):
        fitted.predict(np.full((1, SIZE, SIZE), np.nan, np.float32))
    assert fitted.predict(np.zeros((0, SIZE, SIZE), np.float32)) == []
    for members, message in (([1, 2], "groups must be one for each"), ([1] * 6, "groups must be at least 2")):
        with pytest.raises(ValueError, match=message):
            folds(members, 6, 3)
