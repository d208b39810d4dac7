"""Reading an image through poses, and moving poses to where the features agree."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from equivfast import data
from equivfast.detection.alignment import Photo, aligned, scores, similarities
from equivfast.detection.example import Example, typical
from equivfast.groups import affine, rotation, scaling, window
from equivfast.representations import HOG

CELLS, CELL = 8, 8


@pytest.fixture(scope="module")
def cat() -> torch.Tensor:
    image = data.photographs(["cat"])[0].image.astype(np.float32).mean(2)
    return torch.from_numpy(image)[None, None]


def read(photo: Photo, place: tuple[float, float], linear: np.ndarray, pixels: tuple[int, int]) -> np.ndarray:
    return photo.patches(np.array([place]), linear[None], pixels)[0, 0].numpy()


def test_a_patch_at_its_own_pixels_is_a_crop(cat: torch.Tensor) -> None:
    patch = read(Photo(cat), (10.0, -20.0), np.eye(2), (40, 61))  # the canvas centre is (225, 149.5)
    expected = cat[0, 0, 110:150, 205:266].numpy()
    np.testing.assert_allclose(patch, expected, atol=0.02)


@pytest.mark.parametrize("g", [rotation(33), rotation(-100) @ scaling(1.2), affine([[1, 0.3], [0, 0.9]])])
def test_a_patch_through_a_pose_is_the_window_under_its_inverse(cat: torch.Tensor, g: object) -> None:
    """`window` interpolates by splines and this by lines: a few grey levels on fur."""
    assert hasattr(g, "linear") and hasattr(g, "inverse")
    patch = read(Photo(cat), (-20.0, 4.0), g.linear, (64, 64))
    expected = np.asarray(window(cat[0, 0].numpy(), (225 - 20, 149.5 + 4), 64, g.inverse())[0])
    assert np.abs(patch - expected).mean() < 3.0
    assert np.corrcoef(patch.ravel(), expected.ravel())[0, 1] > 0.99


def test_a_small_view_of_much_is_smoothed(cat: torch.Tensor) -> None:
    """Fine stripes become grey, not other stripes."""
    stripes = torch.zeros(1, 1, 256, 256)
    stripes[..., ::2] = 1
    patch = read(Photo(stripes), (0.0, 0.0), 4.1 * np.eye(2), (32, 32))
    assert abs(patch - 0.5).max() < 0.01


def test_beyond_the_image_stands_its_edge() -> None:
    photo = Photo(torch.full((1, 1, 20, 20), 7.0))
    assert (read(photo, (30.0, 0.0), np.eye(2), (16, 16)) == 7).all()


def example_of(image: torch.Tensor) -> Example:
    phi = HOG(CELL)
    patch = Photo(image).patches(np.array([[-20.0, -6.0]]), np.eye(2)[None], (CELLS * CELL, CELLS * CELL))
    mean = torch.full((31,), 0.05)
    cells = np.argwhere(np.ones((CELLS, CELLS)))
    factor = np.eye(31 * len(cells))
    return Example(phi(patch)[0] - mean[:, None, None], mean, (64, 64), 1.0, phi, cells, factor)


def test_the_example_is_like_itself_alone(cat: torch.Tensor) -> None:
    example = example_of(cat)
    places = np.array([(-20.0, -6.0), (60.0, 30.0)])
    values = similarities(example, Photo(cat), places, np.stack([np.eye(2)] * 2))
    assert values[0] == pytest.approx(1, abs=1e-5) and values[1] < 0.6
    assert similarities(example, Photo(cat), np.zeros((0, 2)), np.zeros((0, 2, 2))).shape == (0,)


@pytest.mark.parametrize(
    ("shift", "g", "stretched"),
    [
        ((3.5, -2.0), rotation(2.5), False),
        ((-3.0, 3.0), rotation(-3) @ scaling(1.06), False),
        ((1.0, 2.0), affine([[1.05, 0.04], [-0.03, 0.97]]), True),
    ],
)
def test_a_pose_nearby_comes_home(
    cat: torch.Tensor, shift: tuple[float, float], g: object, stretched: bool
) -> None:
    assert hasattr(g, "linear")
    start = np.array([[-20.0 + shift[0], -6.0 + shift[1]]])
    places, linears, values = aligned(example_of(cat), Photo(cat), start, g.linear[None], stretched)
    np.testing.assert_allclose(places[0], (-20, -6), atol=0.8)
    np.testing.assert_allclose(linears[0], np.eye(2), atol=0.02)
    assert values[0] > 0.97


def test_rounds_never_make_it_worse(cat: torch.Tensor) -> None:
    start, linears = np.array([[-150.0, 90.0], [-22.0, -5.0]]), np.stack([np.eye(2)] * 2)
    example, photo = example_of(cat), Photo(cat)
    before, last = similarities(example, photo, start, linears), 0.0
    for count in range(4):
        places, found, values = aligned(example, photo, start, linears, False, (1.0, 0.6, 0.4)[:count])
        np.testing.assert_allclose(values, similarities(example, photo, places, found), atol=1e-6)
        assert (values >= before - 1e-9).all() and values[1] >= last
        last = values[1]
    assert last > 0.97


def test_without_covariance_the_score_is_the_similarity(cat: torch.Tensor) -> None:
    example, photo = example_of(cat), Photo(cat)
    places, linears = np.array([(-20.0, -6.0), (60.0, 30.0)]), np.stack([np.eye(2)] * 2)
    expected = similarities(example, photo, places, linears)
    np.testing.assert_allclose(scores(example, photo, places, linears), expected, atol=1e-6)


def test_the_score_is_the_cosine_after_whitening() -> None:
    random = np.random.default_rng(0)
    phi, cells = HOG(CELL), np.array([(0, 0), (1, 2), (2, 1)])
    square = random.normal(size=(93, 93))
    sigma = square @ square.T + np.eye(93)
    a, b = (torch.from_numpy(random.random((31, 3, 3)).astype(np.float32)) for _ in range(2))
    example = Example(a, torch.zeros(31), (24, 24), 1.0, phi, cells, np.linalg.cholesky(sigma))
    u, v = (f.numpy()[:, cells[:, 0], cells[:, 1]].T.ravel().astype(np.float64) for f in (a, b))
    expected = u @ np.linalg.solve(sigma, v)
    expected /= np.sqrt((u @ np.linalg.solve(sigma, u)) * (v @ np.linalg.solve(sigma, v)))
    assert example.score_of(b[None])[0] == pytest.approx(expected, abs=1e-6)
    assert typical("f", example, b[None]) == 1.0
    assert typical("f", example, torch.stack([a, b])) == pytest.approx(expected, abs=1e-6)
