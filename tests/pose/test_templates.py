"""Templates by the adjoint: they score features as the template scores mapped features."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from equivfast import groups, maps, pose
from equivfast.data import photographs
from equivfast.groups import Grid, Transform
from equivfast.maps import Map
from equivfast.representations import HOG

POSES = {
    "identity": groups.identity(),
    "half-turn": groups.rotation(180),
    "turn": groups.rotation(33),
    "smaller": groups.rotation(-70) @ groups.scaling(0.7),
    "larger": groups.scaling(1.6),
    "stretch-and-shift": groups.affine([[1.3, 0.2], [-0.4, 0.8]], (5.0, -9.0)),
}


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(shape).standard_normal(shape)


def shared(g: Transform, support: int = 3, interpolation: str = "bilinear", sparse: bool = False) -> Map:
    """A map of 5 channels to 4 with a bias; its own grid is neither centred nor of the template's size."""
    weight = normal(4, 5 * support**2)
    if sparse:
        weight *= np.random.default_rng(1).random(weight.shape) < 0.2
    grid = Grid(6, 9, 8.0, (-30.0, 4.0))
    return Map("shared", g, "test", weight, normal(4), (5, 4), grid, grid, support, interpolation)


def window(sparse: bool = False) -> Map:
    source, target = Grid.centred(4, 5, 8), Grid.centred(2, 3, 8)
    weight = normal(4 * 6, 5 * 20)
    if sparse:
        weight *= np.random.default_rng(1).random(weight.shape) < 0.1
    return Map("window", groups.rotation(10), "test", weight, normal(24), (5, 4), source, target, 3)


def assert_adjoint(w: np.ndarray, m: Map, size: tuple[int, int] | None = None) -> None:
    """<w, M(phi)> = <template, phi> + bias, to float64 rounding, for fields of the template's size."""
    template, bias = pose.adjoint(w, m, size)
    assert template.dtype == np.float64
    height, width = template.shape[1:]
    phi = normal(7, 5, height, width)
    mapped = m(phi) if m.kind == "window" else m(phi, Grid.centred(height, width, 8))
    rows, columns = (mapped.shape[2] - w.shape[1]) // 2, (mapped.shape[3] - w.shape[2]) // 2
    middle = mapped[:, :, rows : rows + w.shape[1], columns : columns + w.shape[2]]
    wanted, scale = (middle * w).sum((1, 2, 3)), np.abs(w).sum() * np.abs(mapped).max()
    found = (template * phi).sum((1, 2, 3)) + bias
    assert np.abs(found - wanted).max() <= 1e-14 * scale
    assert np.abs(found).max() > 1e-3 * scale / w.size  # not 0 = 0


@pytest.mark.parametrize("size", [None, (6, 9), (8, 5)], ids=["as it is", "room", "room-below"])
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
@pytest.mark.parametrize("support", [1, 3, 5])
@pytest.mark.parametrize("name", POSES)
def test_adjoint_of_a_shared_map(
    name: str, support: int, interpolation: str, size: tuple[int, int] | None
) -> None:
    assert_adjoint(normal(4, 4, 5), shared(POSES[name], support, interpolation), size)


@pytest.mark.parametrize("support", [1, 3])
def test_adjoint_of_a_sparse_shared_map(support: int) -> None:
    m = shared(POSES["turn"], support, sparse=True)
    assert isinstance(m.weight, csr_array)
    assert_adjoint(normal(4, 5, 5), m, (7, 7))


@pytest.mark.parametrize("sparse", [False, True])
def test_adjoint_of_a_window_map(sparse: bool) -> None:
    m = window(sparse)
    assert isinstance(m.weight, csr_array) == sparse
    assert_adjoint(normal(4, 2, 3), m)
    assert_adjoint(normal(4, 2, 3), m, (4, 5))


def test_adjoint_of_one_column_and_one_cell() -> None:
    assert_adjoint(normal(4, 3, 1), shared(groups.identity()))
    assert_adjoint(normal(4, 1, 1), shared(POSES["turn"]), (3, 3))


def test_a_larger_size_keeps_what_a_smaller_one_drops() -> None:
    """The middle of the larger template is not always the smaller one: mapped cells read each other's neighbours."""
    m, w = shared(groups.identity(), support=3), normal(4, 3, 3)
    small, room = pose.adjoint(w, m)[0], pose.adjoint(w, m, (5, 5))[0]
    np.testing.assert_allclose(room[:, 1:-1, 1:-1], small, atol=1e-14)
    assert np.abs(room[:, 0]).max() > 0.01
    # Beyond one cell of the filters the identity reads nothing.
    np.testing.assert_array_equal(pose.adjoint(w, m, (7, 7))[0][:, 0], 0)


