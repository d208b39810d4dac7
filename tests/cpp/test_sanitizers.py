"""The C++ ops by themselves, without Python, under the compiler's sanitizers: tests/cpp/fuzz_ops.cpp."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

import equivfast as ef

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [
    *(f"csrc/cpu/{name}.cpp" for name in ("dispatch", "parallel", "hog", "feature_transform")),
    "csrc/cpu/hog/kernel.cpp",
    "csrc/cpu/feature_transform/kernel.cpp",
    "tests/cpp/fuzz_ops.cpp",
]
# The one level that is compiled is called baseline whatever its instructions, so that dispatch finds it.
FLAGS = ["-std=c++17", "-O1", "-g1", "-ffp-contract=off", "-DEF_LEVEL=baseline", "-pthread"]
AVX2 = ["-mavx2", "-mfma", "-mbmi2"]
LEVELS = {
    "baseline": [],
    "avx2": AVX2,
    "avx512": [*AVX2, "-mavx512f", "-mavx512vl", "-mavx512dq", "-mavx512bw"],
}
MEMORY = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-Itests/cpp/guarded"]
THREADS = ["-fsanitize=thread"]


def compile_and_run(
    sources: list[str], flags: list[str], binary: Path, *arguments: str
) -> subprocess.CompletedProcess[str]:
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("there is no g++")
    command = [compiler, *FLAGS, *flags, "-Icsrc", *sources, "-o", str(binary)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if built.returncode:
        return built
    return subprocess.run([binary, *arguments], capture_output=True, text=True, check=False)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("sanitizer", "level", "rounds"),
    [(MEMORY, "baseline", 60), (MEMORY, "avx2", 60), (MEMORY, "avx512", 60), (THREADS, "baseline", 20)],
    ids=["memory-baseline", "memory-avx2", "memory-avx512", "threads-baseline"],
)
def test_random_calls_are_clean(sanitizer: list[str], level: str, rounds: int, tmp_path: Path) -> None:
    if level not in ef.build_info()["cpu_levels"]:  # type: ignore[operator]
        pytest.skip(f"this machine does not run {level}")
    empty = tmp_path / "empty.cpp"
    empty.write_text("int main() { return 0; }\n")
    if compile_and_run([str(empty)], sanitizer, tmp_path / "empty").returncode:
        pytest.skip(f"g++ here has no {sanitizer[0]}")
    run = compile_and_run(SOURCES, [*sanitizer, *LEVELS[level]], tmp_path / "fuzz_ops", str(rounds))
    assert run.returncode == 0, run.stderr[-4000:]
    assert run.stdout == f"{rounds} rounds\n"
