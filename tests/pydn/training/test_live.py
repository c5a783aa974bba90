"""The page that shows a training: what it is told, and who is turned away."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest

import pydn
from pydn import demo_training
from pydn.training import LivePage, TrainResult
from pydn.training.live_page import PAGE
from pydn.training.measuring import Judge
from pydn.training.samples import Sample, Samples

from .watching import result_of, trained


def ask(url: str, path: str, **headers: str) -> tuple[int, bytes, http.client.HTTPResponse]:
    place = urlsplit(url)
    connection = http.client.HTTPConnection(str(place.hostname), int(place.port or 0), timeout=10)
    try:
        connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read(), answer
    finally:
        connection.close()


def data_of(page: LivePage) -> dict[str, Any]:
    status, body, _ = ask(page.url, "/data.json")
    assert status == 200
    found: dict[str, Any] = json.loads(body)
    return found


@pytest.fixture
def page() -> Iterator[LivePage]:
    made = LivePage(0)
    yield made
    made._server.close()


def test_what_it_tells() -> None:
    page, seen = LivePage(0, samples=lambda: [Sample("a picture", b"its bytes")]), list[dict[str, Any]]()
    seen.append(data_of(page))

    def look(*_: object) -> None:
        seen.append(data_of(page))
        if seen[-1]["samples"]:
            assert ask(page.url, f"/{seen[-1]['samples'][0][0]}")[1] == b"its bytes"
            assert ask(page.url, "/sample/1")[0] == 404

    result = trained(6, [page, look], judge=Judge("map", lambda _: 0.25), score_every=3, epoch=8, base="small")
    assert seen[0]["state"] == "starting"
    last = seen[-1]
    assert (last["state"], last["name"], last["iteration"], last["end"]) == ("running", "small", 6, 6)
    assert (last["images"], last["epoch"]) == (24, 3.0)
    assert last["rate"] > 0
    assert seen[3]["left"] == pytest.approx(3 / seen[3]["rate"])
    assert last["curves"] == {
        name: [getattr(step, name) for step in result]
        for name in ("iteration", "loss", "average_loss", "learning_rate")
    }
    assert last["scores"] == {"map": [[3, 0.25], [6, 0.25]]}
    assert last["samples"] == [["sample/0?1", "a picture"]]


def test_nothing_serves_when_it_is_over() -> None:
    page = LivePage(0)
    trained(1, [page])
    with pytest.raises(OSError):
        ask(page.url, "/")


def test_who_watches_sees_how_it_ended() -> None:
    page, states, begun = LivePage(0), list[str](), threading.Event()

    def watch() -> None:
        while not states or states[-1] != "finished":
            states.append(data_of(page)["state"])
            begun.set()
            time.sleep(0.05)

    watcher = threading.Thread(target=watch)
    watcher.start()
    assert begun.wait(10)
    trained(2, [page])
    watcher.join(10)
    assert states[-1] == "finished"


def test_what_was_before_and_long_curves() -> None:
    """Of 5000 iterations not more than 600 are sent, the last among them; what is no number is null."""
    past = result_of([1.0] * 4998 + [float("nan")], [(100, 0.5)])
    page, seen = LivePage(0, past=past), list[dict[str, Any]]()
    step = result_of([1.0] * 5000).steps[-1]

    class Stub:
        result, end = TrainResult([step]), 6000

        class plan:  # noqa: N801
            base, epoch = "x", 0

    page(Stub(), step)  # type: ignore[arg-type]
    seen.append(data_of(page))
    page._server.close()
    curves = seen[0]["curves"]
    assert 500 < len(curves["iteration"]) <= 600
    assert curves["iteration"][-1] == 5000
    assert {len(values) for values in curves.values()} == {len(curves["iteration"])}
    assert seen[0]["scores"] == {"map": [[100, 0.5]]}


def test_pictures_are_made_for_who_watches_only() -> None:
    made = 0

    def make() -> list[Sample]:
        nonlocal made
        made += 1
        return []

    trained(5, [LivePage(0, samples=make)])
    assert made == 0


def test_it_listens_on_loopback(page: LivePage) -> None:
    assert page.url.startswith("http://127.0.0.1:")
    hosts = set[str]()
    with contextlib.suppress(socket.gaierror):  # a machine that does not know its own name
        hosts = {str(info[4][0]) for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    for host in hosts - {"127.0.0.1", "127.0.1.1"}:
        with pytest.raises(OSError):
            socket.create_connection((host, urlsplit(page.url).port or 0), timeout=2)
    assert page._server._http.socket.getsockname()[0] == "127.0.0.1"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Sec_Fetch_Site": "same-origin"}, 200),
        ({"Sec_Fetch_Site": "none"}, 200),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-site"}, 403),
        ({"Origin": "http://elsewhere.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "elsewhere.example"}, 403),
        ({"Host": "127.0.0.1.elsewhere.example:80"}, 403),
        ({"Host": "localhost"}, 200),
    ],
)
def test_strangers_get_no_data(page: LivePage, headers: dict[str, str], status: int) -> None:
    """Pages of other origins, and names that others let point here."""
    assert ask(page.url, "/data.json", **headers)[0] == status
    assert ask(page.url, "/sample/0", **headers)[0] == (404 if status == 200 else status)


def test_the_page_may_be_opened_from_a_link(page: LivePage) -> None:
    status, body, answer = ask(page.url, "/", Sec_Fetch_Site="cross-site")
    assert (status, body.decode()) == (200, PAGE)
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert answer.headers["Access-Control-Allow-Origin"] is None


def test_other_paths(page: LivePage) -> None:
    assert [ask(page.url, path)[0] for path in ("/favicon.ico", "/x", "/sample/0", "/sample/x")] == [204, 404, 404, 404]


def test_nothing_comes_from_elsewhere() -> None:
    assert not re.search(r"(src|href|url)\s*[=(]\s*[\"']?(https?:)?//", PAGE)
    assert set(re.findall(r"https?://\S+", PAGE)) == set()


def test_a_port_in_use_is_told(page: LivePage) -> None:
    with pytest.raises(OSError, match="choose another port"):
        LivePage(urlsplit(page.url).port or 0)


def test_samples_of_a_detector(tmp_path: Path) -> None:
    """Those of valid=, small; a picture that cannot be read is left out."""
    data = pydn.DataFile.read(demo_training.draw_set(tmp_path, 1, 9))
    cv2.imwrite(str(tmp_path / "valid0000.png"), np.zeros((900, 1200, 3), np.uint8))
    (tmp_path / "valid0001.png").write_text("no picture")
    with pydn.load(demo_training.cfg(), data=data) as net:
        found = Samples(net, data)()
    assert [sample.text.partition(":")[0] for sample in found] == [f"valid000{k}.png" for k in (0, 2, 3, 4, 5)]
    shapes = [cv2.imdecode(np.frombuffer(sample.jpeg, np.uint8), 1).shape for sample in found]
    assert shapes[0] == (360, 480, 3)
    assert shapes[1] == (demo_training.HEIGHT // 2, demo_training.WIDTH // 2, 3)


def test_samples_of_a_classifier(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "one.png"), np.full((8, 8, 3), 90, np.uint8))
    with pydn.load(b"[net]\nwidth=4\nheight=4\nchannels=3\n[convolutional]\nfilters=1\n[avgpool]\n[softmax]\n") as net:
        (sample,) = Samples(net, [tmp_path / "one.png"])()
    assert sample.text == "one.png: class 0 100%"


def test_watching_changes_no_weight(tmp_path: Path) -> None:
    """Pictures that are looked at between iterations leave the training as it is."""
    data = pydn.DataFile.read(demo_training.draw_set(tmp_path, 16, 2))
    weights = []
    for watched in (False, True):
        with pydn.load(demo_training.cfg(4), data=data) as net:
            page = LivePage(0, samples=Samples(net, data))
            if watched:
                data_of(page)
            net.train(data, seed=2, backup=tmp_path / "made", callbacks=[page], workers=1)
            assert bool(page.state.samples) == watched
            weights.append(b"".join(np.asarray(values).tobytes() for values in net.weights.values()))
    assert weights[0] == weights[1]
