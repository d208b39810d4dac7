"""pose_argmax: the contract of every op, and the oracle's answer to the bit on every route, level and thread."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from op_contract import Case, Inputs, OpContract
from pose_cases import CASES, ROUTES, Search, assert_same, keywords, op_arguments, searches

import equivfast as ef
from equivfast.reference.pose_argmax import pose_argmax as oracle

SAME_LEVEL = settings(suppress_health_check=list(HealthCheck))


def packed(found: Any) -> Any:
    """Scores, poses and places side by side in float32, which holds them all."""
    parts = (found.score, found.pose, found.y, found.x)
    if isinstance(found.score, torch.Tensor):
        return torch.cat([part.to(torch.float32) for part in parts], -1)
    return np.concatenate([part.astype(np.float32) for part in parts], -1)


class TestPoseArgmax(OpContract):
    op = "pose_argmax"
    dtypes = (torch.float32,)
    cases: ClassVar = CASES

    def call(self, inputs: Inputs, settings: dict[str, Any]) -> torch.Tensor:
        return packed(ef.pose_argmax(**keywords(inputs, settings)))

    def oracle(self, inputs: Inputs, settings: dict[str, Any]) -> np.ndarray:
        arrays = {k: None if t is None else t.numpy() for k, t in inputs.items()}
        return packed(oracle(**keywords(arrays, settings)))

    def arguments(self, inputs: Inputs, settings: dict[str, Any]) -> tuple[Any, ...]:
        return op_arguments(inputs, settings)

    def numpy_inputs(self, inputs: Inputs) -> Inputs:
        return {k: None if t is None else t.numpy() for k, t in inputs.items()}

    def call_numpy(self, arrays: Inputs, settings: dict[str, Any]) -> np.ndarray:
        return packed(ef.pose_argmax(**keywords(arrays, settings)))

    def assert_oracle(self, out: torch.Tensor, inputs: Inputs, case: Case, limit: float) -> None:
        assert limit == 0
        np.testing.assert_array_equal(out.numpy(), self.oracle(inputs, case.settings))

    def test_opcheck_with_a_gradient(self, case: Case) -> None:
        features, templates, bias, prior, *rest = self.arguments(case.build(torch.float32), case.settings)
        wanting = [None if t is None else t.requires_grad_() for t in (features, templates, bias, prior)]
        torch.library.opcheck(torch.ops.equivfast.pose_argmax.default, (*wanting, *rest))


@pytest.mark.parametrize("route", ROUTES)
@SAME_LEVEL
@given(search=searches())
def test_every_search_is_answered_as_by_the_oracle(route: str, cpu_level: str, search: Search) -> None:
    wanted = search.wanted()
    found = search.run(route)
    assert all(isinstance(part, np.ndarray) for part in found)
    assert_same(found, wanted)
    assert found.rescored.shape == (len(search.features),) and (found.rescored >= 0).all()


@SAME_LEVEL
@given(search=searches())
def test_the_function_answers_as_a_bank_does(search: Search) -> None:
    assert_same(
        ef.pose_argmax(search.features, search.templates, search.bias, **search.options), search.wanted()
    )


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("over", ["location", "image"])
def test_threads_change_nothing(route: str, over: str, threads: int, cpu_level: str) -> None:
    """Of one large field, which threads share, and of many small ones, which they divide."""
    rng = np.random.default_rng(0)
    for n, h, w in ((1, 33, 47), (40, 9, 11)):
        features, templates = rng.integers(-2, 3, (n, 31, h, w)), rng.integers(-2, 3, (50, 31, 6, 5))
        options = {"over": over} | ({"top_k": 5, "nms": 2} if over == "image" else {})
        search = Search(features.astype(np.float32), templates.astype(np.float32), None, options)
        assert_same(search.run(route), search.wanted())


BEYOND = [
    (-44, 0),
    (-44, 20),
    (-30, -15),
    (-22, -22),
    (-20, -20),
    (-12, -12),
    (0, -44),
    (18, 18),
    (30, 10),
    (37, 0),
]


@pytest.mark.parametrize("over", ["location", "image"])
@pytest.mark.parametrize("powers", BEYOND, ids=str)
@pytest.mark.parametrize("route", ROUTES)
def test_numbers_at_the_ends_of_float32(route: str, powers: tuple[int, int], over: str) -> None:
    """Products that underflow or overflow in float32, of fields and templates of 10^powers, are numbers in float64."""
    rng = np.random.default_rng(1)
    features = rng.standard_normal((1, 5, 12, 13)) * 10.0 ** powers[0]
    templates = rng.standard_normal((30, 5, 4, 5)) * 10.0 ** powers[1]
    options = {"over": over} | ({"top_k": 20} if over == "image" else {})
    search = Search(features.astype(np.float32), templates.astype(np.float32), None, options)
    assert_same(search.run(route), search.wanted())


@pytest.mark.parametrize(
    "options", [{"over": "image", "top_k": 5}, {"positions": np.array([[0, 0], [9, 4]])}], ids=str
)
@pytest.mark.parametrize("shape", [(200, 1, 4, 5), (200, 2, 4, 5), (200, 1, 2, 1), (40, 1, 3, 2)], ids=str)
@pytest.mark.parametrize("route", ["auto", "low_rank"])
def test_more_poses_than_numbers_in_a_template(
    route: str, shape: tuple[int, ...], options: dict[str, Any]
) -> None:
    """A basis of the templates has no more vectors than they have numbers."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((2, shape[1], 20, 22)).astype(np.float32)
    for templates in (rng.standard_normal(shape), np.full(shape, 0.7)):
        search = Search(features, templates.astype(np.float32), None, options)
        assert_same(search.run(route), search.wanted())


