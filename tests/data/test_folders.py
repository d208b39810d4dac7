"""Reading photographs: every mode becomes upright RGB, damaged files become names with reasons."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from equivfast import data
from equivfast.data import folders


def picture(seed: int, height: int = 40, width: int = 60) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def save(path: Path, seed: int = 0, **options: object) -> np.ndarray:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture(seed)).save(path, **options)
    return picture(seed)


def test_folder_is_recursive_sorted_and_ignores_other_files(tmp_path: Path) -> None:
    save(tmp_path / "b.png", 1)
    save(tmp_path / "a" / "z.PNG", 2)
    save(tmp_path / ".hidden" / "c.png", 3)
    save(tmp_path / "._resource.png", 4)
    (tmp_path / "labels.csv").write_text("file,label\n")
    found = data.folder(tmp_path)
    assert [photo.name for photo in found.photographs] == ["a/z.PNG", "b.png"]
    assert found.skipped == () and found.unread == ()
    np.testing.assert_array_equal(found.photographs[1].image, picture(1))


def damage(path: Path, kind: str) -> None:
    """Files as interrupted downloads, full disks and wrong suffixes leave them."""
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("<html>404 Not Found</html>")
    elif kind == "header only":
        save(path)
        path.write_bytes(path.read_bytes()[:20])
    elif kind == "truncated":
        save(path)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif kind == "bytes changed":
        save(path)
        raw = bytearray(path.read_bytes())
        raw[len(raw) // 2 : len(raw) // 2 + 40] = bytes(40)
        path.write_bytes(bytes(raw))
    elif kind == "directory":
        path.mkdir()
    elif kind == "dangling link":
        path.symlink_to(path.with_name("nowhere.png"))


@pytest.mark.parametrize(
    "kind", ["empty", "text", "header only", "truncated", "bytes changed", "dangling link"]
)
def test_damaged_file_is_named_and_the_others_are_read(tmp_path: Path, kind: str) -> None:
    save(tmp_path / "good.png", 1)
    damage(tmp_path / "bad.png", kind)
    found = data.folder(tmp_path)
    assert [photo.name for photo in found.photographs] == ["good.png"]
    ((name, reason),) = found.skipped
    assert name == "bad.png" and reason and "\n" not in reason and str(tmp_path) not in reason


@pytest.mark.parametrize("kind", ["empty", "text", "header only", "truncated", "directory", "dangling link"])
def test_read_image_repeats_the_path(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "bad.png"
    damage(path, kind)
    with pytest.raises(ValueError, match=r"^read_image: cannot read .*bad\.png: .+") as caught:
        data.read_image(path)
    assert "\n" not in str(caught.value)


def test_truncated_jpeg_is_not_filled_with_grey(tmp_path: Path) -> None:
    save(tmp_path / "cut.jpg")
    raw = (tmp_path / "cut.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(raw[: len(raw) * 2 // 3])
    with pytest.raises(ValueError, match="truncated"):
        data.read_image(tmp_path / "cut.jpg")


def test_exif_orientation_is_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: show it a quarter turn clockwise
    original = save(tmp_path / "turned.png", exif=exif)
    np.testing.assert_array_equal(data.read_image(tmp_path / "turned.png"), np.rot90(original, -1))


def test_sixteen_bit_grey_is_scaled_not_clipped(tmp_path: Path) -> None:
    values = (np.arange(12 * 20, dtype=np.uint32).reshape(12, 20) * 274).astype(np.uint16)
    Image.fromarray(values).save(tmp_path / "deep.png")
    image = data.read_image(tmp_path / "deep.png")
    assert image.shape == (12, 20, 3) and image.dtype == np.uint8
    np.testing.assert_array_equal(image[:, :, 1], np.round(values / 257))


def test_palette_cmyk_grey_and_alpha_become_rgb(tmp_path: Path) -> None:
    rgb = Image.fromarray(picture(5))
    for mode, name in [
        ("P", "p.png"),
        ("L", "l.png"),
        ("1", "one.png"),
        ("CMYK", "cmyk.tif"),
        ("LA", "la.png"),
    ]:
        rgb.convert(mode).save(tmp_path / name)
        image = data.read_image(tmp_path / name)
        assert image.shape == (40, 60, 3) and image.dtype == np.uint8, mode
    np.testing.assert_array_equal(data.read_image(tmp_path / "cmyk.tif"), picture(5))
    grey = data.read_image(tmp_path / "l.png")
    np.testing.assert_array_equal(grey[:, :, 0], grey[:, :, 2])


def test_transparency_lies_on_white(tmp_path: Path) -> None:
    clear = np.zeros((6, 6, 4), np.uint8)
    clear[:, 3:, 3] = 255
    Image.fromarray(clear).save(tmp_path / "clear.png")
    image = data.read_image(tmp_path / "clear.png")
    assert (image[:, :3] == 255).all() and (image[:, 3:] == 0).all()


@pytest.mark.parametrize("values", [np.full((4, 4), 0.5, np.float32), np.full((4, 4), 70000, np.int32)])
def test_grey_without_a_known_range_is_refused(tmp_path: Path, values: np.ndarray) -> None:
    Image.fromarray(values).save(tmp_path / "x.tif")
    with pytest.raises(ValueError, match="without a known intensity range"):
        data.read_image(tmp_path / "x.tif")


@pytest.mark.parametrize("limit", [2000, 1000], ids=["where Pillow warns", "where Pillow refuses"])
def test_decompression_bomb_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    save(tmp_path / "bomb.png")
    Image.fromarray(picture(1, 20, 30)).save(tmp_path / "small.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    found = data.folder(tmp_path)
    assert [photo.name for photo in found.photographs] == ["small.png"]
    assert found.skipped == (("bomb.png", f"more than {limit} pixels"),)


def test_copies_under_another_name_are_left_out(tmp_path: Path) -> None:
    save(tmp_path / "one.png", 1)
    save(tmp_path / "two.png", 2)
    save(tmp_path / "copies" / "of one.bmp", 1)
    found = data.folder(tmp_path)
    assert len(found.photographs) == 2
    ((name, reason),) = found.skipped
    assert {name, reason.removeprefix("same pixels as ")} == {"one.png", "copies/of one.bmp"}


def test_memory_limit_leaves_the_rest_unread_whatever_the_order(tmp_path: Path) -> None:
    for k in range(12):
        save(tmp_path / f"{k:02d}.png", k)
    found = data.folder(tmp_path, max_bytes=5 * 40 * 60 * 3)
    names = [photo.name for photo in found.photographs]
    assert len(names) == 5 and names == sorted(names) and names != [f"{k:02d}.png" for k in range(5)]
    assert sorted([*names, *found.unread]) == [f"{k:02d}.png" for k in range(12)]
    again = data.folder(tmp_path, max_bytes=5 * 40 * 60 * 3)
    assert names == [photo.name for photo in again.photographs]


def test_name_that_is_no_utf8_can_be_printed(tmp_path: Path) -> None:
    save(tmp_path / "good.png")
    os.rename(os.fsencode(tmp_path / "good.png"), os.fsencode(tmp_path) + b"/caf\xe9.png")
    (photo,) = data.folder(tmp_path).photographs
    assert photo.name.encode("utf-8").startswith(b"caf")


def test_missing_folder_file_and_folder_without_images(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"folder: path must be a folder with images, .*/nowhere does not exist"
    ):
        data.folder(tmp_path / "nowhere")
    (tmp_path / "notes.txt").write_text("no image")
    with pytest.raises(ValueError, match=r"notes\.txt is not a folder"):
        data.folder(tmp_path / "notes.txt")
    with pytest.raises(ValueError, match=r"folder: path must hold images, .* has none \(looked for"):
        data.folder(tmp_path)
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8")
    with pytest.raises(ValueError, match=r"must hold a readable image, .* \(1 unreadable, first bad\.jpg: "):
        data.folder(tmp_path)


def test_subfolder_that_may_not_be_listed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path / "good.png")
    real = os.walk

    def walk(top: object, onerror: object = None) -> object:
        onerror(PermissionError(13, "Permission denied", str(tmp_path / "closed")))  # type: ignore[operator]
        return real(top)  # type: ignore[call-overload]

    monkeypatch.setattr(folders.os, "walk", walk)
    assert data.folder(tmp_path).skipped == (("closed", "Permission denied"),)


def test_split_is_disjoint_and_depends_on_names_and_seed_only() -> None:
    names = [f"photo{k}" for k in range(30)]
    train, test = data.split_by_name(names, test_share=0.3, seed=1)
    assert len(test) == 9 and not set(train) & set(test) and sorted(train + test) == sorted(names)
    assert set(data.split_by_name(names[::-1], 0.3, 1)[1]) == set(test)
    assert set(data.split_by_name(names, 0.3, 2)[1]) != set(test)


@pytest.mark.parametrize("share", [0.01, 0.99])
def test_split_leaves_no_side_empty(share: float) -> None:
    train, test = data.split_by_name(["a", "b", "c"], share)
    assert train and test


@pytest.mark.parametrize(
    ("names", "share", "message"),
    [
        (["a"], 0.5, "names must be at least 2 to be divided, got 1"),
        (["a", "b", "a"], 0.5, "names must differ, got 'a' twice"),
        (["a", "b"], 1.0, r"test_share must lie between 0 and 1, got 1\.0"),
    ],
)
def test_split_refuses(names: list[str], share: float, message: str) -> None:
    with pytest.raises(ValueError, match=f"split_by_name: {message}"):
        data.split_by_name(names, share)
