"""pose_argmax in float64: every score by its sum in the written order, then a search through all of them.

The score of pose g at (y, x) is a float64 number. Eight partial sums begin at +0.0; over dy, then dx, then channel c
the product template * feature, exact in float64, is added to sum c % 8. The score is
((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7)), then + bias[g], then + prior[g]. Decisions compare these numbers;
what the operator reports is their rounding to float32.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Places = NDArray[np.int64]
Neighbours = NDArray[np.bool_]

# Numbers of a partial sum that are added up together: all eight stay in the second cache.
_AT_ONCE = 1 << 13


class PoseResult(NamedTuple):
    """Scores in float64 and where they are; -inf and pose -1 where there is none."""

    score: Array
    pose: Places
    y: Places
    x: Places


class _Scored(NamedTuple):
    """Scores (g, p) of the positions (y, x) (p,) of one image, and which of them count."""

    score: Array
    y: Places
    x: Places
    counts: NDArray[np.bool_]


def _sum(product: Callable[[int, int, int], Array], size: tuple[int, int, int]) -> Array:
    """The sum in the written order; ``product(dy, dx, c)`` gives the products of one step."""
    channels, rows, columns = size
    s = [np.zeros_like(product(0, 0, 0)) for _ in range(8)]
    for dy in range(rows):
        for dx in range(columns):
            for c in range(channels):
                s[c % 8] += product(dy, dx, c)
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]))


def dense_scores(
    field: Array, templates: Array, bias: Array | None = None, prior: Array | None = None
) -> Array:
    """(c, h, w), (g, c, kh, kw) -> (g, h - kh + 1, w - kw + 1); bias and prior (g,)."""
    values, size = np.asarray(field, float), np.shape(templates)[1:]
    height, width = values.shape[1] - size[1] + 1, values.shape[2] - size[2] + 1

    def score(some: slice) -> Array:
        w = np.asarray(templates[some], float)[..., None, None]
        return _sum(lambda dy, dx, c: w[:, c, dy, dx] * values[c, dy : dy + height, dx : dx + width], size)

    out = np.concatenate([score(some) for some in _parts(len(templates), height * width)])
    for term in (bias, prior):
        if term is not None:
            out += np.asarray(term, float)[:, None, None]
    return out


def scores_at(
    field: Array,
    templates: Array,
    at: tuple[Places, Places, Places],
    bias: Array | None = None,
    prior: Array | None = None,
) -> Array:
    """The same numbers at some (pose, y, x) only, three arrays (p,) -> (p,)."""
    values, templates = np.asarray(field, float), np.asarray(templates, float)

    def score(some: slice) -> Array:
        pose, y, x = (part[some] for part in at)
        w = templates[pose]
        return _sum(lambda dy, dx, c: w[:, c, dy, dx] * values[c, y + dy, x + dx], templates.shape[1:])

    out = np.concatenate([np.empty(0), *(score(some) for some in _parts(len(at[0]), 1))])
    for term in (bias, prior):
        if term is not None:
            out += np.asarray(term, float)[at[0]]
    return out


def _parts(count: int, each: int) -> Iterator[slice]:
    step = max(1, _AT_ONCE // max(1, each))
    return (slice(start, min(start + step, count)) for start in range(0, count, step))


def pose_argmax(
    features: Array,
    templates: Array,
    bias: Array | None = None,
    *,
    over: str = "location",
    top_k: int = 1,
    nms: float | tuple[float, Neighbours] | None = None,
    threshold: float | None = None,
    mask: NDArray[np.bool_] | None = None,
    prior: Array | None = None,
    positions: Places | None = None,
) -> PoseResult:
    """The best pose of every position, or the best (pose, y, x) of every image; all arguments as of the operator."""
    n, (g, _, kh, kw) = len(features), np.shape(templates)
    height, width = np.shape(features)[2] - kh + 1, np.shape(features)[3] - kw + 1
    listed = (height, width) if positions is None else np.shape(positions)[-2:-1]
    shape = listed if over == "location" else (top_k,)
    result = PoseResult(np.full((n, *shape), -np.inf), *(np.full((n, *shape), -1) for _ in range(3)))
    for i in range(n):
        terms = bias, None if prior is None else np.broadcast_to(prior, (n, g))[i]
        allowed = (
            np.ones((height, width), bool) if mask is None else np.broadcast_to(mask, (n, height, width))[i]
        )
        if positions is None:
            y, x = np.indices((height, width)).reshape(2, -1)
            score = dense_scores(features[i], templates, *terms).reshape(g, -1)
        else:
            places = np.broadcast_to(positions, (n, *np.shape(positions)[-2:]))[i]
            y, x = (places if over == "location" else np.unique(places, axis=0)).T
            at = np.repeat(np.arange(g), len(y)), np.tile(y, g), np.tile(x, g)
            score = scores_at(features[i], templates, at, *terms).reshape(g, -1)
        scored = _Scored(score, y, x, allowed[y, x])
        found = (
            _per_position(scored, threshold) if over == "location" else _best(scored, top_k, nms, threshold)
        )
        for whole, part in zip(result, found, strict=True):
            whole[i] = part.reshape(shape) if over == "location" else _padded(part, whole[i])
    return result


def _padded(part: NDArray[np.generic], padding: NDArray[np.generic]) -> NDArray[np.generic]:
    return np.concatenate([part, padding[len(part) :]])


def _per_position(scored: _Scored, threshold: float | None) -> PoseResult:
    pose = np.argmax(scored.score, axis=0)  # of equal ones the lowest
    best = scored.score[pose, np.arange(len(pose))]
    exists = scored.counts if threshold is None else scored.counts & ~(best < threshold)
    return PoseResult(np.where(exists, best, -np.inf), np.where(exists, pose, -1), scored.y, scored.x)


def _best(
    scored: _Scored, top_k: int, nms: float | tuple[float, Neighbours] | None, threshold: float | None
) -> PoseResult:
    """Greedy: the best one left is taken, then those that it suppresses go."""
    considered = np.broadcast_to(scored.counts, scored.score.shape)
    if threshold is not None:
        considered = considered & ~(scored.score < threshold)
    pose, place = np.nonzero(considered)
    score, y, x = scored.score[pose, place], scored.y[place], scored.x[place]
    order = np.lexsort((x, y, pose, -score))
    score, pose, y, x = score[order], pose[order], y[order], x[order]
    radius, neighbours = nms if isinstance(nms, tuple) else (nms, None)
    taken, left = np.arange(min(top_k, len(score))), np.arange(len(score))
    if radius is not None:
        chosen: list[int] = []
        while len(chosen) < top_k and len(left):
            best, left = left[0], left[1:]
            chosen.append(best)
            near = np.maximum(np.abs(y[left] - y[best]), np.abs(x[left] - x[best])) <= radius
            left = left[~(near if neighbours is None else near & neighbours[pose[best], pose[left]])]
        taken = np.array(chosen, int)
    return PoseResult(score[taken], pose[taken], y[taken], x[taken])
