"""What a HOG equivariance study is told, checked before anything runs."""

from __future__ import annotations

from dataclasses import dataclass

from equivfast.groups import Transform, parse

DEFAULT_TRANSFORMS = (
    "hflip",
    "vflip",
    "rot:180",
    "rot:90",
    "rot:45",
    "rot:30",
    "scale:1.25",
    "shift:4,2",
)
# A row of 5 coefficients and a bias passes through any 6 points: one more is needed to learn anything, and as
# many again to choose lambda on.
LEAST_WINDOWS = 9
LEAST_REASON = " to learn maps of 5 coefficients and a bias"
PARTS = ("curves", "sizes", "composition", "shared", "learning", "task")


@dataclass(frozen=True)
class EquivarianceConfig:
    """Settings of :func:`equivfast.studies.equivariance.run`.

    Units      field and sizes in cells (odd: the window's centre is a cell's centre), cell in pixels. ``images``: a
               folder, or "embedded" for the photographs that scikit-image and scikit-learn carry. ``parts``: what is
               measured besides the table of all transformations and methods; ``curve_windows``: training windows of
               each point of a curve, of each array size and of each composition. ``sizes``: the arrays that the
               transformations ``detailed`` are measured on; ``compositions``: "g*h", h applied first. ``task``:
               "faces", or a folder with positive/ and negative/ pictures of equal size
    """

    images: str = "embedded"
    transforms: tuple[str, ...] = DEFAULT_TRANSFORMS
    parts: tuple[str, ...] = PARTS
    seed: int = 0
    train_windows: int = 1000
    test_windows: int = 500
    curve_windows: int = 400
    field: int = 5
    sizes: tuple[int, ...] = (3, 5, 7, 9)
    detailed: tuple[str, ...] = ("rot:45", "scale:1.25")
    compositions: tuple[str, ...] = (
        "rot:45*rot:45",
        "rot:30*rot:15",
        "rot:45*hflip",
        "scale:1.25*rot:45",
    )
    task: str = "faces"
    cell: int = 8
    orientations: int = 9
    variant: str = "uoctti"
    assignment: str = "bilinear"
    test_share: float = 0.3
    out: str | None = None
    resume: bool = False
    threads: int | None = None

    def __post_init__(self) -> None:
        for field in (self.field, *self.sizes):
            if field < 1 or field % 2 == 0:
                name = "field" if field == self.field else "sizes"
                raise ValueError(f"equivariance: {name} must be an odd number of cells, got {field}")
        if self.cell % 2:
            raise ValueError(
                f"equivariance: cell must be even, so that windows have a centre, got {self.cell}"
            )
        for name in ("train_windows", "test_windows", "curve_windows"):
            least, why = (1, "") if name == "test_windows" else (LEAST_WINDOWS, LEAST_REASON)
            if getattr(self, name) < least:
                raise ValueError(
                    f"equivariance: {name} must be at least {least}{why}, got {getattr(self, name)}"
                )
        if self.threads is not None and self.threads < 1:
            raise ValueError(f"equivariance: threads must be at least 1, got {self.threads}")
        unknown = [part for part in self.parts if part not in PARTS]
        if unknown:
            raise ValueError(
                f"equivariance: parts must be among {', '.join(PARTS)}, got {', '.join(unknown)}"
            )
        if not self.transforms:
            raise ValueError("equivariance: transforms must name at least one transformation, got none")
        for text in self.compositions:
            if text.count("*") != 1:
                raise ValueError(f"equivariance: compositions must be two transformations g*h, got {text!r}")
        for text in (*self.detailed, *self.compositions):
            parse(text)
        self.parsed()

    def parsed(self) -> list[Transform]:
        """The transformations, in order; ValueError names the one that cannot be read."""
        return [parse(text) for text in self.transforms]
