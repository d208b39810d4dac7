"""solve, fit_pairs, fit: planted maps come back, real cells only, wrong arguments are named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from equivfast import groups, maps
from equivfast.groups import Grid, Transform
from equivfast.maps.collect import Frame, real_cells

EXACT = [groups.hflip(), groups.rotation(90), groups.rotation(180)]
TURNS = [*EXACT, groups.rotation(45), groups.scaling(1.25), groups.translation(5, -11)]


def dense(m: maps.Map) -> np.ndarray:
    return m.weight if isinstance(m.weight, np.ndarray) else m.weight.toarray()


def methods(nonzeros: int) -> list[tuple[str, dict[str, Any]]]:
    return [
        ("least_squares", {}),
        ("ridge", {"ridge": 1e-9}),
        ("forward_selection", {"nonzeros": nonzeros}),
    ]


@pytest.mark.parametrize("g", TURNS, ids=lambda g: g.name)
@pytest.mark.parametrize("m", [1, 3])
def test_a_planted_shared_map_comes_back(planted_shared: Callable[..., Any], g: Transform, m: int) -> None:
    p = planted_shared(g, 7, 7, m, nonzeros=3)
    s = maps.Statistics(g, p.source, p.target, p.channels, support=m).update(p.x, p.y)
    for method, options in methods(3):
        found = maps.solve(s, method, **options)
        np.testing.assert_allclose(dense(found), p.weight, atol=1e-6, err_msg=method)
        np.testing.assert_allclose(found.bias, p.bias, atol=1e-6, err_msg=method)
        np.testing.assert_allclose(maps.r_squared(found, s), 1, atol=1e-9)
        if m == 1:  # the fields' own values too, wherever all that the cell reads is inside
            inside = found.mask(p.source)
            np.testing.assert_allclose(found(p.x)[:, :, inside], p.y[:, :, inside], atol=1e-5)
            assert inside.any()


@pytest.mark.parametrize("g", TURNS, ids=lambda g: g.name)
@pytest.mark.parametrize("m", [1, 3])
def test_a_planted_window_map_comes_back(planted_window: Callable[..., Any], g: Transform, m: int) -> None:
    p = planted_window(g, 7, 3, m, nonzeros=2)
    s = maps.Statistics(g, p.source, p.target, p.channels, kind="window", support=5).update(p.x, p.y)
    for method, options in methods(2):
        found = maps.solve(s, method, support=m, **options)
        np.testing.assert_allclose(dense(found), p.weight, atol=1e-6, err_msg=method)
        np.testing.assert_allclose(found.bias, p.bias, atol=1e-6, err_msg=method)
        np.testing.assert_allclose(found(p.x), p.y, atol=1e-5, err_msg=method)
        np.testing.assert_allclose(maps.r_squared(found, s), 1, atol=1e-9)


def test_forward_selection_finds_the_cells_among_all_and_least_squares_does_not(
    planted_window: Callable[..., Any],
) -> None:
    """The paper's contrast: too few pairs for the unstructured matrix, enough for a few entries of it."""
    p = planted_window(groups.rotation(180), 7, 3, 1, n=100, nonzeros=1)
    s = maps.Statistics(p.g, p.source, p.target, p.channels, kind="window", support=None).update(p.x, p.y)
    sparse, full = maps.solve(s, "forward_selection", nonzeros=1), maps.solve(s, "least_squares")
    np.testing.assert_allclose(dense(sparse), p.weight, atol=1e-6)
    assert sparse.nonzero_share == 1 / 147
    np.testing.assert_allclose(full(p.x), p.y, atol=1e-6)  # met on the pairs it saw
    assert np.abs(dense(full) - p.weight).max() > 0.1
    assert full.settings["underdetermined"] and full.nonzero_share > 0.9


