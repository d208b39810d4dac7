"""Self-contained HTML page of a network study: no style sheet, no script, no picture and no letter from anywhere else.

`write_network_page` takes the result of a network study, a plain dict as JSON holds it. An interval is {mean, low,
high}. Accuracies are shares, 0 to 1, on test images. A residual is |M phi(gx) - phi(x)|^2 over held-out images, by
that of the mean of phi(x): 0 is exact, 1 is no better than the mean.

    title, created (ISO time)
    network     name, weights, parameters (count), input [c, h, w], output (count of classes), trained_on (words,
                which may be empty)
    data        name, classes, train, test (images), skipped (count)
    original    top1, top5 (intervals, top5 may be None): upright images
    transforms  list of name, label ("vertical flip"), none {top1, top5}: transformed images and no map
    layers      list, in the order in which they run, of name, channels, field [H, W], stride (or None), grid ("probed"
                or "assumed"), complete (whether everything flows through it), relu (whether it is read after its
                ReLU), depth (0 to 1)
    entries     list, one for each layer and transformation that was measured, of
        layer, transform    their names
        methods             list of name ("cells moved", "1x1", "trained 1x1"), role ("control", "closed" or
                            "trained"), residual (an interval), top1, top5 (an interval or None), chosen (words or
                            None), seconds (or None)
        best                the name of the closed form with the smallest residual on held-out training images; None
                            without one
        trained             None, or before, after (intervals of top-1 accuracy), epochs, best_epoch, loss,
                            selected_on (words), history {epoch: [...], held_out: [...]}
        invariant           None, or count, channels, accuracy, tolerance: the paper's count
        eigenspace          None, or dimension, channels, threshold
        variance            None, or the mean normalised variance ratio
        spectrum            None, or [[real, imaginary], ...] of the map's eigenvalues
        budget              None, or total, border, interpolation, phase, real (intervals)
        patterns            None, or a picture of |A|, channels by channels (PNG as data: address; see glyphs.png_uri)
    audit       list, which may be empty, of layer, law [{g, h, gh, composed, direct, gap}], inverse [{g, gap,
                condition}]; numbers or intervals
    lie         None, or generators, layers (names), values [[of each layer] for each generator]
    angles      None, or degrees, none (accuracies), series {layer: [accuracy or None]}, original (an accuracy)
    controls    None, or names ("random weights"), rows [{layer, transform, residual, controls [of each name]}]
    gallery     list, which may be empty, of layer, transform, image_x, image_gx, channels [{channel, phi_gx, mapped,
                phi_x}]: pictures as above
    preflight   None, or bytes (of the sums), passes over the images, seconds_reading, seconds_sums
    headline    list of value, text (a sentence)
    findings    list of sentences
    interval    may be absent: what low and high are, in words
    provenance  as in page.py
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from equivfast.report import network_sections
from equivfast.report.atomic import write_text
from equivfast.report.network_checks import check_network
from equivfast.report.render import environment


def write_network_page(path: str | os.PathLike[str], result: dict[str, Any]) -> Path:
    """The page of a network study (the shape of `result` stands in this module's docstring).

    Raises     ValueError for a result without one of its parts, an entry of a layer or a transformation that is not
               listed or stands twice, lists that differ in length, a picture that is no PNG data: address, or a path
               that cannot be written
    """
    check_network("write_network_page", result)
    context = network_sections.of(result)
    html = environment().get_template("network.html.j2").render(result=result, **context)
    return write_text(path, html)
