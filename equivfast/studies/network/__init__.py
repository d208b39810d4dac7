"""How the layers of a network transform: equivariance and invariance of any layer of any torch network.

Fields of images and of transformed images are read from all layers in one pass; for each layer and transformation g a
map is learned that makes phi(x) of phi(g x), put into the network, and judged on test images by its residual and by
what the network still recognises (Lenc & Vedaldi 2015, section 3.2).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from equivfast.studies import _run
from equivfast.studies._run import Progress
from equivfast.studies.network import _findings
from equivfast.studies.network._bootstrap import INTERVAL
from equivfast.studies.network._config import METHODS, PARTS, NetworkConfig
from equivfast.studies.network._entries import Entries
from equivfast.studies.network._extra import Extra
from equivfast.studies.network._study import Study

__all__ = ["METHODS", "PARTS", "NetworkConfig", "preflight", "run"]


def run(config: NetworkConfig, progress: Progress | None = None) -> dict[str, Any]:
    """Runs the study and returns its result, ready for JSON and for the report.

    Definition  maps are fitted on training images, chosen on every fifth of them, measured on test images. Accuracy is
                told of layers through which everything flows: elsewhere the input reaches the output around the map
    Raises      ValueError for networks, layers, images and settings that make no sense, before anything long runs
    """
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    study = Study(config, progress or _run.silent)
    extra = Extra(study)
    seconds: dict[str, float] = {}

    def timed(name: str, part: Callable[[], Any]) -> Any:
        started = time.perf_counter()
        found = part()
        seconds[name] = round(time.perf_counter() - started, 2)
        return found

    timed("pass", lambda: study.statistics)
    spent = study.timed()
    measured = timed("test images", study.measured)
    entries = Entries(study, extra)
    result = {
        "title": f"How the layers of {study.network.name} transform",
        "created": _run.now(),
        **_described(study, measured),
        "entries": timed("layers", entries.all),
        "audit": [],
        "lie": None,
        "angles": None,
        "controls": None,
        "gallery": [],
        "preflight": {"bytes": study.bytes, "passes": len(study.blocks), **spent},
        "interval": INTERVAL,
    }
    for name, part in _parts(study, extra, entries, result).items():
        if name in config.parts and (name != "angles" or config.angles):
            place = {"control": "controls"}.get(name, name)
            result[place] = timed(name, part)
    seconds["study"] = round(sum(seconds.values()), 2)
    result |= {**_findings.of(result), "provenance": _provenance(study, seconds)}
    return _run.plain(result)


def preflight(config: NetworkConfig) -> dict[str, Any]:
    """What a study would take, before it runs: bytes of the sums, passes over the images, and its layers."""
    study = Study(config, _run.silent)
    return {
        "layers": [layer.name for layer in study.layers],
        "bytes": study.bytes,
        "passes": len(study.blocks),
        "forward_passes": len(study.blocks) * len(study.train) * (1 + len(study.transforms)),
    }


def _parts(
    study: Study, extra: Extra, entries: Entries, result: dict[str, Any]
) -> dict[str, Callable[[], Any]]:
    """What is measured besides the entries, by name."""

    def angles() -> dict[str, Any]:
        original = result["original"]["top1"]["mean"]
        return {**study.pieces.get("angles", extra.curve), "original": original}

    return {
        "angles": angles,
        "audit": lambda: study.pieces.get("audit", lambda: {"layers": extra.audit()})["layers"],
        "control": extra.controls,
        "lie": lambda: study.pieces.get("lie", entries.probes.lie),
        "gallery": entries.gallery,
    }


def _described(study: Study, measured: dict[str, Any]) -> dict[str, Any]:
    """Network, images, transformations and layers."""
    config, network = study.config, study.network
    last = max(1, len(study.layers) - 1)
    return {
        "network": {
            "name": network.name,
            "weights": Path(config.weights).name if config.weights else "default",
            "parameters": sum(p.numel() for p in network.model.parameters()),
            "input": [3, *study.train.size],
            "output": study.classes,
            "trained_on": "",
        },
        "data": {
            "name": study.data.name,
            "classes": len(study.data.classes),
            "train": len(study.train),
            "test": len(study.test),
            "skipped": len(study.data.skipped),
        },
        "original": measured["original"],
        "transforms": [
            {"name": g.name, "label": _findings.label(g.name), "none": measured["none"][g.name]}
            for g in study.transforms
        ],
        "layers": [layer.described(k / last) for k, layer in enumerate(study.layers)],
    }


def _provenance(study: Study, seconds: dict[str, float]) -> dict[str, Any]:
    images = {
        part: [f"{len(pictures)} of {study.data.name}"]
        for part, pictures in (("train", study.train), ("test", study.test))
    }
    return _run.provenance(asdict(study.config), images, study.data.skipped, seconds)
