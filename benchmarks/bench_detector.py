"""PoseDetector beside OpenCV's matchTemplate and LINE-MOD: what is found, and what it takes.

python benchmarks/bench_detector.py [--quick] [--threads 1 2] [--cases TEXT] [--out FILE]

The table of what is found is printed first (case "clutter"; not where --cases leaves it out).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache, partial
from typing import Any

import banks
import detector_quality
import detector_rivals as rivals
import numpy as np
import torch
from common import Case, Contestant, run
from hog_rivals import opencv_module
from threadpoolctl import threadpool_limits

import equivfast as ef
from equivfast.groups import Transform
from equivfast.studies._pose_timing import OpenCV

PIXELS = 64  # of the example: 8 x 8 cells
# What the detector asks its bank for, with an example of 6 to 8 cells; the threshold is a share of its own score.
TOP, NMS, THRESHOLD = 16, 2, 0.25
LEAST = 0.9  # LINE-MOD's score, of 1 at most, from which it finds few places beside the object
WINDOW, BATCH = 104, 80  # 13 x 13 cells: a window of the pose study
WARPED = 6  # poses that are timed where the image is warped for each
PHI = ef.representations.HOG()


def angles(count: int) -> list[float]:
    return [360 / count * k for k in range(count)]


def turns(count: int) -> tuple[Transform, ...]:
    return tuple(ef.groups.rotation(angle) for angle in angles(count))


@cache
def mosaic(quick: bool) -> tuple[np.ndarray, np.ndarray, tuple[float, float]]:
    """1024 x 1024 gray pixels of six photographs side by side, an example of it, and where its middle is."""
    pieces = (255 * banks.images(6)[:, 0]).round().astype(np.uint8)
    whole = np.block([[pieces[2 * k], pieces[2 * k + 1]] for k in range(3)])
    side, at = (256, 144) if quick else (1024, 224)
    pixels = 48 if quick else PIXELS
    image = np.ascontiguousarray(whole[:side, :side])
    crop = np.ascontiguousarray(image[at : at + pixels, at : at + pixels])
    return image, crop, (at + (pixels - 1) / 2, at + (pixels - 1) / 2)


def found_there(contestant: Contestant, at: tuple[float, float]) -> Contestant:
    """The contestant, if its best find is the example itself; ValueError if not: it would not have done the work."""
    found = max(contestant.call(), key=lambda one: one.score, default=None)
    away = found and max(abs(found.x - at[0]), abs(found.y - at[1]), abs((found.angle + 180) % 360 - 180) / 2)
    if away is None or away > PHI.cell:  # a cell, or two degrees for each of its pixels
        raise ValueError(f"{contestant.name}: must find the example at {at}, got {found}")
    return contestant


def image_case(quick: bool, count: int) -> Case:
    """One size, all rotations, pixels to finds."""
    image, crop, at = mosaic(quick)
    detector = ef.PoseDetector.from_template(crop, poses=turns(count))
    pixels = torch.from_numpy(image)[None, None]

    def search() -> object:
        least = THRESHOLD * detector.own
        return detector.bank.argmax(PHI(pixels), over="image", top_k=TOP, nms=NMS, threshold=least)

    def detect(align: bool) -> Callable[[], Any]:
        return lambda: detector.detect(image, scales=(1.0, 1.0), align=align)

    plain = "places and turns in steps of the search"
    contestants = [
        found_there(Contestant("equivfast", detect(True), ours=True), at),
        found_there(Contestant("equivfast, align=False", detect(False), ours=True, work=plain), at),
        Contestant("of this, HOG and bank", search, ours=True, work=f"the best {TOP} windows"),
    ]
    contestants += [found_there(rival, at) for rival in _image_rivals(image, crop, count, plain)]
    about = f"{image.shape[1]}x{image.shape[0]} gray uint8, example of {len(crop)} pixels, {count} rotations, one size"
    traffic = image.nbytes + detector.bank.templates.nbytes
    facts = {"finds": float(len(detect(True)()))}
    return Case(f"image-rot{count}", about, 1, "images", traffic, "read", contestants, facts)


def _image_rivals(image: np.ndarray, crop: np.ndarray, count: int, plain: str) -> Iterator[Contestant]:
    if not rivals.absent("matchTemplate"):
        few = min(36, count)
        ncc = rivals.MatchTemplate(crop, angles(few))
        whole = Contestant(f"matchTemplate, {few} rotations", lambda: ncc.detect(image), work=plain)
        if few < count:  # a template takes what another takes
            work = f"{plain}; {few} of {count} templates timed"
            yield replace(whole, name=f"matchTemplate, {count} rotations", work=work, share=few / count)
        yield replace(whole, work=plain if few == count else f"{plain}, 10 degrees")
    if not rivals.absent("LINE-MOD"):
        lines = rivals.LineMod(crop, angles(count))
        yield Contestant(f"LINE-MOD, {count} rotations", lambda: lines.detect(image, LEAST), work=plain)


def build_case(quick: bool, count: int) -> Case:
    """Templates of all rotations from one example; maps were learned before and are read from disk."""
    _, crop, _ = mosaic(quick)
    poses = turns(count)
    maps, field = ef.pose.learned_maps(poses, PHI), PHI(torch.from_numpy(crop)[None, None])[0]
    contestants = [
        Contestant("equivfast", lambda: ef.PoseDetector.from_template(crop, poses=poses), ours=True),
        Contestant("of this, templates_from_maps", lambda: ef.pose.templates_from_maps(field, maps), ours=True,
                   work="maps in memory; templates, not decorrelated"),
    ]  # fmt: skip
    if not rivals.absent("matchTemplate"):
        contestants.append(Contestant("matchTemplate", lambda: rivals.MatchTemplate(crop, angles(count)),
                                      work="the crop warped"))  # fmt: skip
    if not rivals.absent("LINE-MOD"):
        contestants.append(Contestant("LINE-MOD", lambda: rivals.LineMod(crop, angles(count)),
                                      work="the crop warped, directions chosen"))  # fmt: skip
    about = f"{count} rotations of an example of {len(crop)} x {len(crop)} pixels"
    traffic = count * field.nbytes
    return Case(f"build-rot{count}", about, count, "templates", traffic, "copy", contestants)


def window_case(quick: bool, count: int) -> Case:
    """The best rotation of each window, from pixels: one HOG and a bank, against a warp and a HOG for each pose."""
    poses, few = turns(count), 2 if quick else WARPED
    image, batch = mosaic(quick)[0], 8 if quick else BATCH
    random = np.random.default_rng(detector_quality.SEED)
    corners = random.integers(0, len(image) - WINDOW, (batch, 2))
    cut = np.stack([image[y : y + WINDOW, x : x + WINDOW] for y, x in corners.tolist()])
    windows = torch.from_numpy(cut.astype(np.float32) / 255)
    fields = PHI(windows[:, None])
    weights = fields[0] - fields.mean((0, 2, 3))[:, None, None]
    bank = ef.PoseBank(*ef.pose.templates_from_maps(weights, ef.pose.learned_maps(poses, PHI)))
    flat = weights.flatten()

    def warped() -> torch.Tensor:
        turned = (torch.as_tensor(ef.groups.warp(windows[:, None], g.inverse())[0]) for g in poses[:few])
        return torch.stack([PHI(x).flatten(1) @ flat for x in turned]).argmax(0)

    share, timed = few / count, f"{few} of {count} poses timed"
    contestants = [
        Contestant("equivfast", lambda: bank.argmax(PHI(windows[:, None])).pose, ours=True),
        Contestant("warp + ef.hog", warped, work=f"HOG of each turned window; {timed}", share=share),
    ]
    if opencv_module() is not None:
        descriptors = OpenCV(opencv_module(), WINDOW, poses[:few])
        contestants.append(Contestant("OpenCV warp + HOGDescriptor", lambda: descriptors.best(windows.numpy()),
                                      work=f"36 numbers of a block, from uint8; {timed}", share=share))  # fmt: skip
    about = f"{batch} windows of {WINDOW} x {WINDOW} pixels, {count} rotations"
    traffic = windows.nbytes + bank.templates.nbytes
    return Case(f"window-rot{count}", about, batch * count, "poses", traffic, "read", contestants)


def clutter_case(quick: bool) -> Case:
    """One example in one scene, in colour, all rotations and scales; how well it is found stands in the facts."""
    s = detector_quality.scenes(quick)
    facts = detector_quality.quality(quick)
    crop, image = s.wanted[0].crop, s.clutter[0].image
    work, contestants = "what it finds: see the table", []
    for way in detector_quality.ways(s, quick):
        call = partial(way.find, way.make(crop), image)
        contestants.append(Contestant(way.name, call, way.name.startswith("equivfast"), work))
    scales = f"scales {s.scales[0]:.2f}-{s.scales[1]:.2f}"
    about = f"{image.shape[1]}x{image.shape[0]} colour, example of {len(crop)} pixels, {scales}"
    return Case("clutter", about, 1, "images", image.nbytes, "read", contestants, facts)


CASES = (("image", image_case, (360,)), ("build", build_case, (72, 360)), ("window", window_case, (36, 360)))


def cases(quick: bool, threads: int) -> Iterator[Case]:
    cv2 = opencv_module()
    if cv2 is not None:
        cv2.setNumThreads(threads)
    with threadpool_limits(threads):  # the detector's Cholesky factors come from BLAS
        if wanted("clutter"):
            yield clutter_case(quick)
        for name, case, counts in CASES:
            for count in (24,) if quick else counts:
                if wanted(f"{name}-rot{count}"):
                    yield case(quick, count)


def wanted(name: str) -> bool:
    """Whether --cases asks for a case: they are expensive to prepare."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--cases", default="")
    return parser.parse_known_args()[0].cases in name


if __name__ == "__main__":
    versions = {"torch": torch.__version__}
    for method in rivals.ANGLES:
        versions[method] = rivals.absent(method) or f"OpenCV {opencv_module().__version__}"
    run("detector", __doc__.splitlines()[0], cases, versions)
