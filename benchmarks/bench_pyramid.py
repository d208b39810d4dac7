"""hog_pyramid, exact and approximate: what each takes, and how far apart their features are.

python benchmarks/bench_pyramid.py [--quick] [--threads 1 2] [--out FILE]

The table of errors is printed first: lambda of the power law of Dollar et al. 2014 on the photographs, and the norm of
the difference from the exact level over its norm, mean over levels between octaves and over photographs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from common import Case, Contestant, run
from torch.nn.functional import grid_sample, interpolate

import equivfast as ef
from equivfast.representations import HOG, Level, hog_pyramid, power_law

PER_OCTAVE = 8


@dataclass(frozen=True)
class Setting:
    name: str
    phi: HOG


SETTINGS = (
    Setting("bilinear", HOG()),
    Setting("nearest", HOG(assignment="nearest")),
    Setting("dalal-triggs", HOG(variant="dalal-triggs")),
    Setting("cell-4", HOG(cell=4)),
)


def photographs(quick: bool) -> dict[str, torch.Tensor]:
    """The embedded photographs by name, uint8 (1, 3, h, w), about 640 x 427; quick: two of them, cut small."""
    photos = ef.data.photographs(["china", "cat"] if quick else None)
    side = 160 if quick else None
    return {
        p.name: torch.from_numpy(p.image[:side, :side].copy()).permute(2, 0, 1)[None].contiguous()
        for p in photos
    }


# ---- errors --------------------------------------------------------------------------------------


def apart(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).norm() / b.norm())


def moved(level: Level, to: Level) -> torch.Tensor:
    """A level's features at the places of another level's cells, by torch's cubic."""
    cells = level.grid.cells(to.centres * (level.scale_x, level.scale_y))
    sides = np.array([level.grid.height, level.grid.width]) - 1
    place = torch.from_numpy((2 * cells / sides - 1)[None, ..., ::-1].copy()).float()
    return grid_sample(level.field, place, "bicubic", "border", align_corners=True)


def errors(s: Setting, images: list[torch.Tensor]) -> list[str]:
    law = power_law(images, s.phi)
    rows = []
    for image in images:
        exact = hog_pyramid(image, s.phi, per_octave=PER_OCTAVE)
        plain = hog_pyramid(image, s.phi, per_octave=PER_OCTAVE, approximate=True)
        corrected = hog_pyramid(image, s.phi, per_octave=PER_OCTAVE, approximate=True, power_law=law)
        between = [k for k, level in enumerate(plain) if not level.exact]
        rows.append([
            np.mean([apart(plain[k].field, exact[k].field) for k in between]),
            np.mean([apart(corrected[k].field, exact[k].field) for k in between]),
            np.mean([apart(moved(exact[k - 1], exact[k]), exact[k].field) for k in between]),
            np.mean([apart(moved(exact[k // PER_OCTAVE * PER_OCTAVE], exact[k]), exact[k].field) for k in between]),
        ])  # fmt: skip
    laws = ", ".join(
        f"{group} {exponent:+.3f} ± {spread:.3f}"
        for group, exponent, spread in zip(law.groups, law.exponents, law.spreads, strict=True)
    )
    return [s.name, *(f"{value:.3f}" for value in np.mean(rows, 0)), laws]


def print_errors(quick: bool) -> None:
    images = list(photographs(quick).values())
    heads = (
        "features",
        "approximate",
        "power law",
        "next level",
        "octave above",
        "lambda ± deviation over photographs",
    )
    rows = [heads, *(errors(s, images) for s in SETTINGS)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(heads))]
    print(
        "\nDistance from the exact level, as a share of its norm: the approximation, the same with the power law,"
    )
    print("the exact level above at the same places, and the octave above at the same places")
    for row in rows:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


# ---- times ---------------------------------------------------------------------------------------


def by_hand(image: torch.Tensor, sizes: list[tuple[int, int]], halve: bool = True) -> list[torch.Tensor]:
    """The levels' images by torch: from the level an octave above, or all of them from the image."""
    found: list[torch.Tensor] = []
    planes = image.float()
    for k, size in enumerate(sizes):
        source = found[k - PER_OCTAVE] if halve and k >= PER_OCTAVE else planes
        found.append(interpolate(source, size=size, mode="bicubic", antialias=True) if k else planes)
    return found


def fields(levels: tuple[Level, ...]) -> tuple[torch.Tensor, ...]:
    return tuple(level.field for level in levels)


def case(s: Setting, quick: bool) -> Case:
    image, phi = photographs(quick)["china"], s.phi
    h, w = image.shape[2:]
    levels = hog_pyramid(image, phi, per_octave=PER_OCTAVE)
    sizes = [(round(h * level.scale_y), round(w * level.scale_x)) for level in levels]

    def described(halve: bool) -> tuple[torch.Tensor, ...]:
        return tuple(phi(part) for part in by_hand(image, sizes, halve))

    contestants = [
        Contestant(
            "equivfast", lambda: hog_pyramid(image, phi, per_octave=PER_OCTAVE), ours=True, view=fields
        ),
        Contestant(
            "equivfast, approximate",
            lambda: hog_pyramid(image, phi, per_octave=PER_OCTAVE, approximate=True),
            ours=True,
            work="octaves alone are exact: see the table of errors",
        ),
        Contestant("torch and ef.hog by hand", lambda: described(True), view=lambda result: result),
        Contestant(
            "by hand, from the image", lambda: described(False), work="every level resampled from the image"
        ),
        Contestant(
            "of this, resampling",
            lambda: by_hand(image, sizes),
            ours=True,
            work="the levels' images, no features",
        ),
    ]
    about = f"{w}x{h} RGB uint8, {len(levels)} levels, {PER_OCTAVE} an octave"
    pixels = sum(a * b for a, b in sizes)
    return Case(f"pyramid-{s.name}", about, pixels / 1e6, "Mpix", image.nbytes, "read", contestants)


def cases(quick: bool, threads: int) -> Iterator[Case]:
    for setting in SETTINGS:
        yield case(setting, quick)


if __name__ == "__main__":
    print_errors("--quick" in sys.argv)
    run("pyramid", __doc__.splitlines()[0], cases, {"torch": torch.__version__})
