"""Other inputs for the same network: `rescale` for another range of values, `rgbgr` for another order of channels."""

from __future__ import annotations

import numpy as np

from .._core.weights import Weights
from ..errors import UnsupportedError
from .slots import copy


def rescale(weights: Weights, scale: float = 2.0, shift: float = -1.0, *, as_darknet: bool = False) -> Weights:
    """Change the first convolution so that it computes of x what it computed of scale · x + shift.

    At the border of the image this is not exact where the convolution pads: padding is 0 before and after.

    Parameters
    ----------
    weights
        Whose first convolution reads the image.
    scale, shift
        Darknet's are 2 and -1: a network for values of -1 to 1 becomes one for 0 to 1.
    as_darknet
        Add the shift to the biases even where the layer has batch norm, as darknet's verb does. The result then
        differs by the batch norm's scale over its deviation.

    Raises
    ------
    UnsupportedError
        If the network has no convolution.
    """
    new = copy(weights)
    layer = _first_convolution(new)
    kernel = new[layer, "weights"]
    rows = kernel.reshape(len(kernel), -1)
    if as_darknet:  # float32; the sums of the new weights, one after the other
        kernel *= np.float32(scale)
        sums = np.add.accumulate(rows, axis=1, dtype=np.float32)[:, -1]
        new[layer, "biases"][...] += sums * np.float32(shift / scale)
        return new
    moved = shift * rows.sum(axis=1, dtype=np.float64)
    if (layer, "rolling_mean") in new:  # it is subtracted before the scale
        new[layer, "rolling_mean"][...] = new[layer, "rolling_mean"] - moved
    else:
        new[layer, "biases"][...] = new[layer, "biases"] + moved
    kernel[...] = kernel * float(scale)
    return new


def rgbgr(weights: Weights) -> Weights:
    """Swap red and blue: exchange the first and the third input channel of the first convolution.

    Raises
    ------
    UnsupportedError
        If the network has no convolution, or its first one has groups or sees fewer than three channels.
    """
    new = copy(weights)
    layer = _first_convolution(new)
    kernel = new[layer, "weights"]
    groups = int(new.plan.facts(layer).get("groups", 1))
    if groups > 1 or kernel.shape[1] < 3:
        seen = f"{kernel.shape[1]} input channels" + (f" in each of {groups} groups" if groups > 1 else "")
        raise UnsupportedError(
            f"layer {layer} [convolutional] has {seen}: there is no red and blue to swap", layer=layer
        )
    kernel[:, [0, 2]] = kernel[:, [2, 0]]
    return new


def _first_convolution(weights: Weights) -> int:
    for layer, kind in enumerate(weights.plan.kinds):
        if kind == "convolutional" and (layer, "weights") in weights:
            return layer
    raise UnsupportedError("the network has no [convolutional] layer")
