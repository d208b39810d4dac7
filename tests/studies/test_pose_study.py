"""The pose study, small: rows, intervals and controls, pieces, and what it refuses."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from equivfast import data, groups, studies
from equivfast.studies import _pose_copies as copies
from equivfast.studies._pose_rows import Bootstrap, cumulative, row
from equivfast.studies._pose_tasks import HEAD, POINTS, Affine, Rotation
from equivfast.studies._pose_timing import OpenCV
from equivfast.studies.pose import PoseConfig, run

SMALL = PoseConfig(
    splits=2, train=24, test_turns=1, poses=12, affine_poses=6, windows=20, affine_windows=20, lambdas=(1.0,),
    leak_splits=1, timing_images=2, threads=1,
)  # fmt: skip


@pytest.fixture(scope="module")
def few() -> data.Heads:
    """Thirty of the faces: the whole set would take longer than the test is worth."""
    heads, n = data.face_heads(), 30
    return data.Heads(
        "faces", heads.images[:n], heads.centres[:n], heads.widths[:n], heads.names[:n], heads.groups[:n]
    )


@pytest.fixture(scope="module")
def kept(few, tmp_path_factory) -> tuple[PoseConfig, dict[str, Any]]:
    config = replace(SMALL, out=str(tmp_path_factory.mktemp("study")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "face_heads", lambda: few)
        return config, run(config)


@pytest.fixture(scope="module")
def result(kept) -> dict[str, Any]:
    return kept[1]


def test_the_result_is_plain_and_says_what_was_shown(result):
    assert json.loads(json.dumps(result)) == result
    assert result["heads"] == {
        "name": "faces",
        "images": 30,
        "window": 104,
        "train": 24,
        "test": 6,
        "splits": 2,
    }
    assert [task["name"] for task in result["tasks"]] == ["rotation", "affine"]
    assert [task["poses"] for task in result["tasks"]] == [12, 6]
    assert result["provenance"]["images"]["train"] == sorted(data.split.train)
    assert set(result["provenance"]["seconds"]) == {"rotation", "affine", "timing", "study"}
    assert studies.pose.run is run


def test_every_task_has_its_rows_curves_and_examples(result):
    for task in result["tasks"]:
        assert [r["name"] for r in task["rows"]] == ["no pose", "direct", "equivariant"]
        for r in task["rows"]:
            for name in ("mean", "median", "within"):
                assert r[name]["low"] <= r[name]["mean"] <= r[name]["high"]
            assert (r["grid"] is None) == (r["name"] == "no pose" or task["name"] == "affine")
            shares = task["cumulative"]["series"][r["name"]]
            assert len(shares) == len(task["cumulative"]["limits"])
            assert np.diff(shares).min() >= 0
            at = task["cumulative"]["limits"].index(task["near"])
            assert shares[at] == pytest.approx(r["within"]["mean"])
        rows = {r["name"]: r for r in task["rows"]}
        for name in ("mean", "median"):
            difference = rows["equivariant"][name]["mean"] - rows["direct"][name]["mean"]
            assert task["gap"][name]["mean"] == pytest.approx(difference)
        kinds = [example["kind"] for example in task["scores"]]
        assert kinds == ["typical"] * 2 + ["failure"] * 3
        errors = [example["error_equivariant"] for example in task["scores"]]
        assert errors[0] <= errors[1] <= errors[2]
        assert errors[2] == max(errors)
        for example in task["scores"]:
            for name in ("image", "undone"):
                head, code = example[name].split(",")
                assert head == "data:image/png;base64"
                assert Image.open(io.BytesIO(base64.b64decode(code))).size == (104, 104)
            assert (example["curve"] is None) == (task["name"] == "affine")


def test_angles_are_found_better_than_by_not_looking(result):
    none, direct, ours = result["tasks"][0]["rows"]
    assert none["mean"]["mean"] > 60
    assert direct["median"]["mean"] < 20
    assert ours["median"]["mean"] < 20
    assert ours["median"]["mean"] <= ours["grid"]["median"] + 2


def test_a_curve_has_its_peak_at_what_was_found(result):
    for example in result["tasks"][0]["scores"]:
        curve = example["curve"]
        assert curve["degrees"] == [30.0 * k for k in range(12)]
        best = curve["degrees"][int(np.argmax(curve["equivariant"]))]
        assert abs((best - curve["found"] + 180) % 360 - 180) <= 15
        apart = abs((curve["truth"] - curve["found"] + 180) % 360 - 180)
        assert apart == pytest.approx(example["error_equivariant"], abs=1e-6)


def test_the_leak_control_finds_nothing_and_belongs_to_rotations(result):
    rotation, affine = result["tasks"]
    assert affine["leak"] is None
    assert rotation["leak"]["chance_within"] == pytest.approx(1 / 12)
    assert rotation["leak"]["mean"] > 45  # of six test copies


def test_ways_are_timed_ours_first(result):
    timing = result["timing"]
    assert (timing["poses"], timing["images"]) == (12, 2)
    names = [r["name"] for r in timing["rows"]]
    assert names[:2] == ["equivariant, features transformed", "warp + ef.hog"]
    assert timing["rows"][0]["ratio"] == 1
    for r in timing["rows"]:
        assert r["microseconds"] > 0
        assert r["ratio"] == pytest.approx(r["microseconds"] / timing["rows"][0]["microseconds"])


def test_opencv_undoes_the_same_pose():
    cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed")
    if not hasattr(cv2, "HOGDescriptor"):
        pytest.skip("OpenCV 5 has no HOGDescriptor")
    image, g = data.face_heads().window(0), groups.rotation(50)
    descriptors = OpenCV(cv2, 104, [groups.identity(), g])
    warped = cv2.warpAffine(image, descriptors.matrices[1], (104, 104), borderMode=cv2.BORDER_REFLECT)
    assert np.abs(warped - groups.warp(image, g.inverse())[0])[30:-30, 30:-30].max() < 0.05
    assert descriptors.best(image[None])[0] in (0, 1)


def test_sentences_repeat_figures_of_the_result(result):
    rotation, affine = result["tasks"]
    text = "\n".join(result["findings"])
    for r in rotation["rows"]:
        assert f"{r['name']} {r['mean']['mean']:.1f}°" in text
    assert f"{affine['rows'][2]['median']['mean']:.3f} head widths" in text
    assert result["headline"][0]["value"] == f"{rotation['rows'][2]['median']['mean']:.1f}°"
    assert "Leak control" in text
    fastest = min(r["ratio"] for r in result["timing"]["rows"][1:])
    assert result["headline"][-1]["value"] == f"{fastest:.0f}×"


def test_an_interrupted_study_goes_on_where_it_stopped(kept, few, monkeypatch):
    config, result = kept
    monkeypatch.setattr(data, "face_heads", lambda: few)
    monkeypatch.setattr(
        "equivfast.pose.regressor.PoseRegressor.fit_features", lambda *_: pytest.fail("learned again")
    )
    again = run(replace(config, resume=True))
    for part in ("tasks", "timing", "headline", "findings"):
        assert again[part] == result[part]
    other = replace(config, resume=True, seed=1)
    with pytest.raises(pytest.fail.Exception, match="learned again"):
        run(other)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tasks": ()}, "tasks must be among rotation, affine, got none"),
        ({"tasks": ("scale",)}, "got scale"),
        ({"splits": 0}, "splits must be at least 1"),
        ({"train": 2}, "train must be at least 6"),
        ({"poses": 2}, "poses must be at least 3"),
        ({"affine_poses": 1}, "affine_poses must be at least 2"),
        ({"windows": 5}, "windows must be at least 10"),
        ({"lambdas": (0.0,)}, "lambdas must be"),
        ({"leak_splits": -1}, "leak_splits must be at least 0"),
        ({"threads": 0}, "threads must be at least 1, got 0"),
    ],
)
def test_settings_that_make_no_sense_are_named(change, message):
    with pytest.raises(ValueError, match=f"pose: {message}|{message}"):
        replace(SMALL, **change)


def test_too_few_heads_are_named():
    with pytest.raises(
        ValueError, match="train must leave at least 4 heads to test, got 97 of 100 heads in faces"
    ):
        run(replace(SMALL, train=97))
    with pytest.raises(ValueError, match="boxed_heads: path must hold"):
        run(replace(SMALL, heads="nowhere"))


def test_training_and_test_heads_never_meet_and_groups_stay_together():
    heads = data.face_heads()
    pairs = data.Heads("pairs", heads.images, heads.centres, heads.widths, heads.names, np.arange(100) // 2)
    for seed in range(3):
        learned = copies.split(pairs, 60, seed)
        assert learned.sum() == 60
        assert np.array_equal(learned[::2], learned[1::2])
    assert not np.array_equal(copies.split(heads, 60, 0), copies.split(heads, 60, 1))


def test_copies_are_of_the_set_mirrored_and_turned_beforehand_where_told(few):
    task = Rotation(12, 0)
    train = copies.training(few, task, 2, seed=0)
    assert len(train) == 4 * len(few)
    assert all(train.poses[k] == task.poses[train.index[k]] for k in range(len(train)))
    assert [g.is_identity for g in train.before[:2]] == [True, False]
    plain, mirrored = train.images([0, 1])
    undone = few.window(0, train.poses[1] @ groups.hflip())
    assert np.array_equal(mirrored, undone)
    assert np.array_equal(plain, few.window(0, train.poses[0]))
    scrambled = copies.testing(few, task, 1, seed=0, scrambled=True)
    assert len({g.matrix for g in scrambled.before}) == len(few)


def test_affine_poses_are_centres_of_what_is_drawn():
    task = Affine(24, 0)
    rng = np.random.default_rng(5)
    drawn = task.drawn(rng, 200)
    assert len(set(task.poses)) == 24
    assert all(np.allclose(g.offset, 0) for g in task.poses)
    nearest = task.table(drawn).min(1)
    alone = task.table(drawn)[:, 0]
    assert nearest.mean() < 0.5 * alone.mean()
    for g in drawn:
        spans = np.linalg.svd(g.linear, compute_uv=False)
        assert 0.6 < spans[1] <= spans[0] < 1.6
    point = HEAD * np.array(POINTS)
    apart = [np.linalg.norm(drawn[0](p) - drawn[1](p)) for p in point]
    assert task.errors(drawn[:1], drawn[1:2])[0] == pytest.approx(np.mean(apart) / HEAD)


def test_intervals_are_paired_and_draw_whole_heads():
    rng = np.random.default_rng(0)
    head_of = np.repeat(np.arange(30), 4)
    hard = np.repeat(rng.exponential(5, 30), 4)  # of a head, not of a copy
    draws = Bootstrap(head_of, seed=0)
    spread = draws.mean(hard)
    wanted = hard.std() / np.sqrt(30) * 2 * 1.645
    assert spread["high"] - spread["low"] == pytest.approx(wanted, rel=0.25)
    gap = draws.gap(hard + 1, hard)
    assert gap["mean"] == pytest.approx({"mean": 1, "low": 1, "high": 1})
    assert gap["median"] == pytest.approx({"mean": 1, "low": 1, "high": 1})
    assert draws.median(hard)["mean"] == np.median(hard)
    assert draws.medians(hard).mean() == pytest.approx(np.median(hard), rel=0.3)
    found = row("x", hard, None, 5.0, draws)
    assert found["within"]["mean"] == (hard <= 5).mean()
    assert cumulative((0.0, 5.0), {"x": hard})["series"]["x"] == [0.0, (hard <= 5).mean()]
