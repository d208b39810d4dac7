"""Maps of a set of poses, learned once on natural photographs and kept on disk."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from equivfast import data
from equivfast.groups import Transform, window
from equivfast.maps import Map, fit, load
from equivfast.maps.collect import Features
from equivfast.representations import HOG

Progress = Callable[[str, int, int], None]

# Counts the ways in which maps are learned: other numbers for the same photographs, another number here.
_VERSION = 1
_WINDOWS, _WINDOW, _SEED, _MIN_CONTRAST = 32, 192, 0, 2.0


def learned_maps(
    poses: Sequence[Transform],
    phi: Features | None = None,
    images: Tensor | None = None,
    *,
    support: int = 3,
    interpolation: str = "bilinear",
    ridge: float = 1e-3,
    folder: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> tuple[Map, ...]:
    """For each pose g the map of g^-1: what :func:`templates_from_maps` and `PoseBank.from_template` take.

    Shapes     images (n, c, h, w), as `phi` takes them; by default 32 windows of 192 pixels, gray, 0..1, of embedded
               photographs. phi: by default `representations.HOG()`
    Definition M' = `maps.fit(phi, g.inverse(), images, "ridge", ...)` of kind "shared"; the same pose is learned once
    Kept       in `folder`, by default `maps` in :func:`cache_folder`: a file for each map, named by a hash of the
               transformation, the settings, the images and their features. One that is there is read, one that is
               damaged is learned again; what was interrupted goes on where it stopped
    Progress   progress(stage, maps done, maps asked for)
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
    features = HOG() if phi is None else phi
    x = natural_windows() if images is None else images
    depends = _digest(features, x, (_VERSION, support, interpolation, ridge))
    place = cache_folder() / "maps" if folder is None else Path(folder)
    found: dict[Transform, Map] = {}
    undone = [g.inverse() for g in poses]
    different = list(dict.fromkeys(undone))
    for done, g in enumerate(different):
        if progress:
            progress("maps of poses", done, len(different))
        path = place / f"{_key(depends, g)}.safetensors"
        kept = _kept(path)
        found[g] = kept or fit(
            features, g, x, "ridge", support=support, interpolation=interpolation, ridge=ridge
        )
        if kept is None:
            _keep(found[g], path, folder is not None)
    if progress:
        progress("maps of poses", len(different), len(different))
    return tuple(found[g] for g in undone)


def cache_folder() -> Path:
    """Where what can be computed again is kept: $EQUIVFAST_CACHE, or equivfast in $XDG_CACHE_HOME or ~/.cache."""
    if own := os.environ.get("EQUIVFAST_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "equivfast"


def natural_windows() -> Tensor:
    """(32, 1, 192, 192) gray, 0..1, of the embedded photographs that are there to learn from."""
    photos = data.photographs(data.split.train)
    places = data.windows(photos, _WINDOWS, _WINDOW, _SEED, reach=_WINDOW / 2, min_contrast=_MIN_CONTRAST)
    cut = [window(photos[k].image, centre, _WINDOW)[0].mean(2) for k, centre in places]
    return torch.from_numpy(np.stack(cut).astype(np.float32))[:, None] / 255


def _digest(phi: Features, images: Tensor, settings: tuple[object, ...]) -> bytes:
    """Of all that the maps of a set of poses share."""
    grid = phi.grid(*images.shape[2:])
    digest = hashlib.sha256(repr((settings, grid, phi.channels)).encode())
    with torch.no_grad():
        field = phi(images)
    for tensor in (images, field):
        digest.update(repr((tuple(tensor.shape), str(tensor.dtype))).encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.digest()


def _key(depends: bytes, g: Transform) -> str:
    return hashlib.sha256(depends + repr((g.matrix, g.name)).encode()).hexdigest()[:32]


def _kept(path: Path) -> Map | None:
    try:
        return load(path)
    except (ValueError, OSError):  # not there, damaged, of another version, or not ours to read
        return None


def _keep(m: Map, path: Path, named: bool) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        m.save(path)
    except (ValueError, OSError) as error:
        if named:
            raise ValueError(
                f"learned_maps: folder must be one to write to, got {path.parent}: {error}"
            ) from error
        warnings.warn(f"learned maps are not kept: {path.parent} cannot be written ({error})", stacklevel=3)
