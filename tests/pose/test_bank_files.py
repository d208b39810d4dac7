"""Banks as files: the same answers afterwards, and no other file is taken for one."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

import equivfast as ef
from equivfast import groups
from equivfast.pose.bank import FILE

RNG = np.random.default_rng(0)
TEMPLATES = RNG.normal(size=(3, 5, 3, 4)).astype(np.float32)
BIAS = RNG.normal(size=3).astype(np.float32)
POSES = [groups.identity(), groups.rotation(30), groups.scaling(1.25) @ groups.hflip()]


@pytest.mark.parametrize(
    "bank",
    [
        ef.PoseBank(TEMPLATES),
        ef.PoseBank(TEMPLATES, BIAS, POSES),
        ef.PoseBank(TEMPLATES, poses=POSES, route="fft", tile=32),
        ef.PoseBank(TEMPLATES[:, ::-1].copy()[..., ::2]),
    ],
    ids=["plain", "bias-poses", "route", "strided"],
)
def test_a_bank_comes_back(bank: ef.PoseBank, tmp_path: Path) -> None:
    path = tmp_path / "bank"
    bank.save(path)
    loaded = ef.PoseBank.load(path)
    assert loaded.templates.equal(bank.templates)
    assert (loaded.bias is None) == (bank.bias is None)
    assert bank.bias is None or loaded.bias.equal(bank.bias)
    assert (loaded.route, loaded.tile, loaded.poses) == (bank.route, bank.tile, bank.poses)
    field = RNG.normal(size=(1, 5, 9, 8)).astype(np.float32)
    for found, again in zip(bank.argmax(field), loaded.argmax(field), strict=True):
        assert np.array_equal(found, again)


def refused(path: Path) -> str:
    with pytest.raises(ValueError, match=r"^PoseBank.load: ") as raised:
        ef.PoseBank.load(path)
    message = str(raised.value)
    assert str(path) in message and "\n" not in message
    return message


def test_truncated_and_foreign_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bank"
    ef.PoseBank(TEMPLATES).save(path)
    whole = path.read_bytes()
    for length in (0, 4, 20, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert "is not an equivfast pose bank" in refused(path)
    ef.maps.permutation(groups.hflip(), groups.Grid.centred(2, 2, 8), [1, 0]).save(path)
    assert refused(path).endswith("is not an equivfast pose bank: it has no entry 'equivfast.pose_bank'")
    save_file({"templates": TEMPLATES}, path, {FILE.entry: '{"version": 2}'})
    assert refused(path).endswith("must be a pose bank of version 1, got 2")
    with pytest.raises(FileNotFoundError):
        ef.PoseBank.load(tmp_path / "missing")


@pytest.mark.parametrize(
    ("arrays", "fields"),
    [
        ({"templates": None}, {}),
        ({"templates": TEMPLATES.astype(np.float64)}, {}),
        ({"templates": np.full_like(TEMPLATES, np.nan)}, {}),
        ({"bias": BIAS[:2]}, {}),
        ({}, {"route": "scenic"}),
        ({}, {"tile": 17}),
        ({}, {"poses": [{"matrix": [[1, 0, 0], [0, 1, 0]], "name": "one of three"}]}),
        ({}, {"poses": 3}),
    ],
)
def test_damaged_banks_are_refused(arrays: dict[str, Any], fields: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "bank"
    ef.PoseBank(TEMPLATES, BIAS, POSES).save(path)
    description, whole = FILE.read(path)
    FILE.write(path, description | fields, {k: v for k, v in (whole | arrays).items() if v is not None})
    assert " is damaged: " in refused(path)


@pytest.mark.parametrize("used", [False, True], ids=["new", "used"])
def test_copies_and_other_processes(used: bool) -> None:
    bank = ef.PoseBank(TEMPLATES, BIAS, POSES)
    field = RNG.normal(size=(1, 5, 9, 9)).astype(np.float32)
    if used:
        bank.argmax(field)
    for other in (copy.deepcopy(bank), pickle.loads(pickle.dumps(bank))):
        for found, wanted in zip(other.argmax(field), bank.argmax(field), strict=True):
            np.testing.assert_array_equal(found, wanted)
