"""Maps learned with scikit-learn and NumPy, as one writes it without equivfast."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LinearRegression, OrthogonalMatchingPursuit, Ridge, orthogonal_mp_gram

Array = NDArray[np.float64]
Solution = tuple[Array, Array]  # (q, p) and (q,): y = weight x + bias
Solver = Callable[[Array, Array], Solution]


def ridge(strength: float) -> Solver:
    """scikit-learn's Ridge; `strength` is its alpha as a share of the mean diagonal of the centred Gram matrix."""

    def solve(x: Array, y: Array) -> Solution:
        fitted = Ridge(alpha=strength * x.var(0).sum() * len(x) / x.shape[1]).fit(x, y)
        return fitted.coef_, fitted.intercept_

    return solve


def ridge_by_held_out(strengths: Sequence[float], held_out: float) -> Solver:
    """One Ridge for each strength on the first rows, the best on the last ones fitted again on all."""

    def solve(x: Array, y: Array) -> Solution:
        cut = round(len(x) * (1 - held_out))
        errors = []
        for strength in strengths:
            weight, bias = ridge(strength)(x[:cut], y[:cut])
            errors.append(np.square(y[cut:] - x[cut:] @ weight.T - bias).sum())
        return ridge(strengths[int(np.argmin(errors))])(x, y)

    return solve


def least_squares(x: Array, y: Array) -> Solution:
    """scikit-learn's LinearRegression (LAPACK's gelsd), which also takes the solution of least norm."""
    fitted = LinearRegression(tol=1e-6).fit(x, y)
    return fitted.coef_, fitted.intercept_


def matching_pursuit(nonzeros: int) -> Solver:
    """scikit-learn's OrthogonalMatchingPursuit, its Gram matrix computed beforehand for all outputs."""

    def solve(x: Array, y: Array) -> Solution:
        fitted = OrthogonalMatchingPursuit(n_nonzero_coefs=nonzeros, precompute=True).fit(x, y)
        return fitted.coef_, fitted.intercept_

    return solve


def matching_pursuit_of_gram(nonzeros: int, gram: Array, cross: Array) -> Array:
    """The same from a Gram matrix (p, p) and covariances (p, q) that are there already."""
    return np.asarray(orthogonal_mp_gram(gram, cross, n_nonzero_coefs=nonzeros).T)


@dataclass(frozen=True)
class Selection:
    """Orthogonal least squares in NumPy, output by output, by updates of a Cholesky factor."""

    nonzeros: int

    def __call__(self, x: Array, y: Array) -> Solution:
        mean_x, mean_y = x.mean(0), y.mean(0)
        x, y = x - mean_x, y - mean_y
        weight = self.of_gram(x.T @ x, x.T @ y)
        return weight, mean_y - weight @ mean_x

    def of_gram(self, gram: Array, cross: Array) -> Array:
        scale = 1 / np.sqrt(gram.diagonal())
        gram = gram * scale[:, None] * scale
        weight = np.zeros(cross.shape[::-1])
        for row, along in zip(weight, (cross * scale[:, None]).T, strict=True):
            chosen, values = self._select(gram, along.copy())
            row[chosen] = values * scale[chosen]
        return weight

    def _select(self, gram: Array, along: Array) -> tuple[list[int], Array]:
        left = np.ones(len(gram))
        factor = np.zeros((self.nonzeros, len(gram)))
        chosen: list[int] = []
        solved = np.zeros(self.nonzeros)
        for t in range(self.nonzeros):
            gain = np.divide(along**2, left, out=np.full_like(left, -1), where=left > 1e-8)
            j = int(gain.argmax())
            factor[t] = (gram[j] - factor[:t, j] @ factor[:t]) / np.sqrt(left[j])
            solved[t] = along[j] / np.sqrt(left[j])
            along -= solved[t] * factor[t]
            left -= factor[t] ** 2
            left[j] = 0
            chosen.append(j)
        return chosen, np.linalg.solve(factor[:, chosen], solved)
