"""Maps of poses as products of a few learned maps, and how far off they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from equivfast.groups import Transform, identity
from equivfast.maps import Map, hellinger
from equivfast.maps import identity as unchanged
from equivfast.maps.collect import Features, Frame
from equivfast.pose.learned import in_order, natural_windows, shown_photographs
from equivfast.representations import HOG

# Matrices that differ by less than this in every entry are one transformation.
_SAME = 1e-6
# Transformations that are looked at before the search is given up: generators may make infinitely many.
_STATES = 1 << 14
# Cells at the edge of an image that are not judged, as none are learned from.
_BORDER = 2

Word = tuple[int, ...]


def composed_maps(
    poses: Sequence[Transform], generators: Sequence[Map], *, longest: int = 36
) -> tuple[Map, ...]:
    """For each pose g a map of g^-1, as :func:`learned_maps` gives it, that is a product of the generators.

    Shapes     generators: shared maps of support 1, or flips and quarter turns of support 1 beside one factor of a
               larger one; those that `learned_maps` gives for poses a, b are the maps of a^-1, b^-1
    Definition the shortest word of at most `longest` generators whose transformations multiply to g^-1 (to 1e-6), the
               first of equally short ones, among the first 16,384 transformations; its product by `@`. Inverses are
               used where they are among the generators. `settings` of the map: {"word": names of the factors, the
               last applied in front, "steps": n}; the identity is the empty word, and exact
    Cost       one small matrix product a pose; nothing is learned
    Symmetry   cells are moved once, by g^-1; the channels are mixed n times, and what one factor smooths away none
               after it brings back: of HOG under turns by 10 degrees the error of :func:`composition_error` is that
               of a learned map for n = 1, a sixth more for n = 2, and twice as much from n = 6 on (docs/maths.md).
               Steps that are exact symmetries cost nothing
    Raises     ValueError for a pose that is no such word, for generators that are no shared maps or differ in channels,
               and where `@` does

    >>> import numpy as np
    >>> from equivfast import groups, maps, pose
    >>> grid = groups.Grid.centred(4, 4, stride=8)
    >>> turn = maps.permutation(groups.rotation(-90), grid, np.roll(np.arange(4), 1))
    >>> found = pose.composed_maps([groups.rotation(180)], [turn])[0]
    >>> found.settings, found.channels
    ({'word': ['rot:-90', 'rot:-90'], 'steps': 2}, (4, 4))
    """
    if not poses or not all(isinstance(g, Transform) for g in poses):
        raise ValueError(f"composed_maps: poses must be transformations, at least one, got {list(poses)!r}")
    if not generators or not all(isinstance(m, Map) and m.kind == "shared" for m in generators):
        raise ValueError(
            f"composed_maps: generators must be shared maps, at least one, got {list(generators)!r}"
        )
    channels = sorted({size for m in generators for size in m.channels})
    if len(channels) > 1:
        raise ValueError(f"composed_maps: generators must keep one number of channels, got {channels}")
    wanted = [g.inverse() for g in poses]
    words = _words(wanted, [m.g for m in generators], longest)

    @cache
    def product(word: Word) -> Map:
        if not word:
            return unchanged(generators[0].source, channels[0])
        return generators[word[0]] @ product(word[1:]) if word[1:] else generators[word[0]]

    found = []
    for g, pose, word in zip(wanted, poses, words, strict=True):
        if word is None:
            raise ValueError(
                f"composed_maps: poses must be products of at most {longest} generators, got {pose.name}"
            )
        settings = {"word": [generators[k].g.name for k in word], "steps": len(word)}
        found.append(replace(product(word), g=g, settings=settings))
    return tuple(found)


def composition_error(
    maps: Sequence[Map], phi: Features | None = None, images: Tensor | None = None
) -> NDArray[np.float64]:
    """How far each map is off on images that it was not learned on: for composed maps and learned ones alike.

    Shapes     images (n, c, h, w) as `phi` takes them, by default 32 windows of 192 pixels, gray, 0..1, of the embedded
               photographs that `learned_maps` does not see; phi: by default `representations.HOG()` -> (g,) float64
    Definition mean Hellinger distance (:func:`equivfast.maps.hellinger`) of M phi(x) and phi(g x), g = M.g, over the
               images and the cells where both see real content
    Units      0 (the same histograms) to 1
    Raises     ValueError for no map, window maps, and where no cell is left

    >>> from equivfast import groups, maps, pose
    >>> phi = HOG()
    >>> flip = maps.permutation(groups.hflip(), phi.grid(192, 192), phi.channel_action(groups.hflip()))
    >>> bool(pose.composition_error([flip])[0] < 1e-3)
    True
    """
    if not maps or not all(isinstance(m, Map) and m.kind == "shared" for m in maps):
        raise ValueError(f"composition_error: maps must be shared maps, at least one, got {list(maps)!r}")
    features: Features = shown_photographs(phi) if images is None else HOG() if phi is None else phi
    x = natural_windows(held_out=True) if images is None else images

    def error(m: Map) -> float:
        frame = Frame(features, m.g, (x.shape[2], x.shape[3]), "shared", _BORDER, "reflect")
        usable = frame.valid & m.mask(frame.source)
        if not usable.any():
            raise ValueError(f"composition_error: images must leave a cell under {m.g.name}, got none")
        before, after = frame.fields(x)
        return float(hellinger(m(before, frame.source), after)[:, usable].mean())

    return np.array(list(in_order(error, maps, features)))


def _words(wanted: Sequence[Transform], generators: Sequence[Transform], longest: int) -> list[Word | None]:
    """For each transformation the numbers of the generators whose product it is, None where there is none."""
    targets = np.array([g.matrix for g in wanted])
    found: list[Word | None] = [None] * len(wanted)
    for word, g in _products(generators, longest):
        for k in np.flatnonzero(np.abs(targets - np.array(g.matrix)).max((1, 2)) <= _SAME):
            found[k] = word if found[k] is None else found[k]
        if None not in found:
            break
    return found


def _products(generators: Sequence[Transform], longest: int) -> Iterator[tuple[Word, Transform]]:
    """Words and their transformations, the shortest first, each transformation once."""
    layer: list[tuple[Word, Transform]] = [((), identity())]
    seen = {_rounded(identity())}
    for _ in range(longest + 1):
        yield from layer
        following = []
        for word, g in layer:
            for k, generator in enumerate(generators):
                if len(seen) == _STATES:
                    break
                try:
                    product = generator @ g
                except ValueError:  # so flat, or so large, that it cannot be undone: no pose
                    continue
                if _rounded(product) not in seen:
                    seen.add(_rounded(product))
                    following.append(((k, *word), product))
        layer = following


def _rounded(g: Transform) -> bytes:
    return bytes((np.rint(np.array(g.matrix) / _SAME) + 0.0).tobytes())  # -0.0 becomes 0.0
