"""hog_pyramid: which levels there are, where their cells lie, and what the approximation is worth on photographs."""

import sys

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

import equivfast as ef
from equivfast.groups import Grid
from equivfast.representations import HOG, Level, PowerLaw, _octaves, hog_pyramid, power_law
from equivfast.representations._octaves import Place, between, plan

NAMES = ["cat", "coffee", "rocket", "china"]


def photograph(name="cat", height=None, width=None):
    return ef.data.photographs([name])[0].image[:height, :width]


def distance(a, b):
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


@pytest.mark.parametrize("variant", ["uoctti", "dpm"])
@pytest.mark.parametrize("per_octave", [1, 3, 8])
def test_levels_reach_from_the_image_to_the_smallest_that_was_asked_for(variant, per_octave):
    phi, image = HOG(cell=6, variant=variant, assignment="nearest"), photograph()
    levels = hog_pyramid(image, phi, per_octave=per_octave, smallest=7)
    assert [level.scale for level in levels] == pytest.approx(
        [2 ** (-k / per_octave) for k in range(len(levels))]
    )
    for level in levels:
        h, w = round(300 * level.scale_y, 6), round(451 * level.scale_x, 6)
        assert (h, w) == (int(300 * level.scale + 0.5), int(451 * level.scale + 0.5))
        assert level.grid == phi.grid(int(h), int(w))
        assert level.field.shape == (31, level.grid.height, level.grid.width) and level.exact
    assert min(levels[-1].field.shape[1:]) >= 7
    below = 2 ** (-len(levels) / per_octave)
    assert phi.grid(int(300 * below + 0.5), int(451 * below + 0.5)).height < 7


def test_levels_are_hog_of_images_that_were_halved_again_and_again():
    phi, image = HOG(cell=4), photograph()
    levels = hog_pyramid(image, phi, per_octave=2, smallest=5)
    x = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    first = {0: x, 1: interpolate(x, size=(212, 319), mode="bicubic", antialias=True)}
    np.testing.assert_array_equal(levels[0].field, ef.hog(image, cell=4, assignment="bilinear"))
    np.testing.assert_array_equal(levels[1].field, phi(first[1])[0].numpy())
    for k, size in ((2, (150, 226)), (3, (106, 159)), (4, (75, 113))):
        first[k] = interpolate(first[k - 2], size=size, mode="bicubic", antialias=True)
        np.testing.assert_array_equal(levels[k].field, phi(first[k])[0].numpy())


@pytest.mark.parametrize("variant", ["uoctti", "dpm"])
@pytest.mark.parametrize("approximate", [False, True])
def test_a_dot_is_found_at_its_place_on_every_level(variant, approximate):
    """Sides and scales that nothing divides: the place is exact because the rounded sides are counted in."""
    phi = HOG(cell=4, variant=variant, assignment="nearest")
    height, width, x, y = 203, 331, 241, 66
    image = np.zeros((height, width), np.float32)
    image[y - 5 : y + 6, x - 5 : x + 6] = 1
    for level in hog_pyramid(image, phi, per_octave=3, smallest=8, octaves_up=1, approximate=approximate):
        energy = level.field[:27].sum(0)
        mean = (energy[..., None] * level.centres).sum((0, 1)) / energy.sum()
        reach = (0.5 if approximate else 0.3) * level.stride[0]
        assert np.abs(mean - (x - (width - 1) / 2, y - (height - 1) / 2)).max() < reach
        assert level.stride[0] == pytest.approx(4 / level.scale, rel=0.02)


def test_one_octave_up_is_the_enlarged_image_and_leaves_the_image_alone():
    image, phi = photograph(height=80, width=120), HOG()
    levels = hog_pyramid(image, phi, per_octave=2, octaves_up=1)
    x = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    larger = interpolate(x, size=(160, 240), mode="bicubic", antialias=True)
    np.testing.assert_array_equal(levels[0].field, phi(larger)[0].numpy())
    assert [level.scale for level in levels[::2]] == [2.0, 1.0, 0.5]
    np.testing.assert_array_equal(levels[2].field, ef.hog(image, assignment="bilinear"))


