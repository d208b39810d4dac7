"""The page of a network study without some of its parts, and results that it refuses."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from report.markup import Page
from report.networks import SECTIONS

from equivfast import report


def written(tmp_path: Path, result: dict[str, Any]) -> str:
    return report.write_network_page(tmp_path / "p.html", result).read_text(encoding="utf-8")


def without(*parts: str) -> Any:
    return lambda r: [entry.update(dict.fromkeys(parts)) for entry in r["entries"]]


@pytest.mark.parametrize(
    ("spoil", "gone"),
    [
        (lambda r: r.update(audit=[]), ["audit"]),
        (lambda r: [item.update(inverse=[]) for item in r["audit"]], []),
        (lambda r: r.update(lie=None), ["lie"]),
        (lambda r: r.update(angles=None), ["angle"]),
        (lambda r: r.update(controls=None), ["control"]),
        (lambda r: r.update(gallery=[]), ["gallery"]),
        (lambda r: r.update(findings=[]), ["findings"]),
        (lambda r: r.update(preflight=None), []),
        (lambda r: r.pop("interval"), []),
        (lambda r: r["provenance"]["images"].update(test=[]), []),
        (without("trained"), ["training"]),
        (without("spectrum"), ["spectra"]),
        (without("patterns"), ["patterns"]),
        (without("budget"), ["budget"]),
        (without("invariant", "eigenspace"), []),
        (without("invariant", "eigenspace", "variance"), ["invariance"]),
        (lambda r: [layer.update(complete=False) for layer in r["layers"]], ["repair"]),
        (lambda r: r["original"].update(top5=None), []),
        (lambda r: r["entries"].__delitem__(slice(3, None)), []),
        (lambda r: r["layers"][0].update(stride=None), []),
        (
            lambda r: r.update(entries=[]),
            ["repair", "residual", "invariance", "spectra", "patterns", "budget", "training", "maps"],
        ),
    ],
)
def test_parts_may_be_absent(tmp_path: Path, networked: dict[str, Any], spoil: Any, gone: list[str]) -> None:
    spoil(networked)
    page = Page(written(tmp_path, networked))
    left = [name for name in SECTIONS if name not in gone]
    assert [name for name in page.values("id") if name in SECTIONS] == left
    assert [address[1:] for address in page.values("href") if address.startswith("#")] == left
    assert len(page.values("id")) == len(set(page.values("id")))


def test_an_entry_of_controls_alone(tmp_path: Path, networked: dict[str, Any]) -> None:
    for entry in networked["entries"]:
        entry["methods"] = [method for method in entry["methods"] if method["role"] == "control"]
        entry |= {"best": None, "trained": None}
    assert "best closed form" in written(tmp_path, networked)


def test_not_a_number_becomes_null_and_a_dash(tmp_path: Path, networked: dict[str, Any]) -> None:
    entry = networked["entries"][0]
    entry["methods"][0]["residual"] = dict.fromkeys(("mean", "low", "high"), float("nan"))
    entry["budget"]["phase"]["mean"] = float("nan")
    entry["variance"] = float("nan")
    entry["spectrum"][0] = [float("nan"), 0.0]
    networked["entries"][5]["trained"]["history"]["held_out"][3] = float("nan")
    networked["audit"][0]["inverse"][0]["condition"] = float("inf")
    html = written(tmp_path, networked)
    kept = Page(html).blocks["data-result"]
    assert kept["entries"][0]["methods"][0]["residual"]["mean"] is None
    assert kept["audit"][0]["inverse"][0]["condition"] is None
    assert not re.search(r"\b(nan|inf)\b", re.sub(r"base64,[A-Za-z0-9+/=]+", "", html), re.I)


def method_of(r: dict[str, Any]) -> dict[str, Any]:
    return r["entries"][0]["methods"][1]


def trained_of(r: dict[str, Any]) -> dict[str, Any]:
    return next(entry["trained"] for entry in r["entries"] if entry["trained"])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda r: r.pop("network"), "result must have title, .*, lacks network"),
        (lambda r: r["network"].pop("weights"), "network must have name, .*, lacks weights"),
        (lambda r: r.update(layers=[]), "result must have at least one of layers, got none"),
        (lambda r: r["layers"][1].pop("field"), "layers 1 must have name, .*, lacks field"),
        (lambda r: r["layers"].append(dict(r["layers"][0])), "layers must be listed once each, got 'conv1' twice"),
        (lambda r: r["transforms"][2]["none"].pop("top5"), "none of rot:90 must have top1, top5, lacks top5"),
        (lambda r: r["original"].update(top1=0.9), "top1 of original must be a dict with mean, low, high, got float"),
        (lambda r: r["original"]["top1"].update(mean=91.5), "top1 of original must be a share from 0 to 1, got 91.5"),
        (lambda r: r["entries"][3].update(layer="conv9"), "layer of entry 3 must be one of conv1, .*, got 'conv9'"),
        (lambda r: r["entries"][3].update(transform="rot"), "transform of entry 3 must be one of hflip, .*, got 'rot'"),
        (lambda r: r["entries"].append(r["entries"][1]), "entries must be listed once each, got 'conv1, vflip' twice"),
        (lambda r: r["entries"][3].pop("variance"), "entry 3 must have layer, .*, lacks variance"),
        (lambda r: r["entries"][0].update(best="cells moved"), "best of entry conv1, hflip must be one of permuta"),
        (lambda r: method_of(r).update(role="learned"), "role of a method of .* one of control, .*, got 'learned'"),
        (lambda r: method_of(r).update(residual=0.3), "residual of entry conv1, hflip must be a dict .* got float"),
        (lambda r: r["entries"][0]["budget"].pop("real"), "budget of entry conv1, hflip must have .*, lacks real"),
        (lambda r: r["entries"][0]["budget"].update(real=1.0), "real of the budget of .* must be a dict .* got float"),
        (lambda r: r["entries"][0]["spectrum"].append([1.0]), r"spectrum of .* must be pairs \(real, imaginary\), got"),
        (lambda r: r["entries"][0].update(patterns="x.png"), "a picture must be a data:image/png;base64 address"),
        (lambda r: trained_of(r).pop("loss"), "trained of entry conv1, vflip must have .*, lacks loss"),
        (lambda r: trained_of(r)["history"]["epoch"].pop(), r"history of entry conv1, vflip .* got \[12, 13\]"),
        (lambda r: r["audit"][0]["law"][0].pop("gap"), "law of conv1 must have g, .*, lacks gap"),
        (lambda r: r["lie"]["generators"].pop(), r"generators and values of lie must be lists .* got \[3, 4\]"),
        (lambda r: r["lie"]["values"][1].pop(), r"layers and values of lie must be lists .* got \[5, 5, 4, 5, 5\]"),
        (lambda r: r["angles"]["none"].pop(), r"angles must be lists of one length, at least 1, got \[7, 6, "),
        (lambda r: r["controls"]["rows"][0].pop("residual"), "a row of controls must have .*, lacks residual"),
        (lambda r: r["controls"]["names"].pop(), r"names and rows of controls must be lists .* got \[1, 2\]"),
        (lambda r: r["gallery"][0].update(image_x="https://example.org/x.png"), "a picture must be"),
        (lambda r: r["gallery"][1]["channels"][0].pop("mapped"), "a channel of gallery layer2.* lacks mapped"),
        (lambda r: r["preflight"].pop("seconds_sums"), "preflight must have bytes, .*, lacks seconds_sums"),
    ],
)  # fmt: skip
def test_refuses_a_result(tmp_path: Path, networked: dict[str, Any], spoil: Any, message: str) -> None:
    spoil(networked)
    with pytest.raises(ValueError, match=f"^write_network_page: .*{message}"):
        report.write_network_page(tmp_path / "p.html", networked)
    assert list(tmp_path.iterdir()) == []
