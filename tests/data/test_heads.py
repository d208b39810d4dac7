"""Heads: the embedded faces and boxes around heads, cut so that each fills its window alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from equivfast import data, groups
from equivfast.data.heads import SHARE, WINDOW


def write(folder: Path, name: str, box: tuple[float, ...] | str, seed: int = 0, suffix: str = "png") -> None:
    """An image of noise, 90 x 70 pixels, black where the box is, and its xml."""
    (folder / "images").mkdir(exist_ok=True, parents=True)
    (folder / "xmls").mkdir(exist_ok=True)
    pixels = np.random.default_rng(seed).integers(128, 256, (70, 90, 3), np.uint8)
    text = box
    if not isinstance(box, str):
        left, top, right, bottom = (int(v) for v in box)
        pixels[max(top, 0) : bottom, max(left, 0) : right] = 0
        tags = zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)
        inside = "".join(f"<{tag}>{value}</{tag}>" for tag, value in tags)
        text = f"<annotation><object><bndbox>{inside}</bndbox></object></annotation>"
    Image.fromarray(pixels).save(folder / "images" / f"{name}.{suffix}")
    (folder / "xmls" / f"{name}.xml").write_text(str(text))


@pytest.fixture
def boxes(tmp_path: Path) -> Path:
    for k in range(10):
        write(tmp_path / "animals", f"a{k}", (20 + k, 10, 50 + k, 50), k)
    return tmp_path / "animals"


def test_faces_are_upright_windows_as_they_are():
    heads = data.face_heads()
    task = data.faces(WINDOW)
    assert len(heads) == 100
    assert np.allclose(heads.window(3), task.images[3], atol=1e-5)
    assert heads.window(3).dtype == np.float32
    flipped = heads.window(3, groups.hflip())
    assert np.allclose(flipped, heads.window(3)[:, ::-1], atol=1e-5)
    assert np.allclose(heads.window(3, groups.rotation(90)), np.rot90(heads.window(3)), atol=1e-5)


def test_a_box_fills_its_share_of_the_window(boxes):
    heads = data.boxed_heads(boxes)
    assert heads.name == "animals"
    assert heads.names == tuple(f"a{k}" for k in range(10))
    assert heads.centres[2].tolist() == [37, 30]
    assert heads.widths.tolist() == [40] * 10
    dark = heads.window(2) < 0.25
    rows, columns = np.flatnonzero(dark.any(1)), np.flatnonzero(dark.any(0))
    assert np.ptp(rows) == pytest.approx(SHARE * WINDOW, abs=3)
    assert np.ptp(columns) == pytest.approx(0.75 * SHARE * WINDOW, abs=3)
    assert abs(rows.mean() - 51.5) < 2.5
    assert heads.window(2, size=64).shape == (64, 64)


def test_what_cannot_be_used_is_named_with_the_reason(boxes):
    (boxes / "images" / "broken.jpg").write_bytes(b"no image")
    write(boxes, "copy", (20, 10, 50, 50), seed=0)
    write(boxes, "outside", (60, 10, 95, 50), seed=20)
    write(boxes, "turned", (50, 10, 20, 50), seed=21)
    write(boxes, "tiny", (20, 20, 24, 24), seed=22)
    write(boxes, "torn", "<annotation><object>", seed=23)
    write(boxes, "empty", "<annotation/>", seed=24)
    write(boxes, "words", ("a", "b", "c", "d") and "<a><bndbox><xmin>one</xmin></bndbox></a>", seed=25)
    write(boxes, "alone", "", seed=26)
    (boxes / "xmls" / "alone.xml").unlink()
    skipped = dict(data.boxed_heads(boxes).skipped)
    wanted = {
        "broken.jpg": "not an image",
        "copy.png": "same pixels as a0.png",
        "outside.png": "box outside the image: 60, 10, 95, 50 in 90 x 70 pixels",
        "turned.png": "box outside the image",
        "tiny.png": "box below 8 pixels",
        "torn.png": "boxes that cannot be read",
        "empty.png": "no boxes",
        "words.png": "boxes that cannot be read",
        "alone.png": "no boxes: xmls/alone.xml: No such file",
    }
    assert skipped.keys() == wanted.keys()
    for name, reason in wanted.items():
        assert skipped[name].startswith(reason), skipped[name]


def test_two_heads_of_one_photograph_are_one_group(boxes):
    both = "".join(
        f"<object><bndbox><xmin>{x}</xmin><ymin>5</ymin><xmax>{x + 20}</xmax><ymax>30</ymax></bndbox></object>"
        for x in (5, 40)
    )
    write(boxes, "b", f"<annotation>{both}</annotation>", seed=30)
    heads = data.boxed_heads(boxes)
    assert heads.names[-2:] == ("b 1", "b 2")
    assert heads.groups[-1] == heads.groups[-2] != heads.groups[-3]


def test_a_folder_that_is_none_and_too_few_heads_are_named(tmp_path, boxes):
    with pytest.raises(ValueError, match="boxed_heads: path must hold folders images and xmls"):
        data.boxed_heads(tmp_path)
    (boxes / "images" / "a0.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"at least 10 heads, got 9 \(skipped 1, first a0.png: "):
        data.boxed_heads(boxes)


def test_arrays_that_do_not_fit_together_are_named():
    heads = data.face_heads()
    parts = (heads.images, heads.centres, heads.widths, heads.names, heads.groups)
    for place, name in ((1, "centres"), (2, "widths"), (3, "names"), (4, "groups")):
        spoiled = list(parts)
        spoiled[place] = parts[place][:-1]
        with pytest.raises(ValueError, match=f"Heads: {name} must be"):
            data.Heads("x", *spoiled)
    with pytest.raises(ValueError, match="widths must be above 0"):
        data.Heads("x", heads.images, heads.centres, 0 * heads.widths, heads.names, heads.groups)


def test_the_fingerprint_follows_the_pixels():
    heads = data.face_heads()
    changed = (heads.images[0] + np.float32(0.1), *heads.images[1:])
    other = data.Heads("faces", changed, heads.centres, heads.widths, heads.names, heads.groups)
    assert heads.fingerprint == data.face_heads().fingerprint != other.fingerprint


def test_real_heads_are_read(test_data):
    heads = data.boxed_heads(test_data / "pets_abyssinian")
    assert len(heads) == 99
    assert heads.skipped == ()
    assert heads.window(0, groups.rotation(30)).shape == (104, 104)
