"""What all tests share: CPU levels, threads, tolerances, the folder of test data, hypothesis' profile."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, settings

import equivfast as ef

pytest.register_assert_rewrite("op_contract", "skimage_cases")

# The same examples in every run: what fails here fails anywhere.
settings.register_profile(
    "equivfast",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=80,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("equivfast")

# Learned maps are kept beside the tests, not in the home folder of whoever runs them.
os.environ.setdefault("EQUIVFAST_CACHE", str(Path(__file__).resolve().parent.parent / "build" / "cache"))

LEVELS = ("baseline", "avx2", "avx512", "avx512icl")

# Largest accepted absolute difference, with its reason.
TOLERANCE = {
    # Features lie in 0..1. A cell of 20 x 20 pixels sums 1600 float32 votes; 2e-7 is typical, 1e-5 is promised.
    ("hog", torch.float32): 1e-5,
    ("hog", torch.uint8): 1e-5,  # float32 inside
    # Decisions are the oracle's to the bit and the sums float64; 1 / sqrt loses little more.
    ("hog", torch.float64): 1e-12,
    # The outside values were written as float32 by other implementations with other orders of summation.
    # Relative to the largest derivative; lengths enter by their cube. No quotient of the tests comes within rounding
    # of the clip, where one may pass and the other not.
    ("hog_backward", torch.float32): 1e-5,
    ("hog_backward", torch.float64): 1e-10,
    ("hog reference values", torch.float32): 1e-5,
    # A flip only reorders sums of one float32 computation.
    ("hog symmetry, nearest", torch.float32): 1e-6,
    # The cosine to the bin centre is a float32 number by definition. Half-way between two of n bins its rounding moves
    # 6e-8 * 2 n^2 / pi^2 of a vote, and a flip measures from the other bin: 2e-6 for the n up to 12 of the tests.
    ("hog symmetry, bilinear", torch.float32): 3e-6,
    # Numbers of at most 1, from float32 sums on both sides; 1e-7 is typical.
    ("skimage hog", torch.float64): 1e-6,
    # Sums of up to 5 * 5 * 5 products of numbers of size 1, each rounded to 6e-8 of itself.
    ("feature_transform", torch.float32): 2e-5,
    ("feature_transform", torch.float64): 1e-13,
    # A score is defined to the bit, and what is found is decided by it.
    ("pose_argmax", torch.float32): 0.0,
}


@pytest.fixture(scope="session")
def tolerance() -> Callable[[str, torch.dtype], float]:
    return lambda name, dtype: TOLERANCE[name, dtype]


@pytest.fixture(params=LEVELS)
def cpu_level(request: pytest.FixtureRequest) -> Iterator[str]:
    """Runs the test at each CPU level; a level that this machine lacks shows as a skip."""
    info = ef.build_info()
    if request.param not in info["cpu_levels"]:  # type: ignore[operator]
        pytest.skip(f"this machine does not run {request.param}")
    ef.set_cpu_level(request.param)
    yield request.param
    ef.set_cpu_level(str(info["cpu_level"]))


@pytest.fixture(params=(1, 2, 3))
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real images and reference values; unset is a visible skip, set and missing a failure."""
    name = os.environ.get("EQUIVFAST_TEST_DATA")
    if not name:
        pytest.skip("EQUIVFAST_TEST_DATA is not set")
    folder = Path(name)
    if not folder.is_dir():
        pytest.fail(f"EQUIVFAST_TEST_DATA is set, but {folder} is not a folder")
    return folder


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """For small work: threads that share small steps wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
