"""The ops: torch or NumPy in, the same out."""

from equivfast.ops.feature_transform import feature_transform
from equivfast.ops.hog import hog
from equivfast.ops.pose_argmax import PoseResult, pose_argmax

__all__ = ["PoseResult", "feature_transform", "hog", "pose_argmax"]