def test_kinds_and_dtypes_of_images():
    image = photograph(height=120, width=160)
    wanted = hog_pyramid(image, per_octave=3)
    planes = torch.from_numpy(image).permute(2, 0, 1)[None]
    for approximate in (False, True):
        wanted = hog_pyramid(image, per_octave=3, approximate=approximate)
        two = hog_pyramid(torch.cat([planes, planes.flip(3)]), per_octave=3, approximate=approximate)
        floats = hog_pyramid(image.astype(np.float32), per_octave=3, approximate=approximate)
        doubles = hog_pyramid(image.astype(np.float64), per_octave=3, approximate=approximate)
        for a, b, c, d in zip(wanted, two, floats, doubles, strict=True):
            assert isinstance(a.field, np.ndarray) and isinstance(b.field, torch.Tensor)
            assert a.field.dtype == np.float32 and d.field.dtype == np.float64
            np.testing.assert_array_equal(a.field, b.field[0].numpy())
            np.testing.assert_array_equal(a.field, c.field)
            assert distance(d.field, a.field) < 0.01  # gradients beside a bin's boundary fall the other way
            assert b.field.shape[0] == 2 and not torch.equal(b.field[0], b.field[1])
    grey = hog_pyramid(image[..., 1], per_octave=3)
    np.testing.assert_array_equal(grey[0].field, ef.hog(image[..., 1], assignment="bilinear"))


# ---- the approximation --------------------------------------------------------------------------


def ramp(place: Place, image: tuple[int, int], d: int = 3) -> torch.Tensor:
    """A field that says where its cells lie: channels x, y and x + 2 y in the image, in layout "cells"."""
    memory = torch.zeros(1, place.grid.height, place.grid.width, 16, dtype=torch.float64)
    x, y = np.moveaxis(place.grid.centres / place.size[::-1] * image[::-1] + 500, -1, 0)
    memory[0, ..., :d] = torch.from_numpy(np.stack([x, y, x + 2 * y], -1))
    return memory[..., :d].permute(0, 3, 1, 2)


@pytest.mark.parametrize("variant", ["uoctti", "dpm"])
def test_features_are_brought_to_the_very_places_of_the_cells(variant):
    image, phi = (403, 331), HOG(cell=6, variant=variant, assignment="nearest")
    places, further = plan(phi, *image, 4, 12, 0)
    octaves = {place: ramp(place, image) for place in [*places[::4], *([further] if further else [])]}
    fields = between(places, octaves, 4, None)
    assert len(fields) == len(places) > 8
    for place, field in zip(places, fields, strict=True):
        inner = (..., slice(5, -5), slice(5, -5))  # beyond the outer cells there is nothing to interpolate
        np.testing.assert_allclose(field[inner], ramp(place, image)[inner], rtol=1e-12)


def test_the_power_law_multiplies_each_channel_by_its_own_factor():
    image, phi = (403, 331), HOG(cell=6)
    places, further = plan(phi, *image, 4, 8, 0)
    known = [*places[::4], further]
    exponents = np.array([0.5, 0.0, -1.0])
    # A field that follows the law is met by it on every level.
    octaves = {}
    for place in known:
        memory = torch.zeros(1, place.grid.height, place.grid.width, 16)
        memory[..., :3] = torch.from_numpy(place.scale**-exponents)
        octaves[place] = memory[..., :3].permute(0, 3, 1, 2)
    for place, field in zip(places, between(places, octaves, 4, exponents), strict=True):
        wanted = torch.from_numpy(place.scale**-exponents).float()[None, :, None, None]
        np.testing.assert_allclose(field, wanted.expand_as(field), rtol=1e-5)


@pytest.fixture(scope="module")
def pyramids():
    law = power_law(map(photograph, NAMES))
    return {
        name: tuple(
            hog_pyramid(photograph(name), approximate=approximate, power_law=factors)
            for approximate, factors in ((False, None), (True, None), (True, law))
        )
        for name in NAMES
    }


def test_whole_octaves_are_exact(pyramids):
    for exact, approximate, _ in pyramids.values():
        assert [level.exact for level in approximate] == [k % 8 == 0 for k in range(len(exact))]
        for a, b in zip(exact, approximate, strict=True):
            assert (a.grid, a.scale, a.scale_x, a.scale_y) == (b.grid, b.scale, b.scale_x, b.scale_y)
            if b.exact:
                np.testing.assert_array_equal(a.field, b.field)
            assert b.field.min() >= 0


def test_between_octaves_features_are_as_near_as_the_next_exact_level(pyramids):
    off, apart = [], []
    for exact, approximate, _ in pyramids.values():
        for k, level in enumerate(exact):
            if approximate[k].exact:
                continue
            off.append(distance(approximate[k].field, level.field))
            before = exact[k - 1]
            cells = before.grid.cells(level.centres * (before.scale_x, before.scale_y)).round().astype(int)
            row, column = np.moveaxis(cells, -1, 0).clip(0)
            row, column = row.clip(max=before.grid.height - 1), column.clip(max=before.grid.width - 1)
            apart.append(distance(before.field[:, row, column], level.field))
    assert 0.15 < np.mean(off) < 0.24
    assert np.mean(off) < 0.8 * np.mean(apart)  # the nearest cells of the level before
    assert max(off) < 0.45


