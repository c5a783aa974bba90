"""Augmentation for classifiers: what a crop shows, and truths that follow mixtures."""

from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pytest

import pydn
from pydn.evaluation.class_labels import ClassSet
from pydn.evaluation.listing import Listed
from pydn.preprocess import classifier_input
from pydn.training.classifier_augment import (
    ClassifierAugmentation,
    classifier_maker,
    crop_matrix,
    mixed,
    truth_row,
)
from pydn.training.loader import Loaded
from pydn.training.randomness import generator
from pydn.training.task import trainer_of


@dataclass
class Samples:
    """Pictures, and picture i is of class i."""

    listing: list[Listed] = field(default_factory=list)

    def matches(self, index: int) -> list[int]:
        return [index]


PLAIN = {"min_crop": 1.0, "max_crop": 1.0, "flip": False}
SIZE = (48, 48)


def write(path: Path, pixels: np.ndarray) -> Listed:
    cv2.imwrite(str(path), pixels)
    return Listed(str(path))


def noise(width: int, height: int, seed: int = 0) -> np.ndarray:
    small = np.random.default_rng(seed).integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC))


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    folder = tmp_path_factory.mktemp("classes")
    shapes = [(64, 64), (120, 64), (64, 96), (200, 160)]
    return Samples([write(folder / f"{k}.png", noise(*shape, seed=k)) for k, shape in enumerate(shapes)])