@settings(max_examples=25)
@given(
    st.integers(1, 6),
    st.integers(1, 6),
    st.sampled_from(["window", "shared"]),
    st.sampled_from([1, 3]),
    st.integers(1, 4),
)
def test_any_shape_fits_and_applies(height: int, width: int, kind: str, m: int, k: int) -> None:
    rng = np.random.default_rng(height * 7 + width)
    grid = Grid.centred(height, width, 8)
    x, y = rng.normal(size=(9, 2, height, width)), rng.normal(size=(9, 3, height, width))
    s = maps.Statistics(groups.rotation(20), grid, grid, (2, 3), kind=kind, support=m).update(x, y)
    if s.count < 2:
        with pytest.raises(ValueError, match="solve: statistics must hold at least 2 rows, got 0"):
            maps.solve(s)
        return
    for method in ("least_squares", "ridge", "forward_selection"):
        found = maps.solve(s, method, nonzeros=k)
        assert found(x).shape == y.shape and np.isfinite(found(x)).all()
        if method == "forward_selection":
            assert np.count_nonzero(dense(found), axis=1).max() <= k


def test_fit_pairs_streams_once(planted_shared: Callable[..., Any]) -> None:
    p = planted_shared(groups.rotation(45), 7, 7, 1)
    batches = ((torch.from_numpy(p.x[i : i + 7]), p.y[i : i + 7]) for i in range(0, len(p.x), 7))
    found = maps.fit_pairs(batches, p.g, p.source, p.target, "forward_selection", support=1, nonzeros=3)
    assert next(batches, None) is None
    np.testing.assert_allclose(dense(found), p.weight, atol=1e-6)
    assert (found.method, found.g, found.settings["nonzeros"]) == ("forward_selection", p.g, 3)


class Pooled:
    """The means and the largest values of cells: exact under flips and quarter turns, without channel moves."""

    channels = 2

    def __init__(self, cell: int = 4) -> None:
        self.cell = cell

    def __call__(self, images: Tensor) -> Tensor:
        grey = images.mean(1, keepdim=True)
        pools = (torch.nn.functional.avg_pool2d, torch.nn.functional.max_pool2d)
        return torch.cat([pool(grey, self.cell) for pool in pools], 1)

    def grid(self, height: int, width: int) -> Grid:
        cell, rows, columns = self.cell, height // self.cell, width // self.cell
        return Grid(rows, columns, cell, ((cell - width) / 2, (cell - height) / 2))

    def channel_action(self, g: Transform) -> Any:
        return np.arange(2) if g.grid_symmetry else None


