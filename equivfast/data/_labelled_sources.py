"""Where labelled images come from: class folders, tables, archives, the package."""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equivfast.data import embedded_tasks
from equivfast.data.embedded import NAMES
from equivfast.data.folders import SUFFIXES

_FILE = ("file", "path", "image", "filename")
_LABEL = ("class_index", "label", "target", "class")
_TESTS = ("test", "val", "valid", "validation")


@dataclass(frozen=True)
class Rows:
    """Pixels, or files that hold them, with labels and names."""

    pixels: NDArray[np.uint8] | Sequence[Path]
    labels: Sequence[int]
    names: Sequence[str]


@dataclass(frozen=True)
class Found:
    name: str
    classes: tuple[str, ...]
    train: Rows
    test: Rows
    skipped: tuple[tuple[str, str], ...] = ()


def read(source: str | os.PathLike[str], test_share: float, seed: int) -> Found:
    """What the source holds, before anything is decoded."""
    text = os.fspath(source)
    if text.startswith("embedded:"):
        return _embedded(text)
    path = Path(text)
    if not path.exists():
        raise ValueError(
            f"labelled: source must be a folder, a .csv, an .npz, embedded:photographs or embedded:digits, "
            f"got {shown(source)}"
        )
    if path.is_dir():
        return _tree(path, test_share, seed)
    if path.suffix.lower() == ".csv":
        return _table(path, test_share, seed)
    if path.suffix.lower() == ".npz":
        return _archive(path, test_share, seed)
    raise ValueError(f"labelled: source must be a folder, a .csv or an .npz, got {shown(source)}")


def shown(source: str | os.PathLike[str]) -> str:
    return os.fspath(source).encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _embedded(text: str) -> Found:
    makers: dict[str, tuple[Any, tuple[str, ...]]] = {
        "photographs": (embedded_tasks.crops, NAMES),
        "digits": (embedded_tasks.digits, embedded_tasks.DIGITS),
    }
    name = text.partition(":")[2]
    if name not in makers:
        raise ValueError(f"labelled: source must be embedded:photographs or embedded:digits, got {text!r}")
    make, classes = makers[name]
    parts = []
    for part in ("train", "test"):
        images, labels = make(part)
        parts.append(Rows(images, labels.tolist(), [f"{part}/{k}" for k in range(len(labels))]))
    return Found(text, classes, parts[0], parts[1])


def _tree(root: Path, test_share: float, seed: int) -> Found:
    train = next((root / name for name in ("train", "training") if (root / name).is_dir()), None)
    test = next((root / name for name in _TESTS if (root / name).is_dir()), None)
    if train is not None and test is not None:
        classes = _folders(train)
        strangers = set(_folders(test)) - set(classes)
        if strangers:
            raise ValueError(
                f"labelled: source must have the classes of {test.name} in {train.name}, got {sorted(strangers)[0]!r}"
            )
        return Found(root.name, tuple(classes), _classes(root, train, classes), _classes(root, test, classes))
    classes = _folders(root)
    if not classes:
        raise ValueError(f"labelled: source must hold a folder for each class, {shown(root)} has none")
    return _divided(root.name, tuple(classes), _classes(root, root, classes), None, test_share, seed)


def _folders(root: Path) -> list[str]:
    return sorted(f.name for f in root.iterdir() if f.is_dir() and not f.name.startswith("."))


def _classes(root: Path, folder: Path, classes: Sequence[str]) -> Rows:
    paths, labels = [], []
    for number, name in enumerate(classes):
        if not (folder / name).is_dir():
            continue
        found = sorted(
            p
            for p in (folder / name).rglob("*")
            if p.suffix.lower() in SUFFIXES and not p.name.startswith(".")
        )
        paths += found
        labels += [number] * len(found)
    return Rows(paths, labels, [shown(p.relative_to(root).as_posix()) for p in paths])


