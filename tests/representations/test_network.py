"""Layers of networks: read as hooks by hand read them, put back without a trace."""

import pytest
import torch
from network_cases import Moody, Plain, noise, resnet20, seeded
from torch import nn

from equivfast.representations import Network

NAMES = ["conv1", "relu", "conv2", "relu@1", "drop"]


def by_hand(model: Plain, x: torch.Tensor) -> dict[str, torch.Tensor]:
    first = model.conv1(x)
    second = model.conv2(first.relu())
    last = (second + first.relu()).relu()
    return {"conv1": first, "relu": first.relu(), "conv2": second, "relu@1": last, "drop": last}


@pytest.mark.parametrize("kind", [Plain, Moody])
@pytest.mark.parametrize("size", [(1, 3, 41, 53), (3, 3, 64, 64)])
def test_fields_are_those_before_what_is_done_in_place(kind, size):
    model, x = seeded(kind).eval(), noise(*size)
    with torch.no_grad():
        expected = by_hand(model, x)
    network = Network(model)
    read = network.read(x, NAMES)
    for name in NAMES:
        assert torch.equal(read[name], expected[name]), name
        assert torch.equal(network.read(x, [name])[name], expected[name]), name
    relued = network.read(x, ["conv1+relu", "conv1"])
    assert torch.equal(relued["conv1+relu"], expected["relu"]) and torch.equal(
        relued["conv1"], expected["conv1"]
    )


@pytest.mark.parametrize("kind", [Plain, Moody])
@pytest.mark.parametrize("trace", [True, False])
def test_what_was_read_resumes_to_the_output(kind, trace):
    x = noise(2, 3, 41, 53)
    network = Network(seeded(kind), trace=trace)
    output = network.output(x)
    for name in [*NAMES, "conv1+relu"]:
        field = network.read(x, [name])[name]
        kept = field.clone()
        torch.testing.assert_close(network.resume(name, field, x), output)
        assert torch.equal(field, kept), f"{name} was overwritten"
    flipped = network.resume("relu", network.read(x, ["relu"])["relu"].flip(0), x)
    torch.testing.assert_close(flipped, output.flip(0))


def test_only_a_traced_network_resumes_without_images():
    x = noise(2, 3, 41, 53)
    traced, moody = Network(seeded(Plain)), Network(seeded(Moody))
    field = traced.read(x, ["relu"])["relu"]
    torch.testing.assert_close(traced.resume("relu", field), traced.output(x))
    for network, name in ((moody, "relu"), (traced, "conv2"), (Network(seeded(Plain), trace=False), "relu")):
        with pytest.raises(
            ValueError, match=r"Network.resume: images must be given for layer '.*', .* got None"
        ):
            network.resume(name, field)


def test_the_rest_alone_runs(monkeypatch):
    network = Network(seeded(Plain))
    field = network.read(noise(2, 3, 41, 53), ["relu"])["relu"]
    network.resume("relu", field)
    monkeypatch.setattr(network.model.conv1, "forward", lambda x: 1 / 0)
    assert network.resume("relu", field).shape == (2, 5)


def test_reading_stops_after_the_last_layer(monkeypatch):
    network = Network(seeded(Plain))
    monkeypatch.setattr(network.model.conv2, "forward", lambda x: 1 / 0)
    assert network.read(noise(1, 3, 41, 41), ["conv1", "relu"])["relu"].shape == (1, 8, 9, 9)
    with pytest.raises(ZeroDivisionError):
        network.read(noise(1, 3, 41, 41), ["conv2"])


def test_layers_in_the_order_in_which_they_run():
    x = noise(2, 3, 41, 53)
    for network in (Network(seeded(Plain)), Network(seeded(Moody))):
        assert network.layers() == network.layers("all-conv", x) == ["conv1", "conv2"]
        assert network.layers("cuts", x) == ["conv1", "relu", "relu@1", "drop"]
        assert network.layers("all", x) == ["conv1", "relu", "conv2", "relu@1", "drop", "fc"]
        assert network.complete("relu", x) and not network.complete("conv2", x)
        assert network.complete("conv1+relu", x[:1])
    with pytest.raises(ValueError, match="kind must be one of all-conv, cuts, all, got 'convs'"):
        network.layers("convs")


def test_the_model_is_left_as_it_was():
    model = seeded(Plain).train()
    model.conv1.eval()
    model.conv2.weight.requires_grad_(False)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    network, x = Network(model), noise(2, 3, 41, 41)
    assert torch.equal(network.output(x), network.output(x))  # no dropout
    network.layers("cuts", x)
    network.grid("relu", 41, 41)
    field = network.read(x, ["relu"])["relu"].requires_grad_()
    network.resume("relu", field).sum().backward()
    assert field.grad is not None and all(p.grad is None for p in model.parameters())
    assert model.training and model.drop.training and not model.conv1.training
    assert [n for n, p in model.named_parameters() if not p.requires_grad] == ["conv2.weight"]
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert not any(m._forward_hooks for m in model.modules())
    with pytest.raises(RuntimeError):
        network.output(noise(1, 4, 41, 41))
    assert model.training and not model.conv1.training and not any(m._forward_hooks for m in model.modules())


