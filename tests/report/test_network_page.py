"""The page of a network study is one file, safe against the names in it, and shows the numbers of its result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from report.markup import Page, check_names, check_numbers, check_sections, check_self_contained, numbers
from report.network_entries import EVIL, LAYERS, TRANSFORMS
from report.networks import MINIMAL, SECTIONS

from equivfast import report


@pytest.fixture
def html(tmp_path: Path, networked: dict[str, Any]) -> str:
    return report.write_network_page(tmp_path / "net.html", networked).read_text(encoding="utf-8")


@pytest.fixture
def bare_html(tmp_path: Path, bare_network: dict[str, Any]) -> str:
    return report.write_network_page(tmp_path / "bare.html", bare_network).read_text(encoding="utf-8")


def test_nothing_comes_from_elsewhere_and_no_script_runs(html: str, bare_html: str) -> None:
    check_self_contained(html)
    check_self_contained(bare_html)


def test_names_are_text_and_never_tags(html: str) -> None:
    check_names(html, EVIL, 20)


def test_sections_stand_in_order_and_links_lead_to_them(html: str, bare_html: str) -> None:
    check_sections(html, SECTIONS)
    check_sections(bare_html, MINIMAL)


def test_every_number_names_its_place_and_is_the_one_of_the_result(
    html: str, networked: dict[str, Any]
) -> None:
    check_numbers(html, networked)
    paths = {path for path, *_ in numbers(html)}
    assert "original.top1.mean" in paths
    assert {f"transforms.{k}.none.top1.mean" for k in range(len(TRANSFORMS))} <= paths
    for k, entry in enumerate(networked["entries"]):
        own = f"entries.{k}"
        for j, method in enumerate(entry["methods"]):
            assert f"{own}.methods.{j}.residual.mean" in paths
            assert (f"{own}.methods.{j}.top1.mean" in paths) == (method["top1"] is not None)
        if entry["trained"] is not None:
            assert {f"{own}.trained.{stage}.mean" for stage in ("before", "after")} <= paths
        assert f"{own}.variance" in paths
    for k in range(len(LAYERS)):
        assert {f"audit.{k}.law.0.{key}" for key in ("composed", "direct.low", "gap")} <= paths
        assert {f"controls.rows.{k}.residual.mean", f"controls.rows.{k}.controls.0"} <= paths


def test_every_figure_offers_its_data_and_the_page_all_but_pictures(
    html: str, networked: dict[str, Any]
) -> None:
    blocks = Page(html).blocks
    names = "recovered residuals angle-curves heat-invariant heat-eigenspace heat-variance eigenvalues matrices budgets"
    names += " group-law inverses lie-curves histories control-residuals every-map layers-measured result"
    names += " gallery-0-layer1 repair-hflip repair-vflip repair-rot-90 repair-scale-0-707"
    assert {f"data-{name}" for name in names.split()} <= set(blocks) and len(blocks) == len(names.split()) + 1
    whole = blocks["data-result"]
    assert "data:image" not in json.dumps(blocks)
    for key in set(networked) - {"entries", "gallery"}:
        assert whole[key] == networked[key]
    for kept, entry in zip(whole["entries"], networked["entries"], strict=True):
        assert kept == {**entry, "patterns": None}
    assert blocks["data-repair-vflip"]["top1"]["layers"]["layer2"]["after"] == next(
        e["trained"]["after"]
        for e in networked["entries"]
        if (e["layer"], e["transform"]) == ("layer2", "vflip")
    )


def test_pictures_are_those_of_the_result(html: str, networked: dict[str, Any]) -> None:
    order = {name: k for k, (name, *_) in enumerate(TRANSFORMS)}
    entries = sorted(
        networked["entries"], key=lambda e: ([n for n, *_ in LAYERS].index(e["layer"]), order[e["transform"]])
    )
    wanted = [entry["patterns"] for entry in entries]
    for item in networked["gallery"]:
        wanted += [item["image_x"], item["image_gx"]]
        wanted += [c[key] for c in item["channels"] for key in ("phi_gx", "mapped", "phi_x")]
    assert Page(html).values("src") == wanted


def test_layers_with_a_way_around_are_named_with_the_reason(html: str, bare_html: str) -> None:
    text = " ".join(Page(html).text.split())
    assert f"Not in these charts: {LAYERS[2][0]}. This layer is not all that the output depends on" in text
    assert "Not in these charts" not in bare_html


def test_many_images_are_counted_and_few_are_named(html: str) -> None:
    text = Page(html).text
    assert "maps judged on" in text and "frog, ship" in text
    assert "train/17" not in text and "maps learned on" not in text


def test_index_shows_a_channel_of_a_layer(
    tmp_path: Path, networked: dict[str, Any], bare_network: dict[str, Any], result: dict[str, Any]
) -> None:
    entries = [
        report.index_entry(study, f"{k}.html") for k, study in enumerate((networked, bare_network, result))
    ]
    first = networked["gallery"][0]
    channel = first["channels"][0]
    assert entries[0]["thumbnail"] == [
        first["image_x"], first["image_gx"], channel["phi_gx"], channel["mapped"], channel["phi_x"],
    ]  # fmt: skip
    assert entries[1]["thumbnail"] == [] and len(entries[2]["thumbnail"]) == 5
    page = Page(report.write_index(tmp_path / "index.html", entries).read_text(encoding="utf-8"))
    assert "mapped back" in page.text and len(page.values("src")) == 10
