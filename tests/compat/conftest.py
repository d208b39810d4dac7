"""What the tests of skimage.hog share."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch


@pytest.fixture(scope="session")
def close(tolerance: Callable[[str, torch.dtype], float]) -> float:
    return tolerance("skimage hog", torch.float64)
