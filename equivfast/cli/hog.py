"""equivfast hog: features, glyph pictures and inversions of image files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click


@click.command()
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...", type=click.Path(path_type=Path))
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Folder for NAME.npy and NAME.png."
)
@click.option("--cell", default=8, show_default=True, help="Side of a cell in pixels.")
@click.option("--orientations", default=9, show_default=True, help="Undirected orientation bins.")
@click.option("--variant", default="uoctti", show_default=True, help="uoctti, dalal-triggs or dpm.")
@click.option(
    "--assignment", default="nearest", show_default=True, help="Orientation bins: nearest or bilinear."
)
@click.option("--invert", is_flag=True, help="Also NAME-inverted.png: a picture that the features describe.")
@click.option(
    "--invert-by",
    type=click.Choice(["paired", "gradient"]),
    help="How, with --invert: by a paired dictionary (about a second; uoctti, cells of 8 pixels, 9 orientations) or "
    "by gradient descent (sharper, any HOG).  [default: paired where it is possible]",
)
def hog(images: tuple[Path, ...], out: Path, invert: bool, invert_by: str | None, **settings: Any) -> None:
    """Compute HOG features of images: NAME.npy (channels, rows, columns) float32, and NAME.png with its glyphs."""
    from equivfast import report
    from equivfast.cli.progress import progress_bars

    method = _method(invert_by, settings) if invert or invert_by else None
    names = named(images, inverted=method is not None)
    report.make_folder(out)
    with progress_bars() as progress:
        for k, (name, path) in enumerate(names.items()):

            def tell(done: int, total: int, k: int = k) -> None:
                progress("inversion", k * total + done, len(names) * total)

            click.echo(f"{path}: {_write(path, out / name, settings, method, tell)}")


def named(images: tuple[Path, ...], *, inverted: bool) -> dict[str, Path]:
    """The images by the names of what is written; ValueError where one file would replace another."""
    names: dict[str, Path] = {}
    for path in images:
        if path.stem in names:
            raise ValueError(f"hog: images must have different names, got {names[path.stem]} and {path}")
        names[path.stem] = path
    for name in names:
        if inverted and f"{name}-inverted" in names:
            other = names[f"{name}-inverted"]
            raise ValueError(f"hog: images must not be named like inversions, got {names[name]} and {other}")
    return names


def _method(asked: str | None, settings: dict[str, Any]) -> str:
    """How to invert; ValueError now, not after the first image, where the dictionary does not know these settings."""
    from equivfast import inversion, representations

    phi = representations.HOG(**settings)
    if asked == "paired" and not inversion.pairable(phi):
        raise ValueError(
            "hog: --invert-by paired needs variant uoctti, cell 8 and 9 orientations, "
            f"got {phi.variant}, {phi.cell} and {phi.orientations}"
        )
    return asked or ("paired" if inversion.pairable(phi) else "gradient")


def _write(
    path: Path, target: Path, settings: dict[str, Any], method: str | None, tell: Callable[[int, int], None]
) -> str:
    """The files of one image, and what to say of them."""
    import numpy as np

    from equivfast import data, inversion, ops, report, representations

    image = data.read_image(path)
    field = ops.hog(image, **settings)
    features = report.save_npy(target.with_name(f"{target.name}.npy"), field)
    picture = report.ink(report.glyphs(field, settings["orientations"], settings["variant"]))
    drawn = report.write_bytes(target.with_name(f"{target.name}.png"), report.png_bytes(picture))
    said = f"{'x'.join(map(str, field.shape))} features in {features}, glyphs in {drawn}"
    if method is None:
        return said
    tell(0, 1)
    seen = inversion.invert(
        field, representations.HOG(**settings), method, size=image.shape[:2],
        progress=lambda stage, done, total: tell(done, total),
    )  # fmt: skip
    content = report.png_bytes(np.round(seen).astype(np.uint8))
    inverted = report.write_bytes(target.with_name(f"{target.name}-inverted.png"), content)
    tell(1, 1)
    return f"{said}, inversion ({method}) in {inverted}"
