"""torch networks, layer by layer: read, put back, and located on the image."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from equivfast.groups import Grid
from equivfast.representations._alignment import Alignment, align
from equivfast.representations._completeness import complete_layers
from equivfast.representations._field_layout import Tokens
from equivfast.representations._layer_id import Key, LayerId, parse, shown
from equivfast.representations._rest import Rest
from equivfast.representations._runner import Runner
from equivfast.representations.layer import Layer
from equivfast.representations.preprocess import Preprocess

KINDS = ("all-conv", "cuts", "all")


class Network:
    """A torch network whose layers can be read and put back.

    Names      a layer is the name of a module ("features.3"), "relu@2" its third call where it is called more than
               once (counted from 0), "bn1+relu" the field after the ReLU that follows it
    Shapes     fields are (n, c, H, W): maps as they are, channels-last maps and tokens brought into that order (prefix
               tokens kept apart), vectors (n, c) as (n, c, 1, 1). `tokens` says how tokens lie where the patch
               embedding does not tell. Of several tensors the first one counts
    Definition every call runs the model in evaluation mode and puts modes back; weights are not changed and get no
               gradients. `output` names the part of the model's output that holds the logits. `trace=False` never
               cuts the model with torch.fx
    Gradient   with respect to images and fields that require it, while gradients are enabled
    Raises     ValueError for unknown layers, with near names, and for modules that never run

    >>> model = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(128, 10))
    >>> network = Network(model.requires_grad_(False))
    >>> images = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    >>> field = network.read(images, ["0+relu"])["0+relu"]
    >>> tuple(field.shape), torch.equal(network.resume("0+relu", field, images), network.output(images))
    ((2, 8, 4, 4), True)
    >>> network.grid("0", 8, 8)
    Grid(height=4, width=4, stride=2.0, offset=(-3.0, -3.0))
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        name: str = "network",
        preprocess: Preprocess | None = None,
        output: str | int | None = None,
        tokens: Tokens | None = None,
        trace: bool = True,
    ) -> None:
        if not isinstance(model, nn.Module):
            raise ValueError(f"Network: model must be a torch.nn.Module, got {type(model).__name__}")
        self.model, self.name, self.preprocess = model, name, preprocess
        self._run = Runner(model, output, tokens, preprocess.size if preprocess is not None else None)
        self._rest = Rest(self._run, trace)
        self._relus: dict[Key, bool] = {}
        self._complete: dict[tuple[Key, tuple[int, ...]], bool] = {}
        self._aligned: dict[tuple[Key, int, int], Alignment] = {}

    @property
    def device(self) -> torch.device:
        """Where the model's first parameter lies."""
        return self._run.device

    def example(self) -> Tensor:
        """Two random images of a size that the network takes: that of its preprocessing, or the first that works."""
        return self._run.example()

    def layers(self, kind: str = "all-conv", images: Tensor | None = None) -> list[str]:
        """Names of layers, in the order in which they run.

        Definition "all-conv": convolutions. "cuts": modules that return a field of more than one cell through which
                   everything flows; see `complete`. "all": every module that returns a field or a vector
        Cost       one pass; for "cuts" another one for every module that torch.fx cannot rule out
        """
        if kind not in KINDS:
            raise ValueError(f"Network.layers: kind must be one of {', '.join(KINDS)}, got {kind!r}")
        shown_images = self.example() if images is None else self._run.images("Network.layers", images)[:4]
        patches = self._run.patches(shown_images)
        found: list[Key] = []
        for call in self._run.calls(shown_images):
            if kind == "all-conv" and not isinstance(call.module, (nn.Conv1d, nn.Conv2d)):
                continue
            try:
                shape = self._run.layout(call.key, call.shape, len(shown_images), patches)
            except ValueError:
                continue
            if kind != "cuts" or (shape.height * shape.width > 1 and self._rest.may_cut(call.key)):
                found.append(call.key)
        if kind == "cuts":
            whole = complete_layers(self._run, found, shown_images) if found else {}
            found = [key for key in found if whole[key]]
        return [shown(key) for key in found]

    def read(self, images: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
        """The fields of these layers, in one pass that ends after the last of them.

        Raises     ValueError where "+relu" is asked for and no ReLU follows
        """
        if isinstance(names, str):
            raise ValueError(f"Network.read: names must be a list of layers, got {names!r}")
        x = self._run.images("Network.read", images)
        layers = {name: self._layer("Network.read", name, x) for name in names}
        found, patches = self._run.raw(x, {layer.key for layer in layers.values()})
        fields = {}
        for name, (module, call, relu) in layers.items():
            output = found[module, call]
            field = self._run.layout((module, call), tuple(output.shape), len(x), patches).field(output)
            fields[name] = field.relu() if relu else field
        return fields

    def output(self, images: Tensor) -> Tensor:
        """The logits (n, k).

        Definition of dictionaries and records the part under `output`, else "logits", "out", the first tensor; of
                   tuples part number `output`, else the first tensor
        """
        x = self._run.images("Network.output", images)
        logits = self._run.whole("Network.output", x)
        logits = logits.flatten(1) if logits.ndim == 4 and logits.shape[2:] == (1, 1) else logits
        if logits.ndim != 2:
            raise ValueError(
                f"Network.output: output must name logits (n, k), got {self._run.key!r}: {tuple(logits.shape)}"
            )
        return logits

    def resume(self, name: str, field: Tensor, images: Tensor | None = None) -> Tensor:
        """The network's output when the layer's output is replaced by `field`.

        Definition where torch.fx can cut the network behind the layer only the rest runs. Else the model runs on
                   `images`, and what they contribute besides the layer (prefix tokens, other branches) stays
        Gradient   with respect to the field
        Raises     ValueError where images are needed and not given, and where the field does not fit
        """
        x = None if images is None else self._run.images("Network.resume", images)
        layer = self._layer("Network.resume", name, x)
        return self._rest(name, layer.key, field, x)

    def complete(self, name: str, images: Tensor) -> bool:
        """Whether the output depends on the input through this layer only, so that a map put there is a full cut.

        Definition tried out: the network run on noise, with the field that `images` have there, returns their output.
                   Tokens that belong to no place (CLS) are not part of the field, and carry what they know around it
        Cost       four passes, of at most four images; kept per layer and size
        """
        x = self._run.images("Network.complete", images)[:4]
        key = self._layer("Network.complete", name, x).key
        at = (key, tuple(x.shape[1:]))
        if at not in self._complete:
            self._complete[at] = complete_layers(self._run, [key], x)[key]
        return self._complete[at]

    def grid(self, name: str, height: int, width: int, *, centred: bool = True) -> Grid:
        """Where the layer's cells lie on a height x width image: the probed stride, the canvas centre in the middle.

        Networks with even strides and zero padding put cell i at pixel 4 i, off the middle, and flips permute centred
        grids only; `centred=False` gives the grid as the network places it. See `alignment`.
        """
        found = self.alignment(name, height, width)
        return found.centred if centred else found.placed

    def alignment(self, name: str, height: int, width: int) -> Alignment:
        """Both grids of a layer on a height x width image, and whether their stride was "probed" or "assumed"."""
        key = parse("Network.grid", name, self._run.modules).key
        at = (key, height, width)
        if at not in self._aligned:
            self._aligned[at] = align(self._run, *at)
        return self._aligned[at]

    def layer(self, name: str) -> Layer:
        """The layer as a representation."""
        return Layer(self, name)

    def _layer(self, function: str, name: str, images: Tensor | None) -> LayerId:
        """What a name means; for "+relu", two passes on noise like the images show whether there is one."""
        layer = parse(function, name, self._run.modules)
        if layer.relu and layer.key not in self._relus:
            x = self.example() if images is None or not len(images) else self._run.noise(images[:2].detach())
            with torch.no_grad():
                rectified = self._run.changed(function, x, layer.key, torch.relu)
                self._relus[layer.key] = torch.equal(rectified, self._run.whole(function, x))
        if layer.relu and not self._relus[layer.key]:
            raise ValueError(
                f"{function}: layer must be followed by a ReLU alone, got {name!r}: no ReLU follows"
            )
        return layer
