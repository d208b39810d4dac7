"""The form of a benchmark's result: schema, file, tables.

python benchmarks/results.py FILE      prints the tables of a result
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from equivfast.report import make_folder, write_json

RunResult = dict[str, Any]

SPREAD = {"median": float, "p10": float, "p90": float}
RESULT = {
    "name": str, "ours": bool, "work": str, "difference": (float, None), "rounds": int, "calls": int, "ms": SPREAD,
    "rate": SPREAD, "limit_share": float, "peak_mib": (float, None), "times_ours": (SPREAD, None),
}  # fmt: skip
CASE = {
    "name": str, "about": str, "threads": int, "amount": float, "unit": str, "traffic_bytes": int, "limit": str,
    "facts?": {...: float}, "results": [RESULT],
}  # fmt: skip
LIMIT = {
    "threads": int,
    "read": {"memory": SPREAD, "cache": SPREAD},
    "copy": {"memory": SPREAD, "cache": SPREAD},
    "multiply": {"cache": SPREAD, "fma?": SPREAD},
}
METADATA = {
    "date_utc": str, "commit": (str, None), "cpu": str, "cores": int, "cpu_level": str, "cpu_levels": [str],
    "platform": str, "compiler": str, "versions": {"version": str, "python": str, "torch": str, "numpy": str},
    "rivals": {...: str}, "seed": int, "load_before": [float], "load_after": [float],
}  # fmt: skip
SCHEMA = {
    "schema": str, "schema_version": int, "benchmark": str, "quick": bool, "metadata": METADATA, "limits": [LIMIT],
    "cases": [CASE],
}  # fmt: skip


def _fail(path: str, expected: str, value: Any) -> None:
    raise ValueError(f"benchmark result: {path} must be {expected}, got {value!r:.80}")


def _conform(value: Any, form: Any, path: str) -> None:
    """A form is a type, a dict of forms, a list of one form, or a tuple of a form and None.

    In a dict ``...`` stands for any key, and a key that ends in ``?`` may be absent.
    """
    if isinstance(form, tuple):
        if value is not None:
            _conform(value, form[0], path)
    elif isinstance(form, dict):
        if not isinstance(value, dict):
            _fail(path, "an object", value)
        known = {key.removesuffix("?"): item for key, item in form.items() if key is not ...}
        absent = {key[:-1] for key in form if key is not ... and key.endswith("?")} - set(value)
        if ... not in form and set(value) != set(known) - absent:
            wrong = ", ".join(sorted(set(value) ^ (set(known) - absent)))
            raise ValueError(
                f"benchmark result: {path} must have the keys of the schema, missing or unknown: {wrong}"
            )
        for key, item in value.items():
            _conform(item, known.get(key, form.get(...)), f"{path}.{key}")
    elif isinstance(form, list):
        if not isinstance(value, list) or not value:
            _fail(path, "a list that is not empty", value)
        for i, item in enumerate(value):
            _conform(item, form[0], f"{path}[{i}]")
    elif form is float:
        if (
            isinstance(value, bool)
            or not isinstance(value, (int, float))
            or not math.isfinite(value)
            or value < 0
        ):
            _fail(path, "a finite number, at least 0", value)
        return
    elif not isinstance(value, form) or (form is int and isinstance(value, bool)):
        _fail(path, f"of type {form.__name__}", value)
    if form is SPREAD and not value["p10"] <= value["median"] <= value["p90"]:
        _fail(path, "ordered p10 <= median <= p90", value)


def check(result: RunResult) -> None:
    """ValueError naming the first place where a result departs from the schema."""
    _conform(result, SCHEMA, "result")
    if (result["schema"], result["schema_version"]) != ("equivfast-benchmark", 1):
        _fail("result.schema", "equivfast-benchmark, version 1", (result["schema"], result["schema_version"]))
    for i, case in enumerate(result["cases"]):
        path = f"result.cases[{i}]"
        if not any(limit["threads"] == case["threads"] for limit in result["limits"]):
            _fail(f"{path}.threads", "a thread count with measured limits", case["threads"])
        for j, entry in enumerate(case["results"]):
            if (entry["times_ours"] is None) != (j == 0):
                _fail(
                    f"{path}.results[{j}].times_ours",
                    "null for the first contestant alone",
                    entry["times_ours"],
                )
        if not case["results"][0]["ours"]:
            _fail(f"{path}.results[0].ours", "true: ours comes first", False)


def writable(path: str) -> None:
    """ValueError now, not after minutes of measuring, if the file cannot be written."""
    make_folder(Path(path).parent)


def save(path: str, result: RunResult) -> None:
    check(result)
    write_json(path, result)


def read(path: str | Path) -> RunResult:
    result: RunResult = json.loads(Path(path).read_text())
    check(result)
    return result


def _console() -> Console:
    # A file or a pipe has no width of its own; tables must not be cut there.
    return Console(width=None if sys.stdout.isatty() else 160, highlight=False)


def _range(s: dict[str, float], digits: int) -> str:
    return f"{s['median']:.{digits}f} ({s['p10']:.{digits}f}-{s['p90']:.{digits}f})"


def print_case(case: dict[str, Any]) -> None:
    title = f"{case['name']}, {case['threads']} thread(s): {case['about']}"
    table = Table(title=title, title_justify="left", title_style="bold")
    numbers = ("ms (10-90 %)", f"{case['unit']}/s", f"% of {case['limit']}", "time / ours", "peak MiB")
    for heading in ("", *numbers, "computes"):
        table.add_column(heading, justify="right" if heading in numbers else "left")
    for r in case["results"]:
        table.add_row(
            ("* " if r["ours"] else "  ") + r["name"],
            _range(r["ms"], 3),
            _range(r["rate"], 1),
            f"{100 * r['limit_share']:.1f}",
            "" if r["times_ours"] is None else _range(r["times_ours"], 2),
            "" if r["peak_mib"] is None else f"{r['peak_mib']:.1f}",
            r["work"],
        )
    console = _console()
    console.print(table)
    if case.get("facts"):
        console.print("; ".join(f"{key.replace('_', ' ')} {v:.4g}" for key, v in case["facts"].items()))


def fastest_rivals(result: RunResult, equal: bool = False) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """(case, its fastest rival) for every case that has rivals: the comparison that counts, won or lost.

    ``equal``: of those that compute the same.
    """
    found = []
    for case in result["cases"]:
        rivals = [r for r in case["results"] if not (r["ours"] or (equal and r["difference"] is None))]
        if rivals:
            found.append((case, min(rivals, key=lambda r: float(r["ms"]["median"]))))
    return found


def _versus(title: str, pairs: list[tuple[dict[str, Any], dict[str, Any]]]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    numbers = ("threads", "ours", "% of limit", "its time / ours")
    for heading in ("case", "threads", "ours", "% of limit", "fastest rival", "its time / ours", ""):
        table.add_column(heading, justify="right" if heading in numbers else "left")
    for case, rival in pairs:
        ours, times = case["results"][0], rival["times_ours"]
        table.add_row(
            case["name"],
            str(case["threads"]),
            f"{_range(ours['rate'], 1)} {case['unit']}/s",
            f"{100 * ours['limit_share']:.1f}",
            rival["name"],
            _range(times, 2),
            "LOST" if times["median"] < 1 else "",
        )
    return table


def print_summary(result: RunResult) -> None:
    console, facts = _console(), result["metadata"]
    found = fastest_rivals(result)
    console.print(_versus("against the fastest rival of each case", found))
    others = [case for case, rival in found if rival["difference"] is None]
    equal = [pair for pair in fastest_rivals(result, equal=True) if pair[0] in others]
    if equal:
        console.print(_versus("of these, against the fastest rival that computes the same", equal))
    for limit in result["limits"]:
        kinds = [limit[kind] for kind in ("read", "copy", "multiply")]
        read, copy, multiply = ({place: f"{s['median']:.1f}" for place, s in kind.items()} for kind in kinds)
        console.print(
            f"limits, {limit['threads']} thread(s): read {read['memory']} GB/s (cache {read['cache']}), copy "
            f"{copy['memory']} GB/s (cache {copy['cache']}), matrix product {multiply['cache']} Gflop/s, "
            f"fused multiply-adds {multiply.get('fma', 'not measured')}"
        )
    for name, version in facts["rivals"].items():
        console.print(f"{name}: {version}")
    console.print(f"{facts['cpu']}, level {facts['cpu_level']}, commit {facts['commit']}")
    console.print(f"load average {facts['load_before'][0]} before, {facts['load_after'][0]} after")
    if result["quick"]:
        console.print("quick run: it shows that the benchmark works, not how fast anything is")


def print_result(result: RunResult) -> None:
    for case in result["cases"]:
        print_case(case)
    print_summary(result)


if __name__ == "__main__":
    print_result(read(sys.argv[1]))
