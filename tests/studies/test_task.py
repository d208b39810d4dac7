"""A classifier of upright images survives a transformation when its features are mapped back, and only then."""

from __future__ import annotations

import csv
import math
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from equivfast import data
from equivfast.data import TaskImages
from equivfast.groups import (
    Grid,
    Transform,
    hflip,
    identity,
    neighbourhood,
    rotation,
    scaling,
    translation,
    window,
)
from equivfast.representations import HOG
from equivfast.studies._run import Pieces
from equivfast.studies._task import BACK, MOVED, NO_MAP, TaskCheck
from equivfast.studies._task_images import accuracy, fields_of, largest_field
from equivfast.studies._windows import cells_needed

Generic = Callable[[Transform, int, int], tuple[torch.Tensor, torch.Tensor]]
PHI = HOG()
DEGREES, FACTORS = (0, 45, 90, 135, 180), (0.5, 0.7071, 1.4142, 2.0)


@pytest.fixture(scope="module")
def generic() -> Generic:
    """Pairs of 250 windows of the embedded photographs, grey, with all around them that a transformation brings in."""
    room = 264
    photographs = data.photographs(data.split.train)
    places = data.windows(photographs, 250, size=room, seed=0, reach=room / 2 - 1, min_contrast=10)
    pieces = []
    for index, centre in places:
        cut, _ = window(photographs[index].image, centre, room)
        pieces.append(torch.from_numpy(cut.mean(axis=2) / 255)[None])
    stack, middle = torch.stack(pieces).float(), ((room - 1) / 2, (room - 1) / 2)

    def field(g: Transform, cells: int) -> torch.Tensor:
        found, _ = window(stack, middle, (cells + 4) * PHI.cell, g)
        return PHI(found)[..., 2:-2, 2:-2].contiguous()

    return lambda g, source, target: (field(g, source), field(identity(), target))


def fresh(name: str, compute: Callable[[], dict]) -> dict:
    return compute()


@pytest.fixture(scope="module")
def faces(generic: Generic) -> TaskCheck:
    return TaskCheck(data.faces(), PHI, generic, seed=0)


@pytest.fixture(scope="module")
def result(faces: TaskCheck) -> dict:
    return faces.run(DEGREES, FACTORS, fresh)


def shuffled(images: TaskImages) -> TaskImages:
    return replace(images, labels=np.random.default_rng(1).permutation(images.labels))


# ---- faces -------------------------------------------------------------------------------------


def test_the_result_has_the_shape_that_the_report_reads(result):
    assert {key: result[key] for key in ("name", "positives", "train", "test", "field")} == {
        "name": "faces",
        "positives": "faces",
        "train": 100,
        "test": 100,
        "field": [9, 9],
    }
    assert result["negatives"] and result["method"] == "forward selection k=5 m=3"
    assert result["curves"]["rotation"]["degrees"] == list(DEGREES)
    assert result["curves"]["scale"]["factors"] == list(FACTORS)
    for curve, count in (("rotation", len(DEGREES)), ("scale", len(FACTORS))):
        low, mean, high = (result["curves"][curve][part] for part in ("low", "series", "high"))
        assert set(low) == set(mean) == set(high) == {NO_MAP, MOVED, BACK}
        for m in mean:
            assert len(low[m]) == len(mean[m]) == len(high[m]) == count
            for a, b, c in zip(low[m], mean[m], high[m], strict=True):
                assert 0 <= a <= b <= c <= 1


def test_upright_faces_are_told_from_backgrounds(result):
    assert result["upright"]["mean"] >= 0.92
    assert result["upright"]["low"] < result["upright"]["mean"] < result["upright"]["high"]


def test_mapped_back_stays_near_upright_everywhere(result):
    for curve in result["curves"].values():
        assert min(curve["series"][BACK]) >= result["upright"]["mean"] - 0.05


def test_without_a_map_accuracy_falls_towards_chance(result):
    turned = result["curves"]["rotation"]["series"]
    for degrees in (45, 90, 135):
        at = DEGREES.index(degrees)
        assert turned[NO_MAP][at] < 0.75
        assert turned[BACK][at] > turned[NO_MAP][at] + 0.2
    resized = result["curves"]["scale"]["series"]
    for at in (0, -1):
        assert resized[BACK][at] > resized[NO_MAP][at] + 0.1


def test_cells_moved_alone_do_not_bring_the_accuracy_back(result):
    turned = result["curves"]["rotation"]["series"]
    for degrees in (90, 135, 180):
        at = DEGREES.index(degrees)
        assert turned[BACK][at] > turned[MOVED][at] + 0.2
    assert turned[BACK][1] >= turned[MOVED][1]


