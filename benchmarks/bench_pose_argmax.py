"""pose_argmax with a bank against the ways that PyTorch offers; the contract is in README.md.

python benchmarks/bench_pose_argmax.py [--quick] [--threads 1 2] [--out FILE]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import banks
import numpy as np
import pose_rivals as rivals
import torch
from common import SEED, Case, Contestant, run
from hog_rivals import opencv_module
from pose_judge import Judge
from pose_problem import FIELDS, RADIUS, TOP, Problem, Setting, answer, case, turning
from warp_rivals import opencv_search, torch_search

import equivfast as ef

Tensor = torch.Tensor

WINDOWS, BATCH = 64, 64
RANKS = {"rot36": 32, "rot360": 64, "aff1000": 256}
WARPED = 6  # of 360 poses

MAPS = tuple(
    Setting(
        f"map-{poses}-k{cells}", f"best of {poses} of {cells} x {cells} cells at every window", poses, cells
    )
    for cells in (8, 10)
    for poses in ("rot36", "rot360", "aff1000")
)
TOPS = (
    Setting("top1-rot360-k8", "best window and pose of a field", ask="top"),
    Setting(
        "nms10-rot360-k8",
        f"best {TOP} of a field, {RADIUS} cells apart; rivals suppress in NumPy",
        ask="peaks",
    ),
    Setting("top1-aff1000-k8", "best window and pose of a field", "aff1000", ask="top"),
    Setting("top1-aff1000-k10", "best window and pose of a field", "aff1000", 10, ask="top"),
)


def searches(p: Problem, poses: str, quick: bool) -> Iterator[tuple[str, rivals.Search, str]]:
    """Name, rival, and what it computes."""
    bank = p.templates, p.bias
    same, last = "the same", torch.channels_last
    yield "conv2d + max", rivals.Convolution(*bank, torch.contiguous_format), same
    yield "conv2d + max, channels last", rivals.Convolution(*bank, last), same
    if rivals.compiler() and not quick:
        yield "torch.compile, channels last", rivals.Compiled(*bank, last), same
    yield "unfold + mm + max", rivals.Unfolded(*bank), same
    for tile in (16, 32):
        yield f"rfft2 + bmm + irfft2, tiles of {tile}", rivals.Transform(*bank, tile), same
    low = rivals.LowRank(*bank, RANKS[poses])
    yield f"conv2d of rank {low.rank} + mm + max", low, f"{low.residual:.1%} of the bank left out"


def dense(s: Setting, quick: bool) -> Case:
    """Maps, best windows and peaks of single fields."""
    p = Problem.of(s.poses, s.cells, quick)
    inputs = p.fields.split(1)
    judge = Judge(p.templates, inputs[0], answer(s.options, p.bank)(inputs[0]))
    found = []
    if s.ask == "map":  # the tiles of the fastest rival, whose spectrum takes as much memory as this one's
        large = ef.PoseBank(p.templates, p.bias, tile=32)
        found.append(Contestant("equivfast, tiles of 32", turning(answer(s.options, large), inputs), ours=True,
                                view=lambda result: result))  # fmt: skip
    for name, search, work in searches(p, s.poses, quick):
        call = partial(search.peaks, count=TOP, radius=RADIUS) if s.ask == "peaks" else getattr(search, s.ask)
        prepared = [search.prepared(x) for x in inputs]
        view = judge if work == "the same" else None
        found.append(Contestant(name, turning(call, prepared), work=work, view=view))
    return case(s, p, inputs, found)


def windows(poses: str, quick: bool) -> Case:
    """Windows of the templates' own size: pose regression at known places."""
    p = Problem.of(poses, 8, quick)
    rng = np.random.default_rng(SEED)
    _, _, h, w = p.fields.shape
    places = np.stack([rng.integers(0, FIELDS, WINDOWS * FIELDS), rng.integers(0, h - 7, WINDOWS * FIELDS),
                       rng.integers(0, w - 7, WINDOWS * FIELDS)], 1)  # fmt: skip
    inputs = torch.stack([p.fields[i, :, y : y + 8, x : x + 8] for i, y, x in places]).split(WINDOWS)
    s = Setting(f"fixed-{poses}-k8", f"best pose of {WINDOWS} windows", poses)
    mm, low = rivals.Windows(p.templates, p.bias), rivals.LowRank(p.templates, p.bias, RANKS[poses])
    of_map = Judge(p.templates, inputs[0], answer(s.options, p.bank)(inputs[0]))
    conv = rivals.Convolution(p.templates, p.bias, torch.channels_last)

    def judge(found: rivals.Map) -> rivals.Map:
        score, pose = of_map([part.reshape(-1, 1, 1) for part in found])
        return score, pose

    work = f"{low.residual:.1%} of the bank left out"
    found = [
        Contestant("mm + max", turning(mm.by_rows, inputs), view=judge),
        Contestant("mm + max, poses first", turning(mm.by_poses, inputs), view=judge),
        Contestant("conv2d + max", turning(conv.map, [conv.prepared(x) for x in inputs]), view=judge),
        Contestant(f"two mm of rank {low.rank} + max", turning(mm.low_rank(low), inputs), work=work),
    ]
    if rivals.compiler() and not quick:
        found.append(Contestant("torch.compile, mm + max", turning(mm.compiled(), inputs), view=judge))
    return case(s, p, inputs, found, "windows")


