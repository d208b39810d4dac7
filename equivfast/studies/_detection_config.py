"""What a detection study is told, checked before anything runs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class DetectionConfig:
    """Settings of :func:`equivfast.studies.detection.run`.

    Units      images: a folder, or "embedded". alone: objects looked for in their own photographs, turned and scaled;
               scenes and objects: of the clutter, every object is looked for in every scene, `together` of them stand
               in each. pixels: side of an object; size: of a scene; scales: of objects in scenes
    """

    images: str = "embedded"
    alone: int = 100
    objects: int = 12
    scenes: int = 12
    together: int = 3
    pixels: int = 80
    size: int = 400
    scales: tuple[float, float] = (0.7, 1.4)
    threshold: float = 0.35
    seed: int = 0
    out: str | None = None
    resume: bool = False

    def __post_init__(self) -> None:
        for name in ("alone", "objects", "scenes", "together"):
            if getattr(self, name) < 1:
                raise ValueError(f"detection: {name} must be at least 1, got {getattr(self, name)}")
        if self.together > self.objects:
            raise ValueError(
                f"detection: together must be at most the objects, {self.objects}, got {self.together}"
            )
        smallest, largest = self.scales
        if not 0 < smallest <= largest:
            raise ValueError(f"detection: scales must be (smallest, largest) above 0, got {self.scales}")
        if self.size < 2 * self.pixels * largest:
            least = int(np.ceil(2 * self.pixels * largest))
            raise ValueError(f"detection: size must be at least {least} pixels, got {self.size}")