def _table(path: Path, test_share: float, seed: int) -> Found:
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        columns = {name.strip().lower(): name for name in reader.fieldnames or ()}
        rows = list(reader)
    chosen = [next((columns[name] for name in names if name in columns), None) for names in (_FILE, _LABEL)]
    if None in chosen:
        raise ValueError(
            f"labelled: {shown(path)} must have columns file and label, got {', '.join(columns) or 'none'}"
        )
    file_column, label_column = (str(name) for name in chosen)
    values = [str(row[label_column]).strip() for row in rows]
    if all(value.lstrip("+-").isdigit() for value in values):
        labels = [int(value) for value in values]
        classes = tuple(map(str, range(max(labels, default=-1) + 1)))
    else:
        classes = tuple(sorted(set(values)))
        labels = [classes.index(value) for value in values]
    names = [str(row[file_column]).strip() for row in rows]
    split = [str(row[columns["split"]]).strip().lower() for row in rows] if "split" in columns else None
    rows_found = Rows([path.parent / name for name in names], labels, [shown(name) for name in names])
    return _divided(path.stem, classes, rows_found, split, test_share, seed)


def _archive(path: Path, test_share: float, seed: int) -> Found:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError) as error:
        raise ValueError(f"labelled: cannot read {shown(path)}: {error}") from error
    if {"x_train", "y_train", "x_test", "y_test"} <= set(arrays):
        parts = [_rows(path, part, arrays[f"x_{part}"], arrays[f"y_{part}"]) for part in ("train", "test")]
        most = max(max(part.labels, default=-1) for part in parts)
        return Found(path.stem, tuple(map(str, range(most + 1))), parts[0], parts[1])
    if not {"images", "labels"} <= set(arrays):
        raise ValueError(
            f"labelled: {shown(path)} must hold x_train, y_train, x_test, y_test, or images, labels, "
            f"got {', '.join(sorted(arrays)) or 'nothing'}"
        )
    rows = _rows(path, "images", arrays["images"], arrays["labels"])
    split = [str(value).lower() for value in arrays["split"].tolist()] if "split" in arrays else None
    classes = tuple(map(str, range(max(rows.labels, default=-1) + 1)))
    return _divided(path.stem, classes, rows, split, test_share, seed)


def _rows(path: Path, part: str, images: NDArray[Any], labels: NDArray[Any]) -> Rows:
    if images.ndim == 4 and images.shape[1] == 3 and images.shape[3] != 3:
        images = images.transpose(0, 2, 3, 1)
    if images.ndim == 3:
        images = np.repeat(images[..., None], 3, axis=3)
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3:
        shape = f"{images.dtype} {images.shape}"
        raise ValueError(
            f"labelled: {part} of {shown(path)} must be uint8 (n, h, w) or (n, h, w, 3), got {shape}"
        )
    labels = labels.reshape(-1)
    if labels.dtype.kind not in "iu" or len(labels) != len(images):
        got = f"{labels.dtype} ({len(labels)},) for {len(images)} images"
        raise ValueError(
            f"labelled: labels of {shown(path)} must be a whole number for each image, got {got}"
        )
    return Rows(np.ascontiguousarray(images), labels.tolist(), [f"{part}/{k}" for k in range(len(labels))])


def _divided(
    name: str, classes: tuple[str, ...], rows: Rows, split: list[str] | None, test_share: float, seed: int
) -> Found:
    """Train and test: as `split` says, or a share of every class by a hash of the names."""
    if min(rows.labels, default=0) < 0:
        raise ValueError(f"labelled: labels must not be below 0, got {min(rows.labels)}")
    if split is not None:
        strange = sorted(set(split) - {"train", "training", *_TESTS})
        if strange:
            raise ValueError(f"labelled: split must be train or test, got {strange[0]!r}")
        tested = np.array([value in _TESTS for value in split], dtype=bool)
    else:
        tested = np.zeros(len(rows.labels), dtype=bool)
        labels = np.array(rows.labels, dtype=np.int64)
        keys = [hashlib.sha256(f"{seed}/{text}".encode()).digest() for text in rows.names]
        for label in np.unique(labels):
            own = sorted(np.flatnonzero(labels == label), key=lambda k: keys[k])
            tested[own[: round(test_share * len(own))]] = True
        if not tested.any() and len(tested) > 1:  # one image of each class: whole classes would be lost
            order = sorted(range(len(tested)), key=lambda k: keys[k])
            tested[order[: max(1, round(test_share * len(tested)))]] = True
    return Found(name, classes, _picked(rows, ~tested), _picked(rows, tested))


def _picked(rows: Rows, chosen: NDArray[np.bool_]) -> Rows:
    places = np.flatnonzero(chosen).tolist()
    pixels = rows.pixels[places] if isinstance(rows.pixels, np.ndarray) else [rows.pixels[k] for k in places]
    return Rows(pixels, [rows.labels[k] for k in places], [rows.names[k] for k in places])
