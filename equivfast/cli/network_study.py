"""The study of a network, as `equivfast equivariance --model NETWORK` runs it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from equivfast.cli.lists import names, numbers
from equivfast.cli.studies import write_study

if TYPE_CHECKING:
    from equivfast.studies.network import NetworkConfig

NETWORK_OPTIONS: list[tuple[tuple[str, ...], dict[str, Any]]] = [
    (("--weights",), {"help": "default, random, or a file: .safetensors, .npz, .pt, .pth."}),
    (("--layers",), {"help": "Names with commas, or cuts (everything flows through them), all-conv, all."}),
    (("--methods",), {"help": "cells, permutation, orthogonal, low-rank, sparse, least-squares, 1x1, 3x3."}),
    (("--train-images",), {"type": int, "help": "Images to learn from, at most."}),
    (("--test-images",), {"type": int, "help": "Images to measure on, at most."}),
    (("--extra-images",), {"type": int, "help": "Training images of angles, audit and controls."}),
    (("--probe-images",), {"type": int, "help": "Test images of invariance counts and error budgets."}),
    (("--trained",), {"help": "Transformations whose layers are trained, or all."}),
    (("--loss",), {"help": "Of training: features (outputs for upright images), classification, or both."}),
    (("--epochs",), {"type": int, "help": "Epochs of training a layer."}),
    (("--copies",), {"type": int, "help": "Augmented copies of the training images."}),
    (("--angles",), {"help": "Degrees of the curve over rotations, with commas."}),
    (("--products",), {"help": "Products that the audit composes, as rot:90*rot:90."}),
    (("--controls",), {"help": "Networks beside it: random (weights), MODEL or MODEL@WEIGHTS, with commas."}),
    (("--border-cells",), {"type": int, "help": "Cells at the edge that are not learned from."}),
    (("--interpolation",), {"help": "How cells are moved between cells: bilinear or nearest."}),
    (("--batch-size",), {"type": int, "help": "Images that go through the network together."}),
    (("--memory",), {"type": int, "help": "Bytes for the sums of one pass over the images."}),
    (("--device",), {"help": "cpu, or cuda."}),
]


def network_command(model: str, out: Path, preflight: bool, given: dict[str, Any]) -> None:
    """Run the study of a network, or only say what it will take."""
    from equivfast.studies import network

    for name in ("layers", "methods", "controls"):
        if name in given:
            given[name] = names(given[name])
    if "angles" in given:
        given["angles"] = numbers("angles", given["angles"])
    config = network.NetworkConfig(model=model, out=str(out), **given)
    if preflight:
        found = network.preflight(config)
        click.echo(f"layers: {', '.join(found['layers'])}")
        click.echo(f"sums: {found['bytes'] / 2**20:.1f} MiB in the largest of {found['passes']} passes")
        click.echo(f"images through the network: {found['forward_passes']}")
        return
    click.echo(f"report: {write_network_study(config, out)[1]}")


def write_network_study(config: NetworkConfig, out: Path) -> tuple[dict[str, Any], Path]:
    """Run the study and write its report: the result, and the page's path."""
    from equivfast import report
    from equivfast.studies import network

    return write_study(out, partial(network.run, config), report.write_network_page)
