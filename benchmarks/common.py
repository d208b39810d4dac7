"""Interleaved timing of our functions and their rivals; the command line that all benchmarks share."""

from __future__ import annotations

import argparse
import gc
import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from machine import Limits, load, measure_limits, metadata, peak_memory
from results import RunResult, print_case, print_summary, save, writable

SEED = 0
TOLERANCE = 1e-3  # of the largest number; float32 sums of a few hundred terms stay two orders below it

Numbers = Any  # what a call returns: a tensor, an array, or a tuple of them


@dataclass(frozen=True)
class Contestant:
    """One way to do the work of a case.

    ``work`` names what it computes where that is not exactly what ours computes. ``view`` brings the result of an
    equal computation into the form of ours, so that the two can be compared; None where it is another computation.
    """

    name: str
    call: Callable[[], Numbers]
    ours: bool = False
    work: str = "the same"
    view: Callable[[Numbers], Numbers] | None = None
    before: Callable[[], None] = lambda: None  # not timed
    share: float = 1.0  # of the case's work, done by a call; its time counts for the whole


@dataclass(frozen=True)
class Case:
    """One input and the contestants for it, ours first.

    ``amount`` of ``unit`` is what one call does; ``traffic`` its bytes, held against the ``limit`` of the machine.
    ``facts`` are numbers about ours that are not times. Of them ``floor_gflop``, products and sums that a call needs,
    is held against the machine's fused multiply-adds.
    """

    name: str
    about: str
    amount: float
    unit: str  # "Mpix", "Gflop", "maps", "images" or "windows"
    traffic: int
    limit: str  # "read" or "copy"
    contestants: Sequence[Contestant]
    facts: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Pace:
    """How long to measure: calls fill a sample, samples a round, rounds the budget of a case."""

    sample: float = 0.008
    budget: float = 3.0
    rounds: tuple[int, int] = (5, 25)
    limit_bytes: int = 1 << 30


QUICK = Pace(sample=0.0005, budget=0.05, rounds=(3, 3), limit_bytes=1 << 24)


@dataclass
class _Timing:
    contestant: Contestant
    calls: int
    estimate: float
    samples: list[float] = field(default_factory=list)

    def sample(self) -> None:
        self.contestant.before()
        # Worker threads of the contestant before may still be spinning for work on our core.
        time.sleep(0.002)
        if self.estimate < 0.02:
            self.contestant.call()  # fills the caches with this contestant's data again
        call = self.contestant.call
        start = time.perf_counter()
        for _ in range(self.calls):
            call()
        self.samples.append((time.perf_counter() - start) / self.calls / self.contestant.share)


def _prepare(contestant: Contestant, pace: Pace) -> _Timing:
    contestant.before()
    contestant.call()
    start = time.perf_counter()
    contestant.call()
    estimate = time.perf_counter() - start
    return _Timing(contestant, max(1, round(pace.sample / estimate)), estimate)


def difference(contestant: Contestant, ours: Numbers) -> float | None:
    """Largest difference from our result, as a share of its largest number; None for another computation."""
    if contestant.view is None:
        return None
    theirs = contestant.view(contestant.call())
    pairs = zip(ours, theirs, strict=True) if isinstance(ours, tuple) else [(ours, theirs)]
    worst = 0.0
    for a, b in pairs:
        x, y = (np.asarray(torch.as_tensor(t).detach(), np.float64) for t in (a, b))
        if x.shape != y.shape:
            raise ValueError(
                f"{contestant.name}: result must have the shape {x.shape} of ours, got {y.shape}"
            )
        worst = max(worst, float(np.abs(x - y).max() / max(np.abs(x).max(), 1e-30)))
    if worst > TOLERANCE:
        apart = f"differs from ours by {worst:.2g} of the largest number"
        raise ValueError(f"{contestant.name}: is not the same computation: {apart}")
    return worst


def spread(values: Iterable[float]) -> dict[str, float]:
    p10, median, p90 = np.quantile(np.fromiter(values, float), (0.1, 0.5, 0.9))
    return {"median": float(median), "p10": float(p10), "p90": float(p90)}


