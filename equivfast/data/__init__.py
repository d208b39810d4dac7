"""Images in: embedded photographs, folders, heads, and where windows are cut from them."""

from __future__ import annotations

from equivfast.data.classes import TaskImages, faces, two_classes
from equivfast.data.embedded import photographs, split
from equivfast.data.folders import Folder, Photograph, Split, folder, read_image, split_by_name
from equivfast.data.heads import WINDOW, Heads, boxed_heads, face_heads
from equivfast.data.labelled import Images, Labelled, labelled
from equivfast.data.windows import Windows, windows

__all__ = [
    "WINDOW",
    "Folder",
    "Heads",
    "Images",
    "Labelled",
    "Photograph",
    "Split",
    "TaskImages",
    "Windows",
    "boxed_heads",
    "face_heads",
    "faces",
    "folder",
    "labelled",
    "photographs",
    "read_image",
    "split",
    "split_by_name",
    "two_classes",
    "windows",
]
