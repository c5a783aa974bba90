"""Train on arrays of your own, one iteration at a time: a classifier learns which way stripes run."""

import numpy as np

import pydn

CFG = b"""[net]
width=8
height=8
channels=1
batch=32
learning_rate=0.1
[convolutional]
batch_normalize=1
filters=8
size=3
pad=1
activation=leaky
[avgpool]
[connected]
output=2
activation=linear
[softmax]
"""


def stripes(random: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Noisy pictures (count, 1, 8, 8), and for each the number of its class."""
    wave, classes = np.tile([1, 1, -1, -1], 2), random.integers(0, 2, count)
    clean = np.where(classes[:, None, None], wave[:, None], wave[None, :])
    return (clean + random.normal(0, 0.3, clean.shape)).astype("f4")[:, None], classes


if __name__ == "__main__":
    random, net = np.random.default_rng(0), pydn.load(CFG)
    steps = [net.train_step(*stripes(random, 32)) for _ in range(50)]
    print(f"loss: {steps[0].loss:.2f} at first, {steps[-1].loss:.2f} after {steps[-1].images} pictures")
    images, classes = stripes(random, 1000)
    (scores,) = net.forward(images)
    print(f"{np.mean(scores.argmax(axis=1) == classes):.1%} of 1000 other pictures are right")
