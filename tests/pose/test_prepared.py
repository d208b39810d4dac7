"""Representations brought to photographs and to one scale: against sums written out."""

from __future__ import annotations

import convolutions
import numpy as np
import pytest
import torch
from torch import nn

from equivfast import groups
from equivfast.groups import Grid
from equivfast.pose import learned_maps
from equivfast.pose.disc import Disc
from equivfast.pose.disc_maps import support_of
from equivfast.pose.prepared import Normalised, described, prepared, weights_digest
from equivfast.pose.scaled import Pooled, Standardised, channel_scales, standardised
from equivfast.representations import HOG, Layer, Network, Preprocess

IMAGES = torch.rand(40, 1, 24, 24, generator=torch.Generator().manual_seed(0))


def test_gray_images_are_normalised_channel_by_channel_in_the_network_s_order() -> None:
    preprocess = Preprocess(size=8, mean=(104.0, 117.0, 123.0), std=(1.0, 2.0, 3.0), scale=1.0, bgr=True)
    phi = prepared(Network(convolutions.model(), preprocess=preprocess).layer("3"), white=1.0)
    shown = torch.cat([(255 * IMAGES - m) / s for m, s in ((104, 1), (117, 2), (123, 3))], 1)
    assert torch.allclose(phi(IMAGES), convolutions.model()(shown), rtol=1e-4, atol=1e-3)
    colours = torch.rand(2, 3, 24, 24)
    reversed_ = (255 * colours.flip(1) - torch.tensor([104.0, 117, 123])[:, None, None]) / torch.tensor(
        [1.0, 2, 3]
    )[:, None, None]
    assert torch.allclose(phi(colours), convolutions.model()(reversed_), rtol=1e-4, atol=1e-3)
    whole = (255 * IMAGES).to(torch.uint8)
    bytes_ = Normalised(phi.phi, preprocess, 255.0)(whole)
    assert torch.allclose(bytes_, phi(whole.float() / 255), rtol=1e-4, atol=1e-3)
    assert phi(IMAGES[:0]).shape == (0, 24, 6, 6)
    with pytest.raises(ValueError, match=r"images must be \(n, 1 or 3, h, w\), got \(40, 24, 24\)"):
        phi(IMAGES[:, 0])


def test_other_representations_and_networks_of_one_channel() -> None:
    phi = HOG()
    assert prepared(phi, 1.0) is phi
    gray = Layer(nn.Sequential(nn.Conv2d(1, 2, 3)), "0")
    with pytest.raises(ValueError, match="a network that takes 3 channels, got 1"):
        prepared(gray, 1.0)


def test_a_description_tells_weights_apart_and_only_these() -> None:
    first, same, other = (convolutions.layer() for _ in range(3))
    with torch.no_grad():
        other.network.model[3].weight[0, 0, 0, 0] *= 1 + 1e-6
    assert described(first) == described(same) != described(other)
    assert described(prepared(first, 1.0)) != described(prepared(other, 1.0))
    assert described(Pooled(first, 2))["pooled"] == 2 and described(HOG())["cell"] == 8
    assert described(convolutions.Plain()) == {"name": "Plain"}
    net = nn.BatchNorm2d(3)
    before = weights_digest(net)
    net.running_mean += 1
    assert weights_digest(net) != before


def test_pooled_cells_are_means_and_lie_between_those_they_come_from() -> None:
    phi = Pooled(HOG(cell=4), 3)
    field = HOG(cell=4)(IMAGES[:2])
    assert torch.allclose(phi(IMAGES[:2])[0, :, 1, 0], field[0, :, 3:6, 0:3].mean((1, 2)), atol=1e-6)
    assert phi.grid(24, 24) == Grid.centred(2, 2, 12)
    centres = HOG(cell=4).grid(24, 24).centres[:3, 3:].reshape(-1, 2)
    assert np.allclose(phi.grid(24, 24).centres[0, 1], centres.mean(0))


def test_channels_get_one_variance_and_dead_ones_none() -> None:
    scales = channel_scales(torch.tensor([4.0, 0.0, 1e-9, 0.5]).double())
    assert torch.allclose(scales, torch.tensor([0.125, 0.0, 0.0, 1.0]))
    assert not channel_scales(torch.zeros(3)).any()
    disc = Disc(52)
    phi = standardised(convolutions.Plain(), disc)
    assert isinstance(phi, Standardised) and phi.grid(52, 52) == Grid.centred(13, 13, 4)
    assert phi.channel_action(groups.hflip()) is None
    same = standardised(prepared(convolutions.layer(), 1.0), disc)  # a hundredth, and shifted
    x = disc(torch.rand(3, 1, 52, 52, generator=torch.Generator().manual_seed(1)))
    assert phi(x).shape == same(x).shape and not phi(x).requires_grad


def test_maps_of_a_layer_are_learned_angle_by_angle(tmp_path) -> None:
    layer = convolutions.layer()
    images = torch.rand(4, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    poses = [groups.rotation(angle) for angle in (40, -40, 140)]
    phi = prepared(layer, 1.0)
    maps = learned_maps(poses, phi, images, support=1, folder=tmp_path)
    assert [m.g.name for m in maps] == ["rot:-40", "rot:40", "rot:-140"]
    assert len(list(tmp_path.iterdir())) == 3  # no symmetry saves any; HOG's are one
    (own,) = learned_maps(poses[:1], layer, support=1, folder=tmp_path)  # gray windows of photographs
    assert own.channels == (24, 24) and own.source.stride == 4
    assert [support_of(standing(d)) for d in (31, 66, 67)] == [3, 3, 1]


def standing(channels: int) -> convolutions.Plain:
    phi = convolutions.Plain()
    phi.channels = channels
    return phi
