"""How near hog is to what its core can issue: the instructions of a pixel, counted by valgrind.

python benchmarks/hog_instructions.py          needs g++ and valgrind; takes two minutes

Valgrind knows AVX2 and not AVX-512, so both the counts and the times are those of the level avx2. A count is that
of three calls less that of one. A core of Zen 4 issues at most 6 instructions a cycle. Loads and stores, of which it
issues 3 a cycle, valgrind does not count as the processor does: a fused multiply-add of 8 numbers is 8 loads to it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CASES = (
    "float32", "uint8", "float32-dalal-triggs", "float32-bilinear", "uint8-rgb", "float32-backward",
    "float32-rgb-backward", "float32-bilinear-backward",
)  # fmt: skip
PIXELS = 640 * 480
ISSUE = 6  # a cycle
SOURCES = (
    "benchmarks/hog_instructions.cpp", "csrc/cpu/hog/kernel.cpp", "csrc/cpu/hog_backward/kernel.cpp",
    *(f"csrc/cpu/{name}.cpp" for name in ("hog", "dispatch", "parallel", "memory")),
)  # fmt: skip
# As the level avx2 is compiled; called baseline so that dispatch finds it.
FLAGS = (
    "-std=c++17", "-O3", "-DNDEBUG", "-DEF_LEVEL=baseline", "-Icsrc", "-pthread", "-ffp-contract=off",
    "-fno-math-errno", "-fno-trapping-math", "-mavx2", "-mfma", "-mbmi2", "-w",
)  # fmt: skip


def instructions(program: Path, case: str, calls: int) -> int:
    """Of a whole run."""
    valgrind = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
    # A string instruction would count once for every byte it clears.
    environment = {**os.environ, "GLIBC_TUNABLES": "glibc.cpu.x86_rep_stosb_threshold=1000000000"}
    done = subprocess.run(
        [*valgrind, str(program), case, str(calls)],
        check=True,
        capture_output=True,
        text=True,
        env=environment,
    )
    found = re.search(r"I\s+refs:\s+([\d,]+)", done.stderr)
    if found is None:
        raise RuntimeError(f"valgrind told no count: {done.stderr}")
    return int(found.group(1).replace(",", ""))


def row(program: Path, case: str) -> str:
    count = (instructions(program, case, 3) - instructions(program, case, 1)) / 2 / PIXELS
    done = subprocess.run([str(program), case, "1000"], check=True, capture_output=True, text=True)
    nanoseconds, gigahertz = map(float, done.stdout.split())
    cycles = nanoseconds * gigahertz / PIXELS
    rate = PIXELS / nanoseconds * 1e3
    share = 100 * count / ISSUE / cycles
    return f"{case:26s} {rate:8.0f} {cycles:10.2f} {count:13.1f} {count / cycles:10.2f} {share:7.0f} %"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "hog"
        subprocess.run(["g++", *FLAGS, *SOURCES, "-o", str(program)], cwd=ROOT, check=True)
        print("640x480, level avx2         Mpix/s  cycles/px  instructions  per cycle  of issue")
        for case in CASES:
            print(row(program, case), flush=True)


if __name__ == "__main__":
    sys.exit(main())
