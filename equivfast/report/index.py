"""The page that leads to the studies."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from equivfast.report.atomic import write_text
from equivfast.report.render import check_picture, environment
from equivfast.report.sections import PICTURES

_WORDS = ("the image x", "transformed, gx", "features of x", "features of gx", "predicted from x")
_CHANNELS = ("an image", "transformed", "a channel of it", "mapped back", "of the upright image")
_POSES = ("an image", "its found pose undone", "another image", "its found pose undone")


def index_entry(result: dict[str, Any], link: str) -> dict[str, Any]:
    """What `write_index` shows of a study: title, headline, link, and pictures with a few words under each: those
    of a learned map, two images of which the pose was found, three in which objects were, or a channel of a layer."""
    kind = next((key for key in _THUMBNAILS if key in result), "transforms")
    words, pictures = _THUMBNAILS[kind](result)
    return {
        "title": result["title"],
        "created": result["created"],
        "headline": result["headline"],
        "link": link,
        "thumbnail": pictures,
        "words": words,
    }


def write_index(path: str | os.PathLike[str], studies: Sequence[dict[str, Any]]) -> Path:
    """A page that leads to studies: each with title, created, headline [{value, text}], link (inside the
    page's folder), thumbnail (a list of PNG data: addresses, which may be empty) and words, one for each picture.

    Raises     ValueError for a link that leaves the page's folder, a picture that is no PNG data: address or has
               no words, or a path that cannot be written
    """
    for study in studies:
        link, pictures = study["link"], study["thumbnail"]
        if not re.fullmatch(r"[\w.-]+(/[\w.-]+)*", link) or ".." in link.split("/"):
            raise ValueError(f"write_index: link must be a path inside the page's folder, got {link!r}")
        if len(study["words"]) != len(pictures):
            wanted = f"one for each of {len(pictures)} pictures"
            raise ValueError(f"write_index: words must be {wanted}, got {len(study['words'])}")
        for picture in pictures:
            check_picture("write_index", picture)
    return write_text(path, environment().get_template("index.html.j2").render(studies=studies))


def _learned_map(result: dict[str, Any]) -> tuple[list[str], list[str]]:
    examples = [transform["example"] for transform in result["transforms"] if transform.get("example")]
    learned = [
        example for example in examples if example["method"] not in ("permutation", "no map", "cells moved")
    ]
    shown = (learned or examples or [None])[0]
    return (list(_WORDS), [shown[key] for key in PICTURES]) if shown else ([], [])


def _found_poses(result: dict[str, Any]) -> tuple[list[str], list[str]]:
    examples = [example for task in result["tasks"] for example in task["scores"]]
    typical = [example for example in examples if example["kind"] == "typical"]
    pictures = [example[key] for example in typical[:2] for key in ("image", "undone")]
    return list(_POSES[: len(pictures)]), pictures


def _found_objects(result: dict[str, Any]) -> tuple[list[str], list[str]]:
    """What was found goes first; where there is little of it, what was missed is shown too."""
    pictures = [
        picture
        for kind in ("found", "missed")
        for part in ("alone", "clutter")
        for picture in result[part]["pictures"]
        if picture["kind"] == kind
    ][:3]
    return [picture["words"] for picture in pictures], [picture["picture"] for picture in pictures]


def _mapped_channel(result: dict[str, Any]) -> tuple[list[str], list[str]]:
    shown = next((item for item in result["gallery"] if item["channels"]), None)
    if shown is None:
        return [], []
    channel = shown["channels"][0]
    pictures = (shown["image_x"], shown["image_gx"], channel["phi_gx"], channel["mapped"], channel["phi_x"])
    return list(_CHANNELS), list(pictures)


# What only the result of one kind of study holds, and how its pictures are chosen.
_THUMBNAILS = {
    "tasks": _found_poses,
    "alone": _found_objects,
    "gallery": _mapped_channel,
    "transforms": _learned_map,
}
