"""An example to look at: a held-out window, its fields as glyphs and inverted, and what the map makes of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from equivfast import inversion, maps, report
from equivfast.groups import Transform, identity
from equivfast.representations import HOG
from equivfast.studies._pairs import Pairs
from equivfast.studies._windows import WindowSet, centred

_GLYPH_PIXELS = 300  # side of a picture of glyphs: as large as the report shows it


def example(pairs: Pairs, m: maps.Map, method: str, windows: WindowSet) -> dict[str, Any]:
    """The held-out window with the clearest edges: pictures and glyphs of x, gx and M phi(x), drawn to one scale;
    and pictures that phi(x), phi(gx) and M phi(x) describe."""
    phi, field = pairs.phi, pairs.target.height
    # Fur and foliage are strong in every orientation; an edge is strong in one and weak in the others.
    edges = [
        report.strengths(y, phi.orientations, phi.variant).std(axis=2).mean() for y in pairs.y_test.numpy()
    ]
    i = int(np.argmax(edges))
    x = centred(pairs.x_test[i : i + 1], m.source.height)
    fields = [centred(pairs.x_test[i], field), pairs.y_test[i], m(x)[0]]
    arrays = [field.numpy() for field in fields]
    peak = max(float(report.strengths(a, phi.orientations, phi.variant).max()) for a in arrays)
    cell = max(21, _GLYPH_PIXELS // field)
    drawn = [report.glyphs(a, phi.orientations, phi.variant, cell=cell, peak=peak or 1.0) for a in arrays]
    phi_x, phi_gx, mapped = (report.png_uri(report.ink(picture)) for picture in drawn)
    return {
        "photo": windows.photographs[int(windows.photo_of[i])].name,
        "method": method,
        "field": [field, field],
        "image_x": report.png_uri(_picture(windows, i, identity(), field)),
        "image_gx": report.png_uri(_picture(windows, i, pairs.g, field)),
        "phi_x": phi_x,
        "phi_gx": phi_gx,
        "mapped": mapped,
        **_inverted(torch.stack(fields), phi),
    }


def _inverted(fields: torch.Tensor, phi: HOG) -> dict[str, str]:
    """The pictures that phi(x), phi(gx) and M phi(x) describe, and how they were found."""
    method = "paired" if inversion.pairable(phi) else "gradient"
    pictures = inversion.invert(fields, phi, method).round().to(torch.uint8).numpy()
    names = ("inverted_x", "inverted_gx", "inverted_mapped")
    return {"inverted_by": method, **dict(zip(names, map(report.png_uri, pictures), strict=True))}


def _picture(windows: WindowSet, i: int, g: Transform, field: int) -> np.ndarray:
    """The pixels under the compared cells, uint8 (h, w, 3)."""
    image = windows.images([i], g, field * windows.phi.cell)[0]
    return (image * 255).round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0).contiguous().numpy()
