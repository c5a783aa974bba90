"""Train a detector from the first layers of a network that knows other objects, and from scratch, side by side.

usage: transfer.py CFG WEIGHTS FOLDER [ITERATIONS [SEED …]]
CFG and WEIGHTS: yolo-fastest-1.1 of COCO. FOLDER: pictures of two classes, Yolo_mark's, too few to hold some out.
"""

import sys
import tempfile
from pathlib import Path

import pydn
from pydn.training import Schedule


def first_layers(cfg: bytes, weights: str, folder: str) -> str:
    """Write the layers before the first head, as `pydn partial` does."""
    with pydn.load(cfg, weights) as net:
        head = next(layer.index for layer in net.layers if layer.kind == "yolo")
        net.partial(head - 1, path := f"{folder}/first.weights")
    return path


def trained(cfg: bytes, weights: str | None, pictures: list[Path], iterations: int, seed: int) -> str:
    rate = Schedule(0.0005, policy="steps", burn_in=60, steps=(iterations * 3 // 4,), scales=(0.1,))
    with pydn.load(cfg, weights, classes=2) as net:
        last = net.train(pictures, batch=8, schedule=rate, iterations=iterations, seed=seed)[-1]
        return f"average loss {last.average_loss:.2f}, mAP {net.map(pictures).map:.3f}"


def main(cfg_file: str, weights: str, folder: str, iterations: int = 150, *seeds: int) -> None:
    cfg = Path(cfg_file).read_bytes().replace(b"iou_loss=ciou", b"iou_loss=ciou\nmax_delta=5")  # else it may diverge
    with tempfile.TemporaryDirectory() as place:
        first, pictures = first_layers(cfg, weights, place), sorted(Path(folder).glob("*.jpg"))
        for seed in seeds or (1, 2, 3):
            for name, start in (("from scratch", None), ("first layers of WEIGHTS", first)):
                print(f"seed {seed}, {name}: {trained(cfg, start, pictures, iterations, seed)}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:4], *map(int, sys.argv[4:]))
