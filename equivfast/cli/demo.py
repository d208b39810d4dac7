"""equivfast demo: the studies on the embedded photographs, nothing to prepare."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

# The five convolutions of the embedded network, read before their ReLU as the paper reads AlexNet's.
CONVOLUTIONS = tuple(f"features.{k}" for k in (0, 3, 6, 8, 10))
# Photographs are told apart by their textures, whichever way up they are: digits show what depth does.
DIGITS = {"model": "embedded:digits", "images": "embedded:digits"}
# What the studies of the demo are told; the detection study's own defaults are for photographs by the hundred.
FULL: dict[str, dict[str, Any]] = {
    "hog-equivariance": {},
    "network": {
        **DIGITS,
        "layers": CONVOLUTIONS,
        "trained": ("vflip", "rot:90"),
        "controls": ("random", "embedded:digits-turned"),
        "train_images": 1000,
        "test_images": 359,
        "extra_images": 300,
        "probe_images": 80,
        "epochs": 2,
        "copies": 1,
    },
    "face-pose": {},
    "detection": {"alone": 12, "objects": 6, "scenes": 4},
}
# Enough to see the parts of the reports; the numbers are noisier than the full demo's.
QUICK: dict[str, dict[str, Any]] = {
    "hog-equivariance": {
        "transforms": ("hflip", "rot:180", "rot:45", "scale:1.25"),
        "train_windows": 300,
        "test_windows": 120,
        "parts": ("composition", "learning"),
        "curve_windows": 200,
        "compositions": ("rot:45*hflip",),
    },
    "network": {
        **DIGITS,
        "layers": CONVOLUTIONS,
        "transforms": ("hflip", "vflip"),
        "parts": ("invariance", "gallery"),
        "train_images": 400,
        "test_images": 200,
        "extra_images": 100,
        "probe_images": 40,
    },
    "face-pose": {"tasks": ("rotation",), "splits": 2, "leak_splits": 0, "timing_images": 0},
    "detection": {"alone": 4, "objects": 4, "scenes": 2, "together": 2},
}


@click.command()
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for the pages.")
@click.option("--quick", is_flag=True, help="Fewer transformations, windows, heads and objects.")
@click.option("--resume", is_flag=True, help="Go on where an interrupted run stopped.")
def demo(out: Path, quick: bool, resume: bool) -> None:
    """Measure on pictures that come with the installation how HOG and the layers of a small network transform, how well
    HOG tells the pose of faces, and how well objects are found; write OUT/index.html.
    """
    from equivfast import report
    from equivfast.cli.equivariance import write_equivariance_study
    from equivfast.cli.network_study import write_network_study
    from equivfast.cli.pose_studies import write_detection_study, write_pose_study
    from equivfast.studies.detection import DetectionConfig
    from equivfast.studies.equivariance import EquivarianceConfig
    from equivfast.studies.network import NetworkConfig
    from equivfast.studies.pose import PoseConfig

    studies: dict[str, tuple[Any, Any]] = {
        "hog-equivariance": (EquivarianceConfig, write_equivariance_study),
        "network": (NetworkConfig, write_network_study),
        "face-pose": (PoseConfig, write_pose_study),
        "detection": (DetectionConfig, write_detection_study),
    }
    entries = []
    for name, (config, write) in studies.items():
        settings = (QUICK if quick else FULL)[name]
        result, _ = write(config(out=str(out / name), resume=resume, **settings), out / name)
        entries.append(report.index_entry(result, f"{name}/index.html"))
    click.echo(f"report: {report.write_index(out / 'index.html', entries)}")
