"""equivfast pose: an example of an object found in photographs, detectors learned and kept, the pose study."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from equivfast.cli import pose_files
from equivfast.cli.pose_studies import evaluate, evaluate_detector

if TYPE_CHECKING:
    from equivfast.detection import PoseDetector

_EVERY = click.option(
    "--every", type=float, help="Degrees between the rotations that are tried.  [default: 5]"
)


@click.group()
def pose() -> None:
    """Find objects at any place, turn and size; learn what they look like; measure how well poses are told."""


pose.add_command(evaluate)
pose.add_command(evaluate_detector)


@pose.command()
@click.argument("template", type=click.Path(path_type=Path))
@click.argument("image", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The picture to write, .png.")
@click.option("--json", "numbers", type=click.Path(path_type=Path), help="Also every number, as JSON.")
@click.option(
    "--box", help="Where in TEMPLATE the example is: x,y,width,height in pixels.  [default: all of it]"
)
@click.option(
    "--scales", default="0.5,2", show_default=True, help="Smallest and largest size, in sizes of the example."
)
@click.option("--threshold", default=0.35, show_default=True, help="Least score, -1 to 1.")
@click.option("--most", type=int, help="How many to show at most.  [default: all]")
@_EVERY
def detect(
    template: Path,
    image: Path,
    out: Path,
    numbers: Path | None,
    box: str | None,
    scales: str,
    threshold: float,
    most: int | None,
    every: float | None,
) -> None:
    """Find what TEMPLATE shows in IMAGE and draw every instance.

    TEMPLATE is an image file, or a detector that `equivfast pose fit` wrote. Each instance is printed: its middle (x,
    y) in pixels from the upper left, its scale, its angle (degrees, counter-clockwise) and its score.
    """
    from equivfast import data, report

    pose_files.check_picture(out)
    if numbers is not None:
        report.make_folder(numbers.parent)
    limits = pose_files.numbers_of("--scales", scales, 2)
    photo = data.read_image(image)
    detector, example = _detector(template, box, every)
    found = detector.detect(photo, scales=(limits[0], limits[1]), threshold=threshold, most=most)
    for one in found:
        click.echo(
            f"x {one.x:.1f}  y {one.y:.1f}  scale {one.scale:.3f}  angle {one.angle:.1f}  score {one.score:.3f}"
        )
    if numbers is not None:
        report.write_json(numbers, pose_files.as_json(image, template, found))
    picture = report.write_bytes(out, report.png_bytes(report.detections_picture(photo, found, example)))
    click.echo(f"{len(found)} found, picture: {picture}")


@pose.command()
@click.argument("boxes", type=click.Path(path_type=Path))
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="The detector to write, .safetensors."
)
@_EVERY
def fit(boxes: Path, out: Path, every: float | None) -> None:
    """Learn a detector from upright examples.

    BOXES is a CSV file with the columns file, x, y, width, height, in pixels; files are looked for beside it.
    """
    from equivfast.cli.progress import progress_bars
    from equivfast.detection import PoseDetector

    pose_files.check_detector(out)
    poses = pose_files.rotations(every)
    images, where = pose_files.examples(boxes)
    with progress_bars() as progress:
        detector = PoseDetector.fit(images, where, poses=poses, progress=progress)
    detector.save(out)
    click.echo(f"detector of {len(images)} examples: {out}")


def _detector(template: Path, box: str | None, every: float | None) -> tuple[PoseDetector, Any]:
    """The detector, and the picture of its example where there is one."""
    from equivfast import data
    from equivfast.cli.progress import progress_bars
    from equivfast.detection import PoseDetector

    if pose_files.is_detector(template):
        for option, value in (("--box", box), ("--every", every)):
            if value is not None:
                raise ValueError(f"pose detect: {option} is for pictures, got a detector, {template}")
        return PoseDetector.load(template), None
    example = data.read_image(template)
    if box is not None:
        example = pose_files.cut(example, pose_files.numbers_of("--box", box, 4))
    with progress_bars() as progress:
        detector = PoseDetector.from_template(example, poses=pose_files.rotations(every), progress=progress)
    return detector, example