def images(n: int = 12, height: int = 32, width: int = 32) -> Tensor:
    return torch.rand(n, 3, height, width, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("kind", ["window", "shared"])
@pytest.mark.parametrize("g", EXACT, ids=lambda g: g.name)
def test_every_method_finds_an_exact_action_from_images(g: Transform, kind: str) -> None:
    phi, data = Pooled(), images(30)
    x, y = phi(data), phi(groups.warp(data, g)[0])
    x, y = x[:, :, 2:-2, 2:-2], y[:, :, 2:-2, 2:-2]
    for method in ("permutation", "least_squares", "ridge", "forward_selection"):
        found = maps.fit(phi, g, data, method, kind=kind, support=1, nonzeros=1, ridge=1e-9)
        assert (found(x) - y).abs().max() < 1e-5, method
    assert (maps.fit(phi, g, data, "permutation", kind=kind)(x) - y).abs().max() < 1e-6
    assert torch.equal(maps.fit(phi, g, data, "identity", kind=kind)(x), x)
    assert (maps.fit(phi, g, data, "cells", kind=kind)(x) - y).abs().max() < 1e-6  # this phi moves no channel


def test_images_come_in_every_form_and_size() -> None:
    phi, g = Pooled(), groups.rotation(30)
    rows = images(6, 40, 36)
    listed = [row for row in rows]
    arrays = [row.permute(1, 2, 0).numpy() for row in rows]
    grey = [row.mean(0).numpy() for row in rows]
    read_only = [np.broadcast_to(array, array.shape) for array in grey]
    swapped = [array.astype(">f4") for array in arrays]
    expected = maps.collect(phi, g, rows)
    for data in (listed, arrays, np.stack(arrays), grey, iter([rows[:4], rows[4:]]), read_only, swapped):
        found = maps.collect(phi, g, data, batch_size=5)
        assert found.count == expected.count > 0
        np.testing.assert_allclose(maps.solve(found).weight, maps.solve(expected).weight, atol=1e-5)
    other = images(3, 32, 48)
    mixed = maps.collect(phi, g, [*rows, *other, *rows])
    assert mixed.count == 2 * expected.count + maps.collect(phi, g, other).count
    bytes_ = (images(2, 64, 64) * 255).to(torch.uint8)
    assert torch.equal(
        maps.fit(phi, g, bytes_)(phi(bytes_.float())), maps.fit(phi, g, bytes_.float())(phi(bytes_.float()))
    )


def test_only_cells_with_real_content_are_used() -> None:
    """What the warp invents beyond the image's edge must not be learned from."""
    phi, g, data = Pooled(), groups.rotation(45), images(4, 48, 48)
    edges = ("reflect", "zeros")
    fits = [maps.fit(phi, g, data, border=edge, border_cells=1, support=1) for edge in edges]
    np.testing.assert_allclose(fits[0].weight, fits[1].weight, atol=1e-3)
    # The cells that the mask takes away do depend on the border: the check above can fail.
    frames = [Frame(phi, g, (48, 48), "shared", 1, edge) for edge in edges]
    first, second = (frame.fields(data)[1] for frame in frames)
    difference = (first - second).abs().amax((0, 1)).numpy()
    assert difference[frames[0].valid].max() < 0.01 < 0.1 < difference[~frames[0].valid].max()
    frame = Frame(phi, g, (48, 48), "shared", 2, "reflect")
    assert 0 < frame.valid.sum() < frame.valid.size
    assert frame.valid[3:5, 3:5].all() and not frame.valid[0, 0]


def test_real_cells_by_brute_force() -> None:
    rng = np.random.default_rng(0)
    mask = rng.random((30, 26)) > 0.02
    grid = Grid(7, 6, 4, (-10.0, -12.5))
    found = real_cells(mask, grid, 5.0)
    x, y = np.meshgrid(np.arange(26) - 12.5, np.arange(30) - 14.5)
    for (i, j), (cx, cy) in zip(np.ndindex(7, 6), grid.centres.reshape(-1, 2), strict=True):
        near = (np.abs(x - cx) <= 5) & (np.abs(y - cy) <= 5)
        assert found[i, j] == mask[near].all()
    assert 0 < found.sum() < found.size


def test_a_window_target_shrinks_until_every_cell_is_real() -> None:
    phi = Pooled()
    whole = Frame(phi, groups.rotation(180), (60, 60), "window", 2, "reflect")
    assert (whole.source.height, whole.target.height) == (11, 11)
    turned = Frame(phi, groups.rotation(45), (60, 60), "window", 2, "reflect")
    # Corner cells within 30 pixels of the centre, the border cells around them included: (4 k + 4 b) sqrt 2 <= 30.
    assert turned.source.height == 11 and turned.target == turned.source.crop(2)
    assert Frame(phi, groups.rotation(45), (60, 60), "window", 3, "reflect").target.height == 5
    assert Frame(phi, groups.rotation(45), (60, 60), "shared", 2, "reflect").valid.any()
    with pytest.raises(
        ValueError, match=r"fit: images must leave a whole target array under shift:100,0, got \(60, 60\)"
    ):
        maps.fit(phi, groups.translation(100, 0), images(2, 60, 60), kind="window")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "task"}, "fit: method must be one of least_squares, .*identity, got 'task'"),
        ({"kind": "dense"}, "fit: kind must be one of window, shared, got 'dense'"),
        ({"kind": "dense", "method": "cells"}, "kind must be one of window, shared, got 'dense'"),
        ({"support": 4}, "fit: support must be an odd number of cells, got 4"),
        ({"border_cells": -1}, "fit: border_cells must be a whole number of at least 0, got -1"),
        ({"border_cells": 4}, "fit: border_cells must leave a cell of the 8 x 8 cells of an image, got 4"),
        ({"batch_size": 0}, "fit: batch_size must be a whole number of at least 1, got 0"),
        ({"nonzeros": 0, "method": "forward_selection"}, "solve: nonzeros must be .* at least 1, got 0"),
        ({"ridge": 0.0}, "solve: ridge must be a finite number above 0, got 0.0"),
        ({"ridge": float("nan")}, "solve: ridge must be a finite number above 0, got nan"),
        (
            {"images": images(2, 24, 24)},
            r"fit: images must leave a cell .* under hflip, got none in \(24, 24\)",
        ),
        ({"images": []}, "fit: images must hold at least one image, got none"),
        ({"images": [], "method": "cells"}, "fit: images must hold at least one image, got none"),
        ({"images": [np.ones(5)]}, r"fit: images must be torch \(c, h, w\) or NumPy .*, got \(5,\)"),
        ({"images": ["cat.jpg"]}, "fit: images must be torch .*, got str"),
        (
            {"images": [np.ones((64, 64), object)]},
            "fit: an image of images has the unsupported dtype object",
        ),
        ({"images": np.ones((32, 32, 3))}, r"fit: images must be a list of images, .* got \(32, 32, 3\)"),
        (
            {"images": [images(1), images(1, 40)], "kind": "window"},
            "fit: images must have one size for kind 'window'",
        ),
        (
            {"g": groups.rotation(45), "method": "permutation"},
            "permutation: the representation must permute .* rot:45",
        ),
        ({"images": images(1) * float("nan")}, "NaN"),
    ],
)
def test_spoiled_arguments_of_fit_are_named(arguments: dict[str, Any], message: str) -> None:
    plain = {"phi": Pooled(), "g": groups.hflip(), "images": images(2), "method": "ridge"}
    with pytest.raises(ValueError, match=message) as raised:
        maps.fit(**(plain | arguments))
    assert "\n" not in str(raised.value)


