"""Fields from tokens, channels-last maps and vectors, and the way back; outputs of every shape."""

from collections import OrderedDict, namedtuple
from dataclasses import dataclass

import pytest
import torch
from network_cases import ViT, noise, seeded
from torch import Tensor, nn

from equivfast.representations import Network, Tokens

IMAGES = (2, 3, 32, 48)


@pytest.mark.parametrize("declared", [True, False])
def test_tokens_lie_where_their_patches_lie(declared):
    model = seeded(lambda: ViT(declared=declared)).eval()
    network, x = Network(model), noise(*IMAGES)
    kept = {}
    handle = model.blocks[0].register_forward_hook(lambda m, i, o: kept.update(tokens=o[0].detach()))
    field = network.read(x, ["blocks.0"])["blocks.0"]
    handle.remove()
    assert field.shape == (2, 12, 4, 6)
    assert torch.equal(field[1, :, 3, 2], kept["tokens"][1, 5 + 3 * 6 + 2])
    assert network.read(x, ["patch"])["patch"].shape == (2, 12, 4, 6)
    assert network.read(x, ["head"])["head"].shape == (2, 7, 1, 1)
    torch.testing.assert_close(network.resume("blocks.0", field, x), network.output(x))


def test_prefix_tokens_stay_those_of_the_run():
    network, x, other = Network(seeded(ViT)), noise(*IMAGES), noise(*IMAGES, seed=1)
    field = network.read(x, ["blocks.1"])["blocks.1"]
    # The head reads the class token alone: behind the last block the patches do not matter.
    torch.testing.assert_close(network.resume("blocks.1", field, other), network.output(other))
    assert not network.complete("blocks.0", x) and network.complete("patch", x)
    with pytest.raises(ValueError, match=r"images must be given for layer 'blocks.0'"):
        network.resume("blocks.0", field)


def test_without_prefix_the_blocks_are_full_cuts():
    network, x = Network(seeded(lambda: ViT(prefix=0))), noise(*IMAGES)
    assert {"patch", "blocks.0", "blocks.1"} <= set(network.layers("cuts", x))
    field = network.read(x, ["blocks.0"])["blocks.0"]
    torch.testing.assert_close(network.resume("blocks.0", field, x), network.output(x))
    wrong = r"field must be \(2, 12, 4, 6\) for layer 'blocks.0', got \(2, 12, 6, 4\)"
    with pytest.raises(ValueError, match=wrong):
        Network(network.model, trace=False).resume("blocks.0", field.transpose(2, 3), x)


