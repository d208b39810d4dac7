"""What a HOG equivariance study is told, checked before anything runs."""

from __future__ import annotations

from dataclasses import dataclass

from equivfast.groups import Transform, parse

DEFAULT_TRANSFORMS = ("hflip", "vflip", "rot:180", "rot:90", "rot:45", "scale:1.25", "shift:4,2")


@dataclass(frozen=True)
class EquivarianceConfig:
    """Settings of :func:`equivfast.studies.equivariance.run`.

    Units      field in cells (odd: the window's centre is a cell's centre), cell in pixels. ``images``: a folder, or
               "embedded" for the photographs that scikit-image and scikit-learn carry. ``curve_windows``: training
               windows of each point of the error curves over angle and scale, 0: no curves
    """

    images: str = "embedded"
    transforms: tuple[str, ...] = DEFAULT_TRANSFORMS
    seed: int = 0
    train_windows: int = 1000
    test_windows: int = 500
    curve_windows: int = 400
    field: int = 9
    cell: int = 8
    orientations: int = 9
    variant: str = "uoctti"
    assignment: str = "bilinear"
    test_share: float = 0.3
    out: str | None = None
    resume: bool = False
    threads: int | None = None

    def __post_init__(self) -> None:
        if self.field < 1 or self.field % 2 == 0:
            raise ValueError(f"equivariance: field must be an odd number of cells, got {self.field}")
        if self.cell % 2:
            raise ValueError(
                f"equivariance: cell must be even, so that windows have a centre, got {self.cell}"
            )
        for name in ("train_windows", "test_windows"):
            if getattr(self, name) < 1:
                raise ValueError(f"equivariance: {name} must be at least 1, got {getattr(self, name)}")
        if self.curve_windows < 0:
            raise ValueError(f"equivariance: curve_windows must be 0 or more, got {self.curve_windows}")
        if not self.transforms:
            raise ValueError("equivariance: transforms must name at least one transformation, got none")
        self.parsed()

    def parsed(self) -> list[Transform]:
        """The transformations, in order; ValueError names the one that cannot be read."""
        return [parse(text) for text in self.transforms]
