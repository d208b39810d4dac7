"""A study run and written down, as every command does it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any


def write_study(
    out: Path, run: Callable[[Any], dict[str, Any]], page: Callable[[Path, dict[str, Any]], Path]
) -> tuple[dict[str, Any], Path]:
    """Run with progress and write out/result.json and out/index.html: the result, and the page's path.

    `run` is given the function to call while the work goes on.
    """
    from equivfast import report
    from equivfast.cli.progress import progress_bars

    report.make_folder(out)
    with progress_bars() as progress:
        result = run(progress)
    report.write_json(out / "result.json", result)
    return result, page(out / "index.html", result)
