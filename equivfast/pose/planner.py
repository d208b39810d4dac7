"""Which route a bank takes: decided by its shape, its rank and the question, not by what is in the fields."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

ROUTES = ("auto", "direct", "fft", "low_rank")

# With smaller templates or fewer poses the transform costs more than it saves.
_FEWEST_CELLS = 16
_FEWEST_POSES = 12
# The largest templates, in cells along a side, for which tiles of 16 and of 32 cells still hold enough windows. Tiles
# of 32 take half the time from 10 cells on, but four times the memory.
_LARGEST_IN_16 = 11
_LARGEST_IN_32 = 26
# What a basis may leave of the templates' length (all together) and its largest share of their number. Searches open
# few windows and live with a looser bound than argmax maps, where every window has to be decided.
_LEFT_OVER_IMAGE = 0.015
_LEFT_OVER_WINDOWS = 0.005
_LARGEST_SHARE = 0.25
_BLOCK = 16


class Plan(NamedTuple):
    route: str
    tile: int = 0  # 0: windows where they stand
    rank: int = 0


class Question(NamedTuple):
    """What the plan depends on besides the bank."""

    rows: int  # of windows
    columns: int
    over_image: bool
    scattered: bool  # positions were given


def check_route(route: str, tile: int | None, bank: tuple[int, ...]) -> None:
    """ValueError for a route or a tile that there is not, or not for this bank (g, c, kh, kw)."""
    if route not in ROUTES:
        raise ValueError(f"PoseBank: route must be one of {', '.join(ROUTES)}, got {route!r}")
    if tile not in (None, 16, 32):
        raise ValueError(f"PoseBank: tile must be 16 or 32 cells, got {tile!r}")
    if tile is not None and max(bank[2:]) > tile:
        raise ValueError(f"PoseBank: a tile of {tile} cells takes no templates of {bank[2]}x{bank[3]}")
    if route in ("fft", "low_rank") and max(bank[2:]) > 32:
        raise ValueError(
            f"PoseBank: route {route!r} takes templates of up to 32x32 cells, got {bank[2]}x{bank[3]}"
        )


def plan(
    route: str, tile: int | None, bank: tuple[int, ...], q: Question, eigenvalues: Callable[[], Tensor]
) -> Plan:
    """The plan for a bank (g, c, kh, kw), whose Gram matrix has these `eigenvalues`, largest first."""
    g, _, kh, kw = bank
    tile = tile or (16 if max(kh, kw) <= _LARGEST_IN_16 else 32)
    if q.scattered or q.rows * q.columns < kh * kw:
        tile = 0
    if route == "auto":
        small = kh * kw < _FEWEST_CELLS or g < _FEWEST_POSES
        large = tile and max(kh, kw) > _LARGEST_IN_32
        if small or large:
            return Plan("direct")
    if route in ("auto", "low_rank") and (q.over_image or not tile):
        rank = _rank(eigenvalues(), _LEFT_OVER_IMAGE if q.over_image else _LEFT_OVER_WINDOWS)
        if rank <= g * _LARGEST_SHARE:
            return Plan("low_rank", tile, rank)
        if route == "low_rank":
            return Plan("low_rank", tile, min(rank, g // _BLOCK * _BLOCK)) if g >= _BLOCK else Plan("direct")
    return Plan("fft", tile) if route != "direct" and tile else Plan("direct")


def fallback(made: Plan, bank: tuple[int, ...], q: Question) -> tuple[Plan, int]:
    """Where low rank gives an image up, and after how many exact scores.

    That many cost about as much as the other route.
    """
    other = Plan("fft", made.tile) if made.tile else Plan("direct")
    return other, max(q.rows * q.columns * bank[0] // 64, 1024)


def _rank(eigenvalues: Tensor, left: float) -> int:
    """The least multiple of 16 that leaves at most this share of the templates' length."""
    energy = eigenvalues.flip(0).cumsum(0).flip(0)  # from each on
    enough = int((energy > left**2 * energy[0]).sum())
    return max(-(-enough // _BLOCK) * _BLOCK, _BLOCK)
