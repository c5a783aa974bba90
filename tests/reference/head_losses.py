"""Deltas of pjreddie's [region], of [iseg] and of [contrastive], of which no training run is recorded."""

from collections.abc import Sequence

import numpy as np

from .activations import logistic
from .region import region_pjreddie
from .types import Array
from .yolo_loss import iou

Truth = tuple[float, float, float, float, int]


def region_loss_pjreddie(
    x: Array, anchors: Sequence[tuple[float, float]], truths: Sequence[Truth], softmax: bool, early: bool
) -> tuple[Array, float]:
    """One image, shape (anchors, 5 + classes, h, w): deltas of the raw values, and the cost. thresh=.5, rescore=1,
    bias_match=1, object_scale=5, the other scales 1."""
    count, entries, h, w = x.shape
    y = region_pjreddie(x.reshape(1, -1, h, w), count, entries - 5, softmax).reshape(x.shape)
    delta = np.zeros_like(y)

    def box(a: int, j: int, i: int) -> Array:
        tx, ty, tw, th = y[a, :4, j, i]
        return np.array([(i + tx) / w, (j + ty) / h, np.exp(tw) * anchors[a][0] / w, np.exp(th) * anchors[a][1] / h])

    for a, j, i in np.ndindex(count, h, w):
        best = max((iou(box(a, j, i), t[:4]) for t in truths), default=0)
        delta[a, 4, j, i] = 0 if best > 0.5 else -y[a, 4, j, i]
        if early:
            delta[a, :4, j, i] = 0.01 * (np.array([0.5, 0.5, 0, 0]) - y[a, :4, j, i])
    for tx, ty, tw, th, kind in truths:
        i, j = int(tx * w), int(ty * h)
        a = int(np.argmax([iou((0, 0, p / w, q / h), (0, 0, tw, th)) for p, q in anchors]))
        overlap = iou(box(a, j, i), (tx, ty, tw, th))
        wanted = [tx * w - i, ty * h - j, np.log(tw * w / anchors[a][0]), np.log(th * h / anchors[a][1])]
        delta[a, :4, j, i] = (2 - tw * th) * (np.array(wanted) - y[a, :4, j, i])
        delta[a, 4, j, i] = 5 * (overlap - y[a, 4, j, i])
        if not softmax and delta[a, 5, j, i] != 0:
            delta[a, 5 + kind, j, i] = 1 - y[a, 5 + kind, j, i]
        else:
            delta[a, 5:, j, i] = np.eye(entries - 5)[kind] - y[a, 5:, j, i]
    cost = float(np.square(delta).sum())
    slopes = y[:, [0, 1, 4]]
    delta[:, [0, 1, 4]] *= slopes * (1 - slopes)
    return delta, cost


def iseg_loss(x: Array, classes: int, instances: Sequence[tuple[int, Array]]) -> Array:
    """One image, shape (classes + ids, h, w); an instance is its class and its mask."""
    y = x.copy()
    y[:classes] = logistic(x[:classes])
    delta = np.concatenate([-y[:classes], -0.1 * y[classes:]])
    means = [y[classes:, mask != 0].mean(1) for _, mask in instances]
    for own, (kind, mask) in enumerate(instances):
        for j, i in np.argwhere(mask):
            delta[kind, j, i] = mask[j, i] - y[kind, j, i]
            for other, mean in enumerate(means):
                sign = np.where(mean - y[classes:, j, i] < 0, -0.1, 0.1)
                delta[classes:, j, i] += sign if other == own else -sign
    delta[classes:] *= 0.01
    return delta


def contrastive_loss(z: Array, tracks: Sequence[int], kinds: Sequence[int], temperature: float, limit: int) -> Array:
    """Samples of one time step: embeddings (samples, values), tracks and classes → deltas.

    Not a gradient: the others' embeddings should be of length 1, p should be a share of what is like the same sample i,
    and what i says about them is left out.
    """
    count = len(z)
    near = np.array([[a @ b / np.sqrt((a @ a) * (b @ b)) for b in z] for a in z])
    pair = np.array([[i != j and kinds[i] == kinds[j] for j in range(count)] for i in range(count)])
    like = np.where(pair, np.exp(near / temperature), 0)

    def p(i: int, j: int) -> float:
        rest = sum(like[k, j] for k in range(count) if k != i)
        return min(like[i, j] / rest, 0.9999) if rest and like[i, j] <= rest else 0.9999

    delta = np.zeros_like(z)
    for i in range(count):
        friends = [j for j in range(count) if j != i and tracks[j] == tracks[i]]
        if not friends:
            continue
        m = 1 / (len(friends) * temperature * np.sqrt(z[i] @ z[i]))
        for j in friends:
            if pair[i, j]:
                delta[i] += m * (z[j] - near[i, j] * z[i]) * (1 - p(i, j))
        terms = [k for j in friends for k in range(count) if tracks[k] != tracks[i] and kinds[k] == kinds[j]]
        for k in terms[:limit]:
            if pair[i, k]:
                delta[i] -= m * (z[k] - near[i, k] * z[i]) * p(i, k)
    return delta
