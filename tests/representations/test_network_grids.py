"""Where cells lie: probed grids against closed forms."""

import pytest
import torch
from network_cases import Moody, Plain, ViT, noise, resnet20, seeded
from torch import nn

from equivfast import maps
from equivfast.groups import Grid, hflip
from equivfast.representations import Layer, Network, Representation


def first_cell(network: Network, name: str, height: int, width: int) -> tuple[float, float, float]:
    """Stride, and the centre (x, y) of cell (0, 0) counted from the first pixel; nothing was assumed."""
    found = network.alignment(name, height, width)
    assert found.how == "probed"
    grid = network.grid(name, height, width, centred=False)
    assert grid == found.placed
    middle = Grid.centred(grid.height, grid.width, grid.stride)
    assert network.grid(name, height, width) == found.centred == middle
    return grid.stride, grid.offset[0] + (width - 1) / 2, grid.offset[1] + (height - 1) / 2


@pytest.mark.parametrize("kind", [Plain, Moody])
@pytest.mark.parametrize(("height", "width"), [(41, 41), (63, 47), (225, 101), (64, 64)])
def test_alexnets_first_layers(kind, height, width):
    """11 x 11, stride 4, padding 2: cell i covers the pixels 4 i - 2 ... 4 i + 8."""
    network = Network(seeded(kind))
    for name in ("conv1", "relu", "conv2", "relu@1"):
        assert first_cell(network, name, height, width) == (4, 3, 3)
    rows, columns = network.read(noise(1, 3, height, width), ["conv1"])["conv1"].shape[2:]
    assert (network.grid("conv1", height, width).height, network.grid("conv1", height, width).width) == (
        rows,
        columns,
    )


@pytest.mark.parametrize(
    "kernel,stride,padding", [(1, 1, 0), (3, 1, 1), (5, 3, 0), (2, 2, 0), (7, 2, 3), (8, 8, 0)]
)
@pytest.mark.parametrize("size", [33, 45, 57])
def test_convolutions_and_pools(kernel, stride, padding, size):
    expected = (stride, (kernel - 1) / 2 - padding, (kernel - 1) / 2 - padding)
    conv = seeded(lambda: nn.Sequential(nn.Conv2d(1, 4, kernel, stride, padding)))
    assert first_cell(Network(conv), "0", size, size) == expected
    if 2 * padding <= kernel:
        pool = seeded(lambda: nn.Sequential(nn.Conv2d(1, 8, 1), nn.MaxPool2d(kernel, stride, padding)))
        assert first_cell(Network(pool), "1", size, size) == expected


class FunctionalPool(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.end = nn.Conv2d(3, 32, 3, padding=1), nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.end(nn.functional.max_pool2d(self.conv(x).relu(), 2))


def test_dilation_ceiling_and_finer_cells():
    dilated = seeded(lambda: nn.Sequential(nn.Conv2d(3, 4, 3, 2, 0, dilation=3)))
    assert first_cell(Network(dilated), "0", 33, 34) == (2, 3, 3)
    ceiling = seeded(
        lambda: nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True))
    )
    assert first_cell(Network(ceiling), "2", 96, 98) == (4, 3, 3)
    hidden = Network(seeded(FunctionalPool))
    assert first_cell(hidden, "end", 41, 45) == (2, 0.5, 0.5)
    finer = seeded(
        lambda: nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ConvTranspose2d(4, 4, 2, stride=2))
    )
    assert first_cell(Network(finer), "1", 32, 32)[0] == 0.5


@pytest.mark.parametrize("size", [32, 33, 45])
def test_resnet20(test_data, size):
    """Every convolution is 3 x 3 with padding 1: cell i lies at pixel 1 i, 2 i, 4 i, seen through 19 layers too."""
    network = resnet20(test_data)
    for name, stride in (("conv1", 1), ("layer1", 1), ("layer2.0.conv1", 2), ("layer2", 2), ("layer3", 4)):
        assert first_cell(network, name, size, size) == (stride, 0, 0)


