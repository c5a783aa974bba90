"""`Net`: a darknet network behind the methods of ``cv2.dnn.Net``."""

# Names are OpenCV's.
# ruff: noqa: N802, N803

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, overload

import cv2
import numpy as np
from numpy.typing import NDArray

from .._core.network import Network
from .._core.plan import Plan
from ..errors import ShapeError, UnsupportedError
from .graph import Graph, Step
from .parts import as_opencv_reads, original_variance, scalar, shift_epsilon, without_activation
from .rows import Head

_Floats: TypeAlias = NDArray[np.float32]
_Names: TypeAlias = list[str] | tuple[str, ...] | NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class Layer:
    """What `Net.getLayer` returns: name, kind (``type``) and parameters (``blobs``) of one of OpenCV's layers."""

    name: str
    type: str
    blobs: tuple[_Floats, ...] = ()
    preferableTarget: int = 0  # noqa: N815


class Net:
    """A darknet network with the methods of OpenCV's ``Net``.

    One thread at a time. Arrays that `forward` returns are never changed by later calls.
    """

    def __init__(self) -> None:
        self._net: Network | None = None
        self._every: Network | None = None  # keeps the outputs of inner layers, made when they are asked for
        self._cfg = b""
        self._graph = Graph()
        self._heads: dict[int, Head] = {}
        self._blob: _Floats | None = None
        self._ticks = 0

    @classmethod
    def _load(cls, text: bytes, data: bytes | None, cfg_file: str, weights_file: str) -> Net:
        net = cls()
        net._cfg, options = as_opencv_reads(text)
        net._net = Network(net._cfg, data, strict=False, cfg_file=cfg_file, weights_file=weights_file)
        shift_epsilon(net._net.weights)
        layers = net._net.layers
        net._graph = Graph.of(layers)
        heads = [layer for layer in layers if layer.kind in ("yolo", "region")]
        net._heads = {layer.index: Head.of(layer, options[layer.index]) for layer in heads}
        return net

    def empty(self) -> bool:
        """Whether there are no layers."""
        return self._net is None

    def setInput(self, blob: Any, name: str = "", scalefactor: float = 1.0, mean: Any = 0) -> None:
        """Set the input, (n, channels, height, width) of any size: ``(blob - mean) · scalefactor``.

        A number as `mean` is for the first channel only, as everywhere in OpenCV's Python.
        """
        if name not in ("", "data"):
            raise KeyError(f"the network has no input {name!r}; its only one is 'data'")
        x = np.array(blob, dtype=np.float32)
        if x.ndim != 4 or 0 in x.shape:
            raise ValueError(f"a blob has shape (n, channels, height, width), not {x.shape}; see blobFromImage")
        wanted = self._loaded.channels
        if x.shape[1] != wanted:
            raise ShapeError(f"the network takes {wanted} channels, the blob of shape {x.shape} has {x.shape[1]}")
        if np.any(mean):
            x -= scalar(mean, wanted).reshape(1, -1, 1, 1)
        if scalefactor != 1:
            x *= np.float32(scalefactor)
        self._blob = x

    @overload
    def forward(self, outputName: str = "") -> _Floats: ...
    @overload
    def forward(self, outputName: _Names) -> tuple[_Floats, ...]: ...
    @overload
    def forward(self, *, outBlobNames: _Names) -> tuple[_Floats, ...]: ...

    def forward(self, outputName: Any = "", *, outBlobNames: Any = None) -> _Floats | tuple[_Floats, ...]:
        """Run the network.

        Parameters
        ----------
        outputName, outBlobNames
            A name of `getLayerNames`, "" for the last layer; or several names.

        Returns
        -------
        numpy.ndarray, or a tuple of them where several names are given
            Rows of a head are (rows, 5 + classes), or (n, rows, 5 + classes) where n is not 1.
        """
        names = outputName if outBlobNames is None else outBlobNames
        if isinstance(names, str):
            return self._forward([names])[0]
        return tuple(self._forward([str(name) for name in names] or [""]))

    def forwardAndRetrieve(self, outBlobNames: _Names) -> tuple[tuple[_Floats, ...], ...]:
        """`forward` with several names, each output in a tuple of its own."""
        return tuple((output,) for output in self.forward(outBlobNames))

    def getLayerNames(self) -> tuple[str, ...]:
        """Names of all layers as OpenCV's importer numbers them."""
        return tuple(step.name for step in self._graph.steps)

    def getLayerId(self, layer: str) -> int:
        """Return the identifier of a layer, from 1; -1 where the name is unknown."""
        names = self.getLayerNames()
        return names.index(layer) + 1 if layer in names else -1

    def getLayer(self, layer: str | int) -> Layer:
        """Return name, type and parameters of a layer, given its name or identifier; 0 is the input."""
        if layer == 0:
            return Layer("_input", "")
        steps = self._graph.steps
        if isinstance(layer, str):
            step = self._graph.find(layer)
        elif 0 < layer <= len(steps):
            step = steps[layer - 1]
        else:
            raise KeyError(f"there is no layer {layer}; identifiers are 0 to {len(steps)}")
        return Layer(step.name, step.kind, self._blobs(step))

    def getParam(self, layer: str | int, numParam: int = 0) -> _Floats:
        """Return a copy of one parameter of a layer."""
        return self.getLayer(layer).blobs[numParam]

    def getLayerTypes(self) -> tuple[str, ...]:
        """Types of layers that occur, sorted."""
        return tuple(sorted({step.kind for step in self._graph.steps} | {"__NetInputLayer__"}))

    def getLayersCount(self, layerType: str) -> int:
        """Count the layers of a type."""
        return sum(step.kind == layerType for step in self._graph.steps)

    def getUnconnectedOutLayers(self) -> NDArray[np.int32]:
        """Return the identifiers of the layers that no other one reads."""
        return np.array([self.getLayerId(step.name) for step in self._graph.leaves], dtype=np.int32)

    def getUnconnectedOutLayersNames(self) -> tuple[str, ...]:
        """Names of the layers that no other one reads: the heads."""
        return tuple(step.name for step in self._graph.leaves)

    def getPerfProfile(self) -> tuple[int, NDArray[np.float64]]:
        """Ticks of ``cv2.getTickFrequency`` that the last `forward` took; there are no times of single layers."""
        return self._ticks, np.zeros(len(self._graph.steps))

    def getFLOPS(self, netInputShape: Sequence[int]) -> int:
        """Operations of one forward for an input of this shape, as darknet counts them (which is not OpenCV's way)."""
        shape = list(netInputShape)
        if len(shape) != 4:
            raise ValueError(f"a shape is (n, channels, height, width), not {tuple(shape)}")
        plan = Plan(self._cfg, batch=shape[0], height=shape[2], width=shape[3])
        return round(plan.flops) * shape[0]

    def setPreferableBackend(self, backendId: int) -> None:
        """Accept any backend; the network runs on the engine's."""

    def setPreferableTarget(self, targetId: int) -> None:
        """Accept any target; the network runs on the CPU in float32."""

    def enableFusion(self, fusion: bool) -> None:
        """Accept; values do not depend on it."""

    def enableWinograd(self, useWinograd: bool) -> None:
        """Accept; values do not depend on it."""

    @property
    def _loaded(self) -> Network:
        if self._net is None:
            raise UnsupportedError("the net is empty: make one with readNetFromDarknet(cfg, weights)")
        return self._net

    def _forward(self, names: list[str]) -> list[_Floats]:
        engine, steps = self._loaded, self._graph.steps
        if self._blob is None:
            raise ValueError("there is no input yet: call setInput(blob) first")
        wanted = [steps[-1] if name == "" else self._graph.find(name) for name in names]
        start = time.perf_counter()
        sources = [self._graph.source(step, engine.layers) for step in wanted]
        heads = engine.head_layers
        if all(step.value in ("output", "rows") and s in heads for step, s in zip(wanted, sources, strict=True)):
            found = dict(zip(heads, _run(engine, self._blob), strict=True))
        else:
            if self._every is None:
                self._every = Network(self._cfg, engine.weights, outputs="all")
            _run(self._every, self._blob)
            found = {}
        outputs = [self._value(step, s, found) for step, s in zip(wanted, sources, strict=True)]
        self._ticks = round((time.perf_counter() - start) * cv2.getTickFrequency())
        return outputs

    def _value(self, step: Step, source: int, found: dict[int, _Floats]) -> _Floats:
        """Value of a step; `found` has the outputs of the heads, the other network has all."""
        assert self._blob is not None
        if step.value in ("linear", "raw"):
            part = without_activation(self._cfg, self._loaded.weights, step.layer, batch_norm=step.value == "linear")
            _run(part, self._blob)
            output = part.layers[-1].output
        elif step.value == "none":
            raise UnsupportedError(f"{step.name} is no value of its own here: ask for the layer's last one")
        elif step.value == "permuted" and source == 0:
            return np.ascontiguousarray(self._blob.transpose(0, 2, 3, 1))
        elif source in found:
            output = found[source]
        else:
            assert self._every is not None
            output = self._every.layers[source - (step.value == "permuted")].output
        if step.value == "permuted":
            return np.ascontiguousarray(output.transpose(0, 2, 3, 1))
        if step.value == "rows":
            return self._heads[source].rows(output, self._blob.shape[3], self._blob.shape[2])
        images = len(output)
        return np.array(output.reshape(images, -1) if step.flat else output.reshape(images, *_planes(output)))

    def _blobs(self, step: Step) -> tuple[_Floats, ...]:
        names: tuple[str, ...] = ()
        if step.kind in ("Convolution", "InnerProduct"):
            normalised = (step.layer, "scales") in self._loaded.weights
            names = ("weights",) if normalised else ("weights", "biases")
        elif step.kind == "BatchNorm":
            names = ("rolling_mean", "rolling_variance", "scales", "biases")
        blobs = {name: np.array(self._loaded.weights[step.layer, name]) for name in names}
        if "rolling_variance" in blobs:
            blobs["rolling_variance"] = original_variance(blobs["rolling_variance"])
        return tuple(blob if name == "weights" else blob.reshape(1, -1) for name, blob in blobs.items())

    def _without_suppression(self) -> None:
        for head in self._heads.values():
            head.nms = 0


def _run(net: Network, blob: _Floats) -> tuple[_Floats, ...]:
    images, _, height, width = blob.shape
    if (images, height, width) != (net.batch, net.height, net.width):
        net.resize(width, height, batch=images)
    return net.forward(blob)


def _planes(output: _Floats) -> tuple[int, ...]:
    """Shape of an image's output with channels, height and width, also where the engine says values only."""
    return output.shape[1:] if output.ndim == 4 else (output.shape[1], 1, 1)
