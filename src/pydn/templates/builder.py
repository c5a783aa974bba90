"""What cfg templates are built with: a writer of sections, and the blocks that several architectures share.

Layers are numbered as darknet numbers them: from 0, [net] not counted. `Cfg.route` and `Cfg.shortcut` take the numbers
that a cfg holds: from 0 up a layer's own number, below 0 so many layers back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Value: TypeAlias = int | float | str | Iterable[int | float]


@dataclass(frozen=True, slots=True)
class Request:
    """What the caller wants.

    Attributes
    ----------
    width, height, channels
        Size of the network's input.
    classes
        Number of classes.
    anchors
        Width and height of every anchor in turn: pixels of the input, cells of 32 pixels where the head is [region].
    published
        Larger side of the input as published.
    """

    width: int
    height: int
    channels: int
    classes: int
    anchors: tuple[float, ...]
    published: int

    def crop(self, side: int) -> int:
        """Return a min_crop or max_crop that shows as much of a picture as the published one."""
        return round(side * max(self.width, self.height) / self.published)


@dataclass(frozen=True, slots=True)
class Template:
    """An architecture and how it was published.

    Attributes
    ----------
    about
        One line.
    build
        Makes the cfg.
    size
        Width and height.
    classes
        Number of classes.
    anchors
        As in `Request`; empty where there are none.
    multiple
        What width and height must be multiples of.
    """

    about: str
    build: Callable[[Request], Cfg]
    size: tuple[int, int]
    classes: int
    anchors: tuple[float, ...] = ()
    multiple: int = 1


class Cfg:
    """A cfg that grows by one section at a time.

    Parameters
    ----------
    request
        Gives the size of the input.
    training
        Other keys of [net].
    """

    def __init__(self, request: Request, **training: Value) -> None:
        size = {"width": request.width, "height": request.height, "channels": request.channels}
        self._sections: list[str] = []
        self._stages: list[tuple[int, str]] = []
        self._append("net", size | training)

    @property
    def last(self) -> int:
        """Number of the last layer; -1 before the first."""
        return len(self._sections) - 2

    def stage(self, title: str) -> None:
        """Begin a group of layers that a comment names."""
        self._stages.append((self.last + 1, title))

    def layer(self, kind: str, **options: Value | None) -> int:
        """Append a layer, without the options that are None.

        Returns
        -------
        int
            The layer's number.
        """
        self._append(kind, {key: value for key, value in options.items() if value is not None})
        return self.last

    def conv(
        self,
        filters: int,
        size: int = 1,
        stride: int = 1,
        *,
        activation: str = "leaky",
        batch_normalize: bool = True,
        groups: int | None = None,
    ) -> int:
        """Append a convolution that keeps rows and columns but for its stride."""
        return self.layer(
            "convolutional",
            batch_normalize=1 if batch_normalize else None,
            filters=filters,
            size=size,
            stride=stride,
            pad=1 if size > 1 else None,
            groups=groups,
            activation=activation,
        )

    def convs(self, *shapes: tuple[int, int], activation: str = "leaky") -> int:
        """Append convolutions, each given as (filters, size)."""
        for filters, size in shapes:
            self.conv(filters, size, activation=activation)
        return self.last

    def output(self, filters: int, activation: str = "linear") -> int:
        """Append the 1×1 convolution with biases that feeds a head."""
        return self.conv(filters, activation=activation, batch_normalize=False)

    def connected(self, output: int, activation: str) -> int:
        """Append a fully connected layer."""
        return self.layer("connected", output=output, activation=activation)

    def maxpool(self, size: int = 2, stride: int = 2, *, padding: int | None = None) -> int:
        """Append max pooling."""
        return self.layer("maxpool", size=size, stride=stride, padding=padding)

    def upsample(self) -> int:
        """Append doubling of rows and columns."""
        return self.layer("upsample", stride=2)

    def route(self, *layers: int) -> int:
        """Append the concatenation of layers' channels."""
        return self.layer("route", layers=layers)

    def shortcut(self, source: int, activation: str = "linear") -> int:
        """Append the sum of the last layer and another."""
        return self.layer("shortcut", **{"from": source}, activation=activation)

    def softmax(self) -> int:
        """Append the head of a classifier."""
        return self.layer("softmax", groups=1)

    def text(self, title: str) -> str:
        """Return the whole cfg.

        Parameters
        ----------
        title
            What the first line says.
        """
        ends = [first - 1 for first, _ in self._stages[1:]] + [self.last]
        comments = {
            first: f"# {f'layer {first}' if first == end else f'layers {first}-{end}'}: {name}\n"
            for (first, name), end in zip(self._stages, ends, strict=True)
        }
        sections = [comments.get(number, "") + section for number, section in enumerate(self._sections, start=-1)]
        return f"# {title}\n" + "\n".join(sections)

    def _append(self, kind: str, options: dict[str, Value]) -> None:
        rows = [f"[{kind}]", *(f"{key}={_written(value)}" for key, value in options.items())]
        self._sections.append("\n".join(rows) + "\n")


