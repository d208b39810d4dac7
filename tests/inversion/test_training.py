"""tools/train_hog_inversion.py: the same file every time, and the shipped one is its work."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest
import torch

from equivfast import data, ops
from equivfast.inversion import dictionary
from equivfast.inversion.paired import invert_paired
from equivfast.maps import relative_l2

TOOL = runpy.run_path(str(Path(__file__).resolve().parents[2] / "tools/train_hog_inversion.py"))
SHORT = ("--atoms", "8", "--steps", "3", "--batch", "100", "--windows", "20", "--photographs", "cat")


def train(out: Path, *words: str) -> None:
    TOOL["main"](["--out", str(out), *words])


def unexplained(known: dictionary.Dictionary) -> float:
    """Relative L2 between HOG of a photograph nobody learned from and HOG of its inversion."""
    image = torch.from_numpy(data.photographs(["cat"])[0].image[:160, :240].astype(np.float32).mean(axis=2))
    field = ops.hog(image[None, None], assignment="bilinear")
    seen = invert_paired(field, (160, 240), known)
    return relative_l2(ops.hog(seen[:, None], assignment="bilinear"), field)


def test_a_short_run_repeats_itself_and_learns(tmp_path, capsys):
    train(tmp_path / "a", *SHORT)
    said = capsys.readouterr().out
    train(tmp_path / "b", *SHORT)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert "windows of cat" in said
    shares = [float(line.split()[3]) for line in said.splitlines() if line.startswith("step")]
    assert len(shares) == 2 and shares[1] < shares[0]
    known, description = dictionary.read(tmp_path / "a")
    assert len(known.features) == 8 * 8
    assert (description["photographs"], description["steps"], description["seed"]) == (["cat"], 3, 0)


def test_the_shipped_file_says_that_the_defaults_made_it():
    defaults = vars(TOOL["options"]().parse_args([]))
    known, description = dictionary.read(dictionary.shipped_file())
    assert defaults.pop("out") == dictionary.shipped_file()
    assert description == defaults
    assert len(known.features) == 8 * defaults["atoms"]


@pytest.mark.long
def test_learning_again_gives_a_dictionary_as_good(tmp_path):
    """Sums differ between machines, and over many steps so do atoms: what has to come back is what they are worth."""
    train(tmp_path / "again")
    known, description = dictionary.read(tmp_path / "again")
    assert description == dictionary.read(dictionary.shipped_file())[1]
    assert unexplained(known) == pytest.approx(unexplained(dictionary.shipped()), abs=0.02)
    chance = torch.Generator().manual_seed(0)
    atoms = torch.randn((128, 775), generator=chance), torch.randn((128, 400), generator=chance)
    assert unexplained(dictionary.complete(*atoms, 0.05)) > unexplained(known) + 0.1
