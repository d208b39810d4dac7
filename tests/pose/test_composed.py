"""Maps of poses as products: the shortest words, what they do to fields, and the error that they are quoted with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from equivfast import groups, maps, pose
from equivfast.groups import Grid, Transform
from equivfast.maps import Map
from equivfast.representations import HOG

GRID = Grid.centred(6, 6, 8)
TURN, HFLIP, VFLIP = groups.rotation(10), groups.hflip(), groups.vflip()


def made(g: Transform, channels: int = 3, support: int = 1, interpolation: str = "bilinear") -> Map:
    rng = np.random.default_rng(len(g.name))
    weight = rng.normal(size=(channels, channels * support**2))
    size = (channels, channels)
    return Map(
        "shared", g, "test", weight, rng.normal(size=channels), size, GRID, GRID, support, interpolation
    )


def field(channels: int = 3) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(2, channels, 6, 6))


def test_words_are_the_shortest_and_the_last_applied_stands_in_front() -> None:
    turn, flip = made(TURN.inverse()), made(HFLIP)
    poses = [groups.rotation(a) for a in (0, 10, 20, -10, 340)]
    found = pose.composed_maps(poses, [turn, flip])
    words = [
        [],
        ["rot:-10"],
        ["rot:-10", "rot:-10"],
        ["hflip", "rot:-10", "hflip"],
        ["hflip", "rot:-10", "rot:-10", "hflip"],
    ]
    assert [m.settings for m in found] == [{"word": word, "steps": len(word)} for word in words]
    assert [m.g for m in found] == [g.inverse() for g in poses]
    (order,) = pose.composed_maps([TURN @ HFLIP], [turn, flip])  # the flip's inverse is applied last
    assert order.settings["word"] == ["hflip", "rot:-10"]


def test_they_are_the_products_of_their_words() -> None:
    turn, flip = made(TURN.inverse()), made(HFLIP)
    same, one, two, back = pose.composed_maps([groups.rotation(a) for a in (0, 10, 20, -10)], [turn, flip])
    np.testing.assert_array_equal(same(field()), field())
    np.testing.assert_array_equal(one(field()), turn(field()))
    np.testing.assert_allclose(two(field()), (turn @ turn)(field()), atol=1e-12)
    np.testing.assert_allclose(back.weight, flip.weight @ turn.weight @ flip.weight, atol=1e-12)


def test_a_generator_of_larger_support_stands_beside_exact_symmetries() -> None:
    turn, flip = made(TURN.inverse(), support=3), maps.permutation(HFLIP, GRID, [2, 1, 0])
    (back,) = pose.composed_maps([groups.rotation(-10)], [turn, flip])
    assert back.support == 3
    np.testing.assert_allclose(back(field()), flip(turn(flip(field()))), atol=1e-10)
    with pytest.raises(ValueError, match="shared maps must have support 1, got 3"):
        pose.composed_maps([groups.rotation(20)], [turn, flip])


def test_rounding_of_a_turn_repeated_finds_the_pose() -> None:
    steps = [
        m.settings["steps"]
        for m in pose.composed_maps(
            [groups.rotation(a) for a in range(0, 360, 10)], [made(TURN.inverse(), channels=1)]
        )
    ]
    assert steps == list(range(36))


@pytest.mark.parametrize(
    ("poses", "generators", "message"),
    [
        ([], [made(TURN)], r"poses must be transformations, at least one, got \[\]"),
        ([10], [made(TURN)], r"poses must be transformations, at least one, got \[10\]"),
        ([TURN], [], r"generators must be shared maps, at least one, got \[\]"),
        ([TURN], [made(TURN), made(HFLIP, 2)], r"generators must keep one number of channels, got \[2, 3\]"),
        (
            [TURN, groups.rotation(45)],
            [made(TURN)],
            "poses must be products of at most 36 generators, got rot:45",
        ),
        # A stretch can be repeated until it is too flat to be undone: the search goes on without it.
        ([VFLIP], [made(groups.affine([[9, 0], [0, 1]]))], "products of at most 36 generators, got vflip"),
    ],
)
def test_what_cannot_be_composed_is_named(poses: Any, generators: Any, message: str) -> None:
    with pytest.raises(ValueError, match=rf"^composed_maps: .*{message}"):
        pose.composed_maps(poses, generators)


def test_a_search_is_not_longer_than_asked() -> None:
    turn = made(TURN.inverse())
    assert pose.composed_maps([groups.rotation(30)], [turn], longest=3)[0].settings["steps"] == 3
    with pytest.raises(ValueError, match="at most 2 generators, got rot:30"):
        pose.composed_maps([groups.rotation(30)], [turn], longest=2)


def test_the_error_is_the_distance_on_cells_that_both_see() -> None:
    phi, g = HOG(), groups.translation(8, 0)
    images = torch.from_numpy(np.random.default_rng(0).random((3, 1, 96, 96), dtype=np.float32))
    moved, still = (maps.cells(shift, phi.grid(96, 96), 31) for shift in (g, groups.identity()))
    assert pose.composition_error([moved, still], phi, images).max() < 1e-3
    wrong = Map("shared", g, "wrong", np.eye(31)[::-1], np.zeros(31), (31, 31), moved.source, moved.target)
    whole = phi(images).numpy()[:, :, 2:-2, 2:-2]
    expected = maps.hellinger(whole[:, ::-1], whole)[..., :-1].mean()
    # What is pushed in from the left, and two cells around it, is not judged.
    (found,) = pose.composition_error([wrong], phi, images)
    assert found == pytest.approx(expected, rel=0.05) and found > 0.2


def test_what_has_no_error_is_named() -> None:
    with pytest.raises(
        ValueError, match=r"^composition_error: maps must be shared maps, at least one, got \[\]"
    ):
        pose.composition_error([])
    far = maps.cells(groups.translation(400, 0), HOG().grid(192, 192), 31)
    with pytest.raises(ValueError, match=r"^composition_error: images must leave a cell under shift:400,0"):
        pose.composition_error([far], images=torch.zeros(1, 1, 192, 192))


def test_errors_of_words_of_natural_photographs(tmp_path: Path) -> None:
    """One step is what was learned, every further one adds, and exact symmetries add nothing."""
    phi, images = HOG(), pose.natural_windows(held_out=True)[::3]
    poses = [groups.rotation(a) for a in (10, 20, 30, -10)]
    learned = pose.learned_maps(poses, phi, support=1, folder=tmp_path)
    flip = maps.permutation(HFLIP, learned[0].source, phi.channel_action(HFLIP))
    composed = pose.composed_maps(poses, [learned[0], flip])
    still = [maps.cells(g.inverse(), learned[0].source, 31) for g in poses[1:3]]
    found = pose.composition_error([*composed, *learned[1:], *still], phi, images)
    one, two, three, back, learned_two, learned_three, learned_back, *cells = found
    assert back == pytest.approx(learned_back, rel=1e-6)
    assert learned_two * 1.05 < two < learned_two * 1.3
    assert one < two < three and three > learned_three * 1.2
    assert two < 0.75 * cells[0] and three < 0.75 * cells[1]


@pytest.mark.long
def test_the_table_in_the_docs_is_what_is_measured(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs/maths.md").read_text(encoding="utf-8")
    table = text[text.index("| rotation | 10") :].split("\n\n")[0].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    poses = [groups.rotation(float(cell.rstrip("°"))) for cell in rows[0][1:]]
    wide, narrow = (pose.learned_maps(poses, support=m, folder=tmp_path) for m in (3, 1))
    still = [maps.cells(g.inverse(), narrow[0].source, 31) for g in poses]
    for row, measured in zip(
        rows[2:], (wide, narrow, pose.composed_maps(poses, narrow[:1]), still), strict=True
    ):
        quoted = [float(cell) for cell in row[1:]]
        np.testing.assert_allclose(pose.composition_error(measured), quoted, atol=0.001, err_msg=row[0])
