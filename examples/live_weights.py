"""Parameters are live numpy views: what is written there is what the next forward computes with."""

import numpy as np

import pydn

CFG = b"""
[net]
width=8
height=8
channels=1
[convolutional]
filters=1
size=3
pad=1
activation=linear
"""


def main() -> None:
    net = pydn.load(CFG)
    layer = net.layers[0]
    layer.biases[...] = 0
    layer.weights[...] = [[0, 0, 0], [-1, 0, 1], [0, 0, 0]]  # a horizontal difference
    ramp = np.tile(np.arange(8, dtype="f4"), (1, 1, 8, 1))
    (slope,) = net.forward(ramp)
    print("slope of a ramp:", slope[0, 0, 4, 1:-1])
    layer.weights[...] *= 10
    (steeper,) = net.forward(ramp)
    print("ten times that: ", steeper[0, 0, 4, 1:-1])
    print("the first result is as it was:", slope[0, 0, 4, 1:-1])


if __name__ == "__main__":
    main()
