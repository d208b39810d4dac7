"""The comparison in 16-bit integers before the direct route: it leaves more poses open, and changes no answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from pose_cases import Search, assert_same

import equivfast as ef
from equivfast.ops._pose_panels import PAIR_LARGEST, PAIR_LENGTH, PARTS, coarse, make
from equivfast.ops._pose_query import query
from equivfast.ops.pose_argmax import search

RNG = np.random.default_rng(0)


def bank(poses: int, *shape: int, scale: float = 1.0) -> np.ndarray:
    return (RNG.normal(size=(poses, *shape)) * scale).astype(np.float32)


def near(poses: int, *shape: int, apart: float) -> np.ndarray:
    """Templates that differ little from one another."""
    return bank(1, *shape) + bank(poses, *shape, scale=apart)


WINDOWS = bank(9, 5, 4, 3)
SIZES = np.logspace(-9, 3, 40, dtype=np.float32)
SPIKE = WINDOWS * np.float32(1e-3)
SPIKE[:, 2, 1, 1] = 40
CASES = {
    "noise": (WINDOWS, bank(40, 5, 4, 3)),
    "one channel": (bank(7, 1, 4, 4), bank(33, 1, 4, 4)),
    "far apart in size": (WINDOWS * np.float32(1e6), bank(40, 5, 4, 3, scale=1e-8)),
    "templates of all sizes": (WINDOWS, bank(40, 5, 4, 3) * SIZES[:, None, None, None]),
    "one large number": (SPIKE, bank(40, 5, 4, 3)),
    "poses nearly the same": (WINDOWS, near(64, 5, 4, 3, apart=1e-4)),
    "poses the same in float32": (WINDOWS, near(64, 5, 4, 3, apart=1e-8)),
    "constant windows": (np.ones_like(WINDOWS), bank(40, 5, 4, 3)),
    "black windows": (np.zeros_like(WINDOWS), bank(40, 5, 4, 3)),
    "templates of zeros": (WINDOWS, np.zeros((40, 5, 4, 3), np.float32)),
    "beyond float32": (WINDOWS * np.float32(1e25), bank(40, 5, 4, 3, scale=1e20)),
    "below float32": (WINDOWS * np.float32(1e-38), bank(40, 5, 4, 3, scale=1e-30)),
    "larger fields": (bank(2, 5, 9, 7), bank(50, 5, 4, 3)),
}


@pytest.mark.parametrize("case", CASES)
def test_no_answer_changes(case: str, cpu_level: str, threads: int) -> None:
    search = Search(*CASES[case])
    assert_same(search.run("direct"), search.wanted())


@pytest.mark.parametrize(
    "options", [{"threshold": 0.0}, {"prior": bank(40, 1)[:, 0]}], ids=["threshold", "prior"]
)
def test_options(options: dict[str, Any], cpu_level: str) -> None:
    search = Search(*CASES["noise"], bank(40, 1)[:, 0], options)
    assert_same(search.run("direct"), search.wanted())


@pytest.mark.parametrize("shape", [(40, 31, 8, 8), (33, 1, 1, 1), (40, 3, 2, 5), (32, 64, 12, 12)])
def test_sums_fit_32_bits_and_the_error_is_that_of_the_multiples(shape: tuple[int, ...]) -> None:
    templates = bank(*shape)
    templates[1] = 0
    templates[2] = 1  # all numbers alike: the longest of multiples
    templates[3, 0, 0, 0] = 1e4  # one number far above the others
    pairs, step, error = coarse(torch.from_numpy(templates))
    g, c, kh, kw = shape
    whole = pairs.double().permute(0, 4, 1, 2, 3, 5).reshape(-1, kh, kw, pairs.shape[3] * 2)[:g, ..., :c]
    assert whole.flatten(1).norm(dim=1).max() <= PAIR_LENGTH and whole.abs().max() <= PAIR_LARGEST
    back = whole.permute(0, 3, 1, 2) * step.reshape(-1)[:g, None, None, None].double()
    left = (back - torch.from_numpy(templates)).flatten(1).norm(dim=1)
    assert left.max() <= error <= 1.001 * left.max() + 1e-30
    length = torch.from_numpy(templates).double().flatten(1).norm(dim=1)
    assert (left <= 2e-3 * length).all()


def test_processors_that_can_compare_in_integers_do() -> None:
    """Multiples with the wrong sign name the worst pose first, and then all others have to be scored."""
    templates = torch.from_numpy(CASES["noise"][1])
    panels = make(templates, "direct", lasting=True)
    signs = [-1 if name == "coarse_step" else 1 for name in PARTS["direct"]]
    false = replace(panels, tensors=tuple(t * s for t, s in zip(panels.tensors, signs, strict=True)))
    ask = (torch.from_numpy(WINDOWS), templates, None)
    q = query("location", 1, None, None, None, None, None)
    right, other = (search(*ask, p, q).rescored.sum() for p in (panels, false))
    assert (other > 10 * right) == (ef.build_info()["cpu_level"] == "avx512icl")


def test_few_poses_of_a_window_stay_open() -> None:
    """What the comparison is for; it would be useless if most poses had to be scored exactly."""
    templates = bank(360, 31, 8, 8)
    features = templates[:64] + bank(64, 31, 8, 8, scale=0.5)
    found = ef.PoseBank(templates).argmax(features)
    assert (np.asarray(found.pose)[:, 0, 0] == np.arange(64)).all()
    assert np.mean(found.rescored) < 2
