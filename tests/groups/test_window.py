"""Windows of transformed photographs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy import ndimage
from warp_cases import ASTRONAUT, CAMERA, PADDING, each_border, each_symmetry, points, wave

from equivfast import groups
from equivfast.groups import Sampler, hflip, identity, rotation, scaling, translation, warp, window
from equivfast.groups import sampler as kept


@each_symmetry
@pytest.mark.parametrize(("centre", "size"), [((200, 150), 63), ((200.5, 150.5), 64), ((99.5, 400.5), 2)])
def test_a_window_is_a_crop_and_its_symmetries_are_exact(
    g: groups.Transform, moved: Any, centre: tuple[float, float], size: int
) -> None:
    left, top = (int(place - (size - 1) / 2) for place in centre)
    crop = ASTRONAUT[top : top + size, left : left + size]
    expected = np.stack([moved(crop[..., c]) for c in range(3)], -1)
    patch, mask = window(ASTRONAUT, centre, size, g)
    assert patch.dtype == np.float32
    assert np.array_equal(patch, expected)
    assert mask.all()
    torch_patch, _ = window(torch.from_numpy(ASTRONAUT).permute(2, 0, 1)[None], centre, size, g)
    assert np.array_equal(torch_patch[0].permute(1, 2, 0).numpy(), expected)
    assert np.array_equal(
        window(window(ASTRONAUT, centre, size)[0], ((size - 1) / 2,) * 2, size, g)[0], expected
    )


@pytest.mark.parametrize(
    "g",
    [rotation(30), scaling(0.5) @ rotation(10), groups.affine([[0.5, 0.2], [0, 1.2]])],
    ids=lambda g: g.name,
)
def test_a_window_is_a_part_of_the_transformed_photograph(g: groups.Transform) -> None:
    photo = CAMERA.astype(np.float64)
    centre, size = (260.0, 240.0), 41
    patch, mask = window(photo, centre, size, g)
    # The photograph moved so that `centre` is the middle of its canvas (its centre is between pixels), then turned.
    to_middle = translation(*(255.5 - place for place in centre))
    whole, whole_mask = warp(photo, g @ to_middle)
    again, _ = window(whole, (255.5, 255.5), size)
    assert mask.all()
    assert whole_mask[236:276, 236:276].all()
    # `again` interpolates a second time, half a pixel further; compare on the pixels that `whole` has.
    direct, _ = window(photo, centre, 40, g)
    assert np.allclose(direct, whole[236:276, 236:276], atol=1e-8)
    assert np.corrcoef(again.ravel(), patch.ravel())[0, 1] > 0.99


def test_turned_corners_of_a_window_are_real_and_those_of_a_warp_are_not() -> None:
    photo = wave(200, 200)
    patch, mask = window(photo, (99.5, 99.5), 64, rotation(45))
    assert mask.all()
    x, y = points(64, 64)
    source = rotation(-45)(np.stack([x, y], -1)) + 99.5
    expected = ndimage.map_coordinates(photo, [source[..., 1], source[..., 0]], order=3, mode="reflect")
    assert np.allclose(patch, expected, atol=1e-9)
    assert not warp(window(photo, (99.5, 99.5), 64)[0], rotation(45))[1].all()


def test_a_window_reads_only_the_pixels_that_it_needs() -> None:
    photo = np.full((600, 600), np.nan)
    photo[200:400, 200:400] = wave(200, 200)
    for g in (rotation(45), scaling(0.7), groups.affine([[0.6, 0], [0, 1]])):
        patch, _ = window(photo, (300, 300), 64, g)
        assert np.isfinite(patch).all()
        assert np.allclose(patch, window(photo[200:400, 200:400], (100, 100), 64, g)[0], atol=1e-9)
    with pytest.raises(ValueError, match="NaN"):
        window(photo, (210, 300), 64, rotation(45))


@each_border
@pytest.mark.parametrize("centre", [(3, 5), (510, 511), (-30, 256), (900, -900)])
def test_a_window_that_leaves_the_photograph_follows_the_border_rule_and_is_masked(
    centre: tuple[int, int], border: str
) -> None:
    pad = 1000
    around = np.pad(CAMERA, pad, mode=PADDING[border])
    x, y = centre
    crop = around[pad + y - 20 : pad + y + 21, pad + x - 20 : pad + x + 21]
    patch, mask = window(CAMERA, centre, 41, border=border)
    assert np.array_equal(patch, crop)
    inside = np.pad(np.ones(CAMERA.shape, bool), pad)[
        pad + y - 20 : pad + y + 21, pad + x - 20 : pad + x + 21
    ]
    assert np.array_equal(mask, inside)
    turned, _ = window(CAMERA.astype(np.float64), centre, 41, rotation(30), border=border)
    expected, _ = window(around.astype(np.float64), (x + pad, y + pad), 41, rotation(30))
    assert np.allclose(turned, expected, atol=1e-8)


TURNS = [identity(), hflip(), rotation(90), rotation(90) @ hflip(), translation(3, -2)]
READS = [rotation(30), scaling(0.6), scaling(1.4) @ rotation(170), translation(3.4, -7.2)]
INTEGERS = groups.affine([[0.5, -0.5], [0.5, 0.5]])  # its inverse has whole entries, and is no move of pixels
MIXED = [(200.5, 150.5), (210, 151), (99.25, 300), (220.5, 140.5), (300, 200)]


def one_by_one(photo: np.ndarray, places: Any, size: int, g: groups.Transform) -> torch.Tensor:
    patches = [np.atleast_3d(window(photo, place, size, g)[0]) for place in places]
    return torch.from_numpy(np.stack(patches)).movedim(3, 1).float()


@pytest.mark.parametrize("g", [*TURNS, *READS, INTEGERS], ids=lambda g: g.name)
@pytest.mark.parametrize("channels", [None, 1, 2, 3, 5])
def test_a_sampler_gives_the_windows_one_by_one(g: groups.Transform, channels: int | None) -> None:
    pixels = np.concatenate([ASTRONAUT, ASTRONAUT[..., :2].transpose(1, 0, 2)], axis=2)
    photo = pixels[..., 0] if channels is None else pixels[..., :channels]
    for size in (20, 21):
        found = Sampler(photo).windows(MIXED, size, g)
        assert found.shape == (5, channels or 1, size, size) and found.is_contiguous()
        torch.testing.assert_close(found, one_by_one(photo, MIXED, size, g), atol=5e-3, rtol=0)


@pytest.mark.parametrize("g", TURNS, ids=lambda g: g.name)
def test_a_sampler_moves_whole_pixels_bit_for_bit(g: groups.Transform) -> None:
    """Also in the company of windows that fall between pixels."""
    for size, whole in ((20, [0, 3]), (21, [1, 4])):
        found = Sampler(ASTRONAUT).windows(MIXED, size, g)
        assert torch.equal(found[whole], one_by_one(ASTRONAUT, [MIXED[k] for k in whole], size, g))


@pytest.mark.parametrize("g", READS, ids=lambda g: g.name)
def test_a_window_does_not_depend_on_those_read_with_it(
    g: groups.Transform, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = [(150.5 + 7 * k, 200.5 - 3 * k) for k in range(20)]
    found = Sampler(ASTRONAUT).windows(places, 30, g)
    assert torch.equal(found[5:9], Sampler(ASTRONAUT).windows(places[5:9], 30, g))
    monkeypatch.setattr(kept, "_TABLE_BYTES", 1)
    assert torch.equal(found, Sampler(ASTRONAUT).windows(places, 30, g))


def test_what_samplers_keep_belongs_to_one_transformation_size_and_place() -> None:
    part = ASTRONAUT[100:170, 150:230]
    photos = [Sampler(photo) for photo in (part, part[::-1], part[..., 1])]
    calls = [
        (photo, centre, size, g)
        for photo in range(3)
        for centre in ((40.5, 30.5), (40, 30.5), (40.25, 35))
        for size in (20, 21)
        for g in (rotation(30), rotation(30) @ translation(0.5, 0), scaling(0.8), scaling(1.25))
    ]
    rng, found = np.random.default_rng(0), {}
    for k in rng.permutation(np.repeat(np.arange(len(calls)), 2)).tolist():
        photo, centre, size, g = calls[k]
        patch = photos[photo].windows([centre], size, g)
        assert torch.equal(found.setdefault(k, patch.clone()), patch)
        patch.zero_()  # the caller's own
    for k, (photo, centre, size, g) in enumerate(calls):
        kept._source.cache_clear()
        kept._taps.cache_clear()
        assert torch.equal(Sampler(photos[photo].photo).windows([centre], size, g), found[k])


def test_samplers_keep_little_and_nothing_of_large_windows() -> None:
    kept._source.cache_clear()
    kept._taps.cache_clear()
    photo = Sampler(np.zeros((400, 400), np.float32))
    photo.windows([(200, 200)], 301, rotation(10))
    assert kept._source.cache_info().currsize == kept._taps.cache_info().currsize == 0
    for angle in range(1, 9):
        photo.windows([(200, 200), (201, 200)], 21, rotation(angle))
    assert kept._source.cache_info().currsize == kept._taps.cache_info().currsize == 4


def test_turns_share_one_filtered_photograph() -> None:
    """The blur of a turn is zero, whatever rounding makes of it."""
    photo = Sampler(ASTRONAUT[:80, :80])
    photo.windows([(40, 40)], 21, rotation(30))
    coefficients = photo._coefficients
    for angle in range(5, 180, 5):
        photo.windows([(40, 40)], 21, rotation(angle))
        assert photo._coefficients is coefficients
    photo.windows([(40, 40)], 21, scaling(0.5))
    assert photo._coefficients is not coefficients


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: window(np.zeros(3), (1, 1), 2),
            r"window: photo must be \(h, w\) or \(h, w, c\), got \(3,\)",
        ),
        (
            lambda: window(np.zeros((3, 3)), (1, 1), 0),
            r"window: size must be a whole number, 1 or more, got 0",
        ),
        (
            lambda: window(np.zeros((3, 3)), (1, 1), 2.5),
            r"window: size must be a whole number, 1 or more, got 2\.5",
        ),
        (
            lambda: window(np.zeros((3, 3)), 1, 2),
            r"window: centre must be two finite numbers \(x, y\), got 1",
        ),
        (lambda: window(np.zeros((3, 3)), (1, math.nan), 2), r"window: centre must be two finite numbers"),
        (
            lambda: window(np.zeros((3, 3)), (1, 1), 2, np.eye(2)),
            r"window: g must be a Transform, got array\(\[\[1\., 0\.\], \[0\., 1\.\]\]\)",
        ),
        (
            lambda: window(np.zeros((3, 3)), (1, 1), 2, border=None),
            r"window: border must be one of .*got None",
        ),
    ],
)
def test_spoiled_arguments_are_named(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}") as error:
        call()
    assert "\n" not in str(error.value)
