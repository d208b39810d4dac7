"""The entries of a made-up network study: deeper layers follow worse, and the flip that was trained for is free."""

from __future__ import annotations

from typing import Any

import numpy as np

from equivfast import report

EVIL = '<script>alert("x")</script> & <b>bold</b>'
# Name, channels, cells of a side, stride, complete.
LAYERS = (
    ("conv1", 16, 32, 1.0, True),
    ("layer1", 16, 32, 1.0, True),
    (f"layer2.0.conv1 {EVIL}", 32, 16, 2.0, False),
    ("layer2", 32, 16, 2.0, True),
    ("layer3", 64, 8, 4.0, True),
)
# Name, label, and what the network's accuracy falls to.
TRANSFORMS = (
    ("hflip", "horizontal flip", 0.906),
    ("vflip", f"vertical flip {EVIL}", 0.352),
    ("rot:90", "rotation 90°", 0.287),
    ("scale:0.707", "scaling 0.707", 0.513),
)
ORIGINAL = 0.915


def interval(mean: float, spread: float = 0.016) -> dict[str, float]:
    return {"mean": mean, "low": mean - spread, "high": mean + spread}


def accuracies(top1: float, five: bool = True) -> dict[str, Any]:
    return {"top1": interval(top1), "top5": interval(1 - (1 - top1) / 4, 0.005) if five else None}


def method(name: str, role: str, residual: float, top1: float | None, **more: Any) -> dict[str, Any]:
    shown = {"top1": None, "top5": None} if top1 is None else accuracies(top1)
    spread = 0.04 * residual
    return {
        "name": name,
        "role": role,
        "residual": interval(residual, spread),
        **shown,
        "chosen": None,
        "seconds": None,
        **more,
    }


def entry(k: int, j: int) -> dict[str, Any]:
    """Layer k and transformation j: deeper layers follow worse, and the flip that was trained for costs nothing."""
    (layer, channels, _, _, complete), (name, _, none) = LAYERS[k], TRANSFORMS[j]
    lost = 0.0 if name == "hflip" else 0.02 + 0.085 * k * (1.3 if name == "rot:90" else 1)
    closed, wide, tuned = ORIGINAL - 1.2 * lost, ORIGINAL - lost, ORIGINAL - 0.6 * lost
    residual = 0.02 + 0.14 * k + 0.05 * j
    put = (lambda value: value) if complete else (lambda value: None)
    methods = [
        method("cells moved", "control", 0.35 + 0.2 * k, put(max(none - 0.1, 0.11))),
        method("permutation", "closed", 1.6 * residual, put(closed - 0.07), seconds=0.02),
        method("1x1", "closed", 1.15 * residual, put(closed), chosen="ridge 1e-3", seconds=0.31),
        method("3x3", "closed", residual, put(wide), chosen=f"ridge 1e-2 {EVIL}", seconds=2.42),
    ]
    training = None
    if complete and j in (1, 2):
        methods.append(
            method("trained 3x3", "trained", 1.25 * residual, tuned, chosen="rate 1e-3", seconds=61.0)
        )
        held_out = [round(1.9 * np.exp(-0.4 * e) + 0.5 + 0.03 * (e > 7) * (e - 7), 4) for e in range(13)]
        training = {
            "before": interval(wide), "after": interval(tuned), "epochs": 12, "best_epoch": 7,
            "loss": "features of the upright image", "selected_on": f"augmented images held aside {EVIL}",
            "history": {"epoch": list(range(13)), "held_out": held_out},
        }  # fmt: skip
    kept = round(channels * (0.9 - 0.15 * k if j else 0.4 + 0.12 * k))
    count = {"count": kept, "channels": channels}
    return {
        "layer": layer, "transform": name, "methods": methods, "best": "3x3", "trained": training,
        "invariant": {**count, "accuracy": interval(wide), "tolerance": 0.05} if complete else None,
        "eigenspace": {"dimension": kept // 2, "channels": channels, "threshold": 0.08},
        "variance": round(0.05 + 0.2 * k * (j > 0), 3),
        "spectrum": spectrum(channels, k, j),
        "budget": budget(residual),
        "patterns": pattern(channels, k, j),
    }  # fmt: skip


def spectrum(channels: int, k: int, j: int) -> list[list[float]]:
    rng = np.random.default_rng(10 * k + j)
    angles = rng.choice([0, 90, 180, 270] if j == 2 else [0, 180], channels // 2)
    lengths = np.clip(1 - 0.18 * k * rng.random(channels // 2), 0, None)
    values = lengths * np.exp(1j * (np.deg2rad(angles) + 0.1 * rng.normal(size=len(angles))))
    both = np.concatenate([values, values.conj(), [2.5] * (k == 4)])
    return [[float(v.real), float(v.imag)] for v in both]


def budget(residual: float) -> dict[str, Any]:
    parts = {"border": 0.2, "interpolation": 0.1, "phase": 0.25, "real": 0.45}
    found = {name: interval(share * 1.5 * residual, 0.002) for name, share in parts.items()}
    return {"total": interval(1.5 * residual, 0.01), **found}


def pattern(channels: int, k: int, j: int) -> str:
    rng = np.random.default_rng(10 * k + j)
    weights = np.eye(channels)[rng.permutation(channels)] if j else np.eye(channels)
    return report.png_uri(report.ink(np.clip(weights + 0.15 * rng.random(weights.shape), 0, 1)))
