"""Train a classifier of small photos from scratch.

usage: train_cifar10.py FOLDER [SEED [ITERATIONS]]

The names of the pictures in FOLDER end with _airplane.png … _truck.png. Every fifth name is held out.
"""

import sys
import time
from pathlib import Path

import pydn

CFG = Path(__file__).with_name("cifar10.cfg")
NAMES = "airplane automobile bird cat deer dog frog horse ship truck".split()
LABELS = [f"_{name}." for name in NAMES]


def main(folder: str, seed: int = 1, iterations: int | None = None) -> None:
    pictures, began = sorted(Path(folder).glob("*.png")), time.perf_counter()
    with pydn.load(CFG) as net:
        net.train([path for i, path in enumerate(pictures) if i % 5], labels=LABELS, seed=seed, iterations=iterations)
        found = net.valid(pictures[::5], labels=LABELS)
    seconds = time.perf_counter() - began
    print(f"seed {seed}: top-1 {found.top1:.4f} of {len(pictures[::5])} pictures, {seconds:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
