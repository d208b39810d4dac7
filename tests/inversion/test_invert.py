"""What invert takes, gives back and refuses."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from equivfast import data, ops
from equivfast.groups import hflip
from equivfast.inversion import invert, pairable
from equivfast.representations import HOG

PHI = HOG()
FIELD = ops.hog(data.photographs(["cat"])[0].image[60:164, 100:228], assignment="bilinear")  # (31, 13, 16)
METHODS = ("paired", "gradient")
FEW = 12  # steps: enough to see that the gradient runs


@pytest.mark.parametrize("method", METHODS)
def test_numpy_and_torch_single_and_batched(method):
    one = invert(FIELD, PHI, method, steps=FEW)
    assert isinstance(one, np.ndarray) and one.dtype == np.float32 and one.shape == (104, 128)
    assert one.min() >= 0 and one.max() <= 255 and one.std() > 20
    tensor = torch.from_numpy(np.stack([FIELD, FIELD[:, ::-1].copy()]))
    both = invert(tensor, PHI, method, steps=FEW)
    assert isinstance(both, torch.Tensor) and both.dtype == torch.float32 and both.shape == (2, 104, 128)
    assert not both.requires_grad
    np.testing.assert_allclose(both[0].numpy(), one, atol=0.5)
    assert float((both[0] - both[1]).abs().mean()) > 10
    np.testing.assert_array_equal(invert(FIELD.astype(np.float64), PHI, method, steps=FEW), one)
    assert invert(tensor[:0], PHI, method).shape == (0, 104, 128)


@pytest.mark.parametrize("method", METHODS)
def test_the_picture_has_the_size_of_its_image(method):
    image = data.photographs(["coins"])[0].image[:75, :101]
    field = ops.hog(image, assignment="bilinear")
    assert invert(field, PHI, method, size=(75, 101), steps=FEW).shape == (75, 101)
    assert invert(field, PHI, method, steps=FEW).shape == (8 * field.shape[1], 8 * field.shape[2])
    with pytest.raises(
        ValueError, match=r"invert: size must be the \(h, w\) of an image with 9x13 cells, got"
    ):
        invert(field, PHI, method, size=(76, 101))


@pytest.mark.parametrize("cells", [(1, 1), (2, 9), (6, 5)])
def test_small_fields(cells):
    field = FIELD[:, 3 : 3 + cells[0], 4 : 4 + cells[1]]
    assert invert(field).shape == (8 * cells[0], 8 * cells[1])


def test_the_picture_of_nothing_is_even_grey():
    for method in METHODS:
        seen = invert(np.zeros((31, 6, 7), np.float32), PHI, method, steps=FEW)
        assert seen.std() < 1 and 120 < seen.mean() < 135, method


def test_a_flipped_field_has_the_flipped_picture():
    """The dictionary is closed under flips; what the lasso has left to do after its sweeps differs a little."""
    flipped = np.ascontiguousarray(FIELD[PHI.channel_action(hflip())][:, :, ::-1])
    # 16 columns: windows of a field lie at other cells than those of its mirror image; 15 have the same.
    odd, odd_flipped = FIELD[:, :, :15], flipped[:, :, 1:]
    seen, mirrored = invert(odd), invert(odd_flipped)[:, ::-1]
    assert np.corrcoef(seen.ravel(), mirrored.ravel())[0, 1] > 0.98


def test_the_opposite_field_has_the_negative_picture():
    opposite = FIELD.copy()
    opposite[:18] = np.roll(FIELD[:18], 9, axis=0)
    assert np.corrcoef(invert(FIELD).ravel(), invert(opposite).ravel())[0, 1] < -0.98


def test_descent_is_seeded_and_tells_how_far_it_is():
    phi = HOG(cell=6, orientations=8)
    field = ops.hog(data.photographs(["coins"])[0].image[:60, :72], 6, 8, assignment="bilinear")
    told: list[tuple[str, int, int]] = []

    def pictures(seed: int) -> np.ndarray:
        return invert(field, phi, "gradient", steps=20, seed=seed, progress=lambda *step: told.append(step))

    first = pictures(1)
    np.testing.assert_array_equal(first, pictures(1))
    assert np.abs(first - pictures(2)).mean() > 1
    assert {stage for stage, _, _ in told} == {"inversion"}
    done = [step[1] for step in told[: len(told) // 3]]
    assert done == sorted(done) and told[len(done) - 1][1] == told[0][2] and len(done) > 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"field": FIELD[0]},
            r"invert: field must be \(31, H, W\) or \(n, 31, H, W\) for uoctti .*got \(13, 16\)",
        ),
        ({"field": FIELD[:28]}, r"invert: field must be \(31, H, W\).*got \(28, 13, 16\)"),
        ({"field": FIELD[:, :0]}, r"invert: field must be .*got \(31, 0, 16\)"),
        (
            {"field": FIELD.astype(np.int64)},
            r"invert: field must hold floating-point numbers, got torch\.int64",
        ),
        (
            {"field": np.where(FIELD > 0.1, np.nan, FIELD)},
            "invert: field must be finite, got NaN or infinity",
        ),
        ({"method": "nearest"}, "invert: method must be one of paired, gradient, got 'nearest'"),
        ({"phi": "hog"}, r"invert: phi must be a representations\.HOG, got 'hog'"),
        ({"steps": 0}, "invert: steps must be at least 1, got 0"),
        ({"size": (104, 200)}, "invert: size must be .* 13x16 cells, got .*13x25"),
    ],
)
def test_wrong_input_is_named(change, message):
    arguments = {"field": FIELD, "phi": PHI, "method": "paired", **change}
    with pytest.raises(ValueError, match=message) as raised:
        invert(**arguments)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"cell": 4},
        {"orientations": 8},
        {"variant": "dalal-triggs"},
        {"variant": "dpm", "assignment": "nearest"},
    ],
)
def test_paired_says_what_it_knows_and_what_knows_more(settings):
    phi = HOG(**settings)
    assert not pairable(phi)
    field = np.zeros((phi.channels, 5, 5), np.float32)
    known = "'paired' knows variant 'uoctti' with cell 8 and 9 orientations only, 'gradient' works for every HOG; got"
    with pytest.raises(ValueError, match=f"invert: method {known}"):
        invert(field, phi)
    assert pairable(HOG(assignment="nearest")) and pairable(PHI)
