"""Classify a picture. usage: classify.py CFG WEIGHTS NAMES IMAGE — or none for a classifier of stripes."""

import sys

import numpy as np

import pydn

CFG = b"""[net]
width=32
height=32
channels=1
[convolutional]
filters=2
size=3
activation=relu
[avgpool]
[softmax]"""


def stripes_network() -> pydn.Network:
    """Make a classifier by hand: one filter compares left with right, the other above with below."""
    net = pydn.load(CFG, names=["upright stripes", "level stripes"])
    step = np.array([[0, 0, 0], [-20, 0, 20], [0, 0, 0]])
    net.layers[0].biases[...], net.layers[0].weights[...] = 0, [[step], [step.T]]
    return net


def main(arguments: list[str]) -> None:
    if arguments:
        cfg, weights, names, image = arguments
        net = pydn.load(cfg, weights, names=names)
    else:
        net, image = stripes_network(), np.tile(np.repeat(np.uint8([40, 200]), 8), (64, 4))
    for label, probability in net.predict(image, top=5):
        print(f"{100 * probability:6.2f} % {label}")


if __name__ == "__main__":
    main(sys.argv[1:])
