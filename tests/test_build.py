"""What was built: what it says of itself, which CPU level runs, what the module needs to load, what a wheel holds."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

import equivfast
from equivfast import _core

ROOT = Path(__file__).resolve().parent.parent
LEVELS = ["baseline", "avx2", "avx512", "avx512icl"]
INFO = equivfast.build_info()


def run_python(code: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_build_info_says_what_runs_here():
    assert {"version", "python", "torch", "numpy", "machine", "threads", "compiler"} <= INFO.keys()
    assert {"cpu_level", "cpu_levels"} <= INFO.keys()
    assert {"cuda", "cuda_architectures", "cuda_devices", "cuda_problem"} <= INFO.keys()
    assert INFO["version"] == equivfast.__version__ == metadata.version("equivfast")
    assert INFO["cpu_levels"] == LEVELS[: len(INFO["cpu_levels"])], "the levels are nested, lowest first"
    assert INFO["cpu_level"] in INFO["cpu_levels"]
    assert isinstance(INFO["cuda"], bool)
    assert INFO["cuda"] == bool(INFO["cuda_architectures"])
    assert INFO["cuda_devices"] or INFO["cuda_problem"], "no device and no word about why"
    assert re.match(r"\w+ \d+", INFO["compiler"])


PRINT_LEVEL = "import equivfast; print(equivfast.build_info()['cpu_level'])"


@pytest.mark.parametrize("level", LEVELS)
def test_the_environment_forces_a_cpu_level(level):
    if level not in INFO["cpu_levels"]:
        pytest.skip(f"this processor does not run {level}")
    done = run_python(PRINT_LEVEL, EQUIVFAST_CPU=level)
    assert (done.returncode, done.stdout.strip()) == (0, level), done.stderr


def test_without_a_forced_level_the_widest_runs():
    done = run_python(PRINT_LEVEL, EQUIVFAST_CPU="")
    assert done.stdout.strip() == INFO["cpu_levels"][-1], done.stderr


@pytest.mark.parametrize("level", ["avx3", "AVX2"])
def test_a_wrong_cpu_level_is_named_with_those_that_run(level):
    done = run_python(PRINT_LEVEL, EQUIVFAST_CPU=level)
    levels = ", ".join(INFO["cpu_levels"])
    message = f"ValueError: EQUIVFAST_CPU must be one of {levels} on this machine, got '{level}'"
    assert done.returncode != 0
    assert done.stderr.strip().splitlines()[-1] == message


def test_a_wrong_cpu_level_is_one_line_on_the_command_line():
    done = run_python("from equivfast.cli.main import main; main()", "info", EQUIVFAST_CPU="sse9")
    assert done.returncode == 2
    assert done.stderr.startswith("equivfast: error: EQUIVFAST_CPU must be one of baseline")
    assert len(done.stderr.strip().splitlines()) == 1


# Loads the module by its path in a process that has imported nothing else, and tells what came with it.
LOAD_ALONE = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("_core", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
print(module.build()["cuda"])
print(*sorted({line.split()[-1].rsplit("/", 1)[-1] for line in open("/proc/self/maps") if ".so" in line}))
"""


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs Linux's /proc")
def test_the_module_loads_without_torch_and_without_a_cuda_driver():
    done = run_python(LOAD_ALONE, _core.__file__)
    assert done.returncode == 0, done.stderr
    cuda, libraries = done.stdout.splitlines()
    assert cuda == str(INFO["cuda"])
    assert re.findall(r"lib(?:cuda|cudart|torch|c10)\S*", libraries) == []


def test_the_stub_names_what_the_module_has():
    stub = (ROOT / "equivfast/_core.pyi").read_text(encoding="utf-8")
    declared = set(re.findall(r"^(?:def|class) (\w+)", stub, re.MULTILINE))
    assert declared == {name for name in dir(_core) if not name.startswith("_")}


NOTHING_TO_COMPILE = "cmake_minimum_required(VERSION 3.24)\nproject(equivfast LANGUAGES NONE)\n"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Built as by `make wheel`, but for the kernels, whose minutes .ci/run spends."""
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(
        ROOT / "equivfast", source / "equivfast", ignore=shutil.ignore_patterns("*.so", "__pycache__")
    )
    (source / "CMakeLists.txt").write_text(NOTHING_TO_COMPILE)
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-build-isolation",
        "--no-deps",
        "-w",
        "out",
        ".",
    ]
    tools = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    done = subprocess.run(
        command, cwd=source, env={**os.environ, "PATH": tools}, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    (file,) = (source / "out").glob("equivfast-*.whl")
    return zipfile.ZipFile(file)


def test_a_wheel_holds_the_dictionary_of_the_inversion(wheel):
    weights = "equivfast/data/weights/hog-inversion.safetensors"
    assert wheel.read(weights) == (ROOT / weights).read_bytes()


def test_a_wheel_holds_every_file_of_the_package(wheel):
    files = (p for p in (ROOT / "equivfast").rglob("*") if p.is_file())
    wanted = {str(p.relative_to(ROOT)) for p in files if p.suffix != ".so" and p.parent.name != "__pycache__"}
    assert {name for name in wheel.namelist() if ".dist-info/" not in name} == wanted


def test_torch_is_pinned_in_one_place():
    pin = next(line for line in (ROOT / "requirements/torch.txt").read_text().splitlines() if line[0] != "#")
    package, version = pin.split("==")
    assert package == "torch"
    places = ["Makefile", ".ci/run", "pyproject.toml", "README.md", "CONTRIBUTING.md", "tools/venv.sh"]
    assert [place for place in places if version in (ROOT / place).read_text(encoding="utf-8")] == []


def test_importing_the_package_prints_nothing_and_starts_no_cuda():
    done = run_python("import equivfast, torch; assert not torch.cuda.is_initialized()")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
