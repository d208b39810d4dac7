"""The algebra of transformations: group laws, exact turns, names, errors."""

from __future__ import annotations

import itertools
import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equivfast import groups

_angles = st.floats(-720, 720)
_factors = st.floats(0.2, 5)
_shifts = st.floats(-100, 100)
_simple = st.one_of(
    st.builds(groups.rotation, _angles),
    st.builds(groups.scaling, _factors),
    st.builds(groups.translation, _shifts, _shifts),
    st.sampled_from([groups.identity(), groups.hflip(), groups.vflip(), groups.rotation(90)]),
)
_shears = st.builds(
    lambda sx, sy, shear, x, y: groups.affine([[sx, shear], [0, sy]], (x, y)),
    _factors,
    _factors,
    st.floats(-2, 2),
    _shifts,
    _shifts,
)
_affine = st.builds(lambda a, b, c: a @ b @ c, _simple, _shears, _simple)
_points = np.array([[0.0, 0.0], [10.0, -3.0], [-7.5, 22.0]])


def d4() -> list[groups.Transform]:
    turns = [groups.rotation(90 * k) for k in range(4)]
    return turns + [turn @ groups.hflip() for turn in turns]


def close(g: groups.Transform, h: groups.Transform) -> bool:
    return np.allclose(g.matrix, h.matrix, rtol=1e-9, atol=1e-8)


@settings(deadline=None)
@given(_affine)
def test_a_transformation_and_its_inverse_cancel(g: groups.Transform) -> None:
    assert close(g @ g.inverse(), groups.identity())
    assert close(g.inverse() @ g, groups.identity())
    assert np.allclose(g.inverse()(g(_points)), _points, atol=1e-8)


@settings(deadline=None)
@given(_affine, _affine, _affine)
def test_composition_is_associative(g: groups.Transform, h: groups.Transform, k: groups.Transform) -> None:
    first, second = (g @ h) @ k, g @ (h @ k)
    size = np.abs(first.matrix).max()
    assert np.allclose(first.matrix, second.matrix, rtol=0, atol=1e-11 * max(1.0, size) * 100)


@settings(deadline=None)
@given(_affine, _affine)
def test_the_inverse_of_a_product_is_the_product_of_inverses_in_reverse(
    g: groups.Transform, h: groups.Transform
) -> None:
    assert np.allclose((g @ h).inverse().matrix, (h.inverse() @ g.inverse()).matrix, rtol=1e-7, atol=1e-6)


@settings(deadline=None)
@given(_affine, _affine)
def test_a_product_applies_its_right_factor_first(g: groups.Transform, h: groups.Transform) -> None:
    assert np.allclose((g @ h)(_points), g(h(_points)), rtol=1e-9, atol=1e-7)


