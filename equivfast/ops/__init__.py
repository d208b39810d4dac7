"""The ops: torch or NumPy in, the same out."""

from equivfast.ops.feature_transform import feature_transform
from equivfast.ops.hog import hog

__all__ = ["feature_transform", "hog"]
