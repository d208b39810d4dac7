"""equivfast hog: files in, features and glyphs out."""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from equivfast import data, ops
from equivfast.cli.hog import hog as command
from equivfast.cli.main import program


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
