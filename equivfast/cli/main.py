"""The `equivfast` program."""

from __future__ import annotations

import click

from equivfast.cli.errors import Program
from equivfast.cli.memory import keep_freed_memory

COMMANDS = {
    "demo": "equivfast.cli.demo:demo",
    "hog": "equivfast.cli.hog:hog",
    "equivariance": "equivfast.cli.equivariance:equivariance",
    "pose": "equivfast.cli.pose:pose",
    "info": "equivfast.cli.info:info",
}


@click.group(
    "equivfast", cls=Program, lazy=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(package_name="equivfast", prog_name="equivfast")
def program() -> None:
    """Fast HOG, and measurements of how image representations transform."""


def main() -> None:
    """The entry point that the installed script calls."""
    keep_freed_memory()
    program()
