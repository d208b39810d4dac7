"""Detectors as files."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Any

import torch

from equivfast.detection.crops import Layout
from equivfast.groups import Transform
from equivfast.pose import PoseBank
from equivfast.report.tensor_file import TensorFile
from equivfast.representations import HOG

FILE = TensorFile("pose detector", version=1, reader="PoseDetector.load")
_PLAIN = ("own", "channels", "typical")


def save(detector: Any, path: str | os.PathLike[str]) -> None:
    """Write a detector's parts."""
    bank = detector.bank
    arrays = {"field": detector.field.numpy(), "templates": bank.templates.numpy(), "bias": bank.bias.numpy()}
    described = {
        "poses": [{"matrix": g.matrix, "name": g.name} for g in detector.poses],
        "layout": asdict(detector.layout),
        "phi": asdict(detector.phi),
        **{name: getattr(detector, name) for name in _PLAIN},
    }
    FILE.write(path, described, arrays)


def read(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The arguments of the detector that was saved; ValueError, one line with the path, for a damaged file."""
    fields, arrays = FILE.read(path)
    try:
        poses = [Transform(pose["matrix"], pose["name"]) for pose in fields["poses"]]
        layout = Layout(**{**fields["layout"], "size": tuple(fields["layout"]["size"])})
        phi, field = HOG(**fields["phi"]), torch.from_numpy(arrays["field"])
        own, typical, channels = float(fields["own"]), float(fields["typical"]), int(fields["channels"])
        shape = (phi.channels, layout.rows, layout.columns)
        sound = bool(field.isfinite().all()) and min(own, typical, layout.scale, *layout.size) > 0
        if tuple(field.shape) != shape or layout.cell != phi.cell or not sound or channels not in (1, 3):
            raise ValueError("its parts do not fit together")
        bank = PoseBank(arrays["templates"], arrays["bias"], poses)
        if bank.templates.shape[1] != phi.channels or min(bank.templates.shape[2:]) < max(shape[1:]):
            raise ValueError("its templates do not fit its example")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FILE.damaged(path, error) from error
    parts = {"field": field, "bank": bank, "layout": layout, "phi": phi}
    return {**parts, "own": own, "typical": typical, "channels": channels}
