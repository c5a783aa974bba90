"""Sequences for recurrent networks: frames follow each other, and are seen in the same way."""

from pathlib import Path

import cv2
import numpy as np
import pytest

import pydn
from pydn.evaluation.class_labels import ClassSet
from pydn.evaluation.truth import TruthSet
from pydn.training.augment import DetectorAugmentation, detector_maker
from pydn.training.classifier_augment import ClassifierAugmentation, classifier_maker
from pydn.training.schedule import Schedule
from pydn.training.sequences import SequentialOrder, sequence_lengths
from pydn.training.task import trainer_of

RECURRENT = """[net]
width=16
height=16
channels=3
batch=4
subdivisions=2
time_steps=3
track=1
augment_speed=2
max_batches=20
flip=0
policy=steps
steps=3
scales=1
{net}
[crnn]
hidden=2
output=2
size=1
pad=0
activation=linear
[convolutional]
filters=6
size=1
activation=linear
[yolo]
mask=0
anchors=8,8
classes=1
num=1
jitter=0
"""


def test_frames_follow_each_other_at_one_speed_a_sequence() -> None:
    pictures, sequences, steps, length = 50, 3, 4, 2
    rows = sequences * steps
    order = SequentialOrder(pictures, sequences, steps, lambda iteration: length, speed=3, seed=5)
    starts, speeds = set(), set()
    for iteration in range(80):
        chosen = [order(iteration, image) for image in range(2 * length * rows)]
        for group in np.reshape(chosen, (2, length * steps, sequences)):
            moved = np.diff(group, axis=0) % pictures
            assert (moved == moved[0]).all()
            speeds |= {int(one) for one in moved[0]}
            starts |= {int(one) for one in group[0]}
    assert speeds == {1, 2, 3}
    assert len(starts) == pictures


def test_pairs_of_sequences_show_the_same_pictures() -> None:
    order = SequentialOrder(50, 4, 3, lambda iteration: 1, speed=3, repeats=2)
    frames = np.reshape([order(7, image) for image in range(24)], (2, 3, 4))
    assert (frames[:, :, ::2] == frames[:, :, 1::2]).all()
    assert (frames[:, :, 0] != frames[:, :, 2]).any()
    assert [order.leader(7, image) for image in range(10, 16)] == [2, 3, 12, 13, 14, 15]
    assert [order.pair(7, image) for image in range(10, 16)] == [2, 2, 12, 12, 14, 14]


def test_steps_make_sequences_longer() -> None:
    """groups = 8, 8 * .5, 4 * .3 rounded down; of 8 mini-batches."""
    schedule = Schedule(policy="steps", steps=(10, 20), scales=(0.1, 0.1))
    length = sequence_lengths(schedule, 8, 8, (0.5, 0.3))
    assert [length(k) for k in (0, 8, 9, 18, 19, 1000)] == [1, 1, 2, 2, 8, 8]
    assert sequence_lengths(schedule, 8, 3)(0) == 2
    assert sequence_lengths(schedule, 4, 100)(0) == 1
    assert sequence_lengths(schedule, 4, 1, (0.1, 40))(30) == 4, "0 groups are 1, however they are multiplied"
    assert sequence_lengths(Schedule(steps=(10, 20)), 8, 8, (0.5, 0.3))(30) == 1, "policy=constant has no steps"


def video(folder: Path, frames: int, *, still: bool = False) -> list[str]:
    """Pictures whose upper left pixel says their number, unless they are all the same; each with a box."""
    paths = []
    for number in range(frames):
        pixels = np.random.default_rng(0).integers(0, 255, (16, 16, 3), np.uint8)
        if not still:
            pixels[:] = number
        path = folder / f"{number:03}.png"
        cv2.imwrite(str(path), pixels)
        path.with_suffix(".txt").write_text("0 .5 .5 .5 .5\n")
        paths.append(str(path))
    return paths