@pytest.mark.parametrize("poses", [33, 50])
@pytest.mark.parametrize("width", [5, 6, 30], ids=lambda width: f"{width - 4} columns")
@pytest.mark.parametrize("route", ["direct", "fft"])
def test_poses_that_no_screen_can_tell_apart(route: str, width: int, poses: int, cpu_level: str) -> None:
    """All are scored exactly, in blocks of windows and poses: also where neither is a whole number of blocks."""
    rng = np.random.default_rng(0)
    templates = rng.standard_normal((1, 3, 4, 5)) * (1 + 1e-7 * rng.standard_normal((poses, 3, 4, 5)))
    features = rng.standard_normal((1, 3, 13, width))
    features[..., :2, :] = 0  # and some windows are empty in part
    search = Search(features.astype(np.float32), templates.astype(np.float32))
    found = search.run(route)
    assert_same(found, search.wanted())
    assert found.rescored[0] > 10 * (width - 4) * poses / 2


@pytest.mark.parametrize("tile", [16, 32])
@pytest.mark.parametrize("options", [{}, {"over": "image", "top_k": 9}], ids=["location", "image"])
def test_many_poses_on_many_tiles(tile: int, options: dict[str, Any], cpu_level: str, threads: int) -> None:
    """Tiles share a reading of the bank, block after block of them."""
    rng = np.random.default_rng(0)
    templates = rng.standard_normal((150, 2, 4, 5)).astype(np.float32)
    features = rng.standard_normal((1, 2, 110, 97 if tile == 16 else 190)).astype(np.float32)
    found = ef.PoseBank(templates, route="fft", tile=tile).argmax(features, **options)
    wanted = ef.PoseBank(templates, route="direct").argmax(features, **options)
    for a, b in zip(found[:4], wanted[:4], strict=True):
        np.testing.assert_array_equal(a, b)


def hog_fields(count: int = 2) -> torch.Tensor:
    photo = ef.data.photographs(["cat"])[0].image[:200, :280].mean(2)
    images = torch.from_numpy(np.stack([np.roll(photo, 40 * k, 1) for k in range(count)]).astype(np.float32))
    return ef.hog(images[:, None] / 255, layout="cells")


