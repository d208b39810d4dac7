"""equivfast equivariance: how a representation transforms, measured on photographs, as a report."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from equivfast.cli.studies import write_study

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
        words = ",".join(map(str, default)) if isinstance(default, tuple) else default
        return record[0], f"{record[1]}  [default: {words}]"


@click.command()
@click.option("--model", type=click.Choice(["hog"]), default="hog", help="The representation.")
@click.option("--transforms", cls=Setting, help="Names with commas, as rot:45,scale:1.25,shift:3,-2,hflip.")
@click.option("--images", cls=Setting, help="A folder of photographs, or `embedded`.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for the report.")
@click.option("--seed", cls=Setting, type=int, help="Decides windows and held-out photographs.")
@click.option("--windows", "train_windows", cls=Setting, type=int, help="Windows to learn from.")
@click.option("--test-windows", cls=Setting, type=int, help="Windows to measure on.")
@click.option("--parts", cls=Setting, help="What to measure besides the table: names with commas, or `none`.")
@click.option(
    "--curve-windows", cls=Setting, type=int, help="Windows for each point of a curve and each product."
)
@click.option("--sizes", cls=Setting, help="Cells along the sides of the arrays compared: 3,5,7,9.")
@click.option("--detailed", cls=Setting, help="The transformations that are measured on these arrays.")
@click.option(
    "--compositions", cls=Setting, help="Products to check, as rot:45*hflip: the second comes first."
)
@click.option("--task", cls=Setting, help="`faces`, or a folder with positive/ and negative/ pictures.")
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

    settings["transforms"] = transforms
    for name in ("transforms", "detailed", "compositions"):
        if settings[name] is not None:
            settings[name] = split_transforms(settings[name])
    if settings["parts"] is not None:
        settings["parts"] = tuple(p.strip() for p in settings["parts"].split(",") if p.strip() != "none")
    if settings["sizes"] is not None:
        settings["sizes"] = whole_numbers("sizes", settings["sizes"])
    given = {name: value for name, value in settings.items() if value is not None}
    page = write_equivariance_study(EquivarianceConfig(out=str(out), **given), out)[1]
    click.echo(f"report: {page}")


def split_transforms(text: str) -> tuple[str, ...]:
    """Names between commas; a comma before a number belongs to the name it stands in.

    >>> split_transforms("rot:45, shift:3,-2,hflip")
    ('rot:45', 'shift:3,-2', 'hflip')
    """
    return tuple(name.strip() for name in re.split(r",(?!\s*[-+.\d])", text) if name.strip())


def whole_numbers(name: str, text: str) -> tuple[int, ...]:
    """Whole numbers between commas.

    >>> whole_numbers("sizes", "3, 5")
    (3, 5)
    """
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"equivariance: {name} must be whole numbers with commas, got {text!r}") from None


def write_equivariance_study(config: EquivarianceConfig, out: Path) -> tuple[dict[str, Any], Path]:
    """Run the study and write its report: the result, and the page's path."""
    from equivfast import report
    from equivfast.studies.equivariance import run

    return write_study(out, partial(run, config), report.write_equivariance_page)