def measure(case: Case, threads: int, pace: Pace, limits: Limits) -> dict[str, Any]:
    """Times all contestants of a case in turns: every round has one sample of each, in an order drawn anew."""
    first = case.contestants[0]
    first.before()
    ours = first.call() if first.view is None else first.view(first.call())
    differences = [difference(c, ours) for c in case.contestants]
    timings = [_prepare(c, pace) for c in case.contestants]
    cost = sum(t.estimate * (t.calls + 1) for t in timings)
    rounds = int(np.clip(pace.budget / cost, *pace.rounds))
    rng = np.random.default_rng(SEED)
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for i in rng.permutation(len(timings)):
                timings[i].sample()
    finally:
        gc.enable()
    limit = limits[case.limit]["memory"]["median"]
    unit_time = timings[0].samples
    results = []
    for t, apart in zip(timings, differences, strict=True):
        c = t.contestant
        c.before()
        seconds = spread(t.samples)
        results.append({
            "name": c.name, "ours": c.ours, "work": c.work, "difference": apart, "rounds": rounds, "calls": t.calls,
            "ms": {k: v * 1e3 for k, v in seconds.items()},
            "rate": spread(case.amount / v for v in t.samples),
            "limit_share": case.traffic / seconds["median"] / 1e9 / limit,
            "peak_mib": peak_memory(c.call),
            # Taken within each round, so that a slow moment of the machine hits both.
            "times_ours": None if t is timings[0] else spread(a / b for a, b in zip(t.samples, unit_time, strict=True)),
        })  # fmt: skip
    found = {
        "name": case.name, "about": case.about, "threads": threads, "amount": case.amount, "unit": case.unit,
        "traffic_bytes": case.traffic, "limit": case.limit, "results": results,
    }  # fmt: skip
    return found | (
        {"facts": _with_floor(case.facts, results[0]["ms"]["median"], limits)} if case.facts else {}
    )


def _with_floor(facts: dict[str, float], ms: float, limits: Limits) -> dict[str, float]:
    if "floor_gflop" not in facts or "fma" not in limits["multiply"]:
        return facts
    floor = facts["floor_gflop"] / limits["multiply"]["fma"]["median"] * 1e3
    return facts | {"floor_ms": floor, "ours_over_floor": ms / floor}


def warm_up(seconds: float) -> None:
    """Keeps the cores busy until their clock has settled."""
    a = torch.ones(512, 512)
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        a @ a


def _arguments(description: str, argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description)
    cores = len(os.sched_getaffinity(0))
    parser.add_argument(
        "--quick", action="store_true", help="small inputs, three rounds: does it run? (no figures)"
    )
    parser.add_argument("--threads", type=int, nargs="+", default=[t for t in (1, 2) if t <= cores])
    parser.add_argument("--cases", default="", help="only cases whose name contains this")
    parser.add_argument("--out", metavar="FILE", help="write the result as JSON")
    args = parser.parse_args(argv)
    if not all(1 <= t <= cores for t in args.threads):
        parser.error(f"--threads must be 1 to {cores}, the cores of this machine, got {args.threads}")
    try:
        if args.out:
            writable(args.out)
    except ValueError as error:
        parser.error(str(error))
    return args


def run(
    name: str,
    description: str,
    cases: Callable[[bool, int], Iterable[Case]],
    rivals: dict[str, str],
    argv: Sequence[str] | None = None,
) -> RunResult:
    """The main function of a benchmark: ``cases(quick, threads)`` for every thread count, table and JSON."""
    args = _arguments(description, argv)
    pace = QUICK if args.quick else Pace()
    facts = metadata(rivals, SEED)
    measured, limits = [], []
    gc.freeze()  # modules stay: to look through them for garbage takes 0.1 s, twice for every contestant
    before = torch.get_num_threads()
    try:
        for threads in dict.fromkeys(args.threads):
            torch.set_num_threads(threads)
            warm_up(0.0 if args.quick else 1.0)
            found = measure_limits(pace.limit_bytes)
            limits.append({"threads": threads, **found})
            for case in cases(args.quick, threads):
                if args.cases in case.name:
                    measured.append(measure(case, threads, pace, found))
                    print_case(measured[-1])
    finally:
        torch.set_num_threads(before)
    facts["load_after"] = load()
    result: RunResult = {
        "schema": "equivfast-benchmark", "schema_version": 1, "benchmark": name, "quick": args.quick,
        "metadata": facts, "limits": limits, "cases": measured,
    }  # fmt: skip
    print_summary(result)
    if args.out:
        save(args.out, result)
    return result
