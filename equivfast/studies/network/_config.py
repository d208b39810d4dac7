"""What a study of a network is told, checked before anything runs."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from equivfast.groups import Transform, parse

PARTS = ("trained", "invariance", "budget", "lie", "angles", "audit", "control", "gallery")
METHODS = ("cells", "permutation", "orthogonal", "low-rank", "sparse", "least-squares", "1x1", "3x3")
INTERPOLATIONS = ("bilinear", "nearest")
KINDS = ("cuts", "all-conv", "all")


def control(text: str) -> tuple[str, str | None]:
    """The parts of "MODEL" or "MODEL@WEIGHTS"; ValueError where one is missing."""
    model, at, weights = text.partition("@")
    if not model or (at and not weights):
        raise ValueError(f"network: controls must be random, MODEL or MODEL@WEIGHTS, got {text!r}")
    return model, weights or None


@dataclass(frozen=True)
class NetworkConfig:
    """Settings of :func:`equivfast.studies.network.run`.

    Units      ``model``: what `representations.models.load` takes ("embedded:photos-a", "torchvision:alexnet",
               "timm:resnet50", "path/file.py:factory"), ``weights`` its weights. ``images``: what `data.labelled`
               takes. ``layers``: names, "all-conv", or "cuts" for the layers through which everything flows; only of
               these can the accuracy be told. ``methods``: maps that are fitted, from ``train_images`` at most, a fifth
               of which chooses the hyper-parameters ("least-squares" has none). ``border_cells``: cells at the edge
               that are not learned from; ``interpolation``: how cells are moved that do not land on cells.
               ``memory``: bytes for the sums of one pass; layers beyond it take another pass. ``angles``: degrees of
               the curve over rotations; ``extra_images``: training images of the curve, the audit and the control.
               ``probe_images``: test images of the invariance counts, the error budget and the Lie derivatives.
               ``trained``: transformations whose layers are trained, "all" for every one, for at most ``epochs``, on
               ``copies`` augmented copies of the training images, by a ``loss`` of `maps.task.Training`.
               ``products``: "g*h", h applied first, that the audit composes. ``controls``: networks with the same
               layers whose residuals stand beside this one's: "random" (its own, with random weights), "MODEL" or
               "MODEL@WEIGHTS"
    Raises     ValueError for what makes no sense
    """

    model: str = "embedded:photos-a"
    weights: str | None = None
    images: str = "embedded:photographs"
    layers: tuple[str, ...] = ("cuts",)
    transforms: tuple[str, ...] = ("hflip", "vflip", "rot:90", "scale:0.7071")
    methods: tuple[str, ...] = ("cells", "permutation", "1x1", "3x3")
    parts: tuple[str, ...] = PARTS
    train_images: int = 4000
    test_images: int = 1000
    extra_images: int = 1000
    probe_images: int = 200
    trained: tuple[str, ...] = ("all",)
    loss: str = "features"
    epochs: int = 6
    copies: int = 3
    angles: tuple[float, ...] = (15.0, 30.0, 45.0, 60.0, 75.0, 90.0)
    products: tuple[str, ...] = ("rot:90*rot:90", "hflip*vflip")
    controls: tuple[str, ...] = ("random",)
    border_cells: int = 0
    interpolation: str = "bilinear"
    batch_size: int = 100
    memory: int = 4 << 30
    device: str = "cpu"
    seed: int = 0
    out: str | None = None
    resume: bool = False
    threads: int | None = None

    def __post_init__(self) -> None:
        for name, known in (("parts", PARTS), ("methods", METHODS)):
            unknown = [part for part in getattr(self, name) if part not in known]
            if unknown:
                raise ValueError(
                    f"network: {name} must be among {', '.join(known)}, got {', '.join(unknown)}"
                )
        for name in ("layers", "transforms", "methods"):
            if not getattr(self, name):
                raise ValueError(f"network: {name} must hold at least one, got none")
        least = {
            "train_images": 20, "test_images": 1, "extra_images": 20, "probe_images": 1, "epochs": 1, "copies": 1,
            "border_cells": 0, "batch_size": 1, "memory": 1,
        }  # fmt: skip
        for name, smallest in least.items():
            if getattr(self, name) < smallest:
                raise ValueError(f"network: {name} must be at least {smallest}, got {getattr(self, name)}")
        if self.interpolation not in INTERPOLATIONS:
            both = " or ".join(INTERPOLATIONS)
            raise ValueError(f"network: interpolation must be {both}, got {self.interpolation!r}")
        if self.threads is not None and self.threads < 1:
            raise ValueError(f"network: threads must be at least 1, got {self.threads}")
        for text in self.products:
            if text.count("*") != 1:
                raise ValueError(f"network: products must be two transformations g*h, got {text!r}")
            parse(text)
        for text in self.controls:
            control(text)
        names = [g.name for g in self.parsed()]
        if len(set(names)) < len(names):
            raise ValueError(f"network: transforms must differ, got {', '.join(names)}")
        strangers = [name for name in self.trained if name != "all" and parse(name).name not in names]
        if strangers:
            raise ValueError(
                f"network: trained must be among the transforms {', '.join(names)}, got {', '.join(strangers)}"
            )

    def parsed(self) -> list[Transform]:
        """The transformations, in order; ValueError names the one that cannot be read."""
        return [parse(text) for text in self.transforms]

    @property
    def support(self) -> int:
        """The widest support that a method asks for."""
        return 3 if {"3x3", "sparse"} & set(self.methods) else 1

    @property
    def identity(self) -> dict[str, Any]:
        """The settings that numbers depend on."""
        apart = ("out", "resume", "threads", "parts", "memory", "device", "batch_size", "controls")
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in apart}
