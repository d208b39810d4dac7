"""equivfast equivariance: how a representation transforms, measured on images, as a report."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from equivfast.cli.lists import names, split_transforms, whole_numbers
from equivfast.cli.network_study import NETWORK_OPTIONS, network_command
from equivfast.cli.settings import Setting, config_class, given_for, settings_of
from equivfast.cli.studies import write_study

if TYPE_CHECKING:
    from equivfast.studies.equivariance import EquivarianceConfig

_HOG_OPTIONS: list[tuple[tuple[str, ...], dict[str, Any]]] = [
    (("--windows", "train_windows"), {"type": int, "help": "Windows to learn from."}),
    (("--test-windows",), {"type": int, "help": "Windows to measure on."}),
    (("--curve-windows",), {"type": int, "help": "Windows for each point of a curve and each product."}),
    (("--sizes",), {"help": "Cells along the sides of the arrays compared: 3,5,7,9."}),
    (("--detailed",), {"help": "The transformations that are measured on these arrays."}),
    (("--compositions",), {"help": "Products to check, as rot:45*hflip: the second comes first."}),
    (("--task",), {"help": "`faces`, or a folder with positive/ and negative/ pictures."}),
    (("--field",), {"type": int, "help": "Cells along each side of the compared field, odd."}),
    (("--cell",), {"type": int, "help": "Side of a cell in pixels, even."}),
    (("--orientations",), {"type": int, "help": "Undirected orientation bins."}),
    (("--variant",), {"help": "uoctti, dalal-triggs or dpm."}),
    (("--assignment",), {"help": "Orientation bins: nearest or bilinear."}),
]


@click.command()
@click.option(
    "--model",
    default="hog",
    show_default=True,
    help="hog, or a network: embedded:NAME, torchvision:NAME, timm:NAME, FILE.py:FACTORY.",
)
@click.option("--transforms", cls=Setting, help="Names with commas, as rot:45,scale:1.25,shift:3,-2,hflip.")
@click.option(
    "--images",
    cls=Setting,
    help="HOG: a folder of photographs, or `embedded`. Networks: labelled images, as a folder of class folders, a "
    ".csv, an .npz, `embedded:photographs` or `embedded:digits`.",
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for the report.")
@click.option("--seed", cls=Setting, type=int, help="Decides what is held out, and every draw.")
@click.option("--parts", cls=Setting, help="What to measure besides the table: names with commas, or `none`.")
@settings_of("hog", _HOG_OPTIONS)
@settings_of("network", NETWORK_OPTIONS)
@click.option("--threads", type=int, help="CPU threads.  [default: as torch chooses]")
@click.option("--resume", is_flag=True, help="Go on where an interrupted run with the same settings stopped.")
@click.option("--preflight", is_flag=True, help="Networks: say what the study will take, and end.")
@click.pass_context
def equivariance(ctx: click.Context, model: str, out: Path, preflight: bool, **settings: Any) -> None:
    """Learn maps M with M phi(x) = phi(g x), measure them on held-out images, write OUT/index.html.

    OUT/result.json holds every number of the report.
    """
    kind = "hog" if model == "hog" else "network"
    given = given_for(kind, ctx.command, settings)
    for name in ("transforms", "detailed", "compositions", "products", "trained"):
        if name in given:
            given[name] = split_transforms(given[name])
    if "parts" in given:
        given["parts"] = names(given["parts"])
    if kind == "network":
        network_command(model, out, preflight, given)
        return
    if "sizes" in given:
        given["sizes"] = whole_numbers("sizes", given["sizes"])
    page = write_equivariance_study(config_class("hog")(out=str(out), **given), out)[1]
    click.echo(f"report: {page}")


def write_equivariance_study(config: EquivarianceConfig, out: Path) -> tuple[dict[str, Any], Path]:
    """Run the study and write its report: the result, and the page's path."""
    from equivfast import report
    from equivfast.studies.equivariance import run

    return write_study(out, partial(run, config), report.write_equivariance_page)
