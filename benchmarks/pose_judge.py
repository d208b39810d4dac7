"""Whether a rival found the poses that we found: rounding may choose another one only where the two tie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

TIE = 1e-5  # of the largest score; a float32 sum of 2,000 or 3,000 terms is within half of it
CHUNK = 1024  # windows taken together: 16 MiB


@dataclass(frozen=True)
class Judge:
    """The view of a rival: where its place scores like ours in float64, it is taken for ours.

    ``ours``: score and pose of every window, or score, pose, y and x of the best; of these features.
    """

    templates: Tensor
    features: Tensor
    ours: tuple[Tensor, ...]

    def __call__(self, theirs: Any) -> tuple[Tensor, ...]:
        score, *place = theirs
        ours = self.ours[1:]
        shapes = [tuple(t.shape) for t in theirs]
        if shapes != [tuple(t.shape) for t in self.ours]:
            raise ValueError(f"Judge: results must have the shape {tuple(self.ours[0].shape)}, got {shapes}")
        apart = torch.stack([a != b for a, b in zip(place, ours, strict=True)]).any(0)
        at = apart.nonzero()
        mine, other = (self._exact([t[apart] for t in parts], at) for parts in (ours, place))
        ties = torch.zeros_like(apart)
        ties[apart] = (mine - other).abs() <= TIE * self.ours[0].abs().max()
        return (score, *(torch.where(ties, a, b) for a, b in zip(ours, place, strict=True)))

    def _exact(self, place: list[Tensor], at: Tensor) -> Tensor:
        """Float64 products at these poses; y and x are those of the map's entry where they are not given."""
        kh, kw = self.templates.shape[2:]
        pose, y, x = place if len(place) == 3 else (place[0], at[:, 1], at[:, 2])
        whole = self.features.unfold(2, kh, 1).unfold(3, kw, 1)
        found = [torch.zeros(0, dtype=torch.float64)]
        for k in torch.arange(len(pose)).split(CHUNK):
            windows = whole[at[k, 0], :, y[k], x[k]].double()
            found.append((windows * self.templates[pose[k]].double()).sum((1, 2, 3)))
        return torch.cat(found)
