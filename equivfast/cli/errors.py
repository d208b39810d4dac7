"""How the program ends: a result, or one line that says what was wrong with what was typed."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click


class Program(click.Group):
    """A command group whose commands are imported when they are asked for, and whose errors are one line.

    `commands` maps names to "module:function". Wrong input (ValueError, OSError, click's own usage errors) ends
    with exit status 2 and `equivfast: error: ...`, an interruption with 130; anything else is a defect of this
    program and keeps its traceback.
    """

    def __init__(self, *args: Any, lazy: dict[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.lazy:
            return None
        module, function = self.lazy[cmd_name].split(":")
        command = getattr(importlib.import_module(module), function)
        assert isinstance(command, click.Command)
        return command

    # Narrower than click's own overloads: this program always ends the process itself.
    def main(  # type: ignore[override]
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> NoReturn:
        extra["standalone_mode"] = False
        try:
            status = super().main(args, prog_name or "equivfast", **extra)
        except (click.Abort, KeyboardInterrupt):
            _say("interrupted")
            sys.exit(130)
        except click.ClickException as error:
            _fail(_usage(error))
        except OSError as error:
            _fail(f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error))
        except ValueError as error:
            _fail(str(error))
        sys.exit(status if isinstance(status, int) else 0)


def _usage(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    hint = f" (see {context.command_path} --help)" if context else ""
    return error.format_message() + hint


def _fail(message: str) -> NoReturn:
    _say(f"error: {' '.join(message.split())}")
    sys.exit(2)


def _say(message: str) -> None:
    click.echo(f"equivfast: {message}", err=True)
