"""The CIFAR-10 residual networks of He et al. 2015 (section 4.2): 6 n + 2 layers, shortcuts without weights.

Their state dictionary has the names of akamaster/pytorch_resnet_cifar10, whose files load as they are:
`--model docs/examples/cifar_resnet.py:resnet20 --weights resnet20-12fca82f.th`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from equivfast.representations import Network, Preprocess

PREPROCESS = Preprocess(size=32, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))


class Block(nn.Module):
    """Two 3x3 convolutions and a shortcut; where the field shrinks, every second cell and channels of zeros."""

    def __init__(self, entering: int, leaving: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(entering, leaving, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(leaving)
        self.conv2 = nn.Conv2d(leaving, leaving, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(leaving)
        self.stride, self.zeros = stride, (leaving - entering) // 2

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        if self.stride > 1:
            x = pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.zeros, self.zeros))
        return (x + y).relu()


class ResNet(nn.Module):
    """Images (n, 3, 32, 32) -> logits (n, 10)."""

    preprocess = PREPROCESS

    def __init__(self, blocks: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1, self.layer2, self.layer3 = (
            nn.Sequential(
                *[Block(c if first else d, d, s if first else 1) for first in [True] + [False] * (blocks - 1)]
            )
            for c, d, s in ((16, 16, 1), (16, 32, 2), (32, 64, 2))
        )
        self.linear = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn1(self.conv1(x)).relu()
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(x.mean((2, 3)))


def resnet20() -> ResNet:
    return ResNet(3)


def resnet32() -> ResNet:
    return ResNet(5)


def resnet44() -> ResNet:
    return ResNet(7)


def resnet56() -> ResNet:
    return ResNet(9)


if __name__ == "__main__":
    torch.manual_seed(0)
    network = Network(resnet20(), name="resnet20", preprocess=PREPROCESS)
    images = torch.rand(2, 3, 32, 32)
    cuts = network.layers("cuts", images)
    field = network.read(images, ["layer2"])["layer2"]
    assert torch.allclose(network.resume("layer2", field), network.output(images), atol=1e-5)
    print(f"everything flows through {', '.join(cuts)}; layer2: {network.grid('layer2', 32, 32)}")
