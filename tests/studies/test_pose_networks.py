"""Layers of networks in the pose study: their names, their windows, their rows, and HOG's beside them as without."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import nn

from equivfast import data, report
from equivfast.representations import Layer
from equivfast.studies._pose_networks import Named, fitted, load_layers, parse
from equivfast.studies.pose import PoseConfig, run

FILE = str(Path(__file__).resolve().parent.parent / "convolutions.py")
SPEC, NAME = f"{FILE}:model#3", "model 3"
SMALL = PoseConfig(
    tasks=("rotation",), splits=2, train=24, test_turns=1, poses=12, windows=20, lambdas=(1.0,), leak_splits=0,
    timing_images=0, threads=1,
)  # fmt: skip


@pytest.fixture
def few(monkeypatch) -> data.Heads:
    heads, n = data.face_heads(), 30
    found = data.Heads(
        "faces", heads.images[:n], heads.centres[:n], heads.widths[:n], heads.names[:n], heads.groups[:n]
    )
    monkeypatch.setattr(data, "face_heads", lambda: found)
    return found


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("embedded:photos-a#features.3", Named("embedded:photos-a", "features.3", None)),
        ("a/b.py:net#layer1@w/r.th", Named("a/b.py:net", "layer1", "w/r.th")),
        ("timm:vit#blocks.3@random", Named("timm:vit", "blocks.3", "random")),
        ("x.py:net#relu@2", Named("x.py:net", "relu@2", None)),
        ("x.py:net#relu@2@w@1.pt", Named("x.py:net", "relu@2", "w@1.pt")),
    ],
)
def test_names_have_a_model_a_layer_and_perhaps_weights(text: str, named: Named) -> None:
    assert parse(text) == named


@pytest.mark.parametrize("text", ["hog", "#layer", "x.py:net#", "x.py:net#layer@", "x.py:net#relu@2@", 3])
def test_names_that_lack_something_are_refused(text: Any) -> None:
    with pytest.raises(ValueError, match="pose: networks must be MODEL#LAYER or MODEL#LAYER@WEIGHTS, got "):
        replace(SMALL, networks=(text,))


def test_networks_belong_to_rotations_and_differ() -> None:
    with pytest.raises(ValueError, match="tasks must hold rotation for networks, got affine"):
        replace(SMALL, tasks=("affine",), networks=(SPEC,))
    with pytest.raises(ValueError, match="networks must differ"):
        replace(SMALL, networks=(SPEC, SPEC))


@pytest.mark.parametrize(
    ("conv", "pooled", "cells", "window"),
    [
        (nn.Conv2d(3, 16, 3, padding=1), 4, 13, 52),
        (nn.Conv2d(3, 16, 3, stride=2, padding=1), 2, 13, 52),
        (nn.Conv2d(3, 16, 8, stride=8), 1, 13, 104),
        (nn.Conv2d(3, 256, 4, stride=4), 1, 9, 36),  # 9 x 9 x 256 numbers are enough
        (nn.Conv2d(3, 2000, 4, stride=4), 1, 5, 20),
        (nn.Conv2d(3, 16, 32, stride=32), 1, 6, 192),
        (nn.Conv2d(3, 16, 11, stride=4), 1, 11, 52),  # no padding: the border's cells are missing
        (nn.Conv2d(3, 16, 3), 4, 13, 54),
    ],
)
def test_windows_hold_about_as_many_cells_as_hog_s(conv, pooled: int, cells: int, window: int) -> None:
    layer = fitted("x", Layer(nn.Sequential(conv), "0"))
    found = layer.describe()
    assert (found["pooled"], found["cells"], found["window"]) == (pooled, cells, window)
    offset = layer.phi.grid(window, window).offset
    assert offset == pytest.approx([-(cells - 1) / 2 * found["stride"]] * 2)


def test_layers_that_would_share_a_name_have_their_full_one() -> None:
    names = (SPEC, f"{SPEC}@random", f"{FILE}:model#0")
    layers = load_layers(names)
    assert [layer.name for layer in layers] == [*names[:2], "model 0"]
    assert len({layer.key for layer in layers}) == 3
    assert layers[2].key == load_layers(names[2:])[0].key


def test_a_layer_has_a_pair_of_rows_and_hog_s_stay_as_they_are(few, tmp_path, monkeypatch) -> None:
    config = replace(SMALL, out=str(tmp_path / "study"))
    plain = run(config)
    # HOG's pieces are taken over: networks are no part of what they depend on.
    both = run(replace(config, networks=(SPEC,), resume=True))
    (task,), (own,) = both["tasks"], plain["tasks"]
    assert own["networks"] == [] and task["rows"][:3] == own["rows"] and task["gap"] == own["gap"]
    direct, ours = task["rows"][3:]
    assert [direct["name"], ours["name"]] == [f"{NAME}, direct", f"{NAME}, equivariant"]
    for row in (direct, ours):
        assert row["median"]["mean"] < 25 and row["grid"] is not None
        assert len(task["cumulative"]["series"][row["name"]]) == len(task["cumulative"]["limits"])
    (network,) = task["networks"]
    assert network["gap"]["mean"]["mean"] == pytest.approx(ours["mean"]["mean"] - direct["mean"]["mean"])
    assert (network["name"], network["cells"], network["window"]) == (NAME, 13, 52)
    assert "weights" in network["settings"] and "layers of networks" in both["title"]
    text = "\n".join(both["findings"])
    assert f"{NAME}, equivariant {ours['mean']['mean']:.1f}°" in text
    assert f"Rotation, {NAME}: the equivariant learner is" in text
    assert both["headline"][:1] == plain["headline"][:1]
    page = report.write_pose_page(tmp_path / "index.html", both).read_text()
    assert f"{NAME}, equivariant" in page and "13 × 13 cells of 24 channels" in page

    monkeypatch.setattr(
        "equivfast.pose.regressor.PoseRegressor.fit_features", lambda *_: pytest.fail("learned again")
    )
    assert run(replace(config, networks=(SPEC,), resume=True))["tasks"] == both["tasks"]
    with pytest.raises(pytest.fail.Exception, match="learned again"):
        run(replace(config, networks=(f"{SPEC}@random",), resume=True))


@pytest.mark.long
def test_the_paper_s_gap_is_reached_by_a_trained_network(test_data) -> None:
    """HOG: 2.1 degrees in the paper, a layer of AlexNet 0.6; here the second stage of a small residual network."""
    weights = test_data / "cifar10_nets" / "resnet20-12fca82f.th"
    spec = f"docs/examples/cifar_resnet.py:resnet20#layer2@{weights}"
    found = run(PoseConfig(tasks=("rotation",), leak_splits=0, timing_images=0, networks=(spec,)))
    (task,) = found["tasks"]
    rows = {row["name"]: row for row in task["rows"]}
    for learner in ("direct", "equivariant"):
        row = rows[f"resnet20 layer2, {learner}"]
        assert row["mean"]["mean"] < 6 and row["within"]["mean"] > 0.96
    assert task["networks"][0]["gap"]["mean"]["mean"] < 1.5
    assert np.isfinite(task["networks"][0]["gap"]["median"]["high"])
