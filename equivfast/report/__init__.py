"""Pages out: figures, HOG glyphs and self-contained HTML, from results that are plain dicts."""

from __future__ import annotations

from equivfast.report.atomic import make_folder, save_npy, write_bytes, write_json, write_text
from equivfast.report.detection_page import write_detection_page
from equivfast.report.detections import detections_picture
from equivfast.report.glyphs import glyphs, ink, png_bytes, png_uri, strengths
from equivfast.report.index import index_entry, write_index
from equivfast.report.network_page import write_network_page
from equivfast.report.page import write_equivariance_page
from equivfast.report.pose_page import write_pose_page
from equivfast.report.sparsity import sparsity
from equivfast.report.svg import show
from equivfast.report.weights import template_glyphs, template_picture

__all__ = [
    "detections_picture",
    "glyphs",
    "index_entry",
    "ink",
    "make_folder",
    "png_bytes",
    "png_uri",
    "save_npy",
    "show",
    "sparsity",
    "strengths",
    "template_glyphs",
    "template_picture",
    "write_bytes",
    "write_detection_page",
    "write_equivariance_page",
    "write_index",
    "write_json",
    "write_network_page",
    "write_pose_page",
    "write_text",
]
