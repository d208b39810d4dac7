"""SqueezeNet 1.1 (Iandola et al. 2016) under the names of torchvision's state dictionary.

Two factories for two sets of weights, which were trained on pictures prepared in different ways:
`--model docs/examples/squeezenet.py:caffe --weights FILE.npz` and `...:torchvision`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from equivfast.representations import Network, Preprocess

CAFFE = Preprocess(size=227, resize=256, mean=(104, 117, 123), scale=1, bgr=True)
TORCHVISION = Preprocess(size=224, resize=256, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))


class Fire(nn.Module):
    """Few channels, then as many again from 1x1 and from 3x3 filters."""

    def __init__(self, entering: int, few: int, leaving: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(entering, few, 1)
        self.squeeze_activation = nn.ReLU(inplace=True)
        self.expand1x1 = nn.Conv2d(few, leaving // 2, 1)
        self.expand1x1_activation = nn.ReLU(inplace=True)
        self.expand3x3 = nn.Conv2d(few, leaving // 2, 3, padding=1)
        self.expand3x3_activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.squeeze_activation(self.squeeze(x))
        one, three = self.expand1x1(x), self.expand3x3(x)
        return torch.cat([self.expand1x1_activation(one), self.expand3x3_activation(three)], 1)


class SqueezeNet(nn.Module):
    """Images (n, 3, h, w) -> logits (n, 1000)."""

    def __init__(self, preprocess: Preprocess) -> None:
        super().__init__()
        self.preprocess = preprocess

        def pool() -> nn.Module:
            return nn.MaxPool2d(3, 2, ceil_mode=True)

        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 3, 2), nn.ReLU(inplace=True), pool(),
            Fire(64, 16, 128), Fire(128, 16, 128), pool(),
            Fire(128, 32, 256), Fire(256, 32, 256), pool(),
            Fire(256, 48, 384), Fire(384, 48, 384), Fire(384, 64, 512), Fire(512, 64, 512),
        )  # fmt: skip
        self.classifier = nn.Sequential(
            nn.Dropout(), nn.Conv2d(512, 1000, 1), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x)).flatten(1)


def caffe() -> SqueezeNet:
    return SqueezeNet(CAFFE)


def torchvision() -> SqueezeNet:
    return SqueezeNet(TORCHVISION)


if __name__ == "__main__":
    torch.manual_seed(0)
    network = Network(torchvision(), name="squeezenet 1.1", preprocess=TORCHVISION)
    images = torch.rand(1, 3, 96, 96)
    print(f"features.3: {network.grid('features.3', 96, 96)}, logits {tuple(network.output(images).shape)}")
