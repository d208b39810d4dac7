"""Fast HOG, and how image representations transform.

    >>> import numpy as np
    >>> import equivfast as ef
    >>> ef.hog(np.zeros((64, 48), np.float32)).shape
    (31, 8, 6)
"""

from equivfast._build_info import build_info, set_cpu_level
from equivfast.ops import feature_transform, hog

__version__ = "0.1.0"
__all__ = ["__version__", "build_info", "feature_transform", "hog", "set_cpu_level"]
