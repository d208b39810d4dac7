"""hog against scikit-image, OpenCV and a PyTorch HOG; the contract is in README.md.

python benchmarks/bench_hog.py [--quick] [--threads 1 2] [--out FILE]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import numpy as np
import torch
from common import SEED, Case, Contestant, run
from dlib_rival import dlib
from dlib_rival import version as dlib_version
from hog_rivals import TorchHog, opencv, opencv_module, scikit_image
from numpy.typing import NDArray
from skimage import data, transform

import equivfast as ef
from equivfast.reference.hog import hog as reference_hog

BLOCKS = "36 numbers: 9 undirected bins, no interpolation between cells"
PLANES = "31 channels from uint8, nearest bins; the outermost cells left out"
WINDOW = "36 numbers from uint8: bilinear bins, Gaussian block weights"


@dataclass(frozen=True)
class Setting:
    name: str
    about: str
    width: int = 640
    height: int = 480
    count: int = 1
    colour: bool = False
    dtype: str = "float32"
    cell: int = 8
    orientations: int = 9
    variant: str = "uoctti"
    assignment: str = "nearest"
    layout: str = "channels"

    @property
    def options(self) -> dict[str, Any]:
        names = ("cell", "orientations", "variant", "assignment", "layout")
        return {name: getattr(self, name) for name in names}


SETTINGS = (
    Setting("gray-float32", "640x480 -> 31 channels"),
    Setting("gray-uint8", "640x480 -> 31 channels", dtype="uint8"),
    Setting("dalal-triggs", "640x480 float32 -> 36 channels", variant="dalal-triggs"),
    Setting("bilinear", "640x480 float32, votes for two bins", assignment="bilinear"),
    Setting("rgb-1080p", "1920x1080 RGB uint8 -> 31 channels", 1920, 1080, colour=True, dtype="uint8"),
    Setting("cells-layout", "640x480 float32, channels last", layout="cells"),
    Setting("cell-4", "640x480 float32, cells of 4 pixels", cell=4),
    Setting("cell-6", "636x480 float32, cells of 6 pixels", 636, cell=6),
    Setting("cell-16", "640x480 float32, cells of 16 pixels", cell=16),
    Setting("orientations-8", "640x480 float32 -> 28 channels", orientations=8),
    Setting("orientations-12", "640x480 float32 -> 40 channels", orientations=12),
    Setting("batch-16", "16 images 640x480 float32", count=16),
    Setting("batch-96", "96 images 640x480 float32: not in any cache", count=96),
)

GRADIENTS = (
    Setting("gradient", "640x480 float32, with respect to the image"),
    Setting("gradient-rgb", "640x480 RGB float32", colour=True),
    Setting("gradient-batch-16", "16 images 640x480 float32", count=16),
)


def photographs(s: Setting, quick: bool) -> NDArray[Any]:
    """(n, h, w) or (n, h, w, 3): three photographs at the size wanted, moved and mirrored by a seeded draw."""
    h, w, n = (48, 96, min(s.count, 2)) if quick else (s.height, s.width, s.count)
    rng = np.random.default_rng(SEED)
    images = []
    for i in range(n):
        source = (data.coffee, data.astronaut, data.chelsea)[i % 3]()
        photo = transform.resize(source, (h, w), order=3, preserve_range=True).clip(0, 255)
        photo = np.roll(photo[:, :: rng.choice((1, -1))], rng.integers(0, (h, w)), (0, 1))
        images.append(photo if s.colour else photo @ (0.299, 0.587, 0.114))
    return np.stack(images).round().astype(s.dtype)


def planes(images: NDArray[Any]) -> torch.Tensor:
    """(n, c, h, w), contiguous: what a torch program has at hand."""
    tensor = torch.from_numpy(images)
    return tensor[:, None] if tensor.ndim == 3 else tensor.permute(0, 3, 1, 2).contiguous()


def case(s: Setting, images: NDArray[Any], contestants: list[Contestant]) -> Case:
    n, h, w = images.shape[:3]
    return Case(s.name, s.about, n * h * w / 1e6, "Mpix", images.nbytes, "read", contestants)


def others(s: Setting, images: NDArray[Any], threads: int) -> list[Contestant]:
    """Libraries that one can install, on the input that they take without a conversion."""
    found: list[Contestant] = []
    if len(images) <= 16:  # as many images take it as much longer: nothing is learned from minutes
        slow = scikit_image(images, s.cell, s.orientations)
        found.append(Contestant("scikit-image (1 thread)", slow, work=BLOCKS))
    call, cv2 = opencv(images, s.cell, s.orientations), opencv_module()
    if call is not None:
        found.append(Contestant("OpenCV", call, work=WINDOW, before=lambda: cv2.setNumThreads(threads)))
    planes_of = dlib(images, s.cell) if s.orientations == 9 and s.variant == "uoctti" else None
    if planes_of is not None:
        found.append(Contestant("dlib (1 thread)", planes_of, work=PLANES))
    return found


def throughput(s: Setting, quick: bool, threads: int) -> Case:
    images = photographs(s, quick)
    batch = planes(images)
    h, w = batch.shape[2:]
    torch_hog = TorchHog(h, w, s.cell, s.orientations, s.variant, s.assignment)
    contestants = [
        Contestant("equivfast", lambda: ef.hog(batch, **s.options), ours=True),
        Contestant("PyTorch operations", lambda: torch_hog(batch), view=lambda result: result),
        *others(s, images, threads),
    ]
    if s == SETTINGS[0]:
        one = images[0][None]  # the oracle takes one image (c, h, w)
        contestants.append(
            Contestant(
                "float64 reference, NumPy (for scale)",
                lambda: reference_hog(one),
                view=lambda result: result[None],
            )
        )
    return case(s, images, contestants)


def gradient(s: Setting, quick: bool, threads: int) -> Case:
    """The backward pass by itself: the graph of the forward pass is kept. Beside it the forward pass, for scale.

    Nearest assignment only: bilinear votes have two derivatives where a gradient points exactly at a bin's centre, and
    float32 programs do not agree where that is.
    """
    images = photographs(s, quick)
    generator = torch.Generator().manual_seed(SEED)
    batch = planes(images)
    h, w = batch.shape[2:]
    torch_hog = TorchHog(h, w, s.cell, s.orientations, s.variant, s.assignment)
    given = torch.rand(ef.hog(batch, **s.options).shape, generator=generator)

    def backward(hog: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[], object]:
        leaf = batch.clone().requires_grad_()
        out = hog(leaf)
        return lambda: torch.autograd.grad(out, leaf, given, retain_graph=True)[0]

    contestants = [
        Contestant("equivfast", backward(lambda leaf: ef.hog(leaf, **s.options)), ours=True),
        Contestant("equivfast, forward", lambda: ef.hog(batch, **s.options), ours=True, work="the field"),
        Contestant("PyTorch operations", backward(torch_hog), view=lambda result: result),
    ]
    return case(s, images, contestants)


def cpu_levels(quick: bool) -> Case:
    """The same call at every level that this machine runs; widest first, as ours."""
    s = Setting("cpu-levels", "640x480 gray float32 -> 31 channels, by CPU level")
    images = photographs(s, quick)
    batch = planes(images)
    levels = ef.build_info()["cpu_levels"]
    assert isinstance(levels, list)
    contestants = [
        Contestant(
            f"equivfast, {level}", lambda: ef.hog(batch), ours=True, view=lambda result: result,
            before=lambda name=level: ef.set_cpu_level(name),  # type: ignore[misc]
        )
        for level in reversed(levels)
    ]  # fmt: skip
    return case(s, images, contestants)


def call_overhead(quick: bool, threads: int) -> Case:
    """A small image, where what surrounds the kernel counts."""
    s = Setting("call-64x64", "64x64 gray float32: the cost of a call", 64, 64)
    images = photographs(s, False)
    batch, array = planes(images), images[0]
    torch_hog = TorchHog(64, 64, s.cell, s.orientations, s.variant, s.assignment)
    contestants = [
        Contestant("equivfast, torch tensor", lambda: ef.hog(batch), ours=True),
        Contestant(
            "equivfast, NumPy array", lambda: ef.hog(array), ours=True, view=lambda result: result[None]
        ),
        Contestant("PyTorch operations", lambda: torch_hog(batch), view=lambda result: result),
        *others(s, images, threads),
    ]
    return case(s, images, contestants)


def cases(quick: bool, threads: int) -> Iterator[Case]:
    for setting in SETTINGS:
        yield throughput(setting, quick, threads)
    for setting in GRADIENTS:
        yield gradient(setting, quick, threads)
    yield call_overhead(quick, threads)
    if threads == 1:
        level = str(ef.build_info()["cpu_level"])
        yield cpu_levels(quick)
        ef.set_cpu_level(level)


def rivals() -> dict[str, str]:
    cv2 = opencv_module()
    return {
        "scikit-image": metadata.version("scikit-image"),
        "opencv": cv2.__version__ if cv2 else "absent: needs opencv-python-headless<5",
        "dlib": dlib_version(),
        "torch": torch.__version__,
    }


if __name__ == "__main__":
    run("hog", __doc__.splitlines()[0], cases, rivals())