def test_adjoints_of_a_product_are_taken_in_turns() -> None:
    grid = Grid.centred(4, 4, 8)

    def turn(angle: float, c: int, d: int) -> Map:
        return Map("shared", groups.rotation(angle), "test", normal(d, c), normal(d), (c, d), grid, grid)

    first, second = turn(90, 5, 3), turn(180, 3, 4)
    w = normal(4, 4, 4)
    template, bias = pose.adjoint(w, second @ first)
    between, outer = pose.adjoint(w, second)
    wanted, inner = pose.adjoint(between, first)
    np.testing.assert_allclose(template, wanted, atol=1e-13)
    assert bias == pytest.approx(outer + inner, abs=1e-12)


def test_templates_are_the_adjoints_rounded_once() -> None:
    bank = [shared(g) for g in POSES.values()]
    w = normal(4, 5, 4).astype(np.float32)
    templates, bias = pose.templates_from_maps(w, bank, (7, 6))
    assert templates.dtype == bias.dtype == np.float32 and templates.shape == (len(bank), 5, 7, 6)
    for k, m in enumerate(bank):
        template, number = pose.adjoint(w, m, (7, 6))
        np.testing.assert_array_equal(templates[k], template.astype(np.float32))
        assert bias[k] == np.float32(number)


def test_torch_in_torch_out() -> None:
    w, bank = normal(4, 3, 4), [shared(POSES["turn"])]
    for dtype in (torch.float32, torch.float64):
        tensor = torch.from_numpy(w).to(dtype).requires_grad_()
        templates, bias = pose.templates_from_maps(tensor, bank)
        assert isinstance(templates, torch.Tensor) and isinstance(bias, torch.Tensor)
        assert not templates.requires_grad and templates.dtype == torch.float32
        wanted = pose.templates_from_maps(tensor.detach().numpy(), bank)
        np.testing.assert_array_equal(templates.numpy(), wanted[0])
        np.testing.assert_array_equal(bias.numpy(), wanted[1])
        assert pose.adjoint(tensor, bank[0])[0].dtype == torch.float64


def test_a_turned_template_finds_the_turned_pattern() -> None:
    """HOG of a turned photograph scores highest, of all quarter turns, with the template of its own pose."""
    phi = HOG(orientations=8)  # an even number: every quarter turn is a permutation
    image = (
        torch.from_numpy(photographs(["astronaut"])[0].image[0:128, 160:288]).permute(2, 0, 1)[None].float()
    )
    w = phi(image)[0]
    turns = [groups.rotation(angle) for angle in (0, 90, 180, 270)]
    bank = [maps.fit(phi, g.inverse(), image, "permutation", border_cells=0) for g in turns]
    templates, bias = pose.templates_from_maps(w, bank)
    for k, g in enumerate(turns):
        field = phi(groups.warp(image, g)[0])
        scores = (templates * field).sum((1, 2, 3)) + bias
        assert int(scores.argmax()) == k
        torch.testing.assert_close(scores[k], w.square().sum(), rtol=1e-5, atol=0)


W = np.ones((4, 4, 5))
SPOILED: dict[str, tuple[dict[str, Any], str]] = {
    "w kind": ({"w": [1.0]}, "w must be a torch tensor or a NumPy array, got list"),
    "w rank": ({"w": W[0]}, "w must be (4, kh, kw), got (4, 5)"),
    "w channels": ({"w": W[:3]}, "w must be (4, kh, kw), got (3, 4, 5)"),
    "w empty": ({"w": W[:, :0]}, "w must be (4, kh, kw), got (4, 0, 5)"),
    "w window": ({"maps": [window()]}, "w must be (4, 2, 3), got (4, 4, 5)"),
    "w nan": ({"w": W * np.nan}, "w must be finite, got NaN or infinity"),
    "no map": ({"maps": []}, "maps must hold at least one map, got none"),
    "no Map": ({"maps": [groups.hflip()]}, "maps must be of type Map, got Transform"),
    "size below": (
        {"size": (2, 5)},
        "size must be w's (4, 5) and an even number of cells more, got (2, 5)",
    ),
    "size odd": ({"size": (5, 5)}, "size must be w's (4, 5) and an even number of cells more, got (5, 5)"),
    "size of a window": (
        {"w": W[:, :2, :3], "maps": [window()], "size": (6, 7)},
        "size must be the source's (4, 5) for a window map, got (6, 7)",
    ),
    "several shapes": (
        {"w": W[:, :2, :3], "maps": [shared(POSES["turn"]), window()]},
        "maps must give templates of one shape, got (5, 2, 3) and (5, 4, 5)",
    ),
}


@pytest.mark.parametrize("what", SPOILED)
def test_spoiled_argument(what: str) -> None:
    spoiled, message = SPOILED[what]
    with pytest.raises(ValueError, match=f"^templates_from_maps: {re.escape(message)}$"):
        pose.templates_from_maps(**{"w": W, "maps": [shared(POSES["turn"])], **spoiled})
