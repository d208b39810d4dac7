"""Maps as files: bit for bit, whole or not at all, and no other file is taken for one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from scipy.sparse import csr_array

from equivfast import groups, maps
from equivfast.groups import Grid
from equivfast.maps import Map, serial
from equivfast.report import atomic

GRID = Grid(4, 5, 8.0, (-15.5, -12.0))
G = groups.rotation(45) @ groups.scaling(0.8)


def make(kind: str, share: float) -> Map:
    rng = np.random.default_rng(0)
    shape = (2 * 20, 3 * 20) if kind == "window" else (2, 27)
    weight = rng.normal(size=shape) * (rng.random(shape) <= share)
    settings = {"ridge": 0.1, "parts": [{"nonzeros": 5}, {}], "note": None}
    return Map(
        kind, G, "ridge", weight, rng.normal(size=shape[0]), (3, 2), GRID, GRID, 3, "bilinear", settings
    )


MAPS = [make(kind, share) for kind in ("window", "shared") for share in (1, 0.1)]


@pytest.mark.parametrize("m", MAPS)
def test_a_map_comes_back_bit_for_bit(m: Map, tmp_path: Path) -> None:
    path = tmp_path / "map.safetensors"
    m.save(path)
    found = maps.load(str(path))
    for name in (
        "kind",
        "g",
        "method",
        "channels",
        "source",
        "target",
        "support",
        "interpolation",
        "settings",
    ):
        assert getattr(found, name) == getattr(m, name), name
    assert found.g.name == G.name == "rot:45*scale:0.8"
    assert isinstance(found.weight, csr_array) == isinstance(m.weight, csr_array)
    one, two = (v.toarray() if isinstance(v, csr_array) else v for v in (found.weight, m.weight))
    assert one.tobytes() == two.tobytes() and found.bias.tobytes() == m.bias.tobytes()
    x = np.random.default_rng(1).normal(size=(2, 3, 4, 5))
    assert found(x).tobytes() == m(x).tobytes()
    found.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_products_permutations_and_solved_maps_are_saved_too(tmp_path: Path) -> None:
    grid = Grid.centred(3, 3, 8)
    flip = maps.permutation(groups.hflip(), grid, [1, 0])
    x = np.random.default_rng(0).normal(size=(30, 2, 3, 3))
    learned = maps.fit_pairs([(x, flip(x))], groups.hflip(), grid, grid, "forward_selection", support=1)
    for m in (flip, flip @ learned, learned.inverse()):
        m.save(tmp_path / "m")
        assert maps.load(tmp_path / "m")(x).tobytes() == m(x).tobytes()


def test_a_failed_save_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "map.safetensors"
    MAPS[0].save(path)
    before = path.read_bytes()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    for step in ("fsync", "replace"):
        with monkeypatch.context() as patched:
            patched.setattr(atomic.os, step, full)
            with pytest.raises(ValueError, match="No space left"):
                MAPS[1].save(path)
        assert path.read_bytes() == before
        assert os.listdir(tmp_path) == ["map.safetensors"]
    with pytest.raises(ValueError, match=r"cannot write .*missing.*No such file"):
        MAPS[0].save(tmp_path / "missing" / "map")


@pytest.mark.parametrize("settings", [{"a": np.ones(2)}, {"a": float("nan")}])
def test_settings_that_are_not_json_are_named(settings: dict[str, Any], tmp_path: Path) -> None:
    m = Map("shared", G, "test", np.ones((2, 3)), np.zeros(2), (3, 2), GRID, GRID, settings=settings)
    with pytest.raises(ValueError, match=r"^Map.save: settings must be plain JSON, got"):
        m.save(tmp_path / "map")
    assert os.listdir(tmp_path) == []


def refused(path: Path) -> str:
    with pytest.raises(ValueError, match=r"^load: ") as raised:
        maps.load(path)
    message = str(raised.value)
    assert str(path) in message and "\n" not in message
    return message


@pytest.mark.parametrize("m", [MAPS[0], MAPS[3]])
def test_truncated_files_are_refused(m: Map, tmp_path: Path) -> None:
    path = tmp_path / "map"
    m.save(path)
    whole = path.read_bytes()
    for length in (0, 4, 20, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert "is not an equivfast map" in refused(path)


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    torch.save({"weight": torch.ones(3)}, path)  # a pickle: not even opened
    assert "is not an equivfast map" in refused(path)
    path.write_text("weight = 1")
    assert "is not an equivfast map" in refused(path)
    save_file({"weight": np.ones(3)}, path)
    assert refused(path).endswith("is not an equivfast map: it has no entry 'equivfast.map'")
    save_file({"weight": np.ones(3)}, path, {"equivfast.map": '{"version": 2}'})
    assert refused(path).endswith("must be a map of version 1, got 2")
    with pytest.raises(FileNotFoundError):
        maps.load(tmp_path / "missing")


@pytest.mark.parametrize(
    ("tensors", "fields"),
    [
        ({"columns": np.array([0, 99])}, {}),
        ({"columns": np.array([0, -1])}, {}),
        ({"rows": np.array([0, 2, 1])}, {}),
        ({"rows": np.array([0, 1])}, {}),
        ({"values": np.array([1.0, np.nan])}, {}),
        ({"values": np.array([1.0, 2.0], np.float32)}, {}),
        ({"bias": np.zeros(3)}, {}),
        ({"bias": None}, {}),
        ({}, {"shape": [2, 4]}),
        ({}, {"kind": "dense"}),
        ({}, {"matrix": [[1, 0, 0], [1, 0, 0]]}),
        ({}, {"matrix": 5}),
        ({}, {"source": {"height": 2}}),
        ({}, {"source": {"height": 0, "width": 1, "stride": 8, "offset": [0, 0]}}),
        ({}, {"channels": 3}),
        ({}, {"surprise": 1}),
        ({}, {"settings": None, "support": "3"}),
    ],
)
def test_damaged_maps_are_refused(tensors: dict[str, Any], fields: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "map"
    weight = csr_array(([1.0, 2.0], [0, 8], [0, 1, 2]), shape=(2, 9))
    Map("shared", G, "test", weight, np.zeros(2), (1, 2), GRID, GRID, 3).save(path)
    assert maps.load(path).nonzero_share == 2 / 18
    description, arrays = serial.FILE.read(path)
    arrays = {name: array for name, array in (arrays | tensors).items() if array is not None}
    serial.FILE.write(path, description | fields, arrays)
    assert " is damaged: " in refused(path)


def test_a_description_that_is_no_json_object_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "map"
    MAPS[0].save(path)
    _, arrays = serial.FILE.read(path)
    for text in ("{", "[1]", "3", "null", ""):
        save_file(arrays, path, {serial.FILE.entry: text})
        assert refused(path).endswith("is damaged: its description is not a JSON object")
