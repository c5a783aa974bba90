"""`Session`: one network's training, iteration by iteration, on tensors that somebody else provides."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._core.training import Figures, TrainingNetwork
from ..errors import TrainingError, UnsupportedError
from .adversarial import Adversary
from .averaging import MovingAverage
from .last_good import LastGood
from .left_out import left_out
from .rejecting import reject_similar
from .sampling import ImagesOf
from .schedule import Schedule
from .sequences import LengthOf, sequences_of
from .step import Step, add
from .trouble import failed, find_trouble, is_finite
from .truths import box_rows, class_rows, grid_rows

if TYPE_CHECKING:
    from ..network import Network

_log = logging.getLogger("pydn")


def training_precision(net: Network) -> Literal["fp32", "tf32"]:
    """Return what a network is trained in: values and sums are float32; with tf32, factors of products are shorter."""
    return "tf32" if net.precision == "tf32" else "fp32"


class Session:
    """Train the weights of a network.

    A second network in training form, with the cfg's batch and subdivisions, works on the same weights. The network
    itself may be run between iterations.

    Parameters
    ----------
    net
        Whose weights are trained.
    batch, subdivisions
        Images an update, and into how many mini-batches they are cut; None: the cfg's.
    seed
        Of everything random.
    schedule
        None: what the cfg says.
    width, height
        0: those of `net`.
    outputs
        ``"all"`` keeps every layer's output and delta readable.
    input_delta
        Backward reaches the pictures: ``network.input_delta``.

    Attributes
    ----------
    sequences
        With ``track=1``, how many mini-batches sequences go through; else None.
    grown
        From an iteration to the images (sequences) of its mini-batches where they are not always as many.
    mini_batches
        What the losses reported about each mini-batch of the last step, by layer.
    """

    def __init__(
        self,
        net: Network,
        *,
        batch: int | None = None,
        subdivisions: int | None = None,
        seed: int = 0,
        schedule: Schedule | None = None,
        width: int = 0,
        height: int = 0,
        outputs: str = "heads",
        input_delta: bool = False,
    ) -> None:
        self.facts: dict[str, Any] = net.facts(-1)
        self.batch = net.cfg_batch if batch is None else batch
        self.subdivisions = net.plan.subdivisions if subdivisions is None else subdivisions
        if self.batch < 1 or self.subdivisions < 1 or self.batch < self.subdivisions:
            raise ValueError(f"batch {self.batch} cannot be cut into {self.subdivisions} subdivisions")
        self.batch -= self.batch % self.subdivisions
        self.seed = seed
        self.grown: ImagesOf | None = None
        self.schedule = schedule or Schedule.of(self.facts, dialect=net.dialect, seed=seed)
        tracks = net.dialect == "alexeyab" and self.facts["track"]
        self.sequences: LengthOf | None = (
            sequences_of(self.facts, net.plan.options, self.schedule, self.subdivisions) if tracks else None
        )
        self.network = self._network(net, width, height, outputs=outputs, input_delta=input_delta)
        self.iteration = net.iteration
        self.average_loss: float | None = None
        self.mini_batches: list[dict[int, Figures]] = []
        self._good = LastGood(self)
        self._first = 0
        alpha = self.facts["ema_alpha"]
        self.average = MovingAverage(net.weights, alpha) if alpha else None
        self.adversary = Adversary.of(
            lambda: self._network(net, width, height, input_delta=True, frozen=True), self.facts, seed, net.dialect
        )
        for level, message in left_out(net.plan.text, net.dialect):
            _log.log(level, "%s", message)

    def _network(self, net: Network, width: int, height: int, **options: Any) -> TrainingNetwork:
        """Return a network in training form over the same weights."""
        return TrainingNetwork(
            net.plan.text,
            net.weights,
            device=net.device,
            precision=training_precision(net),
            dialect=net.dialect,
            batch=self.batch // self.subdivisions,
            files=net.plan.files,
            isa=net.isa,
            width=width or net.width,
            height=height or net.height,
            training=True,
            cfg_file=net.plan.file,
            **options,
        )

    @property
    def images(self) -> int:
        """Rows of an iteration: images, times the time steps of a recurrent network."""
        return self.batch * self.network.steps

    def images_of(self, iteration: int) -> int:
        """Rows of one iteration."""
        if self.grown is None:
            return self.images
        return self.grown(iteration) * self.subdivisions * self.network.steps

    def rows(self, truth: Sequence[ArrayLike] | ArrayLike) -> NDArray[np.float32]:
        """Bring truths into the rows that the losses read.

        Parameters
        ----------
        truth
            Rows as they are, (images, truths); classes, (images,); or a list of (n, 5) arrays of boxes: class,
            centre x, centre y, width, height, in units of the image.
        """
        values = self.network.truths
        if values == 0:
            return np.zeros((len(truth), 0), np.float32)  # type: ignore[arg-type]
        if (
            isinstance(truth, np.ndarray)
            and truth.ndim == 2
            and truth.shape == (self.images_of(self.iteration), values)
        ):
            return np.ascontiguousarray(truth, np.float32)
        if isinstance(truth, np.ndarray) and truth.ndim == 1 and truth.dtype.kind in "iu":
            return class_rows(truth, values)
        head = self.network.facts(self.network.head_layers[-1])
        boxes: list[ArrayLike] = list(truth)  # type: ignore[arg-type]
        if "side" in head:
            return grid_rows(boxes, int(head["side"]), int(head["classes"]))
        if "truth_size" not in head:
            kind = self.network.layers[-1].kind
            raise UnsupportedError(f"[{kind}] does not learn from boxes; hand in rows, (images, {values}) float32")
        return box_rows(boxes, values, int(head["truth_size"]))

    def step(self, x: ArrayLike, truth: Sequence[ArrayLike] | ArrayLike) -> Step:
        """Do one iteration: forward, loss and backward over the subdivisions, then the update.

        Parameters
        ----------
        x
            (images, channels, height, width) float32.
        truth
            As for `rows`.

        Returns
        -------
        Step

        Raises
        ------
        TrainingError
            If the loss or a gradient is not a number, with the first layer that is to blame. The weights are those of
            before where the data are to blame, else the last ones with which all was finite, an iteration before.
        """
        began = perf_counter()
        count = self.images_of(self.iteration)
        self._fit(np.shape(x), count)
        images, rows = np.ascontiguousarray(x, np.float32), self.rows(truth)
        if len(images) != count or len(rows) != count:
            raise ValueError(f"{len(images)} images and {len(rows)} truths were given; an iteration takes {count}")
        self._good.begin()
        try:
            loss, heads = self._gradients(images, rows)
        except TrainingError as error:
            trouble = find_trouble(self, images, rows, self._first, count // self.subdivisions)
            self._good.go_back(one=trouble.in_data)
            raise failed(error, trouble) from None
        self._good.keep()
        rate, average = self._update(None, count), self._averaged(loss)
        return Step(self.iteration, loss, average, rate, perf_counter() - began, self.network.seen, heads)

    def _gradients(self, images: NDArray[np.float32], rows: NDArray[np.float32]) -> tuple[float, dict[int, Figures]]:
        """Forward, loss and backward of all mini-batches; the mean loss and what the losses report."""
        total, heads, self.mini_batches = 0.0, dict[int, Figures](), []
        size = len(images) // self.subdivisions
        for number, first in enumerate(range(0, len(images), size)):
            part = slice(first, first + size)
            if self.sequences is not None and number % self.sequences(self.iteration) == 0:
                self.network.reset_state()
            self._first = first
            total += self.mini_batch(images[part], rows[part], first)
            self.mini_batches.append(self._figures())
            for layer, figures in self.mini_batches[-1].items():
                heads[layer] = add(heads.get(layer), figures)
        self._first = 0
        self._check_gradients()
        return total / len(images), heads

    def _check_gradients(self) -> None:
        number = self.iteration + 1
        for layer, name in self.network.weights:
            gradient = self.network.gradient(layer, name)
            if gradient is None or self.facts["try_fix_nan"] or is_finite(gradient):
                continue
            raise TrainingError(f"iteration {number}: a gradient is not finite", iteration=number)

    def _figures(self) -> dict[int, Figures]:
        """Return what the losses report about the mini-batch, by layer."""
        found = {layer: self.network.figures(layer) for layer in range(len(self.network.layers))}
        return {layer: figures for layer, figures in found.items() if figures is not None}

    def _fit(self, shape: tuple[int, ...], count: int) -> None:
        """Give the training network the size and number of images: both may change from iteration to iteration."""
        net = self.network
        batch = net.batch if self.grown is None else count // (self.subdivisions * net.steps)
        if len(shape) != 4 or net.height == 0:
            return
        if shape[2:] != (net.height, net.width) or batch != net.batch:
            net.resize(shape[3], shape[2], batch=batch)

    def forward(self, x: NDArray[np.float32], first: int = 0) -> tuple[NDArray[np.float32], ...]:
        """Compute one mini-batch, in training form.

        A layer with ``assisted_excitation=`` reads what ``network.set_truth`` was given before. For a loss of one's
        own: write minus its derivative by the head's output, not divided by the number of images,
        into ``network.delta(layer)``, then call `backward`, and after the last mini-batch `update`.

        Parameters
        ----------
        x
            (rows, channels, height, width) float32, as many rows as a mini-batch has.
        first
            Number of its first image in the iteration.

        Returns
        -------
        tuple of array
            Outputs of the heads, in the order of ``network.head_layers``.
        """
        net = self.network
        # what was seen says which iteration it is: mini-batches that have grown count as the others
        net.seen += min(len(x), self.images // self.subdivisions)
        net.set_clock(seed=self.seed, iteration=self.iteration, seen=net.seen, image=first)
        return net.forward(x)

    def backward(self) -> None:
        """Carry the deltas of the heads back, as far as ``stopbackward=`` lets them; gradients are added up."""
        self.network.backward(self.network.stop_layer(self.iteration) + 1)

    def mini_batch(self, x: NDArray[np.float32], rows: NDArray[np.float32], first: int) -> float:
        """Forward, loss and backward of one mini-batch, whose first image is number `first` of the iteration."""
        if self.adversary is not None:
            x = self.adversary.moved(x, self.iteration, self.network.seen + len(x), first)
        if self.network.truths:
            self.network.set_truth(rows)
        self.forward(x, first)
        loss = self.network.loss()
        if not np.isfinite(loss):
            self._not_a_number(loss)
        self.backward()
        return loss

    def _not_a_number(self, loss: float) -> None:
        """End, or go on without what is not finite."""
        message = f"iteration {self.iteration + 1}: the loss is {loss}"
        if not self.facts["try_fix_nan"]:
            raise TrainingError(message, iteration=self.iteration + 1)
        _log.warning("%s; try_fix_nan=1 leaves out of the update what is not finite", message)

    def update(self, learning_rate: float | None = None) -> float:
        """Change the weights by the gradients of the iteration, and count it.

        Parameters
        ----------
        learning_rate
            None: as the schedule says.

        Returns
        -------
        float
            The learning rate.
        """
        return self._update(learning_rate, self.images)

    def _update(self, learning_rate: float | None, images: int) -> float:
        facts = self.facts
        rate = self.schedule(self.iteration + 1) if learning_rate is None else learning_rate
        self.network.update(
            learning_rate=rate,
            images=images,
            momentum=facts["momentum"],
            decay=facts["decay"],
            iteration=self.iteration + 1,
            burn_in=facts["burn_in"],
            adam=bool(facts["adam"]),
            b1=facts["B1"],
            b2=facts["B2"],
            eps=facts.get("eps", 1e-7),
        )
        self.iteration += 1
        self._reject()
        self._follow()
        return rate

    def _averaged(self, loss: float) -> float:
        """Average of the losses so far; one that is not a number is left out."""
        if self.average_loss is None or not np.isfinite(loss):
            before = loss if self.average_loss is None else self.average_loss
        else:
            before = 0.9 * self.average_loss + 0.1 * loss
        self.average_loss = before if np.isfinite(before) else None
        return before

    def _reject(self) -> None:
        """Every so many iterations, in the first three quarters of training, draw filters anew that are too similar."""
        period = self.facts["weights_reject_freq"]
        if not period or self.iteration % period or self.iteration >= self.schedule.max_batches * 3 // 4:
            return
        for layer, number in reject_similar(self.network, self.seed, self.iteration):
            _log.info("iteration %d: filter %d of layer %d begins anew", self.iteration, number, layer)

    def _follow(self) -> None:
        """Average from the middle of training on; 1000 iterations before its end the average becomes the weights."""
        if self.average is None:
            return
        start, end = self.schedule.max_batches // 2, self.schedule.max_batches - 1000
        if start <= self.iteration < end:
            self.average.update()
        elif self.iteration == end:
            self.average.apply()

    def close(self) -> None:
        """Give the memory of the training network back."""
        self.network.close()
        if self.adversary is not None:
            self.adversary.close()