def warped(ask: str, quick: bool) -> Case:
    """From pixels: HOG once and the bank, against an image warped and HOG computed for every pose."""
    s = Setting(f"pixels-{ask}-rot360-k8", "HOG of 640 x 480 pixels and 360 rotations", ask=ask)
    p = Problem.of(s.poses, 8, quick)
    images = list(banks.images(FIELDS))
    if quick:
        images = [x[:, :200, :256].copy() for x in images]
    pixels = [torch.from_numpy(x)[None] for x in images]
    phi = banks.PHI
    call = answer(s.options, p.bank)
    conv = rivals.Convolution(p.templates, p.bias, torch.channels_last)
    same = conv.map if ask == "map" else conv.top
    judge = Judge(p.templates, phi(pixels[0]), call(phi(pixels[0])))
    angles = range(2 if quick else WARPED)
    share, few = len(angles) / len(p.templates), f"{len(angles)} of {len(p.templates)} poses timed"
    found = [
        Contestant("ef.hog + conv2d + max", turning(lambda x: same(conv.prepared(phi(x))), pixels), view=judge),
        Contestant("grid_sample + ef.hog + conv2d", turning(
            torch_search(p.templates[0], images[0].shape[1:], angles), images), share=share,
            work=f"HOG of the turned image, best window; {few}"),
    ]  # fmt: skip
    opencv = opencv_search(8, angles, ask == "map")
    if opencv is not None:
        work = f"36 numbers of the turned image, from uint8; {few}"
        found.append(
            Contestant("OpenCV warp + HOG + conv2d", turning(opencv, images), work=work, share=share)
        )
    ours = Contestant("equivfast", turning(lambda x: call(phi(x)), pixels), ours=True)
    traffic = pixels[0].nbytes + p.templates.nbytes
    return Case(s.name, s.about, 1, "images", traffic, "read", [ours, *found])


def worst(quick: bool) -> Iterator[Case]:
    """Fields and banks that no screen can thin out: the route that the bank takes against the direct one."""
    p = Problem.of("rot360", 8, quick)
    field = p.fields[:1]
    noise = torch.randn(p.templates.shape, generator=torch.Generator().manual_seed(SEED))
    near = p.templates[:1] + 1e-6 * p.templates[0].abs().max() * noise
    crowded = Problem(p.fields, near, p.bias)
    inputs = {
        "black": ("all zero", p, torch.zeros_like(field)),
        "constant": (
            "every cell the mean of a photograph's",
            p,
            field.mean((2, 3), True).expand(field.shape),
        ),
        "saturated": ("every number 0.4", p, torch.full_like(field, 0.4)),
        "near-equal": ("360 poses that differ by 1e-6; a photograph", crowded, field),
    }
    for name, (about, problem, x) in inputs.items():
        for ask in ("map", "top"):
            s = Setting(f"worst-{name}-{ask}", about, ask=ask)
            x = x.contiguous()
            conv = rivals.Convolution(problem.templates, p.bias, torch.channels_last)
            call = conv.map if ask == "map" else conv.top
            judge = Judge(problem.templates, x, answer(s.options, problem.bank)(x))
            bank = ef.PoseBank(problem.templates, p.bias, route="direct")
            direct = turning(answer(s.options, bank), [x])
            yield case(s, problem, [x], [
                Contestant("equivfast, direct", direct, ours=True, view=lambda found: found),
                Contestant("conv2d + max, channels last", turning(call, [conv.prepared(x)]), view=judge),
            ])  # fmt: skip


def memory(quick: bool) -> Case:
    """A batch: what a call takes beyond its inputs stands in `peak MiB`, its results of 3 MiB included."""
    s = Setting("memory-aff1000-k8", "a batch at once", "aff1000")
    p = Problem.of(s.poses, 8, quick)
    batch = torch.cat([p.fields] * (-(-BATCH // FIELDS)))[: 4 if quick else BATCH]
    judge = Judge(p.templates, batch, answer(s.options, p.bank)(batch))
    conv = rivals.Convolution(p.templates, p.bias, torch.channels_last)
    parts = conv.prepared(batch).split(1)

    def one_by_one(parts: Sequence[Tensor]) -> rivals.Map:
        scores, poses = zip(*(conv.map(x) for x in parts), strict=True)
        return torch.cat(scores), torch.cat(poses)

    found = [
        Contestant("conv2d + max, channels last", turning(conv.map, [conv.prepared(batch)]), view=judge),
        Contestant("the same, image by image", turning(one_by_one, [parts]), view=judge),
    ]
    return case(s, p, [batch], found)


def cases(quick: bool, threads: int) -> Iterator[Case]:
    cv2 = opencv_module()
    if cv2 is not None:
        cv2.setNumThreads(threads)
    for s in (*MAPS, *TOPS):
        yield dense(s, quick)
    for poses in ("rot360", "aff1000"):
        yield windows(poses, quick)
    for ask in ("map", "top"):
        yield warped(ask, quick)
    yield from worst(quick)
    yield memory(quick)


def versions() -> dict[str, str]:
    cv2 = opencv_module()
    return {
        "torch": torch.__version__,
        "torch.compile": rivals.compiler() or "absent: needs a C++ compiler",
        "opencv": cv2.__version__ if cv2 else "absent: needs opencv-python-headless<5",
    }


if __name__ == "__main__":
    run("pose_argmax", __doc__.splitlines()[0], cases, versions())
