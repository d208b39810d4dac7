"""One pass over the images for all layers and transformations of a network, against the bare forward passes.

python benchmarks/bench_network.py [--quick] [--threads 1 2] [--out FILE]

The network is ResNet-20 as docs/examples/cifar_resnet.py builds it: its speed does not depend on its weights. Memory
that is freed is kept for the next tensors, as in the `equivfast` program; the rivals gain by it too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
from common import SEED, Case, Contestant, run
from threadpoolctl import threadpool_limits
from torch import Tensor

import equivfast as ef
from equivfast.cli.memory import keep_freed_memory
from equivfast.data.embedded_tasks import crops
from equivfast.representations import models
from equivfast.studies._run import silent
from equivfast.studies.network._layers import chosen
from equivfast.studies.network._passes import Pass
from equivfast.studies.network._pictures import Moves, Pictures

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("hflip", "vflip", "rot:90", "scale:0.70710678")
BATCH = 100
# Time grows with the number of images alone.
FULL, FEW = {1: 500, 3: 200}, 24


class Problem:
    """Crops of photographs, every convolution of ResNet-20, and four transformations."""

    def __init__(self, images: int) -> None:
        pixels, labels = crops("train", each=-(-images // 12), seed=SEED)
        self.network = models.load(f"{ROOT / 'docs' / 'examples' / 'cifar_resnet.py'}:resnet20")
        whole = ef.data.Images(pixels[:images], labels[:images], map(str, range(images)))
        self.pictures = Pictures(whole, np.arange(images), self.network, BATCH)
        self.transforms = [ef.groups.parse(name) for name in NAMES]
        self.moves = Moves(self.pictures.size)
        self.layers = chosen(self.network, ("all-conv",), self.pictures.at(slice(0, 4)))
        self.names = [layer.name for layer in self.layers]
        for g in self.transforms:
            self.moves(g, self.pictures.at(slice(0, 1)))

    def survey(self, support: int) -> ef.maps.Survey:
        run = Pass(self.network, self.moves, silent)
        # Cells whose taps all lie inside, as the statistics of one layer count them.
        return run.survey(
            self.pictures, self.layers, self.transforms, support=support, border_cells=support // 2
        )

    def ours(self, support: int) -> Tensor:
        return _products(self.survey(support).statistics(self.names[0], self.transforms[0]))

    def bare(self) -> None:
        """Five forward passes of each image, with all threads: the images themselves stand in for transformed ones."""
        with torch.no_grad():
            for _, images in self.pictures.batches():
                for _ in range(1 + len(self.transforms)):
                    self.network.model(images)

    def alone(self, support: int) -> Tensor:
        """The first layer and transformation, in a pass and by sums of their own: a share of all of them."""
        layer, g = self.layers[0], self.transforms[0]
        phi = self.network.layer(layer.name)
        s = ef.maps.Statistics(
            g.inverse(), layer.grid, layer.grid, (layer.channels, layer.channels),
            support=support, interpolation="bilinear",
        )  # fmt: skip
        with torch.no_grad():
            for _, images in self.pictures.batches():
                s.update(phi(self.moves(g, images)), phi(images))
        return _products(s)


def _products(statistics: ef.maps.Statistics) -> Tensor:
    return next(iter(statistics.problems())).moments.xx


def cases(quick: bool, threads: int) -> Iterator[Case]:
    threadpool_limits(threads, user_api="blas")
    for support in (1, 3):
        p = Problem(FEW if quick else FULL[support])
        images = len(p.pictures)
        call: Callable[[], Tensor] = partial(p.ours, support)
        rivals = [
            Contestant("bare forward passes", p.bare, work="no layer is read, nothing is summed"),
            Contestant(
                "one layer and transformation at a time",
                partial(p.alone, support),
                view=lambda products: products,
                share=1 / (len(p.layers) * len(NAMES)),
            ),
        ]
        survey = ef.maps.Survey(
            {layer.name: layer.surveyed for layer in p.layers}, p.transforms, support=support
        )
        rows = sum(layer.grid.height * layer.grid.width * layer.channels**2 for layer in p.layers) * images
        flops = len(NAMES) * rows * support**2 * (support**2 + 2)
        yield Case(
            f"resnet20-m{support}", f"{len(p.layers)} convolutions x {len(NAMES)} transformations, {images} images",
            images, "images", 0, "read", [Contestant("equivfast", call, ours=True), *rivals],
            {"floor_gflop": flops / 1e9, "sums_megabytes": survey.nbytes / 1e6},
        )  # fmt: skip


if __name__ == "__main__":
    keep_freed_memory()
    run("network", __doc__.splitlines()[0], cases, {"torch": torch.__version__})
