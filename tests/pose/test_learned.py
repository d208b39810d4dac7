"""Maps of poses are those of maps.fit, learned once, and kept where they can be found again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from equivfast import groups, maps, pose
from equivfast.pose import learned
from equivfast.representations import HOG

IMAGES = torch.from_numpy(np.random.default_rng(0).random((4, 1, 96, 96), dtype=np.float32))
# The map of a pose is that of its inverse: of the turns by 0 to -90 degrees they are learned, of others composed.
POSES = [groups.rotation(-20), groups.scaling(0.8), groups.rotation(-20)]


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the transformations that maps were learned for."""
    names: list[str] = []

    def counted(phi: Any, g: groups.Transform, *rest: Any, **settings: Any) -> maps.Map:
        names.append(g.name)
        return maps.fit(phi, g, *rest, **settings)

    monkeypatch.setattr(learned, "fit", counted)
    return names


def assert_equal(found: maps.Map, wanted: maps.Map) -> None:
    np.testing.assert_array_equal(found.weight, wanted.weight)
    np.testing.assert_array_equal(found.bias, wanted.bias)
    assert (found.g.matrix, found.source, found.support) == (wanted.g.matrix, wanted.source, wanted.support)


def assert_close(found: maps.Map, wanted: maps.Map) -> None:
    """Equal but for the order in which threads add up sums."""
    np.testing.assert_allclose(found.weight, wanted.weight, atol=1e-9)
    np.testing.assert_allclose(found.bias, wanted.bias, atol=1e-9)
    assert (found.g, found.g.name, found.source) == (wanted.g, wanted.g.name, wanted.source)


def test_they_are_the_maps_of_the_inverse_learned_once(fits: list[str], tmp_path: Path) -> None:
    settings: dict[str, Any] = {"images": IMAGES, "folder": tmp_path / "new", "symmetric": False}
    first = pose.learned_maps(POSES, **settings)
    assert fits == ["rot:20", "scale:1.25"] and first[0] is first[2]
    for m, g in zip(first, POSES, strict=True):
        assert_close(m, maps.fit(HOG(), g.inverse(), IMAGES, "ridge", interpolation="bilinear"))
    again = pose.learned_maps([*POSES, groups.rotation(-7)], **settings)
    assert fits[2:] == ["rot:7"]
    for a, b in zip(again, first, strict=False):
        assert_equal(a, b)


