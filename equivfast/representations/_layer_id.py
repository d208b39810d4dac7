"""Names of layers: a module, which of its calls, and whether a ReLU is read with it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from torch import nn

Key = tuple[str, int]  # a module's first name, and the number of its call

_FORM = re.compile(r"(?P<module>.*?)(@(?P<call>\d+))?(?P<relu>\+relu)?")


class LayerId(NamedTuple):
    """`module` is the first name of the module, also where the layer was named by another."""

    module: str
    call: int
    relu: bool

    @property
    def key(self) -> Key:
        return self.module, self.call


def parse(function: str, name: object, modules: Mapping[str, nn.Module]) -> LayerId:
    """Reads "features.3", "relu@2", "bn1+relu".

    `modules` holds every name of every module, those of shared ones too.
    Raises     ValueError with near names when there is no such module
    """
    match = _FORM.fullmatch(name) if isinstance(name, str) else None
    if match is None or match["module"] not in modules or not match["module"]:
        raise ValueError(
            f"{function}: layer must be the name of a module, got {name!r}{near(str(name), modules)}"
        )
    wanted = modules[match["module"]]
    first = next(known for known, module in modules.items() if module is wanted)
    return LayerId(first, int(match["call"] or 0), match["relu"] is not None)


def near(name: str, known: Iterable[str]) -> str:
    """ "; near names: ..." where there are some."""
    plain = _FORM.fullmatch(name)
    close = difflib.get_close_matches(plain["module"] if plain else name, [k for k in known if k], 3, 0.5)
    return f"; near names: {', '.join(close)}" if close else ""


def shown(key: Key) -> str:
    """The name by which a call is asked for."""
    return key[0] if key[1] == 0 else f"{key[0]}@{key[1]}"
