"""Small networks with the habits that make networks hard to read, for the tests of several files."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from equivfast.representations.models import load
from equivfast.representations.network import Network

EXAMPLES = Path(__file__).resolve().parent.parent / "docs" / "examples"


def seeded(make, seed: int = 0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def resnet20(data: Path, **options) -> Network:
    weights = str(data / "cifar10_nets" / "resnet20-12fca82f.th")
    return load(f"{EXAMPLES / 'cifar_resnet.py'}:resnet20", weights, **options)


class Plain(nn.Module):
    """AlexNet's first layer, an in-place ReLU called twice, an addition in place, dropout: traceable."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 11, stride=4, padding=2)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(8, 8, 3, padding=1)
        self.drop = nn.Dropout(0.5)
        self.unused = nn.Conv2d(3, 3, 1)
        self.fc = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.conv1(x))
        y = self.conv2(x)
        y += x
        y = self.drop(self.relu(y))
        return self.fc(y.mean((2, 3)))


class Moody(Plain):
    """The same, behind a decision that depends on the data: torch.fx cannot trace it."""

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        if float(x.abs().sum()) < 0:
            return {}
        return {"features": x, "logits": super().forward(x)}


class Attention(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.qkv, self.proj, self.norm = (
            nn.Linear(width, 3 * width),
            nn.Linear(width, width),
            nn.LayerNorm(width),
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        q, k, v = self.qkv(self.norm(x)).chunk(3, -1)
        weights = (q @ k.transpose(1, 2) / q.shape[-1] ** 0.5).softmax(-1)
        return x + self.proj(weights @ v), weights


class ViT(nn.Module):
    """Patches of 8 x 8 on images of 32 x 48: 4 x 6 tokens after one CLS and four register tokens."""

    def __init__(self, prefix: int = 5, declared: bool = True) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 12, 8, stride=8)
        self.prefix = nn.Parameter(torch.randn(1, prefix, 12))
        self.places = nn.Parameter(torch.randn(1, 24, 12))
        self.blocks = nn.ModuleList([Attention(12), Attention(12)])
        self.head = nn.Linear(12, 7)
        if declared:
            self.num_prefix_tokens = prefix

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x).flatten(2).transpose(1, 2) + self.places
        x = torch.cat([self.prefix.expand(len(x), -1, -1), x], 1)
        for block in self.blocks:
            x, _ = block(x)
        return self.head(x[:, 0] if self.prefix.shape[1] else x.mean(1))
