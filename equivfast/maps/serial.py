"""Maps as files."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from equivfast.groups import Grid, Transform
from equivfast.report.tensor_file import TensorFile

if TYPE_CHECKING:
    from equivfast.maps.map import Map

FILE = TensorFile("map", version=1, reader="load")


def save(m: Map, path: str | os.PathLike[str]) -> None:
    arrays = {"bias": m.bias}
    if isinstance(m.weight, csr_array):
        arrays["values"] = m.weight.data
        arrays |= {"columns": m.weight.indices.astype(np.int64), "rows": m.weight.indptr.astype(np.int64)}
    else:
        arrays["weight"] = m.weight
    try:
        json.dumps(m.settings, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"Map.save: settings must be plain JSON, got {m.settings!r}") from error
    FILE.write(path, _describe(m), arrays)


def read(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The arguments of the `Map` that the file holds; ValueError for a file that holds none."""
    fields, arrays = FILE.read(path)
    try:
        (a, b, x), (c, d, y) = fields.pop("matrix")
        fields["g"] = Transform(((a, b, x), (c, d, y)), fields.pop("name"))
        fields |= {name: Grid(**fields[name]) for name in ("source", "target")}
        fields["weight"] = _weight(arrays, tuple(fields.pop("shape")))
        return {**fields, "bias": _float64(arrays["bias"])}
    except (KeyError, TypeError, ValueError) as error:
        raise FILE.damaged(path, repr(error)) from error


def _describe(m: Map) -> dict[str, Any]:
    names = ("kind", "method", "channels", "support", "interpolation", "settings")
    fields = {name: getattr(m, name) for name in names}
    grids = {"source": asdict(m.source), "target": asdict(m.target)}
    return {
        **fields,
        **grids,
        "matrix": m.g.matrix,
        "name": m.g.name,
        "shape": m.weight.shape,
    }


def _weight(arrays: dict[str, NDArray[Any]], shape: tuple[int, ...]) -> Any:
    if "weight" in arrays:
        return _float64(arrays["weight"])
    rows, columns = arrays["rows"], arrays["columns"]
    matrix = csr_array((_float64(arrays["values"]), columns, rows), shape=shape)
    matrix.check_format(full_check=True)
    return matrix


def _float64(array: NDArray[Any]) -> NDArray[np.float64]:
    if array.dtype != np.float64:
        raise ValueError(f"numbers must be float64, got {array.dtype}")
    return array
