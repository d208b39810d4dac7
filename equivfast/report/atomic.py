"""Files that are either the old one or the new one, never a half: written beside it, then moved.

Every function raises a one-line ValueError that repeats the path when the place cannot be written.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

PathLike = str | os.PathLike[str]


def make_folder(path: PathLike) -> Path:
    """The folder at `path`, made with its parents if need be, and found writable."""
    folder = Path(path)
    with _refusals("make_folder", folder):
        folder.mkdir(parents=True, exist_ok=True)
        probe = _beside(folder / "probe")
        _create(probe).close()
        probe.unlink()
    return folder


def write_bytes(path: PathLike, content: bytes) -> Path:
    """`content` at `path`, whole or not at all."""
    return _write("write_bytes", path, lambda file: file.write(content))


def write_text(path: PathLike, text: str) -> Path:
    """`text` at `path` in UTF-8, whole or not at all."""
    return _write("write_text", path, lambda file: file.write(text.encode("utf-8")))


def write_json(path: PathLike, value: Any) -> Path:
    """`value` as indented JSON with a closing newline; a number that is not finite becomes null.

    Raises     ValueError for an unwritable path; TypeError for a value that JSON does not have
    """
    text = json.dumps(finite(value), indent=1, ensure_ascii=False, allow_nan=False)
    return _write("write_json", path, lambda file: file.write(f"{text}\n".encode()))


def save_npy(path: PathLike, array: np.ndarray) -> Path:
    """`array` in NumPy's own format (no pickles), at exactly `path`: no suffix is added."""
    content = io.BytesIO()
    np.save(content, array, allow_pickle=False)
    return _write("save_npy", path, lambda file: file.write(content.getbuffer()))


def finite(value: Any) -> Any:
    """`value` in JSON's own types: NumPy numbers and arrays unpacked, NaN and infinities as None.

    >>> finite({"error": np.float32(0.5), "none": float("nan"), "sizes": np.array([1, 2])})
    {'error': 0.5, 'none': None, 'sizes': [1, 2]}
    """
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    if isinstance(value, np.ndarray):
        return finite(value.tolist())
    if isinstance(value, np.generic):
        return finite(value.item())
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


def _write(name: str, path: PathLike, fill: Callable[[BinaryIO], object]) -> Path:
    target = Path(path)
    with _refusals(name, target):
        if target.is_dir():
            raise IsADirectoryError(0, "a folder stands there")
        temporary = _beside(target)
        try:
            with _create(temporary) as file:
                fill(file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, target)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
    return target


def _beside(target: Path) -> Path:
    # In the same folder, hence on the same file system, where a move is atomic.
    return target.with_name(f".{target.name[:80]}.{secrets.token_hex(6)}.part")


def _create(path: Path) -> BinaryIO:
    # Not tempfile, whose files only their owner may read: the permissions are the user's usual ones.
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb")


@contextlib.contextmanager
def _refusals(name: str, path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        shown = os.fspath(path).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        raise ValueError(f"{name}: cannot write {shown}: {error.strerror or error}") from error
