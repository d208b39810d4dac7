"""An interrupted study goes on where it stopped; what cannot work is told before anything runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from equivfast.studies import network
from equivfast.studies.network import NetworkConfig

Make = Callable[..., NetworkConfig]
QUICK: dict[str, Any] = {
    "layers": ("act2",),
    "methods": ("1x1",),
    "transforms": ("hflip", "vflip"),
    "parts": ("trained", "invariance"),
}


class InterruptedStudyError(Exception):
    pass


def _comparable(result: dict[str, Any]) -> dict[str, Any]:
    """The numbers, without times."""
    entries = []
    for entry in result["entries"]:
        rows = [{k: v for k, v in row.items() if k != "seconds"} for row in entry["methods"]]
        entries.append({**entry, "methods": rows})
    return {"entries": entries, "original": result["original"], "layers": result["layers"]}


@pytest.mark.parametrize("stage", ["images to choose", "test images", "training after act2, vflip"])
def test_a_run_goes_on(config: Make, tmp_path: Path, stage: str) -> None:
    whole = network.run(config("plain", **QUICK))

    def stop(now: str, done: int, total: int) -> None:
        if now == stage:
            raise InterruptedStudyError

    first = config("plain", **QUICK, out=str(tmp_path))
    with pytest.raises(InterruptedStudyError):
        network.run(first, stop)
    kept = {path.name for path in (tmp_path / "pieces").iterdir()}
    assert "sums-fit-0.safetensors" in kept
    seen: list[str] = []
    again = config("plain", **QUICK, out=str(tmp_path), resume=True)
    result = network.run(again, lambda now, done, total: seen.append(now))
    assert _comparable(result) == _comparable(whole)
    if stage != "images to choose":
        assert "measured.json" in {path.name for path in (tmp_path / "pieces").iterdir()}
    finished = network.run(again, seen.clear and (lambda now, done, total: None))
    assert _comparable(finished) == _comparable(whole)


def test_pieces_of_other_settings_are_left_alone(config: Make, tmp_path: Path) -> None:
    network.run(config("plain", **QUICK, out=str(tmp_path)))
    other = {**QUICK, "seed": 1}
    fresh = network.run(config("plain", **other))
    resumed = network.run(config("plain", **other, out=str(tmp_path), resume=True))
    assert _comparable(resumed) == _comparable(fresh)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"layers": ("conv9",)}, "conv9"),
        ({"transforms": ("spin:3",)}, "spin:3"),
        ({"transforms": ("hflip", "hflip")}, "transforms must differ, got hflip, hflip"),
        ({"methods": ("5x5",)}, "methods must be among .*, got 5x5"),
        ({"parts": ("angels",)}, "parts must be among .*, got angels"),
        ({"products": ("hflip",)}, r"products must be two transformations g\*h, got 'hflip'"),
        ({"trained": ("vflip",)}, "trained must be among the transforms hflip, rot:90, got vflip"),
        ({"train_images": 3}, "train_images must be at least 20, got 3"),
        ({"layers": ()}, "layers must hold at least one"),
        ({"threads": 0}, "threads must be at least 1, got 0"),
    ],
)
def test_what_cannot_work_is_told_first(config: Make, settings: dict[str, Any], words: str) -> None:
    def never(stage: str, done: int, total: int) -> None:
        raise AssertionError("the study began")

    with pytest.raises(ValueError, match=words):
        network.run(config("plain", **settings), never)
