"""The house: imports and includes run downwards, every op stands in its places, rooms stay small.

Each checker takes the root of a tree and returns its complaints, so that it can be shown a spoiled tree as well.
"""

from __future__ import annotations

import ast
import re
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FACE = "equivfast/__init__.py"

# Top to bottom. A room may use itself and every floor below its own; rooms of one floor do not see each other.
PYTHON_FLOORS = (
    {"cli"},
    {FACE},
    {"studies", "compat", "testing", "nn"},
    {"detection"},
    {"pose"},
    {"measures"},
    {"maps", "inversion"},
    {"representations"},
    {"data"},
    {"ops", "groups", "report", "_build_info"},
    {"_core", "_probe"},
)
CXX_FLOORS = ({"bindings"}, {"cpu", "cuda"}, {"ops", "math"}, {"core"})

# Where op X stands; of several patterns in one place, one is enough. An op that outgrows its file becomes a folder.
PLACES = (
    ("csrc/ops/{}.hpp",),
    ("csrc/cpu/{}.cpp", "csrc/cpu/{}"),
    ("csrc/cuda/{}.cu", "csrc/cuda/{}"),
    ("equivfast/reference/{}.py",),
    ("equivfast/ops/{}.py",),
    ("tests/ops/test_{}.py", "tests/ops/{}"),
    ("benchmarks/bench_{}.py",),
)
# Places not filled yet. A line that is no longer true fails, so this list can only shrink.
AWAITED = {(op, "csrc/cuda/{}.cu") for op in ("hog", "feature_transform", "pose_argmax")}

MEDIAN_FILE_LINES = 150
FUNCTION_LINES = 60


def floor_of(room: str, floors: tuple[set[str], ...]) -> int | None:
    return next((height for height, rooms in enumerate(reversed(floors)) if room in rooms), None)


def may_use(room: str, target: str, floors: tuple[set[str], ...]) -> str:
    """Why `room` may not use `target`; empty when it may."""
    if room == target:
        return ""
    here, there = floor_of(room, floors), floor_of(target, floors)
    if here is None or there is None:
        return f"{room if here is None else target} has no floor: give it one in tests/test_architecture.py"
    return "" if there < here else f"{room} stands {'beside' if here == there else 'below'} {target}"


# ---- Python ------------------------------------------------------------------------------------


def python_files(root: Path, room: str = "equivfast") -> list[Path]:
    return sorted((root / room).rglob("*.py"))


def room_of(path: Path, root: Path) -> str:
    parts = path.relative_to(root / "equivfast").with_suffix("").parts
    return FACE if parts == ("__init__",) else parts[0]