class Gated(nn.Module):
    """Every cell is scaled by what the whole image holds, as in squeeze and excitation."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.gate, self.end = nn.Conv2d(3, 6, 3, 2, 1), nn.Conv2d(6, 6, 1), nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x)
        return self.end(x * self.gate(x.mean((2, 3), keepdim=True)).sigmoid())


@pytest.mark.parametrize(("height", "width", "stride"), [(32, 32, 2), (33, 45, 2), (64, 50, 2)])
def test_cells_that_see_everything_are_assumed_to_lie_centred(height, width, stride):
    network = Network(seeded(Gated))
    assert network.alignment("conv", height, width).how == "probed"
    found = network.alignment("end", height, width)
    assert found.how == "assumed" and found.placed == found.centred == network.grid("end", height, width)
    assert found.centred == Grid.centred(-(-height // 2), -(-width // 2), stride)


def test_tokens_and_vectors():
    network = Network(seeded(ViT))
    assert first_cell(network, "patch", 32, 48) == (8, 3.5, 3.5)
    assert network.alignment("blocks.0", 32, 48) == (Grid.centred(4, 6, 8),) * 2 + ("assumed",)
    head = network.alignment("head", 32, 48)
    assert head.how == "assumed" and (head.centred.height, head.centred.width) == (1, 1)


def test_strides_that_differ_are_no_grid():
    network = Network(seeded(lambda: nn.Sequential(nn.Conv2d(3, 4, 3, (1, 2), 1))))
    assert network.alignment("0", 32, 32).how == "assumed"


def test_probing_leaves_no_trace_and_is_kept(monkeypatch):
    network = Network(seeded(Plain).train())
    with torch.no_grad():
        grid = network.grid("conv2", 64, 64)
    assert network.model.training and all(
        p.grad is None and p.requires_grad for p in network.model.parameters()
    )
    monkeypatch.setattr(network.model.conv1, "forward", lambda x: 1 / 0)
    assert network.grid("conv2", 64, 64) == grid
    other = Network(seeded(Plain))
    with torch.inference_mode():
        assert other.grid("conv2", 64, 64) == grid


# ---- layers as representations -----------------------------------------------------------------


def test_a_layer_is_a_representation():
    phi = Network(seeded(Plain), name="plain").layer("conv2")
    assert isinstance(phi, Representation)
    assert phi.channels == 8 and phi.channel_action(hflip()) is None
    assert phi(noise(2, 3, 41, 53)).shape == (2, 8, 9, 12)
    assert phi.grid(41, 53) == Grid.centred(9, 12, 4)
    expected = {"name": "plain", "layer": "conv2", "channels": 8, "stride": 4.0, "grid": "probed"}
    assert phi.settings == expected
    assert not phi(noise(1, 3, 41, 41)).requires_grad
    assert phi(noise(1, 3, 41, 41).requires_grad_()).requires_grad
    assert phi(torch.zeros(0, 3, 41, 41)).shape == (0, 8, 9, 9)


def test_layers_of_models_and_of_networks():
    model = seeded(Plain)
    assert torch.equal(
        Layer(model, "relu", name="a")(noise(1, 3, 41, 41)),
        Layer(Network(model), "relu")(noise(1, 3, 41, 41)),
    )
    with pytest.raises(ValueError, match="Layer: options must go to the Network itself, got trace"):
        Layer(Network(model), "relu", trace=False)
    with pytest.raises(
        ValueError, match="Layer: layer must be the name of a module, got 'rel'; near names: relu"
    ):
        Layer(model, "rel")


def test_maps_are_learned_through_a_layer():
    """The flip of a layer of even filters and centred cells is exact: cells move, channels stay."""
    model = seeded(lambda: nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.ReLU()))
    with torch.no_grad():
        model[0].weight.copy_((model[0].weight + model[0].weight.flip(-1)) / 2)
    phi, images = Layer(model, "1"), noise(8, 3, 24, 24)
    M = maps.fit(phi, hflip(), images, "least_squares", support=1)
    torch.testing.assert_close(M(phi(images)), phi(images.flip(-1)), atol=1e-4, rtol=1e-4)
