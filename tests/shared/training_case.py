"""The recorded training runs: what the reference was given, and a network of ours that goes through the same steps."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pydn._core.training import TrainingNetwork

Array = NDArray[np.float32]
HEADER = 20  # bytes of a weights file before the first parameter
SLOTS = {"weight_updates": "weights", "bias_updates": "biases", "scale_updates": "scales"}


class TrainingCase:
    """One folder of goldens/training."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.meta = json.loads((folder / "meta.json").read_text())
        self.dialect = "pjreddie" if self.meta["reference"].startswith("pjreddie") else "alexeyab"
        losses = json.loads((folder / "expected_losses.json").read_text())
        self.iterations: list[dict[str, float]] = losses["iterations"]
        self.subdivisions: int = losses["subdivisions"]
        # Rows, those of all time steps.
        self.mini_batch: int = losses["mini_batch"]
        self.images: int = self.mini_batch * self.subdivisions
        self.first: dict[str, Array] = dict(np.load(folder / "first_minibatch.npz"))

    def option(self, key: str, default: float) -> float:
        """A number of [net]."""
        for line in (self.folder / "net.cfg").read_text().splitlines()[1:]:
            name, _, value = line.partition("=")
            if line.startswith("["):
                break
            if name.strip() == key:
                return float(value)
        return default

    def network(self, device: str, isa: str | None) -> TrainingNetwork:
        """A network that trains as the reference's CPU code does, with the recorded start weights."""
        cfg = (self.folder / "net.cfg").read_bytes().replace(b"[net]", b"[net]\nreference_cpu=1", 1)
        return TrainingNetwork(
            cfg,
            (self.folder / "init.weights").read_bytes(),
            files={file.name: file.read_bytes() for file in self.folder.glob("*.tree")},
            batch=0,
            training=True,
            device=device,
            isa=isa,
            outputs="all",
            dialect=self.dialect,
        )

    @cached_property
    def x(self) -> Array:
        """What the network sees in an iteration, one row an image."""
        if self.meta["images"] == "data.npz":
            return np.asarray(np.load(self.folder / "data.npz")["x"], np.float32)
        folder = self.folder.parent / Path(self.meta["images"]).name
        images = [cv2.imread(str(folder / f"image_{k:02d}.png")) for k in range(self.images)]
        pixels = np.stack([np.asarray(image)[:, :, ::-1] for image in images])
        return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2).astype(np.float32) / 255)

    def truth(self, values: int) -> Array:
        """What the losses compare with: recorded, or the rows that darknet makes of boxes."""
        if (self.folder / "truth.npz").exists():
            return np.asarray(np.load(self.folder / "truth.npz")["truth"], np.float32)
        size = 5 if self.dialect == "pjreddie" else 6  # x, y, w, h, class; alexeyab: and the number of the track
        rows = np.zeros((self.images, values), np.float32)
        labels: list[list[list[float]]] = json.loads((self.folder / "labels.json").read_text())["boxes"]
        for row, boxes in zip(rows, labels, strict=True):
            for k, (kind, *box) in enumerate(boxes):
                row[k * size : k * size + 5] = [*box, kind]
        return rows


class Run:
    """A network on its way through the iterations of a case."""

    def __init__(self, case: TrainingCase, device: str, isa: str | None) -> None:
        self.case = case
        self.net = case.network(device, isa)
        self.truth = case.truth(self.net.truths)
        self.iteration = 0
        self.seen: int = case.meta["start_seen"]

    def mini_batch(self, number: int) -> float:
        """Forward, loss and backward of one mini-batch of the iteration; returns its loss."""
        rows = slice(number * self.case.mini_batch, (number + 1) * self.case.mini_batch)
        self.seen += self.case.mini_batch
        self.net.set_clock(iteration=self.iteration, seen=self.seen, image=rows.start)
        self.net.forward(self.case.x[rows])
        loss = self.net.loss(self.truth[rows])
        self.net.backward(self.net.stop_layer(self.iteration) + 1)
        return loss

    def iterate(self) -> float:
        """All mini-batches of an iteration and its update; returns the loss of an image."""
        expected = self.case.iterations[self.iteration]
        loss = sum(self.mini_batch(k) for k in range(self.case.subdivisions)) / self.case.images
        self.iteration += 1
        self.net.update(
            learning_rate=expected["learning_rate"],
            images=self.case.images,
            momentum=self.case.option("momentum", 0.9),
            decay=self.case.option("decay", 0.0001),
            iteration=self.iteration,
        )
        return loss

    @property
    def parameters(self) -> Array:
        """Those in a weights file, in its order."""
        return parameters_of(self.net.weights.tobytes())

    def found(self, name: str) -> Array | None:
        """What `name` of first_minibatch.npz is here, after one `mini_batch`; None where there is none."""
        _, number, what = name.split("_", 2)
        layer = int(number)
        if what in SLOTS:
            return self.net.gradient(layer, SLOTS[what])
        if what == "delta":
            return self.net.delta(layer)
        if what == "output":
            return np.asarray(self.net.layers[layer].output)
        figures = self.net.figures(layer)
        return None if figures is None else np.array([figures.cost], np.float32)


def parameters_of(file: bytes) -> Array:
    """The numbers of a weights file."""
    return np.frombuffer(file[HEADER:], np.float32)
