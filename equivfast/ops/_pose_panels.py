"""A bank of templates in the forms that the kernel of pose_argmax reads (csrc/ops/pose_argmax.hpp)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from equivfast import _core
from equivfast.ops import _pose_clusters

ROUTES = ("direct", "fft", "low_rank")
BLOCK = 16  # kPoseBlock
PAIR_LENGTH, PAIR_LARGEST = 46000.0, 32767.0  # kPairLength, kPairLargest
# With fewer poses, scoring exactly what a coarse comparison leaves open takes longer than float32 for all of them.
FEWEST_COARSE = 32


@dataclass(frozen=True, eq=False)
class Panels:
    """What one route reads of a bank: tensors in the order of `PARTS[route]`, and a few numbers."""

    route: str
    tensors: tuple[Tensor, ...]
    tile: int = 0
    numbers: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)  # leak, departure, mix_length, coarse_error

    @property
    def nbytes(self) -> int:
        return sum(tensor.nbytes for tensor in self.tensors)


_OF_ALL = ("templates", "norm", "sums")
_OF_CLUSTERS = ("cluster", "centres", "cluster_radius", "cluster_residual")
_OF_LOW_RANK = (*_OF_ALL, "direct", "spectrum", "mix", "residual", *_OF_CLUSTERS)
_COARSE = ("coarse", "coarse_step")
PARTS = {
    "direct": (*_OF_ALL, "direct", *_COARSE),
    "fft": (*_OF_ALL, "spectrum"),
    "low_rank": _OF_LOW_RANK,
}
PANELS = (*_OF_LOW_RANK, *_COARSE)  # as bindings/module.cpp takes them


def whole(count: int) -> int:
    return -(-count // BLOCK) * BLOCK


def filled(panel: Tensor) -> Tensor:
    """(g, ...) -> whole blocks of poses, filled up with copies of the last."""
    missing = whole(len(panel)) - len(panel)
    return torch.cat([panel, panel[-1:].expand(missing, *panel.shape[1:])]) if missing else panel


def lanes_last(panel: Tensor) -> Tensor:
    """(g, ...) -> (blocks, ..., 16)."""
    return filled(panel).unflatten(0, (-1, BLOCK)).movedim(1, -1).contiguous()


def exact_templates(templates: Tensor) -> Tensor:
    """(g, c, kh, kw) -> (g, kh, kw, c filled up with zeros)."""
    cells = templates.permute(0, 2, 3, 1)
    return functional.pad(cells, (0, whole(templates.shape[1]) - templates.shape[1])).contiguous()


def direct_panel(templates: Tensor) -> Tensor:
    return lanes_last(templates.permute(0, 2, 3, 1))


def coarse(templates: Tensor) -> tuple[Tensor, Tensor, float]:
    """int16 (blocks, kh, kw, (c + 1) / 2, 16, 2), a step for each pose (blocks, 16), and the largest error."""
    flat = templates.double().flatten(1)
    longest = flat.norm(dim=1) / (PAIR_LENGTH - 0.51 * math.sqrt(flat.shape[1]))
    step = (torch.maximum(longest, flat.abs().amax(1) / PAIR_LARGEST) * (1 + 1e-6)).float()
    step = torch.where((step > 1e-30) & (step < 1e30), step, 1)
    whole_steps = (flat / step.double()[:, None]).round().clamp(-PAIR_LARGEST, PAIR_LARGEST)
    error = float((flat - whole_steps * step.double()[:, None]).norm(dim=1).max()) * (1 + 1e-6)
    cells = whole_steps.to(torch.int16).view(templates.shape).permute(0, 2, 3, 1)
    pairs = functional.pad(cells, (0, cells.shape[3] % 2)).unflatten(3, (-1, 2))
    return lanes_last(pairs).transpose(-1, -2).contiguous(), lanes_last(step), error


def spectrum(templates: Tensor, tile: int) -> Tensor:
    """(blocks, tile^2 / 2 + 2, c, 2, 16): conjugate DFT / tile^2, rounded once from float64."""
    g, c = templates.shape[:2]
    # What the symmetry of real numbers' spectra gives is left out of the first and the middle column.
    kept = torch.ones(tile // 2 + 1, tile, dtype=torch.bool)
    kept[0, tile // 2 + 1 :] = kept[-1, tile // 2 + 1 :] = False
    out = templates.new_empty((whole(g) // BLOCK, tile * tile // 2 + 2, c, 2, BLOCK))
    if out.is_cpu:  # a search reads all of it
        _core.advise_huge_pages(out.data_ptr(), out.nbytes)
    for block, part in enumerate(filled(templates).split(BLOCK)):
        values = torch.fft.rfft2(part.double(), s=(tile, tile)).conj() / tile**2  # (16, c, ky, kx)
        by_frequency = torch.view_as_real(values.permute(3, 2, 1, 0)[kept].resolve_conj())
        out[block] = by_frequency.movedim(-1, 2)
    return out


def principal(templates: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues (g,) and vectors (g, g) of the templates' float64 Gram matrix, largest first."""
    flat = templates.double().flatten(1)
    values, vectors = torch.linalg.eigh(flat @ flat.T)
    return values.flip(0).clamp(min=0), vectors.flip(1)


