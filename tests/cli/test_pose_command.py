"""equivfast pose: pictures and numbers out, detectors kept, one line for what is wrong."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from equivfast import data
from equivfast.cli.main import program
from equivfast.cli.pose import detect
from equivfast.cli.pose_files import rotations
from equivfast.detection import ROTATIONS, PoseDetector
from equivfast.groups import rotation, warp
from equivfast.studies.detection import DetectionConfig

CAT = data.photographs(["cat"])[0].image


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(program, ["pose", *map(str, arguments)])


def fails(result: Result, message: str) -> None:
    assert result.exit_code == 2
    last = result.stderr.splitlines()[-1]  # stages of progress may stand before it
    assert last.startswith("equivfast: error: ") and message in last and "Traceback" not in result.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """eye.png, cat.png and turned.png, the cat turned by 40 degrees."""
    place = tmp_path_factory.mktemp("pictures")
    Image.fromarray(CAT[75:155, 130:210]).save(place / "eye.png")
    Image.fromarray(CAT).save(place / "cat.png")
    turned = np.clip(np.asarray(warp(CAT, rotation(40))[0]), 0, 255).astype(np.uint8)
    Image.fromarray(turned).save(place / "turned.png")
    return place


def test_what_is_found_is_printed_drawn_and_written(tmp_path: Path, folder: Path) -> None:
    out, numbers = tmp_path / "new" / "found.png", tmp_path / "found.json"
    result = run(
        "detect",
        folder / "eye.png",
        folder / "turned.png",
        "--out",
        out,
        "--json",
        numbers,
        "--scales",
        "0.9,1.1",
    )
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[-1] == f"1 found, picture: {out}"
    written = json.loads(numbers.read_text())
    (one,) = written["found"]
    assert one["angle"] == pytest.approx(40, abs=1) and one["scale"] == pytest.approx(1, rel=0.02)
    assert lines[0] == (
        f"x {one['x']:.1f}  y {one['y']:.1f}  scale {one['scale']:.3f}  angle {one['angle']:.1f}  "
        f"score {one['score']:.3f}"
    )
    assert np.shape(one["corners"]) == (4, 2) and written["image"] == str(folder / "turned.png")
    drawn = data.read_image(out)
    assert drawn.shape[0] == 2 * CAT.shape[0] and drawn.shape[1] > 2 * CAT.shape[1]


def test_a_box_of_the_template_is_the_example(tmp_path: Path, folder: Path) -> None:
    settings = ("--out", tmp_path / "o.png", "--scales", "1,1", "--most", "1")
    cut = run("detect", folder / "cat.png", folder / "turned.png", "--box", "130,75,80,80", *settings)
    whole = run("detect", folder / "eye.png", folder / "turned.png", *settings)
    assert cut.exit_code == 0 and cut.stdout == whole.stdout


def test_nothing_found_is_an_answer(tmp_path: Path, folder: Path) -> None:
    Image.new("RGB", (120, 120), "gray").save(tmp_path / "gray.png")
    result = run("detect", folder / "eye.png", tmp_path / "gray.png", "--out", tmp_path / "o.png")
    assert result.exit_code == 0 and result.stdout == f"0 found, picture: {tmp_path / 'o.png'}\n"


def test_a_detector_is_learned_kept_and_used(tmp_path: Path, folder: Path) -> None:
    table = folder / "boxes.csv"
    table.write_text("file,x,y,width,height\ncat.png,130,75,80,80\ncat.png,132,76,80,80\n")
    kept = tmp_path / "eye.safetensors"
    result = run("fit", table, "--out", kept, "--every", 10)
    assert result.exit_code == 0 and result.stdout == f"detector of 2 examples: {kept}\n"
    found = run("detect", kept, folder / "turned.png", "--out", tmp_path / "o.png", "--scales", "1,1")
    assert found.exit_code == 0 and found.stdout.startswith("x 1") and "1 found" in found.stdout
    fails(
        run("detect", kept, folder / "cat.png", "--box", "0,0,9,9", "--out", tmp_path / "o.png"),
        "--box is for",
    )
    renamed = kept.rename(kept.with_suffix(".SafeTensors"))
    fails(
        run("detect", renamed, folder / "cat.png", "--every", "5", "--out", tmp_path / "o.png"),
        "--every is for pictures, got a detector",
    )
    again = run("detect", renamed, folder / "turned.png", "--out", tmp_path / "o.png", "--scales", "1,1")
    assert again.exit_code == 0 and again.stdout == found.stdout


@pytest.mark.parametrize(
    ("template", "image", "options", "message"),
    [
        ("nowhere.png", "cat.png", (), "nowhere.png"),
        ("eye.png", "nowhere.png", (), "nowhere.png"),
        ("boxes.txt", "cat.png", (), "cannot read"),
        ("eye.png", "small.png", (), "image must be at least 40 pixels each way"),
        ("small.png", "cat.png", (), "at least 24 x 24 pixels"),
        ("eye.png", "cat.png", ("--scales", "1"), "--scales must be 2 numbers with commas, got '1'"),
        (
            "eye.png",
            "cat.png",
            ("--box", "70,70,40,40"),
            "--box must lie inside the template of 80 x 80 pixels",
        ),
        ("eye.png", "cat.png", ("--box", "inf,0,10,10"), "--box must be finite numbers, got 'inf,0,10,10'"),
        ("eye.png", "cat.png", ("--box", "0,0,nan,10"), "--box must be finite numbers, got '0,0,nan,10'"),
        ("eye.png", "cat.png", ("--scales", "0.5,inf"), "--scales must be finite numbers, got '0.5,inf'"),
        ("eye.png", "cat.png", ("--every", "0"), "--every must be 0.5 to 180 degrees, got 0.0"),
        ("eye.png", "cat.png", ("--threshold", "7"), "threshold must lie in -1..1, got 7.0"),
    ],
)
def test_wrong_input_is_one_line(
    tmp_path: Path, folder: Path, template: str, image: str, options: tuple[str, ...], message: str
) -> None:
    (folder / "boxes.txt").write_text("no picture")
    Image.new("RGB", (20, 20)).save(folder / "small.png")
    fails(run("detect", folder / template, folder / image, "--out", tmp_path / "o.png", *options), message)
    assert not (tmp_path / "o.png").exists()


def test_defaults_are_those_of_the_detector() -> None:
    of_function = {name: p.default for name, p in inspect.signature(PoseDetector.detect).parameters.items()}
    options = {option.name: option.default for option in detect.params}
    assert options["threshold"] == of_function["threshold"] == DetectionConfig.threshold
    assert tuple(map(float, options["scales"].split(","))) == of_function["scales"]
    assert len(rotations(None)) == len(ROTATIONS)


def test_the_picture_is_a_png(tmp_path: Path, folder: Path) -> None:
    fails(
        run("detect", folder / "eye.png", folder / "cat.png", "--out", tmp_path / "o.jpg"),
        "must be a .png file",
    )


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("file,x,y\n", "must have the columns file, x, y, width, height, lacks width, height"),
        (
            "file,x,y,width,height\ncat.png,1,2,wide,4\n",
            "line 2: a row is a file and a box, a box is four numbers",
        ),
        ("x,y,width,height,file\n1,2,80,80\n", "line 2: a row is a file and a box"),
        ("x,y,width,height,file\n0,0,80,80,cat.png\n1,2,80,80,\n", "line 3: a row is a file and a box"),
        ("file,x,y,width,height\ncat.png,1,2,80,inf\n", "line 2: a row is a file and a box"),
        ("file,x,y,width,height\nno.png,1,2,80,80\n", "no.png"),
        (
            "file,x,y,width,height\ncat.png,400,0,80,80\ncat.png,0,0,80,80\n",
            "box 0 must lie inside its image",
        ),
        ("file,x,y,width,height\ncat.png,0,0,80,80\n", "at least 2 examples"),
    ],
)
def test_tables_that_cannot_be_learned_from(tmp_path: Path, folder: Path, table: str, message: str) -> None:
    (folder / "bad.csv").write_text(table)
    fails(run("fit", folder / "bad.csv", "--out", tmp_path / "d.safetensors"), message)
    fails(run("fit", folder / "none.csv", "--out", tmp_path / "d.safetensors"), "none.csv")


def test_where_a_detector_is_kept_is_looked_at_before_anything_is_read(tmp_path: Path) -> None:
    nowhere = tmp_path / "none.csv"
    fails(run("fit", nowhere, "--out", tmp_path / "d.pt"), "--out must be a .safetensors file, got")
    (tmp_path / "file").write_text("")
    fails(run("fit", nowhere, "--out", tmp_path / "file" / "d.safetensors"), "make_folder: cannot write")
    fails(
        run("fit", nowhere, "--out", tmp_path / "d.safetensors", "--every", "0"), "--every must be 0.5 to 180"
    )
    fails(run("fit", nowhere, "--out", tmp_path / "new" / "d.SAFETENSORS"), "none.csv")
    assert (tmp_path / "new").is_dir()


def test_where_numbers_are_written_is_looked_at_before_anything_is_read(tmp_path: Path) -> None:
    nowhere, out = tmp_path / "none.png", tmp_path / "o.png"
    (tmp_path / "file").write_text("")
    fails(
        run("detect", nowhere, nowhere, "--out", out, "--json", tmp_path / "file" / "n.json"),
        "make_folder: cannot write",
    )
    fails(run("detect", nowhere, nowhere, "--out", out, "--json", tmp_path / "new" / "n.json"), "none.png")
    assert (tmp_path / "new").is_dir()


def test_a_study_on_no_thread_is_refused(tmp_path: Path) -> None:
    fails(
        run("evaluate", "--threads", "0", "--out", tmp_path / "o"), "pose: threads must be at least 1, got 0"
    )
    assert not (tmp_path / "o").exists()


def test_layers_of_networks_become_a_part_of_the_config(tmp_path: Path, monkeypatch) -> None:
    seen = []
    monkeypatch.setattr(
        "equivfast.cli.pose_studies.write_pose_study", lambda config, out: seen.append(config) or ({}, out)
    )
    names = ("embedded:photos-a#features.3", "net.py:make#layer1@w.th")
    words = [word for name in names for word in ("--network", name)]
    assert run("evaluate", "--tasks", "rotation", *words, "--out", tmp_path / "o").exit_code == 0
    assert seen[0].networks == names
    fails(
        run("evaluate", "--network", "hog", "--out", tmp_path / "o"), "pose: networks must be MODEL#LAYER or"
    )
