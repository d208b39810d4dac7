"""A small made-up result of a study, with names that would break a careless page; a measured one; a browser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from report.browser import NAMES, Browser, find
from report.detections import detection_result
from report.networks import minimal_result, network_result
from report.poses import pose_result

from equivfast import report
from equivfast.studies.equivariance import EquivarianceConfig, run

EVIL = '<script>alert("x")</script> & <b>bold</b>'


def interval(mean: float) -> dict[str, float]:
    return {"mean": mean, "low": mean * 0.9, "high": mean * 1.1}


def method(name: str, role: str, mean: float, photos: dict[str, float], **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "role": role,
        **{key: more[key] for key in ("solver", "support", "nonzeros") if key in more},
        "hellinger": interval(mean),
        "relative_l2": 2 * mean,
        "max_abs": more.get("max_abs", mean),
        "clipped_share": 0.01,
        "nonzero_share": more.get("nonzero_share"),
        "learn_seconds": more.get("learn_seconds"),
        "per_photo": {photo: mean * factor for photo, factor in photos.items()},
    }


def transform(
    name: str, label: str, errors: tuple[float, float, float], photos: dict[str, float]
) -> dict[str, Any]:
    rng = np.random.default_rng(len(name))
    picture = [report.png_uri(rng.integers(0, 256, (6, 6), dtype=np.uint8)) for _ in range(5)]
    keys = ("image_x", "image_gx", "phi_x", "phi_gx", "mapped")
    best = "ridge m=3"
    return {
        "name": name,
        "label": label,
        "field": [9, 9],
        "train_windows": 1200,
        "test_windows": 60,
        "methods": [
            method("no map", "control", errors[0], photos),
            method("cells moved", "control", errors[1], photos),
            method(
                "forward selection k=1",
                "learned",
                errors[2] * 1.2,
                photos,
                solver="forward_selection",
                support=3,
                nonzeros=1,
                nonzero_share=0.002,
                learn_seconds=3.5,
            ),
            method(
                best,
                "learned",
                errors[2],
                photos,
                solver="ridge",
                support=3,
                nonzeros=None,
                nonzero_share=0.1,
                learn_seconds=1.25,
            ),
            method(
                "ridge all cells",
                "learned",
                errors[2] * 1.1,
                photos,
                solver="ridge",
                support=None,
                nonzeros=None,
                nonzero_share=0.4,
                learn_seconds=2.5,
            ),
        ],
        "best": best,
        "example": {"photo": EVIL, "method": best, **dict(zip(keys, picture, strict=True))},
    }


def grey_picture(seed: int) -> str:
    return report.png_uri(np.random.default_rng(100 + seed).integers(0, 256, (6, 6), dtype=np.uint8))


def parts() -> dict[str, Any]:
    """Everything that a result may lack."""
    picture = report.png_uri(report.sparsity(np.eye(8), (2, 2), (2, 2), (2, 2)))
    accuracies = {"no map": [0.9, 0.55], "cells moved": [0.9, 0.7], "mapped back": [0.9, 0.85]}
    ends = {"low": {m: [v - 0.04 for v in vs] for m, vs in accuracies.items()}}
    ends["high"] = {m: [v + 0.04 for v in vs] for m, vs in accuracies.items()}
    turned = {"name": "rot:45", "label": f"rotation 45° {EVIL}"}
    return {
        "pattern": [
            {**turned, "method": EVIL, "nonzero_share": 0.125, "shape": [8, 8], "picture": picture, "caption": EVIL}
        ],
        "sizes": [
            {
                **turned,
                "source": [9, 9],
                "rows": [
                    {"field": n, "source": n + 4, "methods": {"no map": interval(0.3), EVIL: interval(n / 40)}}
                    for n in (3, 5)
                ],
            }
        ],
        "composition": [
            {
                "g": "rot:45", "h": "rot:45", "gh": "rot:90", "label": EVIL, "field": [5, 5], "method": EVIL,
                "direct": interval(0.13), "composed": interval(0.15),
                "gap": {"mean": 0.02, "low": -0.001, "high": 0.03},
            }
        ],
        "learning": {
            "transform": "rot:45", "train_windows": 1000, "inputs": 3751, "outputs": 775, "field": [5, 5],
            "rows": [
                {"name": EVIL, "support": 3, "nonzeros": 5, "seconds": 0.25},
                {"name": "ridge all cells", "support": None, "nonzeros": None, "seconds": 2.5},
            ],
            "paper": {"unstructured": 281.18, "structured": [5.91, 30.93], "source": EVIL},
        },
        "shared": [
            {
                **turned, "support": m, "solver": solver, "hellinger": interval(0.1 + m / 100),
                "nonzero_share": 0.1, "learn_seconds": 0.01,
            }
            for solver, m in (("ridge", 1), ("ridge", 3), (EVIL, 1))
        ],
        "task": {
            "name": "faces", "positives": EVIL, "negatives": "backgrounds", "train": 80, "test": 20,
            "field": [9, 9], "method": EVIL, "upright": {"mean": 0.9, "low": 0.8, "high": 1.0},
            "curves": {
                "rotation": {"degrees": [0, 180], "series": accuracies, **ends},
                "scale": {"factors": [0.5, 2.0], "series": accuracies},
            },
        },
    }  # fmt: skip


@pytest.fixture
def result() -> dict[str, Any]:
    photos = {"cat": 1.0, EVIL: 1.2}
    turned = transform("rot:45", "rotation 45°", (0.346, 0.336, 0.129), photos)
    flipped = transform("hflip", "horizontal <i>flip</i>", (0.322, 0.306, 0.067), photos)
    flipped["methods"].insert(2, method("permutation", "exact", 3e-5, photos, max_abs=4e-6))
    flipped["best"] = "permutation"
    names = ("inverted_x", "inverted_gx", "inverted_mapped")
    turned["example"] |= {name: grey_picture(k) for k, name in enumerate(names)} | {"inverted_by": "paired"}
    return {
        "title": f"HOG {EVIL}",
        "created": "2025-11-23T04:10:11+00:00",
        "representation": {
            "name": "HOG", "variant": "uoctti", "cell": 8, "orientations": 9,
            "assignment": "bilinear", "channels": 31,
        },
        "transforms": [turned, flipped],
        "curves": {
            "rotation": {
                "degrees": [0, 45, 90],
                "series": {"no map": [0.0, 0.3, 0.4], "cells moved": [0.0, 0.3, 0.2], EVIL: [0.0, None, 0.1]},
            }
        },
        **parts(),
        "headline": [{"value": "0.129", "text": f"error at 45° {EVIL}"}],
        "findings": [f"found {EVIL}"],
        "provenance": {
            "versions": {"equivfast": "0.1.0"},
            "seed": 3,
            "command": f"equivfast equivariance --images '{EVIL}'",
            "cpu_level": "avx2",
            "machine": "a machine",
            "images": {"train": ["astronaut"], "test": ["cat", EVIL]},
            "skipped": [[EVIL, "image file is truncated"]],
            "settings": {"transforms": ["rot:45", "hflip"], "images": EVIL},
            "seconds": {"study": 12.5},
        },
    }  # fmt: skip


@pytest.fixture
def posed() -> dict[str, Any]:
    """A made-up result of a pose study."""
    return pose_result()


@pytest.fixture
def detected() -> dict[str, Any]:
    """A made-up result of a detection study."""
    return detection_result()


@pytest.fixture
def networked() -> dict[str, Any]:
    """A made-up result of a network study in which everything was measured."""
    return network_result()


@pytest.fixture
def bare_network() -> dict[str, Any]:
    """One without anything that may lack."""
    return minimal_result()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Skips where there is none; one that EQUIVFAST_BROWSER names has to be there."""
    program = find()
    if program is None:
        pytest.skip(f"none of {', '.join(NAMES)} is on the path and EQUIVFAST_BROWSER is not set")
    with Browser(program) as browser:
        yield browser


@pytest.fixture(scope="session")
def measured() -> dict[str, Any]:
    config = EquivarianceConfig(
        transforms=("hflip", "rot:45"),
        parts=("sizes", "composition", "shared", "learning"),  # curves and task take half a minute
        train_windows=60,
        test_windows=20,
        curve_windows=12,
        field=3,
        sizes=(3, 5),
        compositions=("rot:45*rot:45",),
    )
    return json.loads(json.dumps(run(config)))


@pytest.fixture(params=["made up", "measured"])
def study(request: pytest.FixtureRequest) -> dict[str, Any]:
    return request.getfixturevalue("result" if request.param == "made up" else "measured")


@pytest.fixture
def address(tmp_path: Path, study: dict[str, Any]) -> str:
    return report.write_equivariance_page(tmp_path / "index.html", study).as_uri()
