"""What the pose commands read and write besides pictures."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from equivfast.detection import Detection
    from equivfast.groups import Transform

_COLUMNS = ("file", "x", "y", "width", "height")
_DETECTOR = ".safetensors"
_EVERY = 5.0  # degrees


def numbers_of(option: str, text: str, count: int) -> tuple[float, ...]:
    """`count` finite numbers between commas.

    >>> numbers_of("--scales", "0.5,2", 2)
    (0.5, 2.0)
    """
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        found = ()
    if len(found) != count:
        raise ValueError(f"pose detect: {option} must be {count} numbers with commas, got {text!r}")
    if not all(map(math.isfinite, found)):
        raise ValueError(f"pose detect: {option} must be finite numbers, got {text!r}")
    return found


def rotations(every: float | None) -> list[Transform]:
    """Rotations all around, `every` degrees apart, 5 by default: as many as come nearest to that.

    >>> len(rotations(5))
    72
    """
    from equivfast.groups import rotation

    step = _EVERY if every is None else every
    if not 0.5 <= step <= 180:
        raise ValueError(f"pose: --every must be 0.5 to 180 degrees, got {step}")
    count = round(360 / step)
    return [rotation(360 * k / count) for k in range(count)]


def cut(image: np.ndarray, box: tuple[float, ...]) -> np.ndarray:
    """The box (x, y, width, height) of an image, in whole pixels; ValueError for one that does not lie inside."""
    x, y, width, height = (round(value) for value in box)
    rows, columns = image.shape[:2]
    if min(x, y) < 0 or min(width, height) < 1 or x + width > columns or y + height > rows:
        raise ValueError(
            f"pose detect: --box must lie inside the template of {columns} x {rows} pixels, "
            f"got {x},{y},{width},{height}"
        )
    return np.ascontiguousarray(image[y : y + height, x : x + width])


def is_detector(path: Path) -> bool:
    """Whether a file is a kept detector, by its name."""
    return path.suffix.lower() == _DETECTOR


def check_picture(path: Path) -> None:
    """Makes the folder; ValueError where that cannot be done, or what is to be written is no .png file."""
    _check_out("detect", path, ".png")


def check_detector(path: Path) -> None:
    """Makes the folder; ValueError where that cannot be done, or what is to be written is no .safetensors file."""
    _check_out("fit", path, _DETECTOR)


def _check_out(command: str, path: Path, suffix: str) -> None:
    from equivfast import report

    if path.suffix.lower() != suffix:
        raise ValueError(f"pose {command}: --out must be a {suffix} file, got {path}")
    report.make_folder(path.parent)


def as_json(image: Path, template: Path, found: Sequence[Detection]) -> dict[str, Any]:
    """Everything about the finds, for a program to read."""
    rows = [
        {
            "x": one.x,
            "y": one.y,
            "scale": one.scale,
            "angle": one.angle,
            "score": one.score,
            "pose": one.pose.linear.tolist(),
            "corners": one.corners.tolist(),
        }
        for one in found
    ]
    return {"image": str(image), "template": str(template), "found": rows}


def examples(path: Path) -> tuple[list[np.ndarray], list[list[float]]]:
    """Images and boxes of a CSV file; ValueError with the line for what cannot be read."""
    from equivfast import data

    images, boxes = [], []
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            missing = [name for name in _COLUMNS if name not in (rows.fieldnames or ())]
            if missing:
                raise ValueError(
                    f"pose fit: {path} must have the columns {', '.join(_COLUMNS)}, lacks {', '.join(missing)}"
                )
            for row in rows:
                box = _box(row)
                if not row["file"] or box is None:
                    raise ValueError(
                        f"pose fit: {path}, line {rows.line_num}: a row is a file and a box, a box is four numbers, "
                        f"got {row}"
                    )
                boxes.append(box)
                images.append(data.read_image(path.parent / row["file"]))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"pose fit: cannot read {path}: {error}") from error
    return images, boxes


def _box(row: dict[str, Any]) -> list[float] | None:
    """The four numbers; None where one is missing, no number or not finite."""
    try:
        box = [float(row[name]) for name in _COLUMNS[1:]]
    except (TypeError, ValueError):
        return None
    return box if all(map(math.isfinite, box)) else None