def imports(path: Path, root: Path) -> Iterator[tuple[int, str]]:
    """Line and absolute name of every import, those inside functions and under TYPE_CHECKING too."""
    package = list(path.relative_to(root).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def imported_room(name: str) -> str | None:
    """The room of an import of this package; a name that is no room was taken from the package's face."""
    head, *rest = name.split(".")
    if head != "equivfast":
        return None
    known = set().union(*PYTHON_FLOORS, {"reference"})
    return rest[0] if rest and (rest[0] in known or len(rest) > 1) else FACE


def python_complaints(root: Path) -> list[str]:
    found = []
    for path in python_files(root):
        room = room_of(path, root)
        for line, name in imports(path, root):
            target, why = imported_room(name), ""
            if room == "reference":
                outside = name.split(".")[0]
                if target != room and outside != "numpy" and outside not in sys.stdlib_module_names:
                    why = "reference uses NumPy alone, so that it cannot share a mistake with what it checks"
            elif target == "reference":
                why = "only tests and benchmarks import the reference"
            elif room == "report" and target not in (None, room):
                why = "report knows the results it is handed, nothing else of the package"
            elif target is not None:
                why = may_use(room, target, PYTHON_FLOORS)
            if why:
                found.append(f"{path.relative_to(root)}:{line}: imports {name}: {why}")
    return found


# ---- C++ and CUDA ------------------------------------------------------------------------------


def cxx_files(root: Path) -> list[Path]:
    return sorted(p for p in (root / "csrc").rglob("*") if p.suffix in {".hpp", ".cpp", ".cu", ".cuh"})


def include_complaint(room: str, header: str, quoted: bool, csrc: Path) -> str:
    if re.match(r"(torch|ATen|c10)/", header):
        return "torch headers stay out, so that one build serves every torch version"
    if re.match(r"pybind11/|Python\.h", header):
        return "" if room == "bindings" else "Python is known to csrc/bindings only"
    if re.match(r"cu[a-z_]*\.h|cuda/std|cooperative_groups|mma\.h", header):
        return "" if room == "cuda" else "CUDA headers belong to csrc/cuda"
    if not quoted:
        return ""
    if not (csrc / header).is_file():
        return "no such file; write the path from csrc/"
    return may_use(room, header.split("/")[0], CXX_FLOORS)


def cxx_complaints(root: Path) -> list[str]:
    csrc, found, modules = root / "csrc", [], []
    for path in cxx_files(root):
        text, where = path.read_text(encoding="utf-8"), path.relative_to(root)
        room = path.relative_to(csrc).parts[0]
        for match in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', text, re.MULTILINE):
            why = include_complaint(room, match[2], match[1] == '"', csrc)
            if why:
                line = text.count("\n", 0, match.start()) + 1
                found.append(f"{where}:{line}: includes {match[2]}: {why}")
        if "<<<" in text and path.name != "launch.cuh":
            found.append(f"{where}: kernels start through launch() of csrc/cuda/launch.cuh, not by <<<>>>")
        modules += [str(where)] * len(re.findall(r"^PYBIND11_MODULE", text, re.MULTILINE))
    allowed = ["csrc/bindings/module.cpp"], ["csrc/bindings/module.cpp", "csrc/bindings/probe.cpp"]
    if sorted(modules) not in allowed:
        found.append(f"one module for the product and one probe for the tests, found {modules}")
    return found


# ---- ops and sizes -----------------------------------------------------------------------------


def ops(root: Path) -> list[str]:
    return [p.stem for p in sorted((root / "equivfast/ops").glob("*.py")) if not p.stem.startswith("_")]


def place_complaints(root: Path, awaited: set[tuple[str, str]]) -> list[str]:
    found = []
    for op in ops(root):
        for patterns in PLACES:
            filled = any((root / pattern.format(op)).exists() for pattern in patterns)
            waiting = (op, patterns[0]) in awaited
            if filled and waiting:
                found.append(f"{patterns[0].format(op)} is there: take it off AWAITED")
            elif not filled and not waiting:
                found.append(f"op {op} is missing at {' or '.join(patterns).format(*[op] * len(patterns))}")
    return found


def file_complaints(files: list[Path]) -> list[str]:
    lengths = {str(p): len(p.read_text(encoding="utf-8").splitlines()) for p in files}
    median = statistics.median(lengths.values())
    if median <= MEDIAN_FILE_LINES:
        return []
    ranked = sorted(lengths.items(), key=lambda item: -item[1])
    longest = ", ".join(f"{name} {length}" for name, length in ranked[:5])
    return [f"the median file has {median} lines, {MEDIAN_FILE_LINES} are the limit; the longest: {longest}"]


def function_complaints(root: Path) -> list[str]:
    """Docstrings do not count: nobody should shorten a contract to pass."""
    found = []
    for path in python_files(root):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            text = node.body[0] if ast.get_docstring(node, clean=False) is not None else None
            length = node.end_lineno - node.lineno + 1 - (text.end_lineno - text.lineno + 1 if text else 0)
            if length > FUNCTION_LINES:
                where = f"{path.relative_to(root)}:{node.lineno}: {node.name}"
                found.append(
                    f"{where} has {length} lines without its docstring, {FUNCTION_LINES} are the limit"
                )
    return found


# ---- this tree ---------------------------------------------------------------------------------


def test_python_imports_run_downwards():
    assert python_complaints(ROOT) == []


def test_cxx_includes_run_downwards():
    assert cxx_complaints(ROOT) == []


def test_every_op_stands_in_its_places():
    assert ops(ROOT)
    assert place_complaints(ROOT, AWAITED) == []
    assert {op for op, _ in AWAITED} <= set(ops(ROOT))


def test_the_builds_are_portable_and_keep_ieee_arithmetic():
    code = re.sub(r"#.*", "", (ROOT / "CMakeLists.txt").read_text(encoding="utf-8"))
    assert "-ffp-contract=off" in code
    assert re.findall(r"-march=native|-Ofast|fast[-_]math", code) == []


def test_rooms_are_small():
    assert file_complaints(python_files(ROOT)) == []
    assert file_complaints(cxx_files(ROOT)) == []
    assert function_complaints(ROOT) == []
    stems = {path.stem for path in [*python_files(ROOT), *cxx_files(ROOT)]}
    assert [stem for stem in stems if re.match(r"_?(utils?|helpers?|misc)$", stem)] == [], (
        "a name that says nothing collects everything"
    )


# ---- spoiled trees -----------------------------------------------------------------------------


def plant(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("ops/hog.py", "from equivfast.maps import fit", "ops stands below maps"),
        (
            "ops/hog.py",
            "def f():\n    import equivfast.groups.warp",
            ":2: imports equivfast.groups.warp: ops stands beside groups",
        ),
        ("ops/hog.py", "from .. import studies", "ops stands below studies"),
        ("maps/fit.py", "from equivfast import hog", "maps stands below equivfast/__init__.py"),
        ("maps/fit.py", "import equivfast.nowhere.x", "nowhere has no floor"),
        ("ops/hog.py", "from equivfast.reference import hog", "only tests and benchmarks"),
        ("reference/hog.py", "import torch", "reference uses NumPy alone"),
        ("reference/hog.py", "from equivfast import _core", "reference uses NumPy alone"),
        ("report/page.py", "from equivfast import _core", "report knows the results"),
    ],
)
def test_a_wrong_import_is_reported(tmp_path, name, text, complaint):
    plant(tmp_path, f"equivfast/{name}", text)
    found = python_complaints(tmp_path)
    assert len(found) == 1
    assert complaint in found[0]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "maps/fit.py",
            "from . import moments\nfrom .moments import Moments\nfrom ..ops.hog import hog\nimport torch",
        ),
        ("reference/hog.py", "import math\nimport numpy as np\nfrom equivfast.reference import cells"),
        ("cli/info.py", "import equivfast\nfrom equivfast import build_info, studies"),
        ("__init__.py", "from equivfast import maps\nfrom equivfast.ops import hog"),
    ],
)
def test_a_right_import_passes(tmp_path, name, text):
    plant(tmp_path, f"equivfast/{name}", text)
    assert python_complaints(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("math/cells.hpp", '#include "cpu/parallel.hpp"', "math stands below cpu"),
        ("math/cells.hpp", '#include "ops/hog.hpp"', "math stands beside ops"),
        (
            "cpu/hog.cpp",
            '// one\n  # include "cuda/launch.cuh"',
            "hog.cpp:2: includes cuda/launch.cuh: cpu stands beside cuda",
        ),
        ("cpu/hog.cpp", '#include "nowhere.hpp"', "no such file"),
        ("bindings/module.cpp", "#include <torch/extension.h>", "torch headers stay out"),
        ("cpu/hog.cpp", "#include <pybind11/pybind11.h>", "csrc/bindings only"),
        ("ops/hog.hpp", "#include <cuda_runtime.h>", "belong to csrc/cuda"),
        ("cuda/hog.cu", "kernel<<<1, 1>>>();", "through launch()"),
        ("bindings/second.cpp", "PYBIND11_MODULE(_second, m) {}", "one module for the product"),
    ],
)
def test_a_wrong_include_is_reported(tmp_path, name, text, complaint):
    for header in ("cpu/parallel.hpp", "ops/hog.hpp", "cuda/launch.cuh"):
        plant(tmp_path, f"csrc/{header}", "")
    plant(tmp_path, "csrc/bindings/module.cpp", "PYBIND11_MODULE(_core, m) {}")
    assert cxx_complaints(tmp_path) == []
    kept = "\nPYBIND11_MODULE(_core, m) {}" if name == "bindings/module.cpp" else ""
    plant(tmp_path, f"csrc/{name}", text + kept)
    found = cxx_complaints(tmp_path)
    assert len(found) == 1
    assert complaint in found[0]


def test_a_missing_and_an_overdue_place_are_reported(tmp_path):
    for patterns in PLACES:
        plant(tmp_path, patterns[0].format("blur"), "")
    awaited = {("blur", PLACES[2][0])}
    assert place_complaints(tmp_path, set()) == []
    assert place_complaints(tmp_path, awaited) == ["csrc/cuda/blur.cu is there: take it off AWAITED"]
    (tmp_path / "csrc/cuda/blur.cu").unlink()
    assert place_complaints(tmp_path, awaited) == []
    (found,) = place_complaints(tmp_path, set())
    assert found == "op blur is missing at csrc/cuda/blur.cu or csrc/cuda/blur"


def test_large_rooms_are_reported(tmp_path):
    body = '    """' + "\n" * 100 + '    """\n' + "    x = 1\n" * (FUNCTION_LINES - 1)
    plant(tmp_path, "equivfast/fits.py", "def f():\n" + body)
    assert function_complaints(tmp_path) == []
    plant(tmp_path, "equivfast/large.py", "def g():\n" + body + "    x = 1\n")
    (found,) = function_complaints(tmp_path)
    assert "large.py:1: g has 61 lines" in found
    assert "fits.py" in file_complaints([tmp_path / "equivfast/fits.py"])[0]
