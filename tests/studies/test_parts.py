"""The parts of the study besides its table: curves, sizes, products, filter banks, learning, patterns."""

import json
from dataclasses import replace

import pytest

from equivfast.studies import _families
from equivfast.studies._composition import source_cells
from equivfast.studies._methods import CURVE_METHODS, SIZE_METHODS
from equivfast.studies.equivariance import EquivarianceConfig, run

PARTS = ("curves", "sizes", "composition", "shared", "learning")
SMALL = EquivarianceConfig(
    transforms=("hflip", "rot:45"),
    parts=PARTS,
    train_windows=200,
    test_windows=60,
    curve_windows=150,
    field=3,
    sizes=(3, 5),
    detailed=("rot:45",),
    compositions=("rot:45*hflip", "rot:45*rot:45"),
)


@pytest.fixture(scope="module", autouse=True)
def few_points():
    """Three points of each curve."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_families, "DEGREES", (0, 45, 180))
        patch.setattr(_families, "FACTORS", (0.5, 1.0, 1.25))
        patch.setattr(_families, "CELLS", (0.0, 0.5, 1.0))
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("study")


@pytest.fixture(scope="module")
def result(folder, few_points) -> dict:
    return run(replace(SMALL, out=str(folder)))


def test_the_full_curves_are_those_of_the_paper():
    family = _families.families(8)
    with pytest.MonkeyPatch.context() as patch:
        patch.undo()
    assert set(family) == {"rotation", "scale", "shift"}
    assert [g.name for g in family["shift"][2]] == ["shift:0,0", "shift:4,0", "shift:8,0"]


@pytest.mark.parametrize(
    "family,parameter", [("rotation", "degrees"), ("scale", "factors"), ("shift", "cells")]
)
def test_curves_hold_every_method_with_its_interval(result, family, parameter):
    curve = result["curves"][family]
    assert len(curve[parameter]) == 3
    for method in CURVE_METHODS:
        for low, mean, high in zip(
            *(curve[part][method.name] for part in ("low", "series", "high")), strict=True
        ):
            assert 0 <= low <= mean <= high <= 1


def test_nothing_moved_costs_nothing_and_a_half_turn_is_found(result):
    curves = result["curves"]
    assert curves["rotation"]["series"]["no map"][0] == pytest.approx(0, abs=1e-6)
    assert curves["rotation"]["series"]["no map"][2] > 0.2
    assert curves["rotation"]["series"]["forward selection k=5 m=3"][2] < 0.01
    assert curves["rotation"]["series"]["cells moved"][1] > 2 * curves["rotation"]["series"]["ridge m=3"][1]
    # A shift by a whole cell moves cells and nothing else.
    assert curves["shift"]["series"]["cells moved"][2] < 0.01 < curves["shift"]["series"]["cells moved"][1]


def test_arrays_of_several_sizes(result):
    (row,) = result["sizes"]
    assert row["name"] == "rot:45" and [r["field"] for r in row["rows"]] == [3, 5]
    for size in row["rows"]:
        assert set(size["methods"]) == {m.name for m in SIZE_METHODS}
        assert size["source"] > size["field"]
        errors = {name: found["mean"] for name, found in size["methods"].items()}
        assert errors["forward selection k=5 m=3"] < 0.6 * errors["cells moved"]


def test_products_of_maps_against_the_map_of_the_product(result):
    flip, turn = result["composition"]
    assert flip["gh"] == "rot:45*hflip" and turn["g"] == turn["h"] == "rot:45"
    # The flip's own map is exact, so nothing is lost; two turns by 45 degrees blur twice what a quarter turn keeps.
    assert abs(flip["gap"]["mean"]) < 0.01
    assert turn["gap"]["low"] > 0
    assert turn["gap"]["mean"] == pytest.approx(turn["composed"]["mean"] - turn["direct"]["mean"])
    assert turn["composed"]["mean"] < turn["no map"]["mean"]
    assert turn["source"] == source_cells("rot:45*rot:45", 3, 8)


def test_one_filter_bank_for_all_cells(result):
    rows = {(r["name"], r["solver"], r["support"]): r["hellinger"]["mean"] for r in result["shared"]}
    assert len(rows) == 2 * 3 * 2
    assert rows["hflip", "forward_selection", 1] < 0.01
    controls = {m["name"]: m["hellinger"]["mean"] for m in result["transforms"][1]["methods"]}
    assert rows["rot:45", "ridge", 3] < 0.7 * controls["cells moved"]


def test_seconds_of_learning_and_patterns(result):
    learning = result["learning"]
    assert learning["outputs"] == 3 * 3 * 31 and learning["inputs"] == 7 * 7 * 31
    assert len(learning["rows"]) == 12 and all(0 < row["seconds"] < 60 for row in learning["rows"])
    dense, sparse, free = result["pattern"]
    assert dense["nonzero_share"] > sparse["nonzero_share"] and free["shape"] == [279, 1519]
    assert all(p["picture"].startswith("data:image/png;base64,") for p in result["pattern"])


def test_a_lost_piece_is_computed_again_and_gives_the_same(result, folder, tmp_path):
    pieces = sorted(path.name for path in (folder / "pieces").iterdir())
    for name in ("curve-rot_45.json", "sizes-rot_45.json", "product-rot_45_hflip.json"):
        (folder / "pieces" / name).unlink()
    again = run(replace(SMALL, out=str(folder), resume=True))
    assert sorted(path.name for path in (folder / "pieces").iterdir()) == pieces
    for part in ("curves", "sizes", "composition", "transforms", "learning", "shared"):
        assert json.dumps(again[part]) == json.dumps(result[part]), part
