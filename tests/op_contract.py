"""What every op must do, written once. An op's test class supplies its function, its oracle and its cases."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

Inputs = dict[str, Any]  # tensors by argument name; None where an optional one is left out
Tolerance = Callable[[str, torch.dtype], float]


@dataclass(frozen=True)
class Case:
    """One way to call the op: inputs of a dtype, and settings that are no tensors."""

    build: Callable[[torch.dtype], Inputs]
    settings: dict[str, Any] = field(default_factory=dict)


def _sliced(t: torch.Tensor) -> torch.Tensor:
    """Every second element of a larger array, one row in from its edge."""
    memory = torch.zeros([2 * s + 3 for s in t.shape], dtype=t.dtype)
    return memory[tuple(slice(1, 1 + 2 * s, 2) for s in t.shape)].copy_(t)


def _interleaved(t: torch.Tensor) -> torch.Tensor:
    """Channels side by side with one more that is not read, as in an RGBA picture."""
    memory = torch.cat([t, t[:, :1]], 1) if t.ndim == 4 else t
    return torch.movedim(torch.movedim(memory, 1, -1).contiguous(), -1, 1)[:, : t.shape[1]]


def _permuted(t: torch.Tensor) -> torch.Tensor:
    """The last axis is stored outermost; for images that is neither planar nor channels-last."""
    return torch.movedim(torch.movedim(t, -1, 0).contiguous(), 0, -1)


VIEWS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "interleaved": lambda t: _interleaved(t) if t.ndim > 1 else t,
    "permuted": _permuted,
    "sliced": _sliced,
    "first-repeated": lambda t: t[:1].expand(t.shape),
    "column-repeated": lambda t: t[..., :1].expand(t.shape),
}


def _padded_record(a: np.ndarray) -> np.ndarray:
    """A field of a packed record: its strides are no multiple of the element size."""
    record = np.zeros(a.shape, [("pad", "u1"), ("value", a.dtype)])
    record["value"] = a
    return record["value"]


def _read_only(a: np.ndarray) -> np.ndarray:
    a = a.copy()
    a.flags.writeable = False
    return a


NUMPY_VIEWS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "negative-strides": lambda a: np.flip(np.flip(a).copy()),
    "fortran-order": np.asfortranarray,
    "read-only": _read_only,
    "other-byte-order": lambda a: a.astype(a.dtype.newbyteorder()),
    "packed-record": _padded_record,
}


class OpContract(ABC):
    op: ClassVar[str]  # its name in torch.ops.equivfast and in the table of tolerances
    dtypes: ClassVar[tuple[torch.dtype, ...]]
    cases: ClassVar[dict[str, Case]]

    @abstractmethod
    def call(self, inputs: Inputs, settings: dict[str, Any]) -> torch.Tensor: ...

    @abstractmethod
    def oracle(self, inputs: Inputs, settings: dict[str, Any]) -> np.ndarray: ...

    @abstractmethod
    def arguments(self, inputs: Inputs, settings: dict[str, Any]) -> tuple[Any, ...]:
        """What the registered torch op is called with."""

    @abstractmethod
    def numpy_inputs(self, inputs: Inputs) -> Inputs:
        """The inputs as NumPy arrays, in NumPy's shapes."""

    @abstractmethod
    def call_numpy(self, arrays: Inputs, settings: dict[str, Any]) -> np.ndarray:
        """The NumPy call; its result in the shape of the torch result."""

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "case" in metafunc.fixturenames:
            metafunc.parametrize("case", [pytest.param(c, id=name) for name, c in self.cases.items()])
        if "dtype" in metafunc.fixturenames:
            metafunc.parametrize("dtype", self.dtypes, ids=lambda d: str(d).removeprefix("torch."))

    def assert_oracle(self, out: torch.Tensor, inputs: Inputs, case: Case, limit: float) -> None:
        wanted = self.oracle(inputs, case.settings)
        assert tuple(out.shape) == wanted.shape
        assert np.abs(out.double().numpy() - wanted).max(initial=0) <= limit

    def test_matches_oracle(self, case: Case, dtype: torch.dtype, tolerance: Tolerance) -> None:
        inputs = case.build(dtype)
        out = self.call(inputs, case.settings)
        assert out.dtype == (torch.float32 if dtype == torch.uint8 else dtype)
        self.assert_oracle(out, inputs, case, tolerance(self.op, dtype))

    def test_every_level_matches_oracle(
        self, case: Case, dtype: torch.dtype, cpu_level: str, tolerance: Tolerance
    ) -> None:
        inputs = case.build(dtype)
        self.assert_oracle(self.call(inputs, case.settings), inputs, case, tolerance(self.op, dtype))

    def test_thread_count_changes_no_bit(self, case: Case, cpu_level: str, threads: int) -> None:
        inputs = case.build(self.dtypes[0])
        out = self.call(inputs, case.settings)
        torch.set_num_threads(1)
        assert torch.equal(out, self.call(inputs, case.settings))

    @pytest.mark.parametrize("view", VIEWS)
    def test_strided_equals_contiguous(self, case: Case, dtype: torch.dtype, view: str) -> None:
        inputs = case.build(dtype)
        tensors = {
            k: VIEWS[view](t) for k, t in inputs.items() if t is not None and t.layout is torch.strided
        }
        dense = {k: t.clone(memory_format=torch.contiguous_format) for k, t in tensors.items()}
        assert any(tensors[k].stride() != dense[k].stride() for k in dense)
        assert torch.equal(
            self.call({**inputs, **tensors}, case.settings), self.call({**inputs, **dense}, case.settings)
        )

    @pytest.mark.parametrize("view", NUMPY_VIEWS)
    def test_numpy_equals_torch(self, case: Case, dtype: torch.dtype, view: str) -> None:
        inputs = case.build(dtype)
        arrays = self.numpy_inputs(inputs)
        seen = {k: NUMPY_VIEWS[view](a) if isinstance(a, np.ndarray) else a for k, a in arrays.items()}
        out = self.call_numpy(seen, case.settings)
        assert isinstance(out, np.ndarray)
        np.testing.assert_array_equal(out, self.call(inputs, case.settings).numpy())

    def test_inputs_are_left_alone(self, case: Case, dtype: torch.dtype) -> None:
        inputs, copy = case.build(dtype), case.build(dtype)
        self.call(inputs, case.settings)
        for name, tensor in inputs.items():
            if tensor is not None:
                assert torch.equal(tensor.to_dense(), copy[name].to_dense()), name

    def test_opcheck(self, case: Case) -> None:
        arguments = self.arguments(case.build(self.dtypes[0]), case.settings)
        torch.library.opcheck(getattr(torch.ops.equivfast, self.op).default, arguments)

    @pytest.mark.parametrize("dynamic", [False, True], ids=["static", "dynamic"])
    def test_compiles_to_one_graph(self, dynamic: bool) -> None:
        case = next(iter(self.cases.values()))
        inputs = case.build(self.dtypes[0])
        torch._dynamo.reset()
        compiled = torch.compile(
            lambda given: 2 * self.call(given, case.settings),
            fullgraph=True,
            backend="aot_eager",
            dynamic=dynamic,
        )
        assert torch.equal(compiled(inputs), 2 * self.call(inputs, case.settings))
