"""Representations: from images to feature fields that know where their cells lie."""

from equivfast.representations.base import Representation
from equivfast.representations.hog import HOG

__all__ = ["HOG", "Representation"]