def low_rank(templates: Tensor, vectors: Tensor) -> tuple[Tensor, Tensor, Tensor, tuple[float, float, float]]:
    """Basis (rank, c, kh, kw), mix (g, rank), what both leave of each template's length, and three bounds.

    With Q the orthonormal basis in float64, B its rounding, U the mix: E = W - U B is split at the span of Q. Inside it
    E is rounding (`leak`, the largest length there); outside it stands what the rank leaves (`residual`).
    """
    flat = templates.double().flatten(1)
    orthonormal = torch.linalg.qr(flat.T @ vectors).Q.T
    # (rank, c kh kw); of templates with fewer numbers than that, the rest is 0
    orthonormal = functional.pad(orthonormal, (0, 0, 0, vectors.shape[1] - len(orthonormal)))
    basis, mix = orthonormal.float(), (flat @ orthonormal.T).float()
    rest = flat - mix.double() @ basis.double()
    inside = rest @ orthonormal.T
    residual = ((rest - inside @ orthonormal).norm(dim=1) * (1 + 1e-6)).float() * (1 + 1e-6)
    numbers = (
        inside.norm(dim=1).max(),
        (basis.double() - orthonormal).norm(),
        mix.double().norm(dim=1).max(),
    )
    leak, departure, mix_length = (float(number) * (1 + 1e-6) for number in numbers)
    return basis.unflatten(1, templates.shape[1:]), mix, residual, (leak, departure, mix_length)


def make(
    templates: Tensor, route: str, tile: int = 16, vectors: Tensor | None = None, *, lasting: bool = False
) -> Panels:
    """The panels of a route for float32 templates (g, c, kh, kw).

    low_rank takes the first `vectors` (g, rank) of :func:`principal`, rank a multiple of 16; with tile 0 it works on
    windows, not on tiles. `lasting` panels also hold what pays only over several calls.
    """
    double = templates.double()
    norm = double.square().sum((1, 2, 3)).sqrt() * (1 + 1e-12)  # not below the real length
    common = (exact_templates(templates), norm, double.sum((2, 3)).contiguous())
    if route == "direct":
        pairs, step, error = templates.new_empty(0), templates.new_empty(0), 0.0
        if lasting and len(templates) >= FEWEST_COARSE:
            pairs, step, error = coarse(templates)
        return Panels(route, (*common, direct_panel(templates), pairs, step), numbers=(0.0, 0.0, 0.0, error))
    if route == "fft":
        return Panels(route, (*common, spectrum(templates, tile)), tile)
    assert vectors is not None
    basis, mix, residual, bounds = low_rank(templates, vectors)
    by_tile = spectrum(basis, tile) if tile else basis.new_empty(0)
    by_window = basis.new_empty(0) if tile else direct_panel(basis)
    found = _pose_clusters.clusters(mix, residual)
    leak, departure, mix_length = bounds
    centres = found.centre.double().norm(dim=1).tolist()
    mix_length = max([mix_length, *(length * (1 + 1e-6) for length in centres)])
    of_clusters = (found.cluster, *map(lanes_last, found[1:]))
    return Panels(
        route,
        (*common, by_window, by_tile, lanes_last(mix), lanes_last(residual), *of_clusters),
        tile,
        (leak, departure, mix_length, 0.0),
    )
