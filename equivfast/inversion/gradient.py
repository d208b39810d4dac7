"""Inversion by descent: the picture is changed until its HOG is the field that was asked for."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from equivfast.representations import HOG
from equivfast.representations.hog import DPM_BLOCKS

# Weight of the mean slope of the picture, in grey levels a pixel, beside the relative squared error of its HOG.
SMOOTHNESS = 3e-4
# The descent ends where so many iterations have lowered the objective by less than this share of it.
_ROUND, _STALLED = 10, 2e-3
# Of a cell, the pixels of the nets on which a picture without a start is found one after the other; each gets this
# share of the steps. From noise pixel by pixel, no larger structure would ever form.
_NETS, _NET_STEPS = (2.0, 1.0, 0.5, 0.25), 0.4
_NOISE, _FINER_NOISE = 0.3, 0.03  # deviation of the logits: about 20 and 2 grey levels

Report = Callable[[int, int], None]


def invert_gradient(
    field: Tensor,
    phi: HOG,
    size: tuple[int, int],
    start: Tensor | None,
    steps: int,
    seed: int,
    report: Report | None = None,
) -> Tensor:
    """A picture (h, w) in 0..255 whose phi comes close to field (d, H, W); `start` is a picture to begin with."""
    nets = [] if start is not None else [max(1, round(share * phi.cell)) for share in _NETS]
    each = max(1, round(_NET_STEPS * steps))
    total, done = each * len(nets) + steps, 0
    objective = _Objective(field, phi, size)

    def descended(logits: Tensor, budget: int) -> Tensor:
        def told(step: int) -> None:
            if report is not None:
                report(done + step, total)

        return _descend(logits, objective, budget, told)

    noise = torch.Generator().manual_seed(seed)
    if start is not None:
        # No pixel begins so near black or white that it could not move.
        logits = torch.logit((start / 255).clamp(0.02, 0.98))[None, None]
    else:
        logits = torch.zeros((1, 1, 1, 1))
        for k, net in enumerate(nets):
            shape = (-(-size[0] // net), -(-size[1] // net))
            drawn = torch.randn((1, 1, *shape), generator=noise)
            finer = functional.interpolate(logits, shape, mode="bicubic")
            logits = descended(finer + drawn * (_FINER_NOISE if k else _NOISE), each)
            done += each
        logits = functional.interpolate(logits, size, mode="bicubic")
    found = objective.picture(descended(logits, steps))[0, 0]
    if report is not None:
        report(total, total)
    return found


def smooth(phi: HOG) -> Callable[[Tensor], Tensor]:
    """phi with its votes shared between two orientations, which is nearly the same field and has more of a gradient.

    With nearest assignment the gradient knows how long a slope is, not that turning it would give another bin: descent
    ends at 0.30 of the field on photographs, through the bilinear field of the same picture at 0.11 to 0.15. `dpm` is
    `uoctti` without its border cells and with its textures in another order, but for constants of four digits.
    """
    twin = HOG(phi.cell, phi.orientations, "uoctti" if phi.variant == "dpm" else phi.variant, "bilinear")
    if phi.variant != "dpm":
        return twin
    textures = 3 * phi.orientations
    order = torch.tensor([*range(textures), *(textures + block for block in DPM_BLOCKS)])
    return lambda picture: twin(picture)[:, order, 1:-1, 1:-1]


class _Objective:
    """Relative squared error of phi(picture), and the smoothness."""

    def __init__(self, field: Tensor, phi: HOG, size: tuple[int, int]) -> None:
        self.field, self.phi, self.size = field[None], smooth(phi), size
        self.energy = max(float(field.square().sum()), 1e-12)

    def picture(self, logits: Tensor) -> Tensor:
        """Logits, on pixels or on a coarser net, as grey values: bounded without a bound that descent could hit."""
        if logits.shape[2:] != self.size:
            logits = functional.interpolate(logits, self.size, mode="bicubic")
        return 255 * torch.sigmoid(logits)

    def __call__(self, logits: Tensor) -> Tensor:
        picture = self.picture(logits)
        error = (self.phi(picture) - self.field).square().sum() / self.energy
        right = picture[..., :-1, 1:] - picture[..., :-1, :-1]
        down = picture[..., 1:, :-1] - picture[..., :-1, :-1]
        return error + SMOOTHNESS * (right.square() + down.square() + 1.0).sqrt().mean()


def _descend(logits: Tensor, objective: _Objective, steps: int, told: Callable[[int], None]) -> Tensor:
    """L-BFGS in rounds, until the steps are used up or a round gains next to nothing."""
    logits = logits.clone().requires_grad_()
    descent = torch.optim.LBFGS(
        [logits], max_iter=_ROUND, max_eval=2 * _ROUND, history_size=10, line_search_fn="strong_wolfe",
        tolerance_grad=0, tolerance_change=0,
    )  # fmt: skip
    last = float("inf")

    def closure() -> float:
        nonlocal last
        descent.zero_grad()
        loss = objective(logits)
        loss.backward()
        last = loss.item()
        return last

    for done in range(0, steps, _ROUND):
        before = last
        descent.param_groups[0]["max_iter"] = min(_ROUND, steps - done)
        descent.step(closure)
        told(min(done + _ROUND, steps))
        if last > before * (1 - _STALLED):
            break
    return logits.detach()
