"""Representations: from images to feature fields that know where their cells lie."""

from equivfast.representations._channels import PowerLaw
from equivfast.representations.base import Representation
from equivfast.representations.hog import HOG
from equivfast.representations.power_law import power_law
from equivfast.representations.pyramid import Level, hog_pyramid

__all__ = ["HOG", "Level", "PowerLaw", "Representation", "hog_pyramid", "power_law"]
