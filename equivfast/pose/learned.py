"""Maps of a set of poses, learned once on natural photographs and kept on disk."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from equivfast import data
from equivfast.groups import Transform, identity, window
from equivfast.maps import Map, fit, load
from equivfast.maps.collect import Features
from equivfast.maps.workers import apart
from equivfast.pose.kept import cache_folder, keep, kept
from equivfast.pose.orbits import Key, Orbits, symmetries, symmetrised
from equivfast.pose.prepared import prepared
from equivfast.representations import HOG

Progress = Callable[[str, int, int], None]
S = TypeVar("S")
T = TypeVar("T")

# Counts the ways in which maps are learned: other numbers for the same photographs, another number here.
_VERSION = 2
_WINDOWS, _WINDOW, _SEED, _MIN_CONTRAST = 32, 192, 0, 2.0
_WHITE = 1.0  # the intensity of white in these windows


def learned_maps(
    poses: Sequence[Transform],
    phi: Features | None = None,
    images: Tensor | None = None,
    *,
    support: int = 3,
    interpolation: str = "bilinear",
    ridge: float = 1e-3,
    symmetric: bool = True,
    folder: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> tuple[Map, ...]:
    """For each pose g the map of g^-1: what :func:`templates_from_maps` and `PoseBank.from_template` take.

    Shapes     images (n, c, h, w), as `phi` takes them; by default 32 windows of 192 pixels, gray, 0..1, of embedded
               photographs, to which a `Layer` is put as `prepared` says. phi: by default `representations.HOG()`
    Definition M' = `maps.fit(phi, g.inverse(), images, "ridge", ...)` of kind "shared"; the same pose (to 1e-9) is
               learned once. `symmetric`: s and t being the flips and half turns that `phi` has exactly
               (`phi.channel_action`, `phi.exact`) and that carry the images' cells onto each other, of all poses
               s g t one map is learned, of rotations those by 0 to 90 degrees; it is averaged over the s M' t that
               are maps of the same g, and the maps of the others are s M' t. False: every pose by itself
    Symmetry   composing with exact symmetries adds no error: s M' t is off on x as far as M' is on t x. The maps are
               as symmetric as `phi`: a flipped template has the flipped templates, in the flipped poses
    Cost       about 0.1 s a map on one core, once; HOG's are learned side by side, a thread each. A first call cuts and
               describes the default windows, which later ones find in memory
    Kept       in `folder`, by default `maps` in :func:`cache_folder`: a file for each map that was learned, named by a
               hash of the transformation, the settings, the images and their features. One that is there is read, one
               that is damaged is learned again; what was interrupted goes on where it stopped
    Progress   progress(stage, maps learned or read, maps to learn or read)
    Raises     ValueError as `maps.fit`, for no pose at all, and where a folder that was named cannot be written; where
               the default one cannot, a warning

    >>> import tempfile
    >>> from equivfast import groups, pose
    >>> poses = [groups.rotation(angle) for angle in (0, 90)]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     maps = pose.learned_maps(poses, folder=folder)
    >>> maps[1].g.name, maps[1].channels
    ('rot:-90', (31, 31))
    """
    if not poses or not all(isinstance(g, Transform) for g in poses):
        raise ValueError(f"learned_maps: poses must be transformations, at least one, got {list(poses)!r}")
    features = shown_photographs(phi) if images is None else HOG() if phi is None else phi
    x = natural_windows() if images is None else images
    moves = symmetries(features, features.grid(*x.shape[2:])) if symmetric else (identity(),)
    told = repr((_VERSION, support, interpolation, ridge, [s.name for s in moves]))
    # HOG alone is known to be told by its settings: what is made of it may have more to it.
    depends = (
        _known_digest(features, told)
        if images is None and type(features) is HOG
        else _digest(features, x, told)
    )
    place = cache_folder() / "maps" if folder is None else Path(folder)
    orbits = Orbits([g.inverse() for g in poses], moves)
    different = orbits.representatives
    files = {name: place / f"{_key(depends, name)}.safetensors" for name in different}
    found = {name: m for name, path in files.items() if (m := kept(path, load)) is not None}
    missing = [name for name in different if name not in found]

    def learn(name: Key) -> tuple[Map, Exception | None]:
        settings: dict[str, Any] = {"support": support, "interpolation": interpolation, "ridge": ridge}
        m = symmetrised(fit(features, different[name], x, "ridge", **settings), moves, features)
        return m, keep(files[name], m.save)  # at once: what interrupts the others finds it there

    with closing(in_order(learn, missing, features)) as learned:
        for name in missing:
            if progress:
                progress("maps of poses", len(found), len(different))
            found[name], problem = next(learned)
            if problem:
                _complain(problem, files[name].parent, folder is not None)
    if progress:
        progress("maps of poses", len(different), len(different))
    return orbits.maps(found, features)


def shown_photographs(phi: Any) -> Any:
    """phi for the windows of :func:`natural_windows`: a network's layer is shown gray as what it was trained on."""
    return HOG() if phi is None else prepared(phi, _WHITE)


def in_order(work: Callable[[S], T], items: Sequence[S], phi: Features) -> Generator[T, None, None]:
    """The results one after the other; HOG keeps nothing between calls, and works on several at a time."""
    yield from apart(work, items) if isinstance(phi, HOG) else map(work, items)


def natural_windows(held_out: bool = False) -> Tensor:
    """(32, 1, 192, 192) gray, 0..1, of the embedded photographs that are there to learn from, or to test on.

    A copy for every caller, who may change it.
    """
    return _windows(bool(held_out)).clone()


@lru_cache(maxsize=2)
def _windows(held_out: bool) -> Tensor:
    photos = data.photographs(data.split.test if held_out else data.split.train)
    places = data.windows(photos, _WINDOWS, _WINDOW, _SEED, reach=_WINDOW / 2, min_contrast=_MIN_CONTRAST)
    cut = [window(photos[k].image, centre, _WINDOW)[0].mean(2) for k, centre in places]
    return torch.from_numpy(np.stack(cut).astype(np.float32))[:, None] / 255


@lru_cache(maxsize=32)
def _known_digest(phi: HOG, settings: str) -> bytes:
    return _digest(phi, _windows(False), settings)


def _digest(phi: Features, images: Tensor, settings: str) -> bytes:
    """Of all that the maps of a set of poses share."""
    grid = phi.grid(*images.shape[2:])
    digest = hashlib.sha256(f"({settings}, {grid!r}, {phi.channels!r})".encode())
    with torch.no_grad():
        field = phi(images)
    for tensor in (images, field):
        digest.update(repr((tuple(tensor.shape), str(tensor.dtype))).encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.digest()


def _key(depends: bytes, name: Key) -> str:
    return hashlib.sha256(depends + repr(name).encode()).hexdigest()[:32]


def _complain(problem: Exception, place: Path, named: bool) -> None:
    if named:
        raise ValueError(f"learned_maps: folder must be one to write to, got {place}: {problem}") from problem
    warnings.warn(f"learned maps are not kept: {place} cannot be written ({problem})", stacklevel=3)
