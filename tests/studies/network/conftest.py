"""Small networks whose answer is known, as files that a study loads, and images for them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from equivfast.studies.network import NetworkConfig

NETS = '''
"""Networks of the tests: isotropic filters, a plain one, one with a connection around, one that returns a dict."""

import torch
from torch import nn


class Isotropic(nn.Module):
    """Filters that flips and quarter turns leave alone, and a pooled classifier: nothing changes its mind."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 5, 3, padding=1)
        for conv in (self.first, self.second):
            middle, edge, corner = torch.randn(3, *conv.weight.shape[:2], 1, 1)
            e, c = torch.tensor([[0., 1, 0], [1, 0, 1], [0, 1, 0]]), torch.tensor([[1., 0, 1], [0, 0, 0], [1, 0, 1]])
            conv.weight.data = (middle * (1 - e - c) + edge * e + corner * c) / 3
        self.linear = nn.Linear(5, 4)

    def forward(self, x):
        return self.linear(self.second(self.first(x).relu()).relu().mean((2, 3)))


class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.conv1, self.act1 = nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(inplace=True)
        self.conv2, self.act2 = nn.Conv2d(8, 10, 3, stride=2, padding=1), nn.ReLU()
        self.drop, self.linear = nn.Dropout(0.5), nn.Linear(10, 4)

    def forward(self, x):
        x = self.act2(self.conv2(self.act1(self.conv1(x))))
        return self.linear(self.drop(x.mean((2, 3))))


class Around(Plain):
    """A connection leads around the second convolution; the output is a dict."""

    def forward(self, x):
        x = self.act1(self.conv1(x))
        pooled = nn.functional.pad(x, (0, 0, 0, 0, 1, 1)).mean((2, 3)) + self.conv2(x).mean((2, 3))
        return {"features": x, "logits": self.linear(pooled)}


def isotropic():
    return Isotropic()


def plain():
    return Plain().train()


def around():
    return Around()


def wider():
    net = Plain()
    net.conv1 = nn.Conv2d(3, 9, 3, padding=1)
    net.conv2 = nn.Conv2d(9, 10, 3, stride=2, padding=1)
    return net
'''


@pytest.fixture(scope="session")
def nets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("nets") / "nets.py"
    path.write_text(NETS)
    return path


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """160 + 40 blurred noise images of 13 x 13 pixels in four classes."""
    draw = np.random.default_rng(0)
    noise = draw.normal(size=(200, 15, 15, 3))
    smooth = sum(noise[:, y : y + 13, x : x + 13] for y in range(3) for x in range(3))
    pixels = np.clip(128 + 30 * np.asarray(smooth), 0, 255).astype(np.uint8)
    labels = np.arange(200) % 4
    path = tmp_path_factory.mktemp("images") / "noise.npz"
    np.savez(path, x_train=pixels[:160], y_train=labels[:160], x_test=pixels[160:], y_test=labels[160:])
    return path


@pytest.fixture(scope="session")
def config(nets: Path, images: Path) -> Callable[..., NetworkConfig]:
    """A quick study of one of the networks."""

    def make(network: str, **settings: Any) -> NetworkConfig:
        quick: dict[str, Any] = {
            "layers": ("cuts",), "transforms": ("hflip", "rot:90"), "probe_images": 12, "extra_images": 60,
            "angles": (45.0, 90.0), "epochs": 2, "copies": 1, "batch_size": 32, "threads": 1,
        }  # fmt: skip
        return NetworkConfig(model=f"{nets}:{network}", images=str(images), **{**quick, **settings})

    return make
