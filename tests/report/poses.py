"""A made-up result of a pose study: real faces, turned and turned back; names that would break a careless page."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import numpy as np
from skimage.data import lfw_subset
from skimage.transform import resize

from equivfast import report
from equivfast.groups import affine, rotation, scaling, warp

SIDE = 104
# Of the page, in its order.
SECTIONS = ("error", "curves", "examples", "failures", "time", "leak", "findings", "measured", "provenance")
EVIL = '<script>alert("x")</script> & <b>bold</b>'


@cache
def face(number: int) -> np.ndarray:
    return resize(lfw_subset()[number], (SIDE, SIDE), order=3).astype(np.float32)


def on_disc(image: np.ndarray) -> np.ndarray:
    """Faded to its mean from 42 to 52 pixels around the centre, as learners see it."""
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    ramp = np.clip((52 - np.hypot(x, y)) / 10, 0, 1)
    weight = ramp * ramp * (3 - 2 * ramp)
    mean = (image * weight).sum() / weight.sum()
    return mean + weight * (image - mean)


def address(image: np.ndarray) -> str:
    return report.png_uri(np.clip(255 * image, 0, 255).round().astype(np.uint8))


def interval(mean: float, spread: float = 0.15) -> dict[str, float]:
    return {"mean": mean, "low": mean - spread * abs(mean), "high": mean + spread * abs(mean)}


def row(name: str, mean: float, median: float, within: float, grid: float | None) -> dict[str, Any]:
    errors = {"mean": interval(mean), "median": interval(median), "within": interval(within, 0.01)}
    coarse = None if grid is None else {"mean": mean * grid, "median": median * grid, "within": within}
    return {"name": name, **errors, "grid": coarse}


def curve(truth: float, found: float, seed: int) -> dict[str, Any]:
    degrees = np.arange(0, 360, 10.0)
    rng = np.random.default_rng(seed)

    def scores(peak: float, scale: float) -> list[float]:
        bump = np.exp(4 * (np.cos(np.deg2rad(degrees - peak)) - 1))
        other = 0.45 * np.exp(3 * (np.cos(np.deg2rad(degrees - peak - 160)) - 1))
        return (scale * (bump + other) + 0.05 * scale * rng.normal(size=len(degrees)) - 1).round(5).tolist()

    return {
        "degrees": degrees.tolist(),
        "direct": scores(truth + 3, 0.8),
        "equivariant": scores(found, 1.1),
        "truth": truth,
        "found": found,
    }


def turned(number: int, kind: str, truth: float, found: float, direct: float) -> dict[str, Any]:
    image = on_disc(warp(face(number), rotation(truth))[0])
    return {
        "kind": kind,
        "image": address(image),
        "undone": address(on_disc(warp(image, rotation(-found))[0])),
        "truth": f"rot {truth:.0f}°",
        "direct": f"rot {direct:.0f}°",
        "equivariant": f"rot {found:.0f}°",
        "error_direct": abs((direct - truth + 180) % 360 - 180),
        "error_equivariant": abs((found - truth + 180) % 360 - 180),
        "curve": curve(truth, found, number),
    }


def moved(number: int, kind: str, error: float) -> dict[str, Any]:
    g, found = rotation(25) @ scaling(0.85), rotation(25 + 200 * error) @ affine([[0.9, 0.1], [0, 0.9]])
    image = on_disc(warp(face(number), g)[0])
    return {
        "kind": kind,
        "image": address(image),
        "undone": address(on_disc(warp(image, found.inverse())[0])),
        "truth": "rot 25°, scale 0.85, shear 0.02",
        "direct": f"rot 22°, scale 0.91, shear 0.05 {EVIL}",
        "equivariant": f"rot {25 + 200 * error:.0f}°, scale 1.00, shear 0.10",
        "error_direct": error * 1.4,
        "error_equivariant": error,
        "curve": None,
    }


def cumulative(limits: list[float], scale: float, rest: float) -> dict[str, Any]:
    x = np.array(limits)

    def shares(s: float, tail: float) -> list[float]:
        return ((1 - np.exp(-((x / s) ** 1.2))) * (1 - tail) + tail * x / x[-1]).round(5).tolist()

    series = {
        "no pose": shares(scale * 20, 1.0),
        "direct": shares(scale, rest),
        "equivariant": shares(scale * 1.05, rest / 2),
    }
    return {"limits": limits, "series": series}


@cache  # pictures take seconds
def tasks() -> list[dict[str, Any]]:
    return [
        {
            "name": "rotation",
            "label": "turned by any angle",
            "unit": "degrees",
            "near": 15.0,
            "poses": 36,
            "rows": [
                row("no pose", 90.1, 89.7, 0.083, None),
                row("direct", 4.93, 2.65, 0.981, 1.21),
                row("equivariant", 4.52, 2.75, 0.987, 1.25),
            ],
            "gap": {"mean": {"mean": -0.41, "low": -1.32, "high": 0.38}, "median": interval(0.1, 0.9)},
            "leak": {
                "mean": 89.1, "within": 0.089, "chance_mean": 90.0, "chance_within": 1 / 12, "within_quarter": 0.331,
            },
            "cumulative": cumulative([float(v) for v in range(181)], 4.0, 0.04),
            "scores": [
                turned(3, "typical", 123.0, 123.4, 124.0),
                turned(17, "typical", 301.5, 304.2, 299.6),
                turned(41, "failure", 62.0, 221.0, 66.0),
                turned(58, "failure", 200.0, 151.0, 24.0),
            ],
        },
        {
            "name": "affine",
            "label": f"moved by an affine map {EVIL}",
            "unit": "head widths",
            "near": 0.1,
            "poses": 64,
            "rows": [
                row("no pose", 0.213, 0.205, 0.118, None),
                row("direct", 0.062, 0.055, 0.912, 1.0),
                row("equivariant", 0.064, 0.056, 0.905, 1.0),
            ],
            "gap": {"mean": interval(0.002, 1.4), "median": interval(0.001, 1.9)},
            "leak": None,
            "cumulative": cumulative([k / 100 for k in range(51)], 0.06, 0.02),
            "scores": [moved(5, "typical", 0.011), moved(8, "typical", 0.055), moved(21, "failure", 0.31)],
        },
    ]  # fmt: skip


def pose_result() -> dict[str, Any]:
    return {
        "title": f"Pose of faces from HOG {EVIL}",
        "created": "2025-11-23T04:10:11+00:00",
        "representation": {
            "name": "HOG", "variant": "uoctti", "cell": 8, "orientations": 9,
            "assignment": "bilinear", "channels": 31,
        },
        "heads": {"name": f"faces {EVIL}", "images": 100, "window": SIDE, "train": 60, "test": 40, "splits": 5},
        "tasks": copy.deepcopy(tasks()),
        "timing": {
            "poses": 36,
            "images": 40,
            "rows": [
                {"name": "equivariant, features transformed", "microseconds": 4.31, "ratio": 1.0},
                {"name": "warp + ef.hog", "microseconds": 311.7, "ratio": 72.3},
                {"name": f"warp + OpenCV HOGDescriptor {EVIL}", "microseconds": 402.2, "ratio": 93.3},
            ],
        },
        "headline": [
            {"value": "4.5°", "text": f"mean error of the equivariant learner, 4.9° of the direct one {EVIL}"},
            {"value": "98.7 %", "text": "of the test faces within 15° of the true angle"},
            {"value": "72×", "text": "less time for each pose than warping the image and computing HOG again"},
        ],
        "findings": ["Transformed features find the angle as well as features of the turned image.", f"found {EVIL}"],
        "interval": "the 90 % bootstrap interval, heads drawn with replacement",
        "provenance": {
            "versions": {"version": "0.1.0", "torch": "2.6.0"},
            "seed": 0,
            "command": f"equivfast pose --heads '{EVIL}'",
            "cpu_level": "avx2",
            "machine": "Linux x86_64, 2 threads",
            "images": {"train": ["astronaut", "coffee"], "test": []},
            "skipped": [[EVIL, "image file is truncated"]],
            "settings": {"tasks": ["rotation", "affine"], "splits": 5, "heads": EVIL},
            "seconds": {"study": 41.5},
        },
    }  # fmt: skip
