"""What pose_argmax is asked for in tests: searches full of ties and of near-ties, with every option, and the oracle."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from op_contract import Case, Inputs
from torch.utils._python_dispatch import TorchDispatchMode

import equivfast as ef
from equivfast.reference.pose_argmax import PoseResult
from equivfast.reference.pose_argmax import pose_argmax as oracle

Array = np.ndarray
ROUTES = ("auto", "direct", "fft", "low_rank")
_WORK = 3_000_000  # products of the oracle in one search


@dataclass(frozen=True)
class Search:
    """A bank, fields and options, as arrays."""

    features: Array
    templates: Array
    bias: Array | None = None
    options: dict[str, Any] = field(default_factory=dict)

    def wanted(self) -> PoseResult:
        """The oracle's answer; the same search is asked at every level and on every route, and computed once."""
        key = self._key()
        if key not in _KNOWN:
            if len(_KNOWN) > 4000:
                _KNOWN.clear()
            _KNOWN[key] = oracle(self.features, self.templates, self.bias, **self.options)
        return _KNOWN[key]

    def _key(self) -> str:
        parts: list[Any] = [self.features, self.templates, self.bias]
        for name, value in sorted(self.options.items()):
            parts += [name, *(value if isinstance(value, tuple) else (value,))]
        digest = hashlib.sha256()
        for part in parts:
            array = part if isinstance(part, np.ndarray) else np.array(repr(part))
            digest.update(
                repr((array.shape, array.dtype.str)).encode() + np.ascontiguousarray(array).tobytes()
            )
        return digest.hexdigest()

    def run(self, route: str = "auto") -> Any:
        return ef.PoseBank(self.templates, self.bias, route=route).argmax(self.features, **self.options)


_KNOWN: dict[str, PoseResult] = {}


def assert_same(found: Any, wanted: PoseResult) -> None:
    """Poses and places are equal, scores are the oracle's rounded to float32, to the bit."""
    for name in ("pose", "y", "x"):
        part = np.asarray(getattr(found, name))
        assert part.dtype == np.int64
        np.testing.assert_array_equal(part, getattr(wanted, name), name)
    score = np.asarray(found.score)
    assert score.dtype == np.float32
    with np.errstate(over="ignore"):
        rounded = wanted.score.astype(np.float32)
    np.testing.assert_array_equal(score.view(np.int32), rounded.view(np.int32), "score")


# ---- values ------------------------------------------------------------------------------------


