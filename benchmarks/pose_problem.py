"""What the cases of pose search share: banks and fields, what is asked, and what stands beside the times."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import banks
import numpy as np
import torch
from common import Case, Contestant

import equivfast as ef

Tensor = torch.Tensor
Call = Callable[[Any], Any]

FIELDS = 7  # in turn; a prime, so that a sample of any number of calls begins with another one
TOP, RADIUS = 10, 4
TILE = 16  # of the floor's transform


@dataclass(frozen=True)
class Setting:
    """A bank, the fields it is looked for in, and what is asked."""

    name: str
    about: str
    poses: str = "rot360"
    cells: int = 8
    ask: str = "map"  # or "top", "peaks"

    @property
    def options(self) -> dict[str, Any]:
        more = {"map": {}, "top": {}, "peaks": {"top_k": TOP, "nms": RADIUS}}
        return {"over": "location" if self.ask == "map" else "image", **more[self.ask]}


class Problem:
    """Bank and fields; a quick one has a tenth of the poses and a sixth of the cells."""

    def __init__(self, fields: Tensor, templates: Tensor, bias: Tensor) -> None:
        self.fields, self.templates, self.bias = fields, templates, bias
        self.bank = ef.PoseBank(templates, bias)

    @classmethod
    def of(cls, poses: str, cells: int, quick: bool) -> Problem:
        return cls(_fields(quick), *_templates(*(("rot36", "mean") if quick else (poses, "lda")), cells))


@lru_cache(maxsize=2)
def _templates(poses: str, kind: str, cells: int) -> tuple[Tensor, Tensor]:
    bank = banks.load(f"{poses}-analytic-{kind}-{cells}")
    return torch.from_numpy(bank.templates), torch.from_numpy(bank.bias)


@cache
def _fields(quick: bool) -> Tensor:
    fields = torch.from_numpy(banks.fields(FIELDS))
    return fields[..., 10:35, 20:52].contiguous() if quick else fields


def turning(call: Call, inputs: Sequence[Any]) -> Callable[[], Any]:
    """Each call takes the next input; the first call the first, so that first results can be compared."""
    order = itertools.cycle(inputs)
    return lambda: call(next(order))


def answer(options: dict[str, Any], bank: ef.PoseBank) -> Call:
    """What the rivals give too: score and pose of a map, with y and x of a list."""

    def call(x: Tensor) -> Any:
        found = bank.argmax(x, **options)
        return found[:2] if options["over"] == "location" else found[:4]

    return call


def case(
    s: Setting, p: Problem, inputs: Sequence[Tensor], others: list[Contestant], unit: str = "images"
) -> Case:
    """Ours first; how many candidates it scored exactly, what its panels take, and the floor of the products."""
    ours = Contestant("equivfast", turning(answer(s.options, p.bank), inputs), ours=True)
    n = len(inputs[0])
    counts = [p.bank.argmax(x, **s.options).rescored.double().mean() for x in inputs]
    facts = {
        "rescored_of_an_image": float(np.mean(counts)),
        "panels_over_bank": p.bank.nbytes / p.templates.nbytes - 1,
        "floor_gflop": n * floor(p.templates.shape, inputs[0].shape),
    }
    traffic = inputs[0].nbytes + p.templates.nbytes
    about = f"{s.about}; {tuple(inputs[0].shape)}"
    return Case(s.name, about, n, unit, traffic, "read", [ours, *others], facts)


def floor(templates: Sequence[int], features: Sequence[int]) -> float:
    """Gflop of the products of an image: whole tiles of 16 by 16 cells with the bank's spectrum, or direct if fewer.

    A real tile of n x n cells has n^2 / 2 + 2 frequencies; three real products make a complex one.
    """
    (g, c, kh, kw), (h, w) = templates, features[2:]
    rows, columns = h - kh + 1, w - kw + 1
    tiles = -(-rows // (TILE - kh + 1)) * -(-columns // (TILE - kw + 1))
    transformed = tiles * (TILE**2 // 2 + 2) * 6
    return g * c * min(transformed, 2 * kh * kw * rows * columns) / 1e9