@pytest.mark.parametrize("trace", [True, False])
def test_gradients_reach_fields_and_images(trace):
    network = Network(seeded(Plain).double(), trace=trace)
    x = noise(1, 3, 19, 19).double()
    field = network.read(x, ["relu"])["relu"]
    assert not field.requires_grad and not network.output(x).requires_grad
    field = (field + 0.1).requires_grad_()
    assert torch.autograd.gradcheck(lambda f: network.resume("relu", f, x), field)
    (gradient,) = torch.autograd.grad(network.read(x.requires_grad_(), ["conv2"])["conv2"].sum(), x)
    assert gradient.abs().sum() > 0
    with torch.no_grad():
        assert not network.resume("relu", field, x).requires_grad


def test_a_module_under_two_names_is_one_layer():
    model = nn.Sequential(nn.Conv2d(3, 3, 3), nn.ReLU())
    model.append(model[0])
    x = noise(1, 3, 9, 9)
    network = Network(model)
    assert network.layers("all", x) == ["0", "1", "0@1"]
    assert torch.equal(network.read(x, ["2"])["2"], network.read(x, ["0"])["0"])
    assert network.read(x, ["2@1"])["2@1"].shape == (1, 3, 5, 5)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["cnv1"], "Network.read: layer must be the name of a module, got 'cnv1'; near names: conv1, conv2"),
        ([""], "Network.read: layer must be the name of a module, got ''"),
        ([3], "Network.read: layer must be the name of a module, got 3"),
        ("conv1", "Network.read: names must be a list of layers, got 'conv1'"),
        (["unused"], "layer must run when the network does, got 'unused': it is never called"),
        (["relu@2"], "got 'relu@2': it is called 2 times"),
        (["conv2+relu"], r"must be followed by a ReLU alone, got 'conv2\+relu': no ReLU follows"),
        (["fc+relu"], r"no ReLU follows"),
    ],
)
def test_names_that_cannot_be_read(names, message):
    with pytest.raises(ValueError, match=message):
        Network(seeded(Plain)).read(noise(1, 3, 41, 41), names)


@pytest.mark.parametrize(
    "images", [torch.zeros(1, 3, 41, 41, dtype=torch.uint8), torch.zeros(3, 41, 41), "cat"]
)
def test_images_of_another_kind(images):
    with pytest.raises(ValueError, match=r"images must be a floating-point tensor \(n, c, h, w\), got"):
        Network(seeded(Plain)).output(images)


@pytest.mark.parametrize(
    ("field", "message"),
    [
        (torch.zeros(2, 7, 9, 9), r"field must be \(n, 8, H, W\) for layer 'relu', got \(2, 7, 9, 9\)"),
        (torch.zeros(2, 8, 9), r"field must be a floating-point tensor \(n, c, H, W\), got \(2, 8, 9\)"),
        (torch.zeros(2, 8, 9, 9, dtype=torch.int64), "field must be a floating-point tensor"),
    ],
)
def test_fields_that_do_not_fit(field, message):
    with pytest.raises(ValueError, match=message):
        Network(seeded(Plain)).resume("relu", field)
    moody, x = Network(seeded(Moody)), noise(3, 3, 41, 41)
    with pytest.raises(
        ValueError, match=r"field must be \(3, 8, H, W\) for layer 'relu', got \(2, 8, 9, 9\)"
    ):
        moody.resume("relu", torch.zeros(2, 8, 9, 9), x)


def test_a_dead_network_is_no_full_cut():
    model = seeded(Plain)
    torch.nn.init.zeros_(model.fc.weight)
    with pytest.raises(
        ValueError, match=r"images must give finite outputs that differ .* got a largest difference of 0"
    ):
        Network(model).complete("relu", noise(2, 3, 41, 41))


@pytest.mark.parametrize("trace", [True, False])
def test_every_cut_of_resnet20(test_data, trace):
    network = resnet20(test_data, trace=trace)
    x = noise(2, 3, 32, 32)
    cuts = network.layers("cuts", x)
    blocks = [f"layer{i}.{j}" for i in (1, 2, 3) for j in (0, 1, 2)]
    assert sorted(cuts) == sorted(["conv1", "bn1", "layer1", "layer2", "layer3", *blocks])
    assert len(network.layers("all-conv", x)) == 19
    output, fields = network.output(x), network.read(x, cuts)
    for name in cuts:
        torch.testing.assert_close(network.resume(name, fields[name], None if trace else x), output)
    assert network.complete("layer1", x) and not network.complete("layer1.0.conv1", x)
    assert network.complete("bn1+relu", x)
