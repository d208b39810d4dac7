"""Places for windows: inside the photograph with their whole reach, spread by room, fixed by the seed."""

from __future__ import annotations

import importlib
from collections import Counter

import numpy as np
import pytest

from equivfast import data
from equivfast.data import Photograph
from equivfast.data.windows import _contrasty


def photograph(name: str, height: int, width: int, seed: int = 0) -> Photograph:
    return Photograph(name, np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


@pytest.mark.parametrize(("size", "reach"), [(21, 30.0), (20, 30.0), (21, 5.0), (20, 29.3), (1, 0.0)])
def test_disc_and_window_lie_inside(size: int, reach: float) -> None:
    photographs = [photograph("a", 70, 90), photograph("b", 64, 61)]
    places = data.windows(photographs, 200, size, 0, reach)
    assert len(places) == 200
    half = (size - 1) / 2
    for k, (x, y) in places:
        height, width = photographs[k].image.shape[:2]
        room = min(x, y, width - 1 - x, height - 1 - y)
        assert room >= reach and room >= half
        assert (x - half).is_integer() and (y - half).is_integer()


def test_every_admissible_centre_can_be_drawn_once_and_none_twice() -> None:
    places = data.windows([photograph("a", 12, 14)], 4 * 6, 9, 0, 4)
    assert {centre for _, centre in places} == {(4.0 + x, 4.0 + y) for x in range(6) for y in range(4)}


def test_shares_follow_the_room() -> None:
    photographs = [photograph("small", 60, 60), photograph("wide", 60, 110), photograph("tall", 160, 60)]
    counts = Counter(k for k, _ in data.windows(photographs, 1000, 41, 0, 20))
    room = {0: 20 * 20, 1: 20 * 70, 2: 120 * 20}
    for k, places in room.items():
        assert abs(counts[k] - 1000 * places / sum(room.values())) <= 1


def test_seed_decides() -> None:
    photographs = [photograph("a", 90, 90)]
    draw = [data.windows(photographs, 20, 31, seed, 20).places for seed in (1, 1, 2)]
    assert draw[0] == draw[1] != draw[2]


def test_small_photographs_are_named() -> None:
    places = data.windows([photograph("tiny", 40, 200), photograph("big", 80, 80)], 10, 41, 0, 30)
    assert {k for k, _ in places} == {1}
    assert places.left_out == (("tiny", "200x40 pixels, needs 61x61"),)


def test_low_contrast_places_are_drawn_anew() -> None:
    image = photograph("half", 80, 200).image.copy()
    image[:, :120] = 90
    places = data.windows([Photograph("half", image)], 60, 11, 0, 5, min_contrast=2.0)
    assert len(places) == 60
    assert all(image[int(y) - 5 : int(y) + 6, int(x) - 5 : int(x) + 6].std() > 2 for _, (x, y) in places)
    assert min(x for _, (x, y) in data.windows([Photograph("half", image)], 60, 11, 0, 5)) < 100


def test_flat_photograph_leaves_its_share_to_the_others() -> None:
    flat = Photograph("flat", np.full((80, 80, 3), 200, np.uint8))
    places = data.windows([flat, photograph("b", 80, 80)], 40, 21, 0, 15, min_contrast=2.0)
    assert len(places) == 40 and places.left_out == (("flat", "no place was drawn in it"),)


def contrast(image: np.ndarray, corner: tuple[int, int], size: int) -> float:
    """The definition, in NumPy."""
    left, top = corner
    window = image[top : top + size, left : left + size].reshape(size, size, -1)
    return float(window.mean(axis=2).std())


@pytest.mark.parametrize("kind", ["rgb", "grey", "one channel", "read-only view", "float", "uint16"])
@pytest.mark.parametrize("count", [1, 3, 300])
def test_contrast_is_decided_as_by_the_plain_formula(kind: str, count: int) -> None:
    rng = np.random.default_rng(count)
    # Noise that grows from nothing to all grey levels across the photograph.
    noise = rng.normal(size=(90, 140, 3)) * np.linspace(0, 60, 140)[:, None]
    image = (noise + 120).clip(0, 255).astype(np.uint8)
    if kind in ("grey", "one channel"):
        image = image[..., 0] if kind == "grey" else image[..., :1]
    elif kind == "read-only view":
        image = image[::-1, ::-1]
        image.flags.writeable = False
    elif kind in ("float", "uint16"):
        image = image * 257.0 if kind == "float" else image.astype(np.uint16) * 257
    for size in (1, 2, 13, 60):
        corners = [(int(x), int(y)) for x, y in rng.integers(0, (141 - size, 91 - size), (count, 2))]
        values = [contrast(image, corner, size) for corner in corners]
        # Ties and their neighbours among the limits: the very values that windows have.
        limits = [
            *values[:20],
            *np.nextafter(values[:20], np.inf),
            *np.nextafter(values[:20], 0),
            4.0,
            1e-12,
            1e300,
        ]
        for least in filter(None, map(float, limits)):
            assert _contrasty(image, corners, size, least) == [value >= least for value in values]


def test_a_photograph_changed_in_place_is_looked_at_anew() -> None:
    photo = photograph("a", 80, 80)
    data.windows([photo], 40, 21, 0, 15, min_contrast=2.0)
    photo.image[:] = 7
    with pytest.raises(ValueError, match="min_contrast 2 leaves 0 of the 40 windows"):
        data.windows([photo], 40, 21, 0, 15, min_contrast=2.0)


@pytest.mark.parametrize(("count", "size", "least"), [(6, 104, 12.0), (150, 72, 4.0), (150, 72, 30.0)])
def test_places_are_those_that_the_formula_chooses(
    count: int, size: int, least: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = data.photographs(["rocket", "flower", "camera"])
    found = data.windows(photos, count, size, 3, 90, min_contrast=least)

    def plainly(image: np.ndarray, corners: list[tuple[int, int]], size: int, least: float) -> list[bool]:
        return [contrast(image, corner, size) >= least for corner in corners]

    monkeypatch.setattr(importlib.import_module("equivfast.data.windows"), "_contrasty", plainly)
    assert found == data.windows(photos, count, size, 3, 90, min_contrast=least)
    assert list(found) != list(data.windows(photos, count, size, 3, 90))


def test_sequence_behaviour() -> None:
    places = data.windows([photograph("a", 60, 60)], 5, 21, 0, 15)
    assert list(places) == [places[k] for k in range(5)]
    assert places[1:3] == places.places[1:3]


@pytest.mark.parametrize(
    ("count", "size", "reach", "contrast", "message"),
    [
        (0, 21, 10.0, 0.0, "count must be at least 1, got 0"),
        (5, 0, 10.0, 0.0, "size must be at least 1 pixel, got 0"),
        (5, 21, float("nan"), 0.0, "reach must be a radius in pixels, got nan"),
        (5, 21, -1.0, 0.0, r"reach must be a radius in pixels, got -1\.0"),
        (5, 21, 10.0, float("inf"), "min_contrast must be 0 or more grey levels, got inf"),
        (5, 61, 10.0, 0.0, "must have at least 61x61 pixels .* got 0 places in 1 photographs for 5 windows"),
        (5, 21, 60.0, 0.0, "must have at least 121x121 pixels for size 21 and reach 60"),
        (5, 59, 10.0, 0.0, "got 4 places in 1 photographs for 5 windows"),
        (5, 21, 10.0, 500.0, "min_contrast 500 leaves 0 of the 5 windows asked for"),
    ],
)
def test_refuses(count: int, size: int, reach: float, contrast: float, message: str) -> None:
    with pytest.raises(ValueError, match=f"^windows: .*{message}"):
        data.windows([photograph("a", 60, 60)], count, size, 0, reach, contrast)
