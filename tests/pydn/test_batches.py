"""Many images: order, groups, reading ahead, images that cannot be read."""

from __future__ import annotations

import logging
import threading
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import pydn
from pydn import batches
from pydn.image import Pixels

from .test_network import CFG

CLASSIFIER = (
    b"[net]\nbatch=3\nwidth=8\nheight=8\nchannels=3\n[convolutional]\nfilters=4\nsize=1\n[avgpool]\n[softmax]\n"
)


def picture(number: int) -> Pixels:
    """Noise of a size of its own."""
    random = np.random.default_rng(number)
    return random.integers(0, 256, (10 + 3 * number, 40 - 2 * number, 3), dtype=np.uint8)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{number}.png" for number in range(8)]
    for number, path in enumerate(paths):
        cv2.imwrite(str(path), picture(number))
    return paths


@pytest.fixture(params=[1, 3])
def net(request: pytest.FixtureRequest) -> pydn.Network:
    return pydn.load(CFG, device="ref", batch=request.param)


def test_mixed_sizes_keep_their_order(net: pydn.Network, files: list[Path]) -> None:
    expected = [net.detect(path, thresh=0.01) for path in files]
    assert len({len(found) for found in expected}) > 1
    assert net.detect_batch(files, thresh=0.01) == expected
    assert list(net.detect_batch(iter(files), thresh=0.01)) == expected
    assert net.detect_batch([picture(i) for i in range(8)], thresh=0.01) == expected
    assert net.detect_batch([path.read_bytes() for path in files], thresh=0.01) == expected
    swapped = [np.ascontiguousarray(picture(i)[:, :, ::-1]) for i in range(8)]
    assert net.detect_batch(swapped, thresh=0.01, rgb=True) == expected
    assert net.detect_batch([], thresh=0.01) == []


@pytest.mark.parametrize("networks", [2, 3])
def test_several_networks_find_the_same_in_the_same_order(
    net: pydn.Network, files: list[Path], tmp_path: Path, networks: int
) -> None:
    expected = net.detect_batch(files, thresh=0.01)
    assert net.detect_batch(files, thresh=0.01, networks=networks) == expected
    assert list(net.detect_batch(iter(files), thresh=0.01, networks=networks)) == expected
    assert net.detect_batch([], networks=networks) == []
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"nothing")
    results = net.detect_batch(iter([*files[:4], broken, *files[4:]]), thresh=0.01, networks=networks)
    assert [next(results) for _ in range(4)] == expected[:4]
    with pytest.raises(pydn.DataError, match=r"broken\.png"):
        next(results)
    reported = net.detect_batch([*files[:4], broken, *files[4:]], thresh=0.01, errors="report", networks=networks)
    assert [found for found in reported if found.error is None] == expected


def test_copies_share_the_weights_and_leave_the_pool_alone(net: pydn.Network) -> None:
    copy = net._copy()
    assert copy.alone
    assert not net.alone
    assert copy.weights is net.weights
    recurrent = pydn.load(
        b"[net]\nbatch=1\ninputs=4\ntime_steps=1\n[rnn]\noutput=3\nhidden=2\n[softmax]\n", device="ref"
    )
    with pytest.raises(pydn.UnsupportedError, match="networks=1"):
        recurrent._copy()


def test_networks_is_checked(net: pydn.Network) -> None:
    with pytest.raises(ValueError, match="networks must be 1 or more, not 0"):
        net.detect_batch([], networks=0)


def test_folder_pattern_and_list(net: pydn.Network, files: list[Path], tmp_path: Path) -> None:
    expected = net.detect_batch(files)
    lines = tmp_path / "all.txt"
    lines.write_text("\n".join(map(str, files)))
    for source in (tmp_path, str(tmp_path), tmp_path / "*.png", lines):
        found = list(net.detect_batch(source))
        assert found == expected
        assert [result.path for result in found] == [str(path) for path in files]
    assert net.detect(files[0]).path == str(files[0])
    assert net.detect(picture(0)).path == ""


