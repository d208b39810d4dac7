"""Transformed images: exact moves, canvases, masks, kinds of image, errors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from warp_cases import ASTRONAUT, CAMERA, PADDING, each_border, each_symmetry, source_points

from equivfast import groups
from equivfast.groups import hflip, rotation, scaling, translation, warp


@each_symmetry
def test_flips_and_quarter_turns_move_pixels_bit_for_bit(g: groups.Transform, moved: Any) -> None:
    moved_gray, mask = warp(CAMERA, g)
    assert np.array_equal(moved_gray, moved(CAMERA))
    assert mask.all()
    colour = np.stack([moved(ASTRONAUT[..., c]) for c in range(3)], -1)
    assert np.array_equal(warp(ASTRONAUT, g)[0], colour)
    batch = torch.rand(2, 3, 6, 6)
    out, mask = warp(batch, g)
    expected = [[moved(plane) for plane in image] for image in batch.numpy()]
    assert np.array_equal(out.numpy(), np.array(expected))
    assert mask.dtype == torch.bool
    assert mask.shape == (6, 6)
    assert out.is_contiguous()


def test_a_quarter_turn_made_of_eighths_is_as_exact() -> None:
    assert np.array_equal(warp(CAMERA, rotation(45) @ rotation(45))[0], np.rot90(CAMERA))


@each_border
@pytest.mark.parametrize("shift", [(1, 0), (-3, 2), (0, 9), (-25, 31)])
def test_whole_pixel_shifts_move_pixels_and_follow_the_border_rule(
    shift: tuple[int, int], border: str
) -> None:
    image = np.random.default_rng(1).random((7, 9))
    dx, dy = shift
    pad = 40
    around = np.pad(image, pad, mode=PADDING[border])
    expected = around[pad - dy : pad - dy + 7, pad - dx : pad - dx + 9]
    shifted, mask = warp(image, translation(dx, dy), border=border)
    assert np.array_equal(shifted, expected)
    assert np.array_equal(mask, warp(np.ones((7, 9)), translation(dx, dy), border="zeros")[0] == 1)


def test_the_result_never_shares_memory_with_the_image() -> None:
    image = torch.rand(1, 1, 4, 4)
    before = image.clone()
    out, _ = warp(image, groups.identity())
    out.zero_()
    assert torch.equal(image, before)


@each_symmetry
def test_an_image_that_is_not_square_needs_expand_for_a_quarter_turn(g: groups.Transform, moved: Any) -> None:
    image = np.random.default_rng(2).random((3, 5))
    expected = moved(image)
    if expected.shape != image.shape:
        with pytest.raises(
            ValueError, match=r"^warp: expand must be True for a quarter turn .*3 x 5 and g = rot:"
        ):
            warp(image, g)
    else:
        assert np.array_equal(warp(image, g)[0], expected)
    expanded, mask = warp(image, g, expand=True)
    assert np.array_equal(expanded, expected)
    assert mask.all()


def test_expand_gives_the_smallest_canvas_around_the_whole_image() -> None:
    image = np.ones((40, 60))
    turned, mask = warp(image, rotation(30), expand=True, border="zeros")
    cosine, sine = math.cos(math.radians(30)), math.sin(math.radians(30))
    assert turned.shape == (math.ceil(60 * sine + 40 * cosine), math.ceil(60 * cosine + 40 * sine))
    assert abs(mask.sum() - 40 * 60) < 30  # every pixel of the image is on the canvas, area kept
    assert turned.sum() == pytest.approx(2400, rel=2e-3)
    shifted, mask = warp(image, translation(5, -3), expand=True, border="zeros")
    assert shifted.shape == (46, 70)
    assert np.array_equal(mask, shifted == 1)
    assert mask.sum() == 2400
    assert warp(image, scaling(2), expand=True)[0].shape == (80, 120)
    assert warp(image, scaling(0.01), expand=True)[0].shape == (1, 1)


@settings(deadline=None, max_examples=40)
@given(
    st.builds(
        lambda angle, factor, x, y: rotation(angle) @ translation(x, y) @ scaling(factor),
        st.floats(-180, 180),
        st.floats(0.3, 3),
        st.floats(-30, 30),
        st.floats(-30, 30),
    )
)
def test_the_mask_says_where_the_source_point_is_on_the_canvas(g: groups.Transform) -> None:
    _, mask = warp(np.ones((21, 33)), g @ rotation(1e-4))
    source = source_points(g @ rotation(1e-4), (21, 33))
    away = np.minimum(source + 0.5, np.array([33, 21]) - 0.5 - source).min(-1)  # > 0 inside
    assert mask[away > 1e-5].all()
    assert not mask[away < -1e-5].any()


def test_the_mask_ends_half_a_pixel_around_the_outer_centres() -> None:
    image = np.ones((4, 4))
    assert warp(image, translation(0.5, 0))[1].all()
    assert warp(image, translation(0.51, 0))[1].tolist() == [[False, True, True, True]] * 4
    assert warp(image, scaling(2))[1].all()
    assert warp(image, scaling(0.5))[1].tolist() == [[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    corners = warp(np.ones((9, 9)), rotation(45))[1][[0, 0, -1, -1], [0, -1, 0, -1]]
    assert not corners.any()


@pytest.mark.parametrize(
    ("dtype", "out"),
    [(np.uint8, np.float32), (np.float16, np.float16), (np.float32, np.float32), (np.float64, np.float64)],
)
def test_numpy_dtypes(dtype: type, out: type) -> None:
    image = CAMERA[:40, :40].astype(dtype)
    for g in (rotation(20), rotation(90)):
        for x in (image, image[..., None], np.stack([image] * 3, -1)):
            warped, mask = warp(x, g)
            assert warped.dtype == out
            assert warped.shape == x.shape
            assert type(warped) is type(mask) is np.ndarray
            assert mask.dtype == np.bool_
            assert np.allclose(warped.astype(float), warp(x.astype(np.float64), g)[0], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("dtype", "out"),
    [
        (torch.uint8, torch.float32),
        (torch.float16, torch.float16),
        (torch.bfloat16, torch.bfloat16),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ],
)
def test_torch_dtypes_and_agreement_with_numpy(dtype: torch.dtype, out: torch.dtype) -> None:
    image = torch.from_numpy(CAMERA[:40, :40].copy()).to(dtype)[None, None].repeat(2, 3, 1, 1)
    for g in (rotation(20), rotation(90)):
        warped, _ = warp(image, g)
        assert warped.dtype == out
        assert warped.shape == image.shape
        expected, _ = warp(image[0, 0].double().numpy(), g)
        assert np.allclose(warped[1, 2].double().numpy(), expected, rtol=1e-2, atol=1e-4)


def test_memory_layout_and_read_only_arrays_do_not_matter_and_the_image_is_left_alone() -> None:
    image = ASTRONAUT[:50, :60].astype(np.float32)
    image.setflags(write=False)
    expected, _ = warp(image, rotation(25))
    backwards = np.ascontiguousarray(image[::-1, ::-1, ::-1])[::-1, ::-1, ::-1]
    for again in (np.asfortranarray(image), backwards, image.astype(">f4"), np.repeat(image, 2, 1)[:, ::2]):
        assert np.array_equal(warp(again, rotation(25))[0], expected)
    batch = torch.rand(2, 3, 20, 30)
    before = batch.clone()
    expected = warp(batch, rotation(25))[0]
    for again in (batch.to(memory_format=torch.channels_last), batch.repeat(1, 1, 1, 2)[..., :30]):
        assert torch.equal(warp(again, rotation(25))[0], expected)
    assert torch.equal(batch, before)


def test_each_image_of_a_batch_is_warped_by_itself() -> None:
    batch = torch.rand(5, 3, 33, 40)
    together = warp(batch, rotation(10) @ scaling(0.7))[0]
    alone = torch.cat([warp(image[None], rotation(10) @ scaling(0.7))[0] for image in batch])
    assert torch.allclose(together, alone, atol=1e-6)


@pytest.mark.parametrize(
    "g", [rotation(90), rotation(45), groups.affine([[0.5, 0], [0, 1]])], ids=lambda g: g.name
)
def test_empty_batches_and_single_pixels(g: groups.Transform) -> None:
    assert warp(torch.zeros(0, 3, 8, 8), g)[0].shape == (0, 3, 8, 8)
    assert warp(np.zeros((8, 8, 0)), g)[0].shape == (8, 8, 0)
    assert warp(np.full((1, 1), 7.0), g)[0] == pytest.approx(7)


@pytest.mark.parametrize(
    "g", [rotation(90), rotation(20), groups.affine([[0.5, 0.2], [0, 1]])], ids=lambda g: g.name
)
def test_the_gradient_with_respect_to_the_image(g: groups.Transform) -> None:
    image = torch.rand(1, 2, 5, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: warp(x, g)[0], (image,))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: warp(np.zeros((3, 3)), "hflip"), r"warp: g must be a Transform, got 'hflip'"),
        (lambda: warp([[1.0]], hflip()), r"warp: image must be a torch tensor or a NumPy array, got list"),
        (lambda: warp(torch.zeros(3, 32), hflip()), r"warp: image must be \(n, c, h, w\), got \(3, 32\)"),
        (lambda: warp(np.zeros(3), hflip()), r"warp: image must be \(h, w\) or \(h, w, c\), got \(3,\)"),
        (
            lambda: warp(np.zeros((1, 2, 3, 4)), hflip()),
            r"warp: image must be \(h, w\) or \(h, w, c\), got \(1, 2",
        ),
        (lambda: warp(np.zeros((0, 3)), hflip()), r"warp: image must have at least one pixel, got \(0, 3\)"),
        (
            lambda: warp(np.zeros((3, 3), int), hflip()),
            r"warp: image must be of a float dtype or uint8, got int64",
        ),
        (
            lambda: warp(torch.zeros(1, 1, 2, 2).bool(), hflip()),
            r"warp: image must be of a float .*torch\.bool",
        ),
        (lambda: warp(np.zeros((3, 3), complex), hflip()), r"warp: image must be of a float .*complex128"),
        (
            lambda: warp(np.zeros((3, 3)), hflip(), border="wrap"),
            r"warp: border must be one of reflect, zeros, edge, got 'wrap'",
        ),
        (lambda: warp(np.array([[1.0, np.nan]]), hflip()), r"warp: the image must be finite, got NaN"),
        (lambda: warp(torch.full((1, 1, 2, 2), torch.inf), rotation(5)), r"warp: the image must be finite"),
    ],
)
def test_spoiled_arguments_are_named(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        call()
