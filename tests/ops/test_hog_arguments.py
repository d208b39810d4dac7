"""hog refuses what it cannot compute, in one line that says what came; NaN and infinity stay near their pixel."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

import equivfast as ef

IMAGE = torch.zeros(1, 3, 32, 40)
ARRAY = np.zeros((32, 40, 3), np.float32)

# What is spoiled -> the argument, and the whole message.
SPOILED: dict[str, tuple[dict[str, Any], str]] = {
    "no batch axis": ({"image": IMAGE[0]}, "hog: image must be (n, c, h, w), got (3, 32, 40)"),
    "five axes": ({"image": IMAGE[None]}, "hog: image must be (n, c, h, w), got (1, 1, 3, 32, 40)"),
    "numpy batch": ({"image": ARRAY[None]}, "hog: image must be (h, w) or (h, w, c), got (1, 32, 40, 3)"),
    "numpy row": ({"image": ARRAY[0, 0]}, "hog: image must be (h, w) or (h, w, c), got (3,)"),
    "half precision": (
        {"image": IMAGE.half()},
        "hog: image must be uint8 or float32 or float64, got float16",
    ),
    "integers": ({"image": IMAGE.long()}, "hog: image must be uint8 or float32 or float64, got int64"),
    "booleans": ({"image": ARRAY > 0}, "hog: image must be uint8 or float32 or float64, got bool"),
    "objects": ({"image": ARRAY.astype(object)}, "hog: image has the unsupported dtype object"),
    "list": ({"image": [[0.0, 1.0]]}, "hog: image must be a torch tensor or a NumPy array, got list"),
    "nothing": ({"image": None}, "hog: image must be a torch tensor or a NumPy array, got NoneType"),
    "sparse": (
        {"image": IMAGE.to_sparse()},
        "hog: image must be a dense tensor, got layout torch.sparse_coo",
    ),
    "no channel": ({"image": IMAGE[:, :0]}, "hog: image must have at least one channel, got (1, 0, 32, 40)"),
    "no row": (
        {"image": IMAGE[:, :, :0]},
        "hog: image 0x40 (height x width) holds no cell of 8 pixels; it must be at least 4 pixels each way",
    ),
    "below half a cell": (
        {"image": IMAGE[..., :3]},
        "hog: image 32x3 (height x width) holds no cell of 8 pixels; it must be at least 4 pixels each way",
    ),
    "below half an odd cell": (
        {"image": IMAGE[..., :3], "cell": 7},
        "hog: image 32x3 (height x width) holds no cell of 7 pixels; it must be at least 4 pixels each way",
    ),
    "no inner dpm cell": (
        {"image": IMAGE[..., :19], "variant": "dpm"},
        "hog: image 32x19 (height x width) holds no cell of 8 pixels; it must be at least 20 pixels each way",
    ),
    "huge cell": (
        {"cell": 2**62},
        f"hog: image 32x40 (height x width) holds no cell of {2**62} pixels; "
        f"it must be at least {2**61} pixels each way",
    ),
    "cell no whole number": ({"cell": 8.0}, "hog: cell must be a whole number, got 8.0"),
    "orientations a word": ({"orientations": "9"}, "hog: orientations must be a whole number, got '9'"),
    "cell zero": ({"cell": 0}, "hog: cell must be at least 1 pixel, got 0"),
    "negative cell": ({"cell": -8}, "hog: cell must be at least 1 pixel, got -8"),
    "no orientation": ({"orientations": 0}, "hog: orientations must be 1..128, got 0"),
    "too many orientations": ({"orientations": 129}, "hog: orientations must be 1..128, got 129"),
    "variant": (
        {"variant": "felzenszwalb"},
        "hog: variant must be one of uoctti, dalal-triggs, dpm, got 'felzenszwalb'",
    ),
    "assignment": (
        {"assignment": "linear"},
        "hog: assignment must be one of nearest, bilinear, got 'linear'",
    ),
    "layout": ({"layout": "NHWC"}, "hog: layout must be one of channels, cells, got 'NHWC'"),
    "dpm bilinear": (
        {"variant": "dpm", "assignment": "bilinear"},
        "hog: variant 'dpm' is defined for assignment 'nearest' only, got 'bilinear'",
    ),
}


@pytest.mark.parametrize("what", SPOILED)
def test_spoiled_argument(what: str) -> None:
    spoiled, message = SPOILED[what]
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        ef.hog(**{"image": IMAGE, **spoiled})


@pytest.mark.parametrize("what", ["cell zero", "variant", "no batch axis", "below half a cell", "integers"])
def test_the_same_words_while_tracing(what: str) -> None:
    spoiled, message = SPOILED[what]
    given = {"image": IMAGE, **spoiled}
    given["image"] = given["image"].to("meta")
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        ef.hog(**given)


@pytest.mark.parametrize(("variant", "smallest"), [("uoctti", 4), ("dalal-triggs", 4), ("dpm", 20)])
def test_smallest_accepted_image(variant: str, smallest: int) -> None:
    assert ef.hog(torch.zeros(1, 1, smallest, smallest), variant=variant).shape[2:] == (1, 1)


def test_unknown_cpu_level() -> None:
    info: dict[str, Any] = ef.build_info()
    levels, before = info["cpu_levels"], info["cpu_level"]
    wanted = re.escape(f"EQUIVFAST_CPU must be one of {', '.join(levels)} on this machine, got 'sse9'")
    with pytest.raises(ValueError, match=f"^{wanted}$"):
        ef.set_cpu_level("sse9")
    ef.set_cpu_level("baseline")
    assert ef.build_info()["cpu_level"] == "baseline"
    ef.set_cpu_level(None)
    assert ef.build_info()["cpu_level"] == levels[-1]
    ef.set_cpu_level(before)


@pytest.mark.parametrize(
    ("variant", "assignment"),
    [("uoctti", "nearest"), ("uoctti", "bilinear"), ("dalal-triggs", "bilinear"), ("dpm", "nearest")],
)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf], ids=str)
def test_a_bad_pixel_spoils_the_cells_around_it_only(
    bad: float, variant: str, assignment: str, cpu_level: str
) -> None:
    """Its gradients and its neighbours' vote into at most 2 x 2 cells here, whose blocks reach one cell further."""
    rng = np.random.default_rng(0)
    image = rng.random((96, 96)).astype(np.float32)
    clean = ef.hog(image, variant=variant, assignment=assignment)
    row, column = 41, 50  # between the centres of cell rows 4, 5 and cell columns 5, 6
    image[row, column] = bad
    spoiled = ef.hog(image, variant=variant, assignment=assignment)
    first = 1 if variant == "dpm" else 0
    near = np.zeros(clean.shape[1:], bool)
    near[4 - 1 - first : 5 + 2 - first, 5 - 1 - first : 6 + 2 - first] = True
    np.testing.assert_array_equal(spoiled[:, ~near], clean[:, ~near])
    direct = spoiled[:, 4 - first : 6 - first, 5 - first : 7 - first]
    assert np.isnan(direct).any(0).all()


def test_an_image_of_nothing_but_nan_ends_in_nan() -> None:
    for colours in (1, 3):
        out = ef.hog(torch.full((1, colours, 40, 40), torch.nan), assignment="bilinear")
        assert out.isnan().any(1).all()


def test_another_device_is_refused() -> None:
    with FakeTensorMode():
        image = torch.empty(1, 1, 32, 32, device="cuda")
    with pytest.raises(ValueError, match=r"^hog: image is on cuda:0; this version computes on the CPU only$"):
        ef.hog(image)


def test_two_devices_are_refused() -> None:
    x, index, mix = torch.ones(1, 1, 2, 2), torch.zeros(2, 2, dtype=torch.int64), torch.ones(1, 1)
    with pytest.raises(ValueError, match=r"^feature_transform: mix is on meta, but x is on cpu$"):
        ef.feature_transform(x, index, mix.to("meta"))
