"""The one-pass sums of many layers: against the statistics of each pair alone, and against raw data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from equivfast.groups import Grid, Transform, hflip, rotation, scaling, translation, vflip
from equivfast.maps import Statistics, Survey, Surveyed, blocks, solve, survey_bytes

TRANSFORMS = (
    vflip(),
    rotation(90),
    hflip(),
    scaling(2**-0.5),
    rotation(45),
    rotation(180),
    rotation(-90),
    hflip() @ rotation(90),
)
LAYERS = {"a": Surveyed(3, Grid.centred(6, 6, stride=1)), "b": Surveyed(5, Grid.centred(7, 7, stride=4))}


def _fields(
    seed: int, n: int, dtype: torch.dtype = torch.float32, layers: dict[str, Surveyed] = LAYERS
) -> dict[str, torch.Tensor]:
    draw = torch.Generator().manual_seed(seed)
    return {
        name: 3 + torch.randn(n, of.channels, of.grid.height, of.grid.width, generator=draw, dtype=dtype)
        for name, of in layers.items()
    }


def _survey(
    n: int = 40,
    transforms: tuple[Transform, ...] = TRANSFORMS,
    dtype: torch.dtype = torch.float32,
    **settings: int,
) -> Survey:
    moved = [_fields(k + 1, n, dtype) for k in range(len(transforms))]
    return Survey(LAYERS, transforms, **settings).update(_fields(0, n, dtype), moved)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_sums_are_those_of_each_pair_alone(dtype: torch.dtype) -> None:
    survey = _survey(dtype=dtype)
    for k, g in enumerate(TRANSFORMS):
        for name, layer in LAYERS.items():
            alone = Statistics(
                g.inverse(), layer.grid, layer.grid, (layer.channels, layer.channels), support=1
            )
            alone.update(_fields(k + 1, 40, dtype)[name], _fields(0, 40, dtype)[name])
            mine = survey.statistics(name, g)
            assert mine.count == alone.count > 0
            for own, other in zip(mine.problems(), alone.problems(), strict=True):
                for part in ("mean_x", "mean_y", "xx", "xy", "yy"):
                    torch.testing.assert_close(
                        getattr(own.moments, part), getattr(other.moments, part), rtol=1e-9, atol=1e-8
                    )


@pytest.mark.parametrize("g", [vflip(), rotation(45), translation(1, 0)], ids=lambda g: g.name)
def test_wide_support_fits_what_the_map_computes(g: Transform) -> None:
    """A planted map of 3 x 3 taps, its outside 0, comes back to rounding: the sums see what the map sees."""
    layer = Surveyed(2, Grid.centred(6, 6, stride=1))
    draw = torch.Generator().manual_seed(5)
    x = torch.randn(300, 2, 6, 6, generator=draw, dtype=torch.float64)
    planted = solve(
        Statistics(g.inverse(), layer.grid, layer.grid, (2, 2), support=3).update(
            x, torch.randn(x.shape, generator=draw, dtype=torch.float64)
        )
    )
    survey = Survey({"a": layer}, [g], support=3).update({"a": planted(x)}, [{"a": x}])
    found = solve(survey.statistics("a", g), "least_squares")
    np.testing.assert_allclose(found.weight, planted.weight, atol=1e-6)
    np.testing.assert_allclose(found.bias, planted.bias, atol=1e-6)


def test_central_taps_are_the_smaller_support() -> None:
    wide, narrow = _survey(support=3), _survey(support=1)
    for name in LAYERS:
        a, b = (s.statistics(name, vflip()) for s in (wide, narrow))
        np.testing.assert_allclose(solve(a, support=1).weight, solve(b).weight, atol=1e-9)


@pytest.mark.parametrize("support", [1, 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_sums_of_parts_add_up(support: int, dtype: torch.dtype) -> None:
    x, y = _fields(0, 40, dtype), _fields(1, 40, dtype)
    whole = Survey(LAYERS, [vflip()], support=support).update(x, [y])
    parts = []
    for cut in (slice(0, 7), slice(7, 40)):
        part = Survey(LAYERS, [vflip()], support=support)
        parts.append(part.update({n: f[cut] for n, f in x.items()}, [{n: f[cut] for n, f in y.items()}]))
    total = parts[0] + parts[1]
    assert total.images == 40 and parts[0].images == 7
    for name in LAYERS:
        a, b = (solve(s.statistics(name, vflip())) for s in (whole, total))
        np.testing.assert_allclose(a.weight, b.weight, atol=1e-9)
        np.testing.assert_allclose(a.bias, b.bias, atol=1e-9)
    empty = Survey(LAYERS, [vflip()], support=support)
    assert (empty + whole).statistics("a", vflip()).count == (whole + empty).statistics("a", vflip()).count


def test_a_saved_survey_goes_on(tmp_path: Path) -> None:
    x, y = _fields(0, 40), _fields(1, 40)
    cut = {n: f[:25] for n, f in x.items()}, {n: f[:25] for n, f in y.items()}
    rest = {n: f[25:] for n, f in x.items()}, {n: f[25:] for n, f in y.items()}
    Survey(LAYERS, [vflip()]).update(cut[0], [cut[1]]).save(tmp_path / "s.safetensors", batch=3)
    going_on = Survey(LAYERS, [vflip()])
    assert going_on.restore(tmp_path / "s.safetensors") == {"batch": 3} and going_on.images == 25
    going_on.update(rest[0], [rest[1]])
    whole = Survey(LAYERS, [vflip()]).update(cut[0], [cut[1]]).update(rest[0], [rest[1]])
    for name in LAYERS:
        a, b = (solve(s.statistics(name, vflip())).weight for s in (going_on, whole))
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match="same layers, transforms and settings"):
        Survey(LAYERS, [hflip()]).restore(tmp_path / "s.safetensors")


def test_memory_is_known_beforehand_and_divided() -> None:
    for support in (1, 3):
        assert sum(survey_bytes(LAYERS, 8, support).values()) >= _survey(support=support).nbytes
    assert survey_bytes(LAYERS, 1, 3) == {
        name: Survey({name: of}, [vflip()], support=3).nbytes for name, of in LAYERS.items()
    }
    assert blocks(LAYERS, 1, 1, limit=10**6) == [["a", "b"]]
    with pytest.raises(ValueError, match=r"hold the sums of a, .* got 10;"):
        blocks(LAYERS, 1, 1, limit=10)


def test_dead_channels_and_one_image() -> None:
    x = torch.zeros(1, 3, 6, 6)
    x[:, 0] = torch.randn(6, 6, generator=torch.Generator().manual_seed(0))
    layer = {"a": LAYERS["a"]}
    survey = Survey(layer, [vflip()]).update({"a": x}, [{"a": x.flip(-2)}])
    found = solve(survey.statistics("a", vflip()), "least_squares")
    np.testing.assert_allclose(found.weight.toarray(), np.diag([1.0, 0, 0]), atol=1e-9)


def test_errors_name_what_was_passed() -> None:
    with pytest.raises(ValueError, match="must not be empty"):
        Survey({}, [vflip()])
    with pytest.raises(ValueError, match="border_cells must leave a cell of the 6 x 6 of a, got 3"):
        Survey(LAYERS, [vflip()], border_cells=3)
    survey = Survey(LAYERS, [vflip()])
    x = _fields(0, 4)
    with pytest.raises(ValueError, match="must hold 1 dicts of fields, got 2"):
        survey.update(x, [x, x])
    with pytest.raises(ValueError, match="fields must hold b, got a"):
        survey.update({"a": x["a"]}, [{"a": x["a"]}])
    with pytest.raises(ValueError, match="as many images each, got \\[3, 4\\]"):
        survey.update(x, [_fields(1, 3)])
    x["a"][0, 0, 0, 0] = float("nan")
    with pytest.raises(ValueError, match="a must be finite"):
        survey.update(x, [x])
    with pytest.raises(ValueError, match="must be among a, b under vflip, got a under hflip"):
        survey.statistics("a", hflip())
