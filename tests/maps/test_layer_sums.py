"""The kernel under a survey's sums, csrc/ops/moments.hpp: against float64 NumPy, at every CPU level."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from equivfast import _core
from equivfast.groups import Grid, hflip, scaling, vflip
from equivfast.maps import Survey, Surveyed, layer_sums, solve


@dataclass
class Field:
    """A field x, the way its cells are moved, and its sums."""

    x: torch.Tensor
    index: torch.Tensor | None
    weight: torch.Tensor | None
    sums: tuple[torch.Tensor, ...]

    @property
    def arguments(self) -> tuple[int, ...]:
        sources = 1 if self.index is None else self.index.shape[1]
        where = self.x.data_ptr(), *self.x.shape[:2], *self.x.stride()[:2]
        return *where, _at(self.index), _at(self.weight), sources, *map(_at, self.sums)


def _at(tensor: torch.Tensor | None) -> int:
    return 0 if tensor is None else tensor.data_ptr()


def _sums(*shapes: tuple[int, ...]) -> tuple[torch.Tensor, ...]:
    return tuple(torch.zeros(shape, dtype=torch.float64) for shape in shapes)


def _field(draw: torch.Generator, n: int, p: int, q: int, cells: int, count: int, sources: int) -> Field:
    """Every second channel of a larger field. sources: 0 none are moved, 1 moved, more sampled."""
    x = torch.randn(n, 2 * p, cells, generator=draw)[:, ::2]
    index = torch.randint(0, cells, (count, sources), generator=draw) if sources else None
    weight = torch.rand(count, sources, generator=draw) if sources > 1 else None
    return Field(x, index, weight, _sums((p,), (p, p), (p, q)))


def _run(
    y: torch.Tensor, used: torch.Tensor | None, count: int, fields: list[Field]
) -> tuple[torch.Tensor, ...]:
    sums = _sums((y.shape[1],), (y.shape[1],))
    _core.moments(
        y.data_ptr(), tuple(y.shape[:2]), y.stride()[:2], (_at(used), count), tuple(map(_at, sums)),
        [field.arguments for field in fields],
    )  # fmt: skip
    return sums


def _rows(cells: torch.Tensor) -> np.ndarray:
    return cells.double().transpose(0, 1).flatten(1).numpy()


def _moved(field: Field, count: int) -> np.ndarray:
    if field.index is None:
        return _rows(field.x[..., :count])
    taken = field.x[..., field.index]
    return _rows(taken[..., 0] if field.weight is None else (taken * field.weight).sum(-1))


@pytest.mark.parametrize(
    ("n", "p", "q", "cells", "count"),
    [
        (1, 1, 1, 1, 1),
        (3, 5, 2, 9, 9),
        (2, 16, 16, 300, 300),  # images end within a panel
        (40, 13, 17, 49, 30),
        (2, 33, 64, 1024, 1000),
        (3, 150, 7, 196, 196),  # narrow panels
    ],
)
def test_sums_are_those_of_numpy(n: int, p: int, q: int, cells: int, count: int, cpu_level: str) -> None:
    draw = torch.Generator().manual_seed(p)
    y = torch.randn(n, q, cells + 3, generator=draw)[..., :cells]
    used = None if count == cells else torch.randperm(cells, generator=draw)[:count]
    fields = [_field(draw, n, p, q, cells, count, sources) for sources in (0, 1, 2, 4)]
    sums = _run(y, used, count, fields)
    b = _rows(y if used is None else y[..., used])
    close = {"rtol": 1e-12, "atol": 1e-9}
    np.testing.assert_allclose(sums[0], b.sum(1), **close)
    np.testing.assert_allclose(sums[1], (b * b).sum(1), **close)
    for field in fields:
        a = _moved(field, count)
        # Sampled cells are float32 numbers, whose additions may be rounded in another order.
        close = {"rtol": 1e-12, "atol": 1e-9} if field.weight is None else {"rtol": 1e-6, "atol": 1e-3}
        for mine, other in zip(field.sums, (a.sum(1), a @ a.T, a @ b.T), strict=True):
            np.testing.assert_allclose(mine, other, **close)
        assert torch.equal(field.sums[1], field.sums[1].mT)


def test_sums_are_added_to_what_is_there() -> None:
    draw = torch.Generator().manual_seed(0)
    y = torch.randn(6, 3, 20, generator=draw)
    field = _field(draw, 6, 3, 3, 20, 20, 1)
    _run(y, None, 20, [field])
    once = [part.clone() for part in field.sums]
    _run(y, None, 20, [field])
    for part, before in zip(field.sums, once, strict=True):
        torch.testing.assert_close(part, 2 * before)


@pytest.mark.parametrize(("n", "count"), [(0, 4), (2, 0)])
def test_nothing_adds_nothing(n: int, count: int) -> None:
    draw = torch.Generator().manual_seed(0)
    field = _field(draw, n, 3, 2, 4, count, 1)
    sums = _run(torch.ones(n, 2, 4), None, count, [field])
    assert not any(part.any() for part in (*sums, *field.sums))


def test_nan_reaches_the_sums_it_belongs_to() -> None:
    x = torch.ones(2, 3, 40)
    x[1, 2, 7] = torch.nan
    field = Field(x, None, None, _sums((3,), (3, 3), (3, 1)))
    _run(torch.ones(2, 1, 40), None, 40, [field])
    assert field.sums[0].isnan().tolist() == [False, False, True]
    assert field.sums[1].isnan().sum() == 5
    assert field.sums[2].isnan().flatten().tolist() == [False, False, True]


def test_many_channels_and_few_are_summed_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a number of channels the BLAS multiplies."""
    layer = Surveyed(6, Grid.centred(9, 9, stride=1))
    transforms = [hflip(), vflip(), scaling(0.7)]
    fields = [{"a": torch.randn(20, 6, 9, 9, generator=torch.Generator().manual_seed(k))} for k in range(4)]

    def survey(channels: int) -> Survey:
        monkeypatch.setattr(layer_sums, "_KERNEL_CHANNELS", channels)
        found = Survey({"a": layer}, transforms, interpolation="bilinear", border_cells=1)
        return found.update(fields[0], fields[1:])

    kernel, blas = survey(6), survey(0)
    for g in transforms:
        a, b = (solve(s.statistics("a", g), "least_squares") for s in (kernel, blas))
        np.testing.assert_allclose(a.weight, b.weight, atol=1e-6)
        np.testing.assert_allclose(a.bias, b.bias, atol=1e-6)
