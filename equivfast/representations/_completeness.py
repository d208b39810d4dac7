"""Through which layers everything flows: tried out, by giving a network the layer of another image."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from equivfast.representations._layer_id import Key
from equivfast.representations._runner import Runner

# Equal numbers give equal outputs to the last bit, or to rounding where sums are taken in another order; a way around
# the layer carries a share of the change that is far larger.
_SHARE = 1e-4


def complete_layers(run: Runner, keys: Sequence[Key], images: Tensor) -> dict[Key, bool]:
    """Whether the network's output depends on its input through this layer alone.

    Definition with the field of `images` in its place, the network run on noise returns its output of `images`. Prefix
               tokens are not part of the field: they stay those of the noise
    Raises     ValueError when outputs are not finite, or do not depend on the image at all
    """
    noise = run.noise(images)
    with torch.no_grad():
        wanted, other = (run.whole("Network.complete", x) for x in (images, noise))
        span = float((wanted - other).abs().max())
        if not span > 0:
            raise ValueError(
                "Network.complete: images must give finite outputs that differ from those of noise, "
                f"got a largest difference of {span}"
            )
        found, patches = run.raw(images, keys)
        result = {}
        for key in keys:
            layout = run.layout(key, tuple(found[key].shape), len(images), patches)
            put = partial(layout.output, layout.field(found[key]))
            swapped = run.changed("Network.complete", noise, key, put)
            result[key] = bool((swapped - wanted).abs().max() <= _SHARE * span)
    return result
