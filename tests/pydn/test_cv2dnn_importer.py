"""Small cfgs of every kind: the same names and rows from `pydn.cv2dnn` and from an installed OpenCV 4."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pydn import cv2dnn
from pydn._core.network import Network
from pydn.cv2dnn.parts import as_opencv_reads

pytestmark = pytest.mark.skipif(
    not hasattr(cv2.dnn, "readNetFromDarknet") or int(cv2.__version__.split(".")[0]) >= 5,
    reason=f"OpenCV {cv2.__version__} has no darknet importer to compare with",
)


def conv(filters: int, size: int = 1, stride: int = 1, bn: int = 0, act: str = "leaky", rest: str = "pad=1") -> str:
    keys = f"filters={filters}\nsize={size}\nstride={stride}\nbatch_normalize={bn}\nactivation={act}\n{rest}\n"
    return "[convolutional]\n" + keys


def yolo(*keys: str) -> str:
    return "\n".join(["[yolo]", "mask=0,2", "anchors=10,13, 16,30, 33,23", "classes=3", "num=3", *keys, ""])


def region(*keys: str) -> str:
    keys = ("anchors=1.5,1.1,3.2,2.4", "classes=3", "num=2", "coords=4", "softmax=1", *keys)
    return "\n".join(["[region]", *keys, ""])


def section(name: str, *keys: str) -> str:
    return "\n".join([f"[{name}]", *keys, ""])


LAST = conv(16, act="linear")
BODY = conv(6, 3, 2, 1) + LAST
CASES = {
    **{
        f"activation {name}": conv(6, 3, 1, 1, name) + LAST + yolo()
        for name in ("linear", "leaky", "relu", "swish", "mish", "logistic", "tanh")
    },
    "yolo, thresh": BODY + yolo("thresh=.05"),
    "yolo, suppression": BODY + yolo("thresh=.01", "nms_threshold=.3"),
    "yolo, scale_x_y": BODY + yolo("scale_x_y=1.2", "thresh=.01"),
    "yolo, new_coords": conv(6, 3, 2, 1) + conv(16, act="logistic") + yolo("scale_x_y=2", "new_coords=1", "thresh=.01"),
    "region": BODY + region(),
    "region, thresh": BODY + region("thresh=.2"),
    "region, thresh 0": BODY + region("thresh=0"),
    "region, classfix": BODY + region("classfix=-1"),
    "reorg": conv(8, 3, 1, 1) + section("reorg", "stride=2") + LAST + region(),
    "spatial pyramid": conv(4, 3, 2, 1)
    + section("maxpool", "stride=1", "size=5")
    + section("route", "layers=-2")
    + section("maxpool", "stride=1", "size=9")
    + section("route", "layers=-1,-3,-4")
    + LAST
    + yolo(),
    "pooling": conv(4, 3, 1, 1)
    + section("maxpool", "stride=1", "size=2")
    + section("maxpool", "stride=2", "size=3")
    + section("maxpool", "stride=2", "size=3", "padding=1")
    + LAST
    + yolo(),
    "part of the channels": conv(8, 3, 2, 1)
    + section("route", "layers=-1", "groups=2", "group_id=1")
    + conv(4, 3)
    + conv(4, 3)
    + section("route", "layers=-1,-2")
    + conv(8)
    + section("route", "layers=-6,-1")
    + LAST
    + yolo(),
    "depthwise": conv(8, 3, 1, 1) + conv(8, 3, 2, 1, rest="pad=1\ngroups=8") + LAST + yolo(),
    "padding": conv(8, 3, 2, 1, rest="") + conv(8, 4, 2, 1) + conv(8, 3, rest="padding=2") + LAST + yolo(),
    "shortcut": conv(8, 3) + conv(8, 3, 1, 1) + section("shortcut", "from=-2", "activation=leaky") + LAST + yolo(),
    "shortcut from fewer": conv(4, 3) + conv(8, 3, 1, 1) + section("shortcut", "from=-2") + LAST + yolo(),
    "shortcut from more": conv(8, 3) + conv(4, 3, 1, 1) + section("shortcut", "from=-2") + LAST + yolo(),
    "sam": conv(8, 3) + conv(8, 1, 1, 1, "logistic") + section("sam", "from=-2") + LAST + yolo(),
    "squeeze and excite": conv(8, 3)
    + section("avgpool")
    + conv(4, act="relu")
    + conv(8, act="logistic")
    + section("scale_channels", "from=-4")
    + LAST
    + yolo(),
    "upsample": conv(8, 3, 2)
    + conv(8, 3, 2, 1)
    + section("upsample", "stride=2")
    + section("route", "layers=-1,0")
    + LAST
    + yolo(),
    "two heads": conv(8, 3, 2, 1)
    + LAST
    + yolo()
    + section("route", "layers=-3")
    + conv(16, 3, 2, act="linear")
    + yolo("thresh=.1"),
    "classifier": conv(8, 3, 2, 1) + conv(5, act="linear") + section("avgpool") + section("softmax") + section("cost"),
    "connected": conv(8, 3, 2, 1)
    + section("connected", "output=7", "activation=relu")
    + section("dropout")
    + section("connected", "output=5", "activation=linear")
    + section("softmax"),
    "unread layer": conv(8, 3, 2, 1) + conv(4) + section("route", "layers=-2") + LAST + yolo(),
    "no head": conv(8, 3, 2, 1) + conv(4),
    "defaults": section("convolutional", "filters=8", "size=3", "pad=1")
    + section("maxpool")
    + section("convolutional", "filters=4", "size=1")
    + section("reorg")
    + section("upsample")
    + LAST
    + yolo(),
}
ONE_IMAGE = {"squeeze and excite"}  # all that OpenCV can do


@pytest.mark.parametrize("size", [(32, 32), (40, 24)], ids=str)
@pytest.mark.parametrize("case", CASES)
def test_same_as_the_importer(case: str, size: tuple[int, int]) -> None:
    cfg = (f"[net]\nwidth={size[0]}\nheight={size[1]}\nchannels=3\n" + CASES[case]).encode()
    weights = random_weights(cfg)
    theirs = cv2.dnn.readNetFromDarknet(*(np.frombuffer(data, dtype=np.uint8) for data in (cfg, weights)))
    ours = cv2dnn.readNetFromDarknet(cfg, weights)
    names = theirs.getUnconnectedOutLayersNames()
    assert ours.getLayerNames() == theirs.getLayerNames()
    assert ours.getUnconnectedOutLayersNames() == names
    assert ours.getUnconnectedOutLayers().tolist() == theirs.getUnconnectedOutLayers().tolist()
    assert ours.getLayerTypes() == theirs.getLayerTypes()
    for images in (1,) if case in ONE_IMAGE else (1, 2):
        x = np.random.default_rng(images).random((images, 3, size[1], size[0]), dtype="f4")
        theirs.setInput(x)
        ours.setInput(x)
        for name, expected, got in zip(names, theirs.forward(names), ours.forward(names), strict=True):
            assert got.shape == expected.shape
            assert_same_rows(got, expected, name)


def assert_same_rows(got: np.ndarray, expected: np.ndarray, name: str) -> None:
    """Equal, save for scores on the threshold: those may be 0 in one of the two."""
    one_only = (got == 0) != (expected == 0)
    if one_only.any():
        threshold = min(array[array > 0].min() for array in (got[..., 5:], expected[..., 5:]))
        assert (np.maximum(got, expected)[one_only] < threshold + 1e-4).all(), name
    np.testing.assert_allclose(got[~one_only], expected[~one_only], rtol=1e-4, atol=1e-4, err_msg=name)


def random_weights(cfg: bytes) -> bytes:
    """Parameters that keep values near 1, some variances among them so small that epsilon counts."""
    rng = np.random.default_rng(1)
    net = Network(as_opencv_reads(cfg)[0])
    for (_, name), values in net.weights.items():
        if name == "weights":
            values[...] = rng.normal(size=values.shape) * 1.5 / np.sqrt(values[0].size)
        elif name == "rolling_variance":
            values[...] = rng.random(values.shape) + 0.2
            values[::3] = 2e-5
        elif name == "scales":
            values[...] = rng.normal(size=values.shape)
            values[::3] *= 0.005
        else:
            values[...] = rng.normal(size=values.shape) * (0.1 if name == "rolling_mean" else 0.5)
    return net.weights.tobytes()
