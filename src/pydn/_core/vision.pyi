from typing import Any, Literal, final

import numpy as np
from numpy.typing import NDArray

@final
class Pixels:
    def __new__(cls, image: Any, bgr: bool) -> Pixels: ...

def planar(
    image: Any, channels: int | None = None, bgr: bool = False, out: NDArray[np.float32] | None = None
) -> NDArray[np.float32]: ...
def resize(
    image: Any,
    width: int,
    height: int,
    channels: int | None = None,
    bgr: bool = False,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]: ...
def letterbox(
    image: Any,
    width: int,
    height: int,
    channels: int | None = None,
    bgr: bool = False,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]: ...
def planar_resize(
    image: Any, width: int, height: int, out: NDArray[np.float32] | None = None
) -> NDArray[np.float32]: ...
def planar_crop(
    image: Any, dx: int, dy: int, width: int, height: int, out: NDArray[np.float32] | None = None
) -> NDArray[np.float32]: ...
def planar_flip(image: NDArray[np.float32]) -> NDArray[np.float32]: ...
def planar_distort(
    image: NDArray[np.float32], hue: float, saturation: float, exposure: float
) -> NDArray[np.float32]: ...
def box_iou(a: Any, b: Any, kind: Literal["iou", "giou", "diou", "ciou"] = "iou") -> NDArray[np.float32]: ...
