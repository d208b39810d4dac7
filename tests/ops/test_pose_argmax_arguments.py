"""pose_argmax refuses what it cannot compute, in one line that says what came."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch

import equivfast as ef
from equivfast.groups import hflip

F, T, B = torch.ones(2, 3, 8, 9), torch.ones(5, 3, 4, 6), torch.ones(5)  # 5 x 4 positions
GIVEN: dict[str, Any] = {"features": F, "templates": T, "bias": B}
PLACES, MASK, NEAR = torch.zeros(7, 2, dtype=torch.int64), torch.ones(5, 4) > 0, torch.ones(5, 5) > 0
IMAGE = {"over": "image"}


def spoiled(tensor: torch.Tensor, value: float, *at: int) -> torch.Tensor:
    tensor = tensor.clone()
    tensor[at] = value
    return tensor


# What is spoiled -> the arguments, and the message after "pose_argmax: ".
SPOILED: dict[str, tuple[dict[str, Any], str]] = {
    "features rank": ({"features": F[0]}, "features must be (n, c, h, w), got (3, 8, 9)"),
    "features list": ({"features": [1.0]}, "features must be a torch tensor or a NumPy array, got list"),
    "features dtype": ({"features": F.double()}, "features must be float32, got float64"),
    "features uint8": ({"features": F.to(torch.uint8)}, "features must be float32, got uint8"),
    "features sparse": (
        {"features": F.to_sparse()},
        "features must be a dense tensor, got layout torch.sparse_coo",
    ),
    "features channels": ({"features": F[:, :2]}, "features have 2 channels, but templates 3"),
    "template too high": (
        {"features": F[:, :, :3]},
        "templates of 4x6 cells do not fit into features of 3x9 (height x width)",
    ),
    "template too wide": (
        {"features": F[..., :5]},
        "templates of 4x6 cells do not fit into features of 8x5 (height x width)",
    ),
    "no cell": (
        {"features": F[:, :, :0]},
        "templates of 4x6 cells do not fit into features of 0x9 (height x width)",
    ),
    "templates rank": ({"templates": T[0]}, "templates must be (g, c, kh, kw), got (3, 4, 6)"),
    "templates list": ({"templates": [1.0]}, "templates must be a torch tensor or a NumPy array, got list"),
    "templates dtype": ({"templates": T.double()}, "templates must be float32, got float64"),
    "no template": (
        {"templates": T[:0], "bias": None},
        "templates must hold at least one template of one cell, got (0, 3, 4, 6)",
    ),
    "no cell of a template": (
        {"templates": T[:, :, :0]},
        "templates must hold at least one template of one cell, got (5, 3, 0, 6)",
    ),
    "no channel": (
        {"features": F[:, :0], "templates": T[:, :0]},
        "templates must hold at least one template of one cell, got (5, 0, 4, 6)",
    ),
    "templates nan": (
        {"templates": spoiled(T, torch.nan, 3, 1, 2, 5)},
        "templates must be finite, got NaN or infinity at pose 3",
    ),
    "templates infinite": (
        {"templates": spoiled(T, -torch.inf, 4, 0, 0, 0)},
        "templates must be finite, got NaN or infinity at pose 4",
    ),
    "bias shape": ({"bias": torch.ones(4)}, "bias must be (5,), got (4,)"),
    "bias rank": ({"bias": torch.ones(5, 1)}, "bias must be (g,), got (5, 1)"),
    "bias dtype": ({"bias": B.double()}, "bias must be float32, got float64"),
    "bias nan": ({"bias": spoiled(B, torch.nan, 2)}, "bias must be finite, got NaN or infinity at pose 2"),
    "over": ({"over": "pose"}, "over must be one of location, image, got 'pose'"),
    "top_k zero": ({**IMAGE, "top_k": 0}, "top_k must be at least 1, got 0"),
    "top_k fraction": ({**IMAGE, "top_k": 1.0}, "top_k must be a whole number, got 1.0"),
    "top_k true": ({**IMAGE, "top_k": True}, "top_k must be a whole number, got True"),
    "top_k of locations": (
        {"top_k": 2},
        "top_k=2 needs over='image'; over='location' gives one pose for every position",
    ),
    "nms of locations": (
        {"nms": 1},
        "nms=1 needs over='image'; over='location' gives one pose for every position",
    ),
    "nms negative": (
        {**IMAGE, "nms": -1},
        "nms must be a radius of at least 0 cells, or (radius, neighbours), got -1",
    ),
    "nms nan": (
        {**IMAGE, "nms": float("nan")},
        "nms must be a radius of at least 0 cells, or (radius, neighbours), got nan",
    ),
    "nms text": (
        {**IMAGE, "nms": "3"},
        "nms must be a radius of at least 0 cells, or (radius, neighbours), got '3'",
    ),
    "neighbours shape": (
        {**IMAGE, "nms": (1, NEAR[:4])},
        "neighbours of nms must be (5, 5), got (4, 5)",
    ),
    "neighbours rank": ({**IMAGE, "nms": (1, NEAR[0])}, "neighbours of nms must be (g, g), got (5,)"),
    "neighbours dtype": ({**IMAGE, "nms": (1, NEAR.float())}, "neighbours of nms must be bool, got float32"),
    "threshold nan": ({"threshold": float("nan")}, "threshold must be a number, got nan"),
    "threshold text": ({"threshold": "0"}, "threshold must be a number, got '0'"),
    "mask shape": ({"mask": MASK[:, :3]}, "mask must be (5, 4) or (2, ...), got (1, 5, 3)"),
    "mask images": ({"mask": MASK.expand(3, 5, 4)}, "mask must be (5, 4) or (2, ...), got (3, 5, 4)"),
    "mask rank": ({"mask": MASK[0]}, "mask must be (H', W') or (n, H', W'), got (4,)"),
    "mask dtype": ({"mask": MASK.to(torch.uint8)}, "mask must be bool, got uint8"),
    "prior shape": ({"prior": torch.ones(4)}, "prior must be (5,) or (2, ...), got (1, 4)"),
    "prior images": ({"prior": torch.ones(3, 5)}, "prior must be (5,) or (2, ...), got (3, 5)"),
    "prior rank": ({"prior": torch.ones(1, 2, 5)}, "prior must be (g,) or (n, g), got (1, 2, 5)"),
    "prior dtype": ({"prior": torch.ones(5).double()}, "prior must be float32, got float64"),
    "prior infinite": (
        {"prior": spoiled(torch.ones(2, 5), torch.inf, 1, 3)},
        "prior must be finite, got NaN or infinity at pose 3",
    ),
    "positions shape": (
        {"positions": torch.zeros(7, 3, dtype=torch.int64)},
        "positions must be (m, 2) or (2, m, 2), got (1, 7, 3)",
    ),
    "positions images": (
        {"positions": PLACES.expand(3, 7, 2)},
        "positions must be (m, 2) or (2, m, 2), got (3, 7, 2)",
    ),
    "positions rank": ({"positions": PLACES[0]}, "positions must be (m, 2) or (n, m, 2), got (2,)"),
    "positions dtype": ({"positions": PLACES.int()}, "positions must be int64, got int32"),
    "position below": (
        {"positions": torch.tensor([[0, 0], [-1, 2]])},
        "positions must be (y, x) below (5, 4), got (-1, 2)",
    ),
    "position beyond": (
        {"positions": torch.tensor([[4, 3], [4, 4]])},
        "positions must be (y, x) below (5, 4), got (4, 4)",
    ),
}


@pytest.mark.parametrize("what", SPOILED)
def test_spoiled_argument(what: str) -> None:
    changed, message = SPOILED[what]
    with pytest.raises(ValueError, match=f"^pose_argmax: {re.escape(message)}$"):
        ef.pose_argmax(**{**GIVEN, **changed})


# A bank checks its templates when it is made.
ASKED = [what for what in SPOILED if not SPOILED[what][0].keys() & {"templates", "bias"}]


@pytest.mark.parametrize("what", ASKED)
def test_a_bank_says_the_same(what: str) -> None:
    changed, message = SPOILED[what]
    bank = ef.PoseBank(T, B)
    with pytest.raises(ValueError, match=f"^pose_argmax: {re.escape(message)}$"):
        bank.argmax(**{"features": F, **changed})


@pytest.mark.parametrize(
    "what", ["features rank", "features dtype", "template too wide", "mask shape", "prior images"]
)
def test_the_same_words_while_tracing(what: str) -> None:
    changed, message = SPOILED[what]
    meta = {k: v.to("meta") if isinstance(v, torch.Tensor) else v for k, v in {**GIVEN, **changed}.items()}
    with pytest.raises(ValueError, match=f"^pose_argmax: {re.escape(message)}$"):
        ef.pose_argmax(**meta)


@pytest.mark.parametrize("over", ["location", "image"])
@pytest.mark.parametrize("route", ["direct", "fft", "low_rank"])
@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_features_that_are_not_finite(bad: float, route: str, over: str, cpu_level: str) -> None:
    """Wherever they stand: the first cell, the last one, beside nothing but zeros."""
    bank = ef.PoseBank(torch.randn(20, 3, 4, 4, generator=torch.Generator().manual_seed(0)), route=route)
    for at in ((0, 0, 0, 0), (2, 2, 19, 22), (1, 1, 7, 11)):
        features = spoiled(torch.zeros(3, 3, 20, 23), bad, *at)
        with pytest.raises(ValueError, match=rf"^pose_argmax: features.* finite.*image {at[0]}\b"):
            bank.argmax(features, over=over)


def test_numpy_words() -> None:
    with pytest.raises(ValueError, match=r"^pose_argmax: features must be float32, got float64$"):
        ef.pose_argmax(np.ones((1, 3, 8, 9)), T.numpy())
    with pytest.raises(ValueError, match=r"^pose_argmax: mask must be bool, got int64$"):
        ef.pose_argmax(F.numpy(), T.numpy(), mask=np.ones((5, 4), np.int64))


BANKS: dict[str, tuple[dict[str, Any], str]] = {
    "templates nan": (
        {"templates": spoiled(T, torch.nan, 3, 1, 2, 5)},
        "PoseBank: templates must be finite, got NaN or infinity at pose 3",
    ),
    "bias infinite": (
        {"bias": spoiled(B, torch.inf, 2)},
        "PoseBank: bias must be finite, got NaN or infinity at pose 2",
    ),
    "bias shape": ({"bias": B[:4]}, "PoseBank: bias must be (5,), got (4,)"),
    "poses": ({"poses": [hflip()]}, "PoseBank: poses must be as many as templates, 5, got 1"),
    "route": (
        {"route": "fastest"},
        "PoseBank: route must be one of auto, direct, fft, low_rank, got 'fastest'",
    ),
    "route of a large template": (
        {"templates": torch.ones(5, 1, 33, 2), "route": "fft"},
        "PoseBank: route 'fft' takes templates of up to 32x32 cells, got 33x2",
    ),
}


@pytest.mark.parametrize("what", BANKS)
def test_spoiled_bank(what: str) -> None:
    changed, message = BANKS[what]
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        ef.PoseBank(**{"templates": T, "bias": B, **changed})


def test_what_is_unusual_but_right() -> None:
    """Whole radii of NumPy, a radius of infinity, a threshold that nothing and that everything reaches."""
    found = ef.pose_argmax(**GIVEN, over="image", top_k=3, nms=np.float64(1.0))
    assert (found.pose[:, :1] == 0).all() and (found.x[:, 0] == 0).all()
    found = ef.pose_argmax(**GIVEN, over="image", top_k=3, nms=float("inf"))
    assert found.pose.tolist() == [[0, -1, -1]] * 2
    assert (ef.pose_argmax(**GIVEN, threshold=float("inf")).pose == -1).all()
    assert (ef.pose_argmax(**GIVEN, threshold=float("-inf")).pose == 0).all()
