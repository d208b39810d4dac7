"""equivfast equivariance: how a representation transforms, measured on photographs, as a report."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from equivfast.studies.equivariance import EquivarianceConfig


class Setting(click.Option):
    """An option of the study's config: its default stands there, and is shown from there."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        from equivfast.studies.equivariance import EquivarianceConfig

        record = super().get_help_record(ctx)
        default = getattr(EquivarianceConfig, self.name or "", None)
        if record is None or default is None:
            return record
        words = ",".join(default) if isinstance(default, tuple) else default
        return record[0], f"{record[1]}  [default: {words}]"


@click.command()
@click.option("--model", type=click.Choice(["hog"]), default="hog", help="The representation.")
@click.option("--transforms", cls=Setting, help="Names with commas, as rot:45,scale:1.25,shift:3,-2,hflip.")
@click.option("--images", cls=Setting, help="A folder of photographs, or `embedded`.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for the report.")
@click.option("--seed", cls=Setting, type=int, help="Decides windows and held-out photographs.")
@click.option("--windows", "train_windows", cls=Setting, type=int, help="Windows to learn from.")
@click.option("--test-windows", cls=Setting, type=int, help="Windows to measure on.")
@click.option(
    "--curve-windows", cls=Setting, type=int, help="Windows for each point of a curve; 0: no curves."
)
@click.option("--field", cls=Setting, type=int, help="Cells along each side of the compared field, odd.")
@click.option("--cell", cls=Setting, type=int, help="Side of a cell in pixels, even.")
@click.option("--orientations", cls=Setting, type=int, help="Undirected orientation bins.")
@click.option("--variant", cls=Setting, help="uoctti, dalal-triggs or dpm.")
@click.option("--assignment", cls=Setting, help="Orientation bins: nearest or bilinear.")
@click.option("--threads", type=int, help="CPU threads.  [default: as torch chooses]")
@click.option("--resume", is_flag=True, help="Go on where an interrupted run with the same settings stopped.")
def equivariance(model: str, transforms: str | None, out: Path, **settings: Any) -> None:
    """Learn maps M with M phi(x) = phi(g x), measure them on held-out photographs, write OUT/index.html.

    OUT/result.json holds every number of the report.
    """
    from equivfast.studies.equivariance import EquivarianceConfig

    if transforms is not None:
        settings["transforms"] = split_transforms(transforms)
    given = {name: value for name, value in settings.items() if value is not None}
    page = write_study(EquivarianceConfig(out=str(out), **given), out)[1]
    click.echo(f"report: {page}")


def split_transforms(text: str) -> tuple[str, ...]:
    """Names between commas; a comma before a number belongs to the name it stands in.

    >>> split_transforms("rot:45, shift:3,-2,hflip")
    ('rot:45', 'shift:3,-2', 'hflip')
    """
    return tuple(name.strip() for name in re.split(r",(?!\s*[-+.\d])", text) if name.strip())


def write_study(config: EquivarianceConfig, out: Path) -> tuple[dict[str, Any], Path]:
    """Run the study and write out/result.json and out/index.html: its result, and the page's path."""
    from equivfast import report
    from equivfast.cli.progress import progress_bars
    from equivfast.studies.equivariance import run

    report.make_folder(out)
    with progress_bars() as progress:
        result = run(config, progress)
    report.write_json(out / "result.json", result)
    return result, report.write_equivariance_page(out / "index.html", result)
