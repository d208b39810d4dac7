"""Scenes whose objects are known: photographs turned as a whole, and objects pasted into other photographs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from equivfast.data import Photograph, windows
from equivfast.groups import Transform, rotation, scaling, window

Array = NDArray[np.float32]

# A window whose grey values vary less is sky, wall or blur: nothing that a person would look for.
_MIN_CONTRAST = 30.0
_FEATHER = 3.0  # pixels over which a pasted object's edge fades
_TRIES = 200
_OFFERED = 8  # places drawn for each that is wanted


@dataclass(frozen=True, eq=False)
class Subject:
    """What is looked for: a square piece of a photograph."""

    photo: Photograph
    centre: tuple[float, float]
    pixels: int

    @property
    def crop(self) -> NDArray[np.uint8]:
        """uint8 (pixels, pixels, 3)."""
        left, top = (round(c - (self.pixels - 1) / 2) for c in self.centre)
        return np.ascontiguousarray(self.photo.image[top : top + self.pixels, left : left + self.pixels])


@dataclass(frozen=True)
class Placed:
    """Where a subject stands in a scene: its middle in pixel indices, and the transformation that it is under."""

    subject: int
    x: float
    y: float
    scale: float
    angle: float
    pixels: int

    @property
    def corners(self) -> NDArray[np.float64]:
        """The subject's corners, (4, 2) of (x, y) in pixel indices."""
        square = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * self.pixels / 2
        g = rotation(self.angle) @ scaling(self.scale)
        return g(square) + np.array([self.x, self.y])


@dataclass(frozen=True, eq=False)
class ObjectScene:
    """An image uint8 (h, w, 3), the photograph behind, and all that stands before it."""

    name: str
    background: str
    image: NDArray[np.uint8]
    placed: tuple[Placed, ...]


def subjects(
    photographs: Sequence[Photograph], count: int, pixels: int, seed: int, apart: float = 0.0
) -> list[Subject]:
    """Pieces with contrast, in any order; middles in one photograph at least `apart` of their size from each other.

    Raises     ValueError as `data.windows`, and where the photographs are too small or too few for so many
    """
    offered = windows(
        photographs, _OFFERED * count, pixels, seed, reach=pixels * 0.75, min_contrast=_MIN_CONTRAST
    )
    order = np.random.default_rng(seed).permutation(len(offered))
    taken: list[tuple[int, tuple[float, float]]] = []
    for photo, (x, y) in (offered[int(k)] for k in order):
        alike = [c for other, c in taken if other == photo]
        if len(taken) < count and all(max(abs(x - u), abs(y - v)) >= apart * pixels for u, v in alike):
            taken.append((photo, (x, y)))
    if len(taken) < count:
        raise ValueError(
            f"subjects: photographs must have room for {count} pieces of {pixels} pixels, got room for {len(taken)}"
        )
    return [Subject(photographs[k], centre, pixels) for k, centre in taken]


def drawn_pose(random: np.random.Generator, scales: tuple[float, float]) -> tuple[Transform, float, float]:
    """A turn by any angle and a scaling, even in its logarithm: the transformation, the scale and the angle."""
    angle = float(random.uniform(-180, 180))
    scale = float(np.exp(random.uniform(*np.log(scales))))
    return rotation(angle) @ scaling(scale), scale, angle


def turned_scene(
    subject: Subject, index: int, size: int, scales: tuple[float, float], random: np.random.Generator
) -> ObjectScene:
    """size x size pixels of the subject's own photograph, turned and scaled as a whole.

    The view is as near the photograph's middle as keeps the subject inside.
    """
    g, scale, angle = drawn_pose(random, scales)
    room = (size - 1) / 2 - subject.pixels * scale * 0.75
    middle_of_photo = (np.array(subject.photo.image.shape[1::-1]) - 1) / 2
    at = np.clip(g(np.array(subject.centre) - middle_of_photo), -room, room)
    image = _view(subject, g, at, size)
    middle = at + (size - 1) / 2
    placed = Placed(index, float(middle[0]), float(middle[1]), scale, angle, subject.pixels)
    return ObjectScene(f"{subject.photo.name}, turned", subject.photo.name, _bytes(image), (placed,))


def cluttered_scene(
    background: Photograph,
    given: Sequence[tuple[int, Subject]],
    size: int,
    scales: tuple[float, float],
    random: np.random.Generator,
) -> ObjectScene:
    """size x size pixels around a photograph's middle, with subjects pasted in where they do not cover each other."""
    height, width = background.image.shape[:2]
    canvas = _filled(background.image, ((width - 1) / 2, (height - 1) / 2), size)
    placed: list[Placed] = []
    for index, subject in given:
        g, scale, angle = drawn_pose(random, scales)
        at = _free(placed, subject.pixels * scale, size, scales[1] * subject.pixels, random)
        if at is None:
            continue
        shape = _shape(subject, g, at, size)
        canvas += shape[..., None] * (_view(subject, g, at, size) - canvas)
        middle = at + (size - 1) / 2
        placed.append(Placed(index, float(middle[0]), float(middle[1]), scale, angle, subject.pixels))
    name = f"{background.name}, with {len(placed)} objects"
    return ObjectScene(name, background.name, _bytes(canvas), tuple(placed))


def _free(
    placed: Sequence[Placed], pixels: float, size: int, largest: float, random: np.random.Generator
) -> NDArray[np.float64] | None:
    """A place, from the canvas centre, where a square under any angle lies inside and apart from what is there."""
    room = (size - 1) / 2 - pixels * 0.75
    for _ in range(_TRIES if room > 0 else 0):
        at = np.asarray(random.uniform(-room, room, 2))
        middle = at + (size - 1) / 2
        if all(np.hypot(middle[0] - one.x, middle[1] - one.y) > 1.2 * largest for one in placed):
            return at
    return None


def _view(subject: Subject, g: Transform, at: NDArray[np.float64], size: int) -> Array:
    """The subject's photograph under g, its middle moved to `at` from the canvas centre."""
    offset = g.inverse()(-at)  # of the canvas centre, in the photograph around the subject
    centre = (subject.centre[0] + float(offset[0]), subject.centre[1] + float(offset[1]))
    return _filled(subject.photo.image, centre, size, g)


def _filled(
    photo: NDArray[np.uint8], centre: tuple[float, float], size: int, g: Transform | None = None
) -> Array:
    """A window of a photograph; beyond its edge its mean colour stands, for a mirror image would show things twice."""
    view, inside = window(photo, centre, size, g)
    return np.where(
        np.asarray(inside)[..., None], np.asarray(view, np.float32), photo.mean((0, 1), np.float32)
    )


def _shape(subject: Subject, g: Transform, at: NDArray[np.float64], size: int) -> Array:
    """How much of each pixel the subject covers, fading towards its edge."""
    points = np.indices((size, size)).transpose(1, 2, 0)[..., ::-1] - (size - 1) / 2 - at
    inside = (np.abs(g.inverse()(points)) <= subject.pixels / 2).all(-1)
    return np.clip(distance_transform_edt(inside) / _FEATHER, 0, 1).astype(np.float32)


def _bytes(image: Array) -> NDArray[np.uint8]:
    return np.clip(np.round(image), 0, 255).astype(np.uint8)
