"""Is the map of g h the product of the maps of g and of h?"""

from __future__ import annotations

from typing import Any

from equivfast import maps
from equivfast.groups import Transform, parse
from equivfast.studies._errors import interval, window_errors
from equivfast.studies._methods import SPARSE, label_of
from equivfast.studies._pairs import Learner, Pairs
from equivfast.studies._run import Progress
from equivfast.studies._scene import Scene
from equivfast.studies._windows import cells_needed, centred

SUPPORT = 3


def split(text: str) -> tuple[Transform, Transform]:
    """g and h of "g*h"."""
    first, second = text.split("*")
    return parse(first), parse(second)


def middle_cells(text: str, field: int, cell: int) -> int:
    """Side of the array between the two maps: what M_g reads for field x field cells."""
    return cells_needed(split(text)[0], field, cell, SUPPORT)


def source_cells(text: str, field: int, cell: int) -> int:
    """Side of the array that M_g M_h, and M_gh, read."""
    g, h = split(text)
    through = cells_needed(h, middle_cells(text, field, cell), cell, SUPPORT)
    return max(through, cells_needed(g @ h, field, cell, SUPPORT))


def compose(text: str, scene: Scene, seed: int, progress: Progress) -> dict[str, Any]:
    """Errors on phi(g h x) of M_gh and of M_g M_h, each learned by itself, and their paired difference."""
    g, h = split(text)
    cell = scene.phi.cell
    direct = scene.pairs(g @ h, progress)
    middle = middle_cells(text, scene.field, cell)
    x_train, x_test = scene.upright(progress)
    # M_g takes the middle array to the target; M_h takes the whole array to the middle one.
    y_g = scene.train.fields(g, scene.field, progress, f"{g.name}: windows")
    y_h = scene.train.fields(h, middle, progress, f"{h.name}: windows")
    few = (direct.phi, direct.photo_of)
    first = Pairs(h, x_train, y_h, x_test, x_test[..., :middle, :middle], *few)
    second = Pairs(g, centred(x_train, middle), y_g, centred(x_test, middle), direct.y_test, *few)
    m_h, m_g = (Learner(pairs, SUPPORT).learn(SPARSE)[0] for pairs in (first, second))
    m_gh, _ = Learner(direct, SUPPORT).learn(SPARSE)
    predicted = {"direct": m_gh(x_test), "composed": (m_g @ m_h)(x_test)}
    errors = {name: window_errors(p, direct.y_test) for name, p in predicted.items()}
    unmoved = maps.identity(direct.source, direct.phi.channels, kind="window", target=direct.target)
    errors["no map"] = window_errors(unmoved(x_test), direct.y_test)
    found = {name: interval(values, direct.photo_of, seed) for name, values in errors.items()}
    found["gap"] = interval(errors["composed"] - errors["direct"], direct.photo_of, seed)
    return {
        "g": g.name,
        "h": h.name,
        "gh": (g @ h).name,
        "label": label_of(g @ h),
        "field": [scene.field, scene.field],
        "middle": middle,
        "source": x_train.shape[2],
        "method": SPARSE.name,
        **found,
    }
