"""pose_argmax finds what exhaustive float64 scoring finds: no difference, over banks of poses and real photographs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmark_modules import benchmark_modules
from pose_cases import Search, assert_same
from pose_certified import certified

import equivfast as ef

SOURCES = (
    "astronaut",
    "camera",
    "cat",
    "china",
    "coffee",
    "coins",
    "flower",
    "motorcycle",
    "rocket",
    "faces",
)
ROUTES = ("auto", "fft", "low_rank")

# 16 banks of 360 and of 1,000 poses, each of other patterns, with 65 photographs each: 1,040 pairs.
LARGE = [
    f"{poses}-{maps}-{kind}-{cells}"
    for poses in ("rot360", "aff1000")
    for maps in ("analytic", "learned")
    for kind in ("lda", "mean")
    for cells in (8, 10)
]
PHOTOGRAPHS = {"bsds500_test": 25, "imagenet_samples": 40}
# 10 banks of 36 poses with 5 of the embedded photographs each: 50 pairs.
SMALL = [
    f"rot36-{maps}-{kind}-{cells}"
    for maps, kind, cells in (
        *(("analytic", kind, cells) for kind in ("lda", "mean") for cells in (8, 10)),
        ("learned", "lda", 8),
    )
] * 2


def of_patterns(names: list[str]) -> list[str]:
    """The banks' names with one source after the other."""
    tails = cycle("" if source == SOURCES[0] else f"-{source}" for source in SOURCES)
    return [name + tail for name, tail in zip(names, tails, strict=False)]


@pytest.fixture(scope="module")
def banks() -> Iterator[Any]:
    with benchmark_modules("banks") as found:
        yield found["banks"]


def assert_exact(bank: Any, fields: np.ndarray) -> None:
    """Every route, the argmax map and the best of the image, field by field and all at once."""
    wanted = [certified(field, bank.templates, bank.bias) for field in fields]
    for route in ROUTES:
        ours = ef.PoseBank(bank.templates, bank.bias, bank.poses, route=route)
        everywhere, best = ours.argmax(fields), ours.argmax(fields, over="image")
        for k, (places, image) in enumerate(wanted):
            assert_same(ef.PoseResult(*(part[k : k + 1] for part in everywhere)), places)
            assert_same(ef.PoseResult(*(part[k : k + 1] for part in best)), image)
    assert_same(ours.argmax(fields[:1], over="image"), wanted[0][1])


@pytest.mark.parametrize("name", of_patterns(SMALL))
def test_fifty_pairs(name: str, banks: Any) -> None:
    place = of_patterns(SMALL).index(name)
    assert_exact(banks.load(name), banks.fields(24)[place : place + 5])


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", of_patterns(LARGE))
def test_a_thousand_pairs(name: str, banks: Any, test_data: Path) -> None:
    bank = banks.load(name)
    for source, count in PHOTOGRAPHS.items():
        fields = banks.fields(count, source)
        assert len(fields) == count
        for start in range(0, count, 5):
            assert_exact(bank, fields[start : start + 5])


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "name", ["rot360-analytic-lda-8", "aff1000-analytic-mean-8", "rot360-learned-mean-10"]
)
def test_many_best_of_an_image(name: str, banks: Any) -> None:
    """The ten best that do not overlap, with and without neighbouring poses, by the plain oracle."""
    bank, rng = banks.load(name), np.random.default_rng(0)
    near = rng.random((len(bank.poses),) * 2) < 0.9
    for field in banks.fields(3):
        for nms in (4, (4, near), None):
            options = {"over": "image", "top_k": 10, "nms": nms}
            search = Search(field[None], bank.templates, bank.bias, options)
            for route in ROUTES:
                assert_same(search.run(route), search.wanted())


# ---- the oracle's helper -----------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(30))
def test_the_certified_answers_are_the_oracles(seed: int) -> None:
    """On noise, on ties, and on templates that only rounding tells apart, which the product alone gets wrong."""
    rng = np.random.default_rng(seed)
    c, kh, kw, g = rng.integers(1, 9, 4)
    field = rng.standard_normal((c, 12, 13)) if seed % 3 else rng.integers(-2, 3, (c, 12, 13))
    one = rng.standard_normal((1, c, kh, kw))
    templates = [
        rng.standard_normal((g, c, kh, kw)),
        rng.integers(-2, 3, (g, c, kh, kw)),
        np.repeat(one, g, 0),
    ][seed % 3]
    if seed % 5 == 0:
        field = np.full(field.shape, 0.1)
        templates = np.array([rng.permutation(one.ravel()) for _ in range(5 * g)]).reshape(-1, c, kh, kw)
    bias = rng.standard_normal(len(templates)).astype(np.float32) if seed % 2 else None
    arrays = field.astype(np.float32), templates.astype(np.float32)
    places, image = certified(*arrays, bias)
    for found, options in ((places, {"over": "location"}), (image, {"over": "image"})):
        wanted = Search(arrays[0][None], arrays[1], bias, options).wanted()
        for ours, theirs in zip(found, wanted, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_the_certified_answers_on_a_bank(banks: Any) -> None:
    bank, field = banks.load("rot36-analytic-lda-8"), banks.fields(1)[0]
    places, image = certified(field, bank.templates, bank.bias)
    for found, options in ((places, {"over": "location"}), (image, {"over": "image"})):
        wanted = Search(field[None], bank.templates, bank.bias, options).wanted()
        for ours, theirs in zip(found, wanted, strict=True):
            np.testing.assert_array_equal(ours, theirs)
