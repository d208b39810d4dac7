"""The batched lasso against its optimality conditions and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import Lasso

from equivfast import data, ops
from equivfast.inversion import dictionary
from equivfast.inversion.lasso import nonnegative_lasso
from equivfast.inversion.paired import SWEEPS, standardised, windows_of


@pytest.fixture(scope="module")
def windows() -> torch.Tensor:
    image = data.photographs(["cat"])[0].image[:120, :160]
    field = torch.from_numpy(ops.hog(image, assignment="bilinear"))[None]
    return standardised(windows_of(field, 3))[0]


def objective(atoms: torch.Tensor, x: torch.Tensor, codes: torch.Tensor, penalty: float) -> torch.Tensor:
    return 0.5 * (x - codes.T @ atoms).square().sum(1) + penalty * codes.sum(0)


@pytest.mark.parametrize("penalty", [0.02, 0.1])
def test_scikit_learn_finds_no_lower_objective(windows, penalty):
    known = dictionary.shipped()
    atoms, x = known.features[::4].double(), windows[:6].double()
    codes = nonnegative_lasso(atoms @ atoms.T, atoms @ x.T, penalty, 400)
    assert (codes >= 0).all()
    ours = objective(atoms, x, codes, penalty)
    for row, value in zip(x, ours, strict=True):
        # scikit-learn divides the squared error by the number of values.
        lasso = Lasso(penalty / len(row), positive=True, fit_intercept=False, tol=1e-8, max_iter=100_000)
        lasso.fit(atoms.T.numpy(), row.numpy())
        theirs = objective(atoms, row[None], torch.from_numpy(lasso.coef_)[:, None], penalty)
        assert float(value) <= float(theirs) * (1 + 1e-4)


def test_the_optimality_conditions_hold(windows):
    known = dictionary.shipped()
    gram, products = known.gram.double(), (known.features @ windows[:20].T).double()
    codes = nonnegative_lasso(gram, products, 0.1, 1500)
    slope = gram @ codes - products + 0.1
    assert slope.min() > -1e-4
    assert (codes * slope).abs().max() < 1e-4
    assert 1 <= float((codes > 1e-6).double().sum(0).mean()) < 200


def test_the_sweeps_of_an_inversion_are_enough(windows):
    """What is left of the way down from 0 to the minimum, in windows of a photograph."""
    known = dictionary.shipped()
    products = known.features @ windows.T
    values = [
        float(objective(known.features, windows, codes, known.penalty).mean())
        for codes in (
            nonnegative_lasso(known.gram, products, known.penalty, sweeps) for sweeps in (0, SWEEPS, 300)
        )
    ]
    assert values[0] == pytest.approx(0.5, abs=1e-4)
    assert (values[1] - values[2]) / (values[0] - values[2]) < 0.02


def test_more_sweeps_never_raise_the_objective(windows):
    known = dictionary.shipped()
    products = known.features @ windows[:10].T
    values = [
        objective(
            known.features, windows[:10], nonnegative_lasso(known.gram, products, 0.05, n), 0.05
        ).numpy()
        for n in (1, 2, 4, 8, 16)
    ]
    assert (np.diff(values, axis=0) < 1e-5).all()
