"""Self-contained HTML pages: no style sheet, no script, no picture and no letter from anywhere else.

The one script stands in the page itself and sorts a table; without it everything is there to be read.

`write_equivariance_page` takes the result of an equivariance study, a plain dict as JSON holds it. An interval is
{mean, low, high}.

    title, created (ISO time)
    representation  name, variant, cell, orientations, assignment, channels
    transforms      list of
        name, label             "rot:45", "rotation 45°"
        field                   [H, W] cells compared
        train_windows, test_windows
        methods                 list of name, role ("control", "exact" or "learned"), hellinger (an interval),
                                relative_l2, max_abs, clipped_share, nonzero_share, learn_seconds (the last two
                                may be None), per_photo {photograph: mean}; learned ones also solver, support
                                (None: all cells), nonzeros (per output, or None)
        best                    the name of the method with the smallest error (controls left out)
        gain                    {over, mean, low, high}: the better control, and how far the best is below it
        example                 may be absent: photo, method, field [H, W] of the pictures (may be absent), and image_x,
                                image_gx, phi_x, phi_gx, mapped (PNG as data: addresses; see glyphs.png_uri). These
                                may be absent, all four: inverted_by ("paired" or "gradient"), and inverted_x,
                                inverted_gx, inverted_mapped: the pictures that phi_x, phi_gx, mapped describe
    headline        list of value, text (a sentence)
    findings        list of sentences
    interval        may be absent: what low and high are, in words
    provenance      versions {name: version}, seed, command, cpu_level, machine, skipped [[name, reason]],
                    images {train: [...], test: [...]}, settings {...} (curve_windows is told beside the curves),
                    seconds {stage: seconds}

These may be absent, and the page then has no such section:

    curves          {"rotation": {"degrees": [...], "series": {method: [error or None]}, "low": ..., "high": ...},
                    "scale": {"factors": ...}, "shift": {"cells": ...}}; low and high, like series, may be absent;
                    degrees count counter-clockwise, cells to the right
    pattern         list of name, method, nonzero_share, shape [rows, columns], picture (see sparsity), caption
    sizes           list of name, label, source [H, W], rows [{field, source, source_all_cells (if another), methods
                    {name: interval}}]
    composition     list of g, h, gh, label, field, method, direct (M_gh), composed (M_g M_h), gap (intervals), and
                    "no map" (an interval, may be absent)
    learning        transform, train_windows, inputs, outputs, field, rows [{name, support, nonzeros, seconds}],
                    paper {unstructured, structured [fastest, slowest], source, field [H, W] (may be absent)}
    shared          list of name, label, solver, support, hellinger, nonzero_share, learn_seconds
    task            name, positives, negatives, train, test, field, method, upright (an interval), curves as above
                    with accuracies
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from equivfast.report import sections
from equivfast.report.atomic import write_text
from equivfast.report.render import check_keys, check_picture, environment
from equivfast.report.sections import INVERSIONS, PICTURES

_KEYS = ("title", "created", "representation", "transforms", "headline", "findings", "provenance")


def write_equivariance_page(path: str | os.PathLike[str], result: dict[str, Any]) -> Path:
    """The page of an equivariance study (the shape of `result` stands in this module's docstring).

    Raises     ValueError for a result without one of its parts, a picture that is no PNG data: address, or a
               path that cannot be written
    """
    _check(result)
    context = sections.of(result)
    html = environment().get_template("equivariance.html.j2").render(result=result, **context)
    return write_text(path, html)


def _check(result: dict[str, Any]) -> None:
    check_keys("write_equivariance_page", "result", result, _KEYS)
    if not result["transforms"]:
        raise ValueError("write_equivariance_page: result must have at least one transformation, got none")
    for transform in result["transforms"]:
        example = transform.get("example")
        needed = PICTURES + INVERSIONS if example and "inverted_by" in example else PICTURES
        for picture in needed if example else ():
            check_picture("write_equivariance_page", example[picture])
    for pattern in result.get("pattern") or []:
        check_picture("write_equivariance_page", pattern["picture"])