def _whole(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.integers(-3, 4, shape)


def _few(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.random(shape) < 0.2


def _zero(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return np.zeros(shape)


def _constant(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return np.full(shape, rng.standard_normal())


def _saturated(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """As HOG's channels: not negative, and most of them at the clip."""
    return rng.standard_normal(shape).clip(0, 0.2)


def _noise(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.standard_normal(shape)


def _scaled(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Some fields and templates so small or large that float32 products leave its range."""
    first = (shape[0], *[1] * (len(shape) - 1))
    return rng.standard_normal(shape) * 10.0 ** rng.integers(-24, 19, first)


def _holes(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Noise of which whole columns are empty."""
    return rng.standard_normal(shape) * (np.arange(shape[-1]) % 9 < 2)


def _twins(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """One template (or field) again and again, some of them a last bit away."""
    one = np.broadcast_to(rng.standard_normal(shape[1:]).astype(np.float32), shape).copy()
    up = rng.random(shape) < 1 / max(1, one[0].size)
    return np.where(up, np.nextafter(one, np.float32(np.inf)), one)


def _shuffled(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """The same numbers in other orders: on a constant field only the rounding of the sums tells them apart."""
    one = rng.standard_normal(int(np.prod(shape[1:])))
    return np.array([rng.permutation(one) for _ in range(shape[0])]).reshape(shape)


def _mixed(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Mixtures of three: of rank 3."""
    few = rng.standard_normal((3, int(np.prod(shape[1:]))))
    return (rng.standard_normal((shape[0], 3)) @ few).reshape(shape)


VALUES = {"whole": _whole, "few": _few, "noise": _noise, "constant": _constant, "zero": _zero,
          "saturated": _saturated, "scaled": _scaled, "holes": _holes}  # fmt: skip
TEMPLATES = {**VALUES, "twins": _twins, "shuffled": _shuffled, "mixed": _mixed}
ADDED = {"whole": _whole, "noise": _noise, "far": lambda rng, shape: rng.integers(-2, 3, shape) * 1e6,
         "near": lambda rng, shape: rng.standard_normal(shape) * 1e-9}  # fmt: skip


# ---- searches ----------------------------------------------------------------------------------


@st.composite
def searches(draw: st.DrawFn, largest: int = 18) -> Search:
    """Small odd shapes; values of which many tie, or nearly; every option by itself and with others."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kh, kw = draw(st.integers(1, largest)), draw(st.integers(1, largest))
    h, w = draw(st.integers(kh, 40)), draw(st.integers(kw, 40))
    n, c = draw(st.integers(1, 3)), draw(st.integers(1, 40))
    c = min(c, max(1, 4000 // (kh * kw)))
    # Many poses only of small templates: a basis may be as large as these, and the bank is laid out for each example.
    g = draw(st.integers(1, 70) if c * kh * kw > 400 else st.one_of(st.integers(1, 70), st.just(200)))
    g = max(1, min(g, _WORK // (n * c * kh * kw * (h - kh + 1) * (w - kw + 1))))
    features = VALUES[draw(st.sampled_from(sorted(VALUES)))](rng, (n, c, h, w)).astype(np.float32)
    templates = TEMPLATES[draw(st.sampled_from(sorted(TEMPLATES)))](rng, (g, c, kh, kw)).astype(np.float32)
    added = draw(st.sampled_from((None, *sorted(ADDED))))
    bias = None if added is None else ADDED[added](rng, (g,)).astype(np.float32)
    return Search(features, templates, bias, draw(_options(rng, features, templates)))


@st.composite
def _options(draw: st.DrawFn, rng: np.random.Generator, features: Array, templates: Array) -> dict[str, Any]:
    n, g = len(features), len(templates)
    places = tuple(a - b + 1 for a, b in zip(features.shape[2:], templates.shape[2:], strict=True))
    each = st.sampled_from(((), (n,)))  # for all images, or for each
    options: dict[str, Any] = {"over": draw(st.sampled_from(("location", "image")))}
    if options["over"] == "image":
        options["top_k"] = draw(st.sampled_from((1, 2, 10, 300)))
        radius = draw(st.sampled_from((None, 0, 0.5, 1, 3, 40.0)))
        if radius is not None:
            options["nms"] = radius
            if draw(st.booleans()):
                options["nms"] = (radius, rng.random((g, g)) < 0.5)
    if draw(st.booleans()):
        options["mask"] = rng.random((*draw(each), *places)) < draw(st.sampled_from((0.0, 0.1, 0.9, 1.0)))
    added = draw(st.sampled_from((None, *sorted(ADDED))))
    if added is not None:
        options["prior"] = ADDED[added](rng, (*draw(each), g)).astype(np.float32)
    if draw(st.booleans()):
        options["threshold"] = draw(st.sampled_from((-1.0, 0.0, 1.0, 7.0, 1e6)))
    if draw(st.integers(0, 3)) == 0:
        count = draw(st.sampled_from((1, 7, 40)))
        options["positions"] = rng.integers(0, places, (*draw(each), count, 2))
    return options


# ---- the cases of the op's contract ------------------------------------------------------------


def contract_case(settings: dict[str, Any], **shapes: tuple[int, ...]) -> Case:
    """Small whole numbers; `shapes` of the optional tensors that take part."""

    def build(dtype: torch.dtype) -> Inputs:
        rng = np.random.default_rng(sum(map(sum, shapes.values())))
        inputs: Inputs = dict.fromkeys(("bias", "prior", "mask", "positions", "neighbours"))
        inputs |= {"features": _whole(rng, (3, 5, 8, 11)), "templates": _whole(rng, (21, 5, 3, 4))}
        for name, shape in shapes.items():
            inputs[name] = _whole(rng, shape)
        for name in ("mask", "neighbours"):
            inputs[name] = None if inputs[name] is None else inputs[name] > -2
        if inputs["positions"] is not None:
            inputs["positions"] = np.abs(inputs["positions"])
        kept = ("mask", "neighbours", "positions")
        tensors = {k: None if a is None else torch.from_numpy(a) for k, a in inputs.items()}
        return {k: t if t is None or k in kept else t.to(dtype) for k, t in tensors.items()}

    return Case(build, settings)


CASES = {
    "location": contract_case({}, bias=(21,)),
    "location-with-all": contract_case({"threshold": 20.0}, bias=(21,), prior=(3, 21), mask=(3, 6, 8)),
    "location-of-positions": contract_case({}, prior=(21,), positions=(9, 2)),
    "image": contract_case({"over": "image", "top_k": 7}),
    "image-nms": contract_case({"over": "image", "top_k": 9, "radius": 1.0}, mask=(6, 8)),
    "image-neighbours": contract_case({"over": "image", "top_k": 30, "radius": 2}, neighbours=(21, 21)),
    "image-of-positions": contract_case({"over": "image", "top_k": 12}, positions=(3, 9, 2), bias=(21,)),
}


def keywords(inputs: Inputs, settings: dict[str, Any]) -> dict[str, Any]:
    """The arguments of pose_argmax: radius and neighbours become nms."""
    given = {**inputs, **settings}
    radius, neighbours = given.pop("radius", None), given.pop("neighbours")
    given["nms"] = radius if neighbours is None else (radius, neighbours)
    return given


class _Recorder(TorchDispatchMode):
    """The arguments that the registered op is called with."""

    def __init__(self) -> None:
        super().__init__()
        self.arguments: tuple[Any, ...] = ()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.equivfast.pose_argmax.default:
            self.arguments = args
        return func(*args, **(kwargs or {}))


def op_arguments(inputs: Inputs, settings: dict[str, Any]) -> tuple[Any, ...]:
    """What the torch op is called with, the first four of which may want a gradient."""
    with _Recorder() as recorder:
        ef.pose_argmax(**keywords(inputs, settings))
    return recorder.arguments
