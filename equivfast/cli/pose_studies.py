"""equivfast pose evaluate, evaluate-detector: the pose study and the detection study as reports."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from equivfast.cli.studies import write_study

if TYPE_CHECKING:
    from equivfast.studies.detection import DetectionConfig
    from equivfast.studies.pose import PoseConfig

_OUT = click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for the report.")
_SEED = click.option("--seed", default=0, show_default=True, help="Decides what is drawn at random.")
_RESUME = click.option(
    "--resume", is_flag=True, help="Go on where an interrupted run with the same settings stopped."
)


@click.command()
@_OUT
@click.option(
    "--heads",
    default="faces",
    show_default=True,
    help="`faces`, or a folder with images/ and xmls/ (Pascal VOC boxes).",
)
@click.option("--tasks", default="rotation,affine", show_default=True, help="What to measure, with commas.")
@click.option("--splits", default=5, show_default=True, help="How often heads are divided anew.")
@click.option("--train", default=60, show_default=True, help="Heads to learn from; the others are tested.")
@click.option("--poses", default=36, show_default=True, help="Rotations that are tried, by equal steps.")
@click.option(
    "--network",
    "networks",
    multiple=True,
    metavar="MODEL#LAYER[@WEIGHTS]",
    help="A layer to learn rotations from besides HOG, e.g. embedded:photos-a#features.3; may be repeated.",
)
@click.option("--threads", type=int, help="CPU threads.  [default: as torch chooses]")
@_SEED
@_RESUME
def evaluate(out: Path, tasks: str, **settings: Any) -> None:
    """Learn in which pose a head is, from features mapped back and from images warped back; write OUT/index.html.

    OUT/result.json holds every number of the report.
    """
    from equivfast.studies.pose import PoseConfig

    names = tuple(task.strip() for task in tasks.split(",") if task.strip())
    page = write_pose_study(PoseConfig(out=str(out), tasks=names, **settings), out)[1]
    click.echo(f"report: {page}")


@click.command("evaluate-detector")
@_OUT
@click.option(
    "--images", default="embedded", show_default=True, help="A folder of photographs, or `embedded`."
)
@click.option(
    "--alone", default=100, show_default=True, help="Objects looked for in their own photographs, turned."
)
@click.option("--objects", default=12, show_default=True, help="Objects looked for in clutter.")
@click.option("--scenes", default=12, show_default=True, help="Photographs with objects pasted in.")
@click.option("--pixels", default=80, show_default=True, help="Side of an object.")
@_SEED
@_RESUME
def evaluate_detector(out: Path, **settings: Any) -> None:
    """Find objects in turned photographs and in clutter, where their poses are known; write OUT/index.html.

    OUT/result.json holds every number of the report.
    """
    from equivfast.studies.detection import DetectionConfig

    page = write_detection_study(DetectionConfig(out=str(out), **settings), out)[1]
    click.echo(f"report: {page}")


def write_pose_study(config: PoseConfig, out: Path) -> tuple[dict[str, Any], Path]:
    """Run the pose study and write its report: the result, and the page's path."""
    from equivfast import report
    from equivfast.studies.pose import run

    return write_study(out, partial(run, config), report.write_pose_page)


def write_detection_study(config: DetectionConfig, out: Path) -> tuple[dict[str, Any], Path]:
    """Run the detection study and write its report: the result, and the page's path."""
    from equivfast import report
    from equivfast.studies.detection import run

    return write_study(out, partial(run, config), report.write_detection_page)
