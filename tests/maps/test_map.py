"""Map: application against the reference, kinds of input, gradients, sparsity, wrong arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from equivfast import groups
from equivfast.groups import Grid, Transform, grid_action, neighbourhood
from equivfast.maps import Map
from equivfast.reference.feature_transform import feature_transform

GRID = Grid.centred(5, 6, 8)
TURN = groups.rotation(30)


def shared(m: int = 3, share: float = 1.0, g: Transform = TURN, seed: int = 0, **fields: Any) -> Map:
    rng = np.random.default_rng(seed)
    weight = rng.normal(size=(2, 3 * m * m)) * (rng.random((2, 3 * m * m)) <= share)
    return Map("shared", g, "test", weight, rng.normal(size=2), (3, 2), GRID, GRID, m, **fields)


def window(share: float = 1.0, seed: int = 0) -> Map:
    rng = np.random.default_rng(seed)
    target = Grid.centred(3, 2, 8)
    weight = rng.normal(size=(12, 90)) * (rng.random((12, 90)) <= share)
    return Map("window", TURN, "test", weight, rng.normal(size=12), (3, 2), GRID, target, None)


def dense(m: Map) -> np.ndarray:
    return m.weight.toarray() if isinstance(m.weight, csr_array) else m.weight


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
@pytest.mark.parametrize(("m", "share"), [(1, 1), (1, 0.2), (3, 1), (3, 0.1)])
def test_a_shared_map_is_feature_transform(m: int, share: float, interpolation: str) -> None:
    ours = shared(m, share, interpolation=interpolation)
    assert isinstance(ours.weight, csr_array) == (share < 1)
    for size in ((5, 6), (8, 4)):
        x = np.random.default_rng(1).normal(size=(4, 3, *size))
        action = grid_action(TURN, Grid.centred(*size, 8), None, interpolation)
        mix = dense(ours).reshape(2, 3, m, m)
        expected = feature_transform(x, action.index, mix, action.weight, ours.bias)
        np.testing.assert_allclose(ours(x), expected, atol=1e-12)


@pytest.mark.parametrize("share", [1, 0.1])
def test_a_window_map_is_a_matrix_product(share: float) -> None:
    ours = window(share)
    assert isinstance(ours.weight, csr_array) == (share < 1)
    x = np.random.default_rng(1).normal(size=(4, 3, 5, 6))
    expected = x.reshape(4, -1) @ dense(ours).T + ours.bias
    np.testing.assert_allclose(ours(x), expected.reshape(4, 2, 3, 2), atol=1e-12)


@pytest.mark.parametrize("m", [shared(), shared(share=0.1), window(), window(0.1)])
def test_kind_dtype_and_rank_of_the_features_are_kept(m: Map) -> None:
    x = np.random.default_rng(1).normal(size=(4, 3, 5, 6))
    expected = m(x)
    assert isinstance(expected, np.ndarray) and expected.dtype == np.float64
    single = m(x.astype(np.float32))
    assert isinstance(single, np.ndarray) and single.dtype == np.float32
    np.testing.assert_allclose(single, expected, atol=1e-4)
    tensor = m(torch.from_numpy(x).float())
    assert isinstance(tensor, torch.Tensor) and tensor.dtype == torch.float32
    np.testing.assert_allclose(tensor, single, atol=1e-6)
    np.testing.assert_allclose(m(x[2]), expected[2], atol=1e-12)
    assert m(torch.from_numpy(x[2])).ndim == 3
    strided = np.ascontiguousarray(x[:, :, ::-1])[:, :, ::-1]
    np.testing.assert_allclose(m(strided), expected, atol=1e-12)
    last = torch.from_numpy(x).to(memory_format=torch.channels_last)
    np.testing.assert_allclose(m(last), expected, atol=1e-12)
    assert m(x[:0]).shape == (0, *expected.shape[1:])
    frozen = x.copy()
    frozen.flags.writeable = False
    np.testing.assert_array_equal(m(frozen), expected)
    np.testing.assert_array_equal(frozen, x)


@pytest.mark.parametrize("m", [shared(), shared(share=0.1), window(), window(0.1)])
def test_gradients_reach_the_features(m: Map) -> None:
    x = torch.randn(
        2, 3, 5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True
    )
    assert torch.autograd.gradcheck(m, (x,))


def test_a_field_of_another_size_lies_as_the_training_grid_did() -> None:
    """Cells at -8.5, -0.5, 7.5: a field of five goes from -16.5 to 15.5."""
    grid = Grid(3, 3, 8.0, (-8.5, -8.5))
    m = Map("shared", groups.rotation(180), "test", np.eye(1), np.zeros(1), (1, 1), grid, grid)
    assert m.grid(3, 3) == grid
    assert m.grid(5, 1) == Grid(5, 1, 8.0, (-0.5, -16.5))
    x = np.arange(5.0).reshape(1, 1, 5)
    assert m(x)[0, 0].tolist() == [4, 3, 2, 1, 0]
    # Said to lie from -4 to 28, it is turned about 0, which is half-way between its cells 0 and 1.
    assert m(x, source=Grid(1, 5, 8.0, (-4.0, -0.5)))[0, 0].tolist() == [1, 0, 0, 0, 0]


def test_the_mask_is_where_all_that_a_cell_reads_is_inside() -> None:
    for m in (1, 3):
        ours = shared(m, g=groups.translation(8, 0))
        count = np.ones((1, 3, 5, 6))
        every = Map("shared", ours.g, "test", np.ones((2, 3 * m * m)), np.zeros(2), (3, 2), GRID, GRID, m)
        np.testing.assert_array_equal(ours.mask(), every(count)[0, 0] == 3 * m * m)
        np.testing.assert_array_equal(
            every.mask(Grid.centred(8, 8, 8)), every(np.ones((1, 3, 8, 8)))[0, 0] == 3 * m * m
        )
    assert window().mask().all() and window().mask().shape == (3, 2)
    near = Map("window", TURN, "test", np.ones((60, 90)), np.zeros(60), (3, 2), GRID, GRID, 3)
    np.testing.assert_array_equal(near.mask(), (neighbourhood(TURN, GRID, GRID, 3) >= 0).all(-1))
    assert 0 < near.mask().sum() < 30


def test_matrices_are_sparse_when_mostly_zero() -> None:
    weight = np.zeros((2, 27))
    weight[0, :13] = 1.5
    m = Map("shared", TURN, "test", weight, np.zeros(2), (3, 2), GRID, GRID, 3)
    assert isinstance(m.weight, csr_array) and m.weight.nnz == 13 and m.nonzero_share == 13 / 54
    weight[1, 0] = 1.5
    m = Map("shared", TURN, "test", csr_array(weight), np.zeros(2), (3, 2), GRID, GRID, 3)
    assert isinstance(m.weight, np.ndarray) and m.nonzero_share == 14 / 54
    weight[:] = 0  # the map keeps a copy
    assert m.weight.any()


def test_a_map_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        shared().kind = "window"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("spoiled", "message"),
    [
        ({"kind": "dense"}, "kind must be one of window, shared, got 'dense'"),
        ({"support": 2}, "support must be an odd number of cells, got 2"),
        ({"support": None}, "support must be an odd number of cells, got None"),
        ({"channels": (3,)}, r"channels must be .*, got \(3,\)"),
        ({"weight": np.ones((2, 3))}, r"weight must be \(2, 27\), got \(2, 3\)"),
        ({"kind": "window"}, r"weight must be \(60, 90\), got \(2, 27\)"),
        ({"bias": np.ones(3)}, r"bias must be \(2,\), got \(3,\)"),
        ({"bias": np.full(2, np.nan)}, "bias must be finite, got NaN or infinity"),
        ({"weight": np.full((2, 27), np.inf)}, "weight must be finite, got NaN or infinity"),
        (
            {"weight": csr_array(([np.nan], ([0], [1])), shape=(2, 27))},
            "weight must be finite, got NaN or infinity",
        ),
        (
            {"target": Grid.centred(5, 6, 4)},
            "source and target must have the same stride .*, got 8.0 and 4.0",
        ),
    ],
)
def test_spoiled_parts_are_named(spoiled: dict[str, Any], message: str) -> None:
    plain = {"kind": "shared", "g": TURN, "method": "test", "weight": np.ones((2, 27)), "bias": np.zeros(2)}
    plain |= {"channels": (3, 2), "source": GRID, "target": GRID, "support": 3}
    with pytest.raises(ValueError, match=f"^Map: {message}"):
        Map(**(plain | spoiled))


@pytest.mark.parametrize(
    ("m", "x", "message"),
    [
        (shared(), np.ones((1, 4, 5, 6)), r"features must be \(n, 3, H, W\), got \(1, 4, 5, 6\)"),
        (shared(), np.ones((5, 6)), r"features must be \(n, 3, H, W\), got \(5, 6\)"),
        (window(), np.ones((1, 3, 6, 6)), r"features must be \(n, 3, 5, 6\), got \(1, 3, 6, 6\)"),
        (
            shared(),
            np.ones((1, 3, 5, 6), np.float16),
            "features must be float32 or float64, got torch.float16",
        ),
        (shared(), np.ones((1, 3, 5, 6), int), "features must hold floating-point numbers, got int64"),
        (window(), [[[1.0]]], "features must be a torch tensor or a NumPy array, got list"),
    ],
)
def test_spoiled_features_are_named(m: Map, x: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^Map: {message}$"):
        m(x)


def test_a_grid_that_does_not_fit_is_named() -> None:
    x = np.ones((1, 3, 5, 6))
    with pytest.raises(
        ValueError, match=r"^Map: source must be Grid\(height=5, .* for this window map, got Grid\(height=4"
    ):
        window()(x, source=Grid.centred(4, 6, 8))
    with pytest.raises(ValueError, match=r"^Map: features must be \(n, 3, 4, 6\), got \(1, 3, 5, 6\)$"):
        shared()(x, source=Grid.centred(4, 6, 8))
