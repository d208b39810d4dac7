"""Detectors as files."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Any

import torch

from equivfast.detection.crops import Layout
from equivfast.groups import Transform
from equivfast.pose import PoseBank
from equivfast.pose.prepared import described
from equivfast.report.tensor_file import TensorFile
from equivfast.representations import HOG

FILE = TensorFile("pose detector", version=1, reader="PoseDetector.load")
_PLAIN = ("own", "channels", "typical")


def save(detector: Any, path: str | os.PathLike[str]) -> None:
    """Write a detector's parts; of any representation but HOG its settings."""
    bank, phi = detector.bank, detector.phi
    arrays = {"field": detector.field.numpy(), "templates": bank.templates.numpy(), "bias": bank.bias.numpy()}
    told = {"phi": asdict(phi)} if isinstance(phi, HOG) else {"representation": described(phi)}
    fields = {
        "poses": [{"matrix": g.matrix, "name": g.name} for g in detector.poses],
        "layout": asdict(detector.layout),
        **told,
        **{name: getattr(detector, name) for name in _PLAIN},
    }
    FILE.write(path, fields, arrays)


def read(path: str | os.PathLike[str], representation: Any = None) -> dict[str, Any]:
    """The arguments of the detector that was saved; ValueError, one line with the path, for a damaged file."""
    fields, arrays = FILE.read(path)
    if "representation" in fields:
        _check_given(path, fields["representation"], representation)
    try:
        poses = [Transform(pose["matrix"], pose["name"]) for pose in fields["poses"]]
        layout = Layout(**{**fields["layout"], "size": tuple(fields["layout"]["size"])})
        phi = representation if "representation" in fields else HOG(**fields["phi"])
        field = torch.from_numpy(arrays["field"])
        own, typical, channels = float(fields["own"]), float(fields["typical"]), int(fields["channels"])
        shape = (phi.channels, layout.rows, layout.columns)
        sound = bool(field.isfinite().all()) and min(own, typical, layout.scale, *layout.size) > 0
        fits = not isinstance(phi, HOG) or (layout.cell == phi.cell and not layout.extra)
        if tuple(field.shape) != shape or not fits or not sound or channels not in (1, 3):
            raise ValueError("its parts do not fit together")
        bank = PoseBank(arrays["templates"], arrays["bias"], poses)
        if bank.templates.shape[1] != phi.channels or min(bank.templates.shape[2:]) < max(shape[1:]):
            raise ValueError("its templates do not fit its example")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FILE.damaged(path, error) from error
    if "phi" in fields and representation is not None:
        _check_given(path, described(phi), representation)
    parts = {"field": field, "bank": bank, "layout": layout, "phi": phi}
    return {**parts, "own": own, "typical": typical, "channels": channels}


def _check_given(path: str | os.PathLike[str], saved: dict[str, Any], given: Any) -> None:
    """ValueError where the representation is not the one whose settings were saved."""
    if given is None:
        told = ", ".join(f"{name} {value}" for name, value in saved.items())
        raise ValueError(
            f"PoseDetector.load: representation must be the one {path} was made with ({told}), got None"
        )
    found = described(given)
    for name in {**saved, **found}:
        if saved.get(name) != found.get(name):
            raise ValueError(
                f"PoseDetector.load: representation must be the one {path} was made with, {name} "
                f"{saved.get(name)!r}, got {found.get(name)!r}"
            )
