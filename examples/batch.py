"""Detect objects in many pictures. usage: batch.py CFG WEIGHTS NAMES FOLDER OUT — or none for the demo's."""

import sys
from pathlib import Path

import cv2

import pydn
from pydn import demo


def draw_pictures(folder: str) -> None:
    """Draw pictures into a folder, and put a file among them that is none."""
    Path(folder).mkdir(exist_ok=True)
    for seed in range(5):
        cv2.imwrite(f"{folder}/shapes{seed}.png", demo.picture(seed)[0])
    Path(folder, "broken.png").write_bytes(b"no picture")


def main(arguments: list[str]) -> None:
    if arguments:
        cfg, weights, names, folder, out = arguments
        net = pydn.load(cfg, weights, names=names, batch=4)  # as many pictures in one forward
    else:
        net, folder, out = pydn.load(demo.cfg(), demo.weights(), names=demo.NAMES, batch=4), "pictures", "found"
        draw_pictures(folder)
    Path(out).mkdir(exist_ok=True)
    for found in net.detect_batch(folder, errors="report"):  # an unreadable picture is reported, the rest goes on
        if found.error is not None:
            print(f"{found.path}: not read")
            continue
        print(f"{found.path}: {', '.join(found.label)}")
        found.save(Path(out, Path(found.path).name))
        found.save(Path(out, Path(found.path).stem + ".json"))


if __name__ == "__main__":
    main(sys.argv[1:])