def _written(value: Value) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)):
        return f"{value:.9g}" if isinstance(value, float) else str(value)
    return ",".join(_written(part) for part in value)


def pyramid(cfg: Cfg, filters: Sequence[int], *, pool_last: bool = False) -> None:
    """Append 3×3 convolutions with a 2×2 max pooling after each but the last, which `pool_last` adds."""
    for number, count in enumerate(filters):
        cfg.conv(count, 3)
        if pool_last or number + 1 < len(filters):
            cfg.maxpool()


def alternating(cfg: Cfg, wide: int, count: int) -> None:
    """Append `count` convolutions in turn: 3×3 with `wide` filters, 1×1 with half as many."""
    cfg.convs(*((wide // 2, 1) if number % 2 else (wide, 3) for number in range(count)))


def residual(cfg: Cfg, narrow: int, wide: int, count: int, activation: str = "leaky") -> None:
    """Append residual blocks: 1×1 with `narrow` filters, 3×3 with `wide`, their input added."""
    for _ in range(count):
        cfg.convs((narrow, 1), (wide, 3), activation=activation)
        cfg.shortcut(-3)


def spatial_pyramid(cfg: Cfg) -> int:
    """Append the concatenation of the last layer with its maxima over 13×13, 9×9 and 5×5 (SPP)."""
    cfg.maxpool(5, 1)
    cfg.route(-2)
    cfg.maxpool(9, 1)
    cfg.route(-4)
    cfg.maxpool(13, 1)
    return cfg.route(-1, -3, -5, -6)


def finer(cfg: Cfg, filters: int, source: int, activation: str = "leaky") -> int:
    """Append twice the size, joined with a finer layer; `filters` channels come from either."""
    cfg.conv(filters, activation=activation)
    cfg.upsample()
    cfg.route(source)
    cfg.conv(filters, activation=activation)
    return cfg.route(-1, -3)


def coarser(cfg: Cfg, filters: int, source: int, activation: str = "leaky") -> int:
    """Append half the size in `filters` channels, joined with a coarser layer."""
    cfg.conv(filters, 3, 2, activation=activation)
    return cfg.route(-1, source)


def yolo(cfg: Cfg, request: Request, mask: Sequence[int], *, activation: str = "linear", **options: Value) -> int:
    """Append a [yolo] head and the convolution that feeds it; `mask` says which anchors it predicts."""
    cfg.output(len(mask) * (5 + request.classes), activation)
    anchors = request.anchors
    known: dict[str, Value] = {
        "mask": mask,
        "anchors": anchors,
        "classes": request.classes,
        "num": len(anchors) // 2,
        "ignore_thresh": 0.7,
        "truth_thresh": 1,
    }
    return cfg.layer("yolo", **(known | options))


def region(cfg: Cfg, request: Request, *, jitter: float, rescore: int) -> int:
    """Append a [region] head and the convolution that feeds it."""
    boxes = len(request.anchors) // 2
    cfg.output(boxes * (5 + request.classes))
    return cfg.layer(
        "region",
        anchors=request.anchors,
        bias_match=1,
        classes=request.classes,
        coords=4,
        num=boxes,
        softmax=1,
        jitter=jitter,
        rescore=rescore,
        object_scale=5,
        noobject_scale=1,
        class_scale=1,
        coord_scale=1,
        absolute=1,
        thresh=0.6,
        random=1,
    )
