"""The program: help, version, info, and one line on standard error for whatever is wrong."""

from __future__ import annotations

import json
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner, Result

import equivfast
from equivfast.cli import info
from equivfast.cli.errors import Program
from equivfast.cli.main import COMMANDS, program


def run(*arguments: str) -> Result:
    return CliRunner().invoke(program, arguments)


def fails(result: Result, message: str) -> None:
    assert result.exit_code == 2 and result.stdout == ""
    assert result.stderr.startswith("equivfast: error: ") and message in result.stderr
    assert result.stderr.count("\n") == 1 and result.stderr.endswith("\n")


def test_help_names_every_command() -> None:
    result = run("--help")
    assert result.exit_code == 0
    for name in COMMANDS:
        assert name in result.stdout
        assert run(name, "-h").exit_code == 0


def test_version() -> None:
    assert run("--version").stdout.strip() == f"equivfast, version {equivfast.__version__}"


def test_help_imports_no_study() -> None:
    code = (
        "import sys; from equivfast.cli.main import program\n"
        "try: program(['--help'])\n"
        "except SystemExit: print([n for n in sys.modules if n.startswith(('equivfast.studies', 'rich', 'jinja2'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_wrong_words_are_one_line_and_point_to_the_help() -> None:
    fails(run("sing"), "No such command 'sing'. (see equivfast --help)")
    fails(run("hog"), "Missing argument 'IMAGE...'. (see equivfast hog --help)")
    fails(run("hog", "x.png"), "Missing option '--out'.")
    fails(run("hog", "x.png", "--out", "o", "--cell", "eight"), "'eight' is not a valid integer")


@pytest.mark.parametrize(
    ("raised", "status", "line"),
    [
        (
            ValueError("f: x must be a number,\n got 'y'"),
            2,
            "equivfast: error: f: x must be a number, got 'y'\n",
        ),
        (PermissionError(13, "Permission denied", "/a/b"), 2, "equivfast: error: /a/b: Permission denied\n"),
        (OSError("disk gone"), 2, "equivfast: error: disk gone\n"),
        (KeyboardInterrupt(), 130, "equivfast: interrupted\n"),
    ],
)
def test_ends(monkeypatch: pytest.MonkeyPatch, raised: BaseException, status: int, line: str) -> None:
    @click.command()
    def boom() -> None:
        raise raised

    monkeypatch.setattr(info, "info", boom)
    result = run("info")
    assert result.exit_code == status and result.stderr.lstrip("\n") == line


def test_defects_keep_their_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    def boom() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(info, "info", boom)
    assert isinstance(run("info").exception, ZeroDivisionError)


def test_reader_that_goes_away_is_no_error() -> None:
    code = (
        "import click, sys\n"
        "from equivfast.cli import info\n"
        "@click.command()\n"
        "def talk():\n"
        "    while True: click.echo('x' * 1000)\n"
        "info.info = talk\n"
        "from equivfast.cli.main import main\n"
        "sys.argv = ['equivfast', 'info']\n"
        "main()"
    )
    talking = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert talking.stdout and talking.stderr
    talking.stdout.read(10)
    talking.stdout.close()
    assert talking.stderr.read() == b""
    talking.stderr.close()
    assert talking.wait(timeout=60) == 1


def test_info_table_and_json(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = {
        "version": "1.2",
        "cpu_levels": ["baseline", "avx2"],
        "cuda": False,
        "cuda_devices": [],
        "problem": "",
    }
    monkeypatch.setattr(equivfast, "build_info", lambda: facts)
    lines = run("info").stdout.splitlines()
    assert lines == [
        "version       1.2",
        "cpu levels    baseline, avx2",
        "cuda          no",
        "cuda devices  none",
        "problem       none",
    ]
    assert json.loads(run("info", "--json").stdout) == facts


def test_info_of_this_build() -> None:
    assert json.loads(run("info", "--json").stdout)["version"] == equivfast.build_info()["version"]


def test_unknown_commands_are_not_imported() -> None:
    group = Program("x", lazy={})
    assert group.list_commands(click.Context(group)) == []
    assert group.get_command(click.Context(group), "os:system") is None
