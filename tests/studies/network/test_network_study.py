"""The study of a network, from images to the result, on networks whose answer is known."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from equivfast import report
from equivfast.studies import network
from equivfast.studies.network import NetworkConfig

Make = Callable[..., NetworkConfig]


@pytest.fixture(scope="module")
def known(config: Make) -> dict[str, Any]:
    return network.run(config("isotropic", methods=("cells", "permutation", "orthogonal", "1x1", "3x3")))


def _entries(result: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(entry["layer"], entry["transform"]): entry for entry in result["entries"]}


def test_an_equivariant_network_is_found_to_be_one(known: dict[str, Any]) -> None:
    """Isotropic filters: cells move, channels stay, nothing is lost; every method finds it."""
    assert {layer["name"] for layer in known["layers"]} == {"first", "second"}
    for entry in known["entries"]:
        for row in entry["methods"]:
            assert row["residual"]["mean"] < 1e-5, (entry["layer"], row["name"])
            assert row["top1"] == known["original"]["top1"]
        assert np.allclose(entry["spectrum"], [1, 0], atol=1e-2)
        assert entry["invariant"]["count"] == entry["invariant"]["channels"]
        assert entry["budget"]["total"]["mean"] < 1e-5
    for g in known["transforms"]:
        assert g["none"] == known["original"]


def test_laws_hold_for_an_equivariant_network(known: dict[str, Any]) -> None:
    for layer in known["audit"]:
        for law in layer["law"]:
            assert max(law["composed"], law["direct"], law["gap"]) < 1e-5
        for inverse in layer["inverse"]:
            assert inverse["gap"] < 1e-4
    assert known["audit"][0]["law"][0]["gh"] == "rot:180"


def test_training_never_makes_it_worse_where_it_is_chosen(known: dict[str, Any]) -> None:
    for entry in known["entries"]:
        history = entry["trained"]["history"]["held_out"]
        assert history[entry["trained"]["best_epoch"]] == min(history)


@pytest.fixture(scope="module")
def plain(config: Make) -> dict[str, Any]:
    return network.run(config("plain", layers=("conv1", "act1", "conv1+relu", "act2")))


def test_a_plain_network_loses_what_maps_bring_back(plain: dict[str, Any]) -> None:
    found = _entries(plain)
    rows = {row["name"]: row["residual"]["mean"] for row in found["act2", "rot:90"]["methods"]}
    assert rows["3x3"] < rows["1x1"] < rows["permutation"] < rows["cells moved"]
    first = {row["name"]: row["residual"]["mean"] for row in found["conv1", "rot:90"]["methods"]}
    assert first["3x3"] < rows["3x3"]


def test_a_layer_before_and_after_its_relu(plain: dict[str, Any]) -> None:
    """In-place or not, by name or by "+relu", the same field is read."""
    found = _entries(plain)
    after, named = (found[name, "hflip"]["methods"] for name in ("act1", "conv1+relu"))
    for a, b in zip(after, named, strict=True):
        # A map trained before the ReLU gets no gradient where the ReLU cuts off what it predicts.
        assert a["residual"] == b["residual"] or a["role"] == "trained"
    assert found["conv1", "hflip"]["methods"][0]["residual"] != after[0]["residual"]
    assert [layer["relu"] for layer in plain["layers"]] == [False, False, True, False]


def test_controls_stand_beside_the_network(config: Make, nets: Path) -> None:
    """Isotropic filters and plain ones: what the one keeps the other does not; itself it equals."""
    same, settings = f"{nets}:isotropic", {"layers": ("first", "second"), "parts": ("control",)}
    found = network.run(config("isotropic", controls=("random", same), methods=("1x1",), **settings))[
        "controls"
    ]
    assert found["names"] == ["random weights", same]
    for row in found["rows"]:
        random, itself = row["controls"]
        assert itself == row["residual"] < 1e-5 < 0.01 < random
    with pytest.raises(ValueError, match=r"controls must be random, MODEL or MODEL@WEIGHTS, got 'net.py:f@'"):
        config("around", controls=("net.py:f@",))
    with pytest.raises(ValueError, match=r"controls must have the network's layers, got .*wider: conv1"):
        network.run(config("around", layers=("conv1",), parts=("control",), controls=(f"{nets}:wider",)))


def test_every_result_has_a_page(known: dict[str, Any], plain: dict[str, Any], tmp_path: Path) -> None:
    for result in (known, plain):
        page = report.write_network_page(tmp_path / "index.html", json.loads(json.dumps(result)))
        assert result["title"] in page.read_text(encoding="utf-8")


def test_what_flows_around_a_layer_is_said(config: Make) -> None:
    result = network.run(config("around", layers=("act1", "conv2"), parts=("invariance",)))
    complete = {layer["name"]: layer["complete"] for layer in result["layers"]}
    assert complete == {"act1": True, "conv2": False}
    entry = _entries(result)["conv2", "hflip"]
    assert entry["invariant"] is None and all(row["top1"] is None for row in entry["methods"])
    assert any("around conv2" in text for text in result["findings"])


def test_one_layer_one_method_one_image_at_a_time(config: Make) -> None:
    settings = {"layers": ("act2",), "methods": ("1x1",), "transforms": ("vflip",), "parts": ()}
    single = network.run(config("plain", batch_size=1, test_images=3, train_images=40, **settings))
    many = network.run(config("plain", batch_size=64, test_images=3, train_images=40, **settings))
    a, b = (result["entries"][0]["methods"][0]["residual"]["mean"] for result in (single, many))
    assert a == pytest.approx(b, rel=1e-4)


def test_passes_are_divided_where_memory_is_short(config: Make) -> None:
    settings = {"layers": ("act1", "act2"), "methods": ("1x1",), "parts": ()}
    whole, parts = (network.run(config("plain", memory=most, **settings)) for most in (1 << 30, 4000))
    assert whole["preflight"]["passes"] == 1 and parts["preflight"]["passes"] == 2
    for a, b in zip(whole["entries"], parts["entries"], strict=True):
        assert a["methods"][0]["residual"]["mean"] == pytest.approx(
            b["methods"][0]["residual"]["mean"], rel=1e-6
        )
    with pytest.raises(ValueError, match="limit must hold the sums of act1"):
        network.preflight(config("plain", memory=100, **settings))


def test_all_solvers_and_low_ranks(config: Make) -> None:
    methods = ("permutation", "orthogonal", "low-rank", "sparse", "least-squares", "1x1", "3x3")
    result = network.run(config("plain", layers=("act2",), methods=methods, parts=()))
    for entry in result["entries"]:
        assert [row["name"] for row in entry["methods"]] == list(methods)
        assert all(np.isfinite(row["residual"]["mean"]) for row in entry["methods"])
        assert all(row["chosen"] for row in entry["methods"])


def test_models_keep_their_modes_and_weights(config: Make, nets: Path) -> None:
    from equivfast.studies._run import silent
    from equivfast.studies.network._study import Study

    study = Study(config("plain"), silent)
    before = {name: value.clone() for name, value in study.network.model.state_dict().items()}
    study.measured()
    after = study.network.model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