@pytest.mark.parametrize(
    ("g", "moved"),
    [
        (groups.rotation(90), (2, -10)),
        (groups.rotation(-90), (-2, 10)),
        (groups.rotation(180), (-10, -2)),
        (groups.scaling(0.5), (5, 1)),
        (groups.translation(3, -4), (13, -2)),
        (groups.hflip(), (-10, 2)),
        (groups.vflip(), (10, -2)),
        (groups.affine([[1, 2], [0, 1]], (1, 1)), (15, 3)),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_where_the_point_on_the_right_and_a_little_below_goes(
    g: groups.Transform, moved: tuple[float, float]
) -> None:
    assert g([10, 2]).tolist() == list(moved)


def test_rotation_is_counter_clockwise_with_y_down() -> None:
    cosine, sine = math.cos(math.radians(30)), math.sin(math.radians(30))
    assert np.allclose(groups.rotation(30).linear, [[cosine, sine], [-sine, cosine]], atol=1e-15)


@pytest.mark.parametrize("turns", [-7, -2, -1, 0, 1, 2, 3, 5, 4001])
def test_quarter_turns_are_integer_matrices(turns: int) -> None:
    g = groups.rotation(90 * turns)
    assert g.grid_symmetry
    assert np.array_equal(g.linear, np.rint(g.linear))
    assert g == groups.rotation(90 * (turns % 4))


def test_rounding_does_not_keep_a_product_from_being_a_quarter_turn() -> None:
    assert groups.rotation(45) @ groups.rotation(45) == groups.rotation(90)
    assert groups.rotation(30) @ groups.rotation(60) == groups.rotation(90)
    assert (groups.rotation(17) @ groups.rotation(17).inverse()).is_identity
    assert groups.affine([[1 + 1e-9, 0], [0, 1]]).grid_symmetry is False


def test_flips_and_quarter_turns_are_a_closed_group_of_eight() -> None:
    elements = d4()
    assert len(set(elements)) == 8
    assert all(g @ h in set(elements) for g, h in itertools.product(elements, elements))
    assert all((g @ g.inverse()) == groups.identity() for g in elements)
    assert groups.vflip() == groups.rotation(180) @ groups.hflip()


def test_what_is_a_grid_symmetry_and_what_is_not() -> None:
    assert all(g.grid_symmetry for g in d4())
    others = [groups.translation(1, 0), groups.rotation(45), groups.scaling(2), groups.rotation(1e-9)]
    assert not any(g.grid_symmetry for g in others)


def test_equality_and_hash_look_at_the_matrix_alone() -> None:
    named = groups.affine([[-1, 0], [0, 1]], name="mirror")
    assert named == groups.hflip()
    assert hash(named) == hash(groups.hflip())
    assert named.name == "mirror"
    assert named != groups.vflip()
    assert groups.affine([[1, -0.0], [-0.0, 1]]).matrix == groups.identity().matrix
    assert "-0.0" not in repr(groups.affine([[1, -0.0], [-0.0, 1]]))


def test_a_transformation_survives_pickling() -> None:
    g = groups.rotation(30) @ groups.scaling(0.8)
    again = pickle.loads(pickle.dumps(g))
    assert again == g
    assert again.name == g.name


@pytest.mark.parametrize(
    ("g", "name"),
    [
        (groups.identity(), "identity"),
        (groups.rotation(45), "rot:45"),
        (groups.rotation(22.5), "rot:22.5"),
        (groups.rotation(45) @ groups.scaling(0.8), "rot:45*scale:0.8"),
        (groups.rotation(45) @ groups.identity(), "rot:45"),
        ((groups.rotation(45) @ groups.scaling(0.8)).inverse(), "scale:1.25*rot:-45"),
        (groups.translation(3, -2).inverse(), "shift:-3,2"),
        (groups.hflip().inverse(), "hflip"),
        (groups.affine([[1, 0.5], [0, 1]], (2, 0)), "affine:1,0.5,2,0,1,0"),
        (groups.affine([[1, 0.5], [0, 1]], name="shear").inverse(), "shear^-1"),
        (groups.affine([[1, 0.5], [0, 1]], name="shear").inverse().inverse(), "shear"),
        (groups.affine([[1, 0.5], [0, 1]], name="rot:about 30").inverse(), "rot:about 30^-1"),
    ],
)
def test_names(g: groups.Transform, name: str) -> None:
    assert g.name == name


@settings(deadline=None)
@given(_affine)
def test_names_that_were_not_given_by_hand_read_back(g: groups.Transform) -> None:
    assert groups.parse(g.name) == g
    assert np.allclose(groups.parse(g.inverse().name).matrix, g.inverse().matrix, rtol=1e-7, atol=1e-6)


@pytest.mark.parametrize(
    ("text", "g"),
    [
        ("identity", groups.identity()),
        ("hflip", groups.hflip()),
        (" vflip ", groups.vflip()),
        ("rot90", groups.rotation(90)),
        ("rot180", groups.rotation(180)),
        ("rot270", groups.rotation(270)),
        ("rot:-22.5", groups.rotation(-22.5)),
        ("scale:1.25", groups.scaling(1.25)),
        ("shift:3,-2", groups.translation(3, -2)),
        ("affine:1,0.5,2,0,1,3", groups.affine([[1, 0.5], [0, 1]], (2, 3))),
        ("rot:45 * shift:1,2", groups.rotation(45) @ groups.translation(1, 2)),
        ("shift:1,2^-1", groups.translation(-1, -2)),
    ],
)
def test_parse(text: str, g: groups.Transform) -> None:
    assert groups.parse(text) == g


@pytest.mark.parametrize(
    "text",
    ["", "rot", "rot:", "rot:abc", "rot:1,2", "rot45", "shift:3", "hflip:2", "hflip*", "turn:3", "rot;45"],
)
def test_parse_repeats_the_text_that_it_does_not_understand(text: str) -> None:
    with pytest.raises(ValueError, match=r"^parse: text must be built of .*hflip.*; got ") as error:
        groups.parse(text)
    assert repr(text) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: groups.parse(45), r"parse: text must be a string, got 45"),
        (lambda: groups.parse("scale:0"), r"scaling: factor must be above 0, got 0\.0"),
        (lambda: groups.parse("rot:nan"), r"rotation: degrees must be a finite number, got nan"),
        (lambda: groups.rotation("a lot"), r"rotation: degrees must be a finite number, got 'a lot'"),
        (lambda: groups.rotation(math.inf), r"rotation: degrees must be a finite number, got inf"),
        (lambda: groups.scaling(0), r"scaling: factor must be above 0, got 0"),
        (lambda: groups.scaling(-1), r"scaling: factor must be above 0, got -1"),
        (lambda: groups.translation(1, math.nan), r"translation: dy must be a finite number, got nan"),
        (
            lambda: groups.affine([[1, 2], [2, 4]]),
            r"Transform: matrix must be invertible, got \[\[1\.0, 2\.0, 0\.0\], \[2\.0, 4\.0, 0\.0\]\]",
        ),
        (
            lambda: groups.affine([[0, 0], [0, 0]], (5, 6)),
            r"Transform: matrix must be invertible, got \[\[0\.0, 0\.0, 5\.0\], \[0\.0, 0\.0, 6\.0\]\]",
        ),
        (lambda: groups.affine([[1, math.nan], [0, 1]]), r"Transform: matrix must be finite, got .*nan"),
        (lambda: groups.affine([[1, 0, 0], [0, 1, 0]]), r"affine: linear must be 2 x 2 numbers, got"),
        (lambda: groups.affine(np.eye(3)), r"affine: linear must be 2 x 2 numbers, got array"),
        (lambda: groups.affine([[1, 0], [0]]), r"affine: linear must be 2 x 2 numbers, got"),
        (
            lambda: groups.affine(np.eye(2), (1, 2, 3)),
            r"affine: offset must be two finite numbers .*\(1, 2, 3\)",
        ),
        (lambda: groups.Transform(((1, 0), (0, 1))), r"Transform: matrix must be 2 x 3 numbers, got"),
        (lambda: groups.scaling(1e200) @ groups.scaling(1e200), r"Transform: matrix must be finite"),
        (lambda: groups.hflip()([1, 2, 3]), r"Transform: points must be \(\.\.\., 2\), got \(3,\)"),
    ],
)
def test_spoiled_arguments_are_named(call, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}") as error:
        call()
    assert "\n" not in str(error.value)


def test_a_transformation_composes_with_transformations_only() -> None:
    with pytest.raises(TypeError):
        groups.hflip() @ np.eye(2)
