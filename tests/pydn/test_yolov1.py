"""Networks that end in [detection]."""

import numpy as np

import pydn

CFG = (
    b"[net]\nwidth=8\nheight=8\nchannels=3\nletter_box=%d\n[connected]\noutput=28\nactivation=linear\n"
    b"[detection]\nclasses=2\ncoords=4\nside=2\nnum=1\n"
)


def test_images_are_stretched_in_every_dialect() -> None:
    """A box that fills the lower right quarter of the input fills that quarter of a wide image."""
    for letter_box, dialect in ((0, "alexeyab"), (0, "pjreddie"), (1, "alexeyab")):
        net = pydn.load(CFG % letter_box, dialect=dialect)
        net.layers[0].weights[...] = 0
        biases = net.layers[0].biases
        biases[:] = 0
        biases[2 * 3 + 1] = 0.9  # cell 3, class 1
        biases[2 * 4 + 3] = 0.8  # its objectness
        biases[2 * 4 + 4 + 4 * 3 :] = [0.5, 0.5, 0.5, 0.5]
        (found,) = net.detect(np.zeros((100, 300, 3), np.uint8), thresh=0.5)
        assert found.class_id == 1
        np.testing.assert_allclose(found.confidence, 0.72, rtol=1e-6)
        np.testing.assert_allclose(found.xyxy, [150, 50, 300, 100], atol=1e-3)


def test_objectness_alone() -> None:
    """classes=0, as in some published cfgs: boxes without a class."""
    cfg = CFG % 0
    net = pydn.load(cfg.replace(b"classes=2", b"classes=0").replace(b"output=28", b"output=20"))
    net.forward(np.zeros((1, 3, 8, 8), np.float32))
    boxes, objectness, probabilities, uncertainty = net.decode()
    assert (boxes.shape, objectness.shape, probabilities.shape, uncertainty) == ((4, 4), (4,), (4, 0), None)
