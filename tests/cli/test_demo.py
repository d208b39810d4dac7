"""equivfast demo: all studies, one index. The studies themselves have tests of their own; here they answer at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from equivfast import report
from equivfast.cli import equivariance, network_study, pose_studies
from equivfast.cli.main import program
from equivfast.studies.detection import DetectionConfig
from equivfast.studies.equivariance import EquivarianceConfig
from equivfast.studies.network import NetworkConfig
from equivfast.studies.pose import PoseConfig

FOLDERS = ("hog-equivariance", "network", "face-pose", "detection")
CONFIGS = (EquivarianceConfig, NetworkConfig, PoseConfig, DetectionConfig)
# What tells the index which study it is, without pictures.
KINDS: tuple[dict[str, Any], ...] = (
    {"transforms": []},
    {"layers": [], "gallery": []},
    {"tasks": []},
    {"alone": {"pictures": []}, "clutter": {"pictures": []}},
)


def demo(*arguments: str | Path) -> Result:
    return CliRunner().invoke(program, ["demo", *map(str, arguments)])


@pytest.fixture
def configs(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The configs with which the studies were called, in order."""
    seen: list[Any] = []

    def answering(kind: dict[str, Any]) -> Callable[[Any, Path], tuple[dict[str, Any], Path]]:
        def write(config: Any, out: Path) -> tuple[dict[str, Any], Path]:
            seen.append(config)
            words = {"value": "7 %", "text": f"of {type(config).__name__}"}
            result = {"title": out.name, "created": "2025-01-01T00:00:00+00:00", "headline": [words], **kind}
            return result, report.write_text(report.make_folder(out) / "index.html", "a page")

        return write

    monkeypatch.setattr(equivariance, "write_equivariance_study", answering(KINDS[0]))
    monkeypatch.setattr(network_study, "write_network_study", answering(KINDS[1]))
    monkeypatch.setattr(pose_studies, "write_pose_study", answering(KINDS[2]))
    monkeypatch.setattr(pose_studies, "write_detection_study", answering(KINDS[3]))
    return seen


def test_the_index_leads_to_every_study(tmp_path: Path, configs: list[Any]) -> None:
    done = demo("--out", tmp_path)
    assert done.exit_code == 0 and done.stdout == f"report: {tmp_path}/index.html\n"
    index = (tmp_path / "index.html").read_text(encoding="utf-8")
    for folder, config in zip(FOLDERS, CONFIGS, strict=True):
        assert f'href="{folder}/index.html"' in index and (tmp_path / folder / "index.html").exists()
        assert f"of {config.__name__}" in index
    assert tuple(type(config) for config in configs) == CONFIGS
    assert configs[0] == EquivarianceConfig(out=str(tmp_path / FOLDERS[0]))
    assert configs[1].model.startswith("embedded:") and configs[1].out == str(tmp_path / FOLDERS[1])
    assert configs[2] == PoseConfig(out=str(tmp_path / FOLDERS[2]))
    assert configs[3].images == "embedded" and configs[3].out == str(tmp_path / FOLDERS[3])


def test_the_quick_demo_is_a_smaller_one(tmp_path: Path, configs: list[Any]) -> None:
    assert demo("--quick", "--resume", "--out", tmp_path).exit_code == 0
    assert demo("--out", tmp_path).exit_code == 0
    quick, full = ([dataclasses.asdict(config) for config in some] for some in (configs[:4], configs[4:]))
    assert all(config["resume"] for config in quick) and not any(config["resume"] for config in full)
    assert set(quick[0]["transforms"]) <= set(full[0]["transforms"])
    sizes = (
        ("train_windows", "test_windows", "curve_windows"),
        ("train_images", "test_images", "probe_images"),
        ("splits", "leak_splits"),
        ("alone", "scenes"),
    )
    for k, names in enumerate(sizes):
        assert all(quick[k][name] < full[k][name] for name in names)
