"""One file that names labelled images (.csv) or holds them (.npz)."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equivfast.data._labelled_rows import Found, Rows, divided, numbered
from equivfast.data.folders import _reason, _shown

_FILE = ("file", "path", "image", "filename")
_LABEL = ("class_index", "label", "target", "class")


def table(path: Path, test_share: float, seed: int) -> Found:
    """A .csv with a file and a label in each row; relative files are sought beside it."""
    columns, rows = _read_table(path)
    chosen = [next((columns[name] for name in names if name in columns), None) for names in (_FILE, _LABEL)]
    if None in chosen:
        raise ValueError(
            f"labelled: {_shown(path)} must have columns file and label, got {', '.join(columns) or 'none'}"
        )
    wanted = [*map(str, chosen), *([columns["split"]] if "split" in columns else [])]
    for number, row in enumerate(rows, 1):
        missing = [name for name in wanted if not (row[name] or "").strip()]
        if missing:
            raise ValueError(f"labelled: {_shown(path)} must be filled in, row {number} has no {missing[0]}")
    names, values, *split = ([row[name].strip() for row in rows] for name in wanted)
    if all(re.fullmatch(r"[+-]?[0-9]+", value) for value in values):
        labels = [int(value) for value in values]
        classes = numbered(labels)
    else:
        classes = tuple(sorted(set(values)))
        places = {name: place for place, name in enumerate(classes)}
        labels = [places[value] for value in values]
    files = Rows([path.parent / name for name in names], labels, [_shown(name) for name in names])
    parts = [value.lower() for value in split[0]] if split else None
    return divided(path.stem, classes, files, parts, test_share, seed)


def _read_table(path: Path) -> tuple[dict[str, str], list[dict[str, str]]]:
    """Columns by their name in lower case, and the rows."""
    try:
        # Spreadsheets begin a file in UTF-8 with a mark of the byte order.
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            columns = {name.strip().lower(): name for name in reader.fieldnames or ()}
            return columns, list(reader)
    except UnicodeDecodeError as error:
        raise ValueError(
            f"labelled: {_shown(path)} must be text in UTF-8, got byte {error.start} of another encoding"
        ) from error
    except (OSError, csv.Error) as error:
        raise ValueError(f"labelled: cannot read {_shown(path)}: {_reason(error)}") from error


def archive(path: Path, test_share: float, seed: int) -> Found:
    """An .npz with x_train, y_train, x_test, y_test, or with images, labels and perhaps split."""
    try:
        # Opened here: np.load leaves a damaged archive open.
        with path.open("rb") as content, np.load(content, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    # Damaged archives raise what zipfile, zlib and NumPy's header parser come upon.
    except Exception as error:
        raise ValueError(f"labelled: cannot read {_shown(path)}: {_reason(error)}") from error
    if {"x_train", "y_train", "x_test", "y_test"} <= set(arrays):
        train, test = (
            _rows(path, part, arrays[f"x_{part}"], arrays[f"y_{part}"]) for part in ("train", "test")
        )
        return Found(path.stem, numbered([*train.labels, *test.labels]), train, test)
    if not {"images", "labels"} <= set(arrays):
        raise ValueError(
            f"labelled: {_shown(path)} must hold x_train, y_train, x_test, y_test, or images, labels, "
            f"got {', '.join(sorted(arrays)) or 'nothing'}"
        )
    rows = _rows(path, "images", arrays["images"], arrays["labels"])
    split = [str(value).lower() for value in arrays["split"].reshape(-1)] if "split" in arrays else None
    return divided(path.stem, numbered(rows.labels), rows, split, test_share, seed)


def _rows(path: Path, part: str, images: NDArray[Any], labels: NDArray[Any]) -> Rows:
    if images.ndim == 4 and images.shape[1] == 3 and images.shape[3] != 3:
        images = images.transpose(0, 2, 3, 1)
    if images.ndim == 3:
        images = np.repeat(images[..., None], 3, axis=3)
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3:
        shape = f"{images.dtype} {images.shape}"
        raise ValueError(
            f"labelled: {part} of {_shown(path)} must be uint8 (n, h, w) or (n, h, w, 3), got {shape}"
        )
    labels = labels.reshape(-1)
    if labels.dtype.kind not in "iu" or len(labels) != len(images):
        got = f"{labels.dtype} ({len(labels)},) for {len(images)} images"
        raise ValueError(
            f"labelled: labels of {_shown(path)} must be a whole number for each image, got {got}"
        )
    return Rows(np.ascontiguousarray(images), labels.tolist(), [f"{part}/{k}" for k in range(len(labels))])
