"""The rivals of pose search are judged fairly: a tie may go another way, a worse pose may not."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
import torch
from benchmark_modules import benchmark_modules

import equivfast as ef

KERNEL = (4, 3)


@pytest.fixture(scope="module")
def modules() -> Iterator[dict[str, ModuleType]]:
    with benchmark_modules("common", "pose_judge", "pose_rivals", "pose_problem") as found:
        yield found


@pytest.fixture(scope="module")
def data() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Two fields, 20 templates, the last ten copies of the first, and biases that keep them equal."""
    draw = torch.Generator().manual_seed(0)
    templates = torch.randn(10, 5, *KERNEL, generator=draw).repeat(2, 1, 1, 1)
    fields = torch.randn(2, 5, 40, 51, generator=draw)
    return fields, templates, torch.randn(10, generator=draw).repeat(2)


def rivals(module: ModuleType, templates: torch.Tensor, bias: torch.Tensor) -> dict[str, Any]:
    return {
        "first": module.Convolution(templates, bias, torch.contiguous_format),
        "last": module.Convolution(templates, bias, torch.channels_last),
        "unfold": module.Unfolded(templates, bias),
        "tiles of 16": module.Transform(templates, bias, 16),
        "tiles of 32": module.Transform(templates, bias, 32),
        "full rank": module.LowRank(templates, bias, 20),
    }


@pytest.mark.parametrize("name", ["first", "last", "unfold", "tiles of 16", "tiles of 32", "full rank"])
def test_rivals_find_what_we_find(name: str, modules: dict[str, ModuleType], data: Any) -> None:
    fields, templates, bias = data
    rival, bank = rivals(modules["pose_rivals"], templates, bias)[name], ef.PoseBank(templates, bias)
    x = rival.prepared(fields)
    ours = bank.argmax(fields)[:2]
    found = modules["pose_judge"].Judge(templates, fields, ours)(rival.map(x))
    torch.testing.assert_close(found[0], ours[0])
    assert torch.equal(found[1], ours[1])
    best = bank.argmax(fields, over="image")[:4]
    found = modules["pose_judge"].Judge(templates, fields, best)(rival.top(x))
    torch.testing.assert_close(found[0], best[0])
    assert all(torch.equal(a, b) for a, b in zip(found[1:], best[1:], strict=True))
    one, peaks = fields[:1], bank.argmax(fields[:1], over="image", top_k=6, nms=3)[:4]
    found = modules["pose_judge"].Judge(templates, one, peaks)(rival.peaks(x[:1], 6, 3))
    torch.testing.assert_close(found[0], peaks[0])
    assert all(torch.equal(a, b) for a, b in zip(found[1:], peaks[1:], strict=True))


def test_a_copy_of_a_template_is_a_tie_and_another_template_is_not(
    modules: dict[str, ModuleType], data: Any
) -> None:
    fields, templates, bias = data
    score, pose = ef.PoseBank(templates, bias).argmax(fields)[:2]
    judge = modules["pose_judge"].Judge(templates, fields, (score, pose))
    assert torch.equal(judge((score, pose + 10))[1], pose)
    other = pose.clone()
    other[1, 7, 9] = (pose[1, 7, 9] + 1) % 10
    assert (judge((score, other))[1] != pose).nonzero().tolist() == [[1, 7, 9]]
    rival = modules["common"].Contestant("rival", lambda: (score, other), view=judge)
    with pytest.raises(ValueError, match="is not the same computation"):
        modules["common"].difference(rival, (score, pose))
    with pytest.raises(ValueError, match="results must have the shape"):
        judge((score[0], pose[0]))


def test_a_basis_that_is_too_small_says_what_it_leaves_out(modules: dict[str, ModuleType], data: Any) -> None:
    _, templates, bias = data
    low = modules["pose_rivals"].LowRank(templates, bias, 4)
    rest = templates.flatten(1) - low.mix @ low.rows
    assert low.residual == pytest.approx(float(rest.norm() / templates.norm()), rel=1e-4)
    assert low.residual > 0.1


def test_the_floor_is_that_of_the_transform_or_of_the_products_where_they_are_fewer(
    modules: dict[str, ModuleType],
) -> None:
    floor = modules["pose_problem"].floor
    # 53 x 73 windows in tiles of 9 x 9: 6 x 9 of 130 frequencies, 6 operations each.
    assert floor((360, 31, 8, 8), (1, 31, 60, 80)) == pytest.approx(54 * 130 * 6 * 360 * 31 / 1e9)
    assert floor((360, 31, 8, 8), (64, 31, 8, 8)) == pytest.approx(2 * 64 * 31 * 360 / 1e9)
