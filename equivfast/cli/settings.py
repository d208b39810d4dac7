"""Options whose defaults stand in the configs of the studies they are for."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import click

CONFIGS = {"hog": "EquivarianceConfig", "network": "NetworkConfig"}
_MODULES = {"hog": "equivfast.studies.equivariance", "network": "equivfast.studies.network"}


def config_class(kind: str) -> Any:
    """The config of the study of HOG, or of a network."""
    return getattr(importlib.import_module(_MODULES[kind]), CONFIGS[kind])


class Setting(click.Option):
    """An option of a study's config: its default stands there, and is shown from there.

    `of`: the study that it is for, "hog" or "network"; an option of both shows the default of HOG's, unless they agree.
    """

    def __init__(self, *args: Any, of: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.of = of

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        record = super().get_help_record(ctx)
        if record is None:
            return None
        defaults = {kind: self._default(kind) for kind in ([self.of] if self.of else CONFIGS)}
        shown = {kind: words for kind, words in defaults.items() if words}
        if not shown:
            return record
        if len(set(shown.values())) == 1:
            return record[0], f"{record[1]}  [default: {next(iter(shown.values()))}]"
        both = "; ".join(f"{kind}: {words}" for kind, words in shown.items())
        return record[0], f"{record[1]}  [default of {both}]"

    def _default(self, kind: str) -> str:
        default = getattr(config_class(kind), self.name or "", None)
        if default is None:
            return ""
        return ",".join(map(_word, default)) if isinstance(default, tuple) else _word(default)


def _word(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def settings_of(kind: str, options: list[tuple[tuple[str, ...], dict[str, Any]]]) -> Callable[[Any], Any]:
    """A decorator that adds options of one study, below those that follow it."""

    def add(command: Any) -> Any:
        for names, how in reversed(options):
            command = click.option(*names, cls=Setting, of=kind, **how)(command)
        return command

    return add


def given_for(kind: str, command: click.Command, values: dict[str, Any]) -> dict[str, Any]:
    """What was typed, where all of it is for this study; a usage error names what is not."""
    given = {name: value for name, value in values.items() if value is not None}
    for option in command.params:
        if isinstance(option, Setting) and option.of not in ("", kind) and option.name in given:
            other = "hog" if option.of == "hog" else "a network"
            raise click.UsageError(f"{option.opts[0]} is for --model {other}")
    return given
