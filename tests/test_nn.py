"""The modules compute what the functions do, train, and keep their numbers in a state_dict."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import equivfast as ef
from equivfast import groups, maps, nn


def field(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape).astype(np.float32))


def test_hog() -> None:
    images = field(2, 3, 48, 40)
    module = nn.HOG(cell=4, orientations=6, layout="cells")
    assert torch.equal(module(images), ef.hog(images, cell=4, orientations=6, layout="cells"))
    assert "cell=4" in repr(module)


def test_feature_transform_trains_back_to_the_filter_that_made_the_data() -> None:
    index = torch.arange(30).view(5, 6).flip(1)
    wanted, bias = field(4, 3, seed=1), field(4, seed=2)
    module = nn.FeatureTransform(index, torch.zeros(4, 3), bias=torch.zeros(4))
    x = field(20, 3, 5, 6)
    y = ef.feature_transform(x, index, wanted, bias=bias)
    optimizer = torch.optim.LBFGS(module.parameters(), max_iter=60)

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        off = (module(x) - y).square().mean()
        off.backward()
        return off

    optimizer.step(loss)
    assert torch.allclose(module.mix, wanted, atol=1e-3) and torch.allclose(module.bias, bias, atol=1e-3)
    assert set(module.state_dict()) == {"index", "mix", "bias"}


@pytest.fixture(params=["shared", "window"])
def learned(request: pytest.FixtureRequest) -> maps.Map:
    rng = np.random.default_rng(0)
    grid = groups.Grid.centred(5, 6, stride=8)
    shape = (3, 2 * 9) if request.param == "shared" else (3 * 30, 2 * 30)
    return maps.Map(
        request.param, groups.rotation(20), "ridge", rng.normal(size=shape), rng.normal(size=shape[0]),
        (2, 3), grid, grid, 3 if request.param == "shared" else None,
    )  # fmt: skip


def test_map_is_the_map_and_gives_it_back_trained(learned: maps.Map) -> None:
    x = field(4, 2, 5, 6)
    module = nn.Map(learned)
    assert torch.allclose(module(x), learned(x), atol=1e-5)
    before = module(x)
    before.square().mean().backward()
    with torch.no_grad():
        for parameter in module.parameters():
            assert parameter.grad is not None and parameter.grad.abs().max() > 0
            parameter -= 0.1 * parameter.grad
    assert not torch.allclose(module(x), before)
    assert torch.allclose(module.map()(x), module(x), atol=1e-5)


def test_a_shared_map_takes_fields_of_any_size() -> None:
    flip = maps.permutation(groups.hflip(), groups.Grid.centred(4, 4, stride=8), [1, 0])
    module = nn.Map(flip)
    for size in ((4, 4), (7, 5), (4, 4)):
        x = field(1, 2, *size)
        assert torch.equal(module(x), flip(x))


OPTIONS: list[dict[str, Any]] = [{}, {"over": "image", "top_k": 3, "nms": 1}]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_pose_argmax_with_and_without_gradients(options: dict[str, Any]) -> None:
    templates, bias, x = field(20, 3, 4, 4), field(20, seed=3), field(2, 3, 12, 11)
    module = nn.PoseArgmax(templates, bias, **options)
    wanted = ef.pose_argmax(x, templates, bias, **options)
    trained = module(x)
    with torch.no_grad():
        kept = module(x)
    for found in (trained, kept):
        assert all(torch.equal(a, b) for a, b in zip(found[:4], wanted[:4], strict=True))
    trained.score.sum().backward()
    assert module.templates.grad is not None and module.bias.grad.sum() == wanted.score.numel()


def test_pose_argmax_sees_that_its_templates_changed() -> None:
    module = nn.PoseArgmax(field(20, 3, 4, 4), over="image").requires_grad_(False)
    x = field(1, 3, 12, 11)
    before = module(x).score.clone()
    module.templates.mul_(2)
    assert torch.allclose(module(x).score, 2 * before)
    other = nn.PoseArgmax(torch.zeros(20, 3, 4, 4), over="image")
    other.load_state_dict(module.state_dict())
    for model in (other, module):  # before and after it laid out its templates
        assert torch.equal(copy.deepcopy(model)(x).score, module(x).score)


def test_what_was_seen_in_inference_mode_trains_afterwards(learned: maps.Map) -> None:
    module, x = nn.Map(learned), field(1, 2, 5, 6)
    search = nn.PoseArgmax(field(20, 2, 3, 3)).requires_grad_(False)
    with torch.inference_mode():
        made = nn.PoseArgmax(field(20, 2, 3, 3))
        module(x), search(x), made(x)
    module(x).sum().backward()
    seen = x.clone().requires_grad_()
    search(seen).score.sum().backward()
    assert module.weight.grad is not None and seen.grad is not None
    with torch.no_grad():
        assert torch.equal(made(x).score, search(x).score)


def test_templates_written_past_the_version_counter_are_seen() -> None:
    module, x = nn.PoseArgmax(field(20, 2, 3, 3)).requires_grad_(False), field(1, 2, 5, 6)
    before = module(x).score
    module.templates.data.mul_(2)
    assert torch.allclose(module(x).score, 2 * before)


@pytest.mark.parametrize("frozen", [False, True])
def test_modules_in_one_compiled_graph(frozen: bool) -> None:
    module = nn.PoseArgmax(field(20, 3, 4, 4), over="image").requires_grad_(not frozen)
    x = field(1, 3, 12, 11)
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled(x).score, module(x).score)


def test_files_hold_the_parameters_alone(learned: maps.Map, tmp_path: Path) -> None:
    x = field(1, 2, 5, 6)
    for module in (nn.Map(learned), nn.PoseArgmax(field(20, 2, 3, 3)).requires_grad_(False)):
        sizes = []
        for name in ("new", "used"):
            torch.save(module, tmp_path / name)
            sizes.append((tmp_path / name).stat().st_size)
            module(x)
        assert abs(sizes[1] - sizes[0]) < 100


def test_a_weight_with_gradients_is_kept_without() -> None:
    index, x, mix = torch.arange(6).view(2, 3), field(1, 3, 2, 3), field(2, 3)
    module = nn.FeatureTransform(index, mix, weight=torch.ones(2, 3, requires_grad=True) * 2)
    assert torch.equal(copy.deepcopy(module)(x), ef.feature_transform(x, index, mix, torch.full((2, 3), 2.0)))


def test_what_does_not_fit_is_refused_with_what_was_passed() -> None:
    with pytest.raises(ValueError, match="at pose 1"):
        nn.PoseArgmax(torch.tensor([0.0, float("nan")]).view(2, 1, 1, 1))
    with pytest.raises(ValueError, match=r"mix must be a dense float32 or float64 array, got torch.int64"):
        nn.FeatureTransform(torch.zeros(2, 2, dtype=torch.int64), torch.eye(3, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"mix must be a dense float32 or float64 array, got .*sparse_csr"):
        nn.FeatureTransform(torch.zeros(2, 2, dtype=torch.int64), torch.eye(3).to_sparse_csr())
    with pytest.raises(ValueError, match="index"):
        nn.FeatureTransform(torch.zeros(2, 2, 1, 1, dtype=torch.int64), torch.eye(3))(field(1, 3, 2, 2))