class Unfolded(nn.Module):
    """Patches without a convolution: nothing tells how the tokens lie."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.head = nn.Linear(192, 12), nn.Linear(12, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.embed(nn.functional.unfold(x, 8, stride=8).transpose(1, 2)).mean(1))


def test_tokens_that_nothing_explains():
    x = noise(*IMAGES)
    with pytest.raises(
        ValueError, match=r"tokens must be Tokens\(height, width, prefix\) .* 24 tokens of 'embed'"
    ):
        Network(seeded(Unfolded)).read(x, ["embed"])
    network = Network(seeded(Unfolded), tokens=Tokens(4, 6))
    assert network.read(x, ["embed"])["embed"].shape == (2, 12, 4, 6)
    with pytest.raises(ValueError, match=r"must return 2 \+ 4 x 6 tokens, got \(2, 20, 12\) from 'embed'"):
        Network(seeded(Unfolded), tokens=Tokens(4, 6, prefix=2)).read(x[..., :40], ["embed"])


class Last(nn.Module):
    """Maps with channels last behind a patch embedding, merged once, as in Swin."""

    def __init__(self) -> None:
        super().__init__()
        self.patch, self.stage = nn.Conv2d(3, 12, 4, stride=4), nn.Identity()
        self.merge, self.end, self.head = nn.Linear(48, 16), nn.Identity(), nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stage(self.patch(x).permute(0, 2, 3, 1))
        x = torch.cat([x[:, i::2, j::2] for i in (0, 1) for j in (0, 1)], -1)
        return self.head(self.end(self.merge(x)).mean((1, 2)))


def test_channels_last_maps_are_recognised():
    network, x = Network(seeded(Last)), noise(2, 3, 32, 40)
    fields = network.read(x, ["patch", "stage", "merge", "end"])
    assert [tuple(f.shape[1:]) for f in fields.values()] == [(12, 8, 10), (12, 8, 10), (16, 4, 5), (16, 4, 5)]
    assert torch.equal(fields["patch"], fields["stage"])
    for name in fields:
        torch.testing.assert_close(network.resume(name, fields[name]), network.output(x))


def test_a_map_that_may_lie_either_way_is_asked_for():
    x = noise(2, 3, 48, 48)  # 12 x 12 patches of 12 channels
    with pytest.raises(ValueError, match=r"tokens must be Tokens\(..., channels_last=True or False\)"):
        Network(seeded(Last)).read(x, ["stage"])
    network = Network(seeded(Last), tokens=Tokens(12, 12, channels_last=True))
    fields = network.read(x, ["patch", "stage"])
    assert torch.equal(fields["patch"], fields["stage"])


class Returns(nn.Module):
    def __init__(self, wrap) -> None:
        super().__init__()
        self.conv, self.wrap = nn.Conv2d(3, 4, 3), wrap

    def forward(self, x: Tensor):
        x = self.conv(x)
        return self.wrap(x, x.mean((2, 3)))


Pair = namedtuple("Pair", ["field", "logits"])


@dataclass
class Record:
    field: Tensor
    scores: Tensor


@pytest.mark.parametrize(
    ("wrap", "key"),
    [
        (lambda f, y: y, None),
        (lambda f, y: {"field": f, "logits": y}, None),
        (lambda f, y: {"field": f, "out": y}, None),
        (lambda f, y: OrderedDict(aux=None, scores=y, field=f), None),
        (lambda f, y: {"field": f, "scores": {"deep": y}}, "scores"),
        (lambda f, y: (y, f), None),
        (lambda f, y: [f, y], 1),
        (lambda f, y: Pair(f, y), None),
        (lambda f, y: Record(f, y), "scores"),
        (lambda f, y: y[:, :, None, None], None),
    ],
)
def test_logits_are_found_in_what_a_network_returns(wrap, key):
    model, x = seeded(lambda: Returns(wrap)), noise(2, 3, 8, 8)
    network = Network(model, output=key)
    expected = model.conv(x).mean((2, 3)).detach()
    torch.testing.assert_close(network.output(x), expected)
    field = network.read(x, ["conv"])["conv"]
    torch.testing.assert_close(network.resume("conv", field, x).flatten(1), expected)


@pytest.mark.parametrize(
    ("wrap", "key", "message"),
    [
        (lambda f, y: f, None, r"output must name logits \(n, k\), got None: \(2, 4, 6, 6\)"),
        (lambda f, y: {"a": y}, "b", r"output must name a part of what the network returns \(a\), got 'b'"),
        (lambda f, y: (y,), 3, r"returns \(1 parts\), got 3"),
        (lambda f, y: {"a": None}, None, "the network must return a tensor, got dict"),
    ],
)
def test_outputs_without_logits(wrap, key, message):
    with pytest.raises(ValueError, match=message):
        Network(seeded(lambda: Returns(wrap)), output=key).output(noise(2, 3, 8, 8))


def test_layers_that_return_several_tensors_keep_the_others():
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = Returns(lambda f, y: {"field": f, "mean": y})

        def forward(self, x: Tensor) -> Tensor:
            parts = self.inner(x)
            return parts["field"].amax((2, 3)) + parts["mean"]

    network, x = Network(seeded(Both)), noise(2, 3, 8, 8)
    field = network.read(x, ["inner"])["inner"]
    torch.testing.assert_close(network.resume("inner", field + 1, x), network.output(x) + 1)


@pytest.mark.parametrize("shape", [(2,), (2, 1, 3, 4, 4), (5, 3)])
def test_outputs_that_are_no_field(shape):
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.odd = nn.Identity()

        def forward(self, x: Tensor) -> Tensor:
            return self.odd(x.flatten()[: torch.Size(shape).numel()].view(shape))

    with pytest.raises(ValueError, match=r"layer must return .* got \(.*\) from 'odd'"):
        Network(Odd()).read(noise(2, 3, 4, 4), ["odd"])


@pytest.mark.parametrize("options", [{"height": 0}, {"width": 2.5}, {"prefix": -1}])
def test_spoiled_tokens(options):
    with pytest.raises(ValueError, match=f"Tokens: {next(iter(options))} must be a whole number of at least"):
        Tokens(**{"height": 2, "width": 2, **options})
