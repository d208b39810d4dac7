"""The C++ ops by themselves, without Python, under the compiler's sanitizers: tests/cpp/fuzz_ops.cpp."""

from __future__ import annotations

import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import equivfast as ef

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [  # what takes longest to compile comes first
    *(
        f"csrc/cpu/{name}/kernel.cpp"
        for name in ("hog", "hog_backward", "skimage_hog", "feature_transform", "pose_argmax", "moments")
    ),
    "tests/cpp/fuzz_ops.cpp",
    "tests/cpp/fuzz_pose_argmax.cpp",
    "tests/cpp/fuzz_moments.cpp",
    *(
        f"csrc/cpu/{name}.cpp"
        for name in (
            "dispatch",
            "parallel",
            "hog",
            "skimage_hog",
            "feature_transform",
            "pose_argmax",
            "moments",
        )
    ),
]
# The one level that is compiled is called baseline whatever its instructions, so that dispatch finds it.
FLAGS = ["-std=c++17", "-O1", "-g1", "-ffp-contract=off", "-DEF_LEVEL=baseline", "-pthread"]
AVX2 = ["-mavx2", "-mfma", "-mbmi2"]
LEVELS = {
    "baseline": [],
    "avx2": AVX2,
    "avx512icl": [
        *AVX2,
        "-mavx512f",
        "-mavx512vl",
        "-mavx512dq",
        "-mavx512bw",
        "-mavx512vbmi",
        "-mavx512vnni",
    ],
}
MEMORY = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-Itests/cpp/guarded"]
THREADS = ["-fsanitize=thread"]


Finished = subprocess.CompletedProcess[str]


def run(*command: str | Path) -> Finished:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def compile_and_run(sources: list[str], flags: list[str], folder: Path, *arguments: str) -> Finished:
    """The first step that fails, or the program's end. Two files are compiled at a time."""
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("there is no g++")
    objects = [folder / f"{i}.o" for i in range(len(sources))]

    def compile_one(source: str, to: Path) -> Finished:
        return run(compiler, *FLAGS, *flags, "-Icsrc", "-c", source, "-o", to)

    with ThreadPoolExecutor(2) as pool:
        steps = list(pool.map(compile_one, sources, objects))
    steps.append(run(compiler, "-pthread", *flags, *objects, "-o", folder / "program"))
    failed = [step for step in steps if step.returncode]
    return failed[0] if failed else run(folder / "program", *arguments)


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("sanitizer", "level", "rounds"),
    [
        pytest.param(MEMORY, "baseline", 60, id="memory-baseline"),
        pytest.param(MEMORY, "avx2", 60, id="memory-avx2", marks=pytest.mark.long),  # a minute of compiling
        pytest.param(MEMORY, "avx512icl", 60, id="memory-avx512icl"),
        pytest.param(THREADS, "baseline", 20, id="threads-baseline"),
    ],
)
def test_random_calls_are_clean(sanitizer: list[str], level: str, rounds: int, tmp_path: Path) -> None:
    if level not in ef.build_info()["cpu_levels"]:  # type: ignore[operator]
        pytest.skip(f"this machine does not run {level}")
    empty = tmp_path / "empty.cpp"
    empty.write_text("int main() { return 0; }\n")
    if compile_and_run([str(empty)], sanitizer, tmp_path).returncode:
        pytest.skip(f"g++ here has no {sanitizer[0]}")
    finished = compile_and_run(SOURCES, [*sanitizer, *LEVELS[level]], tmp_path, str(rounds))
    assert finished.returncode == 0, finished.stderr[-4000:]
    assert finished.stdout == f"{rounds} rounds\n"
