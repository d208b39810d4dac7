#!/usr/bin/env python
"""Learn the paired dictionary that equivfast.inversion ships, from photographs inside scikit-image and scikit-learn.

    python tools/train_hog_inversion.py

writes equivfast/data/weights/hog-inversion.safetensors: three minutes on two cores. Only the training half of
equivfast.data.split is looked at; cat, china, coins and flower stay unseen. Windows of 5 x 5 cells are cut from the
photographs at four scales and five angles, and described with either orientation assignment. The atoms are those of
online dictionary learning (Mairal et al. 2010) with non-negative codes of feature and picture together, as in HOGgles
(Vondrick et al. 2013); every atom stands for its eight images under the exact symmetries of HOG, and is learned from
all of them.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from equivfast import data, groups
from equivfast.inversion import dictionary
from equivfast.inversion.dictionary import CELLS, SETTINGS, SIDE
from equivfast.inversion.lasso import nonnegative_lasso
from equivfast.inversion.paired import standardised, windows_of
from equivfast.ops import hog

SCALES, DEGREES = (1.0, 0.75, 0.5, 0.35), (0, 12, 24, 36, 45)
PICTURE_WEIGHT = 0.5  # of the picture part beside a feature part of unit length
LEAST_CONTRAST = 3.0  # grey levels of standard deviation: below it a window shows noise
TOGETHER, SWEEPS = 16, 10  # atoms updated at once; sweeps of the lasso
SYMMETRIES = [(torch.argsort(f), torch.argsort(p), sign) for f, p, sign in dictionary.symmetries()]


def views(image: np.ndarray) -> Iterator[np.ndarray]:
    """The grey photograph scaled and turned; turned ones without the corners that come from nowhere."""
    grey = image.astype(np.float32).mean(axis=2)
    for scale in SCALES:
        for degrees in DEGREES:
            g = groups.scaling(scale) @ groups.rotation(degrees)
            if degrees == 0:
                yield grey if scale == 1 else groups.warp(grey, g, expand=True)[0]
                continue
            turned = groups.warp(grey, g)[0]
            rows, columns = (int(side * scale * 0.31) for side in grey.shape)
            middle = [side // 2 for side in grey.shape]
            yield turned[middle[0] - rows : middle[0] + rows, middle[1] - columns : middle[1] + columns]


def windows(names: tuple[str, ...], count: int, random: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Standardised features and pictures of up to `count` windows of each view of these photographs."""
    features, pictures = [], []
    for photo in data.photographs(names):
        for view in views(photo.image):
            h, w = (side - side % SETTINGS.cell for side in view.shape)
            if min(h, w) < (CELLS + 2) * SETTINGS.cell:
                continue
            image = torch.as_tensor(np.ascontiguousarray(view[:h, :w]), dtype=torch.float32)[None, None]
            assignment = "nearest" if random.random() < 0.35 else "bilinear"
            field = hog(image, SETTINGS.cell, SETTINGS.orientations, SETTINGS.variant, assignment)
            found = windows_of(field[:, :, 1:-1, 1:-1], 1)  # border cells miss pixels
            small = functional.avg_pool2d(image, SETTINGS.cell * CELLS // SIDE)[0, 0]
            step = SIDE // CELLS
            patches = small[step:-step, step:-step].unfold(0, SIDE, step).unfold(1, SIDE, step).flatten(2)
            patches = patches.flatten(0, 1)
            drawn = torch.from_numpy(random.permutation(len(found))[:count])
            features.append(found[drawn])
            pictures.append(patches[drawn])
    picture = torch.cat(pictures)
    picture = picture - picture.mean(1, keepdim=True)
    contrast = picture.std(1, keepdim=True)
    kept = contrast[:, 0] > LEAST_CONTRAST
    # HOG does not know the contrast: every picture has the same.
    return standardised(torch.cat(features)[kept])[0], picture[kept] / contrast[kept] / SIDE


def fold(atoms: Tensor, features: int) -> Tensor:
    """What the images of atoms say about the atoms themselves: (8 n, ...) -> (n, ...), summed."""
    parts = atoms.view(len(SYMMETRIES), -1, atoms.shape[1])
    moved = [
        torch.cat([part[:, :features][:, f], sign * part[:, features:][:, p]], 1)
        for part, (f, p, sign) in zip(parts, SYMMETRIES, strict=True)
    ]
    return torch.stack(moved).sum(0)


def learn(x: Tensor, features: int, args: argparse.Namespace, draw: torch.Generator) -> Tensor:
    """Atoms (n, features + 400) of unit length for the rows of x."""

    def images(some: Tensor) -> Tensor:
        return torch.cat(dictionary.orbit(some[:, :features], some[:, features:]), 1)

    atoms = functional.normalize(x[torch.randperm(len(x), generator=draw)[: args.atoms]])
    size = len(SYMMETRIES) * args.atoms
    alike, products = torch.zeros(size, size), torch.zeros(size, x.shape[1])
    for step in range(args.steps):
        drawn = x[torch.randint(len(x), (args.batch,), generator=draw)]
        all_atoms = images(atoms)
        codes = nonnegative_lasso(all_atoms @ all_atoms.T, all_atoms @ drawn.T, args.learning_penalty, SWEEPS)
        past = step / (step + 3)  # early codes are those of atoms long gone
        alike = past * alike + codes @ codes.T / args.batch
        products = past * products + codes @ drawn / args.batch
        for first in range(0, args.atoms, TOGETHER):
            own = torch.arange(first, min(first + TOGETHER, args.atoms))
            places = torch.cat([own + k * args.atoms for k in range(len(SYMMETRIES))])
            slope = fold(products[places] - alike[places] @ all_atoms, features)
            steep = alike[places][:, places].sum(1).view(len(SYMMETRIES), -1)
            atoms[own] = functional.normalize(
                atoms[own] + slope / (len(SYMMETRIES) * steep.amax(0)[:, None] + 1e-8)
            )
            all_atoms[places] = images(atoms[own])
        unused = alike.diagonal().view(len(SYMMETRIES), -1).sum(0) < 1e-7
        if unused.any():
            atoms[unused] = functional.normalize(
                x[torch.randint(len(x), (int(unused.sum()),), generator=draw)]
            )
        if step % 10 == 0 or step + 1 == args.steps:
            left = (drawn - codes.T @ images(atoms)).square()
            shares = [
                float(part.sum() / whole.square().sum())
                for part, whole in (
                    (left[:, :features], drawn[:, :features]),
                    (left[:, features:], drawn[:, features:]),
                )
            ]
            print(
                f"step {step}: unexplained {shares[0]:.3f} of features, {shares[1]:.3f} of pictures",
                flush=True,
            )
    return atoms


def options() -> argparse.ArgumentParser:
    """The defaults are those of the shipped file, whose description repeats them."""
    found = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    found.add_argument("--out", type=Path, default=dictionary.shipped_file())
    found.add_argument("--atoms", type=int, default=128, help="before the symmetries make eight of each")
    found.add_argument("--steps", type=int, default=80)
    found.add_argument("--batch", type=int, default=2048)
    found.add_argument("--penalty", type=float, default=0.05, help="of the lasso that inverts")
    found.add_argument("--learning-penalty", type=float, default=0.02, help="of the lasso that learns")
    found.add_argument("--windows", type=int, default=700, help="of each view of a photograph")
    found.add_argument("--photographs", nargs="+", default=list(data.split.train))
    found.add_argument("--seed", type=int, default=0)
    return found


def main(words: list[str] | None = None) -> None:
    args = options().parse_args(words)
    features, pictures = windows(tuple(args.photographs), args.windows, np.random.default_rng(args.seed))
    print(f"{len(features)} windows of {', '.join(args.photographs)}", flush=True)
    joint = torch.cat([features, PICTURE_WEIGHT * pictures], 1)
    atoms = learn(joint, features.shape[1], args, torch.Generator().manual_seed(args.seed))
    known = {name: value for name, value in vars(args).items() if name != "out"}
    split = features.shape[1]
    dictionary.write(args.out, atoms[:, :split], atoms[:, split:] / PICTURE_WEIGHT, known)
    print(f"{args.out}: {args.out.stat().st_size / 1000:.0f} KB", flush=True)


if __name__ == "__main__":
    main()