LAYOUTS = {
    "cells of hog": lambda t: t,
    "planes": lambda t: t.contiguous(),
    "channels last": lambda t: t.contiguous(memory_format=torch.channels_last),
    "mirrored twice": lambda t: t.flip(3).contiguous().flip(3),
    "columns outermost": lambda t: t.permute(3, 0, 1, 2).contiguous().permute(1, 2, 3, 0),
    "every second cell of a larger one": lambda t: torch.repeat_interleave(t, 2, 3)[..., ::2],
    "one image repeated": lambda t: t[:1].expand(t.shape),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("route", ROUTES)
def test_every_memory_layout(route: str, layout: str, cpu_level: str) -> None:
    field = LAYOUTS[layout](hog_fields())
    templates = hog_fields(16)[:, :, 3:11, 9:16] - 0.1
    wanted = Search(field.numpy().copy(), templates.numpy().copy(), None, {"over": "location"}).wanted()
    found = ef.PoseBank(templates, route=route).argmax(field)
    assert all(isinstance(part, torch.Tensor) for part in found)
    assert_same(found, wanted)


@pytest.mark.parametrize("route", ROUTES)
def test_no_image(route: str) -> None:
    bank = ef.PoseBank(np.ones((13, 3, 4, 4), np.float32), route=route)
    none = np.ones((0, 3, 20, 21), np.float32)
    assert [part.shape for part in bank.argmax(none)] == [(0, 17, 18)] * 4 + [(0,)]
    assert [part.shape for part in bank.argmax(none, over="image", top_k=3)] == [(0, 3)] * 4 + [(0,)]
    places = np.zeros((5, 2), np.int64)
    assert [part.shape for part in bank.argmax(none, positions=places)] == [(0, 5)] * 4 + [(0,)]


@pytest.mark.parametrize("route", ROUTES)
def test_no_position(route: str) -> None:
    """An empty list of positions is not the same as none given."""
    bank, features = (
        ef.PoseBank(np.ones((13, 3, 4, 4), np.float32), route=route),
        np.ones((2, 3, 9, 9), np.float32),
    )
    for places in (np.zeros((0, 2), np.int64), np.zeros((2, 0, 2), np.int64)):
        found = bank.argmax(features, positions=places, over="image", top_k=2)
        assert (found.pose == -1).all() and (found.score == -np.inf).all() and not found.rescored.any()
        assert bank.argmax(features, positions=places).pose.shape == (2, 0)


@pytest.mark.parametrize("route", ROUTES)
def test_a_huge_top_k_is_padded(route: str) -> None:
    features, templates = np.ones((1, 1, 5, 6), np.float32), np.ones((13, 1, 4, 4), np.float32)
    search = Search(features, templates, None, {"over": "image", "top_k": 100_000})
    found = search.run(route)
    assert_same(found, search.wanted())
    assert (found.pose[0, 13 * 6 :] == -1).all() and (found.score[0, 13 * 6 :] == -np.inf).all()


@pytest.mark.parametrize("route", ROUTES)
def test_of_equal_poses_the_lowest_wins_everywhere(route: str, cpu_level: str) -> None:
    rng = np.random.default_rng(3)
    features = rng.standard_normal((2, 31, 30, 40)).astype(np.float32)
    templates = np.repeat(rng.standard_normal((12, 31, 8, 8)).astype(np.float32), 5, 0)
    found = ef.PoseBank(templates, route=route).argmax(features)
    assert not (found.pose % 5).any() and len(np.unique(found.pose)) == 12
    constant = ef.PoseBank(templates, route=route).argmax(np.zeros_like(features))
    assert not constant.pose.any() and not constant.score.any()


@pytest.mark.parametrize("route", ROUTES)
def test_one_bank_serves_eight_threads_at_once(route: str) -> None:
    """From its first call on, when it lays out its templates."""
    rng = np.random.default_rng(0)
    fields = rng.standard_normal((8, 1, 31, 20, 23)).astype(np.float32)
    templates = rng.standard_normal((40, 31, 5, 6)).astype(np.float32)
    options = {"over": "image", "top_k": 4, "nms": 1}
    wanted = [Search(field, templates, None, options).wanted() for field in fields]
    bank = ef.PoseBank(templates, route=route)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda k: bank.argmax(fields[k % 8], **options), range(160)))
    for k, result in enumerate(found):
        assert_same(result, wanted[k % 8])


def test_a_bank_in_a_compiled_graph() -> None:
    bank = ef.PoseBank(torch.randn(20, 3, 4, 5, generator=torch.Generator().manual_seed(0)))
    features = torch.randn(2, 3, 12, 13, generator=torch.Generator().manual_seed(1))
    bank.argmax(features)
    torch._dynamo.reset()
    compiled = torch.compile(lambda x: bank.argmax(x).score * 2, fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled(features), bank.argmax(features).score * 2)
