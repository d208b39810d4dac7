"""What learning costs, from features to map, beside the paper's times; and what the learned matrices look like."""

from __future__ import annotations

import time
from typing import Any

from equivfast import maps, report
from equivfast.studies._methods import SPARSE, SUPPORTS, learned
from equivfast.studies._pairs import Learner, Pairs

# Lenc & Vedaldi 2015, table 1: seconds for a map of 9 x 9 HOG cells, unstructured, and for m = 1 to 5.
PAPER = {
    "unstructured": 281.18,
    "structured": [5.91, 30.93],
    "field": [9, 9],
    "source": "Lenc & Vedaldi 2015, table 1, on the machine of its authors",
}
TIMED = tuple(
    learned(solver, support, k)
    for support in SUPPORTS
    for solver, k in (("least_squares", None), ("ridge", None), ("forward_selection", 5))
)
PATTERNS = (learned("ridge", 3), SPARSE, learned("forward_selection", None, 5))


def learning(pairs: Pairs) -> dict[str, Any]:
    """Seconds from the features of the training windows to the map, statistics included, each method by itself."""
    rows = []
    for method in TIMED:
        started = time.perf_counter()
        Learner(pairs, method.support or 1).learn(method)
        seconds = time.perf_counter() - started
        rows.append(
            {
                "name": method.name,
                "support": method.support,
                "nonzeros": method.nonzeros,
                "seconds": round(seconds, 4),
            }
        )
    everything = pairs.all_cells
    return {
        "transform": pairs.g.name,
        "train_windows": len(pairs.x_train),
        "inputs": everything.x_train[0].numel(),
        "outputs": everything.y_train[0].numel(),
        "field": [pairs.target.height, pairs.target.width],
        "rows": rows,
        "paper": PAPER,
    }


def patterns(pairs: Pairs) -> list[dict[str, Any]]:
    """Which inputs each output reads, as pictures: cells by cells, channels inside."""
    learner = Learner(pairs, 3)
    found = []
    for method in PATTERNS:
        m, _ = learner.learn(method)
        target, source = ((grid.height, grid.width) for grid in (m.target, m.source))
        picture = report.sparsity(m.weight, target, source, (m.channels[1], m.channels[0]))
        found.append(
            {
                "name": pairs.g.name,
                "method": method.name,
                "nonzero_share": m.nonzero_share,
                "shape": list(m.weight.shape),
                "picture": report.png_uri(picture),
                "caption": _caption(m),
            }
        )
    return found


def _caption(m: maps.Map) -> str:
    rows, columns = (f"{grid.height} x {grid.width} cells" for grid in (m.target, m.source))
    return (
        f"rows: {rows} of the transformed image; columns: {columns} of the image; channels inside each cell"
    )
