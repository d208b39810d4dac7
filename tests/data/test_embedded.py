"""The photographs that need no download, and their division into training and test."""

from __future__ import annotations

import socket

import numpy as np
import pytest

from equivfast import data

TEXTURES = {"brick", "grass", "gravel"}


def test_all_are_rgb_photographs_with_content() -> None:
    photographs = data.photographs()
    assert len(photographs) == 12
    for photo in photographs:
        assert photo.image.dtype == np.uint8
        assert photo.image.ndim == 3 and photo.image.shape[2] == 3
        assert min(photo.image.shape[:2]) >= 300
        assert photo.image.std() > 20


def test_no_network_is_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    assert data.photographs(["motorcycle"])[0].image.shape == (500, 741, 3)


def test_split_is_disjoint_complete_and_tests_natural_scenes_only() -> None:
    train, test = data.split
    assert not set(train) & set(test)
    assert sorted(train + test) == [photo.name for photo in data.photographs()]
    assert set(train) >= TEXTURES
    assert len(test) >= 4 and not TEXTURES & set(test)


def test_names_choose_in_their_order() -> None:
    assert [photo.name for photo in data.photographs(["rocket", "cat"])] == ["rocket", "cat"]


def test_unknown_name_is_repeated() -> None:
    with pytest.raises(ValueError, match=r"photographs: names must be among astronaut, .* got 'lena'"):
        data.photographs(["lena"])
