"""Progress: a bar for people who wait, a line per stage for logs."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from equivfast.cli import progress


def console(terminal: bool) -> tuple[Console, io.StringIO]:
    stream = io.StringIO()
    return Console(file=stream, force_terminal=terminal, width=100), stream


def test_log_gets_one_line_per_stage() -> None:
    where, stream = console(terminal=False)
    with progress.progress_bars(where) as report:
        for done in range(50):
            report("rot:45: [maps]", done, 49)
        report("measuring", 1, 1)
    assert stream.getvalue() == "equivfast: rot:45: [maps] (49)\nequivfast: measuring (1)\n"


def test_short_work_shows_no_bar() -> None:
    where, stream = console(terminal=True)
    with progress.progress_bars(where) as report:
        report("learning", 1, 1)
    assert stream.getvalue() == ""


def test_long_work_shows_the_present_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PATIENCE", -1.0)
    where, stream = console(terminal=True)
    with progress.progress_bars(where) as report:
        report("first [stage]", 3, 7)
        report("second", 1, 4)
    shown = stream.getvalue()
    assert "first [stage]" in shown and "3/7" in shown
    last = shown[shown.rindex("first [stage]") :].splitlines()[-2]
    assert "second" in last and "1/4" in last


def test_bars_go_when_the_work_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PATIENCE", -1.0)
    where, stream = console(terminal=True)
    with pytest.raises(ValueError, match="wrong"), progress.progress_bars(where) as report:
        report("learning", 1, 9)
        raise ValueError("wrong")
    assert stream.getvalue().rstrip("\n").endswith("\x1b[?25h")  # the cursor is back
