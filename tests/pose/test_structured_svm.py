"""The structured SVM against an independent objective, a general solver, and cases worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from equivfast import pose
from equivfast.pose.structured_svm import Examples, _Dual


def problem(
    n: int, g: int, shape: tuple[int, ...], seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, g, *shape)).astype(np.float32)
    truth, loss = rng.integers(g, size=n), rng.uniform(0.2, 1, (n, g))
    loss[np.arange(n), truth] = 0
    return features, truth, loss


def objective(w: np.ndarray, features: np.ndarray, truth: np.ndarray, loss: np.ndarray, lam: float) -> float:
    """The primal, example by example, in plain words."""
    total = 0.0
    for x, y, cost in zip(features, truth, loss, strict=True):
        scores = [float((w * x[k].astype(np.float64)).sum()) for k in range(len(x))]
        total += max(cost[k] + scores[k] - scores[y] for k in range(len(x)))
    return lam / 2 * float((w**2).sum()) + total / len(features)


def best_by_quadratic_program(features: np.ndarray, truth: np.ndarray, loss: np.ndarray, lam: float) -> float:
    """min lam / 2 |w|^2 + mean slack, every margin a constraint, by SciPy's general solver."""
    n, g = loss.shape
    rows = features.reshape(n, g, -1).astype(np.float64)
    size = rows.shape[2]
    margins = rows[np.arange(n), truth][:, None] - rows

    def slack(v: np.ndarray) -> np.ndarray:
        return (margins @ v[:size] + v[size:, None] - loss).ravel()

    jacobian = np.concatenate([margins.reshape(n * g, size), np.repeat(np.eye(n), g, 0)], 1)
    found = minimize(
        lambda v: lam / 2 * v[:size] @ v[:size] + v[size:].mean(),
        np.concatenate([np.zeros(size), loss.max(1)]),
        jac=lambda v: np.concatenate([lam * v[:size], np.full(n, 1 / n)]),
        constraints={"type": "ineq", "fun": slack, "jac": lambda v: jacobian},
        method="SLSQP",
        options={"maxiter": 500, "ftol": 1e-12},
    )
    assert found.success
    return float(found.fun)


@pytest.mark.parametrize("lam", [1.0, 0.3])
def test_a_small_problem_is_solved_as_by_a_general_solver(lam):
    features, truth, loss = problem(7, 4, (2, 1, 3))
    found = pose.structured_svm(features, truth, loss, lam, tolerance=5e-3, passes=400)
    best = best_by_quadratic_program(features, truth, loss, lam)
    assert found.converged
    assert found.primal == pytest.approx(best, rel=5e-3)  # the tolerance
    assert found.dual <= best + 1e-9 <= found.primal + 2e-9


def test_the_gap_bounds_whatever_the_weights():
    features, truth, loss = problem(20, 5, (3, 2, 2), seed=1)
    rough = pose.structured_svm(features, truth, loss, 0.05, tolerance=0, passes=3)
    assert rough.passes == 3
    assert not rough.converged
    assert rough.primal == pytest.approx(objective(rough.weights, features, truth, loss, 0.05), rel=1e-9)
    near = pose.structured_svm(features, truth, loss, 0.05, tolerance=0.01, passes=300)
    assert rough.dual <= near.primal
    assert rough.dual <= near.dual + 1e-12
    assert near.primal <= rough.primal
    assert 0 <= near.gap <= 0.01 * near.primal
    assert near.gap == near.primal - near.dual


def test_the_dual_never_falls():
    examples = Examples(*problem(15, 6, (2, 2, 2), seed=2))
    dual = _Dual(examples, np.arange(15), 0.1)
    values = [0.0]
    for i in np.random.default_rng(0).integers(15, size=300):
        dual.step(int(i), examples._worst(int(i), dual.w))
        values.append(dual.losses.sum() - 0.05 * float(dual.w @ dual.w))
    assert np.diff(values).min() >= -1e-12
    assert values[-1] > 0.05
    assert dual.bounds()[1] == pytest.approx(values[-1], rel=1e-9)


