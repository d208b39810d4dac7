"""equivfast equivariance: options become a config, the result becomes files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from equivfast import report
from equivfast.cli.equivariance import split_transforms
from equivfast.cli.main import program
from equivfast.studies import equivariance
from equivfast.studies.equivariance import EquivarianceConfig


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(program, list(map(str, arguments)))


@pytest.fixture
def configs(monkeypatch: pytest.MonkeyPatch) -> list[EquivarianceConfig]:
    """The configs with which the study was called; the study itself answers at once."""
    seen: list[EquivarianceConfig] = []

    def study(
        config: EquivarianceConfig, progress: Callable[[str, int, int], None] | None = None
    ) -> dict[str, Any]:
        assert progress is not None
        progress("learning", 1, 1)
        seen.append(config)
        return result()

    monkeypatch.setattr(equivariance, "run", study)
    return seen


def result() -> dict[str, Any]:
    pixel = report.png_uri(np.zeros((2, 2), np.uint8))
    error = {"hellinger": {"mean": 0.2, "low": 0.1, "high": 0.3}, "relative_l2": 0.4, "max_abs": 0.5}
    method = {
        "name": "no map", "role": "control", **error, "clipped_share": 0.0, "nonzero_share": None,
        "learn_seconds": None, "per_photo": {"cat": 0.2},
    }  # fmt: skip
    pictures = dict.fromkeys(("image_x", "image_gx", "phi_x", "phi_gx", "mapped"), pixel)
    return {
        "title": "How HOG transforms",
        "created": "2025-01-01T00:00:00+00:00",
        "representation": {
            "name": "HOG", "variant": "uoctti", "cell": 8, "orientations": 9, "assignment": "bilinear", "channels": 31,
        },
        "transforms": [{
            "name": "rot:45", "label": "rotation 45°", "field": [9, 9], "train_windows": 1, "test_windows": 1,
            "methods": [method], "best": "no map", "example": {"photo": "cat", "method": "no map", **pictures},
        }],
        "headline": [{"value": "0.2", "text": "an error"}],
        "findings": [],
        "provenance": {
            "versions": {}, "seed": 0, "command": "c", "cpu_level": "avx2", "machine": "m", "skipped": [],
            "images": {"train": [], "test": []}, "settings": {}, "seconds": {},
        },
    }  # fmt: skip


def test_options_become_a_config(tmp_path: Path, configs: list[EquivarianceConfig]) -> None:
    options = {
        "--transforms": "rot:30,shift:3,-2", "--images": "photos", "--seed": 7, "--windows": 20, "--test-windows": 10,
        "--curve-windows": 30, "--parts": "curves,task", "--sizes": "3,5", "--detailed": "rot:30,shift:1,2",
        "--compositions": "rot:30*hflip", "--task": "pets", "--field": 11, "--cell": 6, "--orientations": 8,
        "--variant": "dalal-triggs", "--assignment": "nearest", "--threads": 1, "--out": tmp_path / "o",
    }  # fmt: skip
    words = [str(word) for pair in options.items() for word in pair]
    assert run("equivariance", "--model", "hog", *words, "--resume").exit_code == 0
    (config,) = configs
    expected = dict(
        transforms=("rot:30", "shift:3,-2"), images="photos", seed=7, train_windows=20, test_windows=10,
        curve_windows=30, parts=("curves", "task"), sizes=(3, 5), detailed=("rot:30", "shift:1,2"),
        compositions=("rot:30*hflip",), task="pets", field=11, cell=6, orientations=8, variant="dalal-triggs",
        assignment="nearest", threads=1, out=str(tmp_path / "o"), resume=True,
    )  # fmt: skip
    assert {name: getattr(config, name) for name in expected} == expected


def test_defaults_are_those_of_the_config(tmp_path: Path, configs: list[EquivarianceConfig]) -> None:
    assert run("equivariance", "--out", tmp_path).exit_code == 0
    assert configs[0] == EquivarianceConfig(out=str(tmp_path))


def test_help_shows_the_defaults_of_the_config() -> None:
    words = " ".join(run("equivariance", "--help").stdout.split())
    assert f"[default: {EquivarianceConfig.train_windows}]" in words
    assert f"[default: {EquivarianceConfig.assignment}]" in words


def test_result_and_page_are_written(tmp_path: Path, configs: list[EquivarianceConfig]) -> None:
    done = run("equivariance", "--out", tmp_path / "new")
    assert done.stdout == f"report: {tmp_path}/new/index.html\n"
    assert done.stderr == "equivfast: learning (1)\n"
    assert json.loads((tmp_path / "new" / "result.json").read_text(encoding="utf-8")) == result()
    assert "How HOG transforms" in (tmp_path / "new" / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model", "sift"], "got 'sift'"),
        (["--transforms", "spin:45"], "spin:45"),
        (["--transforms", "scale:0"], "0"),
        (["--transforms", ","], "transforms must name at least one transformation"),
        (
            ["--windows", "0"],
            "train_windows must be at least 9 to learn maps of 5 coefficients and a bias, got 0",
        ),
        (["--sizes", "3,x"], "sizes must be whole numbers with commas, got '3,x'"),
        (["--parts", "curvs"], "parts must be among curves"),
        (["--field", "8"], "field must be an odd number of cells, got 8"),
        (["--seed", "one"], "'one' is not a valid integer"),
    ],
)
def test_wrong_options_are_one_line(tmp_path: Path, options: list[str], message: str) -> None:
    done = run("equivariance", "--out", tmp_path / "o", *options)
    assert done.exit_code == 2 and message in done.stderr
    assert done.stderr.startswith("equivfast: error: ") and done.stderr.count("\n") == 1


def test_images_and_output_are_checked(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    for options, message in [
        (["--images", tmp_path / "nowhere", "--out", tmp_path / "o"], "nowhere does not exist"),
        (["--images", tmp_path / "file", "--out", tmp_path / "o"], "file is not a folder"),
        (["--images", tmp_path / "empty", "--out", tmp_path / "o"], "must hold images"),
        (["--out", tmp_path / "file"], "file: File exists"),
    ]:
        done = run("equivariance", *options)
        assert done.exit_code == 2 and message in done.stderr, done.stderr
        assert done.stderr.startswith("equivfast: error: ") and done.stderr.count("\n") == 1


def test_unwritable_output_is_found_before_the_study_runs(
    tmp_path: Path, configs: list[EquivarianceConfig]
) -> None:
    (tmp_path / "file").write_text("x")
    for command in ("equivariance", "demo"):
        assert run(command, "--out", tmp_path / "file").exit_code == 2
    assert configs == []


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("rot:45", ("rot:45",)),
        ("shift:3,-2,hflip", ("shift:3,-2", "hflip")),
        ("hflip,shift:-3,.5, rot90", ("hflip", "shift:-3,.5", "rot90")),
        ("rot:45*scale:0.8,,vflip,", ("rot:45*scale:0.8", "vflip")),
    ],
)
def test_commas_inside_a_shift_do_not_divide(text: str, names: tuple[str, ...]) -> None:
    assert split_transforms(text) == names
