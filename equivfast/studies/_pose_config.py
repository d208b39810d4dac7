"""What a pose study is told, checked before anything runs."""

from __future__ import annotations

from dataclasses import dataclass

from equivfast.studies._pose_networks import parse

TASKS = ("rotation", "affine")
LEAST_TRAIN, LEAST_TEST = 6, 4


@dataclass(frozen=True)
class PoseConfig:
    """Settings of :func:`equivfast.studies.pose.run`.

    Units      ``heads``: "faces" for the embedded ones, or a folder with images/ and xmls/ (`data.boxed_heads`). Of
               them ``train`` are learned from and the others tested, drawn anew for each of ``splits``. ``turns`` and
               ``affine_turns``: poses that each training head is shown in, once as it is and once mirrored;
               ``test_turns`` and ``affine_test_turns``: those of a test head, never mirrored. ``poses``: rotations by
               equal steps; ``affine_poses``: poses of the affine task. ``windows`` and ``affine_windows``: pieces of
               photographs that maps are learned on. ``lambdas``: regularization, chosen inside the training heads.
               ``leak_splits``: splits of the leak control; 0 leaves it out. ``timing_images``: images of the timing;
               0 leaves it out. ``networks``: layers that the rotations are learned from besides HOG, "MODEL#LAYER"
               (MODEL as `representations.models.load` takes it), with weights "MODEL#LAYER@WEIGHTS"
    Raises     ValueError for numbers that make no sense
    """

    heads: str = "faces"
    tasks: tuple[str, ...] = TASKS
    splits: int = 5
    train: int = 60
    turns: int = 1
    affine_turns: int = 1
    test_turns: int = 2
    affine_test_turns: int = 1
    poses: int = 36
    affine_poses: int = 48
    windows: int = 300
    affine_windows: int = 100
    lambdas: tuple[float, ...] = (1.0, 0.3)
    leak_splits: int = 2
    timing_images: int = 8
    networks: tuple[str, ...] = ()
    seed: int = 0
    out: str | None = None
    resume: bool = False
    threads: int | None = None

    def __post_init__(self) -> None:
        unknown = [task for task in self.tasks if task not in TASKS]
        if unknown or not self.tasks:
            raise ValueError(
                f"pose: tasks must be among {', '.join(TASKS)}, got {', '.join(unknown) or 'none'}"
            )
        least = {
            "splits": 1, "train": LEAST_TRAIN, "turns": 1, "affine_turns": 1, "test_turns": 1, "affine_test_turns": 1,
            "poses": 3, "affine_poses": 2, "windows": 10, "affine_windows": 10, "leak_splits": 0, "timing_images": 0,
        }  # fmt: skip
        for name, smallest in least.items():
            if getattr(self, name) < smallest:
                raise ValueError(f"pose: {name} must be at least {smallest}, got {getattr(self, name)}")
        if self.threads is not None and self.threads < 1:
            raise ValueError(f"pose: threads must be at least 1, got {self.threads}")
        if not self.lambdas or not min(self.lambdas) > 0:
            raise ValueError(f"pose: lambdas must be at least one number above 0, got {self.lambdas}")
        for name in self.networks:
            parse(name)
        if len(set(self.networks)) < len(self.networks):
            raise ValueError(f"pose: networks must differ, got {', '.join(self.networks)}")
        if self.networks and "rotation" not in self.tasks:
            raise ValueError(f"pose: tasks must hold rotation for networks, got {', '.join(self.tasks)}")
