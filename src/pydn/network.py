"""`Network`: what a user does with a network, on top of the engine's."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from ._core.network import Network as EngineNetwork
from ._core.weights import Weights
from .classification import Classification
from .detections import Detections
from .errors import UnsupportedError
from .image import ImageLike, Pixels, read_image
from .names import fill_names, fit_names
from .preprocess import classifier_input, detector_input
from .summary import elements, table
from .tree import absolute


class Network(EngineNetwork):
    """A network with its weights, ready to run. `pydn.load` makes it.

    Calls on one network from several threads wait for each other; networks are independent.
    """

    _names: list[str] | None = None

    @property
    def names(self) -> list[str]:
        """Names of the classes, at least as many as there are classes."""
        return fill_names(self._names, self.class_count)

    @names.setter
    def names(self, names: Iterable[str] | None) -> None:
        self._names = (
            None
            if names is None
            else fit_names(
                names,
                self.class_count,
                exact=self.classes > 0,  # classifiers come with lists of many more names than classes
            )
        )

    @property
    def class_count(self) -> int:
        """Classes of the detection heads; of a classifier, the number of its outputs."""
        return self.classes or (elements(self.layers[-1].output_shape) if len(self.layers) else 0)

    @property
    def class_parents(self) -> NDArray[np.int64] | None:
        """The tree of classes: the parent of each class, -1 where it has none. None where the last head has no tree."""
        facts = self.layers[self.head_layers[-1]].facts
        return np.array(facts["tree_parents"], dtype=np.int64) if "tree_parents" in facts else None

    @property
    def iteration(self) -> int:
        """Training iterations that the weights have seen: images over images per iteration.

        As in the reference, whose counter has 32 bits: what exceeds them is cut off.
        """
        return (self.seen // max(1, self.cfg_batch * self.time_steps)) & 0xFFFFFFFF

    def detect(
        self,
        image: ImageLike,
        thresh: float | None = None,
        nms: float | None = 0.45,
        letterbox: bool | None = None,
        hier: float = 0.5,
        *,
        rgb: bool = False,
    ) -> Detections:
        """Find the objects in an image.

        Parameters
        ----------
        image
            A path, an H×W×3 BGR or H×W uint8 array, a Pillow image, or the bytes of a file.
        thresh
            Lowest confidence, 0..1; None: 0.25, in dialect pjreddie 0.5.
        nms
            Of two boxes of a class whose overlap is larger, only the better one stays. 0 or None keeps all.
        letterbox
            Keep the image's aspect; None: what the cfg says, else only in dialect pjreddie.
        hier
            In networks with a tree of classes, how sure a node must be to be named.
        rgb
            The array is in RGB order.

        Returns
        -------
        Detections
            In pixels of `image`.

        Raises
        ------
        FileNotFoundError, DataError
            If the image cannot be read.
        UnsupportedError
            If the network has no detection head.

        Examples
        --------
        >>> for d in net.detect("dog.jpg", thresh=0.25):  # doctest: +SKIP
        ...     print(d.label, d.confidence, d.xyxy)
        """
        return self._detect([read_image(image, rgb=rgb)], thresh, nms, letterbox, hier)[0]

    def detect_batch(
        self,
        images: Iterable[ImageLike],
        thresh: float | None = None,
        nms: float | None = 0.45,
        letterbox: bool | None = None,
        hier: float = 0.5,
        *,
        rgb: bool = False,
    ) -> list[Detections] | Iterator[Detections]:
        """`detect` for many images, as many at a time as the network's batch.

        Returns
        -------
        list of Detections, or an iterator of them
            In order; an iterator where `images` is one, which reads on only as results are taken.
        """
        groups = _groups(images, max(1, self.batch))
        results = (
            found
            for group in groups
            for found in self._detect([read_image(image, rgb=rgb) for image in group], thresh, nms, letterbox, hier)
        )
        return results if isinstance(images, Iterator) else list(results)

    def predict(self, image: ImageLike, top: int = 5, *, rgb: bool = False) -> Classification:
        """Classify an image.

        Parameters
        ----------
        image
            As for `detect`.
        top
            How many classes to list, best first.
        rgb
            The array is in RGB order.

        Returns
        -------
        Classification

        Raises
        ------
        FileNotFoundError, DataError
            If the image cannot be read.
        UnsupportedError
            If the network is a detector.
        """
        return self._predict([read_image(image, rgb=rgb)], top)[0]

    def predict_batch(
        self, images: Iterable[ImageLike], top: int = 5, *, rgb: bool = False
    ) -> list[Classification] | Iterator[Classification]:
        """`predict` for many images, as many at a time as the network's batch; an iterator gives an iterator."""
        groups = _groups(images, max(1, self.batch))
        results = (found for group in groups for found in self._predict([read_image(i, rgb=rgb) for i in group], top))
        return results if isinstance(images, Iterator) else list(results)

    def partial(self, n: int, path: str | os.PathLike[str] | None = None) -> Weights:
        """Parameters of the first `n` layers, with the count of seen images set to 0.

        Parameters
        ----------
        n
            Number of layers, from the first.
        path
            Where to write them as well.
        """
        part = self.weights.partial(n)
        if path is not None:
            part.save(path)
        return part

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a .weights file, whole or not at all."""
        self.weights.save(path)

    def summary(self) -> str:
        """Make the table of layers with BFLOPs that darknet prints."""
        return table(self.layers)

    def __repr__(self) -> str:
        count = len(self.layers)
        classes = f", {self.classes} classes" if self.classes else ""
        return (
            f"Network({self.width}x{self.height}x{self.channels}, {count} layer{'s' * (count != 1)}{classes}, "
            f"device={self.device!r})"
        )

    def _detect(
        self, images: Sequence[Pixels], thresh: float | None, nms: float | None, letterbox: bool | None, hier: float
    ) -> list[Detections]:
        pjreddie = self.dialect == "pjreddie"
        thresh = (0.5 if pjreddie else 0.25) if thresh is None else thresh
        for name, number in (("thresh", thresh), ("nms", nms or 0.0), ("hier", hier)):
            if not 0 <= number <= 1:
                raise ValueError(f"{name} must be 0 to 1, not {number}")
        letterbox = self._letterboxes if letterbox is None else letterbox
        names = self.names
        x = np.stack([detector_input(i, self.width, self.height, self.channels, letterbox=letterbox) for i in images])
        sizes = [(pixels.shape[1], pixels.shape[0]) for pixels in images]
        decoded = self.forward_decode(
            x, sizes, thresh=thresh, hier=hier, letterbox=letterbox, relative=True, nms=nms or None
        )
        return [
            Detections.from_boxes(boxes, objectness, probabilities, names=names, thresh=thresh, image_size=size)
            for (boxes, objectness, probabilities, _), size in zip(decoded, sizes, strict=True)
        ]

    def _predict(self, images: Sequence[Pixels], top: int) -> list[Classification]:
        if self.classes:
            raise UnsupportedError(f"the network ends in [{self.layers[-1].kind}], it is a detector: use detect()")
        x: NDArray[np.float32] = np.stack(
            [classifier_input(i, self.width, self.height, self.channels, dialect=self.dialect) for i in images]
        )
        scores = self._absolute(self.forward(x)[-1])
        names = self.names
        return [Classification(row, names, top) for row in scores.reshape(len(images), -1)]

    @property
    def _letterboxes(self) -> bool:
        """What the cfg says, else the dialect. The programs for YOLOv1 stretch: its boxes are of a stretched image."""
        if self.layers[self.head_layers[-1]].kind == "detection":
            return False
        return self.letter_box or self.dialect == "pjreddie"

    def _absolute(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """With a tree of classes: from probabilities given the parent to those of the classes."""
        parents = self.class_parents
        if parents is None:
            return scores
        return absolute(scores, parents, leaves_only=self.dialect == "pjreddie")


def _groups(images: Iterable[ImageLike], size: int) -> Iterator[list[ImageLike]]:
    rest = iter(_several(images))
    while group := list(islice(rest, size)):
        yield group


def _several(images: Iterable[ImageLike]) -> Iterable[ImageLike]:
    """Refuse one image where several are meant: a path would be read letter by letter, an array row by row."""
    one = isinstance(images, (str, os.PathLike, bytes, bytearray, memoryview))
    if one or (isinstance(images, np.ndarray) and (images.ndim < 3 or (images.ndim == 3 and images.shape[2] == 3))):
        raise TypeError("several images are expected here, as a list or an iterator: put the one image in a list")
    return images
