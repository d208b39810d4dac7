"""PoseDetector: where in an image is what an example shows, how large and how turned."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from equivfast.detection import checks, crops, files
from equivfast.detection.alignment import Photo
from equivfast.detection.example import Example, typical
from equivfast.detection.exemplar import Shape, exemplar_bank
from equivfast.detection.features import cells_of, features_of, maps_of, side_of
from equivfast.detection.found import Detection, distinct
from equivfast.detection.search import APART, Candidates, candidates, followed, scored
from equivfast.groups import Transform, identity, rotation
from equivfast.maps.workers import apart
from equivfast.pose import PoseBank
from equivfast.pose.learned import Progress
from equivfast.pose.prepared import described
from equivfast.representations import HOG

ROTATIONS = tuple(rotation(5.0 * k) for k in range(72))


class PoseDetector:
    """Finds an object in images at any place, turn and size, from one example or from several.

    Definition The example's HOG, or what another representation makes of it, is turned by learned maps into a template
               for each pose, decorrelated by what
               photographs have in common (`exemplar_bank`), and all templates are compared with all windows of all
               scales exactly (`PoseBank`). The best are aligned: each is moved, turned and scaled until the image seen
               through it has the example's features
    Cost       the first one of a set of poses learns its maps and the background's statistics, with HOG in a minute,
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
        self,
        field: torch.Tensor,
        bank: PoseBank,
        own: float,
        layout: crops.Layout,
        phi: Any,
        channels: int,
        typical: float = 1.0,
    ) -> None:
        """From parts that fit together; see `from_template`, `fit` and `load`."""
        self.field, self.bank, self.own = field, bank, own
        self.layout, self.phi, self.channels, self.typical = layout, phi, channels, typical
        self.poses: tuple[Transform, ...] = bank.poses or ()
        self.features = features_of(phi, channels)
        mean = torch.from_numpy(self.features.background.mean).float()
        cells = Shape.around(layout.rows, layout.columns, [identity()]).kept
        factor = self.features.background.factor(cells)
        deviation = field - mean[:, None, None]
        self.example = Example(deviation, mean, layout.pixels, layout.scale, self.features.phi, cells, factor)
        self._stretched = any(not checks.similarity(g) for g in self.poses)

    @classmethod
    def from_template(
        cls,
        crop: Any,
        *,
        poses: Sequence[Transform] | None = None,
        phi: HOG | None = None,
        representation: Any = None,
        cells: int | None = None,
        progress: Progress | None = None,
    ) -> PoseDetector:
        """The detector of what a crop of an image shows.

        Shapes     crop NumPy (h, w) or (h, w, 3), or torch (1, c, h, w), uint8 or floats
        Units      poses: turns, shears, stretches about the crop's middle, by default rotations every 5 degrees (others
                   are found by alignment); scales are searched by `detect`. phi: settings of HOG. representation: in
                   its place a network's `Layer` or another one, of images of any size, white 255. cells: of the longer
                   side, by default those of the crop, at most 10: larger crops are searched at a smaller scale
        Raises     ValueError for a crop below 3 x 3 cells or longer than 5 times its width, one without edges, NaN, no
                   pose, poses that move the middle or scale by less than 0.4 or more than 2.5
        """
        name = "PoseDetector.from_template"
        image = crops.image_planes(name, "crop", crop)
        boxes = np.array([[0.0, 0.0, image.shape[3], image.shape[2]]])
        phi = checks.chosen(name, phi, representation)
        return cls._learned(name, [image], boxes, poses, phi, cells, progress)

    @classmethod
    def fit(
        cls,
        images: Sequence[Any],
        boxes: Any,
        *,
        poses: Sequence[Transform] | None = None,
        phi: HOG | None = None,
        representation: Any = None,
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
        phi = checks.chosen(name, phi, representation)
        return cls._learned(name, found, crops.boxes_of(name, boxes, found), poses, phi, cells, progress)

    @classmethod
    def _learned(
        cls,
        name: str,
        images: Sequence[torch.Tensor],
        boxes: np.ndarray[Any, np.dtype[np.float64]],
        poses: Sequence[Transform] | None,
        phi: Any,
        cells: int | None,
        progress: Progress | None,
    ) -> PoseDetector:
        poses = ROTATIONS if poses is None else tuple(poses)
        checks.parts(name, poses, phi)
        channels = 3 if all(image.shape[1] == 3 for image in images) else 1
        images = [crops.gray(image) if channels == 1 else image for image in images]
        width, height = np.exp(np.log(boxes[:, 2:]).mean(0)).round(9).tolist()
        most = checks.most_cells(name, poses, side_of(name, phi))
        layout = crops.layout(name, (width, height), *cells_of(phi, channels), cells, most)
        shown = crops.patches(images, boxes, layout)
        checks.shown(name, shown)
        features = features_of(phi, channels)
        fields = features.phi(shown)
        checks.fields(name, fields)
        maps = maps_of(features, poses, channels, progress)
        shape, hog = Shape.around(layout.rows, layout.columns, poses), isinstance(phi, HOG)
        bank, own = exemplar_bank(fields.mean(0), shape, poses, maps, features.background, smooth=hog)
        found = cls(fields.mean(0), bank, own, layout, phi, channels)
        found.typical = typical(name, found.example, fields)
        return found

    def __repr__(self) -> str:
        width, height = self.layout.size
        phi = self.phi if isinstance(self.phi, HOG) else described(self.phi)
        return f"PoseDetector({width:g} x {height:g} pixels, {len(self.poses)} poses, {phi})"

    def detect(
        self,
        image: Any,
        *,
        scales: tuple[float, float] = (0.5, 2.0),
        threshold: float = 0.35,
        most: int | None = None,
        align: bool = True,
    ) -> list[Detection]:
        """Every instance in an image, the most similar first.

        Shapes     image: as `from_template` takes it
        Units      scales: smallest and largest size of the object, in sizes of the example (times that of the pose,
                   where poses scale). threshold: least score, the default being HOG's (with networks other places
                   have up to .7); score: how like the example the image seen through the
                   pose is, see `example.Example.score`: 1 for the example itself, and for examples of `fit` where it
                   is as like their mean as they are. most: how many at most
        Definition candidates are the best windows of all poses at each scale, 6 scales to an octave; those that are
                   similar enough are aligned (`alignment.aligned`) and scored; of two whose middles lie nearer than
                   half the example's shorter side the better one stays. Without `align` positions, scales and angles
                   are those of the search's steps. A find may leave the range of scales by half a step, 6 %
        Raises     ValueError for an image smaller than the smallest object asked for, NaN, scales out of order or so
                   small that the image would have to be enlarged beyond 134 million pixels
        """
        planes = crops.image_planes("PoseDetector.detect", "image", image, self.channels)
        limits = checks.search(self.layout, planes, scales, threshold, most)
        photo = Photo(planes)
        lattice = self.features.lattice
        found = candidates(photo, self.bank, self.own, self.example, self.layout, limits, most, lattice)

        def judged(some: Candidates) -> list[Detection]:
            if align:
                least = threshold * self.typical
                some = followed(some, self.example, photo, limits, self._stretched, least)
            return scored(some, self.example, photo, self.layout, threshold, self.typical)

        # A patch is a thousand pixels: torch's threads would wait for each other. Networks are asked by one at a time.
        threads = torch.get_num_threads() if isinstance(self.phi, HOG) else 1
        shares = found.shares(threads)
        judgements = apart(judged, shares) if threads > 1 else map(judged, shares)
        detections = [one for some in judgements for one in some]
        return [detections[k] for k in distinct(detections, APART)[:most]]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the detector as a safetensors file, at once or not at all."""
        files.save(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, representation: Any = None) -> PoseDetector:
        """Read a detector that `save` wrote.

        Definition `representation`: the one it was made with, unless that was HOG; the file holds its settings alone
        Raises     ValueError, one line with the path, for any other file or a damaged one, and where the representation
                   is missing or another one; OSError where there is no file
        """
        return cls(**files.read(path, representation))
