"""AlexNet's plan for images of 32 x 32 pixels."""

from __future__ import annotations

import torch
from torch import nn

CHANNELS = (24, 48, 64, 64, 48)
HIDDEN = 96
_CELLS = 4


class AlexNet32(nn.Module):
    """Five convolutions, three max pools and three linear layers, under the names of torchvision's AlexNet.

    features.0, 3, 6, 8 and 10 are the convolutions, each followed by a ReLU; the first, second and last ReLU by a max
    pool. Kernels are 5 pixels wide in the first two layers and 3 in the others. Pools are 2 x 2 and do not overlap, so
    that the cells of every layer lie symmetrically about the canvas centre and a flip only permutes them.

    Shapes     (n, 3, h, w), h and w of at least 8 -> logits (n, classes)
    Units      intensities as the net was trained: near zero mean and unit deviation
    Source     Krizhevsky, Sutskever and Hinton 2012, in the plan of Krizhevsky 2014 ("One weird trick")

    >>> net = AlexNet32(classes=12).eval()
    >>> tuple(net(torch.zeros(1, 3, 32, 32)).shape), tuple(net.features[:4](torch.zeros(1, 3, 32, 32)).shape)
    ((1, 12), (1, 48, 16, 16))
    """

    def __init__(self, classes: int, dropout: float = 0.5) -> None:
        super().__init__()
        a, b, c, d, e = CHANNELS
        self.features = nn.Sequential(
            nn.Conv2d(3, a, 5, padding=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Conv2d(a, b, 5, padding=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Conv2d(b, c, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(c, d, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(d, e, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
        )
        self.avgpool = nn.AdaptiveAvgPool2d(_CELLS)  # does nothing at 32 x 32
        self.classifier = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(e * _CELLS * _CELLS, HIDDEN),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(HIDDEN, HIDDEN),
            nn.ReLU(inplace=True),
            nn.Linear(HIDDEN, classes),
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        field = self.avgpool(self.features(images))
        logits: torch.Tensor = self.classifier(torch.flatten(field, 1))
        return logits
