"""Statistics: their rows by brute force, however the stream is cut, merged, for smaller supports, wrong arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from equivfast import groups, maps
from equivfast.groups import Grid, grid_action, neighbourhood
from equivfast.maps import Statistics, statistics

SOURCE, TARGET = Grid.centred(5, 7, 8), Grid.centred(3, 4, 8)
TURN = groups.rotation(30) @ groups.translation(3, -2)


def fields(
    n: int, c: int = 3, d: int = 2, source: Grid = SOURCE, target: Grid = TARGET, seed: int = 0
) -> Any:
    rng = np.random.default_rng(seed)
    x = rng.normal(2, 1, size=(n, c, source.height, source.width))
    return x, rng.normal(-1, 2, size=(n, d, target.height, target.width))


def table(s: Statistics, support: int | None = None) -> dict[tuple[int, ...], Any]:
    """All sums of all problems, by the outputs they are for."""
    return {tuple(p.rows.tolist()): p for p in s.problems(support)}


def assert_same(a: Statistics, b: Statistics, relative: float = 1e-12, support: int | None = None) -> None:
    assert a.count == b.count
    one, two = table(a, support), table(b, support)
    assert one.keys() == two.keys()
    for key, p in one.items():
        assert p.columns.tolist() == two[key].columns.tolist()
        for name in ("mean_x", "mean_y", "xx", "xy", "yy"):
            left, right = getattr(p.moments, name), getattr(two[key].moments, name)
            if left.numel():
                assert (left - right).abs().max() <= relative * right.abs().max(), name


def sums(rows_x: np.ndarray, rows_y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x, y = rows_x - rows_x.mean(0), rows_y - rows_y.mean(0)
    return x.T @ x, x.T @ y, np.square(y).sum(0)


@pytest.mark.parametrize("support", [1, 3, None])
def test_a_window_cell_has_its_own_neighbourhood(support: int | None) -> None:
    x, y = fields(20)
    problems = table(Statistics(TURN, SOURCE, TARGET, (3, 2), kind="window", support=support).update(x, y))
    everything = np.arange(35)[None, None].repeat(3, 0).repeat(4, 1)
    near = everything if support is None else neighbourhood(TURN, SOURCE, TARGET, support)
    seen_rows = sorted(row for rows in problems for row in rows)
    assert seen_rows == list(range(2 * 12))
    for rows, p in problems.items():
        cell = rows[0] % 12
        inside = sorted(s for s in near[cell // 4, cell % 4].tolist() if s >= 0)
        columns = [channel * 35 + s for channel in range(3) for s in inside]
        assert p.columns.tolist() == columns
        xx, xy, yy = sums(x.reshape(20, -1)[:, columns], y.reshape(20, -1)[:, list(rows)])
        np.testing.assert_allclose(p.moments.xx, xx, rtol=1e-10, atol=1e-11)
        np.testing.assert_allclose(p.moments.xy, xy, rtol=1e-10, atol=1e-11)
        np.testing.assert_allclose(p.moments.yy, yy, rtol=1e-10)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
@pytest.mark.parametrize("support", [1, 3])
def test_shared_rows_are_the_moved_neighbourhoods_inside_the_array(support: int, interpolation: str) -> None:
    grid, r = SOURCE, support // 2
    x, y = fields(6, target=grid)
    valid = np.ones((5, 7), dtype=bool)
    valid[2, 3] = False
    s = Statistics(TURN, grid, grid, (3, 2), support=support, interpolation=interpolation, valid=valid)
    (p,) = s.update(x, y).problems()
    wide = grid_action(TURN, grid, Grid.centred(5 + 2 * r, 7 + 2 * r, 8), interpolation)
    gathered = np.where(wide.index >= 0, x.reshape(6, 3, -1)[:, :, wide.index], 0)
    moved = (gathered * wide.weight).sum(-1)
    rows_x, rows_y = [], []
    for i in range(5):
        for j in range(7):
            if valid[i, j] and wide.mask[i : i + support, j : j + support].all():
                rows_x.append(moved[:, :, i : i + support, j : j + support].reshape(6, -1))
                rows_y.append(y[:, :, i, j])
    assert 0 < len(rows_x) < 34
    assert s.count == 6 * len(rows_x)
    xx, xy, yy = sums(np.concatenate(rows_x), np.concatenate(rows_y))
    np.testing.assert_allclose(p.moments.xx, xx, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(p.moments.xy, xy, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(p.moments.yy, yy, rtol=1e-10)


@pytest.mark.parametrize("block_bytes", [1 << 26, 1 << 12])
@pytest.mark.parametrize(("kind", "support"), [("window", 3), ("window", None), ("shared", 3)])
def test_the_cut_of_the_stream_does_not_matter(
    monkeypatch: pytest.MonkeyPatch, kind: str, support: int | None, block_bytes: int
) -> None:
    x, y = fields(50, target=SOURCE)
    whole = Statistics(TURN, SOURCE, SOURCE, (3, 2), kind=kind, support=support).update(x, y)
    monkeypatch.setattr(statistics, "BLOCK_BYTES", block_bytes)
    for size in (1, 7, 50):
        part = Statistics(TURN, SOURCE, SOURCE, (3, 2), kind=kind, support=support)
        for start in range(0, 50, size):
            part.update(x[start : start + size], y[start : start + size])
        part.update(x[:0], y[:0])
        assert_same(part, whole)


@pytest.mark.parametrize("kind", ["window", "shared"])
def test_sums_of_two_streams_add_up(kind: str) -> None:
    x, y = fields(30, target=SOURCE)

    def of(part: slice) -> Statistics:
        return Statistics(TURN, SOURCE, SOURCE, (3, 2), kind=kind).update(x[part], y[part])

    a, b = of(slice(0, 11)), of(slice(11, 30))
    assert_same(a + b, of(slice(None)))
    assert a.images == 11
    assert_same((a + b).update(x[:3], y[:3]), of(slice(None)).update(x[:3], y[:3]))
    assert_same(a, of(slice(0, 11)))  # the sum shares nothing with its parts


def test_shared_statistics_of_other_field_sizes_add_up(planted_shared: Any) -> None:
    one = planted_shared(groups.rotation(45), 6, 6, 3)
    two = planted_shared(groups.rotation(45), 9, 5, 3)
    assert np.array_equal(one.weight, two.weight)
    parts = [Statistics(p.g, p.source, p.target, p.channels).update(p.x, p.y) for p in (one, two)]
    total = parts[0] + parts[1]
    assert total.count == parts[0].count + parts[1].count > parts[0].count > 0
    np.testing.assert_allclose(maps.solve(total, "least_squares").weight, one.weight, atol=1e-6)


def test_memory_does_not_grow_and_the_smaller_layout_is_taken() -> None:
    x, y = fields(20, source=Grid.centred(9, 9, 8), target=Grid.centred(5, 5, 8))
    by_support = {}
    for support in (1, 3, None):
        s = Statistics(
            groups.hflip(),
            Grid.centred(9, 9, 8),
            Grid.centred(5, 5, 8),
            (3, 2),
            kind="window",
            support=support,
        )
        by_support[support] = bytes_after(s, x, y, times=2)
        if support:  # more rows than inputs: only sums are kept, and they do not grow
            assert bytes_after(s, x, y, times=3) == by_support[support]
    p, cells = 3 * 81, 25
    assert by_support[None] == 8 * 40 * (p + 2 * cells)  # 40 rows of 243 inputs: the rows themselves
    p = 27
    assert by_support[3] == 8 * cells * (p * p + p * 2 + p + 2 * 2)
    assert by_support[1] < by_support[3]
    # Overlapping supports that fill a small array: one table over all its cells is smaller than one for each.
    small = Statistics(groups.identity(), SOURCE, SOURCE, (3, 2), kind="window", support=5)
    p = 3 * 35
    x, y = fields(20, source=SOURCE, target=SOURCE)
    assert bytes_after(small, x, y, times=6) == 8 * (p * p + p * 70 + p + 2 * 70)


def bytes_after(s: Statistics, x, y, times: int) -> int:
    for _ in range(times):
        s.update(x, y)
    list(s.problems())  # what waits is added
    return s.nbytes


@pytest.mark.parametrize("collected", [5, None])
@pytest.mark.parametrize("support", [1, 3, 5])
def test_a_window_serves_every_smaller_support(support: int, collected: int | None) -> None:
    x, y = fields(12)
    large, exact = (
        Statistics(TURN, SOURCE, TARGET, (3, 2), kind="window", support=m).update(x, y)
        for m in (collected, support)
    )
    assert_same(large, exact, support=support)


def test_target_cells_that_see_nothing_stand_apart_where_their_sums_do() -> None:
    """With m = 1 a column of target cells lies outside: one empty regression, from tables of several."""
    source = target = Grid.centred(9, 9, 8)
    x, y = fields(12, source=source, target=target)
    g = groups.translation(8, 0)
    large, exact = (
        Statistics(g, source, target, (3, 2), kind="window", support=m).update(x, y) for m in (3, 1)
    )
    assert large.nbytes < 8 * (3 * 81) ** 2  # one table for each support
    one, two = (maps.solve(s, "ridge", support=1) for s in (large, exact))
    np.testing.assert_allclose((one.weight - two.weight).toarray(), 0, atol=1e-12)
    np.testing.assert_allclose(one.bias, two.bias, atol=1e-12)
    np.testing.assert_allclose(two.bias.reshape(2, 9, 9)[:, :, 0], y[..., 0].mean(0), atol=1e-12)


def test_an_array_that_is_filled_again_does_not_change_what_was_added() -> None:
    x, y = fields(6)
    expected = Statistics(TURN, SOURCE, TARGET, (3, 2), kind="window").update(x, y)
    found = Statistics(TURN, SOURCE, TARGET, (3, 2), kind="window")
    buffers = np.empty_like(x[:2]), torch.empty(2, *y.shape[1:], dtype=torch.float64)
    for start in range(0, 6, 2):
        buffers[0][:] = x[start : start + 2]
        buffers[1].copy_(torch.from_numpy(y[start : start + 2]))
        found.update(*buffers)
    assert_same(found, expected)


def test_shared_statistics_serve_every_smaller_support() -> None:
    x, y = fields(12, target=SOURCE)
    g = groups.translation(8, 0)
    inner = np.zeros((5, 7), dtype=bool)
    inner[2, 3:5] = True
    large = Statistics(g, SOURCE, SOURCE, (3, 2), support=5, valid=inner).update(x, y)
    for m in (1, 3, 5):
        exact = Statistics(g, SOURCE, SOURCE, (3, 2), support=m, valid=inner).update(x, y)
        assert exact.count == 24
        assert_same(large, exact, support=m)


def test_torch_and_numpy_float32_and_strides_give_the_same_sums() -> None:
    x, y = fields(8)
    plain = Statistics(TURN, SOURCE, TARGET, (3, 2), kind="window").update(x, y)
    strided = np.ascontiguousarray(x[:, :, ::-1])[:, :, ::-1]
    last = torch.from_numpy(y).to(memory_format=torch.channels_last)
    assert_same(Statistics(TURN, SOURCE, TARGET, (3, 2), kind="window").update(strided, last), plain)
    single = Statistics(TURN, SOURCE, TARGET, (3, 2), kind="window").update(
        x.astype("f4"), torch.from_numpy(y).float()
    )
    assert_same(single, plain, 1e-5)
    assert {p.moments.xx.dtype for p in single.problems()} == {torch.float64}


@pytest.mark.parametrize(
    ("spoiled", "message"),
    [
        ({"kind": "dense"}, "Statistics: kind must be one of window, shared, got 'dense'"),
        ({"support": 2}, "Statistics: support must be an odd number of cells, got 2"),
        ({"support": None}, "Statistics: support must be an odd number of cells, got None"),
        ({"support": True}, "Statistics: support must be an odd number of cells, got True"),
        (
            {"kind": "window", "support": -1},
            "Statistics: support must be an odd number of cells or None, got -1",
        ),
        ({"channels": (0, 2)}, r"Statistics: channels must be .*, got \(0, 2\)"),
        ({"channels": 3}, "Statistics: channels must be .*, got 3"),
        ({"valid": np.ones((2, 2), bool)}, r"Statistics: valid must be bool \(3, 4\), got bool \(2, 2\)"),
        ({"valid": np.ones((3, 4))}, r"Statistics: valid must be bool \(3, 4\), got float64 \(3, 4\)"),
        (
            {"kind": "window", "valid": np.ones((3, 4), bool)},
            "Statistics: valid must be None for kind 'window'",
        ),
    ],
)
def test_spoiled_layouts_are_named(spoiled: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"channels": (3, 2)} | spoiled
    with pytest.raises(ValueError, match=message):
        Statistics(TURN, SOURCE, TARGET, **arguments)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.ones((2, 3, 5, 6)), np.ones((2, 2, 3, 4)), r"x must be \(n, 3, 5, 7\), got \(2, 3, 5, 6\)"),
        (np.ones((2, 3, 5, 7)), np.ones((2, 3, 3, 4)), r"y must be \(n, 2, 3, 4\), got \(2, 3, 3, 4\)"),
        (np.ones((3, 5, 7)), np.ones((2, 2, 3, 4)), r"x must be \(n, 3, 5, 7\), got \(3, 5, 7\)"),
        (np.ones((2, 3, 5, 7)), np.ones((3, 2, 3, 4)), "x and y must hold as many images, got 2 and 3"),
        (np.ones((2, 3, 5, 7), int), np.ones((2, 2, 3, 4)), "x must hold floating-point numbers, got int64"),
        (np.full((2, 3, 5, 7), np.nan), np.ones((2, 2, 3, 4)), "x must be finite, got NaN or infinity"),
        (np.ones((2, 3, 5, 7)), np.full((2, 2, 3, 4), np.inf), "y must be finite, got NaN or infinity"),
        ([[1.0]], np.ones((2, 2, 3, 4)), "x must be a torch tensor or a NumPy array, got list"),
    ],
)
def test_spoiled_pairs_are_named_and_leave_no_trace(x: Any, y: Any, message: str) -> None:
    s = Statistics(TURN, SOURCE, TARGET, (3, 2))
    with pytest.raises(ValueError, match=f"^Statistics.update: {message}$"):
        s.update(x, y)
    assert s.count == s.images == 0


def test_what_does_not_belong_together_is_not_added() -> None:
    s = Statistics(TURN, SOURCE, TARGET, (3, 2), kind="window")
    for other, name in (
        (Statistics(groups.hflip(), SOURCE, TARGET, (3, 2), kind="window"), "g"),
        (Statistics(TURN, SOURCE, TARGET, (3, 2)), "kind"),
        (Statistics(TURN, SOURCE, TARGET, (3, 3), kind="window"), "channels"),
        (Statistics(TURN, SOURCE, TARGET, (3, 2), kind="window", support=1), "support"),
        (Statistics(TURN, SOURCE, SOURCE, (3, 2), kind="window"), "target"),
    ):
        with pytest.raises(ValueError, match=f"both must have the same {name} to be added"):
            s + other
    coarse = Grid.centred(5, 7, 16)
    with pytest.raises(ValueError, match=r"the same strides to be added, got 8.0, 8.0 and 16.0, 16.0"):
        Statistics(TURN, SOURCE, SOURCE, (3, 2)) + Statistics(TURN, coarse, coarse, (3, 2))


@pytest.mark.parametrize(("kind", "support"), [("window", 3), ("shared", 3)])
def test_a_larger_support_is_refused(kind: str, support: int) -> None:
    s = Statistics(TURN, SOURCE, TARGET, (3, 2), kind=kind, support=support)
    with pytest.raises(ValueError, match="support must be at most 3, got 5"):
        list(s.problems(5))
    with pytest.raises(ValueError, match="support must be an odd number"):
        list(s.problems(2))
