"""HOG fields as pictures: in every cell, a bar along each edge, as dark as its direction is strong.

Channel k stands for gradients towards (cos, sin)(k 180/n degrees) with y down; an edge runs across its
gradient, so the bar of channel k is drawn at k 180/n + 90 degrees, as VLFeat draws it. Bars here are
anti-aliased, and matrix products, strengths (cells x n) times bars (n x pixels), draw the field row by row.
"""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

VARIANTS = ("uoctti", "dalal-triggs", "dpm")


def strengths(field: np.ndarray, orientations: int = 9, variant: str = "uoctti") -> np.ndarray:
    """The weight of each of the n undirected orientations in each cell.

    Shapes     field (d, H, W) -> (H, W, n) float32
    Definition `uoctti`, `dpm`: both signed channels plus the unsigned one, f[k] + f[k + n] + f[k + 2n];
               `dalal-triggs`: the sum over the four blocks. Texture channels have no direction: not drawn.
    Raises     ValueError for a field that does not have the variant's channels, or holds NaN
    """
    field = np.asarray(field)
    n = orientations
    if variant not in VARIANTS:
        raise ValueError(f"strengths: variant must be one of {', '.join(VARIANTS)}, got {variant!r}")
    wanted = {"uoctti": (3 * n + 4,), "dalal-triggs": (4 * n,), "dpm": (3 * n + 4, 3 * n + 5)}[variant]
    if n < 1 or field.ndim != 3 or field.shape[0] not in wanted or 0 in field.shape:
        channels = " or ".join(map(str, wanted))
        expected = f"({channels}, H, W) for {variant} with {n} orientations"
        raise ValueError(f"strengths: field must be {expected}, got {field.shape}")
    if not np.isfinite(field).all():
        raise ValueError("strengths: field must be finite, got NaN or infinity")
    groups = 4 if variant == "dalal-triggs" else 3
    directed = field[: groups * n].astype(np.float32).reshape(groups, n, *field.shape[1:])
    return np.moveaxis(directed.sum(axis=0), 0, 2)


def glyphs(
    field: np.ndarray,
    orientations: int = 9,
    variant: str = "uoctti",
    cell: int = 21,
    *,
    peak: float | None = None,
    negative: bool = False,
) -> np.ndarray:
    """A picture of a HOG field (or of weights on one), 0 = paper, 1 = ink.

    Shapes     field (d, H, W) -> (H cell, W cell) float32
    Units      cell in pixels; `peak` is the strength drawn in full ink: give several pictures the same one to
               compare them; by default the strongest bar of this field
    Definition bars of negative strength are left out, or, with `negative`, drawn alone
    Raises     ValueError for a field that does not have the variant's channels, cell < 3, peak <= 0
    >>> field = np.zeros((31, 2, 3)); field[18, 0, 0] = 1     # a gradient to the right: an upright edge
    >>> picture = glyphs(field, cell=9)
    >>> print(picture.shape, picture[1:8, 4].min(), picture[4, :3].max())
    (18, 27) 1.0 0.0
    """
    if cell < 3:
        raise ValueError(f"glyphs: cell must be at least 3 pixels, got {cell}")
    if peak is not None and not peak > 0:
        raise ValueError(f"glyphs: peak must be positive, got {peak}")
    weights = strengths(field, orientations, variant)
    weights = np.maximum(-weights if negative else weights, 0)
    H, W, n = weights.shape
    scale = float(weights.max()) if peak is None else peak
    bars = _bars(n, cell) / np.float32(scale if scale > 0 else 1.0)
    picture = np.empty((H, cell, W, cell), np.float32)
    # A row of cells stays in the cache until it lies in place.
    for line, row in zip(picture, weights, strict=True):
        np.minimum((row @ bars).reshape(W, cell, cell).transpose(1, 0, 2), 1, out=line)
    return picture.reshape(H * cell, W * cell)


def ink(picture: np.ndarray, gamma: float = 1.3) -> np.ndarray:
    """A picture of 0..1 as dark ink on white paper, uint8; gamma > 1 makes weak bars fainter."""
    # Powers for these alone; none is off by more than 0.003 of a grey level.
    steps = np.linspace(0, 1, 1 << 16)
    greys = np.round(255 * (1 - 0.92 * steps**gamma)).astype(np.uint8)
    flat = np.ravel(picture)
    drawn = np.empty(flat.shape, np.uint8)
    for start in range(0, flat.size, 1 << 15):  # pieces that stay in the cache
        part = slice(start, start + (1 << 15))
        places = np.clip(flat[part], 0, 1) * np.float32(len(steps) - 1)
        drawn[part] = greys[(places + np.float32(0.5)).astype(np.uint16)]
    return drawn.reshape(np.shape(picture))


def png_bytes(picture: np.ndarray) -> bytes:
    """uint8 (h, w) or (h, w, 3) as a PNG file."""
    picture = np.asarray(picture)
    if picture.dtype != np.uint8 or not (picture.ndim == 2 or (picture.ndim == 3 and picture.shape[2] == 3)):
        raise ValueError(
            f"png_bytes: picture must be uint8 (h, w) or (h, w, 3), got {picture.dtype} {picture.shape}"
        )
    content = io.BytesIO()
    Image.fromarray(picture).save(content, "PNG", optimize=True)
    return content.getvalue()


def png_uri(picture: np.ndarray) -> str:
    """uint8 (h, w) or (h, w, 3) as a `data:` address, which needs no file beside the page."""
    return "data:image/png;base64," + base64.b64encode(png_bytes(picture)).decode()


def _bars(n: int, cell: int) -> np.ndarray:
    """(n, cell * cell): how much of each pixel the bar of each orientation covers."""
    across = np.pi * np.arange(n)[:, None, None] / n
    y, x = np.mgrid[:cell, :cell] - (cell - 1) / 2
    distance = np.abs(x * np.cos(across) + y * np.sin(across))
    along = np.abs(y * np.cos(across) - x * np.sin(across))
    thickness, length = max(cell / 16, 1.0), cell - 1.0
    covered = np.clip((thickness + 1) / 2 - distance, 0, 1) * np.clip((length + 1) / 2 - along, 0, 1)
    return covered.reshape(n, cell * cell).astype(np.float32)
