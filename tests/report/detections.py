"""A made-up result of a detection study, with names that would break a careless page."""

from __future__ import annotations

from typing import Any

import numpy as np

from equivfast import report
from equivfast.report.detections import detections_picture

EVIL = '<script>alert("x")</script> & <b>bold</b>'
HITS = (True, True, False, True, True, False, False, True, False)
THRESHOLD = 0.6


def picture(seed: int, example: bool) -> str:
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (20, 24, 3), dtype=np.uint8)
    drawn = detections_picture(image, [], image[:6, :6] if example else None, least=24)
    return report.png_uri(drawn)


def shown(kind: str, seed: int, example: bool, words: str) -> dict[str, Any]:
    return {"kind": kind, "words": words, "picture": picture(seed, example)}


def row(photo: str, score: float | None, *error: float) -> dict[str, Any]:
    names = ("dx", "dy", "degrees", "scale")
    return {"photo": photo, "score": score, "error": dict(zip(names, error, strict=True)) if error else None}


def curve(hits: tuple[bool, ...], objects: int, average: float) -> dict[str, Any]:
    right = np.cumsum(hits)
    return {
        "recall": (right / objects).tolist(),
        "precision": (right / np.arange(1, len(hits) + 1)).tolist(),
        "threshold": np.linspace(0.97, 0.31, len(hits)).round(3).tolist(),
        "average_precision": average,
    }


def rivals() -> list[dict[str, Any]]:
    """What a result may lack."""
    return [
        {"name": f"SIFT {EVIL}", "curve": curve((True, False, True, False, False), 6, 0.2778)},
        {"name": "nothing at all", "curve": curve((), 6, 0.0)},
    ]


def detection_result() -> dict[str, Any]:
    return {
        "title": f"Finding an object {EVIL}",
        "created": "2025-11-23T04:10:11+00:00",
        "threshold": THRESHOLD,
        "alone": {
            "count": 5,
            "exact": 0.6,
            "errors": {
                "pixels": {"median": 0.1771, "most": 0.9813},
                "degrees": {"median": 0.2267, "most": 0.2879},
                "scale": {"median": 0.00223, "most": 0.00345},
            },
            "rows": [
                row("cat", 0.987, 0.03, -0.14, -0.26, 0.002),
                row(EVIL, 0.917, -0.99, 1.35, -0.29, 0.003),
                row("china", 0.953, 0.76, 0.84, 0.08, 0.0004),
                row("coins", 0.41, 120.0, -33.0, 91.0, -0.31),
                row("flower", None),
            ],
            "pictures": [
                shown("found", 1, True, "cat: found"),
                shown("found", 2, True, f"{EVIL}: found"),
                shown("missed", 3, True, "coins: missed"),
                shown("missed", 4, True, "flower: not found"),
            ],
        },
        "clutter": {
            "scenes": 2,
            "subjects": 4,
            "objects": 6,
            "curve": curve(HITS, 6, 0.7389),
            "at_threshold": {"precision": 0.8, "recall": 4 / 6},
            "pictures": [
                shown("found", 5, False, "cat, with 3 objects"),
                shown(
                    "missed", 6, False, f"china, with 3 objects; not as it should be: an object from {EVIL}"
                ),
            ],
        },
        "headline": [
            {"value": "60 %", "text": f"of 5 objects are found exactly {EVIL}"},
            {"value": "0.2°", "text": "is the median error of the angle"},
            {"value": "0.74", "text": "is the average precision in clutter"},
        ],
        "findings": [f"found {EVIL}", "Of 5 objects in turned photographs 1 gave no find at all."],
        "provenance": {
            "versions": {"version": "0.1.0", "torch": "2.6.0"},
            "seed": 0,
            "command": f"equivfast detect --images '{EVIL}'",
            "cpu_level": "avx2",
            "machine": "Linux x86_64, 2 threads",
            "images": {"train": ["astronaut", "coffee"], "test": ["cat", "china", EVIL]},
            "skipped": [[EVIL, "image file is truncated"]],
            "settings": {"images": EVIL, "pixels": 80, "size": 400, "scales": [0.7, 1.4], "together": 3},
            "seconds": {"study": 41.5},
        },
        "rivals": rivals(),
    }
