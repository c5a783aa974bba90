"""A script for OpenCV 4, only the import is new. usage: opencv_script.py CFG WEIGHTS IMAGE — or none for the demo's."""

import sys

import cv2
import numpy as np

import pydn.cv2dnn as dnn  # was: from cv2 import dnn
from pydn import demo


def main(arguments: list[str]) -> None:
    if arguments:
        cfg, weights, file = arguments
        net, image, size = dnn.readNetFromDarknet(cfg, weights), cv2.imread(file), (416, 416)
    else:
        net, (image, _) = dnn.readNetFromDarknet(demo.cfg(), demo.weights()), demo.picture(seed=1)
        size = (demo.WIDTH // 2, demo.HEIGHT // 2)
    net.setPreferableBackend(dnn.DNN_BACKEND_OPENCV)
    net.setPreferableTarget(dnn.DNN_TARGET_CPU)
    net.setInput(dnn.blobFromImage(image, 1 / 255, size, swapRB=True, crop=False))
    boxes, confidences, classes = [], [], []
    height, width = image.shape[:2]
    for output in net.forward(net.getUnconnectedOutLayersNames()):
        for row in output:
            best = int(np.argmax(row[5:]))
            if row[5 + best] > 0.5:
                x, y, w, h = row[:4] * (width, height, width, height)
                boxes.append([int(x - w / 2), int(y - h / 2), int(w), int(h)])
                confidences.append(float(row[5 + best]))
                classes.append(best)
    for i in np.array(dnn.NMSBoxes(boxes, confidences, 0.5, 0.4)).flatten():
        print(f"class {classes[i]}: {confidences[i]:.2f} {boxes[i]}")


if __name__ == "__main__":
    main(sys.argv[1:])
