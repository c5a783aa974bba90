"""What becomes of frames: files that are whole or not there, servers on this machine only."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pydn import Detections, UnsupportedError
from pydn.files import GrowingFile
from pydn.video import JpegFiles, JsonFile, Outputs, Shown, Sink, Video, VideoFile, VideoFrame
from pydn.video.servers import JsonServer, MjpegServer

from .video_data import read_video

SIZE = (64, 48)


def shown(index: int, level: int = 100, size: tuple[int, int] = SIZE) -> Shown:
    image = np.full((size[1], size[0], 3), level, np.uint8)
    box: Any = [[8, 8, 40, 40]]
    found = Detections(box, [0.9], [index], [0.9], ["naïve"], size)  # type: ignore[arg-type]
    return Shown(VideoFrame(image, index, index / 10, found))


@pytest.mark.parametrize("name", ["a.mp4", "a.avi", "a.mkv", "a.mov", "A.MP4"])
def test_video_files(tmp_path: Path, name: str) -> None:
    sink = VideoFile(tmp_path / name, 12.5)
    for index in range(9):
        sink.write(shown(index, 20 * index))
    sink.write(shown(9, 180, (128, 96)))  # a stream may change its size
    assert not (tmp_path / name).exists()
    sink.close()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    frames = read_video(tmp_path / name)
    assert len(frames) == 10
    assert {frame.shape for frame in frames} == {(48, 64, 3)}
    assert cv2.VideoCapture(str(tmp_path / name)).get(cv2.CAP_PROP_FPS) == pytest.approx(12.5, rel=0.01)
    corners = [float(frame[44:, 56:].mean()) for frame in frames]
    assert corners == pytest.approx([20 * index for index in range(10)], abs=12)


def test_video_files_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match=r"a\.gif: the name of a video must end in \.mp4"):
        VideoFile(tmp_path / "a.gif", 10)
    with pytest.raises(FileNotFoundError) as caught:
        VideoFile(tmp_path / "absent" / "a.mp4", 10)
    assert caught.value.filename == str(tmp_path / "absent" / "a.mp4")
    VideoFile(tmp_path / "empty.mp4", 10).close()
    assert list(tmp_path.iterdir()) == []


def test_boxes_or_not() -> None:
    drawn, plain = shown(0), Shown(shown(0).frame, boxes=False)
    assert drawn.picture is drawn.picture
    assert (drawn.picture != 100).any()
    assert (plain.picture == 100).all()


def test_json_file(tmp_path: Path) -> None:
    path = tmp_path / "objects.json"
    path.write_text("before")
    with closing(JsonFile(path)) as sink:
        for index in range(3):
            sink.write(shown(index))
        assert path.read_text() == "before"
    frames = json.loads(path.read_text(encoding="utf-8"))
    assert [frame["frame_id"] for frame in frames] == [1, 2, 3]
    assert frames[2]["objects"] == [
        {
            "class_id": 2,
            "name": "naïve",
            "relative_coordinates": {"center_x": 0.375, "center_y": 0.5, "width": 0.5, "height": 0.666667},
            "confidence": 0.9,
        }
    ]
    JsonFile(path).close()
    assert json.loads(path.read_text()) == []
    assert list(tmp_path.iterdir()) == [path]


def test_jpeg_files(tmp_path: Path) -> None:
    sink = JpegFiles(str(tmp_path / "out"))
    for index in range(2):
        sink.write(shown(index))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out_00000001.jpg", "out_00000002.jpg"]
    assert cv2.imread(str(tmp_path / "out_00000002.jpg")).shape == (48, 64, 3)


def test_growing_file(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_text("old")
    (tmp_path / "link").symlink_to(path)
    file = GrowingFile(tmp_path / "link")
    file.part.write_text("new")
    assert path.read_text() == "old"
    file.finish()
    assert (path.read_text(), (tmp_path / "link").is_symlink()) == ("new", True)
    GrowingFile(path).discard()
    assert path.read_text() == "new"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.bin", "link"]


class Broken:
    """A sink whose disk is full at the second frame."""

    def __init__(self) -> None:
        self.written, self.closed = 0, False

    def write(self, _: Shown) -> None:
        self.written += 1
        if self.written == 2:
            raise OSError(28, "the disk is full", "a.mp4")

    def close(self) -> None:
        self.closed = True


def test_a_sink_that_fails(tmp_path: Path) -> None:
    broken = Broken()
    sinks: list[Sink] = [JsonFile(tmp_path / "a.json"), broken]
    outputs = Outputs(sinks)
    outputs.write(shown(0))
    outputs.write(shown(1))
    while broken.written < 2:
        time.sleep(0.001)
    time.sleep(0.05)
    with pytest.raises(OSError, match="the disk is full"):
        outputs.write(shown(2))
    outputs.close()
    assert (broken.written, broken.closed) == (2, True)
    assert len(json.loads((tmp_path / "a.json").read_text())) == 2
    outputs = Outputs([broken := Broken()])
    outputs.write(shown(0))
    outputs.write(shown(1))
    with pytest.raises(OSError, match="the disk is full"):
        outputs.close()
    assert broken.closed


@pytest.fixture
def pictures() -> Iterator[MjpegServer]:
    with closing(MjpegServer(0)) as server:
        yield server


@pytest.fixture
def objects() -> Iterator[JsonServer]:
    with closing(JsonServer(0)) as server:
        yield server


def get(port: int, path: str, accept: str = "*/*") -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers={"Accept": accept})
    return connection.getresponse()


def next_part(response: http.client.HTTPResponse) -> np.ndarray:
    """The next picture of a multipart stream, whose first boundary has been read."""
    assert response.readline() == b"Content-Type: image/jpeg\r\n"
    length = int(response.readline().removeprefix(b"Content-Length: "))
    assert response.readline() == b"\r\n"
    data = response.read(length)
    assert response.readline() == b"\r\n"
    assert response.readline() == b"--mjpegstream\r\n"  # Firefox shows a picture when it sees what is behind it
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


@pytest.mark.parametrize("path", ["/", "/stream", "/stream?again"])
def test_stream_of_pictures(pictures: MjpegServer, path: str) -> None:
    pictures.write(shown(0, 40))
    first, second = get(pictures.port, path), get(pictures.port, path)
    assert first.getheader("Content-Type") == "multipart/x-mixed-replace; boundary=mjpegstream"
    for client in (first, second):
        assert client.readline() == b"--mjpegstream\r\n"
        assert next_part(client).shape == (48, 64, 3)
    pictures.write(shown(1, 200))
    for client in (first, second):
        assert next_part(client)[44:, 56:].mean() == pytest.approx(200, abs=5)
    pictures.close()
    for client in (first, second):
        assert client.read() == b""


def test_a_still_picture_is_sent_again(pictures: MjpegServer) -> None:
    pictures.write(shown(0, 40))
    client = get(pictures.port, "/stream")
    client.readline()
    for _ in range(2):
        assert next_part(client)[44:, 56:].mean() == pytest.approx(40, abs=5)


def test_page(pictures: MjpegServer) -> None:
    page = get(pictures.port, "/", "text/html,application/xhtml+xml,*/*;q=0.8")
    assert page.getheader("Content-Type") == "text/html; charset=utf-8"
    assert b'<img src="stream"' in page.read()
    pictures.write(shown(0))
    picture = get(pictures.port, "/frame.jpg")
    assert picture.getheader("Content-Type") == "image/jpeg"
    assert cv2.imdecode(np.frombuffer(picture.read(), np.uint8), cv2.IMREAD_COLOR).shape == (48, 64, 3)
    assert get(pictures.port, "/../etc/passwd").status == 404


def test_opencv_reads_the_stream(pictures: MjpegServer) -> None:
    ended = threading.Event()

    def write() -> None:
        index = 0
        while not ended.wait(0.02):
            pictures.write(shown(index, 200))
            index += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        video = Video(pictures.url)
        assert video.live
        with closing(video.pictures()) as frames:
            several = [next(frames) for _ in range(5)]
    finally:
        ended.set()
        writer.join()
    assert [frame.image.shape for frame in several] == [(48, 64, 3)] * 5
    assert several[4].image[44:, 56:].mean() == pytest.approx(200, abs=5)
    assert 0 == several[0].seconds < several[4].seconds


def test_slow_clients_do_not_stall(pictures: MjpegServer) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    none = Detections.empty((640, 480))
    slow = socket.create_connection(("127.0.0.1", pictures.port))  # asks, and never reads
    slow.sendall(b"GET /stream HTTP/1.0\r\n\r\n")
    quick = get(pictures.port, "/stream")
    quick.readline()
    longest = 0.0
    for index in range(60):  # together far more than sockets hold
        start = time.perf_counter()
        pictures.write(Shown(VideoFrame(noise, index, 0.0, none)))
        longest = max(longest, time.perf_counter() - start)
        next_part(quick)
    assert longest < 10  # not until the slow one reads, which is never
    pictures.close()
    slow.close()


def test_stream_of_objects(objects: JsonServer) -> None:
    client = get(objects.port, "/")
    assert client.getheader("Content-Type") == "application/json"
    while not objects._waiting:
        time.sleep(0.01)
    for index in range(5):
        objects.write(shown(index))
    start = client.read(2)
    assert start == b"[\n"
    late = get(objects.port, "/")
    while len(objects._waiting) < 2:
        time.sleep(0.01)
    objects.write(shown(5))
    objects.close()
    assert [frame["frame_id"] for frame in json.loads(start + client.read())] == [1, 2, 3, 4, 5, 6]
    assert [frame["frame_id"] for frame in json.loads(late.read())] == [6]


def test_nothing_to_send(objects: JsonServer) -> None:
    client = get(objects.port, "/")
    assert get(objects.port, "/else").status == 404
    objects.close()
    assert json.loads(client.read()) == []


@pytest.mark.parametrize("kind", [MjpegServer, JsonServer])
def test_only_this_machine(kind: type[MjpegServer | JsonServer]) -> None:
    with closing(kind(0)) as server:
        assert server.url == f"http://127.0.0.1:{server.port}/"
        with pytest.raises(ConnectionRefusedError):  # an address of this machine, but another one
            socket.create_connection(("127.0.0.2", server.port), timeout=5)
        with pytest.raises(OSError, match="choose another port") as caught:
            kind(server.port)
        assert caught.value.filename == f"127.0.0.1:{server.port}"
    with closing(kind(server.port)):  # it is free again
        pass
    with closing(kind(0, "0.0.0.0")) as server:
        socket.create_connection(("127.0.0.2", server.port), timeout=5).close()
