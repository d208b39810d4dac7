"""Networks by name, and weights from files."""

import pickle
import sys
import types

import numpy as np
import pytest
import torch
from network_cases import Plain, noise, seeded
from safetensors.torch import save_file
from torch import nn

from equivfast.representations import Network, Preprocess
from equivfast.representations.models import load

FACTORY = """
from torch import nn
from equivfast.representations import Network, Preprocess
from beside_it import channels

def net():
    model = nn.Sequential(nn.Conv2d(3, channels, 3), nn.BatchNorm2d(channels))
    model.preprocess = Preprocess(size=16)
    return model

def whole(): return Network(net(), name="mine")
def wrong(): return 3
"""


@pytest.fixture
def file(tmp_path):
    (tmp_path / "nets.py").write_text(FACTORY)
    (tmp_path / "beside_it.py").write_text("channels = 4")
    yield str(tmp_path / "nets.py")
    sys.modules.pop("beside_it", None)


def test_factories_in_files(file, tmp_path):
    network = load(f"{file}:net")
    assert network.name == "net" and network.preprocess == Preprocess(size=16) and not network.model.training
    assert load(f"{file}:whole").name == "mine"
    assert load(f"{file}:whole", name="yours", trace=False).name == "yours"
    assert str(tmp_path) not in sys.path


def test_random_weights_come_from_the_seed(file):
    first, same, other = (load(f"{file}:net", "random", seed=seed).model.state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[k], same[k]) for k in first)
    assert not torch.equal(first["0.weight"], other["0.weight"])
    state = torch.random.get_rng_state()
    load(f"{file}:net", "random", seed=5)
    assert torch.equal(state, torch.random.get_rng_state())


@pytest.mark.parametrize("inside", [None, "state_dict", "model", "model_state_dict"])
@pytest.mark.parametrize("suffix", [".safetensors", ".npz", ".pt", ".pth", ".th"])
def test_weights_from_files(file, tmp_path, suffix, inside):
    model = seeded(lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)), 7)
    state = {
        f"module.{name}": value.half() if value.is_floating_point() else value
        for name, value in model.state_dict().items()
    }
    path = str(tmp_path / f"weights{suffix}")
    if suffix == ".safetensors":
        save_file(state, path)
    elif suffix == ".npz":
        np.savez(path, **{name: value.numpy() for name, value in state.items() if "tracked" not in name})
    else:
        torch.save({inside: state, "epoch": 3} if inside else state, path)
    got = load(f"{file}:net", path).model
    assert got[0].weight.dtype == torch.float32
    assert torch.equal(got[0].weight, model[0].weight.half().float())


def test_weights_that_do_not_fit(file, tmp_path):
    path = str(tmp_path / "weights.pt")
    state = {f"{name}x": torch.zeros(1) for name in "abcd"} | {
        "0.bias": torch.zeros(9),
        "1.weight": torch.zeros(4),
    }
    torch.save(state, path)
    message = (
        r"0.weight, 1.bias, 1.running_mean and 1 more missing; ax, bx, cx and 1 more unexpected; "
        r"0.bias \(9,\) instead of \(4,\) of another shape"
    )
    with pytest.raises(ValueError, match=message):
        load(f"{file}:net", path)


class Trap:
    def __reduce__(self):
        return (print, ("the trap has sprung",))


def test_pickles_are_refused(file, tmp_path, capsys):
    torch.save({"state_dict": Trap()}, tmp_path / "a.pt")
    (tmp_path / "b.th").write_bytes(pickle.dumps(Trap()))
    np.savez(tmp_path / "c.npz", weight=np.array([Trap()], dtype=object))
    for name in ("a.pt", "b.th", "c.npz"):
        with pytest.raises(ValueError, match=f"{name}' needs arbitrary objects to be unpickled"):
            load(f"{file}:net", str(tmp_path / name))
    assert "sprung" not in capsys.readouterr().out


@pytest.mark.parametrize("suffix", [".safetensors", ".npz", ".pt"])
def test_damaged_weights(file, tmp_path, suffix):
    path = tmp_path / f"weights{suffix}"
    for content in (b"", b"not weights at all"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=rf"^read_weights: .*weights{suffix}'.*") as raised:
            load(f"{file}:net", str(path))
        assert "\n" not in str(raised.value)
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(ValueError, match="path must hold a state dictionary"):
        load(f"{file}:net", str(tmp_path / "list.pt"))


