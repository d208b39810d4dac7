"""Windows of a study: exact moves stay exact, and the sizes asked for suffice."""

import numpy as np
import pytest
import torch

from equivfast import data
from equivfast.groups import Grid, hflip, identity, neighbourhood, rotation, scaling, translation, window
from equivfast.representations import HOG
from equivfast.studies import _windows
from equivfast.studies._errors import differences, interval, window_errors
from equivfast.studies._run import silent
from equivfast.studies._windows import BORDER_CELLS, WindowSet, cells_needed, pixel_reach, pixels_of

CELLS = 5


@pytest.fixture(scope="module")
def windows() -> WindowSet:
    photos, phi = data.photographs(["cat", "coffee"]), HOG()
    pixels = pixels_of(CELLS, phi)
    places = data.windows(photos, 6, pixels, seed=0, reach=pixel_reach(rotation(45), pixels))
    return WindowSet(photos, places, phi)


def test_fields_have_the_asked_cells_and_match_the_representation(windows):
    fields = windows.fields(None, CELLS, silent, "")
    assert fields.shape == (6, 31, 5, 5)
    whole = windows.phi(windows.images([3], identity(), pixels_of(CELLS, windows.phi)))
    torch.testing.assert_close(fields[3], whole[0, :, BORDER_CELLS:-BORDER_CELLS, BORDER_CELLS:-BORDER_CELLS])


@pytest.mark.parametrize("g", [None, rotation(30), scaling(0.8)])
def test_windows_keep_their_order_however_many_are_cut_together(windows, g, monkeypatch):
    told = []
    whole = windows.fields(g, CELLS, lambda *progress: told.append(progress), "cut")
    assert told[-1] == ("cut", 6, 6) and [done for _, done, _ in told] == sorted(
        {done for _, done, _ in told}
    )
    monkeypatch.setattr(_windows, "_AT_ONCE", 2)
    assert torch.equal(windows.fields(g, CELLS, silent, ""), whole)
    mixed = [5, 0, 4, 1, 0]
    images = windows.images(mixed, g or identity(), pixels_of(CELLS, windows.phi))
    inner = slice(BORDER_CELLS, -BORDER_CELLS)
    assert torch.equal(windows.phi(images)[..., inner, inner], whole[mixed])


def test_flips_of_windows_are_exact(windows):
    upright, flipped = windows.fields(None, CELLS, silent, ""), windows.fields(hflip(), CELLS, silent, "")
    action = torch.from_numpy(windows.phi.channel_action(hflip()))
    assert (flipped - upright.flip(-1)[:, action]).abs().max() < 1e-5


@pytest.mark.parametrize(
    "g", [rotation(30), scaling(0.8), scaling(1.3) @ rotation(170), translation(3.4, -7.2)]
)
def test_resampled_together_as_one_by_one(windows, g):
    pixels = pixels_of(CELLS, windows.phi)
    together = windows.images(range(6), g, pixels)
    for i in range(6):
        index, centre = windows.places[i]
        photo = torch.from_numpy(windows.photographs[index].image).permute(2, 0, 1)[None]
        alone, _ = window(photo, centre, pixels, g)
        torch.testing.assert_close(together[i], alone[0] / 255, atol=2e-5, rtol=0)


def test_turned_windows_show_the_photograph(windows):
    """What a turn brings into the corners is there in the photograph: no mirrored border."""
    for i in range(len(windows.places)):
        index, centre = windows.places[i]
        height, width = windows.photographs[index].image.shape[:2]
        reach = pixel_reach(rotation(45), pixels_of(CELLS, windows.phi))
        assert min(centre[0], centre[1], width - 1 - centre[0], height - 1 - centre[1]) >= reach


@pytest.mark.parametrize(
    "g", [identity(), rotation(45), rotation(90), scaling(1.25), scaling(0.8), translation(9, 3)]
)
def test_cells_needed_holds_every_support_and_is_the_smallest(g):
    target = Grid.centred(9, 9, 8)
    cells = cells_needed(g, 9, 8, 3)
    assert cells % 2 == 1
    assert (neighbourhood(g, Grid.centred(cells, cells, 8), target, 3) >= 0).all()
    assert (neighbourhood(g, Grid.centred(cells - 2, cells - 2, 8), target, 3) < 0).any()


def test_interval_draws_photographs_not_windows():
    """Two photographs that disagree: the interval spans both, however many windows each has."""
    values = np.r_[np.zeros(1000), np.ones(1000)]
    assert interval(values, np.repeat([0, 1], 1000), seed=0) == {"mean": 0.5, "low": 0.0, "high": 1.0}
    same = interval(np.full(50, 0.3), np.repeat([0, 3], 25), seed=0)
    assert same["low"] == pytest.approx(0.3) == same["high"]


def test_differences_of_a_perfect_and_of_a_wrong_prediction():
    field = torch.rand(4, 3, 2, 2, generator=torch.Generator().manual_seed(0)) + 0.1
    assert differences(field, field) == {"relative_l2": 0, "max_abs": 0, "clipped_share": 0}
    assert not window_errors(field, field).any()
    wrong = differences(field.flip(1), field)
    assert wrong["relative_l2"] > 0.1 and wrong["max_abs"] > 0.1
    assert window_errors(field.flip(1), field).shape == (4,)
