"""error_budget: vectors, odd sizes, fields that do not vary, cells that see everything, words, bad arguments."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from budget_cases import PARTS, blur, share, slopes, smooth, sound
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from equivfast import maps
from equivfast.groups import Grid, parse
from equivfast.measures import Budget, error_budget
from equivfast.representations import models

pytestmark = pytest.mark.usefixtures("one_thread")


def test_vectors_are_one_cell() -> None:
    x = smooth(n=8)
    invariant = sound(error_budget(lambda image: image.mean((2, 3)), "hflip", x))
    assert invariant.total < 1e-12 and invariant.cells == 1 and invariant.interior == 0
    half = sound(error_budget(lambda image: image[..., :16].mean((2, 3)), "hflip", x))
    assert half.largest == "real" and half.placed
    y, other = x[..., :16].mean((2, 3)), x[..., 16:].mean((2, 3))
    assert half.real == pytest.approx(float((other - y).square().sum() / (y - y.mean(0)).square().sum()))


@pytest.mark.parametrize("size", [(17, 17), (13, 22), (9, 5)])
@pytest.mark.parametrize("g", ["hflip", "rot:20", "scale:0.707", "shift:0.5,0"])
def test_odd_sizes_and_a_batch_of_one(size: tuple[int, int], g: str) -> None:
    x = smooth(n=1, h=size[0], w=size[1])
    budget = sound(error_budget(lambda image: functional.avg_pool2d(slopes(image).relu(), 2), g, x))
    assert budget.low == pytest.approx({name: getattr(budget, name) for name in ("total", *PARTS)}, abs=1e-9)
    assert budget.images == 1


def test_a_field_that_is_not_square_has_no_cell_under_itself_after_a_quarter_turn() -> None:
    budget = sound(error_budget(lambda image: image[..., :-1], "rot:90", smooth(h=16, w=16)))
    assert budget.cells == 14 * 15 and budget.offset > 0.5 and budget.phase > 0


def test_fields_that_do_not_vary_have_no_error() -> None:
    x = smooth()
    for phi in (torch.zeros_like, torch.ones_like):
        assert sound(error_budget(phi, "rot:30", x)).total < 1e-12
    assert sound(error_budget(lambda image: image, "hflip", torch.full((2, 1, 9, 9), 0.25))).total == 0
    dead = sound(error_budget(lambda image: torch.cat([slopes(image), 0 * image], 1), "hflip", x))
    assert dead.total == pytest.approx(error_budget(slopes, "hflip", x).total, rel=1e-9)


def test_numpy_functions_and_tensors_are_one() -> None:
    x = smooth()

    def flat(image: np.ndarray) -> np.ndarray:
        assert isinstance(image, np.ndarray)
        return np.diff(image, axis=-1, append=0)

    by_numpy = error_budget(flat, "vflip", x.numpy())
    assert by_numpy == error_budget(lambda t: torch.diff(t, dim=-1, append=t[..., :1] * 0), "vflip", x)


def test_a_network_is_at_rest_and_gets_its_mode_back() -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5)).double()
    model[2].eval()
    before = model[1].running_mean.clone()
    first, again = (error_budget(model, "hflip", smooth()) for _ in range(2))
    assert sound(first) == again and first.real > 0
    assert [module.training for module in model] == [True, True, False]
    assert torch.equal(model[1].running_mean, before)


# ---- no interior cells -------------------------------------------------------------------------


def strided() -> nn.Module:
    """Three strides of 2: cells 8 pixels apart, 3.5 off the middle, that see 3 x 3 or more of the 4 x 4 cells."""
    generator = torch.Generator().manual_seed(0)
    layers = [nn.Conv2d(1 if i == 0 else 6, 6, 7, 2, 3) for i in range(3)]
    for layer in layers:
        layer.weight.data = torch.randn(layer.weight.shape, generator=generator) / 7
    return nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])


def test_networks_whose_cells_see_everything_are_located_on_larger_images() -> None:
    x = smooth(n=16).float()
    net = strided()
    budget = sound(error_budget(net, "hflip", x))
    assert budget.interior == 0 and budget.placed and budget.offset == pytest.approx(7) and budget.stride == 8
    assert budget.phase > 0 and budget.border == 0 and "no cell sees the inside alone" in budget.lines()
    y, moved = (net(image).detach() for image in (x, x.flip(-1)))
    assert budget.total == pytest.approx(share(moved.flip(-1) - y, y), rel=1e-4)


def test_a_function_whose_cells_see_everything_is_taken_to_be_centred_and_says_so() -> None:
    net = strided()
    budget = sound(error_budget(lambda image: net(image), "hflip", smooth(n=16).float()))
    assert not budget.placed and budget.phase == 0 and budget.real == budget.total
    assert "where the cells lie is not known" in budget.lines()


def test_layers_of_a_residual_network(test_data: Path) -> None:
    rows = np.asarray(Image.open(test_data / "cifar10/cifar10_batch_50.png").convert("RGB"))[:100]
    x = torch.from_numpy(rows.reshape(-1, 32, 32, 3).copy()).permute(0, 3, 1, 2) / 255
    spec = str(Path(__file__).parents[2] / "docs/examples/cifar_resnet.py") + ":resnet20"
    net = models.load(spec, str(test_data / "cifar10_nets/resnet20-12fca82f.th"))
    g = parse("hflip")
    # Convolutions of stride 2 with a border of 1 see pixels 0, 2, ..., 30: .5 pixels off, then 1.5.
    for name, offset in (("layer1", 0), ("layer2", 1), ("layer3", 3)):
        phi = net.layer(name)
        grid = phi.grid(32, 32)
        m = maps.fit(phi, g.inverse(), x, support=1, method="ridge", ridge=0.01)
        plain, mapped = (sound(error_budget(phi, g, x, map=one, grid=grid, seed=0)) for one in (None, m))
        assert plain.offset == mapped.offset == pytest.approx(offset)
        assert (plain.phase > 0.02) == (offset > 0)
        assert mapped.total < 0.9 * plain.total and mapped.phase == pytest.approx(plain.phase)
        assert (plain.interior > 0) == (name == "layer1")


# ---- words and arguments -----------------------------------------------------------------------


def test_lines_begin_with_the_largest_part_and_a_dict_can_be_written() -> None:
    budget = error_budget(lambda x: blur(x)[..., ::2, ::2], "hflip", smooth())
    head, *rows = budget.lines().splitlines()
    assert f"total of hflip: {budget.total:.3g}" in head and "6 images, 256 cells" in head
    assert [row.split()[0] for row in rows] == sorted(PARTS, key=lambda part: -getattr(budget, part))
    assert "0.5 cells (1 pixels) off" in rows[0]
    found = json.loads(json.dumps(budget.as_dict()))
    assert found["phase"] == {
        "mean": budget.phase,
        "low": budget.low["phase"],
        "high": budget.high["phase"],
    }


def test_intervals_are_of_images_and_shrink_with_their_number() -> None:
    widths = []
    for n in (8, 128):
        budget = error_budget(lambda x: slopes(x)[:, :1], "rot:90", smooth(n=n, h=16, w=16))
        assert budget == error_budget(lambda x: slopes(x)[:, :1], "rot:90", smooth(n=n, h=16, w=16))
        widths.append(budget.high["total"] - budget.low["total"])
    assert 0 < widths[1] < 0.5 * widths[0]


def test_border_cells_are_left_out_instead_of_what_is_measured() -> None:
    budget = sound(error_budget(blur, "hflip", smooth(), border_cells=5))
    assert budget.interior == 22 * 22
    assert error_budget(blur, "hflip", smooth()).interior == 26 * 26  # the filter reaches 3


Bad = Callable[[Tensor], Budget]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: error_budget(3, "hflip", x), "phi must be callable, got int"),
        (lambda x: error_budget(blur, 3, x), "g must be a Transform or its name, got int"),
        (lambda x: error_budget(blur, "rot:90", x[..., :-1]), r"not be a quarter turn .* got rot:90"),
        (lambda x: error_budget(blur, "shift:99,0", x), "g must leave a cell inside the field"),
        (lambda x: error_budget(blur, "hflip", x[0]), r"images must be \(n, c, h, w\)"),
        (lambda x: error_budget(blur, "hflip", x * np.nan), "images must be finite"),
        (lambda x: error_budget(lambda t: t / 0, "hflip", x), "phi must return finite numbers"),
        (lambda x: error_budget(lambda t: t[0], "hflip", x), "phi must return .* for 1 images"),
        (lambda x: error_budget(blur, "hflip", x, channel_action=[1]), "permutation of 1 channels, got"),
        (lambda x: error_budget(blur, "hflip", x, grid=Grid.centred(3, 3, 1)), "the field's 32 x 32 cells"),
        (lambda x: error_budget(blur, "hflip", x, border_cells=-1), "border_cells must be .* got -1"),
        (lambda x: error_budget(blur, "hflip", x, map=3), "map must be a Map"),
        (lambda x: error_budget(slopes, "rot:90", x, map=_flip_map()), r"map must be of g\^-1"),
        (lambda x: error_budget(blur, "hflip", x, map=_flip_map()), "map must be of 1 channels"),
        (lambda x: error_budget(blur, "hflip", x, seed=-1), "seed must be .* got -1"),
    ],
)
def test_bad_arguments_are_one_line(call: Bad, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        call(smooth())
    assert str(caught.value).startswith("error_budget: ") and "\n" not in str(caught.value)


def _flip_map() -> maps.Map:
    return maps.permutation(parse("hflip"), Grid.centred(32, 32, 1), [0, 1])