@pytest.mark.parametrize(
    "change",
    [
        {"phi": HOG(assignment="nearest")},
        {"images": IMAGES * 0.5},
        {"support": 1},
        {"interpolation": "nearest"},
        {"ridge": 1e-2},
        {"symmetric": False},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_they_depend_on_decides_which_file_is_read(
    change: dict[str, Any], fits: list[str], tmp_path: Path
) -> None:
    settings: dict[str, Any] = {"images": IMAGES, "folder": tmp_path}
    pose.learned_maps(POSES[:1], **settings)
    pose.learned_maps(POSES[:1], **settings)
    assert len(fits) == 1
    pose.learned_maps(POSES[:1], **{**settings, **change})
    assert len(fits) == 2 and len(list(tmp_path.iterdir())) == 2


def test_a_damaged_file_is_learned_again(fits: list[str], tmp_path: Path) -> None:
    (wanted,) = pose.learned_maps(POSES[:1], images=IMAGES, folder=tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:100])
    for count in (2, 2):
        (found,) = pose.learned_maps(POSES[:1], images=IMAGES, folder=tmp_path)
        assert_equal(found, wanted)
        assert len(fits) == count


def test_a_grid_that_was_corrected_is_another_representation(fits: list[str], tmp_path: Path) -> None:
    class Shifted(HOG):
        def grid(self, height: int, width: int) -> groups.Grid:
            return replace(super().grid(height, width), offset=(4.0, 4.0))

    for phi in (HOG(), Shifted()):
        (found,) = pose.learned_maps(POSES[:1], phi, IMAGES, folder=tmp_path, symmetric=False)
        assert_close(found, maps.fit(phi, POSES[0].inverse(), IMAGES, "ridge", interpolation="bilinear"))


def test_an_unreadable_file_is_left_alone(
    fits: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pose.learned_maps(POSES[:1], images=IMAGES, folder=tmp_path)
    (path,) = tmp_path.iterdir()
    before = path.read_bytes()

    def refuse(*_: Any) -> None:
        raise PermissionError("no")

    monkeypatch.setattr(learned, "load", refuse)
    monkeypatch.setattr(maps.Map, "save", refuse)
    with pytest.raises(ValueError, match="learned_maps: folder must be one to write to"):
        pose.learned_maps(POSES[:1], images=IMAGES, folder=tmp_path)
    assert path.read_bytes() == before


def test_an_interrupted_run_goes_on_where_it_stopped(fits: list[str], tmp_path: Path) -> None:
    def stop(stage: str, done: int, total: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pose.learned_maps(POSES, images=IMAGES, folder=tmp_path, progress=stop)
    pose.learned_maps(POSES, images=IMAGES, folder=tmp_path)
    assert fits == ["rot:20", "scale:1.25"]


def test_the_default_folder_is_the_users_and_need_not_be_there(
    fits: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EQUIVFAST_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert pose.cache_folder() == tmp_path / "cache/equivfast"
    pose.learned_maps(POSES[:1], images=IMAGES)
    assert len(list((tmp_path / "cache/equivfast/maps").iterdir())) == 1
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("EQUIVFAST_CACHE", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match=r"not kept: .*file/maps cannot be written"):
        (found,) = pose.learned_maps(POSES[:1], images=IMAGES)
    assert found.g.name == "rot:20"
    with pytest.raises(ValueError, match=r"learned_maps: folder must be one to write to, got .*file/here"):
        pose.learned_maps(POSES[:1], images=IMAGES, folder=tmp_path / "file/here")


def test_one_map_is_learned_of_poses_that_symmetries_carry_into_each_other(
    fits: list[str], tmp_path: Path
) -> None:
    turns = [groups.rotation(angle) for angle in range(0, 360, 30)]
    found = pose.learned_maps([groups.rotation(200)], images=IMAGES, folder=tmp_path)
    found += pose.learned_maps([groups.rotation(20), groups.rotation(-20)], images=IMAGES, folder=tmp_path)
    assert len(fits) == 1  # whatever pose of the orbit was asked for first
    found += pose.learned_maps(turns, images=IMAGES, folder=tmp_path)
    assert len(fits) == 1 + 4 and len(list(tmp_path.iterdir())) == 1 + 4  # 0, 30, 60, 90
    for m, g in zip(found, [*(groups.rotation(a) for a in (200, 20, -20)), *turns], strict=True):
        assert m.g.matrix == g.inverse().matrix and m.support == 3
    pose.learned_maps(turns, images=IMAGES, folder=tmp_path / "apart", symmetric=False)
    assert len(fits) == 1 + 4 + 12


def test_a_composed_map_does_to_flipped_fields_what_the_learned_one_does_to_fields(tmp_path: Path) -> None:
    phi, h, v = HOG(), groups.hflip(), groups.vflip()
    g = groups.rotation(-20) @ groups.translation(3, 5) @ groups.scaling(0.9)
    poses = [s @ g @ t for s, t in ((groups.identity(), groups.identity()), (h, h), (h, v), (v, h @ v))]
    found = pose.learned_maps(poses, images=IMAGES, folder=tmp_path)
    grid = phi.grid(96, 96)
    flips = {s.matrix: maps.permutation(s, grid, phi.channel_action(s)) for s in (h, v, h @ v)}
    field = torch.randn(2, 31, 7, 10, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for m, (s, t) in zip(found[1:], ((h, h), (h, v), (v, h @ v)), strict=True):
        expected = flips[t.matrix](found[0](flips[s.matrix](field)))  # the inverse of s g t is t g^-1 s
        torch.testing.assert_close(m(field), expected, atol=1e-9, rtol=0)


def test_templates_of_a_flipped_pattern_are_the_flipped_templates(tmp_path: Path) -> None:
    phi, h = HOG(), groups.hflip()
    angles = [0, 15, 100, 230, 345]
    w = np.random.default_rng(0).random((31, 5, 8))
    order = phi.channel_action(h)
    assert order is not None
    sides = []
    for sign in (1, -1):
        poses = [groups.rotation(sign * angle) for angle in angles]
        sides.append(pose.learned_maps(poses, images=IMAGES, folder=tmp_path))
    templates, bias = pose.templates_from_maps(w, sides[0])
    mirrored, mirrored_bias = pose.templates_from_maps(w[order][:, :, ::-1], sides[1])
    np.testing.assert_allclose(mirrored, templates[:, order][..., ::-1], atol=1e-5)
    np.testing.assert_allclose(mirrored_bias, bias, atol=1e-5)


def test_composing_with_symmetries_adds_no_error_on_held_out_photographs(tmp_path: Path) -> None:
    poses = [groups.rotation(angle) for angle in (160, 335)]
    composed = pose.learned_maps(poses, folder=tmp_path)
    apart = pose.learned_maps(poses, folder=tmp_path, symmetric=False)
    errors = pose.composition_error([*composed, *apart], images=pose.natural_windows(held_out=True))
    assert np.abs(composed[0].weight - apart[0].weight).max() > 0.01  # other windows, mirrored, taught it
    # The mean over mirrored images is a little better; nothing is worse.
    assert (errors[:2] < errors[2:]).all() and (errors[:2] > 0.95 * errors[2:]).all()


@pytest.mark.parametrize(
    "g", [groups.identity(), groups.rotation(25), groups.scaling(0.8), groups.translation(5, 0)]
)
def test_maps_are_as_symmetric_as_their_poses(g: groups.Transform, tmp_path: Path) -> None:
    phi = HOG()
    (m,) = pose.learned_maps([g], images=IMAGES, folder=tmp_path)
    sides = [s for s in (groups.identity(), groups.hflip(), groups.vflip(), groups.rotation(180))]
    moves = [maps.permutation(s, m.source, phi.channel_action(s)) for s in sides]
    same = [s @ m @ t for s in moves for t in moves if np.allclose((s.g @ m.g @ t.g).matrix, m.g.matrix)]
    assert len(same) == (2 if g.linear[0, 1] or g.offset.any() else 4)
    for other in same:
        np.testing.assert_allclose(other.weight, m.weight, atol=1e-9)
        np.testing.assert_allclose(other.bias, m.bias, atol=1e-9)


@pytest.mark.parametrize(
    ("phi", "side", "count"),
    [
        (HOG(), 96, 2),
        (HOG(assignment="nearest"), 96, 3),  # its ties are broken one way: half turns alone are exact
        (HOG(), 100, 5),  # thirteen cells, the last one half outside: no flip carries them onto each other
    ],
    ids=["both flips", "half turns", "none"],
)
def test_symmetries_are_those_that_are_exact(
    phi: HOG, side: int, count: int, fits: list[str], tmp_path: Path
) -> None:
    poses = [groups.rotation(angle) for angle in (20, -20, 200, 160, 0)]
    images = IMAGES.repeat(1, 1, 2, 2)[:, :, :side, :side]
    pose.learned_maps(poses, phi, images, folder=tmp_path)
    assert len(fits) == count


def test_other_representations_are_learned_one_after_the_other(fits: list[str], tmp_path: Path) -> None:
    class Plain:
        channels = 31

        def __call__(self, images: torch.Tensor) -> torch.Tensor:
            return HOG()(images)

        def grid(self, height: int, width: int) -> groups.Grid:
            return HOG().grid(height, width)

        def channel_action(self, g: groups.Transform) -> None:
            return None

    poses = [groups.rotation(angle) for angle in (20, -20, 200)]
    found = pose.learned_maps(poses, Plain(), IMAGES, folder=tmp_path)
    assert fits == [g.inverse().name for g in poses]
    for m, g in zip(found, poses, strict=True):
        assert_close(m, maps.fit(HOG(), g.inverse(), IMAGES, "ridge", interpolation="bilinear"))


@pytest.mark.parametrize("poses", [[], [30]], ids=str)
def test_what_is_no_pose_is_refused(poses: list[Any]) -> None:
    with pytest.raises(
        ValueError, match=r"learned_maps: poses must be transformations, at least one, got \["
    ):
        pose.learned_maps(poses)


def test_default_windows_are_cut_and_described_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings: dict[str, Any] = {"support": 1, "folder": tmp_path}
    first = pose.learned_maps(POSES[:1], HOG(), **settings)
    monkeypatch.setattr(learned.data, "photographs", lambda *_: pytest.fail("decoded again"))
    with monkeypatch.context() as patch:
        patch.setattr(learned, "_digest", lambda *_: pytest.fail("described again"))
        assert_equal(pose.learned_maps(POSES[:1], HOG(), **settings)[0], first[0])
    other = pose.learned_maps(POSES[:1], HOG(assignment="nearest"), **settings)
    assert len(list(tmp_path.iterdir())) == 2 and np.abs(other[0].weight - first[0].weight).max() > 1e-3
    # Known windows and given ones are the same images, hence the same file.
    given = pose.learned_maps(POSES[:1], HOG(), pose.natural_windows(), **settings)
    assert len(list(tmp_path.iterdir())) == 2
    assert_equal(given[0], first[0])


def test_a_representation_made_of_hog_is_described_each_time(tmp_path: Path) -> None:
    class Scaled(HOG):
        factor = 1.0

        def __call__(self, images: torch.Tensor) -> torch.Tensor:
            return super().__call__(images) * type(self).factor

    for factor in (1.0, 2.0):
        Scaled.factor = factor
        pose.learned_maps(POSES[:1], Scaled(), support=1, folder=tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("held_out", [False, True])
def test_windows_are_the_callers_to_change(held_out: bool) -> None:
    first = pose.natural_windows(held_out)
    wanted = first.clone()
    first.zero_()
    assert torch.equal(pose.natural_windows(held_out), wanted) and wanted.max() > 0.5