def test_one_forward_a_group(files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    net = pydn.load(CFG, device="ref", batch=3)
    seen = []
    whole = pydn.Network.forward_decode

    def counted(self: pydn.Network, x: Any, *arguments: Any, **options: Any) -> Any:
        seen.append(len(x))
        return whole(self, x, *arguments, **options)

    monkeypatch.setattr(pydn.Network, "forward_decode", counted)
    files[4].write_bytes(b"hello")
    assert len(list(net.detect_batch(files, errors="report"))) == 8
    assert seen == [3, 2, 2]


def test_reads_ahead_and_no_further(files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "_THREADS", 2)
    net = pydn.load(CFG, device="ref", batch=2)
    asked: list[Path] = []
    stream = iter(net.detect_batch(path for path in files if asked.append(path) is None))  # type: ignore[func-returns-value]
    assert asked == []
    counts = [len(asked) for _ in stream]
    assert counts == [4, 4, 6, 6, 8, 8, 8, 8]


def test_work_ahead_goes_on_while_the_network_computes(files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """The next image is decoded during a forward: the forward waits for it, and would wait for ever otherwise."""
    net = pydn.load(CFG, device="ref")
    decoded = [threading.Event() for _ in files]
    read, whole = batches.read_image, pydn.Network.forward_decode
    count = 0

    def reading(image: Any, **how: bool) -> Any:
        pixels = read(image, **how)
        decoded[files.index(image)].set()
        assert threading.current_thread() is not threading.main_thread()
        return pixels

    def waiting(self: pydn.Network, *arguments: Any, **options: Any) -> Any:
        nonlocal count
        count += 1
        assert count == len(files) or decoded[count].wait(10)
        return whole(self, *arguments, **options)

    monkeypatch.setattr(batches, "read_image", reading)
    monkeypatch.setattr(pydn.Network, "forward_decode", waiting)
    assert len(list(net.detect_batch(files))) == len(files) == count


def test_an_iterator_may_use_its_memory_again(net: pydn.Network) -> None:
    frames = [np.full((8, 16, 3), 25 * number, np.uint8) for number in range(9)]
    buffer = np.empty((8, 16, 3), np.uint8)

    def camera() -> Iterator[Pixels]:
        for frame in frames:
            buffer[:] = frame
            yield buffer

    assert list(net.detect_batch(camera(), thresh=0.01)) == net.detect_batch(frames, thresh=0.01)


def test_images_that_cannot_be_read_are_reported(
    net: pydn.Network, files: list[Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good = net.detect_batch(files)
    files[2].write_bytes(b"")
    files[5].unlink()
    images: list[Any] = [*files[:7], None, files[7]]
    with caplog.at_level(logging.WARNING, "pydn"):
        found = list(net.detect_batch(images, errors="report"))
    assert [i for i, result in enumerate(found) if result.error is not None] == [2, 5, 7]
    assert isinstance(found[2].error, pydn.DataError)
    assert isinstance(found[5].error, FileNotFoundError)
    assert (found[5].path, len(found[5]), found[5].image_size) == (str(files[5]), 0, (0, 0))
    assert repr(found[2]).startswith(f"Detections(error: {files[2]}: the image file is empty")
    assert [found[i] for i in (0, 1, 3, 4, 6, 8)] == [good[i] for i in (0, 1, 3, 4, 6, 7)]
    messages = [record.getMessage() for record in caplog.records if record.name == "pydn"]
    assert len(messages) == 3
    assert [str(files[2]) in messages[0], str(files[5]) in messages[1]] == [True, True]
    assert messages[2].startswith("image 8: None is no image")


def test_without_a_report_they_stop_it(net: pydn.Network, files: list[Path]) -> None:
    expected = net.detect_batch(files[:4])
    files[4].write_bytes(b"hello")
    with pytest.raises(pydn.DataError, match=r"4\.png: not an image"):
        net.detect_batch(files)
    stream = iter(net.detect_batch(iter(files)))
    assert [next(stream) for _ in range(4)] == expected  # with a batch of 3 as well
    with pytest.raises(pydn.DataError, match=r"4\.png: not an image"):
        next(stream)
    with pytest.raises(ValueError, match="errors must be 'raise' or 'report', not 'ignore'"):
        net.detect_batch(files, errors="ignore")  # type: ignore[arg-type]


@pytest.mark.parametrize("errors", ["raise", "report"])
@pytest.mark.parametrize("error", [OSError("the camera is gone"), ZeroDivisionError(), pydn.DataError("x")])
def test_what_the_iterator_raises_comes_through(
    net: pydn.Network, files: list[Path], errors: Any, error: Exception
) -> None:
    def broken() -> Iterator[Path]:
        yield from files[:4]
        raise error

    stream = iter(net.detect_batch(broken(), errors=errors))
    assert [next(stream) for _ in range(4)] == net.detect_batch(files[:4])
    with pytest.raises(type(error)) as caught:
        next(stream)
    assert caught.value is error


def image_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("pydn-images")]


def test_ctrl_c_and_leaving_early_end_the_threads(net: pydn.Network, files: list[Path]) -> None:
    def interrupted() -> Iterator[Path]:
        yield from files[:4]
        raise KeyboardInterrupt

    stream = iter(net.detect_batch(interrupted()))
    with pytest.raises(KeyboardInterrupt):
        list(stream)
    assert not image_threads()
    stream = iter(net.detect_batch(iter(files)))
    next(stream)
    assert image_threads()
    stream.close()  # type: ignore[attr-defined]
    assert not image_threads()


def test_waiting_work_is_dropped(files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """After an interruption nothing is decoded but what a thread has begun."""
    monkeypatch.setattr(batches, "_THREADS", 1)
    net = pydn.load(CFG, device="ref", batch=4)
    begun: list[Any] = []

    def slow(image: Any, **how: bool) -> Any:
        begun.append(image)
        time.sleep(0.05)
        raise pydn.DataError("x") if image == files[0] else KeyError

    monkeypatch.setattr(batches, "read_image", slow)
    with pytest.raises(pydn.DataError):
        net.detect_batch(files)
    assert len(begun) <= 3


def test_arguments_are_checked_at_once(net: pydn.Network, files: list[Path]) -> None:
    with pytest.raises(ValueError, match="thresh must be 0 to 1"):
        net.detect_batch(iter(files), thresh=2)
    with pytest.raises(ValueError, match="top must be 1 or more"):
        pydn.load(CLASSIFIER, device="ref").predict_batch(iter(files), top=0)
    values = pydn.load(b"[net]\ninputs=8\n[connected]\n", device="ref")
    with pytest.raises(pydn.ShapeError, match="reads a list of values"):
        values.predict_batch(iter(files), errors="report")


def test_classes(files: list[Path]) -> None:
    net = pydn.load(CLASSIFIER, device="ref", batch=3)
    expected = [net.predict(path, top=2) for path in files]
    assert net.predict_batch(files, top=2) == expected
    assert list(net.predict_batch(iter(files), top=2)) == expected
    files[3].write_bytes(b"hello")
    found = list(net.predict_batch(files, top=2, errors="report"))
    assert [found[i] == expected[i] for i in range(8)] == [True, True, True, False, True, True, True, True]
    assert (len(found[3]), found[3].label, found[3].confidence, found[3].path) == (0, "", 0.0, str(files[3]))
    assert isinstance(found[3].error, pydn.DataError)
    assert repr(found[3]).startswith("Classification(error: ")


@pytest.mark.parametrize("rgb", [False, True])
def test_a_frame_is_not_copied(rgb: bool) -> None:
    """A whole run on 1920×1080 needs less memory than half a frame."""
    net = pydn.load(CFG, device="ref")
    frame = np.random.default_rng(0).integers(0, 256, (1080, 1920, 3), dtype=np.uint8)
    net.detect(frame, rgb=rgb)
    tracemalloc.start()
    try:
        net.detect(frame, rgb=rgb)
        list(net.detect_batch(iter([frame, frame]), rgb=rgb))
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < frame.nbytes / 2


def test_sixteen_bits_give_what_eight_give(tmp_path: Path) -> None:
    net = pydn.load(CFG, device="ref")
    pixels = picture(3)
    deep = pixels.astype(np.uint16) * 257
    cv2.imwrite(str(tmp_path / "deep.png"), deep)
    eight = net.detect(pixels, thresh=0.01)
    assert len(eight)
    for found in (net.detect(deep, thresh=0.01), net.detect(tmp_path / "deep.png", thresh=0.01)):
        assert found.label.tolist() == eight.label.tolist()
        np.testing.assert_allclose(found.xyxy, eight.xyxy, atol=1e-3)
        np.testing.assert_allclose(found.confidence, eight.confidence, atol=1e-5)
