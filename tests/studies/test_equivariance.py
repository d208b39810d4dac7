"""The whole study, small: from photographs to the result, the report and the command line."""

import base64
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from equivfast import data, report
from equivfast.cli.main import program
from equivfast.studies import _findings
from equivfast.studies.equivariance import EquivarianceConfig, run

SMALL = EquivarianceConfig(
    transforms=("hflip", "rot:180", "rot:45", "scale:1.25"),
    train_windows=250,
    test_windows=60,
    parts=(),
    field=5,
    sizes=(),
)


@pytest.fixture(scope="module")
def result() -> dict:
    return run(SMALL)


def photographs(folder: Path, names: Sequence[str] = ("cat", "coffee", "china", "astronaut")) -> Path:
    """A folder of embedded photographs."""
    folder.mkdir()
    for photo in data.photographs(list(names)):
        Image.fromarray(photo.image).save(folder / f"{photo.name}.png")
    return folder


def gain_is_paired(transform: dict) -> bool:
    best, control = (
        next(m["hellinger"] for m in transform["methods"] if m["name"] == name)
        for name in (transform["best"], transform["gain"]["over"])
    )
    spread = control["high"] - control["low"] + best["high"] - best["low"]
    gain = transform["gain"]
    return (
        abs(gain["mean"] - (control["mean"] - best["mean"])) < 1e-9
        and gain["low"] <= gain["mean"] <= gain["high"]
        and gain["high"] - gain["low"] < spread
    )


def methods(result: dict, name: str) -> dict[str, dict]:
    return next({m["name"]: m for m in t["methods"]} for t in result["transforms"] if t["name"] == name)


def shown(example: dict, name: str) -> np.ndarray:
    """A picture of the example, grey."""
    content = base64.b64decode(example[name].partition(",")[2])
    return np.asarray(Image.open(io.BytesIO(content)).convert("L")).astype(np.float64)


def test_inverted_features_show_the_window_and_the_map_turns_it(result):
    """phi(gx) inverted is like gx, and M phi(x) inverted like phi(gx) inverted, more than like phi(x) inverted."""

    def alike(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])

    for transform in result["transforms"]:
        example = transform["example"]
        assert example["inverted_by"] == "paired"
        x, gx, mapped = (shown(example, f"inverted_{name}") for name in ("x", "gx", "mapped"))
        assert x.shape == gx.shape == mapped.shape == (5 * 8, 5 * 8)
        assert alike(mapped, gx) > 0.6 and alike(mapped, gx) > alike(x, gx), transform["name"]
        if transform["name"] != "scale:1.25":  # which leaves what 40 pixels show nearly where it was
            moved = shown(example, "image_gx")
            assert alike(gx, moved) > alike(x, moved) + 0.1, transform["name"]
            assert alike(mapped, moved) > alike(x, moved) + 0.1, transform["name"]


def test_other_settings_are_inverted_by_descent():
    config = replace(
        SMALL, cell=6, orientations=8, field=3, transforms=("hflip",), train_windows=60, test_windows=12
    )
    example = run(config)["transforms"][0]["example"]
    assert example["inverted_by"] == "gradient"
    assert shown(example, "inverted_mapped").shape == (18, 18) and shown(example, "inverted_x").std() > 5


@pytest.mark.parametrize("name", ["hflip", "rot:180"])
def test_flips_and_half_turns_are_exact_on_photographs(result, name):
    exact = methods(result, name)["permutation"]
    assert exact["max_abs"] < 1e-5
    assert methods(result, name)["no map"]["hellinger"]["mean"] > 0.2
    assert methods(result, name)["cells moved"]["hellinger"]["mean"] > 0.2


def test_learned_map_is_far_below_both_controls_at_45_degrees(result):
    found = methods(result, "rot:45")
    learned = found["forward selection k=5 m=3"]["hellinger"]["mean"]
    controls = min(found[c]["hellinger"]["mean"] for c in ("no map", "cells moved"))
    assert learned < 0.5 * controls
    assert "permutation" not in found


def test_every_transformation_reports_its_paired_gain(result):
    for transform in result["transforms"]:
        assert transform["gain"]["low"] > 0 and gain_is_paired(transform), transform["name"]


def test_one_nonzero_per_row_recovers_an_exact_symmetry(result):
    sparse = methods(result, "rot:180")["forward selection k=1 m=1"]
    assert sparse["max_abs"] < 1e-4
    assert sparse["nonzero_share"] * 31 * cells_of(result) ** 2 <= 1 + 1e-9


def cells_of(result: dict) -> int:
    """Source cells along a side: the share of non-zeros is one in 31 cells^2."""
    permutation = methods(result, "hflip")["permutation"]
    return round((1 / permutation["nonzero_share"] / 31) ** 0.5)


def test_result_survives_json_and_becomes_a_page(result, tmp_path):
    again = json.loads(json.dumps(result))
    assert again == result
    page = report.write_equivariance_page(tmp_path / "index.html", again)
    text = page.read_text()
    assert "rotation 45°" in text and "forward selection k=5 m=3" in text


def test_training_and_held_out_photographs_are_disjoint(result):
    images = result["provenance"]["images"]
    assert images["train"] and images["test"] and not set(images["train"]) & set(images["test"])


