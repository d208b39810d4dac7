"""Arrays and a JSON description in one safetensors file: never a pickle, and whole or not there."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from equivfast.report.atomic import write_bytes

PathLike = str | os.PathLike[str]
Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class TensorFile:
    """A kind of file: what it holds ("map"), its version, and the function that reads it, which errors begin with."""

    noun: str
    version: int
    reader: str

    @property
    def entry(self) -> str:
        """The metadata's one entry; of several, safetensors would shuffle the order."""
        return f"equivfast.{self.noun.replace(' ', '_')}"

    def write(
        self, path: PathLike, description: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
    ) -> None:
        """Raises TypeError or ValueError where the description is not plain JSON, ValueError for an unwritable path."""
        text = json.dumps({"version": self.version, **description}, allow_nan=False)
        plain = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        write_bytes(path, to_bytes(plain, {self.entry: text}))

    def read(self, path: PathLike) -> tuple[dict[str, Any], Arrays]:
        """The description and the arrays.

        Raises     ValueError, one line with the path, for any other file or another version; FileNotFoundError
        """
        text, arrays = self._parts(path)
        try:
            description = dict(json.loads(text))
        except (TypeError, ValueError) as error:
            raise self.damaged(path, "its description is not a JSON object") from error
        version = description.pop("version", None)
        if version != self.version:
            expected = f"a {self.noun} of version {self.version}"
            raise ValueError(f"{self.reader}: {path} must be {expected}, got {version!r}")
        return description, arrays

    def damaged(self, path: PathLike, why: object) -> ValueError:
        return ValueError(f"{self.reader}: {path} is damaged: {why}")

    def _parts(self, path: PathLike) -> tuple[str, Arrays]:
        foreign = f"{self.reader}: {path} is not an equivfast {self.noun}"
        try:
            with safe_open(path, framework="numpy") as file:
                metadata = file.metadata() or {}
                if self.entry not in metadata:
                    raise ValueError(f"{foreign}: it has no entry {self.entry!r}")
                return metadata[self.entry], {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except SafetensorError as error:
            raise ValueError(f"{foreign}: {error}") from error
