"""Self-contained HTML page of a detection study: no style sheet, no script, no picture from anywhere else.

`write_detection_page` takes the result of a detection study, a plain dict as JSON holds it. An error is
{median, most}: of absolute values, and `most` is at least 90 % of them.

    title, created (ISO time)
    threshold       the detector's default: the least score of what it reports
    alone           objects in their own photographs, turned and scaled:
        count               how many were looked for
        exact               the share of them that was found exactly
        errors              of what was found exactly: pixels (of a coordinate), degrees, scale (a share)
        rows                for each object: photo, score and error {dx, dy, degrees, scale} of the best find, or None
        pictures            list, which may be empty, of kind ("found" or "missed"), words, picture (PNG as a data:
                            address; see glyphs.png_uri)
    clutter         objects pasted into other photographs:
        scenes, objects     how many scenes, and objects in all of them
        subjects            how many objects were looked for in each scene
        curve               recall, precision, threshold (lists of one length, one entry for each find, the surest
                            first) and average_precision
        at_threshold        precision and recall at the default threshold; None where nothing was reported or pasted
        pictures            as above, of whole scenes
    headline        list of value, text (a sentence)
    findings        list of sentences
    provenance      as in page.py, where train are the photographs that maps were learned from; its settings hold
                    pixels, size, scales, together as DetectionConfig does

This may be absent:

    rivals          list of name and curve (as above): other ways to find the objects in the same scenes
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from equivfast.report import detection_sections
from equivfast.report.atomic import write_text
from equivfast.report.render import check_keys, check_picture, environment

_NAME = "write_detection_page"
_KEYS = ("title", "created", "threshold", "alone", "clutter", "headline", "findings", "provenance")
_ALONE = ("count", "exact", "errors", "rows", "pictures")
_CLUTTER = ("scenes", "subjects", "objects", "curve", "at_threshold", "pictures")
_LISTS = ("recall", "precision", "threshold")
_SETTINGS = ("pixels", "size", "scales", "together")


def write_detection_page(path: str | os.PathLike[str], result: dict[str, Any]) -> Path:
    """The page of a detection study (the shape of `result` stands in this module's docstring).

    Raises     ValueError for a result without one of its parts, curves whose lists differ in length or leave 0..1,
               a picture that is no PNG data: address, or a path that cannot be written
    """
    _check(result)
    context = detection_sections.of(result)
    html = environment().get_template("detection.html.j2").render(result=result, **context)
    return write_text(path, html)


def _check(result: dict[str, Any]) -> None:
    check_keys(_NAME, "result", result, _KEYS)
    alone, clutter = result["alone"], result["clutter"]
    check_keys(_NAME, "alone", alone, _ALONE)
    check_keys(_NAME, "errors of alone", alone["errors"], ("pixels", "degrees", "scale"))
    for name, error in alone["errors"].items():
        check_keys(_NAME, f"the error {name} of alone", error, ("median", "most"))
    if not isinstance(alone["count"], int) or alone["count"] < 1:
        raise ValueError(f"{_NAME}: count of alone must be at least 1, got {alone['count']!r}")
    if len(alone["rows"]) != alone["count"]:
        raise ValueError(f"{_NAME}: rows of alone must be {alone['count']}, got {len(alone['rows'])}")
    for row in alone["rows"]:
        check_keys(_NAME, "a row of alone", row, ("photo", "score", "error"))
    check_keys(_NAME, "clutter", clutter, _CLUTTER)
    check_keys(_NAME, "at_threshold of clutter", clutter["at_threshold"], ("precision", "recall"))
    _check_curve("curve of clutter", clutter["curve"])
    for part, pictures in (("alone", alone["pictures"]), ("clutter", clutter["pictures"])):
        for one in pictures:
            check_keys(_NAME, f"a picture of {part}", one, ("kind", "words", "picture"))
            if one["kind"] not in detection_sections.KINDS:
                raise ValueError(f"{_NAME}: kind of a picture must be found or missed, got {one['kind']!r}")
            check_picture(_NAME, one["picture"])
    for rival in result.get("rivals") or []:
        check_keys(_NAME, "a rival", rival, ("name", "curve"))
        _check_curve(f"curve of {rival['name']}", rival["curve"])
    check_keys(_NAME, "settings of provenance", result["provenance"]["settings"], _SETTINGS)


def _check_curve(part: str, curve: Any) -> None:
    check_keys(_NAME, part, curve, (*_LISTS, "average_precision"))
    lengths = [len(curve[name]) for name in _LISTS]
    if len(set(lengths)) > 1:
        raise ValueError(f"{_NAME}: {part} must be lists of one length, got {lengths}")
    for name in _LISTS[:2]:
        wrong = [v for v in curve[name] if not (isinstance(v, (int, float)) and 0 <= v <= 1)]
        if wrong:
            raise ValueError(f"{_NAME}: {name} of the {part} must be numbers from 0 to 1, got {wrong[0]!r}")