def test_same_seed_same_numbers_and_resume_takes_pieces_up(result, tmp_path, monkeypatch):
    config = replace(SMALL, out=str(tmp_path), transforms=("hflip", "rot:45"))
    first = run(config)
    assert methods(first, "rot:45")["no map"] == methods(result, "rot:45")["no map"]
    # Interrupted after the first transformation: the piece of the second is missing.
    (tmp_path / "pieces" / "rot_45.json").unlink()
    seen = []
    again = run(replace(config, resume=True), lambda stage, done, total: seen.append(stage))
    assert without_times(again["transforms"]) == without_times(first["transforms"])
    assert not any(stage.startswith("hflip") for stage in seen)
    assert any(stage.startswith("rot:45") for stage in seen)


def test_resume_does_not_take_up_pieces_of_other_photographs(tmp_path):
    folder = photographs(tmp_path / "photos")
    config = replace(
        SMALL,
        images=str(folder),
        out=str(tmp_path / "out"),
        transforms=("rot:90",),
        train_windows=40,
        test_windows=20,
        field=3,
    )
    first = run(config)
    for path in folder.iterdir():  # the same names, other pixels
        with Image.open(path) as image:
            flipped = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        flipped.save(path)
    again = run(replace(config, resume=True))
    assert methods(again, "rot:90")["no map"] != methods(first, "rot:90")["no map"]


def without_times(transforms: list[dict]) -> list[dict]:
    return [t | {"methods": [m | {"learn_seconds": None} for m in t["methods"]]} for t in transforms]


def test_headline_and_findings_repeat_the_table(result):
    texts = " ".join(h["text"] + h["value"] for h in result["headline"]) + " ".join(result["findings"])
    best = methods(result, "rot:45")["forward selection k=5 m=3"]["hellinger"]["mean"]
    assert f"{best:.3f}" in texts
    transform = json.loads(json.dumps(next(t for t in result["transforms"] if t["name"] == "rot:45")))
    assert transform["gain"]["low"] > 0 and "is below" in texts
    # A control as good as the map: the sentence must say so.
    transform["gain"] |= {"mean": 0.01, "low": -0.01}
    assert "not clearly below" in _findings.of({"transforms": [transform]})["findings"][0]


def test_folder_of_photographs_with_a_broken_file(tmp_path):
    folder = photographs(tmp_path / "photos")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 not a photograph")
    config = replace(
        SMALL, images=str(folder), transforms=("rot:90",), train_windows=60, test_windows=20, field=3
    )
    found = run(config)
    assert [name for name, _ in found["provenance"]["skipped"]] == ["broken.jpg"]


@pytest.mark.parametrize(
    "change,message",
    [
        ({"field": 4}, "field must be an odd number of cells, got 4"),
        ({"cell": 5}, "cell must be even.*got 5"),
        (
            {"train_windows": 8},
            "train_windows must be at least 9 to learn maps of 5 coefficients and a bias, got 8",
        ),
        ({"test_windows": 0}, "test_windows must be at least 1, got 0"),
        ({"threads": 0}, "threads must be at least 1, got 0"),
        ({"sizes": (3, 4)}, "sizes must be an odd number of cells, got 4"),
        ({"parts": ("curve",)}, "parts must be among curves, .*, got curve"),
        ({"compositions": ("rot:45",)}, "compositions must be two transformations g\\*h, got 'rot:45'"),
        ({"curve_windows": 1}, "curve_windows must be at least 9 .*, got 1"),
        ({"transforms": ()}, "transforms must name at least one"),
        ({"transforms": ("spin:3",)}, "spin:3"),
        ({"transforms": ("scale:0",)}, "factor must be above 0, got 0.0"),
        ({"variant": "hogg"}, "variant must be one of .* got 'hogg'"),
        ({"images": "no/such/folder"}, "no/such/folder"),
        ({"field": 41}, "photographs must have at least"),
    ],
)
def test_spoiled_settings(change, message):
    with pytest.raises(ValueError, match=message):
        run(replace(SMALL, **change))


def test_command_line_writes_the_report(tmp_path):
    from click.testing import CliRunner

    arguments = ["equivariance", "--model", "hog", "--transforms", "hflip,rot:90", "--windows", "40"]
    arguments += [
        "--test-windows",
        "20",
        "--parts",
        "none",
        "--field",
        "3",
        "--out",
        str(tmp_path / "out"),
    ]
    outcome = CliRunner().invoke(program, arguments)
    assert outcome.exit_code == 0, outcome.output
    assert outcome.output.strip().endswith(str(tmp_path / "out" / "index.html"))
    kept = json.loads((tmp_path / "out" / "result.json").read_text())
    assert [t["name"] for t in kept["transforms"]] == ["hflip", "rot:90"]
    assert np.isfinite(kept["transforms"][1]["methods"][0]["hellinger"]["mean"])


@pytest.mark.parametrize(
    "change,message",
    [
        ({"images": "one"}, r"at least 2 photographs, one to learn from and one to measure on, got 1 in "),
        ({"task": "one", "parts": ("task",)}, "must hold folders positive and negative"),
        ({"sizes": (61,), "parts": ("sizes",)}, r"must have at least \d+x\d+ pixels .* for 250 windows"),
    ],
)
def test_what_cannot_work_is_told_before_anything_runs(tmp_path, change, message):
    photographs(tmp_path / "one", ["cat"])
    folders = {"images": photographs(tmp_path / "photos", ["cat", "coffee"])} | {
        key: tmp_path / change[key] for key in ("images", "task") if key in change
    }
    told = []
    config = replace(SMALL, **change | {key: str(folder) for key, folder in folders.items()})
    with pytest.raises(ValueError, match=message):
        run(config, lambda *stage: told.append(stage))
    assert not told
