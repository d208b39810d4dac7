"""The weights of a linear template on HOG as glyphs: what speaks for the class, and what speaks against it."""

from __future__ import annotations

import numpy as np

from equivfast.report.glyphs import glyphs, ink, strengths


def template_glyphs(
    weights: np.ndarray,
    orientations: int = 9,
    variant: str = "uoctti",
    cell: int = 21,
    *,
    peak: float | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Pictures of the positive and of the negative weights of a template, 0 = paper, 1 = ink, on one scale.

    Shapes     weights (d, H, W), as a linear classifier's row of weights reshaped -> two of (H cell, W cell) float32
    Units      cell in pixels; `peak` is the strength drawn in full ink: by default the strongest bar of both parts
    Definition max(w, 0) and max(-w, 0) channel by channel, each then as :func:`glyphs`: `strengths` adds channels of
               one orientation, and where weights of both signs meet (a dark edge beside light counts for the
               class, a light one beside dark against it) their sum would show neither. A bar can so stand in both
    Source     positive weights alone: Felzenszwalb et al. 2010 (voc-dpm's visualizeHOG)
    Raises     ValueError as `glyphs`

    >>> weights = np.zeros((31, 2, 3)); weights[0, 0, 0] = 1; weights[9, 0, 0] = -0.5     # an edge, and its reverse
    >>> positive, negative = template_glyphs(weights, cell=9)
    >>> print(positive.shape, positive.max(), negative.max())
    (18, 27) 1.0 0.5
    """
    values = np.asarray(weights)
    parts = np.maximum(values, 0), np.maximum(-values, 0)
    if peak is None:
        strongest = max(float(strengths(part, orientations, variant).max()) for part in parts)
        peak = strongest if strongest > 0 else None
    positive, negative = (glyphs(part, orientations, variant, cell, peak=peak) for part in parts)
    return positive, negative


def template_picture(
    weights: np.ndarray,
    orientations: int = 9,
    variant: str = "uoctti",
    cell: int = 21,
    *,
    peak: float | None = None,
) -> np.ndarray:
    """Both parts of a template side by side, dark ink on white: for the class on the left, against it on the right.

    Shapes     weights (d, H, W) -> (H cell, (2 W + 1) cell) uint8, with a blank column of cells between
    Units      as `template_glyphs`
    Definition :func:`template_glyphs` in :func:`ink`. Two colours on one another were tried on a template of faces:
               every cell holds bars of both, and neither shape can be seen
    Raises     ValueError as `glyphs`

    >>> template_picture(np.ones((31, 10, 8)), cell=21).shape
    (210, 357)
    """
    positive, negative = map(ink, template_glyphs(weights, orientations, variant, cell, peak=peak))
    return np.hstack([positive, np.full((len(positive), cell), 255, np.uint8), negative])
