"""Where labelled images come from: class folders, tables, archives, the package."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from equivfast.data import embedded_tasks
from equivfast.data._labelled_files import archive, table
from equivfast.data._labelled_rows import TESTS, Found, Rows, divided
from equivfast.data.embedded import NAMES
from equivfast.data.folders import _listing, _shown

Skipped = tuple[tuple[str, str], ...]


def read(source: str | os.PathLike[str], test_share: float, seed: int) -> Found:
    """What the source holds, before anything is decoded."""
    text = os.fspath(source)
    if text.startswith("embedded:"):
        return _embedded(text)
    path = Path(text)
    if not path.exists():
        raise ValueError(
            f"labelled: source must be a folder, a .csv, an .npz, embedded:photographs or embedded:digits, "
            f"got {_shown(source)}"
        )
    if path.is_dir():
        return _tree(path, test_share, seed)
    if path.suffix.lower() == ".csv":
        return table(path, test_share, seed)
    if path.suffix.lower() == ".npz":
        return archive(path, test_share, seed)
    raise ValueError(f"labelled: source must be a folder, a .csv or an .npz, got {_shown(source)}")


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
    # The folder "." has no name of its own.
    name = _shown(root.resolve().name)
    train = next((root / name for name in ("train", "training") if (root / name).is_dir()), None)
    test = next((root / name for name in TESTS if (root / name).is_dir()), None)
    if train is not None and test is not None:
        classes = _folders(train)
        strangers = set(_folders(test)) - set(classes)
        if strangers:
            raise ValueError(
                f"labelled: source must have the classes of {test.name} in {train.name}, got {sorted(strangers)[0]!r}"
            )
        rows, skipped = _classes(train, classes, f"{train.name}/")
        tested, failed = _classes(test, classes, f"{test.name}/")
        return Found(name, tuple(map(_shown, classes)), rows, tested, skipped + failed)
    classes = _folders(root)
    if not classes:
        raise ValueError(f"labelled: source must hold a folder for each class, {_shown(root)} has none")
    rows, skipped = _classes(root, classes, "")
    found = divided(name, tuple(map(_shown, classes)), rows, None, test_share, seed)
    return Found(found.name, found.classes, found.train, found.test, skipped)


def _folders(root: Path) -> list[str]:
    try:
        return sorted(f.name for f in root.iterdir() if f.is_dir() and not f.name.startswith("."))
    except OSError as error:
        raise ValueError(f"labelled: cannot read {_shown(root)}: {error.strerror or error}") from error


def _classes(folder: Path, classes: Sequence[str], prefix: str) -> tuple[Rows, Skipped]:
    """The image files of each class folder, links to folders of one's own choice included."""
    paths: list[Path] = []
    labels: list[int] = []
    names: list[str] = []
    skipped: list[tuple[str, str]] = []
    for number, name in enumerate(classes):
        start = f"{prefix}{_shown(name)}/"
        found, failed = _listing(folder / name) if (folder / name).is_dir() else ({}, [])
        paths += [found[key] for key in sorted(found)]
        names += [f"{start}{key}" for key in sorted(found)]
        labels += [number] * len(found)
        skipped += [(f"{start}{key}", reason) for key, reason in failed]
    return Rows(paths, labels, names), tuple(skipped)
