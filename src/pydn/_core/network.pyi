from collections.abc import Iterable, Mapping
from typing import Any, Literal, Self, TypeAlias, final, overload

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Buffer, disjoint_base

from .layer import Layers
from .plan import Planned
from .tensor import Tensor
from .training import TrainingNetwork
from .weights import LoadReport, Weights

_Floats: TypeAlias = NDArray[np.float32]
_Boxes: TypeAlias = tuple[_Floats, _Floats, _Floats, _Floats | None]
_AllBoxes: TypeAlias = tuple[_Floats, _Floats, _Floats, _Floats | None, _Floats]
_NmsMethod: TypeAlias = Literal["sort", "obj", "kind"] | None
_NmsKind: TypeAlias = Literal["default", "greedynms", "diounms", "cornersnms"] | None

@final
class Images: ...

@disjoint_base
class Network(Planned):
    def __new__(
        cls,
        cfg: Buffer,
        weights: Buffer | Weights | None = None,
        *,
        device: str = "cpu",
        precision: str = "fp32",
        outputs: str = "heads",
        batch: int = 1,
        dialect: str = "alexeyab",
        prepare: str = "fuse",
        files: Mapping[str, bytes] | None = None,
        isa: str | None = None,
        width: int = 0,
        height: int = 0,
        strict: bool = True,
        seed: int = 0,
        cfg_file: str = "",
        weights_file: str = "",
        layer_limit: int = -1,
        time_steps: int = 0,
        training: bool = False,
        input_delta: bool = False,
        frozen: bool = False,
        alone: bool = False,
    ) -> Self: ...
    @overload
    def forward(self, x: Any = None, *, on_device: Literal[False] = False) -> tuple[_Floats, ...]: ...
    @overload
    def forward(self, x: Any = None, *, on_device: Literal[True]) -> tuple[Tensor, ...]: ...
    def step_times(self) -> list[tuple[int, str, float]]: ...
    @overload
    def forward_decode(
        self,
        x: Any,
        image_sizes: Iterable[tuple[int, int] | None],
        *,
        thresh: float = 0.25,
        hier: float = 0.5,
        letterbox: bool = False,
        relative: bool = False,
        nms: float | None = 0.45,
        nms_method: _NmsMethod = None,
        nms_kind: _NmsKind = None,
        nms_beta: float | None = None,
        unsuppressed: Literal[False] = False,
    ) -> list[_Boxes]: ...
    @overload
    def forward_decode(
        self,
        x: Any,
        image_sizes: Iterable[tuple[int, int] | None],
        *,
        thresh: float = 0.25,
        hier: float = 0.5,
        letterbox: bool = False,
        relative: bool = False,
        nms: float | None = 0.45,
        nms_method: _NmsMethod = None,
        nms_kind: _NmsKind = None,
        nms_beta: float | None = None,
        unsuppressed: Literal[True],
    ) -> list[_AllBoxes]: ...
    def decode(
        self,
        image: int = 0,
        *,
        thresh: float = 0.25,
        hier: float = 0.5,
        image_size: tuple[int, int] | None = None,
        letterbox: bool = False,
        relative: bool = False,
        nms: float | None = 0.45,
        nms_method: _NmsMethod = None,
        nms_kind: _NmsKind = None,
        nms_beta: float | None = None,
    ) -> _Boxes: ...
    def embeddings(self, image: int = 0, *, thresh: float = 0.25) -> _Floats: ...
    def reset_state(self) -> None: ...
    def resize(self, width: int, height: int, *, batch: int = 0) -> None: ...
    def close(self) -> None: ...
    @property
    def closed(self) -> bool: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *exception: object) -> None: ...
    def freeze(self) -> None: ...
    @property
    def device(self) -> str: ...
    @property
    def precision(self) -> str: ...
    @property
    def prepare(self) -> str: ...
    @property
    def outputs(self) -> str: ...
    @property
    def isa(self) -> str | None: ...
    @property
    def alone(self) -> bool: ...
    @property
    def input(self) -> _Floats: ...
    @property
    def layers(self) -> Layers: ...
    @property
    def weights(self) -> Weights: ...
    @property
    def report(self) -> LoadReport | None: ...
    @property
    def trainer(self) -> TrainingNetwork | None: ...
    @property
    def seen(self) -> int: ...
    @seen.setter
    def seen(self, value: int) -> None: ...
    @property
    def nbytes(self) -> int: ...
