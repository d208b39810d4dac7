"""Gradients of pose_argmax: of the winners' scores, and of nothing else."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from op_contract import Inputs
from pose_cases import CASES, keywords
from torch import Tensor

import equivfast as ef

WANTED = ("features", "templates", "bias", "prior")


def upstream(like: Tensor) -> Tensor:
    """Whole numbers: with the whole numbers of the cases every sum of float32 products is exact."""
    return torch.randint(-3, 4, like.shape, generator=torch.Generator().manual_seed(0)).to(like.dtype)


def wanting(inputs: Inputs, names: tuple[str, ...] = WANTED) -> tuple[Inputs, list[str]]:
    """The inputs with leaves that want a gradient, and the names of those that are there."""
    there = [name for name in names if inputs[name] is not None]
    return {**inputs, **{name: inputs[name].detach().clone().requires_grad_() for name in there}}, there


def winners_scores(inputs: Inputs, found: Any) -> Tensor:
    """The scores of what was found, by plain torch that differentiates by itself; 0 where nothing was."""
    features, templates = inputs["features"], inputs["templates"]
    kh, kw = templates.shape[2:]
    windows = features.unfold(2, kh, 1).unfold(3, kw, 1).permute(0, 2, 3, 1, 4, 5)  # (n, H', W', c, kh, kw)
    there = found.pose >= 0
    pose, y, x = (t.clamp(min=0) for t in (found.pose, found.y, found.x))
    image = torch.arange(len(features)).view(-1, *[1] * (pose.ndim - 1)).expand_as(pose)
    scores = (windows[image, y, x] * templates[pose]).flatten(-3).sum(-1)
    if inputs["bias"] is not None:
        scores = scores + inputs["bias"][pose]
    if inputs["prior"] is not None:
        scores = scores + inputs["prior"].expand(len(features), -1)[image, pose]
    return torch.where(there, scores, 0)


@pytest.mark.parametrize("form", CASES)
def test_gradients_are_those_of_the_winners_scores(form: str) -> None:
    case = CASES[form]
    inputs, names = wanting(case.build(torch.float32))
    found = ef.pose_argmax(**keywords(inputs, case.settings))
    grads = torch.autograd.grad(found.score, [inputs[k] for k in names], upstream(found.score))
    plain, _ = wanting(case.build(torch.float32))
    score = winners_scores(plain, found)
    wanted = torch.autograd.grad(score, [plain[k] for k in names], upstream(score))
    for name, ours, theirs in zip(names, grads, wanted, strict=True):
        assert ours.any(), name
        assert torch.equal(ours, theirs), name
    assert torch.equal(torch.where(found.pose >= 0, found.score, 0), score.detach())


@pytest.mark.parametrize("name", WANTED)
def test_each_gradient_alone_is_the_one_of_all(name: str) -> None:
    case = CASES["location-with-all"]
    everything, names = wanting(case.build(torch.float32))
    score = ef.pose_argmax(**keywords(everything, case.settings)).score
    wanted = torch.autograd.grad(score, [everything[k] for k in names], upstream(score))[names.index(name)]
    inputs, _ = wanting(case.build(torch.float32), (name,))
    score = ef.pose_argmax(**keywords(inputs, case.settings)).score
    score.backward(upstream(score))
    assert torch.equal(inputs[name].grad, wanted)


def test_nothing_found_has_no_gradient() -> None:
    """Not even where the loss asks for it: -infinity times 0 stays out of it."""
    case = CASES["image"]
    inputs, names = wanting(case.build(torch.float32))
    found = ef.pose_argmax(**keywords(inputs, {**case.settings, "threshold": 1e9}))
    assert (found.pose == -1).all()
    for grad in torch.autograd.grad(found.score.sum(), [inputs[k] for k in names]):
        assert not grad.any() and grad.isfinite().all()


def test_poses_and_places_want_no_gradient() -> None:
    inputs, _ = wanting(CASES["image"].build(torch.float32))
    found = ef.pose_argmax(**keywords(inputs, CASES["image"].settings))
    assert found.score.requires_grad
    assert not any(part.requires_grad for part in found[1:])


def test_no_gradient_is_kept_that_nobody_wants() -> None:
    inputs, _ = wanting(CASES["image"].build(torch.float32))
    with torch.no_grad():
        assert not ef.pose_argmax(**keywords(inputs, {})).score.requires_grad


def test_strided_upstream_gradient() -> None:
    inputs, names = wanting(CASES["location-with-all"].build(torch.float32))
    score = ef.pose_argmax(**keywords(inputs, {})).score
    leaves = [inputs[k] for k in names]
    grad = upstream(score.permute(2, 1, 0)).permute(2, 1, 0)
    strided = torch.autograd.grad(score, leaves, grad, retain_graph=True)
    assert not grad.is_contiguous()
    for a, b in zip(strided, torch.autograd.grad(score, leaves, grad.contiguous()), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("route", ["direct", "fft", "auto"])
def test_a_bank_hands_the_gradient_to_the_features(route: str) -> None:
    case = CASES["image-nms"]
    inputs, _ = wanting(case.build(torch.float32))
    bank = ef.PoseBank(inputs["templates"], inputs["bias"], route=route)
    asked = {k: v for k, v in keywords(inputs, case.settings).items() if k not in WANTED[1:3]}
    found = bank.argmax(**asked)
    grad = torch.autograd.grad(found.score, inputs["features"], upstream(found.score))[0]
    score = winners_scores(inputs, found)
    assert torch.equal(grad, torch.autograd.grad(score, inputs["features"], upstream(score))[0])


def test_a_step_along_the_gradient_makes_the_winner_more_like_its_window() -> None:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(1, 4, 9, 9, generator=generator)
    templates = torch.randn(6, 4, 3, 3, generator=generator).requires_grad_()
    first = ef.pose_argmax(features, templates, over="image")
    (grad,) = torch.autograd.grad(first.score.sum(), templates)
    g, y, x = (int(part) for part in (first.pose, first.y, first.x))
    assert torch.equal(grad[g], features[0, :, y : y + 3, x : x + 3])
    assert not grad[torch.arange(6) != g].any()
    second = ef.pose_argmax(features, templates + 0.1 * grad, over="image")
    assert int(second.pose) == g and second.score > first.score


def test_empty_batch_has_zero_gradients() -> None:
    inputs = CASES["location-with-all"].build(torch.float32)
    inputs |= {"features": inputs["features"][:0], "prior": inputs["prior"][:1], "mask": inputs["mask"][:1]}
    inputs, names = wanting(inputs)
    score = ef.pose_argmax(**keywords(inputs, {})).score
    for name, grad in zip(names, torch.autograd.grad(score.sum(), [inputs[k] for k in names]), strict=True):
        assert grad.shape == inputs[name].shape and not grad.any(), name


def test_second_derivatives() -> None:
    """The score is bilinear: the gradient to the features is the template, and that has a gradient of its own."""
    inputs, _ = wanting(CASES["image"].build(torch.float32), ("features", "templates"))
    found = ef.pose_argmax(**keywords(inputs, {"over": "image"}))
    (grad,) = torch.autograd.grad(found.score.sum(), inputs["features"], create_graph=True)
    (second,) = torch.autograd.grad(grad.sum(), inputs["templates"])
    wins = torch.bincount(found.pose.flatten(), minlength=21).float()
    assert torch.equal(second, wins[:, None, None, None].expand_as(second))
