"""Progress on standard error: bars for a person who waits, one line per stage for a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


class Report(Protocol):
    """What long work calls to say how far it has come."""

    def __call__(self, stage: str, done: int, total: int) -> None: ...


# Bars that flash by tell nothing: they appear once the work has lasted this long.
PATIENCE = 1.0


@contextmanager
def progress_bars(console: Console | None = None) -> Iterator[Report]:
    """A function progress(stage, done, total) to call while the work goes on.

    On a terminal, a bar for the present stage, from `PATIENCE` seconds on; elsewhere one line as a stage begins.
    """
    console = console or Console(file=sys.stderr)
    yield from _bars(console) if console.is_terminal else _lines(console)


def _lines(console: Console) -> Iterator[Report]:
    begun: set[str] = set()

    def progress(stage: str, done: int, total: int) -> None:
        if stage not in begun:
            begun.add(stage)
            console.print(f"equivfast: {stage} ({total})", markup=False, highlight=False, soft_wrap=True)

    yield progress


def _bars(console: Console) -> Iterator[Report]:
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    bars = Progress(*columns, console=console)
    tasks: dict[str, TaskID] = {}
    started = time.monotonic()
    shown = False

    def progress(stage: str, done: int, total: int) -> None:
        nonlocal shown
        if stage not in tasks:
            tasks[stage] = bars.add_task(stage, total=total)
        # Stages of a study are many: only the present one has a bar, or they would fill the screen.
        for name, task in tasks.items():
            bars.update(task, visible=name == stage)
        bars.update(tasks[stage], completed=done, total=total)
        if not shown and time.monotonic() - started > PATIENCE:
            shown = True
            bars.start()

    try:
        yield progress
    finally:
        if shown:
            bars.stop()
