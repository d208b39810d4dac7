"""equivfast hog: files in, features and glyphs out."""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from equivfast import data, inversion, ops
from equivfast.cli.hog import hog as command
from equivfast.cli.main import program
from equivfast.representations import HOG


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(program, ["hog", *map(str, arguments)])


@pytest.fixture
def image(tmp_path: Path) -> Path:
    Image.fromarray(data.photographs(["cat"])[0].image[:100, :140]).save(tmp_path / "cat.png")
    return tmp_path / "cat.png"


def fails(result: Result, message: str) -> None:
    assert result.exit_code == 2
    assert result.stderr.startswith("equivfast: error: ") and result.stderr.count("\n") == 1
    assert message in result.stderr


def test_features_and_glyphs_are_written(tmp_path: Path, image: Path) -> None:
    out = tmp_path / "new" / "folder"
    result = run(image, "--out", out, "--cell", 10, "--assignment", "bilinear")
    assert result.exit_code == 0 and result.stderr == ""
    assert result.stdout == f"{image}: 31x10x14 features in {out}/cat.npy, glyphs in {out}/cat.png\n"
    expected = ops.hog(data.read_image(image), 10, assignment="bilinear")
    np.testing.assert_array_equal(np.load(out / "cat.npy"), expected)
    assert data.read_image(out / "cat.png").shape == (10 * 21, 14 * 21, 3)
    assert sorted(path.name for path in out.iterdir()) == ["cat.npy", "cat.png"]


@pytest.mark.parametrize(("variant", "channels"), [("uoctti", 28), ("dalal-triggs", 32)])
def test_variants(tmp_path: Path, image: Path, variant: str, channels: int) -> None:
    assert run(image, "--out", tmp_path / "o", "--variant", variant, "--orientations", 8).exit_code == 0
    assert np.load(tmp_path / "o" / "cat.npy").shape == (channels, 13, 18)


def test_defaults_are_those_of_the_function() -> None:
    of_function = {name: p.default for name, p in inspect.signature(ops.hog).parameters.items()}
    for option in command.params:
        if option.name in of_function:
            assert option.default == of_function[option.name], option.name


def test_wrong_input_is_one_line(tmp_path: Path, image: Path) -> None:
    fails(run(tmp_path / "nowhere.png", "--out", tmp_path / "o"), "nowhere.png: No such file or directory")
    (tmp_path / "cut.jpg").write_bytes(b"\xff\xd8\xff")
    fails(run(tmp_path / "cut.jpg", "--out", tmp_path / "o"), "cut.jpg: not an image that can be decoded")
    fails(run(tmp_path, "--out", tmp_path / "o"), "Is a directory")
    fails(run(image, "--out", image), "cat.png: File exists")
    fails(run(image, "--out", image / "o"), "cat.png/o: Not a directory")
    fails(run(image, "--out", tmp_path / "o", "--variant", "sift"), "'sift'")
    fails(run(image, "--out", tmp_path / "o", "--cell", 0), "cell")
    Image.fromarray(np.zeros((3, 3, 3), np.uint8)).save(tmp_path / "tiny.png")
    fails(run(tmp_path / "tiny.png", "--out", tmp_path / "o"), "hog: ")


def test_images_of_one_name_would_overwrite_each_other(tmp_path: Path, image: Path) -> None:
    (tmp_path / "b").mkdir()
    other = tmp_path / "b" / "cat.jpg"
    other.write_bytes(image.read_bytes())
    fails(
        run(image, other, "--out", tmp_path / "o"),
        f"images must have different names, got {image} and {other}",
    )
    assert not (tmp_path / "o").exists()


def test_inversions_are_written_beside_the_glyphs(tmp_path: Path, image: Path) -> None:
    result = run(image, "--out", tmp_path / "o", "--invert")
    assert result.exit_code == 0, result.stderr
    inverted = tmp_path / "o" / "cat-inverted.png"
    assert result.stdout.endswith(f"glyphs in {tmp_path}/o/cat.png, inversion (paired) in {inverted}\n")
    with Image.open(inverted) as picture:
        assert (picture.mode, picture.size) == ("L", (140, 100))
        seen = np.asarray(picture).astype(np.float32)
    expected = inversion.invert(
        np.load(tmp_path / "o" / "cat.npy"), HOG(assignment="nearest"), size=(100, 140)
    )
    np.testing.assert_array_equal(seen, expected.round())
    grey = data.read_image(image).mean(axis=2)
    assert np.corrcoef(seen.ravel(), grey.ravel())[0, 1] > 0.5
    assert "inversion (1)" in result.stderr  # progress, as a log shows it


@pytest.mark.parametrize(
    ("options", "method"),
    [
        (("--invert", "--cell", 10), "gradient"),
        (("--invert", "--variant", "dalal-triggs"), "gradient"),
        (("--invert-by", "gradient"), "gradient"),
        (("--invert-by", "paired", "--assignment", "bilinear"), "paired"),
    ],
    ids=str,
)
def test_how_to_invert_is_chosen_or_told(tmp_path: Path, image: Path, options: tuple, method: str) -> None:
    result = run(image, "--out", tmp_path / "o", *options)
    assert result.exit_code == 0, result.stderr
    assert f"inversion ({method}) in {tmp_path}/o/cat-inverted.png" in result.stdout
    assert data.read_image(tmp_path / "o" / "cat-inverted.png").shape[:2] == (100, 140)


def test_what_cannot_be_inverted_is_told_before_anything_is_written(tmp_path: Path, image: Path) -> None:
    fails(
        run(image, "--out", tmp_path / "o", "--invert-by", "paired", "--cell", 4),
        "needs variant uoctti, cell 8",
    )
    fails(run(image, "--out", tmp_path / "o", "--invert-by", "magic"), "'magic' is not one of")
    other = tmp_path / "cat-inverted.png"
    other.write_bytes(image.read_bytes())
    message = f"images must not be named like inversions, got {image} and {other}"
    fails(run(image, other, "--out", tmp_path / "o", "--invert"), message)
    assert not (tmp_path / "o").exists()
    assert run(image, other, "--out", tmp_path / "o").exit_code == 0
