"""Prints what pyproject.toml asks for, one requirement a line: to build, to run, and for the extras named.

    python tools/requirements.py test lint

pip installs extras only together with the package, and the package is built only after its build tools are
there. So the list is read here, from the one place where it is written.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10: pip carries a copy, so that nothing is installed to read a list
    from pip._vendor import tomli as tomllib  # type: ignore[no-redef]


def requirements(pyproject: dict, extras: list[str]) -> list[str]:
    """Build requirements, dependencies and extras; an extra that names extras of its own package is opened."""
    project = pyproject["project"]
    itself = re.compile(re.escape(project["name"]) + r"\[([^]]+)\]$")
    found = [*pyproject["build-system"]["requires"], *project["dependencies"]]
    todo = list(extras)
    while todo:
        for line in project["optional-dependencies"][todo.pop(0)]:
            inner = itself.match(line)
            if inner:
                todo += [name.strip() for name in inner[1].split(",")]
            else:
                found.append(line)
    return list(dict.fromkeys(found))


if __name__ == "__main__":
    text = (Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8")
    print("\n".join(requirements(tomllib.loads(text), sys.argv[1:])))
