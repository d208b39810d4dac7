"""The banks and fields of the benchmarks of pose search: seeded, of the shapes promised, and not made up."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from benchmark_modules import BENCHMARKS, benchmark_modules

import equivfast as ef
from equivfast.groups import hflip, rotation

QUICK = "rot36-analytic-mean-8"


@pytest.fixture(scope="module")
def modules() -> Iterator[dict[str, ModuleType]]:
    with benchmark_modules("banks", "bank_maps", "bank_templates") as found:
        yield found


@pytest.fixture(scope="module")
def banks(modules: dict[str, ModuleType]) -> Any:
    return modules["banks"]


@pytest.fixture
def few_poses(modules: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Learned maps of three poses, two of them equal, kept elsewhere."""
    bank_maps = modules["bank_maps"]
    monkeypatch.setitem(bank_maps.POSES, "rot36", (rotation(40), hflip(), rotation(40)))
    monkeypatch.setattr(bank_maps, "CACHE", tmp_path / "banks")
    bank_maps.inverse_maps.cache_clear()
    yield bank_maps
    bank_maps.inverse_maps.cache_clear()


def test_names_are_those_that_load_takes(banks: Any) -> None:
    names = banks.names()
    assert len(names) == len(set(names)) == 24 and QUICK in names
    assert banks.names(("rot36",), ("learned",), ("lda",), (10,), ("astronaut", "cat")) == [
        "rot36-learned-lda-10", "rot36-learned-lda-10-cat"
    ]  # fmt: skip
    for wrong in ("rot36", "rot36-analytic-mean-9", f"{QUICK}-dog", f"{QUICK}-cat-cat", f"{QUICK}-astronaut"):
        with pytest.raises(ValueError, match=rf"^load: name must be rot36.*got '{wrong}'$"):
            banks.load(wrong)


@pytest.mark.parametrize(("poses", "count"), [("rot36", 36), ("rot360", 360), ("aff1000", 1000)])
@pytest.mark.parametrize("cells", [8, 10])
def test_shapes(poses: str, count: int, cells: int, banks: Any) -> None:
    bank = banks.load(f"{poses}-analytic-lda-{cells}")
    assert bank.templates.shape == (count, 31, cells, cells) and bank.bias.shape == (count,)
    assert bank.templates.dtype == bank.bias.dtype == np.float32
    assert len(bank.poses) == count and bank.source == "astronaut"
    assert np.isfinite(bank.templates).all() and (np.abs(bank.templates).max((1, 2, 3)) > 0.1).all()


