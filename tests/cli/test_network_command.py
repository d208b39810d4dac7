"""equivfast equivariance --model NETWORK: options become a config, the result becomes files."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result

from equivfast.cli.main import program
from equivfast.studies import network
from equivfast.studies.network import NetworkConfig

NET = '''
"""A small network, made by a factory."""

import torch
from torch import nn


def small():
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(),
        nn.Conv2d(6, 8, 3, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3),
    )
'''


def run(*arguments: object) -> Result:
    return CliRunner().invoke(program, list(map(str, arguments)))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """net.py with a network, noise.npz with 90 + 30 images of three classes, weights that do not fit and a pickle."""
    folder = tmp_path_factory.mktemp("network")
    (folder / "net.py").write_text(NET)
    pixels = np.random.default_rng(0).integers(256, size=(120, 12, 12, 3), dtype=np.uint8)
    labels = np.arange(120) % 3
    np.savez(
        folder / "noise.npz", x_train=pixels[:90], y_train=labels[:90], x_test=pixels[90:], y_test=labels[90:]
    )
    np.savez(folder / "other.npz", **{"0.weight": np.zeros((6, 3, 5, 5), np.float32)})
    torch.save({"0.weight": Path("."), "run": os.getcwd}, folder / "pickle.pt")
    return folder


@pytest.fixture
def typed(files: Path) -> list[object]:
    """A study of the small network that takes a second."""
    return [
        "equivariance", "--model", f"{files}/net.py:small", "--images", files / "noise.npz", "--transforms", "hflip",
        "--layers", "1", "--methods", "cells,1x1", "--parts", "none", "--threads", "1",
    ]  # fmt: skip


@pytest.fixture
def configs(monkeypatch: pytest.MonkeyPatch) -> list[NetworkConfig]:
    """The configs with which the study was called; it ends there."""
    seen: list[NetworkConfig] = []

    def study(
        config: NetworkConfig, progress: Callable[[str, int, int], None] | None = None
    ) -> dict[str, Any]:
        assert progress is not None
        seen.append(config)
        raise ValueError("network: ended")

    monkeypatch.setattr(network, "run", study)
    return seen


def test_options_become_a_config(tmp_path: Path, configs: list[NetworkConfig]) -> None:
    options = {
        "--model": "net.py:small", "--weights": "net.npz", "--images": "photos", "--layers": "conv1, bn1+relu,relu@2",
        "--transforms": "rot:30,shift:3,-2", "--methods": "1x1,low-rank", "--parts": "angles,audit",
        "--train-images": 50, "--test-images": 40, "--extra-images": 30, "--probe-images": 20,
        "--trained": "shift:3,-2,rot:30", "--epochs": 7, "--copies": 2, "--angles": "10,22.5",
        "--products": "rot:30*hflip,shift:1,2*vflip", "--border-cells": 1, "--interpolation": "nearest",
        "--batch-size": 9, "--memory": 12345, "--device": "cpu", "--seed": 8, "--threads": 1,
    }  # fmt: skip
    words = [str(word) for pair in options.items() for word in pair]
    run("equivariance", *words, "--out", tmp_path, "--resume")
    assert configs == [
        NetworkConfig(
            model="net.py:small", weights="net.npz", images="photos", layers=("conv1", "bn1+relu", "relu@2"),
            transforms=("rot:30", "shift:3,-2"), methods=("1x1", "low-rank"), parts=("angles", "audit"),
            train_images=50, test_images=40, extra_images=30, probe_images=20, trained=("shift:3,-2", "rot:30"),
            epochs=7, copies=2, angles=(10.0, 22.5), products=("rot:30*hflip", "shift:1,2*vflip"), border_cells=1,
            interpolation="nearest", batch_size=9, memory=12345, device="cpu", seed=8, out=str(tmp_path), resume=True,
            threads=1,
        )
    ]  # fmt: skip


def test_defaults_are_those_of_the_config(tmp_path: Path, configs: list[NetworkConfig]) -> None:
    run("equivariance", "--model", "net.py:small", "--out", tmp_path)
    assert configs == [NetworkConfig(model="net.py:small", out=str(tmp_path))]
    words = " ".join(run("equivariance", "--help").stdout.split())
    for said in (NetworkConfig.train_images, NetworkConfig.interpolation, ",".join(NetworkConfig.methods)):
        assert f"[default: {said}]" in words


def test_nothing_is_measured_besides_the_table_where_none_is_asked(
    tmp_path: Path, configs: list[NetworkConfig]
) -> None:
    run("equivariance", "--model", "net.py:small", "--out", tmp_path, "--parts", "none", "--angles", "none")
    assert configs[0].parts == () and configs[0].angles == ()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--cell", "8"], "--cell is for --model hog"),
        (["--task", "faces"], "--task is for --model hog"),
        (["--epochs", "many"], "'many' is not a valid integer"),
        (["--angles", "15,x"], "angles must be numbers with commas, got '15,x'"),
        (["--methods", "1x1,5x5"], "methods must be among cells, permutation"),
        (["--methods", "none"], "methods must hold at least one, got none"),
        (["--transforms", "spin:45"], "spin:45"),
        (["--parts", "angels"], "parts must be among trained, invariance"),
        (["--trained", "vflip"], "trained must be among the transforms hflip, got vflip"),
        (["--products", "hflip"], "products must be two transformations g*h, got 'hflip'"),
        (["--train-images", "3"], "train_images must be at least 20, got 3"),
        (["--interpolation", "cubic"], "interpolation must be bilinear or nearest, got 'cubic'"),
        (["--layers", "9"], "layer must be the name of a module, got '9'"),
        (["--layers", "0,conv1"], "layer must be the name of a module, got 'conv1'"),
        (["--layers", "6+relu"], "no ReLU follows"),
        (["--weights", "nowhere.npz"], "'nowhere.npz' is not there"),
        (["--weights", "net.onnx"], "path must end in one of .safetensors, .npz"),
        (["--weights", "{files}/other.npz"], "must hold the model's weights"),
        (["--weights", "{files}/pickle.pt"], "must hold arrays alone"),
        (["--images", "nowhere"], "nowhere"),
        (["--images", "embedded:cats"], "embedded:cats"),
        (["--model", "vgg"], "timm:NAME, embedded:NAME or FILE.py:FACTORY, got 'vgg'"),
        (["--model", "nowhere.py:small"], "model must name a file that is there, got 'nowhere.py:small'"),
        (["--model", "{files}/net.py:large"], "net.py (small), got 'large'"),
        (
            ["--model", "embedded:cats"],
            "name must be among photos-a, photos-b, digits, digits-turned, got 'cats'",
        ),
        (["--memory", "100"], "limit must hold the sums of 1,"),
        (["--device", "abacus"], "device must be one that torch has here, got 'abacus'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_work_is_one_line(
    typed: list[object], files: Path, tmp_path: Path, options: list[str], message: str
) -> None:
    given = [option.format(files=files) for option in options]
    for more in ([], ["--preflight"]):
        done = run(*typed, *given, "--out", tmp_path / "o", *more)
        assert done.exit_code == 2 and message in done.stderr, done.stderr
        assert done.stderr.startswith("equivfast: error: ") and done.stderr.count("\n") == 1
        assert not (tmp_path / "o" / "index.html").exists()


def test_options_of_networks_are_not_for_hog(tmp_path: Path) -> None:
    done = run("equivariance", "--layers", "conv1", "--out", tmp_path)
    assert done.exit_code == 2
    assert done.stderr.startswith("equivfast: error: --layers is for --model a network")
    assert done.stderr.count("\n") == 1


def test_preflight_prints_and_ends(typed: list[object], tmp_path: Path, configs: list[NetworkConfig]) -> None:
    done = run(
        *typed, "--transforms", "hflip,vflip", "--layers", "1,3", "--out", tmp_path / "o", "--preflight"
    )
    assert done.exit_code == 0 and configs == []
    # Sums of 6 and of 8 channels for 2 transformations: c c + c c + c + 2 c numbers, 8 bytes each.
    size = sum(8 * 2 * (2 * c * c + 3 * c) for c in (6, 8)) / 2**20
    assert done.stdout.splitlines() == [
        "layers: 1, 3",
        f"sums: {size:.1f} MiB in the largest of 1 passes",
        f"images through the network: {90 * 3}",
    ]
    assert not (tmp_path / "o" / "index.html").exists()


def test_result_and_page_are_written(typed: list[object], tmp_path: Path) -> None:
    """And a second run computes all of it again, unless it is to resume."""
    out = tmp_path / "new"
    done = run(*typed, "--out", out)
    assert (done.exit_code, done.stdout) == (0, f"report: {out}/index.html\n"), done.stderr
    assert "equivfast: test images (30)\n" in done.stderr
    result = json.loads((out / "result.json").read_text(encoding="utf-8"))
    assert result["title"] in (out / "index.html").read_text(encoding="utf-8")
    (entry,) = result["entries"]
    assert (entry["layer"], entry["transform"], entry["best"]) == ("1", "hflip", "1x1")
    assert [row["name"] for row in entry["methods"]] == ["cells moved", "1x1"]
    assert all(0 <= row["residual"]["mean"] < 3 and row["top1"] is not None for row in entry["methods"])
    assert result["provenance"]["settings"]["methods"] == ["cells", "1x1"]

    again = run(*typed, "--out", out)
    assert "test images" in again.stderr and "layers and transformations" in again.stderr
    resumed = run(*typed, "--out", out, "--resume")
    assert resumed.exit_code == 0 and "test images" not in resumed.stderr
    kept = json.loads((out / "result.json").read_text(encoding="utf-8"))
    assert kept["entries"][0]["methods"][1]["residual"] == entry["methods"][1]["residual"]
    changed = run(*typed, "--out", out, "--resume", "--seed", "1")
    assert changed.exit_code == 0 and "test images" in changed.stderr


def test_a_resumed_run_measures_further_parts(typed: list[object], tmp_path: Path) -> None:
    assert run(*typed, "--out", tmp_path).exit_code == 0
    assert run(*typed, "--out", tmp_path, "--parts", "invariance", "--resume").exit_code == 0
    result = json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))
    assert all(entry["invariant"] is not None for entry in result["entries"])
