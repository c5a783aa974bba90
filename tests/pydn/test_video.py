"""Frames of a video through a network: what is read, found, averaged, passed over; and that threads end."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import numpy as np
import pytest

import pydn
from pydn.preprocess import detector_input
from pydn.video import Video, predict_video
from pydn.video.ahead import Ahead

from .video_data import FPS, LEVELS, SIZE, confidence, read_video, write_network, write_video


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return write_video(tmp_path / "grey.avi")


@pytest.fixture
def net(tmp_path: Path, backend: str) -> Iterator[pydn.Network]:
    with pydn.load(*write_network(tmp_path), names=["dark", "bright"], device=backend) as net:
        yield net


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("pydn-")]


def test_a_file(video: Path) -> None:
    source = Video(video)
    assert (source.size, source.fps, source.frame_count, source.live) == (SIZE, FPS, len(LEVELS), False)
    pictures = list(source.pictures())
    assert [picture.index for picture in pictures] == list(range(len(LEVELS)))
    np.testing.assert_allclose([picture.seconds for picture in pictures], np.arange(len(LEVELS)) / FPS, atol=1e-6)
    assert [round(float(picture.image.mean())) for picture in pictures] == pytest.approx(LEVELS, abs=2)


def test_every_frame_is_searched(net: pydn.Network, video: Path) -> None:
    frames = list(net.detect_video(video, thresh=0.0))
    assert [frame.index for frame in frames] == list(range(len(LEVELS)))
    for frame, image in zip(frames, read_video(video), strict=True):
        np.testing.assert_array_equal(frame.image, image)
        assert frame.detections.confidence.max() == pytest.approx(confidence(image), abs=1e-4)
        assert frame.detections == net.detect(image, thresh=0.0)
        assert frame.draw().shape == image.shape
    wanted = [confidence(image) > 0.5 for image in read_video(video)]
    assert [len(frame.detections) > 0 for frame in net.detect_video(str(video), thresh=0.5)] == wanted
    assert 0 < sum(wanted) < len(wanted)


@pytest.mark.parametrize("average", [1, 2, 3])
def test_mean_of_the_last_frames(net: pydn.Network, video: Path, average: int) -> None:
    single = [confidence(image) for image in read_video(video)]
    wanted = [np.mean(single[max(0, last - average + 1) : last + 1]) for last in range(len(single))]
    for _ in range(2):  # a second video begins anew
        found = [frame.detections.confidence.max() for frame in net.detect_video(video, 0.0, average=average)]
        np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_frames_are_passed_over(net: pydn.Network, video: Path) -> None:
    frames = list(net.detect_video(video, thresh=0.0, skip=2))
    images = read_video(video)
    assert [frame.index for frame in frames] == [0, 3, 6]
    for frame in frames:
        np.testing.assert_array_equal(frame.image, images[frame.index])


def test_classifier(tmp_path: Path, video: Path) -> None:
    cfg = tmp_path / "classes.cfg"
    cfg.write_text("[net]\nwidth=4\nheight=4\nchannels=3\n[connected]\noutput=3\nactivation=linear\n[softmax]\n")
    with pydn.load(cfg, names=["a", "b", "c"]) as net:
        frames = list(net.predict_video(video, top=2, skip=1))
        assert [frame.index for frame in frames] == [0, 2, 4, 6]
        for frame in frames:
            assert list(frame.classification) == list(net.predict(frame.image, top=2))
        with pytest.raises(pydn.UnsupportedError):
            next(net.detect_video(video))


def test_classifier_of_stretched_frames(tmp_path: Path) -> None:
    cfg = tmp_path / "classes.cfg"
    cfg.write_text("[net]\nwidth=4\nheight=4\nchannels=3\n[connected]\noutput=3\nactivation=linear\n[softmax]\n")
    slope = np.linspace(0, 255, SIZE[0])[None, :, None]
    video = write_video(tmp_path / "slope.avi", [slope])
    image = read_video(video)[0]
    with pydn.load(cfg) as net:
        frame = next(predict_video(net, video, top=3, stretch=True))
        wanted = net.forward(detector_input(image, 4, 4)[None])[0].reshape(-1)
        assert frame.classification.probabilities.tolist() == wanted.tolist()
        cropped = next(net.predict_video(video, top=3)).classification
        assert cropped.probabilities.tolist() == net.predict(image).probabilities.tolist() != wanted.tolist()


def test_leaving_early_ends_the_thread(net: pydn.Network, video: Path) -> None:
    frames = net.detect_video(video)
    next(frames)
    assert threads() == ["pydn-ahead"]
    frames.close()
    assert threads() == []
    video.rename(video.with_name("no longer open.avi"))


def test_a_repeated_frame(video: Path) -> None:
    pictures = Video(video, repeat=True).pictures()
    several = [next(pictures) for _ in range(20)]
    assert [picture.index for picture in several] == list(range(20))
    assert all(picture.image is several[0].image for picture in several)
    pictures.close()


def test_sources_that_cannot_be_read(net: pydn.Network, tmp_path: Path) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("no video")
    with pytest.raises(FileNotFoundError, match=r"absent\.mp4"):
        net.detect_video("absent.mp4")
    with pytest.raises(IsADirectoryError):
        net.detect_video(tmp_path)
    with pytest.raises(pydn.DataError, match=r"text\.mp4"):
        net.detect_video(text)
    with pytest.raises(pydn.DataError, match="rtsp"):
        net.detect_video("rtsp://127.0.0.1:1/none")
    with pytest.raises(OSError, match="camera 987"):
        net.detect_video(987)
    for wrong in ({"skip": -1}, {"average": 0}, {"thresh": 2}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            net.detect_video(write_video(tmp_path / "grey.avi"), **wrong)
    assert threads() == []


def test_a_video_that_breaks_off(tmp_path: Path, video: Path) -> None:
    whole = write_video(tmp_path / "long.avi", [level for level in LEVELS for _ in range(8)]).read_bytes()
    cut = tmp_path / "cut.avi"
    cut.write_bytes(whole[: len(whole) // 2])
    assert 0 < len(list(Video(cut).pictures())) < 8 * len(LEVELS)


def numbers(stop: int, closed: list[bool]) -> Generator[int]:
    try:
        yield from range(stop)
    finally:
        closed.append(True)


def test_running_ahead() -> None:
    closed: list[bool] = []
    assert list(Ahead(numbers(50, closed), 3)) == list(range(50))
    assert closed == [True]
    ahead = Ahead(numbers(50, closed), 3)
    assert next(ahead) == 0
    ahead.close()
    assert (closed, list(ahead)) == ([True, True], [])


def test_what_is_live_gives_its_newest() -> None:
    closed: list[bool] = []
    ahead = Ahead(numbers(50, closed), 1, newest=True)
    while not closed:
        time.sleep(0.01)
    assert list(ahead) == [49]


def test_an_error_comes_after_what_was_read() -> None:
    def failing() -> Generator[int]:
        yield 1
        raise OSError("the cable is out")

    ahead = Ahead(failing(), 3)
    assert next(ahead) == 1
    with pytest.raises(OSError, match="cable"):
        next(ahead)
