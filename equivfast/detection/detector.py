"""PoseDetector: where in an image is what an example shows, how large and how turned."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from equivfast.detection import crops
from equivfast.detection.alignment import Example, Photo, aligned, similarities
from equivfast.detection.background import natural_background
from equivfast.detection.exemplar import Shape, exemplar_bank
from equivfast.detection.found import Detection, apart
from equivfast.detection.levels import Searched, searched
from equivfast.groups import Transform, rotation
from equivfast.pose import PoseBank, learned_maps
from equivfast.pose.learned import Progress
from equivfast.report.tensor_file import TensorFile
from equivfast.representations import HOG

FILE = TensorFile("pose detector", version=1, reader="PoseDetector.load")

ROTATIONS = tuple(rotation(5.0 * k) for k in range(72))
_CANDIDATES = 16  # of each scale
_CANDIDATE_SHARE = 0.2  # of the example's own score, below which a window is no candidate
_LOOK_AGAIN = 24  # candidates of an image, over all scales
_APART = 0.5  # of the example's shorter side
_PER_OCTAVE = 6


class PoseDetector:
    """Finds an object in images at any place, turn and size, from one example or from several.

    Definition The example's HOG is turned by learned maps into a template for each pose, decorrelated by what
               photographs have in common (`exemplar_bank`), and all templates are compared with all windows of all
               scales exactly (`PoseBank`). The best are aligned: each is moved, turned and scaled until the image seen
               through it has the example's features
    Cost       the first detector of a set of poses learns its maps and the background's statistics, a minute or less,
               and keeps both in `pose.cache_folder`; later ones take a fraction of a second
    Source     Lenc & Vedaldi 2015, section 3.4; Hariharan et al. 2012

    >>> import equivfast as ef
    >>> cat = ef.data.photographs(["cat"])[0].image
    >>> poses = [ef.groups.rotation(angle) for angle in (-30, 0, 30)]
    >>> detector = ef.PoseDetector.from_template(cat[75:155, 130:210], poses=poses)       # an eye and the nose
    >>> turned, _ = ef.groups.warp(cat, ef.groups.rotation(25))
    >>> best = detector.detect(turned, scales=(0.9, 1.1))[0]
    >>> bool(abs(best.angle - 25) < 2), bool(abs(best.scale - 1) < 0.03)
    (True, True)
    """

    def __init__(
        self, field: torch.Tensor, bank: PoseBank, own: float, layout: crops.Layout, phi: HOG, channels: int
    ) -> None:
        """From parts that fit together; see `from_template`, `fit` and `load`."""
        self.field, self.bank, self.own = field, bank, own
        self.layout, self.phi, self.channels = layout, phi, channels
        self.poses: tuple[Transform, ...] = bank.poses or ()
        self.mean = torch.from_numpy(natural_background(phi).mean).float()
        deviation = field - self.mean[:, None, None]
        self.example = Example(deviation, self.mean, layout.pixels, layout.scale, phi)
        self._stretched = any(not _similar(g) for g in self.poses)

    @classmethod
    def from_template(
        cls,
        crop: Any,
        *,
        poses: Sequence[Transform] | None = None,
        phi: HOG | None = None,
        cells: int | None = None,
        progress: Progress | None = None,
    ) -> PoseDetector:
        """The detector of what a crop of an image shows.

        Shapes     crop NumPy (h, w) or (h, w, 3), or torch (1, c, h, w), uint8 or floats
        Units      poses: turns, shears, stretches about the crop's middle, by default rotations every 5 degrees (what
                   lies between is found by alignment); scales are searched by `detect`. cells: of the crop's longer
                   side, by default as many as it has, at most 10: larger crops are searched at a smaller scale
        Raises     ValueError for a crop below 3 x 3 cells, one without edges, NaN, no pose
        """
        image = crops.image_planes("PoseDetector.from_template", "crop", crop)
        height, width = image.shape[2:]
        boxes = np.array([[0.0, 0.0, width, height]])
        return cls._learned("PoseDetector.from_template", [image], boxes, poses, phi, cells, progress)

    @classmethod
    def fit(
        cls,
        images: Sequence[Any],
        boxes: Any,
        *,
        poses: Sequence[Transform] | None = None,
        phi: HOG | None = None,
        cells: int | None = None,
        progress: Progress | None = None,
    ) -> PoseDetector:
        """The detector of what upright examples have in common.

        Shapes     images: as `from_template` takes them, of any sizes; boxes (n, 4) of (x, y, width, height) in pixels,
                   one for each image: give an image twice that shows two
        Definition as `from_template`, of the mean of the examples' features: with the background's covariance the
                   linear discriminant of the class. Scale 1 is the boxes' mean size
        Raises     ValueError as `from_template`; for fewer than two examples, examples that are all alike, a box
                   outside its image, boxes of another number
        """
        name = "PoseDetector.fit"
        if len(images) < 2:
            raise ValueError(
                f"{name}: images must hold at least 2 examples (from_template takes one), got {len(images)}"
            )
        found = [crops.image_planes(name, f"image {k}", image) for k, image in enumerate(images)]
        return cls._learned(name, found, crops.boxes_of(name, boxes, found), poses, phi, cells, progress)

    @classmethod
    def _learned(
        cls,
        name: str,
        images: Sequence[torch.Tensor],
        boxes: np.ndarray[Any, np.dtype[np.float64]],
        poses: Sequence[Transform] | None,
        phi: HOG | None,
        cells: int | None,
        progress: Progress | None,
    ) -> PoseDetector:
        phi = HOG() if phi is None else phi
        poses = ROTATIONS if poses is None else tuple(poses)
        if not isinstance(phi, HOG):
            raise ValueError(f"{name}: phi must be a HOG representation or None, got {type(phi).__name__}")
        if not poses or not all(isinstance(g, Transform) for g in poses):
            raise ValueError(f"{name}: poses must be transformations, at least one, got {list(poses)!r}")
        if any(g.offset.any() for g in poses):
            moved = next(g.name for g in poses if g.offset.any())
            raise ValueError(f"{name}: poses must leave the example's middle where it is, got {moved}")
        channels = 3 if all(image.shape[1] == 3 for image in images) else 1
        images = [image.mean(1, keepdim=True) if channels == 1 else image for image in images]
        width, height = np.exp(np.log(boxes[:, 2:]).mean(0)).round(9).tolist()
        layout = crops.layout(name, (width, height), phi.cell, cells)
        fields = phi(crops.patches(images, boxes, layout))
        if not float(fields.abs().max()):
            raise ValueError(f"{name}: the example must show edges, got one without")
        if len(fields) > 1 and bool((fields == fields[:1]).all()):
            raise ValueError(f"{name}: examples must differ, got {len(fields)} that are all alike")
        background = natural_background(phi)
        maps = learned_maps([g.inverse() for g in poses], phi, progress=progress)
        shape = Shape.around(layout.rows, layout.columns, poses)
        bank, own = exemplar_bank(fields.mean(0), shape, poses, maps, background)
        return cls(fields.mean(0), bank, own, layout, phi, channels)

    def __repr__(self) -> str:
        width, height = self.layout.size
        return f"PoseDetector({width:g} x {height:g} pixels, {len(self.poses)} poses, {self.phi})"

    def detect(
        self,
        image: Any,
        *,
        scales: tuple[float, float] = (0.5, 2.0),
        threshold: float = 0.6,
        most: int | None = None,
        align: bool = True,
    ) -> list[Detection]:
        """Every instance in an image, the most similar first.

        Shapes     image: as `from_template` takes it
        Units      scales: smallest and largest size of the object, in sizes of the example. threshold: least score;
                   score: the cosine of the features, less the background's mean, of the image seen through the pose and
                   of the example, -1..1, 1 for the example itself. most: how many at most
        Definition candidates are the best windows of all poses at each scale, 6 scales to an octave; those that are
                   similar enough are aligned (see `alignment.aligned`); of two whose middles lie nearer than half the
                   example's shorter side the better one stays. Without `align` positions, scales and angles are
                   those of the search's steps
        Raises     ValueError for an image smaller than the smallest object asked for, NaN, scales out of order
        """
        name = "PoseDetector.detect"
        planes = crops.image_planes(name, "image", image, self.channels)
        self._check(planes, scales, threshold, most)
        found = self._candidates(planes, scales)
        if not found:
            return []
        photo = Photo(planes)
        places = np.array([(one.x, one.y) for one in found]) - photo.corner
        linears = np.stack([one.pose.linear for one in found])
        if align:
            places, linears, scores = aligned(
                self.example, photo, places, linears, self._stretched, threshold
            )
        else:
            scores = similarities(self.example, photo, places, linears)
        detections = [
            Detection.at(place + photo.corner, _transform(linear), score, self.layout.size)
            for place, linear, score in zip(places, linears, scores, strict=True)
            if score >= threshold
        ]
        return apart(detections, _APART)[:most]

    def _candidates(self, planes: torch.Tensor, scales: tuple[float, float]) -> list[Detection]:
        """The best windows over all scales; their scores are shares of the example's own score."""
        side = self.bank.templates.shape[2]
        margin = max(0, (side - min(self.layout.rows, self.layout.columns) + 1) // 2)
        working = self.layout.scale / scales[1], self.layout.scale / scales[0]
        found: list[Detection] = []
        for level in searched(planes, self.phi, working, _PER_OCTAVE, margin, side):
            found += self._of_level(level, side, planes)
        return apart(found, _APART)[:_LOOK_AGAIN]

    def _of_level(self, level: Searched, side: int, planes: torch.Tensor) -> list[Detection]:
        best = self.bank.argmax(
            level.field,
            over="image",
            top_k=_CANDIDATES,
            nms=max(1, min(self.layout.rows, self.layout.columns) // 3),
            threshold=_CANDIDATE_SHARE * self.own,
        )
        corner = (np.array(planes.shape[:1:-1]) - 1) / 2
        scale = self.layout.scale / np.sqrt(level.scale_x * level.scale_y)
        found = []
        for score, pose, y, x in zip(*(part[0].tolist() for part in best[:4]), strict=True):
            if pose >= 0:
                place = np.array(level.centre(y, x, side)) + corner
                linear = _transform(scale * self.poses[pose].linear)
                found.append(Detection.at(place, linear, score / self.own, self.layout.size))
        return found

    def _check(self, planes: torch.Tensor, scales: Any, threshold: Any, most: Any) -> None:
        name = "PoseDetector.detect"
        try:
            smallest, largest = (float(scale) for scale in scales)
        except (TypeError, ValueError):
            smallest, largest = 0.0, 0.0
        if not 0 < smallest <= largest < float("inf"):
            raise ValueError(f"{name}: scales must be (smallest, largest), both above 0, got {scales!r}")
        if not -1 <= threshold <= 1:
            raise ValueError(f"{name}: threshold must lie in -1..1, got {threshold!r}")
        if most is not None and (not isinstance(most, int) or most < 1):
            raise ValueError(f"{name}: most must be a whole number, 1 or more, or None, got {most!r}")
        height, width = planes.shape[2:]
        least = min(self.layout.size) * smallest
        if min(height, width) < least:
            raise ValueError(
                f"{name}: image must be at least {least:.0f} pixels each way to hold the object at scale "
                f"{smallest:g}, got {width} x {height}"
            )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the detector as a safetensors file, at once or not at all."""
        arrays = {"field": self.field.numpy(), "templates": self.bank.templates.numpy()}
        if self.bank.bias is not None:
            arrays["bias"] = self.bank.bias.numpy()
        described = {
            "poses": [{"matrix": g.matrix, "name": g.name} for g in self.poses],
            "layout": asdict(self.layout),
            "phi": asdict(self.phi),
            "own": self.own,
            "channels": self.channels,
        }
        FILE.write(path, described, arrays)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> PoseDetector:
        """Read a detector that `save` wrote.

        Raises     ValueError, one line with the path, for any other file or a damaged one.
        """
        fields, arrays = FILE.read(path)
        try:
            poses = [Transform(pose["matrix"], pose["name"]) for pose in fields["poses"]]
            layout = crops.Layout(**{**fields["layout"], "size": tuple(fields["layout"]["size"])})
            bank = PoseBank(arrays["templates"], arrays.get("bias"), poses)
            field = torch.from_numpy(arrays["field"])
            return cls(
                field, bank, float(fields["own"]), layout, HOG(**fields["phi"]), int(fields["channels"])
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise FILE.damaged(path, error) from error


def _similar(g: Transform) -> bool:
    """Whether g turns and scales alone."""
    sizes = np.linalg.svd(g.linear, compute_uv=False)
    return bool(sizes[0] <= sizes[1] * (1 + 1e-9)) and float(np.linalg.det(g.linear)) > 0


def _transform(linear: np.ndarray[Any, np.dtype[np.float64]]) -> Transform:
    (a, b), (c, d) = linear.tolist()
    return Transform(((a, b, 0.0), (c, d, 0.0)))
