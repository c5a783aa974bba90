"""Augmentation for detectors: boxes stay on their objects, whatever happens to the picture."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pydn
from pydn.cli import main
from pydn.draw import class_color
from pydn.preprocess import detector_input
from pydn.training.augment import DetectorAugmentation, detector_maker
from pydn.training.colors import blurred_background, noisy, random_colors, recolored
from pydn.training.loader import Loaded, Loader
from pydn.training.mosaic import Cut, tile_boxes, to_corner
from pydn.training.randomness import generator
from pydn.training.sampling import scale_factor
from pydn.training.views import View, cut_boxes, random_view, usable, view_of

COLORS = np.array([(255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 255, 255), (255, 0, 255)], np.uint8)
"""BGR of the classes; the background is grey, so that the mean of a picture is like none of them."""
PICTURE = (300, 200)


@dataclass
class Sample:
    path: str
    boxes: np.ndarray


def paint(path: Path, boxes: list[tuple[int, int, int, int]], size: tuple[int, int] = PICTURE) -> Sample:
    """A picture with a rectangle (left, top, right, bottom) of each class."""
    width, height = size
    pixels = np.full((height, width, 3), 90, np.uint8)
    rows = []
    for class_id, (left, top, right, bottom) in enumerate(boxes):
        pixels[top:bottom, left:right] = COLORS[class_id]
        centre = ((left + right) / 2 / width, (top + bottom) / 2 / height)
        rows.append((class_id, *centre, (right - left) / width, (bottom - top) / height))
    cv2.imwrite(str(path), pixels)
    return Sample(str(path), np.array(rows, np.float32).reshape(-1, 5))


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
    folder = tmp_path_factory.mktemp("painted")
    return [
        paint(folder / "a.png", [(10, 20, 110, 90), (150, 110, 290, 180)]),
        paint(folder / "b.png", [(0, 0, 60, 60), (200, 0, 300, 100), (100, 130, 200, 200)], (300, 200)),
        paint(folder / "c.png", [(30, 60, 170, 150), (40, 180, 160, 310)], (200, 340)),
        paint(folder / "d.png", [(20, 20, 260, 230)], (500, 400)),
    ]


def make(
    samples: list[Sample], count: int, size: tuple[int, int] = (96, 96), seed: int = 0, **keys: object
) -> list[Loaded]:
    maker = detector_maker(samples, DetectorAugmentation(**keys), lambda iteration: size, 16, seed)  # type: ignore[arg-type]
    return [maker(k // 16, k % 16) for k in range(count)]


def seen(x: np.ndarray, class_id: int) -> np.ndarray:
    """Where an image has the colour of a class, half of it at least."""
    color = COLORS[class_id][::-1].astype(np.float32) / 255
    return np.abs(x - color[:, None, None]).max(0) < 0.35


def edges(mask: np.ndarray) -> np.ndarray:
    rows, columns = np.nonzero(mask.any(1))[0], np.nonzero(mask.any(0))[0]
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], float)


def corners(box: np.ndarray, width: int, height: int) -> np.ndarray:
    (x, y), (w, h) = box[1:3] * (width, height), box[3:5] * (width, height)
    return np.array([x - w / 2, y - h / 2, x + w / 2, y + h / 2])


def check(image: Loaded, tolerance: float = 1.6) -> int:
    """Every box surrounds the pixels of its colour; every colour has its box. Returns how many boxes there were."""
    height, width = image.x.shape[1:]
    boxes = np.asarray(image.truth)
    for class_id in range(len(COLORS)):
        mask, mine = seen(image.x, class_id), boxes[boxes[:, 0] == class_id]
        assert len(mine) <= 1
        if len(mine):
            found = corners(mine[0], width, height)
            if (found[2:] - found[:2]).min() > 4:
                assert np.abs(edges(mask) - found).max() <= tolerance, (class_id, edges(mask), found)
        else:
            assert not mask.any() or (edges(mask)[2:] - edges(mask)[:2]).min() <= 2
    return len(boxes)


VIEWS = [
    {"jitter": 0.3},
    {"jitter": 0.2, "resize": 1.5},
    {"jitter": 0.1, "resize": 0.6},
    {"jitter": 0.0, "resize": 2.0, "flip": False},
    {"jitter": 0.3, "letter_box": True},
    {"jitter": 0.0, "letter_box": True},
    {"jitter": 0.0},
    {"jitter": 0.45, "resize": 1.8},
    {"jitter": 0.3, "dialect": "pjreddie"},
    {"jitter": 0.0, "dialect": "pjreddie"},
]


@pytest.mark.parametrize("size", [(96, 96), (160, 96), (64, 128)])
@pytest.mark.parametrize("keys", VIEWS, ids=str)
def test_boxes_surround_their_objects(samples: list[Sample], keys: dict[str, object], size: tuple[int, int]) -> None:
    assert sum(check(image) for image in make(samples, 70, size, **keys)) > 70


@pytest.mark.parametrize(
    "keys", [{"saturation": 1.2, "exposure": 1.2, "hue": 0.02}, {"blur": 9}, {"gaussian_noise": 4}]
)
def test_colours_blur_and_noise_leave_boxes_where_they_are(samples: list[Sample], keys: dict[str, object]) -> None:
    images = make(samples, 60, jitter=0.2, seed=3, **keys)
    assert sum(check(image, 2.6) for image in images) > 60
    for image, still in zip(images, make(samples, 60, jitter=0.2, seed=3), strict=True):
        assert np.array_equal(image.truth, still.truth)
        assert image.path == still.path


def tiles_of(samples: list[Sample], folder: Path) -> list[Sample]:
    """Four pictures with one object each, of a class each: whoever joins whom, colours tell."""
    spots = [(20, 20, 150, 180), (60, 90, 280, 180), (190, 0, 300, 200), (100, 60, 220, 150)]
    return [
        Sample(painted.path, np.float32([[k, *painted.boxes[-1, 1:]]]))
        for k, spot in enumerate(spots)
        for painted in [repaint(folder / f"tile{k}.png", spot, k)]
    ]


def repaint(path: Path, spot: tuple[int, int, int, int], class_id: int) -> Sample:
    sample = paint(path, [spot])
    pixels = cv2.imread(sample.path)
    pixels[(pixels == COLORS[0]).all(-1)] = COLORS[class_id]
    cv2.imwrite(sample.path, pixels)
    return sample


@pytest.mark.parametrize("bound", [False, True])
@pytest.mark.parametrize("keys", [{"jitter": 0.0}, {"jitter": 0.3}, {"jitter": 0.2, "resize": 0.6}], ids=str)
@pytest.mark.parametrize("size", [(96, 96), (160, 96)])
def test_boxes_of_mosaics(
    samples: list[Sample], tmp_path: Path, keys: dict[str, object], size: tuple[int, int], bound: bool
) -> None:
    width, height = size
    joined = 0
    for image in make(tiles_of(samples, tmp_path), 100, size, mosaic=True, mosaic_bound=bound, **keys):
        boxes = np.asarray(image.truth)
        covered = np.zeros((len(COLORS), height, width), bool)
        for box in boxes:
            left, top, right, bottom = corners(box, width, height)
            assert min(left, top) >= -0.01
            assert right <= width + 0.01
            assert bottom <= height + 0.01
            area = (slice(int(max(0, top - 1.6)), int(bottom + 2.6)), slice(int(max(0, left - 1.6)), int(right + 2.6)))
            mask = seen(image.x, int(box[0]))
            assert mask[area].any() or min(right - left, bottom - top) < 3
            covered[int(box[0])][area] = True
            if mask[area].any() and bound:
                mine = np.zeros_like(mask)
                mine[area] = mask[area]
                assert np.abs(edges(mine) - (left, top, right, bottom)).max() <= 2.7
        for class_id in range(4):
            # what has no box around it is a sliver of less than a pixel or two
            rest = seen(image.x, class_id) & ~covered[class_id]
            assert not rest.any() or min(np.ptp(np.nonzero(rest)[0]), np.ptp(np.nonzero(rest)[1])) < 2
        joined += len(boxes) > 1
    assert joined > 25


def test_half_of_the_images_are_mosaics_with_cuts_between_20_and_80_per_cent() -> None:
    rng = generator(0, 0, 0)
    cuts = [Cut.random(rng, 100, 200) for _ in range(2000)]
    assert (min(cut.x for cut in cuts), max(cut.x for cut in cuts)) == (20, 80)
    assert (min(cut.y for cut in cuts), max(cut.y for cut in cuts)) == (40, 160)
    areas = [cuts[0].area(tile) for tile in range(4)]
    assert sum((right - left) * (bottom - top) for left, top, right, bottom in areas) == 100 * 200


def test_half_of_the_images_are_mixtures(samples: list[Sample]) -> None:
    plain = [samples[0]]
    pairs = make(plain, 200, (32, 32), mixup=True, jitter=0, flip=False)
    assert 75 < sum(len(np.asarray(image.truth)) > 2 for image in pairs) < 125
    four = make(plain, 200, (32, 32), mosaic=True, jitter=0, flip=False)
    assert 75 < sum(len(np.asarray(image.truth)) > 2 for image in four) < 125


def test_a_mixture_is_the_mean_of_two_images_with_the_boxes_of_both(samples: list[Sample]) -> None:
    images = make(samples, 60, mixup=True, jitter=0, flip=False, resize=1)
    ready = [cv2.resize(cv2.imread(sample.path), (96, 96)) for sample in samples]
    mixtures = 0
    for image in images:
        options = {
            (a, b): np.abs(image.x * 255 - ((ready[a].astype(float) + ready[b]) / 2).transpose(2, 0, 1)[::-1]).max()
            for a in range(4)
            for b in range(4)
        }
        (a, b), error = min(options.items(), key=lambda item: item[1])
        assert error <= 1
        expected = len(samples[a].boxes) + len(samples[b].boxes)
        assert len(np.asarray(image.truth)) in (expected, len(samples[a].boxes))
        mixtures += a != b
    assert mixtures > 10


# ---- statistics


def test_flips_are_half_of_the_images_and_can_be_switched_off_in_alexeyabs_dialect(samples: list[Sample]) -> None:
    one = [samples[0]]
    for dialect in ("alexeyab", "pjreddie"):
        xs = [np.asarray(image.truth) for image in make(one, 300, (32, 32), jitter=0, dialect=dialect)]
        right = sum(boxes[boxes[:, 0] == 0][0, 1] > 0.5 for boxes in xs)
        assert 115 < right < 185
    xs = [np.asarray(image.truth) for image in make(one, 100, (32, 32), jitter=0, flip=False)]
    assert all(boxes[boxes[:, 0] == 0][0, 1] < 0.5 for boxes in xs)


def test_views_cover_the_range_of_jitter_and_resize() -> None:
    views = [random_view(generator(1, k, 0), (1000, 500), jitter=0.2, resize=1, flip=True) for k in range(2000)]
    lefts, tops = np.array([view.left for view in views]), np.array([view.top for view in views])
    assert np.abs(lefts).max() <= 200
    assert np.abs(tops).max() <= 100
    assert lefts.min() < -190
    assert lefts.max() > 190
    assert abs(lefts.mean()) < 10
    zoomed = [random_view(generator(1, k, 0), (1000, 500), jitter=0, resize=1.25, flip=False) for k in range(2000)]
    scales = np.array([view.width / 1000 for view in zoomed])
    assert 0.79 < scales.min() < 0.83  # (1 - 1/1.25) / 2 from each side
    assert 1.21 < scales.max() < 1.26
    out = [random_view(generator(1, k, 0), (1000, 500), jitter=0, resize=0.8, flip=False) for k in range(2000)]
    assert all(view.width >= 1000 for view in out)
    assert max(view.width for view in out) > 1230


@given(st.lists(st.integers(-3000, 3000), min_size=4, max_size=4), st.integers(1, 900), st.integers(1, 900))
def test_some_of_the_picture_is_always_seen(sides: list[int], width: int, height: int) -> None:
    view = view_of([sides[:2], sides[2:]], (width, height), False)
    assert view.width >= max(1, width // 10)
    assert view.height >= max(1, height // 10)
    assert view.left < width
    assert view.right < width
    assert view.top < height
    assert view.left + view.width + view.right == width


@given(st.floats(0.1, 5), st.integers(0, 1000))
def test_factors_are_between_the_number_and_one_through_it(most: float, seed: int) -> None:
    factor = scale_factor(generator(seed, 0, 0), most)
    assert min(most, 1 / most) * 0.999 <= factor <= max(most, 1 / most) * 1.001


def test_random_colours_are_in_their_ranges() -> None:
    found = np.array([random_colors(generator(2, k, 0), 0.1, 1.5, 0.75) for k in range(1000)])
    assert -0.1 <= found[:, 0].min() < -0.09
    assert 0.09 < found[:, 0].max() <= 0.1
    assert 1 / 1.5 <= found[:, 1].min() < 0.7
    assert 1.45 < found[:, 1].max() <= 1.5
    assert found[:, 2].min() >= 0.75
    assert found[:, 2].max() <= 1 / 0.75
    assert 420 < (found[:, 1] > 1).sum() < 580


# ---- colours


def test_colours_move_as_the_reference_defines_it() -> None:
    red = np.full((2, 2, 3), (0, 0, 200), np.uint8)
    assert recolored(red, 1 / 3, 1, 1)[0, 0].tolist() == [0, 200, 0]
    assert recolored(red, -1 / 3, 1, 1)[0, 0].tolist() == [200, 0, 0]  # round the circle
    assert np.abs(recolored(red, 0, 0.5, 1)[0, 0].astype(int) - [100, 100, 200]).max() <= 1
    assert recolored(red, 0, 1, 0.5)[0, 0].tolist() == [0, 0, 100]
    assert recolored(red, 0, 1, 9)[0, 0].tolist() == [0, 0, 255]
    assert recolored(red[:, :, 2], 0.3, 2, 0.5)[0, 0] == 100


def test_blur_spares_the_objects() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    out = blurred_background(pixels, np.float32([[0, 0.5, 0.5, 0.5, 0.5]]))
    assert np.array_equal(out[15:45, 20:60], pixels[15:45, 20:60])
    assert out[:10].std() < 0.4 * pixels[:10].std()


def test_noise_goes_both_ways() -> None:
    grey = np.full((100, 100, 3), 128, np.uint8)
    noise = noisy(generator(0, 0, 0), grey, 20).astype(float) - 128
    assert abs(noise.mean()) < 0.5
    assert 19 < noise.std() < 21


def test_blur_and_noise_are_chosen_as_often_as_documented(samples: list[Sample]) -> None:
    one = [samples[0]]
    still = make(one, 1, (64, 64), jitter=0, saturation=1.0001, flip=False)[0].x
    images = make(one, 200, (64, 64), jitter=0, saturation=1.0001, flip=False, gaussian_noise=30)
    assert 75 < sum(not np.array_equal(image.x, still) for image in images) < 125
    blurred = make(one, 200, (64, 64), jitter=0, saturation=1.0001, flip=False, blur=5)
    kinds = {image.x.tobytes() for image in blurred}
    assert len(kinds) == 3  # as it is, background, whole image
    counts = sorted(sum(image.x.tobytes() == kind for image in blurred) for kind in kinds)
    assert 42 < counts[0] <= counts[2] < 92


# ---- boxes


def test_boxes_are_left_out_by_the_rules_of_the_reference() -> None:
    boxes = np.float32(
        [[0, 0.5, 0.5, 0.1, 0.1], [1, 1.4, 0.5, 0.1, 0.1], [2, 0, 0, 0.1, 0.1], [3, 0.98, 0.5, 0.3, 0.1]]
    )
    assert usable(boxes)[:, 0].tolist() == [0, 3]
    small = np.float64(
        [[0, 0.1, 0.1, 0.1 + 0.9 / 100, 0.5], [1, 0.1, 0.1, 0.1 + 1.1 / 100, 0.5], [2, -1, 0.2, -0.1, 0.4]]
    )
    assert cut_boxes(small, 100, 100)[:, 0].tolist() == [1]
    over = cut_boxes(np.float64([[5, -0.5, 0.2, 0.5, 1.2]]), 100, 100)
    assert np.allclose(over, [[5, 0.25, 0.6, 0.5, 0.8]])


def test_classes_are_untouched_and_the_order_is_by_chance(tmp_path: Path) -> None:
    boxes = np.float32([[class_id * 7, 0.1 + 0.08 * class_id, 0.5, 0.05, 0.3] for class_id in range(10)])
    sample = Sample(paint(tmp_path / "a.png", []).path, boxes)
    orders = [tuple(np.asarray(image.truth)[:, 0].tolist()) for image in make([sample], 30, jitter=0, flip=False)]
    assert {tuple(sorted(order)) for order in orders} == {tuple(range(0, 70, 7))}
    assert len(set(orders)) > 25
    few = [np.asarray(image.truth) for image in make([sample], 60, jitter=0, flip=False, max=4)]
    assert all(len(kept) == 4 for kept in few)
    assert {class_id for kept in few for class_id in kept[:, 0].tolist()} == set(range(0, 70, 7))


@settings(max_examples=60)
@given(st.integers(0, 3), st.integers(2, 8), st.integers(2, 8), st.booleans(), st.integers(0, 10_000))
def test_a_bound_box_never_leaves_its_tile(tile: int, x: int, y: int, flip: bool, seed: int) -> None:
    cut = Cut(x * 10, y * 10, 100, 100)
    rng = generator(seed, 0, 0)
    boxes = np.float32(np.column_stack([np.arange(5), rng.uniform(0.1, 0.9, (5, 2)), rng.uniform(0.05, 0.5, (5, 2))]))
    source = (int(rng.integers(0, 50)), int(rng.integers(0, 50)))
    left, top, right, bottom = cut.area(tile)
    for box in tile_boxes(boxes, cut, tile, source, bound=True):
        found = corners(box, 100, 100)
        assert (found >= np.array((left, top, left, top)) - 1e-3).all()
        assert (found <= np.array((right, bottom, right, bottom)) + 1e-3).all()
    view = to_corner(View(-3, 5, 9, -20, 94, 115, flip), tile)
    assert (view.left + view.right, view.top + view.bottom) == (6, -15)


# ---- without augmentation


def test_without_augmentation_images_are_those_of_detection(samples: list[Sample], tmp_path: Path) -> None:
    none = {"jitter": 0, "flip": False}
    pixels = np.random.default_rng(1).integers(0, 256, (32, 48, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "x.png"), pixels)
    exact = Sample(str(tmp_path / "x.png"), np.float32([[3, 0.5, 0.25, 0.5, 0.5]]))
    image = make([exact], 1, (48, 32), **none)[0]
    assert np.array_equal(image.x, (pixels[:, :, ::-1].transpose(2, 0, 1) / np.float32(255)).astype(np.float32))
    assert np.array_equal(image.truth, exact.boxes)
    for letter_box in (False, True):
        image = make(samples[:1], 1, **none, letter_box=letter_box)[0]
        assert np.array_equal(image.x, detector_input(cv2.imread(samples[0].path), 96, 96, letterbox=letter_box))


def test_grey_networks_and_16_bits(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "deep.png"), np.full((20, 20, 3), 0x8080, np.uint16))
    sample = Sample(str(tmp_path / "deep.png"), np.empty((0, 5), np.float32))
    for keys in ({"jitter": 0}, {"jitter": 0.1, "exposure": 1.0001}):
        for channels in (1, 3):
            image = make([sample], 1, (16, 16), channels=channels, **keys)[0]
            assert image.x.shape == (channels, 16, 16)
            assert np.allclose(image.x, 128 / 255, atol=1e-3)
            assert np.asarray(image.truth).shape == (0, 5)


# ---- reproducible, keys, errors


def test_an_image_depends_on_seed_iteration_and_place_alone(samples: list[Sample]) -> None:
    keys = {
        "jitter": 0.3,
        "mosaic": True,
        "hue": 0.1,
        "saturation": 1.5,
        "exposure": 1.5,
        "blur": 3,
        "gaussian_noise": 5,
    }
    one, two, other = (make(samples, 48, seed=seed, **keys) for seed in (1, 1, 2))
    assert all(np.array_equal(a.x, b.x) and np.array_equal(a.truth, b.truth) for a, b in zip(one, two, strict=True))
    assert not any(np.array_equal(a.x, b.x) for a, b in zip(one, other, strict=True))
    maker = detector_maker(samples, DetectorAugmentation(**keys), lambda iteration: (96, 96), 16, 1)  # type: ignore[arg-type]
    assert np.array_equal(maker(2, 5).x, one[37].x)


def test_contrastive_pairs_share_what_they_should(samples: list[Sample]) -> None:
    shared = make(samples, 20, contrastive=True, saturation=2, jitter=0.3)
    assert all(np.array_equal(a.x, b.x) for a, b in zip(shared[::2], shared[1::2], strict=True))
    moved = make(samples, 20, contrastive=True, contrastive_jit_flip=True, jitter=0.3)
    assert not any(np.array_equal(a.x, b.x) for a, b in zip(moved[::2], moved[1::2], strict=True))
    assert all(a.path == b.path for a, b in zip(moved[::2], moved[1::2], strict=True))
    colored = make(samples, 20, contrastive=True, contrastive_color=True, saturation=2)
    assert not any(np.array_equal(a.x, b.x) for a, b in zip(colored[::2], colored[1::2], strict=True))
    assert all(np.array_equal(a.truth, b.truth) for a, b in zip(colored[::2], colored[1::2], strict=True))


NET = """[net]
width=32
height=32
channels=3
{net}
[convolutional]
filters=18
size=1
activation=linear
[yolo]
mask=0,1,2
anchors=4,4, 8,8, 9,9
classes=1
num=3
{head}
"""
ALL = "hue=.1\nsaturation=1.5\nexposure=1.5\nflip=0\nblur=3\ngaussian_noise=7\nmosaic=1\nmosaic_bound=1\nmixup=1"


def keys_of(net: str, head: str, dialect: str = "alexeyab") -> DetectorAugmentation:
    return DetectorAugmentation.of(pydn.load(NET.format(net=net, head=head).encode(), dialect=dialect))


def test_keys_of_the_cfg() -> None:
    found = keys_of(ALL, "jitter=.3\nresize=1.5\nmax=30")
    assert (found.jitter, found.resize, found.max) == (pytest.approx(0.3), 1.5, 30)
    assert (found.hue, found.saturation, found.exposure) == (pytest.approx(0.1), 1.5, 1.5)
    assert not found.flip
    assert found.mosaic
    assert found.mosaic_bound
    assert found.mixup
    assert (found.blur, found.gaussian_noise) == (3, 7)
    assert keys_of("", "") == DetectorAugmentation()


def test_pjreddie_knows_few_of_the_keys() -> None:
    expected = DetectorAugmentation(
        dialect="pjreddie", max=90, hue=pytest.approx(0.1), saturation=1.5, exposure=1.5, jitter=pytest.approx(0.3)
    )
    assert keys_of(ALL, "jitter=.3", "pjreddie") == expected


def test_clashes(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(pydn.CfgError, match="mosaic=1 and letter_box=1"):
        keys_of("mosaic=1\nletter_box=1", "")
    keys_of("cutmix=1", "")
    assert "cutmix=1 is for classifiers" in caplog.text
    with pytest.raises(pydn.UnsupportedError, match="4 channels"):
        DetectorAugmentation(channels=4)


def test_a_picture_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8nothing")
    none = np.empty((0, 5), np.float32)
    with pytest.raises(pydn.DataError) as caught:
        make([Sample(str(tmp_path / "bad.jpg"), none)], 1)
    assert caught.value.file == str(tmp_path / "bad.jpg")
    with pytest.raises(FileNotFoundError, match=r"missing\.jpg"):
        make([Sample(str(tmp_path / "missing.jpg"), none)], 1)


@pytest.mark.parametrize("keys", [{"jitter": 0.1}, {"jitter": 0}, {"mosaic": True}], ids=str)
def test_other_pictures_take_the_place_of_what_cannot_be_read(
    samples: list[Sample], tmp_path: Path, keys: dict[str, object]
) -> None:
    missing = Sample(str(tmp_path / "missing.jpg"), np.empty((0, 5), np.float32))
    reported: list[int] = []
    broken = [missing, *samples[:2]]
    how = DetectorAugmentation(**keys)  # type: ignore[arg-type]
    maker = detector_maker(broken, how, lambda _: (32, 32), 16, 1, lambda k, _: reported.append(k))
    images = [maker(0, k) for k in range(16)]
    assert set(reported) == {0}
    assert {image.path for image in images} == {sample.path for sample in samples[:2]}
    assert [maker(0, k).path for k in range(16)] == [image.path for image in images]
    with pytest.raises(FileNotFoundError):
        detector_maker([missing], how, lambda _: (32, 32), 1, 1, lambda k, _: None)(0, 0)


# ---- the verb


def data_file(folder: Path, samples: list[Sample]) -> Path:
    for sample in samples:
        target = folder / Path(sample.path).name
        target.write_bytes(Path(sample.path).read_bytes())
        rows = ("{:.0f} {} {} {} {}".format(*row) for row in sample.boxes.tolist())
        target.with_suffix(".txt").write_text("\n".join(rows))
    (folder / "train.txt").write_text("".join(f"{folder / Path(sample.path).name}\n" for sample in samples))
    (folder / "names").write_text("blue\ngreen\nred\n")
    (folder / "set.data").write_text(f"classes=3\ntrain={folder / 'train.txt'}\nnames={folder / 'names'}\n")
    return folder / "set.data"


def test_augment_saves_what_the_network_sees(
    samples: list[Sample], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = data_file(tmp_path, samples)
    cfg = tmp_path / "net.cfg"
    cfg.write_text(
        NET.format(net="mosaic=1", head="jitter=.3")
        .replace("filters=18", "filters=24")
        .replace("classes=1", "classes=3")
    )
    assert main(["augment", str(data), str(cfg), "-n", "18", "-out", str(tmp_path / "a")]) == 0
    lines = capsys.readouterr().out.splitlines()
    files = sorted((tmp_path / "a").iterdir())
    assert [line.split(":")[0] for line in lines] == [str(file) for file in files]
    assert len(files) == 18
    assert all(cv2.imread(str(file)).shape == (32, 32, 3) for file in files)
    main(["augment", str(data), str(cfg), "-n", "18", "-out", str(tmp_path / "b")])
    assert [file.read_bytes() for file in files] == [file.read_bytes() for file in sorted((tmp_path / "b").iterdir())]
    main(["augment", str(data), str(cfg), "-n", "1", "-seed", "1", "-out", str(tmp_path / "c")])
    assert next((tmp_path / "c").iterdir()).read_bytes() != files[0].read_bytes()
    assert main(["augment", str(data), str(cfg), "-n", "0"]) == 2


def test_augment_draws_the_boxes(samples: list[Sample], tmp_path: Path) -> None:
    data = data_file(tmp_path, samples[2:3])
    cfg = tmp_path / "net.cfg"
    text = (
        NET.format(net="flip=0", head="jitter=0").replace("filters=18", "filters=24").replace("classes=1", "classes=3")
    )
    cfg.write_text(text.replace("=32", "=200"))
    assert main(["augment", str(data), str(cfg), "-n", "1", "-out", str(tmp_path / "a")]) == 0
    shown = cv2.imread(str(next((tmp_path / "a").iterdir())))
    box = corners(samples[2].boxes[0], 200, 200)
    bottom, middle = round(box[3]), round((box[0] + box[2]) / 2)
    assert (shown[bottom - 3 : bottom + 3, middle] == class_color(0)).all(-1).any()


def test_augment_of_classifiers_prints_the_classes(
    samples: list[Sample], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = data_file(tmp_path, samples)
    data.write_text(f"{data.read_text()}labels={tmp_path / 'labels'}\n")
    (tmp_path / "labels").write_text("a.png\nb.png\nc.png\n")
    cfg = tmp_path / "net.cfg"
    cfg.write_text("[net]\nwidth=32\nheight=32\nchannels=3\n[convolutional]\nfilters=3\n[avgpool]\n[softmax]\n")
    assert main(["augment", str(data), str(cfg), "-n", "4", "-out", str(tmp_path / "a")]) == 0
    out = capsys.readouterr().out
    assert "_a.png: blue 1.00\n" in out
    assert "_c.png: red 1.00\n" in out


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_batches_of_a_loader_do_not_depend_on_its_threads(samples: list[Sample], workers: int) -> None:
    keys = {"jitter": 0.3, "mosaic": True, "hue": 0.1, "saturation": 1.5, "exposure": 1.5, "gaussian_noise": 5}
    maker = detector_maker(samples, DetectorAugmentation(**keys), lambda iteration: (64, 64), 8, 1)  # type: ignore[arg-type]
    with Loader(maker, 8, first=2, workers=workers) as loader:
        for iteration, batch in zip((2, 3), loader, strict=False):
            expected = [maker(iteration, image) for image in range(8)]
            assert np.array_equal(batch.x, np.stack([one.x for one in expected]))
            assert all(np.array_equal(a, b.truth) for a, b in zip(batch.truth, expected, strict=True))
