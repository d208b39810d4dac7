"""A file is the old one or the new one, and an unwritable place is one line with its path."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import numpy as np
import pytest

from equivfast import report
from equivfast.report import atomic


def test_writes_replace_the_old_file_and_leave_nothing_beside_it(tmp_path: Path) -> None:
    for text in ("old", "néw"):
        assert report.write_text(tmp_path / "a.txt", text) == tmp_path / "a.txt"
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "néw"
    report.write_bytes(tmp_path / "b", b"\0\xff")
    assert (tmp_path / "b").read_bytes() == b"\0\xff"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "b"]


def test_interrupted_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report.write_text(tmp_path / "a.txt", "old")

    def interrupted(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(atomic.os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        report.write_text(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic.os, "fsync", full)
    with pytest.raises(ValueError, match=r"write_bytes: cannot write .*/a: No space left on device"):
        report.write_bytes(tmp_path / "a", b"x")
    assert list(tmp_path.iterdir()) == []


def test_permissions_are_the_usual_ones(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    report.write_text(tmp_path / "ours", "x")
    assert stat.S_IMODE(os.stat(tmp_path / "ours").st_mode) == stat.S_IMODE(
        os.stat(tmp_path / "usual").st_mode
    )


def test_json_takes_numpy_and_has_no_nan(tmp_path: Path) -> None:
    value = {
        "a": np.float32(0.5),
        "b": np.arange(3),
        "c": [float("nan"), np.inf, np.int64(2)],
        "d": (True, None, "é"),
    }
    text = report.write_json(tmp_path / "r.json", value).read_text(encoding="utf-8")
    expected = {"a": 0.5, "b": [0, 1, 2], "c": [None, None, 2], "d": [True, None, "é"]}
    assert json.loads(text) == expected and "é" in text and text.endswith("}\n")


def test_npy_is_exact_and_named_as_asked(tmp_path: Path) -> None:
    array = np.random.default_rng(0).random((3, 4, 5)).astype(np.float32)
    path = report.save_npy(tmp_path / "features", array)
    assert path.name == "features"
    np.testing.assert_array_equal(np.load(path), array)
    with pytest.raises(ValueError, match="Object arrays"):
        report.save_npy(tmp_path / "objects", np.array([object()]))


@pytest.mark.parametrize("name", ["missing/a.txt", "file/a.txt", "folder"])
def test_unwritable_place_is_repeated(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(ValueError, match=f"^write_text: cannot write .*/{name}: .+") as caught:
        report.write_text(tmp_path / name, "x")
    assert "\n" not in str(caught.value)


def test_folder_is_made_with_parents_and_found_writable(tmp_path: Path) -> None:
    assert report.make_folder(tmp_path / "a" / "b").is_dir()
    assert list((tmp_path / "a" / "b").iterdir()) == []
    (tmp_path / "file").touch()
    for name in ("file", "file/inside"):
        with pytest.raises(ValueError, match=f"^make_folder: cannot write .*/{name}: .+"):
            report.make_folder(tmp_path / name)


def test_folder_that_takes_no_files_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(atomic.os, "open", refuse)
    with pytest.raises(ValueError, match=r"make_folder: cannot write .*: Permission denied"):
        report.make_folder(tmp_path)
