"""How good a detector is, and why definitions differ. usage: evaluate.py DATA CFG WEIGHTS — or none for the demo's."""

import sys
from pathlib import Path

import cv2

import pydn
from pydn import demo


def draw_pictures(count: int) -> list[str]:
    """Draw pictures, and write what is in them into label files beside them."""
    paths = [f"shapes{seed}.png" for seed in range(count)]
    for seed, path in enumerate(paths):
        image, shapes = demo.picture(seed)
        cv2.imwrite(path, image)
        lines = []
        for shape in shapes:
            (left, top, right, bottom), number = shape.xyxy, demo.NAMES.index(shape.name)
            x, y = (left + right) / 2 / demo.WIDTH, (top + bottom) / 2 / demo.HEIGHT
            lines.append(f"{number} {x} {y} {(right - left) / demo.WIDTH} {(bottom - top) / demo.HEIGHT}\n")
        Path(path).with_suffix(".txt").write_text("".join(lines), encoding="ascii")
    return paths


def main(arguments: list[str]) -> None:
    if arguments:
        data, cfg, weights = arguments
        net = pydn.load(cfg, weights, data=data, batch=4)
    else:
        net, data = demo.network(), draw_pictures(8)
    result = net.map(data)
    print(result, *result.worst(2), sep="\n")
    print("between {:.3f} and {:.3f}".format(*result.interval(samples=200)))
    print(result.explain_difference(net.map(data, metric="coco")))


if __name__ == "__main__":
    main(sys.argv[1:])
