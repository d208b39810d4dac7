"""Clusters of poses whose templates are alike: what a search over the image compares first.

docs/exact-argmax.md, "Clusters of poses", says how their bounds follow.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

# A quarter of the poses is a quarter of the products. With more clusters than that few windows less would stay open.
_POSES_IN_CLUSTER = 4
_FEWEST_POSES, _MOST_CLUSTERS = 64, 512
_ROUNDS = 8
# Where clusters are wider than this share of their templates' length, their bounds tell nothing.
_WIDEST = 0.5
_BLOCK = 16


class Clusters(NamedTuple):
    """A pose's cluster (g,), and of each cluster the centre (k, rank), radius and residual (k,), in float32."""

    cluster: Tensor
    centre: Tensor
    radius: Tensor
    residual: Tensor


def none(mix: Tensor) -> Clusters:
    return Clusters(mix.new_empty(0, dtype=torch.int64), mix[:0], mix.new_empty(0), mix.new_empty(0))


def clusters(mix: Tensor, residual: Tensor) -> Clusters:
    """Of rows of `mix` (g, rank) with these residuals (g,); empty where clusters do not pay.

    The farthest row from all centres so far is the next (Gonzalez 1985), then means are taken (Lloyd 1982): the same
    for the same bank.
    """
    g = len(mix)
    count = min(-(-g // (_POSES_IN_CLUSTER * _BLOCK)) * _BLOCK, _MOST_CLUSTERS)
    rows = mix.double()
    if g < _FEWEST_POSES or not bool(rows.isfinite().all()):
        return none(mix)
    centre = _means(rows, _spread(rows, count))
    cluster = torch.cdist(rows, centre).argmin(1)
    centre = centre.float()
    distance = (rows - centre.double()[cluster]).norm(dim=1)
    if distance.mean() > _WIDEST * rows.norm(dim=1).mean():
        return none(mix)

    def largest(of_pose: Tensor) -> Tensor:
        most = rows.new_zeros(count).scatter_reduce_(0, cluster, of_pose.double(), "amax")
        return (most * (1 + 1e-6)).float() * (1 + 1e-6)

    return Clusters(cluster, centre, largest(distance), largest(residual))


def _spread(rows: Tensor, count: int) -> Tensor:
    chosen = [0]
    distance = (rows - rows[0]).norm(dim=1)
    while len(chosen) < count:
        chosen.append(int(distance.argmax()))
        distance = torch.minimum(distance, (rows - rows[chosen[-1]]).norm(dim=1))
    return rows[chosen]


def _means(rows: Tensor, centre: Tensor) -> Tensor:
    for _ in range(_ROUNDS):
        cluster = torch.cdist(rows, centre).argmin(1)
        members = torch.bincount(cluster, minlength=len(centre))
        mean = torch.zeros_like(centre).index_add_(0, cluster, rows) / members.clamp(min=1)[:, None]
        centre = torch.where(members[:, None] > 0, mean, centre)
    return centre
