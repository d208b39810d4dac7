"""The two tasks: the set of poses that is searched, the poses that are shown, and how far two are apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from equivfast.data.heads import SHARE, WINDOW
from equivfast.groups import Transform, affine, rotation
from equivfast.pose.losses import angle_differences, angles_of, keypoint_distances

# Where eyes and nose lie around the centre of a head, in head widths.
POINTS = ((-0.2, -0.15), (0.2, -0.15), (0.0, 0.1))
HEAD = SHARE * WINDOW  # a head's width in pixels of a window
_SAMPLE = 4000
_DEGREES, _SCALE, _STRETCH, _SHEAR = 40.0, 1.25, 1.15, 0.15
AFFINE_WORDS = (
    f"turned within ±{_DEGREES:g}°, scaled by {1 / _SCALE:g} to {_SCALE:g}, stretched up to {_STRETCH:g} times "
    f"along an axis, sheared within ±{_SHEAR:g}"
)


@dataclass(frozen=True)
class Rotation:
    """Turns by any angle; searched among equal steps."""

    count: int
    seed: int
    name: str = "rotation"
    label: str = "turned by any angle"
    unit: str = "degrees"
    near: float = 15.0
    limits: tuple[float, ...] = (*map(float, range(46)), *map(float, range(50, 181, 5)))

    @cached_property
    def poses(self) -> tuple[Transform, ...]:
        return tuple(rotation(round(k * 360 / self.count, 9)) for k in range(self.count))

    @property
    def learner(self) -> dict[str, Any]:
        """What a PoseRegressor is told about the loss."""
        return {"loss": "angle"}

    def drawn(self, random: np.random.Generator, count: int) -> tuple[Transform, ...]:
        """Angles that fill the circle evenly, one in each of `count` parts, in random order."""
        angles = 360 * (random.permutation(count) + random.uniform(size=count)) / count
        return tuple(rotation(round(angle, 6)) for angle in angles.tolist())

    def errors(self, truth: Sequence[Transform], found: Sequence[Transform]) -> NDArray[np.float64]:
        """Of each pair, in degrees."""
        return angle_differences(angles_of(truth), angles_of(found))

    def table(self, truth: Sequence[Transform]) -> NDArray[np.float64]:
        """(n, g): the errors of all poses of the set."""
        return angle_differences(angles_of(truth)[:, None], angles_of(self.poses))

    def words(self, g: Transform) -> str:
        return f"rot {float(angles_of([g])[0]) % 360:.0f}°"


@dataclass(frozen=True)
class Affine:
    """Mild affine maps; searched among the centres of the clusters of where eyes and nose go.

    Definition of a large sample of the maps the three points that each moves eyes and nose to are clustered by k-means;
               a centre's three points determine its pose
    """

    count: int
    seed: int
    name: str = "affine"
    label: str = AFFINE_WORDS
    unit: str = "head widths"
    near: float = 0.1
    limits: tuple[float, ...] = tuple(round(0.01 * k, 2) for k in range(51))

    @cached_property
    def poses(self) -> tuple[Transform, ...]:
        random = np.random.default_rng(self.seed)
        points = np.array(POINTS)
        moved = np.stack([g(points).ravel() for g in self.drawn(random, _SAMPLE)])
        clusters = KMeans(self.count, n_init=1, random_state=self.seed).fit(moved)
        solved = (
            np.linalg.lstsq(points, c.reshape(3, 2), rcond=None)[0].T for c in clusters.cluster_centers_
        )
        return tuple(affine(linear) for linear in solved)

    @property
    def learner(self) -> dict[str, Any]:
        """What a PoseRegressor is told about the loss: as bad as can be from a fifth of a head on."""
        return {"loss": "keypoints", "points": HEAD * np.array(POINTS), "loss_scale": 0.2 * HEAD}

    def drawn(self, random: np.random.Generator, count: int) -> tuple[Transform, ...]:
        """Maps as `label` says, each independent of the others."""
        return tuple(self._draw(random) for _ in range(count))

    def _draw(self, random: np.random.Generator) -> Transform:
        degrees, shear = random.uniform(-_DEGREES, _DEGREES), random.uniform(-_SHEAR, _SHEAR)
        scale, stretch = (float(limit ** random.uniform(-1, 1)) for limit in (_SCALE, np.sqrt(_STRETCH)))
        bent = np.array([[1, shear], [0, 1]]) @ np.diag([stretch, 1 / stretch])
        return affine(np.round(scale * rotation(float(degrees)).linear @ bent, 9))

    def errors(self, truth: Sequence[Transform], found: Sequence[Transform]) -> NDArray[np.float64]:
        """Of each pair: how far eyes and nose are moved apart, in head widths."""
        pairs = zip(truth, found, strict=True)
        return np.array([float(keypoint_distances([g], [h], POINTS)[0, 0]) for g, h in pairs])

    def table(self, truth: Sequence[Transform]) -> NDArray[np.float64]:
        """(n, g): the errors of all poses of the set."""
        return keypoint_distances(truth, self.poses, POINTS)

    def words(self, g: Transform) -> str:
        angle, size = float(angles_of([g])[0]), float(np.sqrt(abs(np.linalg.det(g.linear))))
        spans = np.linalg.svd(g.linear, compute_uv=False)
        return f"rot {angle:.0f}°, scale {size:.2f}, stretch {spans[0] / spans[1]:.2f}"


Task = Rotation | Affine
