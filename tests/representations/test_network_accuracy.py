"""The published accuracies of networks: they prove architecture, weights and preprocessing at once."""

import csv

import numpy as np
import pytest
import torch
from network_cases import EXAMPLES, resnet20
from PIL import Image

from equivfast.representations.models import load


def cifar_test(data):
    pixels = np.asarray(Image.open(data / "cifar10" / "cifar10_batch_50.png").convert("RGB"))
    return pixels.reshape(1000, 32, 32, 3), np.load(data / "cifar10" / "cifar10_labels.npz")["test"]


def test_resnet20_has_its_accuracy(test_data):
    images, labels = cifar_test(test_data)
    network = resnet20(test_data)
    x = network.preprocess(images)
    found = torch.cat([network.output(batch) for batch in x.split(250)]).argmax(1).numpy()
    assert (found == labels).mean() == pytest.approx(0.915, abs=0.001)


@pytest.mark.parametrize(
    "depth,file,accuracy", [(32, "resnet32-d509ac18", 0.928), (56, "resnet56-4bfd9763", 0.926)]
)
def test_deeper_resnets_load(test_data, depth, file, accuracy):
    images, labels = cifar_test(test_data)
    weights = str(test_data / "cifar10_nets" / f"{file}.th")
    network = load(f"{EXAMPLES / 'cifar_resnet.py'}:resnet{depth}", weights)
    found = network.output(network.preprocess(images[:200])).argmax(1).numpy()
    assert (found == labels[:200]).mean() == pytest.approx(accuracy, abs=0.04)


@pytest.mark.parametrize("weights,accuracy", [("caffe", 0.633), ("torchvision", 0.640)])
@pytest.mark.parametrize(
    ("count", "rounding"),
    [
        (60, 0.125),  # two standard errors of 60 photographs
        # Which of two middle pixels a crop of odd size begins at decides about three of all 300.
        pytest.param(300, 0.011, marks=pytest.mark.long),
    ],
)
def test_squeezenets_have_their_accuracy(test_data, weights, accuracy, count, rounding):
    folder = test_data / "imagenet_samples"
    with open(folder / "labels.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[:: 300 // count]
    network = load(
        f"{EXAMPLES / 'squeezenet.py'}:{weights}",
        str(test_data / "imagenet_nets" / f"squeezenet1_1_{weights}.npz"),
    )
    right = 0
    for start in range(0, count, 30):
        batch = rows[start : start + 30]
        images = [np.asarray(Image.open(folder / row["file"]).convert("RGB")) for row in batch]
        found = network.output(network.preprocess(images)).argmax(1)
        right += int((found == torch.tensor([int(row["class_index"]) for row in batch])).sum())
    assert right / count == pytest.approx(accuracy, abs=rounding)
