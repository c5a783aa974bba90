"""What a network consists of, and what a layer saw. Usage: inspect_layers.py [CFG [WEIGHTS]]."""

import sys

import numpy as np

import pydn
from pydn import demo


def main(arguments: list[str]) -> None:
    net = pydn.load(*arguments, outputs="all") if arguments else demo.network(outputs="all")
    print(net.summary())
    net.forward(np.random.default_rng(0).random(net.input.shape, dtype="f4"))
    for layer in net.layers:
        output = layer.output
        print(
            f"{layer.index:3d} {layer.kind:14s} {output.shape!s:20s} mean {output.mean():9.4f} max {output.max():9.4f}"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
