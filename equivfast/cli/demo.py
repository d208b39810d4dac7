"""equivfast demo: the studies on the embedded photographs, nothing to prepare."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

# Enough to see the parts of the report; the numbers are noisier than the full demo's.
QUICK: dict[str, Any] = {
    "transforms": ("hflip", "rot:180", "rot:45", "scale:1.25"),
    "train_windows": 300,
    "test_windows": 120,
    "parts": ("composition", "learning"),
    "curve_windows": 200,
    "compositions": ("rot:45*hflip",),
}
STUDY = "hog-equivariance"


@click.command()
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for the pages.")
@click.option("--quick", is_flag=True, help="Fewer transformations and windows.")
@click.option("--resume", is_flag=True, help="Go on where an interrupted run stopped.")
def demo(out: Path, quick: bool, resume: bool) -> None:
    """Measure how HOG transforms on photographs that come with the installation; write OUT/index.html."""
    from equivfast import report
    from equivfast.cli.equivariance import write_study
    from equivfast.studies.equivariance import EquivarianceConfig

    folder = out / STUDY
    config = EquivarianceConfig(images="embedded", out=str(folder), resume=resume, **(QUICK if quick else {}))
    result, _ = write_study(config, folder)
    page = report.write_index(out / "index.html", [report.index_entry(result, f"{STUDY}/index.html")])
    click.echo(f"report: {page}")
