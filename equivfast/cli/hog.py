"""equivfast hog: features and glyph pictures of image files."""

from __future__ import annotations

from pathlib import Path

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
def hog(
    images: tuple[Path, ...], out: Path, cell: int, orientations: int, variant: str, assignment: str
) -> None:
    """Compute HOG features of images: NAME.npy (channels, rows, columns) float32, and NAME.png with its glyphs."""
    from equivfast import data, ops, report

    names: dict[str, Path] = {}
    for path in images:
        if path.stem in names:
            raise ValueError(f"hog: images must have different names, got {names[path.stem]} and {path}")
        names[path.stem] = path
    report.make_folder(out)
    for name, path in names.items():
        field = ops.hog(data.read_image(path), cell, orientations, variant, assignment)
        features = report.save_npy(out / f"{name}.npy", field)
        picture = report.ink(report.glyphs(field, orientations, variant))
        drawn = report.write_bytes(out / f"{name}.png", report.png_bytes(picture))
        click.echo(f"{path}: {'x'.join(map(str, field.shape))} features in {features}, glyphs in {drawn}")
