"""The shipped dictionary, its file, and the symmetries that make eight atoms of one."""

from __future__ import annotations

import dataclasses
import fnmatch
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from equivfast import data, ops
from equivfast.inversion import dictionary
from equivfast.inversion.dictionary import CELLS, SETTINGS, SIDE
from equivfast.inversion.paired import standardised, windows_of

ROOT = Path(__file__).resolve().parents[2]


def described(image: torch.Tensor) -> torch.Tensor:
    """The one 5 x 5 window of a 40 x 40 image."""
    field = ops.hog(image[None, None], SETTINGS.cell, SETTINGS.orientations, SETTINGS.variant, "bilinear")
    return windows_of(field)[0]


def halved(image: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.avg_pool2d(image[None, None], 2).flatten()


@pytest.mark.parametrize("name", ["cat", "coins"])
def test_the_symmetries_are_those_of_hog(name, tolerance):
    cut = data.photographs([name])[0].image[100:140, 200:240].astype(np.float32).mean(axis=2)
    image = torch.from_numpy(cut)
    features, picture = described(image), halved(image)
    moved = [image, image.flip(1), image.flip(0), image.flip(0, 1)]
    close = tolerance("hog symmetry, bilinear", torch.float32)
    seen = 0
    for k, (from_feature, from_pixel, sign) in enumerate(dictionary.symmetries()):
        now = sign * moved[k % 4]
        torch.testing.assert_close(described(now), features[from_feature], rtol=0, atol=close)
        torch.testing.assert_close(halved(now), sign * picture[from_pixel])
        seen += 1
    assert seen == 8


def test_atoms_are_of_unit_length_without_mean_and_closed_under_the_symmetries():
    known = dictionary.shipped()
    K, d = known.features.shape
    assert (d, known.pictures.shape) == (SETTINGS.channels * CELLS**2, (K, SIDE**2)) and K % 8 == 0
    torch.testing.assert_close(known.features.norm(dim=1), torch.ones(K))
    assert known.features.mean(1).abs().max() < 1e-4
    torch.testing.assert_close(known.gram, known.features @ known.features.T)
    for from_feature, from_pixel, sign in dictionary.symmetries():
        nearest = (known.features[:5, from_feature] @ known.features.T).max(1)
        torch.testing.assert_close(nearest.values, torch.ones(5), rtol=0, atol=1e-5)
        torch.testing.assert_close(known.pictures[nearest.indices], sign * known.pictures[:5, from_pixel])


def test_the_shipped_file_is_small_packaged_and_learned_from_training_photographs_only():
    path = dictionary.shipped_file()
    assert path.stat().st_size <= 700_000
    declared = re.search(r"^equivfast = \[(.*)\]$", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)[1]
    inside = path.relative_to(path.parents[2]).as_posix()
    assert any(fnmatch.fnmatch(inside, pattern) for pattern in re.findall(r'"([^"]+)"', declared))
    description = dictionary.read(path)[1]
    assert description["photographs"] == list(data.split.train)
    assert not set(description["photographs"]) & set(data.split.test)


def test_what_is_written_is_read(tmp_path):
    draw = torch.Generator().manual_seed(0)
    features, _ = standardised(torch.rand((3, 775), generator=draw))
    pictures = torch.randn((3, 400), generator=draw)
    dictionary.write(tmp_path / "d.safetensors", 2 * features, pictures, {"penalty": 0.25, "seed": 3})
    known, description = dictionary.read(tmp_path / "d.safetensors")
    assert description == {"penalty": 0.25, "seed": 3} and known.penalty == 0.25
    torch.testing.assert_close(known.features[:3], features, rtol=0, atol=1e-4)
    torch.testing.assert_close(known.pictures[:3], pictures / 2, rtol=2e-3, atol=1e-3)
    assert dataclasses.is_dataclass(known) and len(known.gram) == 24


def test_other_files_are_refused(tmp_path):
    (tmp_path / "text").write_text("no tensors")
    with pytest.raises(ValueError, match=r"invert: .*text holds no dictionary"):
        dictionary.read(tmp_path / "text")
    save_file({"features": torch.zeros(1, 775)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match=r"other\.safetensors holds no dictionary: it has no entry"):
        dictionary.read(tmp_path / "other.safetensors")
