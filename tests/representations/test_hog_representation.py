"""HOG as a representation: grid, permutations, and what it says about exactness."""

import itertools

import numpy as np
import pytest
import torch
from skimage.data import astronaut

from equivfast.groups import grid_action, hflip, identity, rotation, scaling, translation, vflip, warp
from equivfast.representations import HOG, Representation

SQUARE = [
    identity(), hflip(), vflip(), rotation(90), rotation(180), rotation(270),
    hflip() @ rotation(90), vflip() @ rotation(90),
]  # fmt: skip
VARIANTS = [("uoctti", "bilinear"), ("uoctti", "nearest"), ("dalal-triggs", "bilinear"), ("dpm", "nearest")]


def crop(size: int = 128) -> torch.Tensor:
    return torch.from_numpy(astronaut()[:size, 150 : 150 + size].copy()).permute(2, 0, 1)[None]


def moved(phi: HOG, field: torch.Tensor, g, size: int) -> torch.Tensor:
    """The field that the permutation of cells and channels predicts."""
    action = grid_action(g, phi.grid(size, size))
    assert action.mask.all()
    flat = field.flatten(2)[..., torch.from_numpy(action.index.reshape(-1))]
    return flat.reshape(field.shape)[:, torch.from_numpy(phi.channel_action(g))]


@pytest.mark.parametrize("variant,assignment", VARIANTS)
@pytest.mark.parametrize("orientations", [4, 6, 8, 9, 12])
@pytest.mark.parametrize("g", SQUARE, ids=lambda g: g.name)
def test_permutation_is_exact_where_promised_and_breaks_where_not(variant, assignment, orientations, g):
    phi = HOG(orientations=orientations, variant=variant, assignment=assignment)
    action = phi.channel_action(g)
    if action is None:
        assert orientations % 2 == 1 and g.linear[0, 0] == 0  # a quarter turn of an odd number of bins
        return
    image = crop()
    transformed, _ = warp(image, g)
    difference = (phi(transformed.to(torch.uint8)) - moved(phi, phi(image), g, 128)).abs().max()
    if phi.exact(g):
        assert difference < 1e-6
    else:  # flips with ties: a declared break must break
        assert difference > 0.05


def test_flips_break_when_cells_do_not_fill_the_image():
    phi, image = HOG(), crop(123)
    transformed, _ = warp(image, hflip())
    flipped = phi(image).flip(-1)[:, torch.from_numpy(phi.channel_action(hflip()))]
    assert (phi(transformed.to(torch.uint8)) - flipped).abs().mean() > 0.005


@pytest.mark.parametrize("variant", ["uoctti", "dalal-triggs", "dpm"])
def test_permutations_compose_like_the_group(variant):
    phi = HOG(orientations=8, variant=variant, assignment="nearest")
    for g, h in itertools.product(SQUARE, SQUARE):
        # out[i] = in[perm[i]]: h first, then g
        np.testing.assert_array_equal(phi.channel_action(g @ h), phi.channel_action(h)[phi.channel_action(g)])


def test_no_permutation_for_other_transformations():
    for g in (rotation(45), scaling(2), translation(8, 0)):
        assert HOG().channel_action(g) is None
        assert not HOG().exact(g)


@pytest.mark.parametrize("variant", ["uoctti", "dpm"])
def test_grid_lies_on_the_cells(variant):
    """A single bright dot moves the energy of the field to the cell that the grid says."""
    phi = HOG(variant=variant, assignment="nearest")
    grid = phi.grid(96, 80)
    assert (grid.height, grid.width) == tuple(phi(torch.zeros(1, 1, 96, 80)).shape[2:])
    x, y = grid.centres[3, 4] + [(80 - 1) / 2, (96 - 1) / 2]  # pixel indices
    # The centre of an even cell lies between pixels: a 2 x 2 dot around it.
    image = torch.zeros(1, 1, 96, 80)
    image[0, 0, int(y) : int(y) + 2, int(x) : int(x) + 2] = 1
    energy = phi(image)[0, : 2 * phi.orientations].sum(0)
    assert np.unravel_index(int(energy.argmax()), energy.shape) == (3, 4)


def test_settings_and_protocol():
    phi = HOG(cell=4, orientations=8, variant="dalal-triggs")
    assert isinstance(phi, Representation)
    assert phi.channels == 32 == phi(torch.zeros(1, 1, 16, 16)).shape[1]
    assert phi.settings["name"] == "HOG" and phi.settings["cell"] == 4


@pytest.mark.parametrize(
    "settings,message",
    [
        ({"variant": "felz"}, "hog: variant must be one of .*, got 'felz'"),
        ({"cell": 0}, "hog: cell must be at least 1 pixel, got 0"),
        ({"orientations": 0}, "hog: orientations must be 1..128, got 0"),
        ({"variant": "dpm", "assignment": "bilinear"}, "hog: variant 'dpm' .* got 'bilinear'"),
    ],
)
def test_spoiled_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        HOG(**settings)
