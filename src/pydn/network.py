"""`Network`: what a user does with a network, on top of the engine's."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._core.network import Network as EngineNetwork
from ._core.training import TrainingNetwork
from ._core.weights import Weights
from .batches import Errors, Fit, Ready, Run, groups, make_ready, run_groups, several
from .cfgtext import with_classes
from .classification import Classification
from .detections import Detections
from .errors import UnsupportedError
from .image import ImageLike
from .names import fill_names, fit_names
from .preprocess import check_channels, classifier_input, detector_input
from .summary import elements, table
from .tools.slots import copy_fitting
from .training import Schedule, Session, Step
from .tree import absolute

if TYPE_CHECKING:
    from .profile import Profile
    from .video import ClassifiedFrame, Video, VideoFrame

if TYPE_CHECKING:
    from .evaluation.class_labels import By
    from .evaluation.crops import Form
    from .evaluation.listing import DataSource
    from .evaluation.map_result import MapResult
    from .evaluation.recall import RecallResult
    from .evaluation.rules import Metric, Rules
    from .evaluation.top_k import TopKResult
    from .evaluation.truth import TruthSet
    from .training.measuring import Measure
    from .training.result import TrainResult
    from .training.trainer import Callback, Trainer

_Result = TypeVar("_Result", Detections, Classification)
_RECURRENT = frozenset({"rnn", "gru", "lstm", "crnn", "conv_lstm", "history"})


class Network(EngineNetwork):
    """A network with its weights, ready to run. `pydn.load` makes it.

    Calls on one network from several threads wait for each other; networks are independent.
    """

    _names: list[str] | None = None
    _session: Session | None = None

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
    def named(self) -> bool:
        """Whether the classes were given names."""
        return self._names is not None

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
            A path, an H×W×3 BGR or H×W uint8 or uint16 array, a Pillow image, or the bytes of a file. 65535 among
            16 bits is what 255 is among 8.
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
        fit, run = self._detector(thresh, nms, letterbox, hier)
        return run([make_ready(image, fit, rgb=rgb)])[0]

    def detect_batch(
        self,
        images: Iterable[ImageLike] | str | os.PathLike[str],
        thresh: float | None = None,
        nms: float | None = 0.45,
        letterbox: bool | None = None,
        hier: float = 0.5,
        *,
        rgb: bool = False,
        errors: Errors = "raise",
        networks: int = 1,
    ) -> list[Detections] | Iterator[Detections]:
        """`detect` for many images of any sizes, as many in one forward as the network's batch.

        Threads decode and resize the next images while the network computes.

        Parameters
        ----------
        images
            A list or an iterator of images, a folder, a pattern such as ``"frames/*.jpg"``, or a ``.txt`` with a path
            a line. An iterator may use the memory of an array again once it is asked for the next.
        thresh, nms, letterbox, hier, rgb
            As for `detect`.
        errors
            ``"raise"``: an image that cannot be read raises, as in `detect`, after the results before it.
            ``"report"``: it is logged by name, its result is empty and has the ``error``, and the rest goes on.
        networks
            More than one: so many copies of the network over the same weights compute at a time, each on one thread.
            It finishes more images a second than one forward on all threads, above all of small networks.

        Returns
        -------
        list of Detections, or an iterator of them
            In order, each with the ``path`` of its image; an iterator where `images` is one, which is asked for at
            most one group more than is computed.

        Examples
        --------
        >>> for found in net.detect_batch("frames/*.jpg", errors="report"):  # doctest: +SKIP
        ...     print(found.path, found.error or found)
        """

        def make(net: Network) -> tuple[Fit, Run[Detections]]:
            return net._detector(thresh, nms, letterbox, hier)

        return self._batches(images, make, _unread_detections, rgb=rgb, errors=errors, networks=networks)

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
        fit, run = self._classifier(top)
        return run([make_ready(image, fit, rgb=rgb)])[0]

    def predict_batch(
        self,
        images: Iterable[ImageLike] | str | os.PathLike[str],
        top: int = 5,
        *,
        rgb: bool = False,
        errors: Errors = "raise",
        networks: int = 1,
    ) -> list[Classification] | Iterator[Classification]:
        """`predict` for many images, in the way of `detect_batch`."""

        def make(net: Network) -> tuple[Fit, Run[Classification]]:
            return net._classifier(top)

        return self._batches(images, make, _unread_classes, rgb=rgb, errors=errors, networks=networks)

    def detect_video(
        self,
        source: str | os.PathLike[str] | int | Video,
        thresh: float | None = None,
        nms: float | None = 0.45,
        letterbox: bool | None = None,
        hier: float = 0.5,
        *,
        average: int = 1,
        skip: int = 0,
    ) -> Generator[VideoFrame]:
        """Find the objects in every frame of a video.

        A thread decodes and resizes the next frames while the network computes. Of a camera or a stream that sends
        faster than that the newest frame is taken.

        Parameters
        ----------
        source
            The path of a video file, a URL (``rtsp://…``), the number of a camera, or a `pydn.video.Video`.
        thresh, nms, letterbox, hier
            As for `detect`.
        average
            Search the mean of the network's outputs for the last so many frames.
        skip
            After each frame pass over as many.

        Yields
        ------
        VideoFrame
            With ``image``, ``detections``, ``index`` in the source from 0, ``seconds`` from its start.

        Raises
        ------
        OSError, DataError
            If there is no such file or camera, or it cannot be read.
        UnsupportedError
            If the network has no detection head.

        Examples
        --------
        >>> for frame in net.detect_video("golf.mp4"):  # doctest: +SKIP
        ...     print(f"{frame.seconds:.2f}", frame.detections)
        """
        from .video.stream import detect_video

        return detect_video(self, source, thresh, nms, letterbox, hier, average=average, skip=skip)

    def predict_video(
        self, source: str | os.PathLike[str] | int | Video, top: int = 5, *, skip: int = 0
    ) -> Generator[ClassifiedFrame]:
        """Classify every frame of a video, in the way of `detect_video`; frames have a ``classification``."""
        from .video.stream import predict_video

        return predict_video(self, source, top, skip=skip)

    def valid(
        self,
        data: DataSource,
        top: int | None = None,
        *,
        form: Form = "single",
        labels: Sequence[str] | str | os.PathLike[str] | None = None,
        by: By | None = None,
        strict: bool = False,
    ) -> TopKResult:
        """Find out how often a classifier is right: see `evaluation.classification.valid`."""
        from .evaluation.classification import valid

        return valid(self, data, top, form=form, labels=labels, by=by, strict=strict)

    def map(
        self,
        data: DataSource | TruthSet,
        iou: float = 0.5,
        thresh: float = 0.25,
        points: int = 0,
        *,
        metric: Metric | Rules = "darknet",
        letterbox: bool | None = None,
        strict: bool = False,
    ) -> MapResult:
        """Measure a detector's mean average precision, and everything that the same detections tell.

        Ctrl-C ends it with the figures of the pictures so far; they are not ``complete``.

        Parameters
        ----------
        data
            A .data file (its ``valid=`` and ``difficult=``), a list file, a folder, a pattern, or paths of pictures.
        iou
            How much a detection must overlap its object.
        thresh
            Counts are of the detections with a score above it.
        points
            Average precision is the mean over so many recalls, 11 or 101; 0: the area under the curve.
        metric
            ``"darknet"``: what `detector map` prints. ``"voc07"``, ``"voc12"``, ``"coco"``: what the tools of these
            sets make of the files that `detector valid` writes. Own `evaluation.rules.Rules` hold in place of `iou`
            and `points`.
        letterbox
            Keep the pictures' aspect; None: what the cfg says, else only in dialect pjreddie.
        strict
            Raise the first problem of a label file or picture, in place of listing all of them in the result.

        Returns
        -------
        MapResult

        Raises
        ------
        FileNotFoundError, DataError
            If there is no such list, or, with `strict`, something is wrong with a picture or its labels.
        UnsupportedError
            If the network is a classifier.

        Examples
        --------
        >>> result = net.map("obj.data")  # doctest: +SKIP
        >>> print(result.map, result.ap, result.worst(3))  # doctest: +SKIP
        >>> print(result.explain_difference(net.map("obj.data", metric="coco")))  # doctest: +SKIP
        """
        from .evaluation.detectors import map_of

        return map_of(
            self, data, iou=iou, thresh=thresh, points=points, metric=metric, letterbox=letterbox, strict=strict
        )

    def recall(self, data: DataSource | TruthSet, *, letterbox: bool = False, strict: bool = False) -> RecallResult:
        """Find out how many objects any box overlaps, whatever its class: what `detector recall` prints.

        Parameters
        ----------
        data, strict
            As for `map`.
        letterbox
            Keep the pictures' aspect; the reference never does here.
        """
        from .evaluation.detectors import recall_of

        return recall_of(self, data, letterbox=letterbox, strict=strict)

    def session(
        self,
        *,
        batch: int | None = None,
        subdivisions: int | None = None,
        seed: int = 0,
        schedule: Schedule | None = None,
        width: int = 0,
        height: int = 0,
        outputs: Literal["heads", "all"] = "heads",
        input_delta: bool = False,
    ) -> Session:
        """Begin to train: what runs iterations on tensors of yours, one by one.

        Parameters
        ----------
        batch, subdivisions
            Images an update, and into how many mini-batches they are cut; None: the cfg's.
        seed
            Of everything random.
        schedule
            None: what the cfg says.
        width, height
            Of the images; 0: the network's.
        outputs
            ``"all"`` keeps every layer's output and delta readable.
        input_delta
            Backward reaches the pictures: ``session.network.input_delta``.
        """
        self._session = Session(
            self,
            batch=batch,
            subdivisions=subdivisions,
            seed=seed,
            schedule=schedule,
            width=width,
            height=height,
            outputs=outputs,
            input_delta=input_delta,
        )
        return self._session

    @property
    def trainer(self) -> TrainingNetwork | None:
        """The network in training form that `train_step` works with; None before its first call."""
        return None if self._session is None else self._session.network

    def train_step(self, x: ArrayLike, truth: Sequence[ArrayLike] | ArrayLike) -> Step:
        """Do one training iteration: forward and backward over the cfg's subdivisions, then the update.

        Parameters
        ----------
        x
            (batch, channels, height, width) float32, batch of the cfg.
        truth
            A list of (n, 5) arrays, one an image: class, centre x, centre y, width, height, in units of the image; the
            classes, (batch,) whole numbers; or the rows that the losses read, (batch, truths) float32.

        Returns
        -------
        Step

        Raises
        ------
        TrainingError
            If the loss is not a number; the weights are those of before.
        UnsupportedError
            If a layer cannot be trained.
        """
        return (self._session or self.session()).step(x, truth)

    def training(
        self,
        data: DataSource,
        *,
        iterations: int | None = None,
        batch: int | None = None,
        subdivisions: int | Literal["auto"] | None = None,
        schedule: Schedule | None = None,
        seed: int = 0,
        workers: int | None = None,
        backup: str | os.PathLike[str] | None = None,
        base: str | None = None,
        resume: bool = False,
        clear: bool = False,
        freeze: Sequence[int | str] = (),
        measure: Measure | None = None,
        measure_every: int | None = None,
        measure_epochs: int | None = None,
        patience: int | None = None,
        labels: Sequence[str] | str | os.PathLike[str] | None = None,
        strict: bool = True,
        chart: str | os.PathLike[str] | None = None,
        history: str | os.PathLike[str] | None = None,
        live: int | None = None,
        callbacks: Iterable[Callback] = (),
        classes: int | Literal["data"] | None = None,
        memory_limit: int | None = None,
        save_every: int | None = None,
        save_last: int | None = None,
        minloss: bool | None = None,
        say: Callable[[str], object] | None = None,
    ) -> Trainer:
        """Train step by step: iterate over what this returns.

        Parameters
        ----------
        data
            A .data file (its ``train=``, ``valid=`` and ``backup=``), a list file, a folder, a pattern, or paths.
        iterations
            Where to end, counted from the first iteration of the weights; None: ``max_batches=`` of the cfg.
        batch, subdivisions
            Images an update, and into how many mini-batches they are cut; None: the cfg's. ``"auto"``: the cfg's, or
            if these need more memory than there is, as many more as fit, which is said in the log. Sums over the batch
            stay the same; batch norm sees fewer images at a time.
        schedule
            Of the learning rate; None: the cfg's.
        seed
            Of everything random: the same seed gives the same weights, whatever the number of workers.
        workers
            Threads that prepare pictures; None: up to 4.
        backup
            Folder for weights and state; None: ``backup=`` of a .data file, else nothing is written.
        base
            First part of the files' names; None: the cfg's name.
        resume
            Go on from the state in `backup`, bit for bit.
        clear
            Begin at iteration 0, whatever the weights have seen.
        freeze
            Layers whose parameters stay as they are: indexes, kinds such as ``"batchnorm"``, ranges such as ``"0:75"``,
            or ``"backbone"``, all but the layers that make boxes or classes.
        measure
            On the ``valid=`` pictures while training; the best weights are kept. Of a detector ``"map"``, ``"f1"``,
            ``"iou"``, ``"precision"`` or ``"recall"``; of a classifier ``"topk"``, its top-1; of both ``"loss"``,
            without augmentation and updates, of which the least is the best. Or a function of the network, such as
            ``lambda net: net.map(data, metric="coco").map``.
        measure_every, measure_epochs
            How often, in iterations or in epochs; None: every 4 epochs, at least 100 iterations, not before the end of
            ``burn_in=``.
        patience
            End after so many measurements without a better one.
        labels
            Of a classifier, as for `valid`.
        strict
            Refuse a data set in which something is wrong.
        chart
            Picture of the losses, linear and logarithmic, drawn anew every 100 iterations.
        history
            File that gets a line after every iteration: ``.csv``, else JSONL. `pydn.training.read_history` reads it.
        live
            Port of a page that shows the training to browsers on this machine; 0: any, which is logged.
        callbacks
            Called with the trainer and the `Step` after every iteration; one that returns False ends the training.
        classes
            Train a new network with heads for so many classes and all layers that fit (`with_classes`), which is then
            ``trainer.net`` and ``result.network``; ``"data"``: as many as the .data file says. Its names are the
            file's.
        memory_limit
            Bytes that the training may take; None: what is available.
        save_every, save_last
            Iterations between numbered weights, and between those called ``_last``; 0: never. None: ``saveweights=``
            and ``savelast=`` of a .data file, else as darknet.
        minloss
            Write the weights with the least average loss after ``burn_in=`` as ``.minloss``, under each of the names of
            `docs/training.md`; None: where the cfg has ternary layers.
        say
            Is told of every file that is written; None: the log "pydn" is, at level INFO.

        Returns
        -------
        Trainer
            Gives a `Step` for every iteration; ``result`` is what was done so far.

        Raises
        ------
        DataError
            If something is wrong in the data.
        TrainingError
            If a loss or a gradient is not a number, with the iteration, the first layer that is to blame and pictures.
        OutOfMemoryError
            Before it starts, if it needs more memory than there is, with the `subdivisions` that would fit.
        """
        from .training.task import trainer_of

        return trainer_of(
            self,
            data,
            iterations=iterations,
            batch=batch,
            subdivisions=subdivisions,
            schedule=schedule,
            seed=seed,
            workers=workers,
            backup=backup,
            base=base,
            resume=resume,
            clear=clear,
            freeze=freeze,
            measure=measure,
            measure_every=measure_every,
            measure_epochs=measure_epochs,
            patience=patience,
            labels=labels,
            strict=strict,
            chart=chart,
            history=history,
            live=live,
            callbacks=callbacks,
            classes=classes,
            memory_limit=memory_limit,
            save_every=save_every,
            save_last=save_last,
            minloss=minloss,
            say=say,
        )

    def train(self, data: DataSource, **options: Any) -> TrainResult:
        """Train, with progress on a terminal. Takes what `training` takes; Ctrl-C ends it tidily.

        Returns
        -------
        TrainResult
        """
        from .progress import Progress

        trainer = self.training(data, **options)
        with Progress(trainer.end or None, "training", done=trainer.session.iteration) as bar:
            for step in trainer:
                bar.advance(1, note=f"average loss {step.average_loss:.4g}")
        return trainer.result

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

    def with_classes(self, classes: int, names: Iterable[str] | None = None) -> Network:
        """Return a new network with heads for another number of classes, which no images have trained yet.

        Parameters
        ----------
        classes
            How many.
        names
            Of them.

        Returns
        -------
        Network
            On the same device. All layers of the same shape have the same parameters, in memory of their own; those
            that make boxes or classes have start values.
        """
        text = with_classes(self.plan.text, classes, file=self.plan.file)
        net = self._alike(text, outputs=self.outputs, time_steps=self.time_steps)
        copy_fitting(self.weights, net.weights)
        if names is not None:
            net.names = list(names)
        return net

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a .weights file, whole or not at all."""
        self.weights.save(path)

    def profile(self, count: int = 10, *, peak: float | None = None) -> Profile:
        """Find out where the time of a forward goes.

        Runs forwards of what is in `input`, of `batch` images, and takes each step's median time. Engine steps often
        compute several layers together (a convolution, its batch norm, activation and the [shortcut] behind it): the
        time is then the first one's.

        Parameters
        ----------
        count
            Number of forwards, after one that is not counted.
        peak
            Operations a second that the processor can do; None: measured, on the threads of `set_num_threads`. Of a
            CUDA device it is not measured: without it the table has no share of the limit.

        Returns
        -------
        Profile
            A table (`print` it) of algorithm, time, GFLOP/s and share of the limit, layer by layer, with ``plot()``.

        Raises
        ------
        UnsupportedError
            If the device does not time its steps: ``"ref"``.

        Examples
        --------
        >>> profile = net.profile()  # doctest: +SKIP
        >>> print(profile)  # doctest: +SKIP
        >>> profile.plot("profile.png")  # doctest: +SKIP
        """
        from .profile import profile

        return profile(self, count, peak)

    def export(self, path: str | os.PathLike[str], format: str | None = None) -> None:
        """Write the network in another program's format, with batch norm folded in; whole or not at all.

        ONNX (``.onnx``, opset 13, float32): the input ``images`` is (n, channels, height, width), RGB 0..1, any n.
        The outputs are those of `forward`, in order, named by kind and index of the layer: ``yolo_30``, ``softmax_24``.
        They are what `forward` gives, but that of a detection head (yolo, Gaussian_yolo, region, detection) is what
        enters the head: no logistic function, exponential, softmax or anchor has been applied. The model's metadata
        has ``heads``, JSON with what decoding needs (``anchors``, ``mask``, ``classes``, …), and ``names``.

        Parameters
        ----------
        path
            Where to.
        format
            ``"onnx"``; None: what the suffix says.

        Raises
        ------
        ImportError
            Without the package onnx: ``pip install 'pydn[export]'``.
        UnsupportedError
            If the format has no form of a layer (recurrent and local ones, xnor, antialiasing, …).
        """
        from .export import export

        export(self, path, format)

    def close(self) -> None:
        """Give the memory back, also that of the training network."""
        if self._session is not None:
            self._session.close()
        super().close()

    def summary(self) -> str:
        """Make the table of layers with BFLOPs that darknet prints."""
        return table(self.layers, self.time_steps)

    def __repr__(self) -> str:
        count = len(self.layers)
        classes = f", {self.classes} classes" if self.classes else ""
        return (
            f"Network({self.width}x{self.height}x{self.channels}, {count} layer{'s' * (count != 1)}{classes}, "
            f"device={self.device!r})"
        )

    def _detector(
        self,
        thresh: float | None,
        nms: float | None,
        letterbox: bool | None,
        hier: float,
        smooth: Callable[[Sequence[NDArray[np.float32]]], None] | None = None,
    ) -> tuple[Fit, Callable[[Sequence[Ready]], list[Detections]]]:
        """Return what brings an image to the input, and what finds the objects in several.

        `smooth` may change the heads' outputs before objects are found in them.
        """
        pjreddie = self.dialect == "pjreddie"
        least = (0.5 if pjreddie else 0.25) if thresh is None else thresh
        for name, number in (("thresh", least), ("nms", nms or 0.0), ("hier", hier)):
            if not 0 <= number <= 1:
                raise ValueError(f"{name} must be 0 to 1, not {number}")
        boxed = self._letterboxes if letterbox is None else letterbox
        check_channels(self.channels)

        def run(images: Sequence[Ready]) -> list[Detections]:
            names, sizes = self.names, [image.size for image in images]
            how: dict[str, Any] = {
                "thresh": least, "hier": hier, "letterbox": boxed, "relative": True, "nms": nms or None
            }  # fmt: skip
            if smooth is None:
                decoded = self.forward_decode(_stack(images), sizes, **how)
            else:
                smooth(self.forward(_stack(images)))  # in place: these arrays are what decode reads
                decoded = [self.decode(number, image_size=size, **how) for number, size in enumerate(sizes)]
            return [
                Detections.from_boxes(
                    boxes, objectness, probabilities, names=names, thresh=least, image_size=image.size, path=image.path
                )
                for (boxes, objectness, probabilities, _), image in zip(decoded, images, strict=True)
            ]

        fit = partial(
            detector_input, width=self.width, height=self.height, channels=self.channels, letterbox=bool(boxed)
        )
        return fit, run

    def _classifier(self, top: int) -> tuple[Fit, Callable[[Sequence[Ready]], list[Classification]]]:
        if self.classes:
            raise UnsupportedError(f"the network ends in [{self.layers[-1].kind}], it is a detector: use detect()")
        if top < 1:
            raise ValueError(f"top must be 1 or more, not {top}")
        check_channels(self.channels)

        def run(images: Sequence[Ready]) -> list[Classification]:
            names, scores = self.names, self._absolute(self.forward(_stack(images))[-1])
            rows = zip(scores.reshape(len(images), -1), images, strict=True)
            return [Classification(row, names, top, path=image.path) for row, image in rows]

        fit = partial(
            classifier_input, width=self.width, height=self.height, channels=self.channels, dialect=self.dialect
        )
        return fit, run

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

    def _batches(
        self,
        images: Iterable[ImageLike] | str | os.PathLike[str],
        make: Callable[[Network], tuple[Fit, Run[_Result]]],
        unread: Callable[[Ready], _Result],
        *,
        rgb: bool,
        errors: Errors,
        networks: int,
    ) -> list[_Result] | Iterator[_Result]:
        if errors not in ("raise", "report"):
            raise ValueError(f"errors must be 'raise' or 'report', not {errors!r}")
        if networks < 1:
            raise ValueError(f"networks must be 1 or more, not {networks}")
        images = several(images)
        fit, run = make(self)

        def results() -> Iterator[_Result]:
            copies = [] if networks == 1 else [self._copy() for _ in range(networks)]
            runs = [make(copy)[1] for copy in copies] or [run]
            taken = groups(images, self.batch * self.steps, fit, rgb=rgb, errors=errors)
            for group, found in run_groups(taken, runs):
                yield from (next(found) if image.error is None else unread(image) for image in group)

        return results() if isinstance(images, Iterator) else list(results())

    def _copy(self) -> Network:
        """Return another network over these weights, whose calls run on the thread that makes them."""
        if any(layer.kind in _RECURRENT for layer in self.layers):
            raise UnsupportedError("a recurrent network takes its images one after the other: use networks=1")
        copy = self._alike(self.plan.text, self.weights, alone=True)
        copy._names = self._names
        return copy

    def _alike(self, text: bytes, weights: Weights | None = None, **options: Any) -> Network:
        """Return a network of another text or on other weights, in all else as this one."""
        return Network(
            text,
            weights,
            device=self.device,
            precision=self.precision,
            batch=self.batch,
            dialect=self.dialect,
            prepare=self.prepare,
            files=self.plan.files,
            isa=self.isa,
            width=self.width,
            height=self.height,
            cfg_file=self.plan.file,
            **options,
        )


def _stack(images: Sequence[Ready]) -> NDArray[np.float32]:
    return images[0].x[None] if len(images) == 1 else np.stack([image.x for image in images])


def _unread_detections(image: Ready) -> Detections:
    return Detections.empty(path=image.path, error=image.error)


def _unread_classes(image: Ready) -> Classification:
    return Classification((), path=image.path, error=image.error)
