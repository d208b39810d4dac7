"""Templates of all poses of an example: what they see, and that their scores are what is promised."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from equivfast import maps
from equivfast.detection import Background, Shape, exemplar_bank
from equivfast.detection.background import RIDGE
from equivfast.groups import Grid, Transform, affine, hflip, identity, rotation, scaling
from equivfast.maps import Map

GRID = Grid.centred(9, 9, 8)


@pytest.mark.parametrize(
    ("rows", "columns", "poses", "side"),
    [
        (8, 8, [rotation(30)], 8),
        (9, 5, [rotation(30)], 9),
        (4, 10, [identity()], 10),
        (8, 8, [rotation(10), scaling(1.3)], 12),  # 10.4 cells, and even as the rows are
        (7, 7, [scaling(0.5)], 7),
    ],
)
def test_the_canvas_holds_the_longer_side_under_every_pose(
    rows: int, columns: int, poses: list, side: int
) -> None:
    assert Shape.around(rows, columns, poses) == Shape(rows, columns, side)


def test_a_turned_rectangle_is_seen_where_it_lies() -> None:
    shape = Shape(3, 7, 7)
    upright, turned = shape.seen(identity()), shape.seen(rotation(90))
    assert upright[2:5].sum() == upright.sum() and upright[3].all()
    np.testing.assert_array_equal(turned, upright.T)
    assert not Shape(7, 7, 7).seen(identity())[0, 0]  # beyond the circle that turns keep


@pytest.fixture
def background() -> Background:
    """Features of mean 0.3 whose neighbours vary together."""
    random = np.random.default_rng(3)
    walks = (np.cumsum(random.normal(size=(2, 40, 40)), 1) for _ in range(3))
    white = [0.3 + 0.1 * (walk - walk.mean()) + random.normal(size=(2, 40, 40)) for walk in walks]
    return Background.learn(white, reach=6)


def test_scores_are_discriminant_and_of_variance_one(background: Background) -> None:
    random = np.random.default_rng(1)
    field = torch.from_numpy(random.normal(size=(2, 5, 5)))
    grid = Grid.centred(5, 5, 8)
    poses = [identity(), hflip()]
    exact = [maps.permutation(g, grid, [0, 1]) for g in poses]
    shape = Shape.around(5, 5, poses)
    bank, own = exemplar_bank(field, shape, poses, exact, background)
    cells = np.argwhere(shape.seen(identity()))
    sigma = background.matrix(cells)
    w = bank.templates[0].double().numpy()[:, cells[:, 0], cells[:, 1]].T.ravel()
    sigma += RIDGE * sigma.diagonal().mean() * np.eye(len(sigma))
    assert w @ sigma @ w == pytest.approx(1, abs=1e-5)
    assert float(bank.bias[0]) == pytest.approx(-float(w.reshape(-1, 2).sum(0) @ background.mean), abs=1e-5)
    assert abs(float(bank.bias[0])) > 0.05
    d = (field.numpy()[:, cells[:, 0], cells[:, 1]].T - background.mean).ravel()
    wanted = np.linalg.solve(sigma, d)
    np.testing.assert_allclose(w, wanted / np.sqrt(wanted @ sigma @ wanted), atol=1e-5)
    # The mirrored example scores in its own pose what the upright one does in its own; here no covariance turns.
    for k, x in enumerate((field, field.flip(-1))):
        found = bank.argmax(x[None].float().numpy(), over="image")
        assert int(found.pose[0, 0]) == k
    assert own == pytest.approx(
        float(bank.argmax(field[None].float().numpy(), over="image").score[0, 0]), rel=0.2
    )
    assert not bank.templates[:, :, ~shape.seen(identity())].any()


def test_what_a_map_reads_beyond_the_example_is_the_mean(background: Background) -> None:
    """An example that is the mean everywhere differs from it nowhere, whatever is turned in from outside."""
    field = torch.from_numpy(np.tile(background.mean[:, None, None], (1, 5, 5)))
    bright = field.clone()
    bright[0, 2, 2] += 1
    poses = [rotation(45)]
    turn = Map("shared", rotation(45), "given", np.eye(2), np.zeros(2), (2, 2), GRID, GRID, 1, "bilinear")
    bank, own = exemplar_bank(bright, Shape.around(5, 5, poses), poses, [turn], background)
    cells = np.argwhere(Shape(5, 5, 5).seen(rotation(45)))
    # Of the deviations only what the turn makes of the one bright cell is left.
    alone = np.zeros((2, 9, 9))
    alone[0, 4, 4] = 1
    d = np.asarray(turn(alone))[:, 2:7, 2:7][:, cells[:, 0], cells[:, 1]].T
    wanted = np.linalg.solve(background.factor(cells) @ background.factor(cells).T, d.ravel())
    norm = np.sqrt(wanted @ d.ravel())
    found = bank.templates[0].numpy()[:, cells[:, 0], cells[:, 1]].T.ravel()
    np.testing.assert_allclose(found, wanted / norm, atol=1e-5)
    assert own == pytest.approx(norm, abs=1e-5)


def test_cells_that_a_pose_does_not_see_have_no_weight(background: Background) -> None:
    random = np.random.default_rng(2)
    field = torch.from_numpy(random.normal(size=(2, 3, 7)))
    poses = [identity(), rotation(90)]
    turns = [maps.cells(g, Grid.centred(7, 7, 8), 2) for g in poses]
    bank, own = exemplar_bank(field, Shape.around(3, 7, poses), poses, turns, background)
    for k, g in enumerate(poses):
        unseen = ~Shape(3, 7, 7).seen(g)
        assert unseen.any() and not bank.templates[k][:, unseen].any() and bank.templates[k][:, ~unseen].any()
    scores = [float(bank.argmax(_shown(field, g, background)).score[0, 0, 0]) for g in poses]
    assert own == pytest.approx(np.median(scores), rel=0.02)


def _shown(field: torch.Tensor, g: Transform, background: Background) -> np.ndarray:
    """(1, 2, 7, 7): the example under g on a field that is the mean elsewhere."""
    canvas = np.tile(background.mean[:, None, None], (1, 7, 7))
    canvas[:, 2:5] = field.numpy()
    turned = canvas if g.is_identity else np.rot90(canvas, axes=(1, 2))
    return np.ascontiguousarray(turned[None], dtype=np.float32)


def test_a_shear_is_no_hindrance() -> None:
    shape = Shape.around(6, 6, [affine([[1, 0.5], [0, 1]])])
    assert shape.side == 8 and shape.seen(affine([[1, 0.5], [0, 1]])).sum() > 20
