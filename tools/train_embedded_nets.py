#!/usr/bin/env python
"""Train the small networks that equivfast ships, on images inside scikit-image and scikit-learn.

    python tools/train_embedded_nets.py [NAME ...]

writes equivfast/data/weights/embedded-nets-NAME.safetensors: with one thread on a busy machine, ten minutes for a net
of the photographs and three for the digits. Only training areas are looked at (equivfast/data/embedded_tasks.py); each
epoch draws new crops from them. The accuracy that is written down is that of the rounded weights on the test crops,
and the weights are those after the last epoch, not those of the best one.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from equivfast.data.embedded import photographs
from equivfast.data.embedded_tasks import DIGITS, SIDE, crops, digits
from equivfast.representations import embedded_nets
from equivfast.representations._alexnet32 import AlexNet32

TASKS = {
    "photos-a": ("photographs", 1),
    "photos-b": ("photographs", 2),
    "digits": ("digits", 3),
    "digits-turned": ("digits", 3),
}
# What each image may be turned into before the network learns from it. Not all products: a 6 is no 9.
MADE: dict[str, Sequence[Callable[[Tensor], Tensor]]] = {
    "photographs": (lambda x: x.flip(3), lambda x: x),
    "digits": (lambda x: x,),
    "digits-turned": (lambda x: x, lambda x: x.flip(3), lambda x: x.flip(2), lambda x: x.rot90(1, (2, 3))),
}
EPOCHS = {"photographs": 24, "digits": 40}
BATCH, RATE, DECAY, MOMENTUM = 64, 0.02, 5e-4, 0.9
SHIFT = 3  # pixels, each way
WARM_UP = 0.1  # of all steps
# Norm of the gradient: on photographs one wild step, and every ReLU is dead; digits learn without.
CLIP = {"photographs": 2.0, "digits": float("inf")}


def task(kind: str, part: str, seed: int) -> tuple[Tensor, Tensor]:
    """Prepared images and labels."""
    images, labels = crops(part, seed=seed) if kind == "photographs" else digits(part)
    mean, std = (torch.tensor(embedded_nets.PREPROCESS[key])[:, None, None] for key in ("mean", "std"))
    return (torch.from_numpy(images).permute(0, 3, 1, 2) / 255 - mean) / std, torch.from_numpy(labels)


def varied(images: Tensor, made: Sequence[Callable[[Tensor], Tensor]], draw: torch.Generator) -> Tensor:
    """Each image as one of those that are made of it, shifted by up to SHIFT pixels over its repeated border."""
    n = len(images)
    if len(made) > 1:
        which = (len(made) * torch.rand(n, generator=draw)).long()
        images = torch.stack([make(images) for make in made])[which, torch.arange(n)]
    padded = functional.pad(images, (SHIFT,) * 4, mode="replicate")
    places = torch.randint(2 * SHIFT + 1, (n, 2), generator=draw).tolist()
    return torch.stack([x[:, r : r + SIDE, c : c + SIDE] for x, (r, c) in zip(padded, places, strict=True)])


def initialised(classes: int, seed: int) -> AlexNet32:
    """He's initialisation: without normalisation between the layers, torch's own starts too small to move."""
    torch.manual_seed(seed)
    net = AlexNet32(classes)
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            assert module.bias is not None
            nn.init.zeros_(module.bias)
    last = net.classifier[-1]
    assert isinstance(last, nn.Linear)
    nn.init.normal_(last.weight, std=0.01)
    return net


def accuracy(net: AlexNet32, images: Tensor, labels: Tensor) -> float:
    net.eval()
    with torch.no_grad():
        right = [(net(x).argmax(1) == y) for x, y in zip(images.split(200), labels.split(200), strict=True)]
    return float(torch.cat(right).double().mean())


def train(name: str, epochs: int) -> tuple[AlexNet32, tuple[Tensor, Tensor]]:
    kind, seed = TASKS[name]
    made = MADE[name] if name in MADE else MADE[kind]
    test = task(kind, "test", 0)
    net = initialised(int(test[1].max()) + 1, seed)
    draw = torch.Generator().manual_seed(seed)
    steps = epochs * -(-len(task(kind, "train", seed)[0]) // BATCH)
    optimiser = torch.optim.SGD(net.parameters(), RATE, MOMENTUM, weight_decay=DECAY, nesterov=True)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps, pct_start=WARM_UP)
    for epoch in range(epochs):
        # Seeds of training crops are far from those of any study, which starts at 0.
        images, labels = task(kind, "train", 10_000 * seed + epoch)
        net.train()
        total = 0.0
        for chosen in torch.randperm(len(images), generator=draw).split(BATCH):
            loss = functional.cross_entropy(net(varied(images[chosen], made, draw)), labels[chosen])
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), CLIP[kind])
            optimiser.step()
            rate.step()
            total += float(loss.detach()) * len(chosen)
        print(f"{name} epoch {epoch + 1}/{epochs}: loss {total / len(images):.3f}", flush=True)
    return net, test


def write(
    net: AlexNet32, name: str, out: Path, epochs: int, test: tuple[Tensor, Tensor], began: float
) -> None:
    """The net's weights as float16, with what they reach on the test crops."""
    kind, seed = TASKS[name]
    weights = {key: value.half() for key, value in net.state_dict().items()}
    net.load_state_dict({key: value.float() for key, value in weights.items()})
    about = {
        "task": f"embedded:{kind}",
        "classes": [photo.name for photo in photographs()] if kind == "photographs" else list(DIGITS),
        "accuracy": round(accuracy(net, *test), 4),
        "test_images": len(test[1]),
        "seed": seed,
        "epochs": epochs,
        "seconds": round(time.perf_counter() - began, 1),
    }
    path = out / f"embedded-nets-{name}.safetensors"
    embedded_nets.FILE.write(path, about, {key: np.asarray(value) for key, value in weights.items()})
    print(f"{path.name}: accuracy {about['accuracy']:.3f}, {path.stat().st_size / 1000:.0f} KB", flush=True)


def options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "names", nargs="*", default=list(TASKS), help=f"of {', '.join(TASKS)}; all by default"
    )
    parser.add_argument("--epochs", type=int, help="instead of the epochs of the task")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=embedded_nets.path("digits").parent)
    return parser


def main(words: list[str] | None = None) -> None:
    args = options().parse_args(words)
    torch.set_num_threads(args.threads)
    for name in args.names:
        if name not in TASKS:
            raise SystemExit(f"train_embedded_nets: names must be of {', '.join(TASKS)}, got {name!r}")
    for name in args.names:
        began = time.perf_counter()
        epochs = args.epochs or EPOCHS[TASKS[name][0]]
        net, test = train(name, epochs)
        write(net, name, args.out, epochs, test, began)


if __name__ == "__main__":
    main()
