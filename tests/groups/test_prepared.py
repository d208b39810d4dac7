"""A prepared warp is the warp."""

from __future__ import annotations

import pytest
import torch

from equivfast.groups import PreparedWarp, Transform, parse, warp


@pytest.mark.parametrize("name", ["rot:30", "scale:0.707", "scale:1.3", "shift:0.5,-1.25", "rot:45*hflip"])
@pytest.mark.parametrize("border", ["reflect", "zeros"])
def test_small_images(name: str, border: str) -> None:
    x = torch.rand(3, 2, 17, 22, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    wanted, mask = warp(x, parse(name), border=border)
    prepared = PreparedWarp(parse(name), (17, 22), border=border)
    torch.testing.assert_close(prepared(x), wanted, rtol=0, atol=1e-12)
    assert prepared(x.float()).dtype == torch.float32
    assert (prepared.mask == mask).all()


@pytest.mark.parametrize("name", ["hflip", "vflip", "rot:180", "shift:3,-2", "rot:90", "identity"])
def test_whole_moves_are_exact(name: str) -> None:
    x = torch.rand(3, 2, 16, 16, generator=torch.Generator().manual_seed(0))
    assert torch.equal(PreparedWarp(parse(name), (16, 16))(x), warp(x, parse(name))[0])


def test_large_images_are_warped_one_by_one() -> None:
    x = torch.rand(1, 3, 80, 70, generator=torch.Generator().manual_seed(0))
    assert torch.equal(PreparedWarp(parse("rot:10"), (80, 70))(x), warp(x, parse("rot:10"))[0])


def test_other_sizes_and_transformations_are_refused() -> None:
    g: Transform = parse("rot:30")
    with pytest.raises(ValueError, match=r"must be \(n, c, 8, 8\), got \(1, 1, 8, 9\)"):
        PreparedWarp(g, (8, 8))(torch.zeros(1, 1, 8, 9))
    with pytest.raises(ValueError, match="expand must be True"):
        PreparedWarp(parse("rot:90"), (8, 9))
