"""Labelled images from every source: what is read, how it is divided, and what is said of what cannot be used."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from equivfast.data import labelled
from equivfast.data.labelled import Images

MODULE = sys.modules[Images.__module__]  # the package shows the function of the same name


def _picture(path: Path, value: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((8, 6, 3), value, np.uint8)).save(path)


def _tree(root: Path, each: int = 10) -> Path:
    for number, name in enumerate(("cat", "dog", "emu")):
        for k in range(each):
            _picture(root / name / f"{k}.png", 50 * number + k)
    return root


def test_class_folders_are_divided_class_by_class(tmp_path: Path) -> None:
    found = labelled(_tree(tmp_path / "pets"))
    assert found.name == "pets" and found.classes == ("cat", "dog", "emu")
    assert np.bincount(found.train.labels).tolist() == [8, 8, 8]
    assert np.bincount(found.test.labels).tolist() == [2, 2, 2]
    assert not set(found.train.names) & set(found.test.names)
    place = found.test.names.index(next(n for n in found.test.names if n.startswith("dog/")))
    assert found.test[place].shape == (8, 6, 3) and 50 <= found.test[place][0, 0, 0] < 60
    again, other = labelled(tmp_path / "pets"), labelled(tmp_path / "pets", seed=1)
    assert again.test.names == found.test.names and again.test.fingerprint == found.test.fingerprint
    assert other.test.names != found.test.names


@pytest.mark.parametrize("test", ["test", "val"])
def test_train_and_test_folders_are_taken_as_they_are(tmp_path: Path, test: str) -> None:
    _tree(tmp_path / "train", 3)
    _picture(tmp_path / test / "dog" / "x.png", 7)
    found = labelled(tmp_path)
    assert len(found.train) == 9 and found.test.labels.tolist() == [1]
    assert found.test.names == (f"{test}/dog/x.png",)
    _picture(tmp_path / test / "zebra" / "x.png", 7)
    with pytest.raises(ValueError, match=f"classes of {test} in train, got 'zebra'"):
        labelled(tmp_path)


def test_damaged_files_are_counted_and_named(tmp_path: Path) -> None:
    root = _tree(tmp_path / "pets")
    whole = (root / "cat" / "3.png").read_bytes()
    (root / "cat" / "3.png").write_bytes(whole[: len(whole) // 2])
    (root / "dog" / "note.png").write_text("no picture")
    found = labelled(root)
    assert sorted(name for name, _ in found.skipped) == ["cat/3.png", "dog/note.png"]
    assert all(reason for _, reason in found.skipped)
    assert len(found.train) + len(found.test) == 29
    assert all(image.shape == (8, 6, 3) for image in found.train.take(range(len(found.train))))


@pytest.mark.parametrize("header", ["file,label", "path,class", " Image , class_index "])
def test_tables_name_files_and_labels(tmp_path: Path, header: str) -> None:
    _tree(tmp_path / "pictures", 4)
    words = "class_index" not in header
    lines = [
        f"pictures/{name}/{k}.png,{name if words else 5 * number}"
        for number, name in enumerate(("cat", "dog", "emu"))
        for k in range(4)
    ]
    (tmp_path / "t.csv").write_text("\n".join([header, *lines]))
    found = labelled(tmp_path / "t.csv", test_share=0.25)
    assert len(found.classes) == (3 if words else 11)
    assert set(found.train.labels.tolist()) == ({0, 1, 2} if words else {0, 5, 10})
    assert len(found.train) == 9 and len(found.test) == 3


def test_a_split_column_decides(tmp_path: Path) -> None:
    _tree(tmp_path, 2)
    rows = [f"{n}/{k}.png,{n},{'train' if k else 'test'}" for n in ("cat", "dog") for k in range(2)]
    (tmp_path / "t.csv").write_text("\n".join(["file,label,split", *rows]))
    found = labelled(tmp_path / "t.csv")
    assert found.test.names == ("cat/0.png", "dog/0.png") and len(found.train) == 2
    (tmp_path / "t.csv").write_text("\n".join(["file,label,split", *rows, "emu/0.png,cat,maybe"]))
    with pytest.raises(ValueError, match="split must be train or test, got 'maybe'"):
        labelled(tmp_path / "t.csv")


def test_one_image_of_each_class_is_divided_all_the_same(tmp_path: Path) -> None:
    _tree(tmp_path, 1)
    lines = [f"{name}/0.png,{k}" for k, name in enumerate(("cat", "dog", "emu"))]
    (tmp_path / "t.csv").write_text("\n".join(["file,class_index", *lines]))
    found = labelled(tmp_path / "t.csv", test_share=0.3)
    assert len(found.train) == 2 and len(found.test) == 1


@pytest.mark.parametrize("shape", [(20, 5, 5), (20, 5, 5, 3), (20, 3, 5, 5)])
def test_archives_of_any_layout(tmp_path: Path, shape: tuple[int, ...]) -> None:
    draw = np.random.default_rng(0)
    x, y = draw.integers(0, 256, shape).astype(np.uint8), np.arange(20) % 4
    np.savez(tmp_path / "a.npz", x_train=x, y_train=y, x_test=x[:8], y_test=y[:8])
    found = labelled(tmp_path / "a.npz")
    assert found.classes == ("0", "1", "2", "3") and len(found.test) == 8
    image = found.train[3]
    assert image.shape == (5, 5, 3)
    expected = x[3].transpose(1, 2, 0) if shape[1] == 3 else x[3] if len(shape) == 4 else x[3][..., None]
    assert (image == expected).all()
    np.savez(tmp_path / "b.npz", images=x, labels=y)
    both = labelled(tmp_path / "b.npz", test_share=0.4)
    assert np.bincount(both.test.labels).tolist() == [2, 2, 2, 2]
    np.savez(tmp_path / "c.npz", images=x, labels=y, split=["test"] * 4 + ["train"] * 16)
    assert len(labelled(tmp_path / "c.npz").test) == 4


def test_a_limit_is_spread_over_the_classes() -> None:
    found = labelled("embedded:digits", limit=40)
    assert np.bincount(found.train.labels).tolist() == [4] * 10
    assert len(found.test) == 40
    assert found.train.fingerprint != labelled("embedded:digits", limit=41).train.fingerprint


def test_embedded_photographs_have_a_class_each() -> None:
    found = labelled("embedded:photographs", limit=120)
    assert found.classes[0] == "astronaut" and len(found.classes) == 12
    assert np.bincount(found.test.labels).tolist() == [10] * 12 and found.test[0].shape == (32, 32, 3)


def test_another_image_stands_in_for_a_damaged_one(tmp_path: Path) -> None:
    root = _tree(tmp_path / "pets")
    wanted = labelled(root, limit=6).train.names
    (root / wanted[0]).write_bytes(b"")
    found = labelled(root, limit=6)
    assert np.bincount(found.train.labels).tolist() == [2, 2, 2]
    assert set(wanted) - set(found.train.names) == {wanted[0]}
    assert [name for name, _ in found.skipped] == [wanted[0]]


def test_a_copy_of_a_training_image_is_no_test(tmp_path: Path) -> None:
    _tree(tmp_path / "train", 3)
    _picture(tmp_path / "test" / "dog" / "new.png", 7)
    (tmp_path / "test" / "dog" / "old.png").write_bytes((tmp_path / "train/dog/1.png").read_bytes())
    found = labelled(tmp_path)
    assert found.test.names == ("test/dog/new.png",)
    assert found.skipped == (("test/dog/old.png", "same pixels as train/dog/1.png"),)


def test_files_are_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = _tree(tmp_path / "pets", 3)
    (root / "cat" / "bad.png").write_text("no picture")
    found = labelled(root)
    monkeypatch.setattr(MODULE, "read_image", lambda path: pytest.fail(f"{path} read again"))
    assert len(found.train.take(range(len(found.train)))) == len(found.train)


def test_large_sets_are_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODULE, "_KEPT_BYTES", 300)
    found = labelled(_tree(tmp_path / "pets", 5))
    assert [int(image[0, 0, 0]) for image in found.train.take([0, 5, 0])] == [
        50 * int(found.train.labels[place]) + int(Path(found.train.names[place]).stem) for place in (0, 5, 0)
    ]
    (tmp_path / "pets" / found.train.names[-1]).unlink()
    with pytest.raises(ValueError, match="No such file"):
        found.train[len(found.train) - 1]


def test_folders_may_be_links_and_hidden_ones_are_passed_over(tmp_path: Path) -> None:
    _tree(tmp_path / "pets", 5)
    _picture(tmp_path / "pets" / "cat" / ".thumbs" / "t.png", 9)
    (tmp_path / "some").mkdir()
    for name in ("cat", "emu"):
        (tmp_path / "some" / name).symlink_to(tmp_path / "pets" / name)
    found = labelled(tmp_path / "some")
    assert found.classes == ("cat", "emu") and len(found.train) + len(found.test) == 10


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"file,label\na.png,1\nb.png\n", "filled in, row 2 has no label"),
        (b"file,label\n,1\n", "filled in, row 1 has no file"),
        (b"file,label,split\na.png,1,\n", "filled in, row 1 has no split"),
        (b"file,label\n\xe9.png,1\n", "text in UTF-8, got byte 11 of another"),
        (b"file,label\na.png,-2\nb.png,1\n", "must not be below 0, got -2"),
        (b"file,label\na.png,20260101\nb.png,1\n", "numbers of classes, below 1000000, got 20260101"),
        (b"file,label\na.png,0\nb.png,1\n", r"images to train, .* has none \([ab].png: No such file"),
        (b"file,label\n", "images to train, .* has none$"),
        (b"", "columns file and label, got none"),
    ],
)
def test_tables_that_do_not_fit(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(ValueError, match=words):
        labelled(tmp_path / "t.csv")


def test_a_table_from_a_spreadsheet(tmp_path: Path) -> None:
    _tree(tmp_path, 2)
    rows = "\r\n".join(f"{n}/{k}.png,{n}" for n in ("cat", "dog") for k in range(2))
    (tmp_path / "t.csv").write_text(f"file,label\r\n{rows}\r\n", encoding="utf-8-sig", newline="")
    assert labelled(tmp_path / "t.csv", test_share=0.5).classes == ("cat", "dog")


@pytest.mark.parametrize("damage", ["cut", "changed", "another kind"])
def test_damaged_archives(tmp_path: Path, damage: str) -> None:
    images, path = np.zeros((20, 4, 4), np.uint8), tmp_path / "a.npz"
    np.savez(path, images=images, labels=np.arange(20) % 2)
    content = bytearray(path.read_bytes())
    if damage == "changed":
        content[300] ^= 255
        path.write_bytes(content)
    elif damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    else:
        np.save(tmp_path / "a.npy", images)
        (tmp_path / "a.npy").rename(path)
    with pytest.raises(ValueError, match=r"labelled: cannot read .*a\.npz: "):
        labelled(path)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"images": np.zeros((2, 4, 4), np.uint8)}, "must hold x_train, .* got images"),
        ({"images": np.zeros((2, 4, 4), np.float32), "labels": np.arange(2)}, "must be uint8 .* got float32"),
        ({"images": np.zeros((2, 4, 4), np.uint8), "labels": np.arange(3)}, r"got int64 \(3,\) for 2 images"),
        ({"images": np.zeros((9, 4, 4), np.uint8), "labels": np.zeros(9, int)}, "at least 2 classes"),
        ({"images": np.zeros((9, 4, 4), np.uint8), "labels": np.arange(9) - 1}, "not be below 0, got -1"),
        (
            {
                f"{a}_{b}": np.arange(2) - 1 if a == "y" else np.zeros((2, 4, 4), np.uint8)
                for a in "xy"
                for b in ("train", "test")
            },
            "not be below 0, got -1",
        ),
        (
            {"images": np.zeros((9, 4, 4), np.uint8), "labels": np.arange(9), "split": np.array(["train"])},
            "train or test of 9 images, got 1",
        ),
        (
            {"images": np.zeros((0, 4, 4), np.uint8), "labels": np.zeros(0, int)},
            "images to train, .* has none",
        ),
    ],
)
def test_archives_that_do_not_fit(tmp_path: Path, arrays: dict[str, np.ndarray], words: str) -> None:
    np.savez(tmp_path / "a.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=words):
        labelled(tmp_path / "a.npz")


def test_sources_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a \.csv, an \.npz, embedded:photographs .*nowhere"):
        labelled(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="got 'embedded:faces'"):
        labelled("embedded:faces")
    (tmp_path / "x.txt").write_text("")
    with pytest.raises(ValueError, match=r"a .csv or an .npz, got .*x.txt"):
        labelled(tmp_path / "x.txt")
    with pytest.raises(ValueError, match="a folder for each class"):
        labelled(tmp_path)
    (tmp_path / "t.csv").write_text("name,size\na,1\n")
    with pytest.raises(ValueError, match="columns file and label, got name, size"):
        labelled(tmp_path / "t.csv")
    (tmp_path / "t.npz").write_text("no archive")
    with pytest.raises(ValueError, match="cannot read"):
        labelled(tmp_path / "t.npz")
    for wrong, words in (
        ({"test_share": 1.0}, "test_share must lie"),
        ({"limit": 0}, "limit must be"),
        ({"limit": 2.5}, "limit must be"),
    ):
        with pytest.raises(ValueError, match=words):
            labelled("embedded:digits", **wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="as many, got 2, 1 and 1"):
        Images(np.zeros((2, 4, 4, 3), np.uint8), [0], ["a"])
