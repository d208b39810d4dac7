"""Pieces of a study survive an interruption and are not taken up under other settings."""

import json

import pytest

from equivfast.studies._run import Pieces


class Computed:
    def __init__(self, value):
        self.value, self.calls = value, 0

    def __call__(self):
        self.calls += 1
        return {"value": self.value}


def test_a_piece_is_read_back_on_resume(tmp_path):
    first, second = Computed(1), Computed(2)
    assert Pieces(tmp_path, {"seed": 0}, resume=False).get("rot:45", first) == {"value": 1}
    assert Pieces(tmp_path, {"seed": 0}, resume=True).get("rot:45", second) == {"value": 1}
    assert (first.calls, second.calls) == (1, 0)


def test_without_resume_or_with_other_settings_it_is_computed_anew(tmp_path):
    Pieces(tmp_path, {"seed": 0}, resume=False).get("a", Computed(1))
    assert Pieces(tmp_path, {"seed": 0}, resume=False).get("a", Computed(2)) == {"value": 2}
    assert Pieces(tmp_path, {"seed": 1}, resume=True).get("a", Computed(3)) == {"value": 3}


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", json.dumps({"settings": "x", "piece": 3})])
def test_damaged_pieces_are_computed_anew(tmp_path, content):
    pieces = Pieces(tmp_path, {"seed": 0}, resume=True)
    (tmp_path / "a.json").write_text(content)
    assert pieces.get("a", Computed(5)) == {"value": 5}
    assert json.loads((tmp_path / "a.json").read_text())["piece"] == {"value": 5}


def test_names_cannot_leave_the_folder(tmp_path):
    pieces = Pieces(tmp_path / "pieces", {}, resume=False)
    pieces.get("../../escape/rot:45*shift:1,2", Computed(1))
    assert [p.parent for p in tmp_path.rglob("*.json")] == [tmp_path / "pieces"]


def test_without_a_folder_nothing_is_kept():
    compute = Computed(1)
    pieces = Pieces(None, {}, resume=True)
    pieces.get("a", compute)
    pieces.get("a", compute)
    assert compute.calls == 2
