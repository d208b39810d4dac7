"""One transformation: maps learned on training windows, measured on held-out windows, with an example to look at."""

from __future__ import annotations

import time
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from equivfast import maps, report
from equivfast.groups import Grid, Transform, identity
from equivfast.studies._config import EquivarianceConfig
from equivfast.studies._errors import differences, interval, window_errors
from equivfast.studies._methods import CURVE_METHODS, MAX_SUPPORT, Method, label_of, methods_for
from equivfast.studies._run import Progress
from equivfast.studies._windows import WindowSet

RIDGE_STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1)
_TUNING_SHARE = 0.2  # of the training windows, photographs at the end of the list


def _mean(row: dict[str, Any]) -> float:
    return float(row["hellinger"]["mean"])


class TransformStudy:
    """Pairs phi(x), phi(g x) of training and held-out windows, and what can be learned from them."""

    def __init__(
        self,
        config: EquivarianceConfig,
        g: Transform,
        train: WindowSet,
        test: WindowSet,
        upright: tuple[torch.Tensor, torch.Tensor],
        progress: Progress,
    ) -> None:
        self.config, self.g, self.train, self.test, self.progress = config, g, train, test, progress
        self.x_train, self.x_test = upright
        self.source, self.target = train.grid, Grid.centred(config.field, config.field, config.cell)
        self.y_train = self._centre(train.fields(g, progress, f"{g.name}: windows"))
        self.y_test = self._centre(test.fields(g, progress, f"{g.name}: held-out windows"))

    def _centre(self, fields: torch.Tensor) -> torch.Tensor:
        border = (self.source.height - self.target.height) // 2
        return fields[..., border : border + self.target.height, border : border + self.target.width]

    def _statistics(self, part: slice) -> maps.Statistics:
        channels = (self.train.phi.channels, self.train.phi.channels)
        statistics = maps.Statistics(
            self.g, self.source, self.target, channels, kind="window", support=MAX_SUPPORT
        )
        return statistics.update(self.x_train[part], self.y_train[part])

    @cached_property
    def _halves(self) -> tuple[maps.Statistics, maps.Statistics]:
        """Windows to fit on and to choose lambda on: the list is cut once, so at most one photograph is in both."""
        fit = max(1, round(len(self.x_train) * (1 - _TUNING_SHARE)))
        return self._statistics(slice(0, fit)), self._statistics(slice(fit, None))

    @cached_property
    def statistics(self) -> maps.Statistics:
        return self._halves[0] + self._halves[1]

    def _ridge_strength(self, support: int) -> float:
        fit, tune = self._halves
        if tune.count == 0:
            return RIDGE_STRENGTHS[1]

        def explained(strength: float) -> float:
            m = maps.solve(fit, "ridge", support=support, ridge=strength)
            return float(np.mean(maps.r_squared(m, tune)))

        return max(RIDGE_STRENGTHS, key=explained)

    def learn(self, method: Method) -> tuple[maps.Map, float]:
        """The map, and the seconds its solution took (without the statistics, which the methods share)."""
        phi, started = self.train.phi, time.perf_counter()
        grids: dict[str, Any] = {"kind": "window", "target": self.target}
        if method.solver == "identity":
            found = maps.identity(self.source, phi.channels, **grids)
        elif method.solver == "cells":
            found = maps.cells(self.g, self.source, phi.channels, **grids)
        elif method.solver == "permutation":
            found = maps.permutation(self.g, self.source, phi.channel_action(self.g), **grids)
        elif method.solver == "ridge":
            strength = self._ridge_strength(method.support)
            found = maps.solve(self.statistics, "ridge", support=method.support, ridge=strength)
        else:
            found = maps.solve(
                self.statistics, method.solver, support=method.support, nonzeros=method.nonzeros or 1
            )
        return found, time.perf_counter() - started

    def point(self) -> dict[str, float]:
        """One point of the error curves."""
        found = {}
        for method in CURVE_METHODS:
            m, _ = self.learn(method)
            found[method.name] = float(maps.hellinger(m(self.x_test), self.y_test).mean())
        return found

    def described(self) -> dict[str, Any]:
        """The row of the report: every method's figures, what the best map gains, and an example of it."""
        self.progress(f"{self.g.name}: statistics", 0, 1)
        _ = self.statistics  # before the clocks of the solvers start
        self.progress(f"{self.g.name}: statistics", 1, 1)
        methods = list(methods_for(self.g, self.train.phi.channel_action(self.g) is not None))
        rows, learned, errors = [], {}, {}
        for done, method in enumerate(methods):
            self.progress(f"{self.g.name}: maps", done, len(methods))
            m, seconds = self.learn(method)
            learned[method.name] = m
            predicted = m(self.x_test)
            errors[method.name] = window_errors(predicted, self.y_test)
            rows.append(
                self._row(method, errors[method.name])
                | differences(predicted, self.y_test)
                | {
                    "nonzero_share": None if method.role == "control" else m.nonzero_share,
                    "learn_seconds": round(seconds, 4) if method.role == "learned" else None,
                    "settings": dict(m.settings),
                }
            )
        self.progress(f"{self.g.name}: maps", len(methods), len(methods))
        best = min((r for r in rows if r["role"] != "control"), key=_mean)["name"]
        control = min((r for r in rows if r["role"] == "control"), key=_mean)["name"]
        gain = interval(errors[control] - errors[best], self.test.photo_of, self.config.seed)
        return {
            "name": self.g.name,
            "label": label_of(self.g),
            "field": [self.target.height, self.target.width],
            "train_windows": len(self.x_train),
            "test_windows": len(self.x_test),
            "methods": rows,
            "best": best,
            "gain": {"over": control, **gain},
            "example": self._example(learned[best], best),
        }

    def _row(self, method: Method, errors: NDArray[np.float64]) -> dict[str, Any]:
        photo_of, photos = self.test.photo_of, self.test.photographs
        return {
            "name": method.name,
            "role": method.role,
            "hellinger": interval(errors, photo_of, self.config.seed),
            "per_photo": {photos[i].name: float(errors[photo_of == i].mean()) for i in np.unique(photo_of)},
        }

    def _example(self, m: maps.Map, name: str) -> dict[str, Any]:
        """The held-out window with the clearest edges, and its fields as glyphs, drawn to one scale."""
        phi = self.train.phi
        # Fur and foliage are strong in every orientation; an edge is strong in one and weak in the others.
        edges = [
            report.strengths(y, phi.orientations, phi.variant).std(axis=2).mean() for y in self.y_test.numpy()
        ]
        i = int(np.argmax(edges))
        fields = [self._centre(self.x_test[i]), self.y_test[i], m(self.x_test[i : i + 1])[0]]
        arrays = [field.numpy() for field in fields]
        peak = max(float(report.strengths(a, phi.orientations, phi.variant).max()) for a in arrays)
        drawn = [report.glyphs(a, phi.orientations, phi.variant, peak=peak or 1.0) for a in arrays]
        phi_x, phi_gx, mapped = (report.png_uri(report.ink(picture)) for picture in drawn)
        return {
            "photo": self.test.photographs[int(self.test.photo_of[i])].name,
            "method": name,
            "image_x": report.png_uri(self._picture(i, identity())),
            "image_gx": report.png_uri(self._picture(i, self.g)),
            "phi_x": phi_x,
            "phi_gx": phi_gx,
            "mapped": mapped,
        }

    def _picture(self, i: int, g: Transform) -> np.ndarray:
        """The pixels under the compared cells, uint8 (h, w, 3)."""
        image = self.test.images([i], g)[0]
        border = (image.shape[-1] - self.target.height * self.train.phi.cell) // 2
        inner = image[:, border : image.shape[1] - border, border : image.shape[2] - border]
        return (inner * 255).round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0).contiguous().numpy()
