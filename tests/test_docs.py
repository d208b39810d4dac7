"""What is written for people holds: examples run, commands exist, links lead somewhere."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
import runpy
import shlex
from pathlib import Path

import click
import pytest

import equivfast
from equivfast.cli.main import program

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
WITH_EXAMPLES = [page for page in PAGES if page.parent != ROOT or page.name == "README.md"]
SCRIPTS = sorted((ROOT / "docs/examples").glob("*.py"))
MODULES = sorted(
    {
        "equivfast",
        *(
            module.name
            for module in pkgutil.walk_packages(equivfast.__path__, "equivfast.")
            if "._core" not in module.name and "._probe" not in module.name
        ),
    }
)
OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
# What a shell block may hold besides make and equivfast.
PLAIN_COMMANDS = {"git", "cd", "pip", "python", "cmake", "export"}


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(page: Path, language: str) -> list[tuple[int, str]]:
    """(number of lines before it, text) of every fenced block in that language."""
    text = page.read_text(encoding="utf-8")
    found = re.finditer(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [(text.count("\n", 0, block.start(1)), block[1]) for block in found]


def run_blocks(page: Path, namespace: dict[str, object]) -> int:
    """Runs a page's Python blocks in order, in one namespace; a block that opens with >>> as a doctest."""
    runner = doctest.DocTestRunner(optionflags=OPTIONS, verbose=False)
    found = blocks(page, "python")
    for line, code in found:
        if code.lstrip().startswith(">>>"):
            test = doctest.DocTestParser().get_doctest(code, namespace, page.name, str(page), line)
            messages: list[str] = []
            runner.run(test, out=messages.append, clear_globs=False)
            namespace.update(test.globs)
            assert not messages, "".join(messages)
        else:
            exec(compile("\n" * line + code, str(page), "exec"), namespace)
    return len(found)


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=name)
def test_examples_of_a_page_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_blocks(page, {"__name__": "__main__"})


@pytest.mark.parametrize("script", SCRIPTS, ids=name)
def test_example_scripts_run(script, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(script), run_name="__main__")


@pytest.mark.parametrize("module_name", MODULES)
def test_docstring_examples_run(module_name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    messages: list[str] = []
    runner = doctest.DocTestRunner(optionflags=OPTIONS, verbose=False)
    for test in doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(module_name)):
        runner.run(test, out=messages.append)
    assert not messages, "".join(messages)


@pytest.mark.parametrize("module_name", [m for m in MODULES if not re.search(r"\._", m)])
def test_public_names_are_documented(module_name):
    module = importlib.import_module(module_name)
    assert module.__doc__, f"{module_name} has no docstring"
    public = {key: getattr(module, key) for key in getattr(module, "__all__", [])}
    assert [key for key, value in public.items() if callable(value) and not value.__doc__] == []


def test_the_readme_has_a_python_example_and_both_commands():
    readme = ROOT / "README.md"
    assert blocks(readme, "python")
    lines = "".join(text for _, text in blocks(readme, "bash")).splitlines()
    assert {"make demo", "make test"} <= {line.split("#")[0].strip() for line in lines}


def complaint(line: str) -> str:
    """Why a shell line of the documentation would not work; empty when it would."""
    words = shlex.split(line, comments=True)
    while words and re.match(r"[A-Z_]+=", words[0]):
        words = words[1:]
    if not words:
        return ""
    tool, arguments = Path(words[0]).name, words[1:]
    if tool == "make":
        targets = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1].split()
        unknown = [word for word in arguments if "=" not in word and word not in targets]
        return f"no make target {unknown}" if unknown else ""
    if tool == "equivfast":
        context, command = click.Context(program), program
        while arguments and isinstance(command, click.Group):
            command, word = command.get_command(context, arguments[0]), arguments.pop(0)
            if command is None:
                return f"no command {word}"
        known = {"--help", *(option for parameter in command.params for option in parameter.opts)}
        given = [word.split("=")[0] for word in arguments if word.startswith("--")]
        unknown = [option for option in given if option not in known]
        return f"no option {unknown}" if unknown else ""
    return "" if tool in PLAIN_COMMANDS else f"unknown program {tool}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_shell_lines_name_what_exists(page):
    found = []
    for _, text in blocks(page, "bash"):
        for line in text.replace("\\\n", " ").splitlines():
            if complaint(line):
                found.append(f"{line!r}: {complaint(line)}")
    assert found == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    prose = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)#\s]+)", prose)
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (page.parent / target).exists()] == []


# ---- the checks themselves ---------------------------------------------------------------------


def test_a_page_that_lies_fails(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```python\nx = 2\n```\ntext\n```python\n>>> x + 1\n3\n```\n")
    assert run_blocks(page, {}) == 2
    page.write_text(page.read_text().replace("\n3\n", "\n4\n"))
    with pytest.raises(AssertionError, match="Expected"):
        run_blocks(page, {})
    page.write_text("```python\n\nmissing\n```\n")
    with pytest.raises(NameError) as raised:
        run_blocks(page, {})
    assert raised.traceback[-1].lineno + 1 == 3


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("make nothing", "no make target"),
        ("PYTHON=python3.12 make test ARGS='-k hog'  # one", ""),
        (".venv/bin/equivfast nothing", "no command nothing"),
        ("equivfast demo --nothing x", "no option"),
        ("equivfast demo --out build/demo", ""),
        ("curl somewhere", "unknown program"),
    ],
)
def test_a_wrong_shell_line_is_reported(line, expected):
    found = complaint(line)
    assert found.startswith(expected) if expected else found == ""
