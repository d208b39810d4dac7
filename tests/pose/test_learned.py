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
POSES = [groups.rotation(20), groups.hflip(), groups.rotation(20)]


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


def test_they_are_the_maps_of_the_inverse_learned_once(fits: list[str], tmp_path: Path) -> None:
    first = pose.learned_maps(POSES, images=IMAGES, folder=tmp_path / "new")
    assert fits == ["rot:-20", "hflip"] and first[0] is first[2]
    for m, g in zip(first, POSES, strict=True):
        assert_equal(m, maps.fit(HOG(), g.inverse(), IMAGES, "ridge", interpolation="bilinear"))
    again = pose.learned_maps([*POSES, groups.rotation(7)], images=IMAGES, folder=tmp_path / "new")
    assert fits[2:] == ["rot:-7"]
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
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_they_depend_on_decides_which_file_is_read(
    change: dict[str, Any], fits: list[str], tmp_path: Path
) -> None:
    settings = {"images": IMAGES, "folder": tmp_path}
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
        (found,) = pose.learned_maps(POSES[:1], phi, IMAGES, folder=tmp_path)
        assert_equal(found, maps.fit(phi, POSES[0].inverse(), IMAGES, "ridge", interpolation="bilinear"))


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
    assert fits == ["rot:-20", "hflip"]


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
    assert found.g.name == "rot:-20"
    with pytest.raises(ValueError, match=r"learned_maps: folder must be one to write to, got .*file/here"):
        pose.learned_maps(POSES[:1], images=IMAGES, folder=tmp_path / "file/here")


@pytest.mark.parametrize("poses", [[], [30]], ids=str)
def test_what_is_no_pose_is_refused(poses: list[Any]) -> None:
    with pytest.raises(
        ValueError, match=r"learned_maps: poses must be transformations, at least one, got \["
    ):
        pose.learned_maps(poses)