def test_one_example_has_the_solution_worked_by_hand():
    # Two poses, one apart by 2 along one axis: max(0, 1 - 2 w) + lam / 2 w^2 is least at 2 w = 1 for a small lam.
    features = np.array([1.0, -1.0], np.float32).reshape(1, 2, 1, 1, 1)
    found = pose.structured_svm(features, [0], [[0.0, 1.0]], 0.5, tolerance=1e-9, passes=50)
    assert found.weights.ravel() == pytest.approx([0.5])
    assert found.primal == pytest.approx(0.5 / 2 * 0.25)
    # And at lam w = 2 for a large one.
    strong = pose.structured_svm(features, [0], [[0.0, 1.0]], 8.0, tolerance=1e-9, passes=50)
    assert strong.weights.ravel() == pytest.approx([0.25])


def test_features_that_say_nothing_give_no_weights_and_the_largest_loss():
    loss = np.array([[0, 0.3, 1], [0.5, 0, 0.25]])
    found = pose.structured_svm(np.zeros((2, 3, 2, 1, 1), np.float32), [0, 1], loss, 0.1)
    assert not found.weights.any()
    assert found.converged
    assert found.primal == found.dual == pytest.approx(0.75)


def test_the_same_seed_gives_the_same_weights_with_any_number_of_threads(threads):
    features, truth, loss = problem(12, 5, (3, 2, 2), seed=3)
    torch.set_num_threads(1)
    alone = pose.structured_svm(features, truth, loss, 0.1, passes=6, tolerance=0, seed=4)
    torch.set_num_threads(threads)
    again = pose.structured_svm(torch.from_numpy(features), truth, loss, 0.1, passes=6, tolerance=0, seed=4)
    other = pose.structured_svm(features, truth, loss, 0.1, passes=6, tolerance=0, seed=5)
    assert np.array_equal(alone.weights, again.weights)
    assert not np.array_equal(alone.weights, other.weights)


def test_some_of_the_examples_are_learned_as_if_alone():
    features, truth, loss = problem(10, 4, (2, 2, 1), seed=6)
    which = np.array([1, 4, 5, 8])
    part = Examples(features, truth, loss).learn(0.1, which, passes=6, tolerance=0)
    alone = pose.structured_svm(features[which], truth[which], loss[which], 0.1, passes=6, tolerance=0)
    assert np.array_equal(part.weights, alone.weights)
    assert part.primal == alone.primal


GOOD = problem(3, 2, (1, 1, 1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"features": GOOD[0][0]}, "features must be"),
        ({"features": GOOD[0].astype(np.float64)}, "features must be .* float32.* got .*float64"),
        ({"features": np.full_like(GOOD[0], np.nan)}, "features must be finite.* in example 0"),
        ({"features": GOOD[0][:0], "truth": np.zeros(0, int), "loss": GOOD[2][:0]}, "features must be"),
        ({"truth": [0, 1]}, "truth must be 3 indices in 0..1"),
        ({"truth": [0, 1, 2]}, "truth must be"),
        ({"truth": [0.0, 1.0, 1.0]}, "truth must be"),
        ({"loss": GOOD[2][:, :1]}, r"loss must be \(3, 2\), got \(3, 1\)"),
        ({"loss": GOOD[2] + 1}, "loss must be .*0 at the truth"),
        ({"loss": -GOOD[2]}, "loss must be .*not negative"),
        ({"regularization": 0.0}, "regularization must be above 0"),
        ({"tolerance": float("nan")}, "tolerance must be"),
        ({"passes": 0}, "passes must be at least 1"),
    ],
)
def test_spoiled_arguments_are_named(change, message):
    arguments = {"features": GOOD[0], "truth": GOOD[1], "loss": GOOD[2], "regularization": 0.1} | change
    with pytest.raises(ValueError, match=f"structured_svm: {message}"):
        pose.structured_svm(**arguments)
