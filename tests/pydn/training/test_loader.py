"""The loader and what it asks for: the same batches for any number of threads, and from any iteration on."""

import threading
import time

import cv2
import numpy as np
import pytest

import pydn
from pydn.training.loader import Batch, Loaded, Loader
from pydn.training.randomness import generator
from pydn.training.sampling import Order, classifier_sizes, detector_sizes


def make(iteration: int, image: int) -> Loaded:
    rng = generator(5, iteration, image)
    time.sleep(float(rng.uniform(0, 0.003)))  # so that the threads finish in another order
    return Loaded(rng.random((3, 4, 5), np.float32), rng.random((image, 5), np.float32), f"{iteration}-{image}")


def batches(count: int, **options: int) -> list[Batch]:
    with Loader(make, 6, **options) as loader:
        return [next(loader) for _ in range(count)]


def same(one: Batch, other: Batch) -> bool:
    truths = all(np.array_equal(a, b) for a, b in zip(one.truth, other.truth, strict=True))
    return (one.iteration, one.paths) == (other.iteration, other.paths) and np.array_equal(one.x, other.x) and truths


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_batches_are_the_same_for_any_number_of_threads(workers: int) -> None:
    found = batches(4, workers=workers, ahead=workers)
    assert [batch.iteration for batch in found] == [0, 1, 2, 3]
    for batch in found:
        expected = [make(batch.iteration, image) for image in range(6)]
        assert np.array_equal(batch.x, np.stack([one.x for one in expected]))
        assert batch.paths == tuple(one.path for one in expected)
        assert all(np.array_equal(a, one.truth) for a, one in zip(batch.truth, expected, strict=True))


def test_a_loader_that_starts_later_goes_on_as_the_first() -> None:
    assert all(map(same, batches(5)[3:], batches(2, first=3, workers=3)))


def test_classes_and_rows_become_arrays() -> None:
    x = np.zeros((1, 2, 2), np.float32)
    with Loader(lambda _, image: Loaded(x, image, ""), 3) as loader:
        truth = next(loader).truth
        assert isinstance(truth, np.ndarray)
        assert truth.dtype == np.int64
        assert truth.tolist() == [0, 1, 2]
    with Loader(lambda _, image: Loaded(x, np.float32([image, 0.5]), ""), 2) as loader:
        assert np.array_equal(np.asarray(next(loader).truth), np.float32([[0, 0.5], [1, 0.5]]))


def test_the_error_of_the_first_image_surfaces_at_its_batch() -> None:
    def broken(iteration: int, image: int) -> Loaded:
        if iteration == 1 and image in (2, 4):
            time.sleep(0.02 if image == 2 else 0)
            raise pydn.DataError("no picture", file=f"{image}.jpg")
        return make(iteration, image)

    with Loader(broken, 6, workers=3) as loader:
        next(loader)
        with pytest.raises(pydn.DataError, match="no picture") as caught:
            next(loader)
        assert caught.value.file == "2.jpg"


def test_images_of_different_sizes_are_refused() -> None:
    loader = Loader(lambda _, image: Loaded(np.zeros((1, image + 1, 2), np.float32), 0, "a.png"), 2, workers=1)
    with loader, pytest.raises(pydn.DataError, match="in a batch of"):
        next(loader)


def test_no_more_than_so_many_batches_are_made_ahead() -> None:
    begun = []

    def counted(iteration: int, image: int) -> Loaded:
        begun.append(iteration)
        return make(iteration, image)

    with Loader(counted, 6, workers=4, ahead=2) as loader:
        next(loader)
        while len(begun) < 18:
            time.sleep(0.01)
        time.sleep(0.1)
        assert max(begun) == 2  # 0 is in use, 1 and 2 wait
        assert len(begun) == 18


def test_close_ends_the_threads_without_making_what_is_left() -> None:
    begun = []

    def slow(iteration: int, image: int) -> Loaded:
        begun.append(image)
        time.sleep(0.05)
        return make(iteration, image)

    loader = Loader(slow, 100, workers=2, ahead=3)
    threading.Timer(0.12, loader.close).start()
    with pytest.raises(StopIteration):
        next(loader)
    loader.close()
    assert len(begun) < 100  # of 400
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("pydn-training-data")]
    with pytest.raises(StopIteration):
        next(loader)


