"""What the detector promises on photographs from elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from equivfast.studies.detection import DetectionConfig, run


@pytest.mark.long
def test_objects_are_found_exactly_and_in_clutter(test_data: Path) -> None:
    """100 objects of 300 ImageNet photographs; 12 objects in 12 scenes."""
    result = run(DetectionConfig(images=str(test_data / "imagenet_samples")))
    assert result["alone"]["count"] == 100 and result["alone"]["exact"] >= 0.95
    clutter = result["clutter"]
    assert clutter["objects"] == 36 and clutter["curve"]["average_precision"] >= 0.95
    assert clutter["at_threshold"]["precision"] >= 0.9 and clutter["at_threshold"]["recall"] >= 0.9