@pytest.mark.parametrize(
    ("spec", "weights", "message"),
    [
        ("resnet", None, "load: model must be torchvision:NAME, .* or FILE.py:FACTORY, got 'resnet'"),
        (":x", None, "got ':x'"),
        ("nets.py:", None, "got 'nets.py:'"),
        ("nowhere.py:net", None, "load: model must name a file that is there, got 'nowhere.py:net'"),
        ("{file}:nothing", None, r"must name a function of .* \(.*net.*\), got 'nothing'"),
        ("{file}:wrong", None, "must be a torch.nn.Module or a Network, got int from"),
        ("{file}:net", "weights.txt", r"path must end in one of .safetensors, .npz, .*, got 'weights.txt'"),
        ("{file}:net", "weights.npz", "path must be a file, 'weights.npz' is not there"),
    ],
)
def test_models_that_are_not_there(file, spec, weights, message):
    with pytest.raises(ValueError, match=message):
        load(spec.format(file=file), weights)


@pytest.mark.parametrize("library", ["torchvision", "timm"])
def test_libraries_that_are_not_installed(library, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.setitem(sys.modules, f"{library}.models", None)
    with pytest.raises(ValueError, match=f"{library} is not there .*: pip install {library}"):
        load(f"{library}:resnet18")


def test_torchvision_names_weights_and_preprocessing(monkeypatch):
    """A stand-in with torchvision's functions: what is asked of the library, and what is made of its answers."""
    preset = types.SimpleNamespace(
        crop_size=[224], resize_size=[256], mean=[0.4, 0.5, 0.6], std=[0.1, 0.2, 0.3]
    )
    default = types.SimpleNamespace(transforms=lambda: preset)
    asked = []

    def get_model(name, weights):
        asked.append((name, weights))
        return seeded(Plain)

    models = types.ModuleType("torchvision.models")
    models.list_models = lambda: ["alexnet", "resnet18"]
    models.get_model_weights = lambda name: types.SimpleNamespace(DEFAULT=default)
    models.get_model = get_model
    monkeypatch.setitem(sys.modules, "torchvision", types.ModuleType("torchvision"))
    monkeypatch.setitem(sys.modules, "torchvision.models", models)
    network = load("torchvision:alexnet")
    assert network.name == "torchvision:alexnet"
    assert network.preprocess == Preprocess(224, 256, (0.4, 0.5, 0.6), (0.1, 0.2, 0.3))
    load("torchvision:alexnet", "random")
    assert asked == [("alexnet", default), ("alexnet", None)]
    with pytest.raises(
        ValueError, match="must be one of torchvision's, got 'torchvision:alexnt'; near names: alexnet"
    ):
        load("torchvision:alexnt")


def test_timm_names_weights_and_preprocessing(monkeypatch):
    timm, data = types.ModuleType("timm"), types.ModuleType("timm.data")
    asked = []
    timm.is_model = lambda name: name == "resnet50"
    timm.create_model = lambda name, pretrained: asked.append((name, pretrained)) or seeded(Plain)
    config = {"input_size": (3, 176, 176), "crop_pct": 0.875, "mean": (0.5,) * 3, "std": (0.5,) * 3}
    data.resolve_data_config = lambda args, model: config
    monkeypatch.setitem(sys.modules, "timm", timm)
    monkeypatch.setitem(sys.modules, "timm.data", data)
    network = load("timm:resnet50.a1_in1k", "default")
    assert network.preprocess == Preprocess(176, 201, (0.5,) * 3, (0.5,) * 3)
    load("timm:resnet50", "random")
    assert asked == [("resnet50.a1_in1k", True), ("resnet50", False)]
    with pytest.raises(ValueError, match="must be one of timm's, got 'timm:resnet5'"):
        load("timm:resnet5")


def test_examples_are_tried_at_the_size_of_the_preprocessing():
    assert Network(seeded(Plain), preprocess=Preprocess(size=41)).example().shape == (2, 3, 41, 41)
    assert Network(nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(1352, 2))).example().shape[
        1:
    ] == (1, 28, 28)
    odd = Network(nn.Sequential(nn.Flatten(), nn.Linear(7, 2)))
    with pytest.raises(
        ValueError, match="images must be given: the model takes no random images of 224 x 224"
    ):
        odd.layers()
    assert odd.layers("all", noise(2, 7, 1, 1)) == ["0", "1"]