def test_a_bank_is_the_same_in_every_process(banks: Any) -> None:
    command = [sys.executable, "-c", f"import banks; print(banks.load({QUICK!r}).fingerprint)"]
    done = subprocess.run(command, cwd=BENCHMARKS, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == banks.load(QUICK).fingerprint
    # On any machine, to the rounding of its linear algebra; a change of these changes every figure.
    bank = banks.load(QUICK)
    found = [np.linalg.norm(bank.templates[k]) for k in (0, 1, 35)]
    assert found == pytest.approx([4.9399, 3.4335, 3.4290], abs=1e-3)


def test_equal_poses_have_equal_templates(banks: Any) -> None:
    bank = banks.load("aff1000-analytic-mean-8")
    first: dict[ef.groups.Transform, int] = {}
    twins = [(first.setdefault(g, k), k) for k, g in enumerate(bank.poses)]
    assert len(first) == 875
    assert all(np.array_equal(bank.templates[a], bank.templates[b]) for a, b in twins)


@pytest.mark.parametrize("name", ["hflip", "vflip", "rot180", "identity"])
def test_channels_of_exact_symmetries_are_permuted(name: str, modules: dict[str, ModuleType]) -> None:
    g = ef.groups.parse(name)
    permutation = modules["bank_templates"].PHI.channel_action(g)
    np.testing.assert_array_equal(modules["bank_maps"].channel_matrix(g), np.eye(31)[permutation])


def test_channels_of_other_poses_blend_two_bins(modules: dict[str, ModuleType]) -> None:
    matrix = modules["bank_maps"].channel_matrix
    for g in (rotation(33), rotation(90), ef.groups.affine([[1.3, 0.4], [-0.2, 0.7]])):
        assert (np.count_nonzero(matrix(g), axis=1) <= 2).all() and matrix(g).min() >= 0
        np.testing.assert_allclose(matrix(g).sum(1), 1)
    bins, turned = matrix(rotation(20))[:27, :27], matrix(rotation(60))[:27, :27]  # 20 degrees are one bin
    np.testing.assert_array_equal(bins @ bins @ bins, turned)
    np.testing.assert_allclose(np.sort(matrix(rotation(45))[27:, 27:], 1), [[0, 0, 0.5, 0.5]] * 4, atol=1e-12)


def test_the_half_turn_turns_the_template(banks: Any, modules: dict[str, ModuleType]) -> None:
    bank = banks.load(QUICK)
    permutation = modules["bank_templates"].PHI.channel_action(rotation(180))
    np.testing.assert_array_equal(bank.templates[18], bank.templates[0][permutation][:, ::-1, ::-1])


@pytest.mark.parametrize("source", ["astronaut", "china", "coins", "rocket"])
def test_a_bank_finds_its_pattern_in_its_photograph(
    source: str, banks: Any, modules: dict[str, ModuleType]
) -> None:
    """Upright, within a cell of where it was cut, and nowhere as strong in other photographs."""
    bank = banks.load("rot36-analytic-lda-8" + ("" if source == "astronaut" else f"-{source}"))
    photos = ef.data.photographs()
    own = [photo.name for photo in photos].index(source)
    image = photos[own].image
    scores = torch.nn.functional.conv2d(*(torch.from_numpy(a) for a in (banks.fields(12), bank.templates)))
    best = scores.flatten(1).max(1)
    assert int(best.values.argmax()) == own
    g, y, x = np.unravel_index(int(best.indices[own]), scores.shape[1:])
    assert bank.poses[g].name == "rot:0"
    unit = modules["bank_templates"].scale(image)
    size, centre = np.array(banks.SIZE), np.array(modules["bank_templates"].SOURCES[source])
    corner = (np.array(image.shape[1::-1]) - size * unit) / 2
    found = np.array([x + 4, y + 4]) * 8 - 0.5
    assert np.abs((centre - corner) / unit - found).max() <= 8


def test_learned_maps_are_fitted_once_and_kept(few_poses: Any, banks: Any) -> None:
    name = "rot36-learned-lda-8"
    bank = banks.load(name)
    assert np.array_equal(bank.templates[0], bank.templates[2]) and bank.bias[0] != 0
    kept = {path: path.stat().st_mtime_ns for path in few_poses.CACHE.rglob("*.safetensors")}
    assert len(kept) == 2
    few_poses.inverse_maps.cache_clear()
    assert banks.load(name).fingerprint == bank.fingerprint
    assert {path: path.stat().st_mtime_ns for path in few_poses.CACHE.rglob("*.safetensors")} == kept
    few_poses.POSES["rot36"] = (rotation(41),)
    few_poses.inverse_maps.cache_clear()
    assert (
        banks.load(name).fingerprint != bank.fingerprint
        and len(list(few_poses.CACHE.rglob("*.safetensors"))) == 3
    )


def test_learned_maps_undo_a_pose_better_than_analytic_ones(
    few_poses: Any, modules: dict[str, ModuleType]
) -> None:
    """On a photograph that nothing was learned from; what only moves cells is worse than both."""
    phi, g = modules["bank_templates"].PHI, rotation(40)
    image = (
        torch.from_numpy(ef.data.photographs(["cat"])[0].image[:296, :448].mean(2))[None, None].float() / 255
    )
    field, turned = phi(image), phi(ef.groups.warp(image, g)[0])
    middle = (..., slice(12, -12), slice(20, -20))

    def error(m: Any) -> float:
        return float(ef.maps.relative_l2(m(turned)[middle], field[middle]))

    cells = ef.maps.cells(g.inverse(), phi.grid(296, 448), 31)
    learned, analytic = (few_poses.inverse_maps("rot36", kind)[0] for kind in ("learned", "analytic"))
    assert error(learned) < error(analytic) < error(cells)


def test_fields_are_seeded(banks: Any) -> None:
    found = banks.fields(14)
    assert found.shape == (14, 31, 60, 80) and found.dtype == np.float32 and found.flags.c_contiguous
    np.testing.assert_array_equal(banks.fields(3), found[:3])
    assert np.abs(found[12] - found[0]).max() > 0.1  # the second part of a photograph is another one
    assert found.min() >= 0 and (found.std((1, 2, 3)) > 0.02).all()


def test_fields_of_test_data(banks: Any, test_data: Path) -> None:
    found = banks.fields(2, "bsds500_test")
    assert found.shape == (2, 31, 60, 80) and found.std() > 0.02


def test_unknown_fields(banks: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"^fields: source must be one of .*, got 'moon'$"):
        banks.fields(1, "moon")
    monkeypatch.delenv("EQUIVFAST_TEST_DATA", raising=False)
    with pytest.raises(
        ValueError, match=r"^fields: EQUIVFAST_TEST_DATA must name .*imagenet_samples, got None$"
    ):
        banks.fields(1, "imagenet_samples")