def test_waiting_is_measured() -> None:
    def slow(iteration: int, image: int) -> Loaded:
        time.sleep(0.1)
        return make(iteration, image)

    with Loader(slow, 1, workers=1, ahead=1) as loader:
        next(loader)
        assert loader.waited > 0.08
        waited = []
        for _ in range(20):  # until the threads of a busy machine are in time
            time.sleep(0.3)
            before = loader.waited
            next(loader)
            waited.append(loader.waited - before)
            if waited[-1] < 0.05:
                return
    raise AssertionError(waited)


def test_opencv_is_left_as_it_was() -> None:
    before = cv2.getNumThreads()
    batches(1)
    assert cv2.getNumThreads() == before


@pytest.mark.parametrize("options", [{"images": 0}, {"workers": 0}, {"ahead": 0}, {"first": -1}])
def test_what_makes_no_sense_is_refused(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="1 or more"):
        Loader(make, **{"images": 2, **options})


# ---- which picture


@pytest.mark.parametrize(("pictures", "images"), [(7, 4), (3, 8), (1, 2), (50, 50)])
def test_every_epoch_has_every_picture_once(pictures: int, images: int) -> None:
    order = Order(pictures, images, seed=3)
    seen = [order(place // images, place % images) for place in range(4 * pictures)]
    for epoch in range(4):
        assert sorted(seen[epoch * pictures : (epoch + 1) * pictures]) == list(range(pictures))
    assert seen == [Order(pictures, images, seed=3)(place // images, place % images) for place in range(4 * pictures)]


def test_epochs_and_seeds_have_different_orders() -> None:
    orders = {tuple(Order(20, 20, seed)(k, i) for i in range(20)) for seed in (0, 1) for k in (0, 1)}
    assert len(orders) == 4


def test_pairs_are_of_the_same_picture() -> None:
    order = Order(10, 6, repeats=2)
    for place in range(0, 60, 2):
        assert order(place // 6, place % 6) == order((place + 1) // 6, (place + 1) % 6)


# ---- sizes

DETECTOR = """[net]
width={width}
height={height}
channels=3
max_batches=2000
resize_step={step}
[convolutional]
filters=18
size=1
stride={step}
activation=linear
[yolo]
mask=0,1,2
anchors=4,4, 8,8, 9,9
classes=1
num=3
random={random}
"""


def sizes(random: float, dialect: str = "alexeyab", width: int = 416, height: int = 416, step: int = 32) -> list:
    cfg = DETECTOR.format(width=width, height=height, random=random, step=step)
    size_of = detector_sizes(pydn.load(cfg.encode(), dialect=dialect), seed=4)
    return [size_of(iteration) for iteration in range(2000)]


def test_without_random_the_size_stays() -> None:
    assert set(sizes(0, width=64, height=32)) == {(64, 32)}


def test_random_of_alexeyab() -> None:
    found = sizes(1)
    # 416 / 1.4 = 297.1 is 9.3 steps, 416 · 1.4 = 582.4 is 18.2; each is rounded after one was added
    assert {width for width, _ in found} == set(range(320, 609, 32))
    assert all(width == height for width, height in found)
    assert found[:10] == [(608, 608)] * 10
    assert found[1901:] == [(608, 608)] * 99
    assert all(len(set(found[k : k + 10])) == 1 for k in range(0, 1900, 10))
    assert len({found[k] for k in range(0, 1900, 10)}) == 10


def test_random_of_a_wide_network_with_another_factor_and_step() -> None:
    found = sizes(1.2, width=224, height=160, step=16)
    assert found[0] == (288, 208)  # 268.8 / 16 + 1 = 17.8, 192 / 16 + 1 = 13
    assert all(width % 16 == 0 and height % 16 == 0 for width, height in found)
    assert min(found) == (208, 144) or min(found) == (208, 160)
    assert all(width > height for width, height in found)


def test_random_of_pjreddie() -> None:
    found = sizes(1, "pjreddie")
    assert {width for width, _ in found} == set(range(320, 609, 32))
    assert all(width == height for width, height in found)
    assert found[1801:] == [(608, 608)] * 199
    assert set(found[:1800:10]) == {(side, side) for side in range(320, 609, 32)}


def test_random_of_classifiers_is_pjreddies() -> None:
    cfg = b"[net]\nwidth=64\nheight=64\nchannels=3\nrandom=1\n[convolutional]\nfilters=2\n[avgpool]\n[softmax]\n"
    assert classifier_sizes(pydn.load(cfg))(100) == (64, 64)
    size_of = classifier_sizes(pydn.load(cfg, dialect="pjreddie"))
    found = [size_of(iteration) for iteration in range(0, 20000, 40)]
    assert set(found) == {(side, side) for side in range(128, 449, 32)}
    assert size_of(40) == size_of(79)
