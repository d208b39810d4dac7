"""Made-up results of a network study: five layers and four transformations, everything measured or nothing that may
lack; names that would break a careless page."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import numpy as np
from report.network_entries import EVIL, LAYERS, ORIGINAL, TRANSFORMS, accuracies, entry, interval
from skimage.data import lfw_subset

from equivfast import report
from equivfast.groups import parse, warp

# Of the page, in its order.
SECTIONS = (
    *("accuracy", "repair", "residual", "angle", "invariance", "spectra", "patterns", "budget", "audit", "lie"),
    *("gallery", "training", "control", "maps", "layers", "findings", "measured", "provenance"),
)  # fmt: skip
MINIMAL = ("accuracy", "residual", "maps", "layers", "measured", "provenance")


def gallery(number: int, layer: str, transform: str) -> dict[str, Any]:
    face = lfw_subset()[number].astype(np.float32)
    turned = warp(face, parse(transform))[0]

    def picture(values: np.ndarray) -> str:
        return report.png_uri(np.clip(255 * values, 0, 255).round().astype(np.uint8))

    def field(values: np.ndarray, step: int, seed: int) -> str:
        small = values[::step, ::step] + 0.05 * np.random.default_rng(seed).normal(
            size=values[::step, ::step].shape
        )
        return picture(small if seed % 2 else 1 - small)

    channels = [
        {
            "channel": c,
            "phi_gx": field(turned, 2 + c % 2, c),
            "mapped": field(face, 2 + c % 2, c + 2),
            "phi_x": field(face, 2 + c % 2, c),
        }
        for c in (3, 7, 12, 14)
    ]
    return {
        "layer": layer,
        "transform": transform,
        "image_x": picture(face),
        "image_gx": picture(turned),
        "channels": channels,
    }


def audit() -> list[dict[str, Any]]:
    names = {"g": "hflip", "h": "vflip", "gh": "rot:180"}
    return [
        {
            "layer": layer[0],
            "law": [{**names, "composed": 0.1 + 0.1 * k, "direct": interval(0.08 + 0.1 * k), "gap": 0.04}],
            "inverse": [{"g": "rot:90", "gap": 0.12 + 0.1 * k, "condition": 14.0 * 10**k}],
        }
        for k, layer in enumerate(LAYERS)
    ]


def angles() -> dict[str, Any]:
    degrees = list(range(0, 91, 15))
    fall = [0.5 * (1 - np.cos(np.deg2rad(min(2 * d, 180)))) for d in degrees]
    series = {
        layer[0]: [round(float(ORIGINAL - (0.03 + 0.1 * k) * f), 4) for f in fall]
        for k, layer in enumerate(LAYERS)
        if layer[4]
    }
    series["layer3"][2] = None
    return {
        "degrees": degrees,
        "none": [round(float(ORIGINAL - 0.63 * f), 4) for f in fall],
        "series": series,
        "original": ORIGINAL,
    }


@cache  # pictures take a while
def _whole() -> dict[str, Any]:
    names = [layer[0] for layer in LAYERS]
    return {
        "title": f"How the layers of resnet20 transform {EVIL}",
        "created": "2025-11-23T04:10:11+00:00",
        "network": {
            "name": "resnet20", "weights": f"resnet20-12fca82f.th {EVIL}", "parameters": 269722, "input": [3, 32, 32],
            "output": 10, "trained_on": f"CIFAR-10 {EVIL}",
        },
        "data": {"name": "cifar10", "classes": 10, "train": 4000, "test": 1000, "skipped": 2},
        "original": accuracies(ORIGINAL),
        "transforms": [{"name": n, "label": label, "none": accuracies(none)} for n, label, none in TRANSFORMS],
        "layers": [
            {
                "name": n, "channels": c, "field": [side, side], "stride": stride,
                "grid": "assumed" if k == 4 else "probed", "complete": complete,
                "relu": n.startswith("layer") and complete, "depth": k / 4,
            }
            for k, (n, c, side, stride, complete) in enumerate(LAYERS)
        ],
        "entries": [entry(k, j) for k in range(len(LAYERS)) for j in range(len(TRANSFORMS))],
        "audit": audit(),
        "lie": {
            "generators": ["shift-x", "shift-y", "rotation", "scaling"], "layers": names,
            "values": [[round(0.1 + 0.2 * k * (g + 1), 3) for k in range(5)] for g in range(4)],
        },
        "angles": angles(),
        "controls": {
            "names": [f"random weights {EVIL}", "embedded:other"],
            "rows": [
                {
                    "layer": n, "transform": "vflip", "residual": interval(0.1 + 0.1 * k, 0.01),
                    "controls": [0.2 + 0.1 * k, interval(0.3, 0.01)],
                }
                for k, n in enumerate(names)
            ],
        },
        "gallery": [gallery(3, "layer1", "vflip"), gallery(17, names[2], "rot:90")],
        "preflight": {"bytes": 1.3e9, "passes": 6, "seconds_reading": 7.2, "seconds_sums": 5.5},
        "headline": [
            {"value": "87.7 %", "text": f"top-1 after a vertical flip with a map after layer1, 91.5 % upright {EVIL}"},
            {"value": "13 of 16", "text": "channels of conv1 do not notice a vertical flip"},
            {"value": "0.02", "text": "relative residual of the horizontal flip at conv1"},
        ],
        "findings": ["Early layers follow every transformation.", f"found {EVIL}"],
        "interval": "the 95 % bootstrap interval, test images drawn with replacement",
        "provenance": {
            "versions": {"version": "0.1.0", "torch": "2.13.0"}, "seed": 0,
            "command": f"equivfast network --model '{EVIL}'", "cpu_level": "avx2", "machine": "Linux x86_64, 2 threads",
            "images": {"train": [f"train/{k}" for k in range(4000)], "test": ["frog", "ship"]},
            "skipped": [[EVIL, "image file is truncated"]],
            "settings": {"transforms": [t[0] for t in TRANSFORMS], "weights": EVIL}, "seconds": {"study": 84.0},
        },
    }  # fmt: skip


def network_result() -> dict[str, Any]:
    return copy.deepcopy(_whole())


def minimal_result() -> dict[str, Any]:
    """Everything that may be None is, and every list that may be empty."""
    result = network_result()
    result["original"]["top5"] = None
    for transform in result["transforms"]:
        transform["none"]["top5"] = None
    for one in result["entries"]:
        one |= dict.fromkeys(
            ("trained", "invariant", "eigenspace", "variance", "spectrum", "budget", "patterns")
        )
        one["methods"] = [m for m in one["methods"] if m["role"] != "trained"]
        for m in one["methods"]:
            m |= dict.fromkeys(("top1", "top5", "chosen", "seconds"))
    result |= {
        "audit": [],
        "gallery": [],
        "findings": [],
        **dict.fromkeys(("lie", "angles", "controls", "preflight")),
    }
    del result["interval"]
    return result
