"""Four small networks that come with the package, each with the task it has learned.

"photos-a" and "photos-b" tell the twelve embedded photographs apart by crops of 32 x 32 pixels and differ in their
seed alone: a pair for the question whether two networks are equivalent. "digits" reads handwritten digits, a task of
no textures and no colours; "digits-turned" began with the same weights and has also seen them mirrored, upside down and
turned by 90 degrees: a control for what learning does to a transformation. `tools/train_embedded_nets.py` has trained
them; `equivfast.data.labelled("embedded:...")` gives their images.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from equivfast.report.tensor_file import TensorFile
from equivfast.representations._alexnet32 import AlexNet32

if TYPE_CHECKING:
    from equivfast.representations.network import Network

NAMES = ("photos-a", "photos-b", "digits", "digits-turned")
SIZE = 32
# Grey levels 0..1 about the middle: the same for all nets, so that one's images can be shown to another.
PREPROCESS: dict[str, Any] = {"mean": (0.5, 0.5, 0.5), "std": (0.25, 0.25, 0.25)}
FILE = TensorFile("embedded net", 1, "embedded_nets")


def model(name: str) -> AlexNet32:
    """One of the embedded networks, float32 and in eval mode; fresh in every call.

    Shapes     (n, 3, 32, 32) -> logits (n, 12) of the photographs, or (n, 10) of the digits
    Units      intensities 0..255 divided by 255, minus PREPROCESS["mean"], over PREPROCESS["std"]
    Raises     ValueError for a name that is not embedded

    >>> net = model("digits")
    >>> net.features[3], net.training
    (Conv2d(24, 48, kernel_size=(5, 5), stride=(1, 1), padding=(2, 2)), False)
    """
    about, arrays = FILE.read(path(name))
    net = AlexNet32(len(about["classes"]))
    net.load_state_dict({key: torch.from_numpy(array).float() for key, array in arrays.items()})
    return net.eval()


def build(name: str) -> Network:
    """`model(name)` as a Network that knows its name and how its images are prepared.

    Raises     ValueError for a name that is not embedded
    """
    from equivfast.representations.network import Network
    from equivfast.representations.preprocess import Preprocess

    return Network(model(name), name=f"embedded:{name}", preprocess=Preprocess(size=SIZE, **PREPROCESS))


def description(name: str) -> dict[str, Any]:
    """What is known of a network: its task, its classes, its accuracy there, and how it was trained.

    >>> description("photos-b")["task"]
    'embedded:photographs'
    """
    return FILE.read(path(name))[0]


def path(name: str) -> Path:
    """Where the weights of an embedded network lie."""
    if name not in NAMES:
        raise ValueError(f"embedded_nets: name must be among {', '.join(NAMES)}, got {name!r}")
    return Path(
        str(resources.files("equivfast").joinpath("data", "weights", f"embedded-nets-{name}.safetensors"))
    )
