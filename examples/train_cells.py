"""Train a detector of blood cells from scratch, and measure it on the way.

usage: train_cells.py FOLDER [SEED [ITERATIONS]]

FOLDER is that of the BCCD set, with JPEGImages and labels. Every fifth name is held out.
"""

import sys
import time
from pathlib import Path

import pydn

CFG = Path(__file__).with_name("cells.cfg")
NAMES = ["RBC", "WBC", "Platelets"]


def main(folder: str, seed: int = 1, iterations: int | None = None) -> None:
    pictures, began = sorted(Path(folder, "JPEGImages").glob("*.jpg")), time.perf_counter()
    train, valid = [path for i, path in enumerate(pictures) if i % 5], pictures[::5]
    with pydn.load(CFG, names=NAMES) as net:
        training = net.training(train, seed=seed, iterations=iterations, strict=False)  # two of the boxes have no area
        for step in training:
            if step.iteration % 200 == 0 or step.iteration == training.end:
                found, seconds = net.map(valid), time.perf_counter() - began
                classes = ", ".join(f"{one.name} {one.ap:.3f}" for one in found.classes)
                print(
                    f"{step.iteration}: loss {step.average_loss:.2f}, mAP {found.map:.3f} ({classes}), {seconds:.0f} s"
                )


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