def make(samples: Samples, count: int, size: tuple[int, int] = SIZE, seed: int = 0, **keys: object) -> list[Loaded]:
    how = ClassifierAugmentation(**{"outputs": 4, **keys})  # type: ignore[arg-type]
    maker = classifier_maker(samples, how, lambda iteration: size, 16, seed)
    return [maker(k // 16, k % 16) for k in range(count)]


def planes(pixels: np.ndarray) -> np.ndarray:
    return np.asarray(pixels[:, :, ::-1].transpose(2, 0, 1) / np.float32(255), np.float32)


# ---- where a crop is


def corner(x: float, y: float, matrix: np.ndarray) -> np.ndarray:
    """Where the place (x, y) of the image, in pixels from its corner, is in the picture."""
    return np.asarray(matrix @ (x - 0.5, y - 0.5, 1) + 0.5)


@pytest.mark.parametrize("picture", [(200, 100), (100, 300), (150, 150)])
@pytest.mark.parametrize("aspect", [1.0, 1.4, 0.75])
def test_crops_lie_in_the_picture_and_have_the_scale_that_was_asked_for(
    picture: tuple[int, int], aspect: float
) -> None:
    how = ClassifierAugmentation(min_crop=1.0, max_crop=2.0, aspect=aspect)
    widths = []
    for k in range(400):
        matrix = crop_matrix(generator(0, k, 0), picture, (64, 64), how)
        low, high = corner(0, 0, matrix), corner(64, 64, matrix)
        assert (low >= -1e-6).all()
        assert (high <= np.array(picture) + 1e-6).all()
        size = high - low
        widths.append(size.min() / min(picture))
        assert 1 / max(aspect, 1 / aspect) * 0.999 <= size[0] / size[1] <= max(aspect, 1 / aspect) * 1.001
    assert 0.45 / max(aspect, 1 / aspect) < min(widths)
    assert max(widths) <= 1.001


def test_crops_are_everywhere() -> None:
    how = ClassifierAugmentation(min_crop=1.5, max_crop=1.5)
    lefts = np.array([corner(0, 0, crop_matrix(generator(0, k, 0), (200, 100), (50, 50), how)) for k in range(1000)])
    # the picture is scaled to 150 × 75: a crop of 50 begins at 0 to 100 and 0 to 25 of these
    assert np.allclose([lefts.min(0), lefts.max(0)], [[0, 0], [133.3, 33.3]], atol=1.5)


def test_a_picture_smaller_than_the_crop_is_in_the_middle_unless_crops_may_hang_over() -> None:
    centred = ClassifierAugmentation(min_crop=0.5, max_crop=0.5)
    matrix = crop_matrix(generator(0, 0, 0), (100, 100), (64, 64), centred)
    assert np.allclose([corner(0, 0, matrix), corner(64, 64, matrix)], [[-50, -50], [150, 150]])
    free = ClassifierAugmentation(min_crop=0.5, max_crop=0.5, overhang=True)
    places = [corner(0, 0, crop_matrix(generator(0, k, 0), (100, 100), (64, 64), free)) for k in range(300)]
    assert np.allclose([np.min(places), np.max(places)], [-100, 0], atol=2)


def test_angles_are_up_to_the_one_that_was_asked_for() -> None:
    how = ClassifierAugmentation(angle=7, min_crop=1.0, max_crop=1.0)
    angles = []
    for k in range(500):
        matrix = crop_matrix(generator(0, k, 0), (100, 100), (64, 64), how)
        along = corner(64, 0, matrix) - corner(0, 0, matrix)
        assert np.isclose(np.hypot(*along), 100)
        angles.append(np.degrees(np.arctan2(along[1], along[0])))
    assert -7 <= min(angles) < -6.5
    assert 6.5 < max(angles) <= 7


def test_a_crop_shows_what_its_place_says(tmp_path: Path) -> None:
    """A bright spot is where the matrix says, whatever scale, angle and aspect."""
    pixels = np.zeros((120, 160, 3), np.uint8)
    cv2.circle(pixels, (70, 50), 6, (255, 255, 255), cv2.FILLED)
    one = Samples([write(tmp_path / "spot.png", pixels)])
    keys = {"angle": 30.0, "aspect": 1.5, "min_crop": 1.0, "max_crop": 1.3, "flip": False}
    how, seen = ClassifierAugmentation(**keys), 0  # type: ignore[arg-type]
    for k, image in enumerate(make(one, 100, (64, 64), **keys)):
        weight = image.x[0].astype(np.float64)
        matrix = crop_matrix(generator(0, k // 16, k % 16, 32), (160, 120), (64, 64), how)
        x, y = np.linalg.solve(matrix[:, :2], np.array((70, 50)) - matrix[:, 2])
        if not (min(x, y) > 6 and max(x, y) < 57):
            continue
        seen += 1
        found = (weight.sum(0) @ np.arange(64) / weight.sum(), weight.sum(1) @ np.arange(64) / weight.sum())
        assert np.abs(np.array(found) - (x, y)).max() < 0.25
    assert seen > 40


# ---- without augmentation


def test_a_picture_of_the_networks_size_is_left_alone(tmp_path: Path) -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (48, 48, 3), np.uint8)
    one = Samples([write(tmp_path / "a.png", pixels)])
    image = make(one, 1, **PLAIN)[0]
    assert np.array_equal(image.x, planes(pixels))
    assert np.array_equal(image.truth, np.float32([1, 0, 0, 0]))
    assert image.path == one.listing[0].path


def test_without_augmentation_images_are_those_of_classification_at_random_places(samples: Samples) -> None:
    square = Samples(samples.listing[:1])
    assert np.array_equal(make(square, 1, **PLAIN)[0].x, classifier_input(cv2.imread(square.listing[0].path), *SIZE))
    wide = Samples(samples.listing[1:2])
    whole = pydn.preprocess.detector_input(cv2.imread(wide.listing[0].path), 90, 48)
    places = set()
    for image in make(wide, 200, **PLAIN):
        errors = [np.abs(whole[:, :, left : left + 48] - image.x).max() for left in range(43)]
        places.add(int(np.argmin(errors)))
        assert min(errors) == 0
    assert min(places) == 0
    assert max(places) >= 40
    assert len(places) > 35


def test_center_is_the_middle_square(samples: Samples) -> None:
    pixels = cv2.imread(samples.listing[1].path)[:, 28:92]
    expected = pydn.preprocess.detector_input(pixels, *SIZE)
    images = make(Samples(samples.listing[1:2]), 10, center=True, flip=False)
    assert all(np.array_equal(image.x, expected) for image in images)
    colored = make(Samples(samples.listing[1:2]), 1, center=True, flip=False, saturation=1.0001)[0].x
    assert np.abs(colored - expected).mean() < 0.03


def test_half_of_the_images_are_flipped(samples: Samples) -> None:
    square = Samples(samples.listing[:1])
    still = make(square, 1, **PLAIN)[0].x
    images = [image.x for image in make(square, 300, **{**PLAIN, "flip": True})]
    flipped = sum(np.array_equal(x, still[:, :, ::-1]) for x in images)
    assert 115 < flipped < 185
    assert flipped + sum(np.array_equal(x, still) for x in images) == 300


def test_rectangular_networks_stretch_the_square(samples: Samples) -> None:
    for keys in (PLAIN, {"angle": 3.0}):
        assert make(samples, 1, (64, 32), **keys)[0].x.shape == (3, 32, 64)
    how = ClassifierAugmentation(min_crop=1.0, max_crop=1.0)
    matrix = crop_matrix(generator(0, 0, 0), (100, 100), (64, 32), how)
    assert np.allclose([corner(0, 0, matrix), corner(64, 32, matrix)], [[0, 0], [100, 100]])


# ---- mixtures and truths


def test_truths() -> None:
    assert truth_row([2], 4).tolist() == [0, 0, 1, 0]
    assert np.allclose(truth_row([2], 5, 0.1), [0.025, 0.025, 0.9, 0.025, 0.025])
    assert truth_row([0, 3], 4).tolist() == [1, 0, 0, 1]
    assert truth_row([3], 4, parents=[-1, 0, 0, 1]).tolist() == [1, 1, 0, 1]
    assert truth_row([], 3).tolist() == [0, 0, 0]
    # Groups 0 1 2 | 3 4 (of 0) | 5 6 (of 1) | 7 (of 4): nothing is said of those of 1.
    smoothed = truth_row([7], 8, 0.1, [-1, -1, -1, 0, 0, 1, 1, 4])
    assert np.allclose(smoothed, [0.9, 0.05, 0.05, 0.1, 0.9, 0, 0, 0.9])


@pytest.mark.parametrize("kind", ["mixup", "cutmix", "mosaic"])
def test_truths_are_mixed_by_the_area_of_their_pictures(kind: str) -> None:
    count = 4 if kind == "mosaic" else 2
    parts = [np.full((3, 40, 60), value, np.float32) for value in (1, 10, 100, 1000)[:count]]
    rows = [truth_row([k], 5) for k in range(count)]
    shares = []
    for k in range(300):
        x, row = mixed(generator(3, k, 0), kind, parts, rows)
        assert x.dtype == row.dtype == np.float32
        if kind == "mixup":
            assert (x == 5.5).all()
            assert row.tolist() == [0.5, 0.5, 0, 0, 0]
            continue
        expected = [(x == part[0, 0, 0]).mean() for part in parts]
        assert np.allclose(row[:count], expected, atol=1e-6)
        assert np.isclose(row.sum(), 1)
        shares.append(expected[1])
    if kind == "cutmix":
        assert 0.08 < min(shares) < 0.12
        assert 0.56 < max(shares) <= 0.65
    assert parts[0].max() == 1  # as it was


def test_half_of_the_images_are_mixtures_and_kinds_take_turns(samples: Samples) -> None:
    for keys, counts in (({"mixup": True}, {2}), ({"cutmix": True}, {2}), ({"mosaic": True}, {2, 3, 4})):
        rows = [np.asarray(image.truth) for image in make(samples, 200, **PLAIN, **keys)]
        classes = [np.count_nonzero(row) for row in rows]
        assert set(classes) <= {1} | counts
        assert 40 < sum(count > 1 for count in classes) < 125  # a picture may also be mixed with itself
        assert all(np.isclose(row.sum(), 1) for row in rows)
    both = [np.asarray(image.truth) for image in make(samples, 300, **PLAIN, cutmix=True, mosaic=True)]
    assert sum(np.count_nonzero(row) > 2 for row in both) > 20


def test_a_quarter_of_the_images_is_blurred(samples: Samples) -> None:
    square = Samples(samples.listing[:1])
    still = make(square, 1, **PLAIN)[0].x
    images = [image.x for image in make(square, 200, **PLAIN, blur=1)]
    changed = [x for x in images if not np.array_equal(x, still)]
    assert 30 < len(changed) < 70
    assert changed[0].std() < still.std()


def test_smoothed_labels(samples: Samples) -> None:
    for image in make(samples, 8, **PLAIN, label_smooth_eps=0.3):
        assert np.allclose(np.sort(image.truth), [0.1, 0.1, 0.1, 0.7])


# ---- reproducible, keys, errors


def test_an_image_depends_on_seed_iteration_and_place_alone(samples: Samples) -> None:
    keys = {
        "angle": 7.0,
        "aspect": 0.75,
        "hue": 0.1,
        "saturation": 0.75,
        "exposure": 0.75,
        "cutmix": True,
        "mosaic": True,
    }
    one, two, other = (make(samples, 48, seed=seed, **keys) for seed in (1, 1, 2))
    assert all(np.array_equal(a.x, b.x) and np.array_equal(a.truth, b.truth) for a, b in zip(one, two, strict=True))
    assert not any(np.array_equal(a.x, b.x) for a, b in zip(one, other, strict=True))


def test_views_of_pairs_are_of_the_same_picture(samples: Samples) -> None:
    images = make(samples, 16, contrastive=True)
    assert all(a.path == b.path for a, b in zip(images[::2], images[1::2], strict=True))
    assert not any(np.array_equal(a.x, b.x) for a, b in zip(images[::2], images[1::2], strict=True))


NET = "[net]\nwidth={}\nheight=64\nchannels=3\n{}\n[convolutional]\nfilters=7\n[avgpool]\n[softmax]\n"
ALL = """angle=7
aspect=.75
hue=.1
saturation=.75
exposure=.5
flip=0
mixup=1
cutmix=1
mosaic=1
blur=3
label_smooth_eps=.25
min_crop=32
max_crop=96
center=1"""


def keys_of(net: str, dialect: str = "alexeyab", width: int = 64) -> ClassifierAugmentation:
    return ClassifierAugmentation.of(pydn.load(NET.format(width, net).encode(), dialect=dialect))


def test_keys_of_the_cfg() -> None:
    assert keys_of("") == ClassifierAugmentation(outputs=7)
    found = keys_of(ALL)
    assert found == ClassifierAugmentation(
        outputs=7,
        angle=7,
        aspect=0.75,
        hue=pytest.approx(0.1),
        saturation=0.75,
        exposure=0.5,
        flip=False,
        mixup=True,
        cutmix=True,
        mosaic=True,
        blur=3,
        label_smooth_eps=0.25,
        min_crop=0.5,
        max_crop=1.5,
    )
    theirs = keys_of(ALL, "pjreddie")
    assert theirs == ClassifierAugmentation(
        outputs=7,
        angle=7,
        aspect=0.75,
        hue=pytest.approx(0.1),
        saturation=0.75,
        exposure=0.5,
        min_crop=0.5,
        max_crop=1.5,
        center=True,
        overhang=True,
    )
    assert keys_of("min_ratio=.75\nmax_ratio=1.25", "pjreddie", 32).max_crop == 1.25 * 32 / 64
    assert keys_of("min_crop=32\nmax_crop=48", width=32).min_crop == 0.5


def test_pictures_of_a_class_set(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        cv2.imwrite(str(tmp_path / name / "1.png"), np.zeros((20, 20, 3), np.uint8))
    found = ClassSet(tmp_path, ["dog", "cat"])
    maker = classifier_maker(found, ClassifierAugmentation(outputs=3), lambda iteration: (16, 16), 2)
    for image in (maker(0, 0), maker(0, 1)):
        assert np.asarray(image.truth).tolist() == ([1, 0, 0] if "dog" in Path(image.path).parts else [0, 1, 0])


def test_a_picture_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"nothing")
    with pytest.raises(pydn.DataError) as caught:
        make(Samples([Listed(str(tmp_path / "bad.png"))]), 1)
    assert caught.value.file == str(tmp_path / "bad.png")
    reported: list[int] = []
    pair = Samples([Listed(str(tmp_path / "bad.png")), write(tmp_path / "good.png", noise(48, 48))])
    how = ClassifierAugmentation(outputs=2, **PLAIN)  # type: ignore[arg-type]
    maker = classifier_maker(pair, how, lambda _: SIZE, 4, 0, lambda k, _: reported.append(k))
    assert all(np.asarray(maker(0, k).truth).tolist() == [0, 1] for k in range(4))
    assert set(reported) == {0}
    with pytest.raises(pydn.UnsupportedError, match="2 channels"):
        ClassifierAugmentation(channels=2)


def test_without_labels_every_picture_is_a_class(tmp_path: Path) -> None:
    """Neither the labels nor the folders of pictures count, views of one picture have one class."""
    paths = [tmp_path / ("cat" if number % 2 else "dog") / f"{number}.png" for number in range(7)]
    for number, path in enumerate(paths):
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), np.full((8, 8), 30 * number, np.uint8))
    (tmp_path / "train.txt").write_text("\n".join(map(str, paths)))
    cfg = b"[net]\nwidth=8\nheight=8\nchannels=1\nbatch=8\ncontrastive=1\n%s\n"
    cfg += b"[convolutional]\nfilters=5\n[avgpool]\n[softmax]\n"
    for key, labels in ((b"unsupervised=1", None), (b"unsupervised=0", ["dog", "cat"])):
        with pydn.load(cfg % key) as net:
            trainer = trainer_of(net, tmp_path / "train.txt", labels=labels, iterations=2)
            with trainer._make_feed(0) as feed:  # type: ignore[attr-defined]
                batches = [next(feed) for _ in range(2)]
            numbers = [[int(Path(path).stem) for path in batch.paths] for batch in batches]
            truths = [np.argmax(batch.truth, 1).tolist() for batch in batches]
            divisor = 5 if labels is None else 2
            assert truths == [[number % divisor for number in row] for row in numbers]
            assert all((np.sum(batch.truth, 1) == 1).all() for batch in batches)
            assert numbers[0][::2] == numbers[0][1::2]
            assert len(trainer.run()) == 2
