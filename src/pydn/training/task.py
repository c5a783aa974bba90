"""From a data set and wishes to a `Trainer`: what `Network.train` and the verbs share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from ..datafile import DataFile
from ..errors import DataError
from ..evaluation.class_labels import ClassSet
from ..evaluation.listing import DataSource, data_file_of
from ..evaluation.truth import TruthSet
from ..names import read_names
from ..preprocess import Dialect
from ..server import LOCAL
from ..tools.ternary import marked
from .attention import AttentionFiles
from .augment import DetectorAugmentation, detector_maker
from .chart import ChartFile
from .classifier_augment import ClassifierAugmentation, classifier_maker, own_class
from .history import History
from .live import LivePage
from .loader import Loader, Make
from .measuring import Measure, judge_of
from .memory import fitting_subdivisions
from .samples import Samples
from .sampling import Chosen, SizeOf, classifier_sizes, detector_sizes, grown_batches
from .saving import Names
from .schedule import Schedule
from .sequences import SequentialOrder
from .session import Session
from .trainer import Callback, Plan, Trainer

if TYPE_CHECKING:
    from ..network import Network

MakerOf = Callable[["Network", Session, DataSource, int, bool], tuple[Make, int]]
"""From a network, its session, the data, a seed and whether to refuse broken data to a maker of images and how many
pictures an epoch has."""


def trainer_of(
    net: Network,
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
    live_address: str = LOCAL,
    callbacks: Iterable[Callback] = (),
    classes: int | Literal["data"] | None = None,
    memory_limit: int | None = None,
    save_every: int | None = None,
    save_last: int | None = None,
    minloss: bool | None = None,
    say: Callable[[str], object] | None = None,
    images: MakerOf | None = None,
    names: Names | None = None,
) -> Trainer:
    """Make the trainer that `Network.train` runs; see there for the parameters.

    `images` makes the images and counts the pictures of an epoch, `names` says whose file names are used; None for
    both: by what the network is, a detector or a classifier.
    """
    file = data_file_of(data)
    data = data if file is None else file
    net = adapted(net, data, classes)
    classifier = net.classes == 0
    sizes = (classifier_sizes if classifier else detector_sizes)(net, seed)
    folder = _backup(data, backup)
    fitting = fitting_subdivisions(
        net, batch or net.cfg_batch, subdivisions, sizes, saves=folder is not None, limit=memory_limit
    )
    session = net.session(batch=batch, subdivisions=fitting, seed=seed, schedule=schedule)
    if images is None:
        make, count = (_classes if classifier else _boxes)(net, session, data, seed, labels, strict, sizes)
    else:
        make, count = images(net, session, data, seed, strict)
    judge = judge_of(net, data, measure, labels)
    usual = max(100, (measure_epochs or 4) * count // max(1, session.batch))  # not before burn_in is over
    plan = Plan(
        iterations=iterations,
        backup=folder,
        base=base or _base(net),
        resume=resume,
        clear=clear,
        freeze=tuple(freeze),
        judge=judge,
        score_every=measure_every or usual,
        score_from=0 if measure_every else session.facts["burn_in"],
        patience=patience,
        names=names or ("classifier" if classifier else "detector"),
        epoch=count,
        save_every=_interval(data, "saveweights", save_every),
        save_last=_interval(data, "savelast", save_last),
        minloss=bool(marked(net.plan)) if minloss is None else minloss,
        say=say,
    )

    def feed(first: int) -> Loader:
        return Loader(
            make,
            session.images_of if session.grown else session.images,
            first,
            workers=workers or min(4, os.cpu_count() or 1),
        )

    trainer = Trainer(net, feed, plan, session=session)
    if folder is not None and session.adversary is not None and session.facts["attention"]:
        session.adversary.shown = AttentionFiles(Path(folder) / plan.base)
    highest = session.facts["max_chart_loss"] if "max_chart_loss" in net.plan.options else None
    trainer.callbacks += [*_watching(trainer, data, chart, highest, history, live, live_address), *callbacks]
    return trainer


def _watching(
    trainer: Trainer,
    data: DataSource,
    chart: str | os.PathLike[str] | None,
    highest: float | None,
    history: str | os.PathLike[str] | None,
    live: int | None,
    address: str,
) -> list[Callback]:
    """Return what shows the training: what is known of it from before is in the chart and on the page too."""
    found: list[Callback] = []
    past = trainer.past
    if history is not None:
        written = History(history)
        past = written.past
        found.append(written)
    if chart is not None:
        found.append(ChartFile(chart, past, highest))
    if live is not None:
        found.append(LivePage(live, address, past=past, samples=Samples(trainer.net, data)))
    return found


def adapted(net: Network, data: DataSource, classes: int | Literal["data"] | None) -> Network:
    """Return the network, or if it has another number of classes than is asked for, a new one with other heads."""
    file = data_file_of(data)
    names = read_names(file.file("names")) if file is not None and file.get("names") else None
    if classes == "data":
        said = len(names) if names else 0 if file is None else file.integer("classes", 0)
        if not said:
            raise DataError("classes='data' needs a .data file with names= or classes=: hand in the number")
        classes = said
    if classes is None or classes == net.class_count:
        return net
    return net.with_classes(classes, names if names is not None and len(names) == classes else None)


def _boxes(
    net: Network, session: Session, data: DataSource, seed: int, labels: Any, strict: bool, sizes: SizeOf
) -> tuple[Make, int]:
    truths = TruthSet(data, "train", dialect=cast(Dialect, net.dialect), classes=net.classes)
    refuse(truths.check() if strict else [])
    report = None if strict else truths.report
    session.grown = grown_batches(net, session.batch // session.subdivisions, sizes)
    images = session.images_of if session.grown else session.images
    augmentation, order = DetectorAugmentation.of(net), _sequences(session, len(truths), seed)
    make = detector_maker(truths, augmentation, sizes, images, seed, report, order=order)
    return make, len(truths)


def _classes(
    net: Network, session: Session, data: DataSource, seed: int, labels: Any, strict: bool, sizes: SizeOf
) -> tuple[Make, int]:
    outputs, row_of = net.class_count, None
    if net.dialect == "alexeyab" and session.facts["unsupervised"]:
        classes = ClassSet(data, [str(number) for number in range(outputs)], classes=outputs, key="train", by="path")
        row_of = partial(own_class, outputs=outputs)
    else:
        classes = ClassSet(data, labels, names=net.names, classes=outputs, key="train")
    augmentation = ClassifierAugmentation.of(net)
    report = None if strict else classes.report
    order = _sequences(session, len(classes.listing), seed)
    make = classifier_maker(classes, augmentation, sizes, session.images, seed, report, row_of, order)
    return make, len(classes)


def _sequences(session: Session, pictures: int, seed: int) -> Chosen | None:
    """Return the order of frames with ``track=1``; None: pictures are drawn one by one."""
    if session.sequences is None:
        return None
    return SequentialOrder(
        pictures,
        session.grown or session.batch // session.subdivisions,
        session.network.steps,
        session.sequences,
        speed=session.facts["augment_speed"],
        seed=seed,
        repeats=2 if session.facts["contrastive"] else 1,
    )


def refuse(problems: Sequence[Any]) -> None:
    """Training on a broken set is a waste of days: say all that is wrong, and end."""
    if not problems:
        return
    listed = "; ".join(map(str, problems[:10]))
    more = f"; and {len(problems) - 10} more" if len(problems) > 10 else ""
    raise DataError(f"{len(problems)} problems in the data: {listed}{more}. Mend them, or train with strict=False")


def _base(net: Network) -> str:
    return Path(net.plan.file).stem if net.plan.file else "network"


def _backup(data: DataSource, backup: str | os.PathLike[str] | None) -> str | os.PathLike[str] | None:
    """Where weights go: what was asked for, else ``backup=`` of a .data file."""
    if backup is None and isinstance(data, DataFile) and "backup" in data:
        return data["backup"]
    return backup


def _interval(data: DataSource, key: str, given: int | None) -> int | None:
    """Return the iterations between files: what was asked for, else a key of a .data file."""
    if given is None and isinstance(data, DataFile) and key in data:
        given = data.integer(key, 0)
    if given is not None and given < 0:
        raise ValueError(f"{given} iterations between weights ({key}=): it must be 0 (never) or more")
    return given
