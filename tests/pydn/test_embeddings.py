"""Embeddings of boxes: `embedding_layer=` of [yolo]."""

import numpy as np
import pytest

import pydn

CLASSES, SIZE = 2, 3


def head(mask: str, keys: str) -> str:
    return f"[yolo]\nclasses={CLASSES}\nnum=3\nmask={mask}\nanchors=4,4,8,8,9,3\n{keys}\n"


def conv(filters: int, keys: str = "") -> str:
    return f"[convolutional]\nfilters={filters}\nsize=1\nactivation=linear\n{keys}\n"


# Layer 0: vectors of the head 2; layer 4: shorter vectors, of the head 6; the head 9 has none.
CFG = (
    "[net]\nwidth=5\nheight=4\nchannels=3\n"
    + conv(2 * SIZE)
    + conv(2 * (5 + CLASSES))
    + head("0,1", "embedding_layer=-2\nsim_thresh=0.5\ntrack_history_size=9\ndets_for_track=2\ndets_for_show=4")
    + "[route]\nlayers=0\n"
    + conv(SIZE - 1)
    + conv(5 + CLASSES)
    + head("2", "embedding_layer=4")
    + "[route]\nlayers=0\n"
    + conv(5 + CLASSES)
    + head("0", "")
).encode()


def expected(net: pydn.Network, image: int, thresh: float) -> np.ndarray:
    """Rows of the heads one after the other: cell by cell, in each cell anchor by anchor."""
    rows = []
    for index, vectors, anchors in ((2, 0, 2), (6, 4, 1), (9, None, 1)):
        output = net.layers[index].output[image]
        height, width = output.shape[1:]
        objectness = output.reshape(anchors, 5 + CLASSES, height, width)[:, 4]
        size = SIZE if vectors is None else net.layers[vectors].output_shape[1] // anchors
        source = np.zeros((anchors, SIZE, height, width), np.float32)
        if vectors is not None:
            source[:, :size] = net.layers[vectors].output[image].reshape(anchors, size, height, width)
        for i, j, anchor in np.ndindex(height, width, anchors):
            if objectness[anchor, i, j] > thresh:
                rows.append(source[anchor, :, i, j])
    return np.array(rows).reshape(-1, SIZE)


@pytest.mark.parametrize("device", ["ref", "cpu"])
@pytest.mark.parametrize("images", [1, 2, 5])  # of a batch of 2: with one slice that is full and one that is not
@pytest.mark.parametrize("thresh", [0.2, 0.5, 1.0])
def test_a_vector_for_every_box(device: str, images: int, thresh: float) -> None:
    net = pydn.load(CFG, device=device, batch=2)  # what is kept is kept of all images, not only of the last two
    x = np.random.default_rng(0).normal(size=(images, 3, 4, 5)).astype(np.float32)
    net.forward(x)
    for image in range(images):
        boxes = net.decode(image, thresh=thresh)[0]
        found = net.embeddings(image, thresh=thresh)
        assert found.shape == (len(boxes), SIZE)
        np.testing.assert_array_equal(found, expected(net, image, thresh))
    assert (len(found) > 0) == (thresh < 1)


def test_a_head_with_embeddings_is_no_other_head() -> None:
    """The layer is kept, but it is not one of the results."""
    net = pydn.load(CFG)
    assert tuple(net.head_layers) == (2, 6, 9)
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float32)
    heads = net.forward(x)
    kept = pydn.load(CFG, outputs="all")
    for ours, theirs in zip(heads, kept.forward(x), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    with pytest.raises(ValueError, match="was not kept"):
        _ = net.layers[1].output


def test_facts() -> None:
    net = pydn.load(CFG)
    names = ["embedding_layer", "embedding_size", "sim_thresh", "track_history_size", "dets_for_track", "dets_for_show"]
    assert [net.layers[2].facts[name] for name in names] == [0, SIZE, 0.5, 9, 2, 4]
    assert [net.layers[6].facts[name] for name in names[:2]] == [4, SIZE - 1]
    defaults = net.layers[9].facts
    assert names[0] not in defaults
    assert [round(defaults[name], 6) for name in [*names[2:], "track_ciou_norm"]] == [0.8, 5, 1, 1, 0.01]


def test_without_embeddings() -> None:
    net = pydn.load(("[net]\nwidth=5\nheight=4\nchannels=3\n" + conv(5 + CLASSES) + head("0", "")).encode())
    net.forward(np.zeros((1, 3, 4, 5), np.float32))
    assert net.embeddings(thresh=0.1).shape == (20, 0)
