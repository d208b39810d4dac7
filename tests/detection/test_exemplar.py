"""Templates of all poses of an example: what they see, and that their scores are what is promised."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from equivfast import maps
from equivfast.detection import Background, Shape, exemplar_bank
from equivfast.groups import Grid, affine, hflip, identity, rotation, scaling


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
    upright, turned = shape.seen(identity(), 1.0), shape.seen(rotation(90), 1.0)
    assert upright[2:5].sum() == upright.sum() and upright[3].all()
    np.testing.assert_array_equal(turned, upright.T)
    assert not Shape(7, 7, 7).seen(identity(), 1.0)[0, 0]  # beyond the circle that turns keep


@pytest.fixture
def background() -> Background:
    random = np.random.default_rng(3)
    white = [
        np.cumsum(random.normal(size=(2, 40, 40)), 1) * 0.1 + random.normal(size=(2, 40, 40))
        for _ in range(3)
    ]
    return Background.learn(white, reach=6)


def test_scores_are_discriminant_and_of_variance_one(background: Background) -> None:
    random = np.random.default_rng(1)
    field = torch.from_numpy(random.normal(size=(2, 5, 5)))
    grid = Grid.centred(5, 5, 8)
    poses = [identity(), hflip()]
    exact = [maps.permutation(g, grid, [0, 1]) for g in poses]
    shape = Shape.around(5, 5, poses)
    bank, own = exemplar_bank(field, shape, poses, exact, background)
    cells = np.argwhere(shape.seen(identity(), 1.0))
    sigma = background.matrix(cells)
    w = bank.templates[0].double().numpy()[:, cells[:, 0], cells[:, 1]].T.ravel()
    assert w @ sigma @ w == pytest.approx(1, abs=1e-5)
    d = (field.numpy()[:, cells[:, 0], cells[:, 1]].T - background.mean).ravel()
    from equivfast.detection.exemplar import RIDGE

    wanted = np.linalg.solve(sigma + RIDGE * sigma.diagonal().mean() * np.eye(len(sigma)), d)
    np.testing.assert_allclose(w, wanted / np.sqrt(wanted @ sigma @ wanted), atol=1e-5)
    # The mirrored example scores in its own pose what the upright one does in its own; here no covariance turns.
    for k, x in enumerate((field, field.flip(-1))):
        found = bank.argmax(x[None].float().numpy(), over="image")
        assert int(found.pose[0, 0]) == k
    assert own == pytest.approx(
        float(bank.argmax(field[None].float().numpy(), over="image").score[0, 0]), rel=0.2
    )
    assert not bank.templates[:, :, ~shape.seen(identity(), 1.0)].any()


def test_what_a_map_reads_beyond_the_example_is_the_mean(background: Background) -> None:
    field = torch.from_numpy(np.tile(background.mean[:, None, None], (1, 3, 5)))
    field[0, 1, 2] += 1
    poses = [rotation(90)]
    turn = maps.cells(rotation(90), Grid.centred(5, 5, 8), 2)
    bank, _ = exemplar_bank(field, Shape(3, 5, 5), poses, [turn], background)
    seen = Shape(3, 5, 5).seen(rotation(90), 1.0)
    assert seen.sum() == 13 or seen.any()
    assert not bank.templates[0][:, ~seen].any()
    assert bank.templates[0][0, 2, 2] > 0


def test_a_shear_is_no_hindrance() -> None:
    shape = Shape.around(6, 6, [affine([[1, 0.5], [0, 1]])])
    assert shape.side == 8 and shape.seen(affine([[1, 0.5], [0, 1]]), 1.0).sum() > 20
