from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .network import Network
from .plan import Plan

class Figures(NamedTuple):
    cost: float
    matched: float
    iou: float
    giou: float
    objectness: float
    recall_50: float
    recall_75: float
    class_count: float
    class_score: float
    boxes: float
    no_objectness: float
    class_loss: float
    iou_loss: float
    objectness_loss: float
    rewritten: float
    assigned: float
    skipped: float

def measure(
    plan: Plan,
    *,
    device: str = "cpu",
    precision: str = "fp32",
    outputs: str = "heads",
    prepare: str = "fuse",
    isa: str | None = None,
) -> int: ...

class TrainingNetwork(Network):
    @property
    def trainer(self) -> TrainingNetwork: ...
    def set_clock(self, *, seed: int = 0, iteration: int = 0, seen: int = 0, image: int = 0) -> None: ...
    @property
    def truths(self) -> int: ...
    def set_truth(self, truth: Any) -> None: ...
    def loss(self, truth: Any = None) -> float: ...
    def figures(self, layer: int) -> Figures | None: ...
    def backward(self, first: int = 0, last: int | None = None) -> None: ...
    def stop_layer(self, iteration: int = 0) -> int: ...
    def update(
        self,
        *,
        learning_rate: float,
        images: int,
        momentum: float = 0.9,
        decay: float = 0.0,
        iteration: int = 1,
        burn_in: int = 0,
        adam: bool = False,
        b1: float = 0.9,
        b2: float = 0.999,
        eps: float = 1e-7,
    ) -> None: ...
    def delta(self, layer: int) -> NDArray[np.float32] | None: ...
    @property
    def input_delta(self) -> NDArray[np.float32]: ...
    def gradient(self, layer: int, name: str) -> NDArray[np.float32] | None: ...
    def start_adam(self) -> None: ...
    def moments(self, layer: int, name: str) -> NDArray[np.float32] | None: ...
