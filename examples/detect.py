"""Detect objects in a picture and draw them. usage: detect.py CFG WEIGHTS NAMES IMAGE OUT — or none for the demo's."""

import sys

import cv2

import pydn
from pydn import demo


def main(arguments: list[str]) -> None:
    if arguments:
        cfg, weights, names, file, out = arguments
        net, image = pydn.load(cfg, weights, names=names), cv2.imread(file)
    else:
        net, (image, _), out = demo.network(), demo.picture(seed=1), "detections.png"
    found = net.detect(image, thresh=0.25)
    for detection in found:
        print(f"{detection.label:10s} {detection.confidence:.2f} {[round(float(v)) for v in detection.xyxy]}")
    cv2.imwrite(out, found.draw(image))
    print(f"{len(found)} objects drawn in {out}")


if __name__ == "__main__":
    main(sys.argv[1:])
