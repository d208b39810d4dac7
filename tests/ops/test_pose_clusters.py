"""Clusters of poses, which a search over the image compares first: they rule windows out, and change no answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from pose_cases import Search, assert_same

import equivfast as ef
from equivfast.ops import _pose_clusters, _pose_panels
from equivfast.ops._pose_query import query
from equivfast.ops.pose_argmax import search

RNG = np.random.default_rng(0)


def turned(poses: int, *shape: int, rank: int = 6) -> np.ndarray:
    """Templates on a closed path in a space of few dimensions, as the rotations of one pattern are."""
    angle = np.arange(poses) * 2 * np.pi / poses
    waves = [f(k * angle) / k for k in range(1, rank // 2 + 1) for f in (np.cos, np.sin)]
    parts = RNG.normal(size=(len(waves), *shape))
    return np.tensordot(np.array(waves), parts, (0, 0)).astype(np.float32)


def noise(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


BANK = turned(130, 3, 4, 5)
FIELD = noise(2, 3, 17, 19)
STRONG = FIELD * np.linspace(0.1, 3, 19, dtype=np.float32)  # few windows can hold the best
HOLES = FIELD * (np.arange(19) % 9 < 2).astype(np.float32)
FIELDS = {
    "noise": (FIELD, BANK),
    "strong on one side": (STRONG, BANK),
    "constant": (np.ones_like(FIELD), BANK),
    "black": (np.zeros_like(FIELD), BANK),
    "holes": (HOLES, BANK),
    "every template twice": (STRONG, np.repeat(turned(70, 3, 4, 5), 2, 0)),
    "templates all the same": (STRONG, np.repeat(BANK[:1], 80, 0)),
    "templates of zeros": (FIELD, np.zeros_like(BANK)),
    "some far longer": (STRONG, BANK * np.where(np.arange(130) % 40 == 7, 50, 1)[:, None, None, None]),
    "small and large numbers": (STRONG * np.float32(1e-20), BANK * np.float32(1e12)),
    "larger than a tile": (noise(1, 3, 40, 45), BANK),
}
OPTIONS: dict[str, dict[str, Any]] = {
    "top 1": {},
    "top 30": {"top_k": 30},
    "apart": {"top_k": 12, "nms": 3},
    "apart in pose too": {"top_k": 12, "nms": (4, np.eye(130, k=1, dtype=bool) | np.eye(130, dtype=bool))},
    "threshold": {"top_k": 9, "threshold": 12.0},
    "one prior": {"top_k": 9, "prior": noise(130) * 9},
    "priors": {"top_k": 9, "prior": noise(2, 130) * 9},
    "mask": {"top_k": 9, "mask": noise(2, 14, 15) > 0.3},
    "positions": {"top_k": 9, "positions": RNG.integers(0, 13, (2, 40, 2))},
    "more than there are": {"top_k": 14 * 15 * 130 + 5, "mask": noise(2, 14, 15) > 2.2},
}


@pytest.mark.parametrize("top_k", [1, 8])
@pytest.mark.parametrize("case", FIELDS)
def test_no_answer_changes(case: str, top_k: int, cpu_level: str, threads: int) -> None:
    field, templates = FIELDS[case]
    search = Search(field, templates.astype(np.float32), None, {"over": "image", "top_k": top_k})
    assert_same(search.run("low_rank"), search.wanted())


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("biased", [False, True], ids=["", "bias"])
def test_options(name: str, biased: bool, cpu_level: str) -> None:
    bias = noise(130) * 3 if biased else None
    search = Search(STRONG, BANK, bias, {"over": "image", **OPTIONS[name]})
    assert_same(search.run("low_rank"), search.wanted())


@pytest.mark.parametrize("flush", [False, True], ids=["", "flush to zero"])
@pytest.mark.parametrize("given", [False, True], ids=["tiles", "positions"])
@pytest.mark.parametrize("scale", [1e-19, 5e-20, 1e-20, 1e-22, 1e-23, 5e-24, 1e-25])
def test_lengths_whose_squares_are_lost(scale: float, given: bool, flush: bool) -> None:
    """Clusters far wider than what float32 can sum of these windows' squares."""
    rng = np.random.default_rng(1)
    units = np.repeat(np.eye(16), 4, 0)
    templates = (units + 0.5 * rng.normal(size=(64, 16)) / 4).astype(np.float32)[:, :, None, None]
    fields = (rng.normal(size=(60, 16, 20, 20)).clip(-1.5, 1.5) * scale).astype(np.float32)
    places = np.stack(np.indices((20, 20)), -1).reshape(-1, 2) if given else None
    options: dict[str, Any] = {"over": "image", "positions": places}
    wanted = ef.PoseBank(templates, route="direct").argmax(fields, **options)
    try:
        torch.set_flush_denormal(flush)
        found = ef.PoseBank(templates, route="low_rank").argmax(fields, **options)
    finally:
        torch.set_flush_denormal(False)
    np.testing.assert_array_equal(found.pose, wanted.pose)
    np.testing.assert_array_equal(found.score, wanted.score)


