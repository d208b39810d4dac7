"""PoseRegressor: from images of one kind of object to the poses that they show it in."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from equivfast.groups import Transform
from equivfast.maps.collect import Features
from equivfast.maps.workers import apart
from equivfast.pose import regressor_input as given
from equivfast.pose.bank import PoseBank
from equivfast.pose.disc import Disc
from equivfast.pose.disc_maps import disc_maps
from equivfast.pose.joint import mapped_features, warped_features
from equivfast.pose.losses import angle_loss, keypoint_loss
from equivfast.pose.prepared import prepared
from equivfast.pose.scaled import standardised
from equivfast.pose.structured_svm import Examples, StructuredSVM
from equivfast.pose.turns import refined
from equivfast.representations import HOG

Floats = NDArray[np.float64]
# Near enough to compare one strength of regularization with another: share of the primal, and passes.
_ROUGH, _ROUGH_PASSES = 0.1, 3
_WHITE = 1.0  # the intensity of white in images


class PoseRegressor(BaseEstimator):
    """Learns what an object looks like, from images in known poses, and finds the pose in others.

    Shapes      images (n, h, h), of one size, a multiple of the cell; NumPy or torch, floats, or uint8 taken as 0..1
    Definition  a pose g says how the upright object was moved: the image is g x, about its centre. score(g) =
                <w, phi(disc(g^-1 image))>, the disc leaving out what a turn brings in at the corners, and w a
                structured SVM's (:func:`structured_svm`). variant "direct": the image is warped for each pose.
                "equivariant": it is described once, and its features are mapped back, score(g) = <w, M_g' phi(disc
                (image))> = <A_g'^T w, phi(disc(image))> + <w, b_g'>, M_g' learned on photographs of something else
                (:func:`disc_maps`): at prediction one bank of templates, whose warps were paid for in `fit`
    Options     poses: the set that is searched. phi: by default `representations.HOG()`; a `Layer` is shown gray images
                as its network was trained on colours (`prepared`), and channels of anything but HOG are brought to one
                scale (`standardised`). loss: "angle", at most 1 from `loss_scale` (45) degrees on, or "keypoints", of
                the `points` (p, 2) in centred pixels, at most 1 from `loss_scale` pixels on (by default a quarter of
                the image). lambdas: regularization; of several the one is taken with the lowest mean loss in `folds`
                parts of the training images, held out in turn. windows: how many pieces of photographs the maps are
                learned on. tolerance, passes, seed: of the SVM
    Attributes  after `fit`: weights_ (d, H, W), lambda_, svm_ (with the gap reached), losses_ {lambda: mean loss},
                disc_, representation_; "equivariant": maps_ and bank_, a PoseBank of `poses`
    Source      Lenc & Vedaldi 2015, section 3.4
    Raises      ValueError for fewer than two images, images all alike, NaN, images that are not square, not of one size
                or smaller than 3 x 3 cells, an unknown variant or loss, poses that are not in the set;
                NotFittedError before `fit`, from `fit_features` before `features`

    >>> from equivfast import data, groups
    >>> heads, turns = data.face_heads(), [groups.rotation(angle) for angle in range(0, 360, 45)]
    >>> images = np.stack([heads.window(i, turns[i % 8], 64) for i in range(48)])
    >>> model = PoseRegressor(turns, lambdas=(1.0,), windows=60).fit(images[:40], np.arange(40) % 8)
    >>> [g.name for g in model.bank_.poses[:2]], len(model.predict(images[40:]))
    (['rot:0', 'rot:45'], 8)
    """

    def __init__(
        self,
        poses: Sequence[Transform],
        phi: Features | None = None,
        variant: str = "equivariant",
        loss: str = "angle",
        *,
        points: Any = None,
        loss_scale: float | None = None,
        lambdas: Sequence[float] = (1.0, 0.3, 0.1),
        folds: int = 3,
        windows: int = 200,
        tolerance: float = 0.02,
        passes: int = 60,
        seed: int = 0,
    ) -> None:
        self.poses = poses
        self.phi = phi
        self.variant = variant
        self.loss = loss
        self.points = points
        self.loss_scale = loss_scale
        self.lambdas = lambdas
        self.folds = folds
        self.windows = windows
        self.tolerance = tolerance
        self.passes = passes
        self.seed = seed

    def fit(self, images: Any, poses: Any, groups: Any = None) -> PoseRegressor:
        """Learn from images (n, h, h) that show the object in `poses`.

        Shapes     poses: n transformations of the set, or n indices into it; groups (n,): images of one group (copies
                   of one head) are held out together when lambda is chosen, by default each image alone
        """
        given.check_settings(self)
        x = given.images(images, least=2)
        truth = given.indices(poses, self.poses, len(x))
        self._prepare(int(x.shape[-1]))
        return self.fit_features(self.features(x), truth, groups)

    def features(self, images: Any) -> Tensor:
        """What the images look like with each pose undone: (n, g, d, cells inside the disc), float32.

        For several fits to parts of the same images: they take most of the time. Needs no fit.
        """
        given.check_settings(self)
        x = given.images(images, least=1, size=self.disc_.size if hasattr(self, "weights_") else None)
        self._prepare(int(x.shape[-1]))
        if self.variant == "direct":
            return warped_features(x, self.poses, self.representation_, self.disc_)
        return mapped_features(x, self.maps_, self.representation_, self.disc_)

    def fit_features(self, features: Tensor, poses: Any, groups: Any = None) -> PoseRegressor:
        """:meth:`fit` to what :meth:`features` gave for the training images."""
        given.check_described(self)
        truth, table = given.indices(poses, self.poses, len(features)), self._losses()
        examples = Examples(features[:, :, :, None], truth, table[truth])
        self.losses_: dict[float, float] = {}
        if len(self.lambdas) > 1:
            parts = given.folds(groups, len(features), self.folds)
            self.losses_ = self._held_out(examples, parts, table)
        self.lambda_ = min(self.losses_, key=lambda lam: (self.losses_[lam], -lam), default=self.lambdas[0])
        (self.svm_,) = apart(partial(self._learn, examples), [self.lambda_])
        inside = self.disc_.inside(self._grid())
        self.weights_ = np.zeros((features.shape[2], *inside.shape))
        self.weights_[:, inside] = self.svm_.weights[:, 0]
        if self.variant == "equivariant":
            self.bank_ = PoseBank.from_template(self.weights_, self.poses, self.maps_)
        return self

    def decision_function(self, images: Any) -> Floats:
        """The scores (n, g) of all poses."""
        check_is_fitted(self, "weights_")
        x = given.images(images, least=0, size=self.disc_.size)
        if self.variant == "direct":
            return self.scores(warped_features(x, self.poses, self.representation_, self.disc_))
        field = self.representation_(self.disc_(x)[:, None]).double().flatten(1)
        scores = field @ self.bank_.templates.double().flatten(1).T
        return (scores + self.bank_.bias.double()).numpy()  # type: ignore[union-attr]

    def scores(self, features: Tensor) -> Floats:
        """The scores (n, g) from what :meth:`features` gave."""
        check_is_fitted(self, "weights_")
        return self._scores(features, self.svm_)

    def predict(self, images: Any) -> list[Transform]:
        """The pose of each image; of turns by equal steps the angle between the steps."""
        return refined(self.poses, self.decision_function(images))

    def _prepare(self, size: int) -> None:
        phi: Any = HOG() if self.phi is None else prepared(self.phi, _WHITE)
        self.disc_ = Disc(size)
        given.check_grid(phi, size)
        self.representation_: Any = phi if isinstance(phi, HOG) else standardised(phi, self.disc_)
        if self.variant == "equivariant":
            self.maps_ = disc_maps(tuple(self.poses), self.representation_, self.disc_, self.windows)

    def _grid(self) -> Any:
        return self.representation_.grid(self.disc_.size, self.disc_.size)

    def _losses(self) -> Floats:
        if self.loss == "angle":
            return angle_loss(self.poses, 45.0 if self.loss_scale is None else self.loss_scale)
        scale = self.disc_.size / 4 if self.loss_scale is None else self.loss_scale
        return keypoint_loss(self.poses, self.points, scale)

    def _learn(self, examples: Examples, lam: float) -> StructuredSVM:
        return examples.learn(lam, tolerance=self.tolerance, passes=self.passes, seed=self.seed)

    def _held_out(self, examples: Examples, parts: NDArray[np.int64], table: Floats) -> dict[float, float]:
        """The mean loss of each lambda on images that the weights have not seen, learned roughly."""
        rough: dict[str, Any] = {
            "tolerance": max(_ROUGH, self.tolerance),
            "passes": min(_ROUGH_PASSES, self.passes),
        }

        def losses(trial: tuple[float, int]) -> Floats:
            lam, part = trial
            learned, held = np.flatnonzero(parts != part), np.flatnonzero(parts == part)
            svm = examples.learn(lam, learned, seed=self.seed, **rough)
            best = self._scores(examples.features[held], svm).argmax(1)
            return table[examples.truth[held], best]

        trials = [(float(lam), part) for lam in self.lambdas for part in range(int(parts.max()) + 1)]
        found = dict(zip(trials, apart(losses, trials), strict=True))
        return {
            float(lam): float(np.concatenate([v for (of, _), v in found.items() if of == lam]).mean())
            for lam in self.lambdas
        }

    @staticmethod
    def _scores(features: Tensor, svm: StructuredSVM) -> Floats:
        weights = torch.from_numpy(svm.weights).flatten()
        scores = np.empty(tuple(features.shape[:2]))
        for row, x in zip(scores, features, strict=True):
            row[:] = (x.flatten(1).double() @ weights).numpy()
        return scores
