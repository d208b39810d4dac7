"""Representations: from images to feature fields that know where their cells lie."""

from equivfast.representations._channels import PowerLaw
from equivfast.representations._field_layout import Tokens
from equivfast.representations.base import Representation
from equivfast.representations.hog import HOG
from equivfast.representations.layer import Layer
from equivfast.representations.network import Network
from equivfast.representations.power_law import power_law
from equivfast.representations.preprocess import Preprocess
from equivfast.representations.pyramid import Level, hog_pyramid

__all__ = [
    "HOG",
    "Layer",
    "Level",
    "Network",
    "PowerLaw",
    "Preprocess",
    "Representation",
    "Tokens",
    "hog_pyramid",
    "power_law",
]
