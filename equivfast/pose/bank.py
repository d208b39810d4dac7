"""PoseBank: templates of many poses, laid out once for all the fields they are looked for in."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from equivfast.groups import Transform
from equivfast.maps import Map
from equivfast.ops._pose_panels import Panels, make, principal
from equivfast.ops._pose_query import Query, of_images, query
from equivfast.ops.pose_argmax import PoseResult, bank_tensors, search
from equivfast.pose import planner
from equivfast.pose.templates import templates_from_maps
from equivfast.report.tensor_file import TensorFile

FILE = TensorFile("pose bank", version=1, reader="PoseBank.load")


class PoseBank:
    """A bank of templates, one for each pose, that finds the best of them in feature fields.

    Shapes      templates (g, c, kh, kw) and bias (g,) float32, torch or NumPy; poses: g transformations or None
    Definition  as :func:`equivfast.pose_argmax`, and exactly its answers
    Cost        the first call on a route lays out the templates for it (``route``: "auto", "direct", "fft" or
                "low_rank"); later calls only read them. ``tile``: cells of the tiles that are transformed, 16 or 32.
                Tiles of 32 are sooner done with templates of 10 cells or more, and take 8 to 16 times the templates'
                memory where those of 16 take 3 to 4; by default 16 up to 11 cells. One bank may be used from several
                threads at once
    Raises      ValueError for wrong shapes and dtypes, NaN, an empty bank, poses of another number

    >>> import numpy as np
    >>> import equivfast as ef
    >>> templates = np.random.default_rng(0).normal(size=(36, 31, 8, 8)).astype(np.float32)
    >>> bank = ef.PoseBank(templates)
    >>> field = np.zeros((1, 31, 20, 30), np.float32)
    >>> field[0, :, 5:13, 7:15] = templates[20]
    >>> found = bank.argmax(field, over="image")
    >>> int(found.pose[0, 0]), int(found.y[0, 0]), int(found.x[0, 0])
    (20, 5, 7)
    """

    def __init__(
        self,
        templates: Any,
        bias: Any = None,
        poses: Sequence[Transform] | None = None,
        *,
        route: str = "auto",
        tile: int | None = None,
    ) -> None:
        w, b = bank_tensors(templates, bias)
        for name, values in (("templates", w), ("bias", b)):
            if values is not None and not values.isfinite().all():
                where = int((~values.isfinite()).nonzero()[0, 0])
                raise ValueError(f"PoseBank: {name} must be finite, got NaN or infinity at pose {where}")
        if b is not None and len(b) != len(w):
            raise ValueError(f"PoseBank: bias must be ({len(w)},), got {tuple(b.shape)}")
        if poses is not None and len(poses) != len(w):
            raise ValueError(f"PoseBank: poses must be as many as templates, {len(w)}, got {len(poses)}")
        planner.check_route(route, tile, tuple(w.shape))
        self.templates = w.detach().clone()
        self.bias = None if b is None else b.detach().clone()
        self.poses = None if poses is None else tuple(poses)
        self.route = route
        self.tile = tile
        self._vectors: tuple[Tensor, Tensor] | None = None
        self._panels: dict[planner.Plan, Panels] = {}
        self._lock = threading.Lock()

    @classmethod
    def from_template(
        cls,
        w: Any,
        poses: Sequence[Transform],
        maps: Iterable[Map],
        size: tuple[int, int] | None = None,
        *,
        route: str = "auto",
        tile: int | None = None,
    ) -> PoseBank:
        """The bank of one template (d, kh, kw) under `poses`; `maps` are those of the *inverse* transformations.

        See :func:`equivfast.pose.templates_from_maps`.
        """
        templates, bias = templates_from_maps(w, maps, size)
        return cls(templates, bias, poses, route=route, tile=tile)

    def __len__(self) -> int:
        return len(self.templates)

    def __getstate__(self) -> dict[str, Any]:
        """For copies and other processes: without what is laid out again at first use."""
        return self.__dict__ | {"_vectors": None, "_panels": {}, "_lock": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        g, c, kh, kw = self.templates.shape
        return f"PoseBank({g} poses of {c}x{kh}x{kw}, route={self.route!r})"

    def argmax(
        self,
        features: Any,
        *,
        over: str = "location",
        top_k: int = 1,
        nms: Any = None,
        threshold: float | None = None,
        mask: Any = None,
        prior: Any = None,
        positions: Any = None,
    ) -> PoseResult:
        """The best pose of every window, or the best windows of every image: see :func:`equivfast.pose_argmax`."""
        q = query(over, top_k, nms, threshold, mask, prior, positions)
        shape = tuple(getattr(features, "shape", ()))
        bank = tuple(self.templates.shape)
        height, width = (shape[2], shape[3]) if len(shape) == 4 else (0, 0)
        asked = planner.Question(
            max(height - bank[2] + 1, 0), max(width - bank[3] + 1, 0), q.over_image, q.positions is not None
        )
        plan = planner.plan(self.route, self.tile, bank, asked, lambda: self._principal()[0])
        if plan.route != "low_rank" or not q.over_image:
            return search(features, self.templates, self.bias, self.panels(plan), q)
        other, budget = planner.fallback(plan, bank, asked)
        found = search(features, self.templates, self.bias, self.panels(plan), q, budget)
        return self._complete(found, features, q, other)

    def _complete(self, found: PoseResult, features: Any, q: Query, other: planner.Plan) -> PoseResult:
        """The images that were given up, on the other route."""
        given_up = (found.rescored < 0).nonzero()
        rows = given_up[0] if isinstance(features, np.ndarray) else given_up[:, 0]
        if len(rows) == 0:
            return found
        second = search(features[rows], self.templates, self.bias, self.panels(other), of_images(q, rows))
        for part, replaced in zip(found, second, strict=True):
            part[rows] = replaced
        return found

    def _principal(self) -> tuple[Tensor, Tensor]:
        if self._vectors is None:
            with self._lock:
                self._vectors = self._vectors or principal(self.templates)
        return self._vectors

    def panels(self, plan: planner.Plan) -> Panels:
        """The templates laid out for a plan; made at its first use."""
        found = self._panels.get(plan)
        if found is None:  # later calls take no lock: they can be compiled
            vectors = self._principal()[1][:, : plan.rank] if plan.rank else None
            with self._lock:
                found = self._panels.get(plan) or make(
                    self.templates, plan.route, plan.tile, vectors, lasting=True
                )
                self._panels[plan] = found
        return found

    @property
    def nbytes(self) -> int:
        """Bytes of the templates and of all that has been laid out so far."""
        return self.templates.nbytes + sum(panels.nbytes for panels in self._panels.values())

    def to(self, device: Any) -> PoseBank:
        """This bank on another device."""
        bias = None if self.bias is None else self.bias.to(device)
        return PoseBank(self.templates.to(device), bias, self.poses, route=self.route, tile=self.tile)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the bank as a safetensors file, at once or not at all."""
        arrays = {"templates": self.templates.cpu().numpy()}
        if self.bias is not None:
            arrays["bias"] = self.bias.cpu().numpy()
        poses = None if self.poses is None else [{"matrix": g.matrix, "name": g.name} for g in self.poses]
        FILE.write(path, {"route": self.route, "tile": self.tile, "poses": poses}, arrays)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> PoseBank:
        """Read a bank that `save` wrote.

        Raises     ValueError, one line with the path, for any other file or a damaged one.

        >>> import tempfile, numpy as np, equivfast as ef
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     ef.PoseBank(np.ones((2, 1, 3, 3), np.float32)).save(folder + "/bank.safetensors")
        ...     ef.PoseBank.load(folder + "/bank.safetensors")
        PoseBank(2 poses of 1x3x3, route='auto')
        """
        fields, arrays = FILE.read(path)
        try:
            poses = fields["poses"]
            if poses is not None:
                poses = [Transform(pose["matrix"], pose["name"]) for pose in poses]
            tensors = arrays["templates"], arrays.get("bias")
            return cls(*tensors, poses, route=fields["route"], tile=fields["tile"])
        except (KeyError, TypeError, ValueError) as error:
            raise FILE.damaged(path, error) from error