def test_spoiled_arguments_of_solve_and_fit_pairs_are_named() -> None:
    grid = Grid.centred(3, 3, 8)
    s = maps.Statistics(groups.hflip(), grid, grid, (1, 1), support=1)
    with pytest.raises(ValueError, match=r"^solve: statistics must hold at least 2 rows, got 0$"):
        maps.solve(s)
    with pytest.raises(ValueError, match=r"^solve: method must be one of .*, got 'permutation'$"):
        maps.solve(s, "permutation")
    with pytest.raises(
        ValueError, match=r"^fit_pairs: pairs must hold at least one pair of batches, got none$"
    ):
        maps.fit_pairs([], groups.hflip(), grid, grid)
    with pytest.raises(
        ValueError, match=r"^fit_pairs: pairs must be of fields \(n, c, H, W\), got \[\(3, 3\), \(\)\]$"
    ):
        maps.fit_pairs([(np.ones((3, 3)), None)], groups.hflip(), grid, grid)


def test_a_selection_path_holds_the_maps_of_each_number_of_entries(
    planted_window: Callable[..., Any],
) -> None:
    p = planted_window(groups.rotation(30), 7, 3, 3, nonzeros=4)
    s = maps.Statistics(p.g, p.source, p.target, p.channels, kind="window", support=5).update(p.x, p.y)
    path = maps.forward_selection_path(s, (1, 4), support=3)
    for k, found in zip((1, 4), path, strict=True):
        alone = maps.solve(s, "forward_selection", support=3, nonzeros=k)
        assert found.settings == alone.settings and found.settings["nonzeros"] == k
        np.testing.assert_allclose(dense(found), dense(alone), atol=1e-12)
        np.testing.assert_allclose(found.bias, alone.bias, atol=1e-12)
    np.testing.assert_allclose(dense(path[1]), p.weight, atol=1e-6)


@pytest.mark.parametrize("nonzeros", [(), (0,), (1, 2.0), (True,)])
def test_a_selection_path_names_wrong_numbers(planted_window: Callable[..., Any], nonzeros: Any) -> None:
    p = planted_window(groups.identity(), 3, 3, 1)
    s = maps.Statistics(p.g, p.source, p.target, p.channels, kind="window", support=1).update(p.x, p.y)
    with pytest.raises(ValueError, match=r"^forward_selection_path: nonzeros must "):
        maps.forward_selection_path(s, nonzeros)