def test_the_identity_changes_nothing(result):
    at = DEGREES.index(0)
    for m in (NO_MAP, MOVED, BACK):
        assert result["curves"]["rotation"]["series"][m][at] == pytest.approx(
            result["upright"]["mean"], abs=0.011
        )


def test_shuffled_labels_score_chance(faces):
    """The leak control: nothing but the labels tells the classes apart, mapped back or not."""
    check = replace(faces, images=shuffled(faces.images))
    values = [check.upright()["accuracy"]["mean"]]
    values += [check.point(rotation(45))[m]["mean"] for m in (NO_MAP, MOVED, BACK)]
    assert min(values) > 0.3 and max(values) < 0.7


def test_the_same_seed_gives_the_same_numbers_and_another_splits_anew(faces, result):
    again = TaskCheck(data.faces(), PHI, faces.generic, seed=0).run((45,), (2.0,), fresh)
    for curve, at in (("rotation", DEGREES.index(45)), ("scale", FACTORS.index(2.0))):
        for part in ("low", "series", "high"):
            for m, values in again["curves"][curve][part].items():
                assert values[0] == result["curves"][curve][part][m][at]
    other = replace(faces, seed=1)
    assert set(other.sides[1].tolist()) != set(faces.sides[1].tolist())


# ---- geometry ----------------------------------------------------------------------------------


@pytest.mark.parametrize("g", [translation(16, -8), translation(-24, 8)])
def test_a_shift_by_whole_cells_is_undone_by_moving_cells(faces, g):
    upright = faces.upright()["accuracy"]
    point = faces.point(g)
    assert point[MOVED] == upright
    assert point[BACK]["mean"] >= upright["mean"] - 0.02


@pytest.mark.parametrize(
    "g", [rotation(30), rotation(45), scaling(0.5), scaling(2), translation(9, 3), hflip()]
)
def test_cells_read_hold_the_neighbourhood_of_every_cell(g):
    """A map back from that many cells has nothing outside; from fewer it has."""
    reads, target = cells_needed(g.inverse(), 9, 8, 3), Grid.centred(9, 9, 8)
    assert (neighbourhood(g.inverse(), Grid.centred(reads, reads, 8), target, 3) >= 0).all()
    assert (neighbourhood(g.inverse(), Grid.centred(reads - 2, reads - 2, 8), target, 3) < 0).any()


@pytest.mark.parametrize("degrees", [0, 20, 45])
def test_what_a_map_reads_under_rotation_lies_in_the_image(degrees):
    """Another border rule changes no cell that the largest field's map reads."""
    pixels, g = 152, rotation(degrees)
    field = largest_field(pixels, 8, 3)
    assert field == 9
    reads = cells_needed(g.inverse(), field, 8, 3)
    image = torch.rand(1, 1, pixels, pixels, generator=torch.Generator().manual_seed(0))
    views = []
    for border in ("reflect", "edge"):
        seen, _ = window(image, (75.5, 75.5), (reads + 4) * 8, g, border=border)
        views.append(PHI(seen)[0, :, 2:-2, 2:-2].flatten(1))
    target, source = (Grid.centred(n, n, 8) for n in (field, reads))
    used = np.unique(neighbourhood(g.inverse(), source, target, 3))
    assert (views[0] - views[1])[:, used].abs().max() < 1e-4


def test_fields_are_those_of_the_representation_whatever_the_kind_of_image():
    rng = np.random.default_rng(0)
    grey = rng.integers(0, 256, (40, 72, 72), dtype=np.uint8)
    kinds = [grey, np.repeat(grey[..., None], 3, axis=3), (grey / 255).astype(np.float32)]
    labels, which = np.arange(40) < 20, np.array([3, 30])
    fields = [
        fields_of(TaskImages("noise", "", "", x, labels, np.arange(40)), which, PHI, identity(), 5)
        for x in kinds
    ]
    whole = PHI(torch.from_numpy(grey[which] / 255).float()[:, None])[..., 2:-2, 2:-2]
    for field in fields:
        torch.testing.assert_close(field, whole, atol=1e-5, rtol=0)


def test_accuracy_weighs_both_classes_the_same():
    """Always "no" is right on 90 of 100 images, and no better than chance."""
    labels, groups = np.arange(100) < 10, np.arange(100)
    assert accuracy(~labels, labels, groups, seed=0) == {"mean": 0.5, "low": 0.5, "high": 0.5}
    found = accuracy(np.arange(100) % 10 < 8, labels, groups, seed=0)
    assert found["mean"] == pytest.approx(0.8)
    assert 0.6 < found["low"] < 0.75 and 0.85 < found["high"] < 0.98
    # Ten images of one person are no ten answers.
    assert accuracy(groups < 50, groups % 2 == 0, groups // 50, seed=0) == {
        "mean": 0.5,
        "low": 0.0,
        "high": 1.0,
    }