def low_rank_panels(templates: np.ndarray, rank: int = 16) -> _pose_panels.Panels:
    w = torch.from_numpy(templates)
    return _pose_panels.make(w, "low_rank", 16, _pose_panels.principal(w)[1][:, :rank])


def part(panels: _pose_panels.Panels, name: str) -> torch.Tensor:
    return panels.tensors[_pose_panels.PARTS["low_rank"].index(name)]


def test_a_search_reads_them() -> None:
    """Clusters that say that nothing scores more than a little hide the best window."""
    panels = low_rank_panels(BANK)
    q = query("image", 1, None, None, None, None, None)
    ask = (torch.from_numpy(STRONG), torch.from_numpy(BANK), None)
    right = search(*ask, panels, q)
    false = [
        torch.zeros_like(t) if name in ("centres", "cluster_radius") else t
        for name, t in zip(_pose_panels.PARTS["low_rank"], panels.tensors, strict=True)
    ]
    hidden = search(*ask, replace(panels, tensors=tuple(false)), q)
    assert torch.equal(right.score, search(*ask, low_rank_panels(BANK, 32), q).score)
    assert (hidden.score < right.score).any()


@pytest.mark.parametrize("templates", [BANK, turned(64, 2, 3, 3), turned(700, 2, 4, 4, rank=14)], ids=len)
def test_radius_and_residual_are_the_largest_of_a_cluster(templates: np.ndarray) -> None:
    panels = low_rank_panels(templates)
    g = len(templates)
    count = part(panels, "centres").shape[0] * 16

    def rows(name: str, count: int) -> torch.Tensor:
        return part(panels, name).double().movedim(-1, 1).flatten(0, 1)[:count]

    mix, residual, centres = rows("mix", g), rows("residual", g), rows("centres", count)
    cluster = part(panels, "cluster")
    distance = (mix - centres[cluster]).norm(dim=1)
    for name, of_pose in (("cluster_radius", distance), ("cluster_residual", residual)):
        wanted = torch.stack(
            [
                of_pose[cluster == k].max() if (cluster == k).any() else of_pose.new_zeros(())
                for k in range(count)
            ]
        )
        found = rows(name, count)
        assert (found >= wanted).all() and torch.allclose(found, wanted, rtol=1e-5, atol=1e-6)
    assert max(mix.norm(dim=1).max(), centres.norm(dim=1).max()) <= panels.numbers[2]
    assert count <= g / 4 + 16


def test_rotations_have_narrow_clusters_and_strangers_none() -> None:
    rows = torch.from_numpy(BANK).flatten(1)[:, :16]
    found = _pose_clusters.clusters(rows, torch.zeros(130))
    again = _pose_clusters.clusters(rows, torch.zeros(130))
    assert all(torch.equal(a, b) for a, b in zip(found, again, strict=True))
    assert found.radius.mean() < 0.25 * rows.norm(dim=1).mean()
    strangers = torch.from_numpy(noise(130, 64))
    assert len(_pose_clusters.clusters(strangers, torch.zeros(130)).cluster) == 0
    assert len(_pose_clusters.clusters(rows[:63], torch.zeros(63)).cluster) == 0


def test_few_windows_of_a_photograph_are_opened() -> None:
    """Scored exactly: some poses of a few windows, of 32,000 pairs of a window and a pose."""
    found = ef.PoseBank(BANK, route="low_rank").argmax(STRONG, over="image")
    assert (np.asarray(found.rescored) <= 64).all()