@pytest.mark.parametrize(
    "keys",
    [
        {"jitter": 0.4, "hue": 0.1, "saturation": 2, "exposure": 2},
        {"jitter": 0.4, "mosaic": True, "blur": 3},
        {"jitter": 0.4, "mixup": True},
        {"jitter": 0.0},
    ],
)
def test_frames_of_a_sequence_are_seen_in_the_same_way(tmp_path: Path, keys: dict[str, object]) -> None:
    truths = TruthSet(video(tmp_path, 6, still=True))
    order = SequentialOrder(6, 2, 4, lambda iteration: 1, seed=1)
    how = DetectorAugmentation(**keys)  # type: ignore[arg-type]
    make = detector_maker(truths, how, lambda iteration: (32, 32), 16, 1, order=order)
    kinds = set()
    for iteration in range(8):
        images = [make(iteration, image) for image in range(16)]
        for image, one in enumerate(images):
            first = images[image // 8 * 8 + image % 2]
            assert np.array_equal(one.x, first.x)
            assert len(one.truth) == len(first.truth)  # type: ignore[arg-type]
        kinds |= {one.x.tobytes() for one in images}
    assert len(kinds) > (16 if keys["jitter"] else 1)


def test_frames_differ_in_noise_alone(tmp_path: Path) -> None:
    truths = TruthSet(video(tmp_path, 2, still=True))
    order = SequentialOrder(2, 1, 4, lambda iteration: 1)
    how = DetectorAugmentation(jitter=0, flip=False, gaussian_noise=20)
    make = detector_maker(truths, how, lambda iteration: (16, 16), 4, order=order)
    still = detector_maker(truths, DetectorAugmentation(jitter=0, flip=False), lambda iteration: (16, 16), 4)(0, 0).x
    counts = set()
    for iteration in range(12):
        frames = [make(iteration, image).x for image in range(4)]
        noisy = [not np.array_equal(x, still) for x in frames]
        assert len(set(noisy)) == 1
        assert not noisy[0] or len({x.tobytes() for x in frames}) == 4
        counts.add(noisy[0])
    assert counts == {False, True}


def test_classifiers_see_a_sequence_in_the_same_way(tmp_path: Path) -> None:
    classes = ClassSet(video(tmp_path, 5, still=True), ["0"])
    how = ClassifierAugmentation(outputs=1, min_crop=1, max_crop=2, angle=20, hue=0.1, saturation=2, exposure=2)
    order = SequentialOrder(5, 2, 3, lambda iteration: 1)
    make = classifier_maker(classes, how, lambda iteration: (16, 16), 6, order=order)
    images = np.array([make(0, image).x for image in range(6)]).reshape(3, 2, -1)
    assert (images == images[:1]).all()
    assert (images[:, 0] != images[:, 1]).any()


@pytest.mark.parametrize("workers", [1, 3])
def test_a_training_takes_frames_in_the_order_of_recurrent_layers(tmp_path: Path, workers: int) -> None:
    """Two sequences of three frames a mini-batch; from the third iteration on they go through both mini-batches."""
    (tmp_path / "train.txt").write_text("\n".join(video(tmp_path, 40)))
    cfg = RECURRENT.format(net="sequential_subdivisions=2\nseq_scales=.5").encode()
    with pydn.load(cfg) as net:
        trainer = trainer_of(net, tmp_path / "train.txt", workers=workers, iterations=4, seed=3)
        feed = trainer._make_feed(0)
        taken = []
        for batch, _ in zip(feed, range(4), strict=False):
            numbers = [int(Path(path).stem) for path in batch.paths]
            assert [int(np.rint(255 * x[0, 0, 0])) for x in batch.x] == numbers
            taken.append(np.reshape(numbers, (2, 3, 2)))
        feed.close()
        short, long = np.array(taken[:2]).reshape(4, 3, 2), np.array(taken[2:]).reshape(2, 6, 2)
        for frames in (*short, *long):
            moved = np.diff(frames, axis=0) % 40
            assert (moved == moved[0]).all()
            assert set(moved.flat) <= {1, 2}
        assert ((short[1::2, 0] - short[::2, 2]) % 40 > 2).any(), "the second mini-batch begins elsewhere"
        assert len(trainer.run()) == 4


LSTM = """[net]
inputs=3
batch=4
subdivisions=2
time_steps=3
{net}
[lstm]
output=2
[softmax]
"""


def losses(net: str) -> list[float]:
    """Of four mini-batches that are all the same, in two iterations without an update."""
    x = np.tile(np.random.default_rng(0).uniform(-1, 1, (6, 3, 1, 1)).astype("f4"), (2, 1, 1, 1))
    with pydn.load(LSTM.format(net=net).encode()) as network:
        session = network.session(schedule=Schedule(learning_rate=0))
        costs = []
        for _ in range(2):
            session.step(x, np.zeros(12, np.int64))
            costs += [figures[1].cost for figures in session.mini_batches]
    return costs


def test_sequences_begin_with_a_state_of_zeros_and_go_on_with_what_is_remembered() -> None:
    first, second, third, fourth = losses("track=1")
    assert first == second == third == fourth
    first, second, third, fourth = losses("track=1\nsequential_subdivisions=1")
    assert (first, second) == (third, fourth)
    assert first != second
    assert len(set(losses(""))) == 4


def test_a_training_that_was_stopped_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("\n".join(video(tmp_path, 9)))
    layer = "[conv_lstm]\nbatch_normalize=1\nsize=3\npad=1\noutput=2\npeephole=0\nactivation=leaky\n"
    begin, _, rest = RECURRENT.format(net="sequential_subdivisions=1\nlearning_rate=.01").partition("[crnn]")
    cfg = f"{begin}{layer}[convolutional]{rest.partition('[convolutional]')[2]}".encode()

    def trained(folder: str, *ends: int) -> dict[tuple[int, str], np.ndarray]:
        for end in ends:
            with pydn.load(cfg) as net:
                trainer_of(
                    net, tmp_path / "train.txt", iterations=end, backup=tmp_path / folder, resume=True, workers=2
                ).run()
                found = {key: np.array(values) for key, values in net.weights.items()}
        return found

    whole, parts, short = trained("whole", 5), trained("parts", 2, 5), trained("short", 4)
    assert all(np.array_equal(values, parts[key]) for key, values in whole.items())
    assert not any(np.array_equal(values, short[key]) for key, values in whole.items() if "weights" in key[1])
