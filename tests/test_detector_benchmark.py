"""The detector's benchmark runs, its rivals find what is there, and what they find is judged as ours is."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from benchmark_modules import BENCHMARKS, benchmark_modules

import equivfast as ef

CASES = {"clutter", "image-rot24", "build-rot24", "window-rot24"}
OPENCV = importlib.util.find_spec("cv2") is not None
needs_opencv = pytest.mark.skipif(not OPENCV, reason="OpenCV is not installed: rivals are left out")


@pytest.fixture(scope="module")
def modules() -> Iterator[dict[str, ModuleType]]:
    with benchmark_modules(
        "common", "results", "detector_rivals", "detector_quality", "bench_detector"
    ) as found:
        yield found


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    """The result of a quick run, and what it printed."""
    path = tmp_path_factory.mktemp("detector") / "detector.json"
    command = [
        sys.executable,
        str(BENCHMARKS / "bench_detector.py"),
        "--quick",
        "--threads",
        "1",
        "--out",
        str(path),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(path.read_text()), done.stdout


def test_a_quick_run_writes_a_result_of_the_schema(
    quick: tuple[dict[str, Any], str], modules: dict[str, ModuleType]
) -> None:
    result, printed = quick
    modules["results"].check(result)
    assert result["benchmark"] == "detector" and result["quick"] and "quick run" in printed
    assert {case["name"] for case in result["cases"]} == CASES
    for name, version in result["metadata"]["rivals"].items():
        assert OPENCV or name == "torch" or version.startswith("absent: needs opencv-contrib"), (
            name,
            version,
        )


def test_what_is_found_stands_in_the_result_and_in_the_table(quick: tuple[dict[str, Any], str]) -> None:
    result, printed = quick
    facts = next(case for case in result["cases"] if case["name"] == "clutter")["facts"]
    assert facts["equivfast: average precision"] == facts["equivfast: alone, exact"] == 1.0
    assert 0 <= facts["equivfast, align=False: mean over objects"] <= 1
    assert "2 objects in 2 scenes, 2 pasted in; 1 alone" in printed
    assert OPENCV or printed.count("absent: needs opencv-contrib") >= 2


def test_every_case_compares_what_takes_part(quick: tuple[dict[str, Any], str]) -> None:
    for case in quick[0]["cases"]:
        names = " ".join(r["name"] for r in case["results"])
        assert case["results"][0]["name"] == "equivfast"
        rival = "warp" if case["name"].startswith("window") else "matchTemplate"
        assert (rival in names) == (OPENCV or rival == "warp"), case["name"]


def test_cases_that_nobody_asks_for_are_not_prepared(
    modules: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = modules["bench_detector"]
    monkeypatch.setattr(sys, "argv", ["bench_detector.py", "--quick", "--cases", "window"])
    monkeypatch.setattr(bench, "clutter_case", lambda quick: pytest.fail("prepared"))
    assert [case.name for case in bench.cases(True, 1)] == ["window-rot24"]


def test_what_does_not_find_the_example_is_refused(modules: dict[str, ModuleType]) -> None:
    bench, find = modules["bench_detector"], modules["detector_rivals"].Find
    contestant = modules["common"].Contestant

    def finding(*found: Any) -> Any:
        return contestant("rival", lambda: found)

    right, far = find(20.0, 30.0, 1.0, 357.0, 0.8), find(40.0, 30.0, 1.0, 0.0, 0.9)
    turned = find(20.0, 30.0, 1.0, 90.0, 0.9)
    assert bench.found_there(finding(right), (21.0, 29.0)).name == "rival"
    for found in ((), (far, right), (turned, right)):
        with pytest.raises(ValueError, match="rival: must find the example at"):
            bench.found_there(finding(*found), (21.0, 29.0))


def test_of_finds_that_lie_near_each_other_the_best_stays(modules: dict[str, ModuleType]) -> None:
    find, apart = modules["detector_rivals"].Find, modules["detector_rivals"].apart
    low, high, far = find(0, 0, 1.0, 0, 0.5), find(30, 0, 1.0, 0, 0.9), find(80, 0, 1.0, 0, 0.7)
    assert apart([low, far, high], 80.0) == [high, far]
    assert apart([low, far, high], 40.0) == [high, far, low]


def test_scales_are_the_detectors_steps(modules: dict[str, ModuleType]) -> None:
    steps = modules["detector_rivals"].steps
    np.testing.assert_allclose(steps((0.5, 2.0)), 2 ** (np.arange(-6, 7) / 6))
    assert steps((1.0, 1.0)) == [1.0]


def test_a_way_that_finds_everything_has_precision_one_and_one_that_finds_nothing_zero(
    modules: dict[str, ModuleType],
) -> None:
    quality, find = modules["detector_quality"], modules["detector_rivals"].Find
    s = quality.scenes(True)
    crops = {subject.crop.tobytes(): k for k, subject in enumerate(s.wanted)}

    def known(made: int, image: Any) -> list[Any]:
        placed = next(scene.placed for scene in s.clutter if scene.image is image)
        return [find(p.x + 1, p.y, p.scale, p.angle + 4, 0.7) for p in placed if p.subject == made]

    oracle = quality.Way("oracle", lambda crop: crops[crop.tobytes()], known, (0.6, 0.8))
    figures = quality._in_clutter(oracle, s)
    assert figures["average precision"] == figures["mean over objects"] == 1.0
    assert figures["precision at 0.6"] == figures["recall at 0.6"] == 1.0
    assert figures["recall at 0.8"] == 0.0 and "precision at 0.8" not in figures
    blind = quality.Way("blind", lambda crop: None, lambda made, image: [], (0.5,))
    assert quality._in_clutter(blind, s)["average precision"] == 0.0
    assert quality._alone(blind, s) == {"alone, exact": 0.0, "alone, found": 0.0}


@needs_opencv
@pytest.mark.parametrize("name", ["MatchTemplate", "LineMod"])
def test_a_rival_finds_a_turned_and_scaled_example(name: str, modules: dict[str, ModuleType]) -> None:
    rivals = modules["detector_rivals"]
    if rivals.absent("LINE-MOD") and name == "LineMod":
        pytest.skip("this OpenCV is without contrib")
    cat = ef.data.photographs(["cat"])[0].image
    crop = np.ascontiguousarray(cat[75:155, 130:210])
    g = ef.groups.rotation(30) @ ef.groups.scaling(1.2)
    turned = np.asarray(ef.groups.warp(cat, g)[0]).round().clip(0, 255).astype(np.uint8)
    centre = (np.array(cat.shape[1::-1]) - 1) / 2
    place = g(np.array([169.5, 114.5]) - centre) + centre
    rival = getattr(rivals, name)(crop, range(0, 360, 30), [1.0, 1.2])
    found = max(rival.detect(turned), key=lambda one: one.score)
    assert abs(found.x - place[0]) <= 3 and abs(found.y - place[1]) <= 3
    assert (found.angle, found.scale) == (30, 1.2)