def test_a_power_law_does_not_bring_normalised_features_nearer(pyramids):
    """Why there is none by default: if one helped, it should become the default."""
    errors = [
        [distance(found[k].field, level.field) for found in (without, law)]
        for exact, without, law in pyramids.values()
        for k, level in enumerate(exact)
        if not without[k].exact
    ]
    without, law = np.mean(errors, 0)
    assert without != law and abs(without - law) < 0.003


def test_lambda_is_small_beside_its_spread_over_photographs():
    images = [photo.image for photo in ef.data.photographs()]
    law = power_law(images)
    assert law.groups == ("directed", "undirected", "texture")
    assert max(map(abs, law.exponents)) < 0.1 < min(law.spreads)
    blocks = power_law(images[:3], HOG(variant="dalal-triggs"))
    assert blocks.groups == ("undirected",) and len(blocks.per_channel(HOG(variant="dalal-triggs"))) == 36


def test_lambda_of_features_that_follow_a_law(monkeypatch):
    exponents = {"a": np.repeat([0.5, 0.0, -0.25], [18, 9, 4]), "b": np.repeat([0.3, 0.1, -0.25], [18, 9, 4])}

    def levels(image, phi, per_octave, smallest):
        scales = [2 ** (-k / per_octave) for k in range(12)]
        fields = [(s ** -exponents[image])[:, None, None] * np.ones((31, 2, 3)) for s in scales]
        grid = Grid.centred(2, 3, 8)
        return tuple(Level(s, s, s, grid, True, f) for s, f in zip(scales, fields, strict=True))

    monkeypatch.setattr(sys.modules[power_law.__module__], "hog_pyramid", levels)
    law = power_law(["a", "b"])
    assert law.exponents == pytest.approx((0.4, 0.05, -0.25)) and law.spreads == pytest.approx((0.1, 0.05, 0))
    np.testing.assert_allclose(
        law.per_channel(HOG())[[0, 17, 18, 26, 27, 30]], [0.4, 0.4, 0.05, 0.05, -0.25, -0.25]
    )


# ---- bad input -----------------------------------------------------------------------------------

SMALL = np.zeros((64, 64), np.float32)


@pytest.mark.parametrize(
    ("image", "settings", "message"),
    [
        ([[1.0]], {}, "image must be a torch tensor or a NumPy array, got list"),
        (np.zeros(9), {}, r"image must be \(h, w\) or \(h, w, c\), got \(9,\)"),
        (torch.zeros(64, 64), {}, r"image must be \(n, c, h, w\), got \(64, 64\)"),
        (SMALL.astype(np.int16), {}, "hog: image must be .*, got int16"),
        (SMALL[:35], {}, r"image must hold 5 cells of 8 pixels each way, got 35x64 \(height x width\)"),
        (SMALL[:30], {}, r"image must hold 5 cells of 8 pixels each way, got 30x64"),
        (SMALL, {"phi": "hog"}, "phi must be a HOG representation or None, got str"),
        (SMALL, {"per_octave": 0}, "per_octave must be a whole number, 1 or more, got 0"),
        (SMALL, {"smallest": 2.5}, "smallest must be a whole number, 1 or more, got 2.5"),
        (SMALL, {"octaves_up": True}, "octaves_up must be a whole number, 0 or more, got True"),
        (SMALL, {"power_law": PowerLaw((), (), ())}, "power_law needs approximate=True, got .*False"),
        (SMALL, {"power_law": 0.1, "approximate": True}, "power_law must be a PowerLaw or None, got float"),
        (
            SMALL,
            {"power_law": PowerLaw(("undirected",), (0.1,), (0.1,)), "approximate": True},
            "phi must have the channels undirected, got directed, undirected, texture",
        ),
    ],
)
def test_bad_input_is_refused(image, settings, message):
    with pytest.raises(ValueError, match=message) as caught:
        hog_pyramid(image, **settings)
    assert "\n" not in str(caught.value)


def test_power_laws_need_images_with_enough_scales():
    with pytest.raises(ValueError, match="power_law: images must hold at least one image, got none"):
        power_law([])
    with pytest.raises(ValueError, match=r"cells left after 5 octaves, got \(64, 64\)"):
        power_law([SMALL], octaves=5)


def test_nothing_large_is_kept_between_calls():
    _octaves._along.cache_clear()
    hog_pyramid(photograph("china"), HOG(cell=4), approximate=True)
    kept = _octaves._along.cache_info()
    assert 0 < kept.currsize < 200 and kept.maxsize == 1024