# ---- pieces, errors ----------------------------------------------------------------------------


def test_an_interrupted_run_goes_on_where_it_stopped(faces, tmp_path):
    faces, asked = replace(faces, field=3), []

    def counting(g: Transform, source: int, target: int) -> tuple[torch.Tensor, torch.Tensor]:
        if len(asked) == 2:
            raise KeyboardInterrupt
        asked.append(g.name)
        return faces.generic(g, source, target)

    pieces = Pieces(tmp_path, {}, resume=True)
    with pytest.raises(KeyboardInterrupt):
        replace(faces, generic=counting).run((45, 90), (2.0,), pieces.get)
    asked.clear()
    stages = []
    progress = lambda *told: stages.append(told)  # noqa: E731
    resumed = replace(faces, generic=counting, progress=progress).run((45, 90), (2.0,), pieces.get)
    assert asked == ["scale:2"]
    assert stages == [("task faces", 1, 3), ("task faces", 2, 3), ("task faces", 3, 3)]
    assert resumed == faces.run((45, 90), (2.0,), fresh)


def test_pieces_of_other_images_are_not_taken_up(faces):
    names = []
    for images in (faces.images, shuffled(faces.images)):
        replace(faces, images=images, field=3).run(
            (), (1.0,), lambda name, compute: names.append(name) or fresh(name, compute)
        )
    assert len(set(names)) == 4


def test_images_too_small_and_even_fields_are_refused(faces):
    with pytest.raises(ValueError, match=r"TaskCheck: images must be at least 78 pixels wide .* got 77"):
        replace(faces, images=data.faces(77)).run((), (), fresh)
    assert replace(faces, images=data.faces(78)).cells == 3
    with pytest.raises(ValueError, match=r"TaskCheck: field must be an odd number of cells, got 4"):
        replace(faces, field=4).run((), (), fresh)


# ---- real photographs --------------------------------------------------------------------------


def cut_cat_heads(pets: Path, others: Path, out: Path, side: int = 200, seed: int = 0) -> None:
    """Squares twice as wide as a cat's head around it, and squares as large of other photographs.

    Where a head's square leaves its photograph stands the mirror image; what is classified upright lies further in.
    """
    rng, sides = np.random.default_rng(seed), []

    def save(kind: str, name: str, image: np.ndarray, centre: tuple[float, float], width: float) -> None:
        cut, _ = window(image, centre, side, scaling(side / width))
        path = out / kind / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(cut.clip(0, 255).round().astype(np.uint8)).save(path)

    for file in sorted((pets / "xmls").glob("*.xml")):
        box = {edge.tag: int(edge.text) for edge in ElementTree.parse(file).getroot().find(".//bndbox")}
        image = data.read_image(pets / "images" / f"{file.stem}.jpg")
        centre = (box["xmin"] + box["xmax"]) / 2, (box["ymin"] + box["ymax"]) / 2
        sides.append(2 * max(box["xmax"] - box["xmin"], box["ymax"] - box["ymin"]))
        save("positive", file.stem, image, centre, sides[-1])
    with open(others / "labels.csv", newline="") as table:
        files = [row["file"] for row in csv.DictReader(table) if "cat" not in row["name"].lower()]
    for name in files:
        image = data.read_image(others / name)
        height, width = image.shape[:2]
        wanted = min(float(rng.choice(sides)), height - 1, width - 1)
        x, y = (rng.uniform((wanted - 1) / 2, length - 1 - (wanted - 1) / 2) for length in (width, height))
        save("negative", Path(name).stem, image, (x, y), wanted)


@pytest.fixture(scope="module")
def cats(test_data: Path, tmp_path_factory: pytest.TempPathFactory) -> TaskImages:
    folder = tmp_path_factory.mktemp("tasks") / "cat heads"
    cut_cat_heads(test_data / "pets_abyssinian", test_data / "imagenet_samples", folder)
    return data.two_classes(folder)


@pytest.mark.long
def test_cat_heads_are_recognised_when_mapped_back(cats, generic):
    assert cats.labels.sum() >= 95 and (~cats.labels).sum() >= 250
    check = TaskCheck(cats, PHI, generic, seed=0)
    found = check.run((0, 45, 90, 180), (0.7071, 1.4142), fresh)
    upright, turned = found["upright"]["mean"], found["curves"]["rotation"]["series"]
    assert upright >= 0.9
    for at in (1, 2, 3):
        assert turned[BACK][at] >= upright - 0.05
        assert turned[BACK][at] >= turned[NO_MAP][at] + 0.15
    assert math.isclose(turned[NO_MAP][0], upright)
    assert min(found["curves"]["scale"]["series"][BACK]) >= upright - 0.08
