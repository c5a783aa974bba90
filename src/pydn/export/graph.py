"""`Graph`: an ONNX graph while it is built."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float32]


def package() -> Any:
    """Return the package onnx.

    Raises
    ------
    ImportError
        Without it, with what to install.
    """
    try:
        import onnx
    except ImportError as error:
        raise ImportError("ONNX files need the package onnx: pip install 'pydn[export]'", name="onnx") from error
    return onnx


class Value(NamedTuple):
    """What a layer gives: its name in the graph, and its shape for one image. Flat ones are (values, 1, 1)."""

    name: str
    shape: tuple[int, int, int]


class Graph:
    """Nodes and constants in the order in which they are added."""

    def __init__(self) -> None:
        self._onnx = package()
        self._prefix = ""
        self._names: set[str] = set()
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def begin(self, prefix: str) -> None:
        """Let names begin with `prefix` from here on."""
        self._prefix = prefix

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output, and return the output's name."""
        name = self._unique(operator.lower())
        self.nodes.append(self._onnx.helper.make_node(operator, list(inputs), [name], name=name, **attributes))
        return name

    def split(self, x: str, sizes: Sequence[int], axis: int) -> list[str]:
        """Cut `x` into parts."""
        names = [self._unique("split") for _ in sizes]
        inputs = [x, self.integers(sizes)]
        self.nodes.append(self._onnx.helper.make_node("Split", inputs, names, name=names[0], axis=axis))
        return names

    def floats(self, values: ArrayLike, name: str = "constant") -> str:
        """Add float32 constants."""
        return self._constant(np.ascontiguousarray(values, dtype=np.float32), name)

    def integers(self, values: ArrayLike, name: str = "constant") -> str:
        """Add int64 constants."""
        return self._constant(np.asarray(values, dtype=np.int64), name)

    def reshape(self, x: str, *shape: int) -> str:
        """Give every image another shape."""
        return self.node("Reshape", x, self.integers([0, *shape], "shape"))

    def _constant(self, array: NDArray[Any], name: str) -> str:
        full = self._unique(name)
        self.constants.append(self._onnx.numpy_helper.from_array(array, full))
        return full

    def _unique(self, name: str) -> str:
        full, number = f"{self._prefix}{name}", 1
        while full in self._names:
            number += 1
            full = f"{self._prefix}{name}_{number}"
        self._names.add(full)
        return full
