"""Maps as files: safetensors with a JSON description, never pickle."""

from __future__ import annotations

import json
import os
import uuid
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes
from scipy.sparse import csr_array

from equivfast.groups import Grid, Transform

if TYPE_CHECKING:
    from equivfast.maps.map import Map

FORMAT = "equivfast.map"
VERSION = 1


def save(m: Map, path: str | os.PathLike[str]) -> None:
    """Write a map through a temporary file in the same folder: the file is whole, or not there."""
    tensors = {"bias": m.bias}
    if isinstance(m.weight, csr_array):
        tensors["values"] = m.weight.data
        tensors |= {"columns": m.weight.indices.astype(np.int64), "rows": m.weight.indptr.astype(np.int64)}
    else:
        tensors["weight"] = m.weight
    try:
        description = json.dumps(_describe(m), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"Map.save: settings must be plain JSON, got {m.settings!r}") from error
    plain = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    # One entry: of several, safetensors would shuffle the order.
    data = to_bytes(plain, {FORMAT: description})
    target = Path(path)
    part = target.with_name(f".{target.name}.{uuid.uuid4().hex}.part")
    try:
        with open(part, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def read(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The arguments of the `Map` that the file holds; ValueError for a file that holds none."""
    text, tensors = parts(path)
    try:
        fields = dict(json.loads(text))
    except (TypeError, ValueError) as error:
        raise ValueError(f"load: {path} is damaged: its description is not a JSON object") from error
    version = fields.pop("version", None)
    if version != VERSION:
        raise ValueError(f"load: {path} must be a map of version {VERSION}, got {version!r}")
    try:
        (a, b, x), (c, d, y) = fields.pop("matrix")
        fields["g"] = Transform(((a, b, x), (c, d, y)), fields.pop("name"))
        fields |= {name: Grid(**fields[name]) for name in ("source", "target")}
        fields["weight"] = _weight(tensors, tuple(fields.pop("shape")))
        return {**fields, "bias": _float64(tensors["bias"])}
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"load: {path} is damaged: {error!r}") from error


def parts(path: str | os.PathLike[str]) -> tuple[str, dict[str, NDArray[Any]]]:
    """The JSON description and the arrays in the file."""
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            if FORMAT not in metadata:
                raise ValueError(f"load: {path} is not an equivfast map: it has no entry {FORMAT!r}")
            return metadata[FORMAT], {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f"load: {path} is not an equivfast map: {error}") from error


def _describe(m: Map) -> dict[str, Any]:
    names = ("kind", "method", "channels", "support", "interpolation", "settings")
    fields = {name: getattr(m, name) for name in names}
    grids = {"source": asdict(m.source), "target": asdict(m.target)}
    return {
        "version": VERSION,
        **fields,
        **grids,
        "matrix": m.g.matrix,
        "name": m.g.name,
        "shape": m.weight.shape,
    }


def _weight(tensors: dict[str, NDArray[Any]], shape: tuple[int, ...]) -> Any:
    if "weight" in tensors:
        return _float64(tensors["weight"])
    rows, columns = tensors["rows"], tensors["columns"]
    matrix = csr_array((_float64(tensors["values"]), columns, rows), shape=shape)
    matrix.check_format(full_check=True)
    return matrix


def _float64(array: NDArray[Any]) -> NDArray[np.float64]:
    if array.dtype != np.float64:
        raise ValueError(f"numbers must be float64, got {array.dtype}")
    return array
