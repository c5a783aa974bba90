"""The page of a training in a browser, where Chromium is installed, while the training runs."""

from __future__ import annotations

import threading
from pathlib import Path

import cv2
import pytest

import pydn
from pydn import demo_training
from pydn.training import LivePage, Step, TrainResult
from pydn.training.samples import Samples
from pydn.training.trainer import Trainer

from .browser import BROWSER, Browser

pytestmark = pytest.mark.skipif(BROWSER is None, reason="Chromium is not installed")
AVERAGE = "document.querySelector('polyline.average').getAttribute('points').split(' ').length"


class Gate:
    """Callback that lets a training go on so far."""

    def __init__(self) -> None:
        self.until, self.changed = 0, threading.Condition()

    def __call__(self, trainer: Trainer, step: Step) -> None:
        with self.changed:
            self.changed.wait_for(lambda: step.iteration < self.until, timeout=60)

    def open(self, until: int) -> None:
        with self.changed:
            self.until = until
            self.changed.notify_all()


def test_a_person_sees_the_training(tmp_path: Path) -> None:
    data = pydn.DataFile.read(demo_training.draw_set(tmp_path, 16, 3))
    gate, results = Gate(), list[TrainResult]()
    with pydn.load(demo_training.cfg(9), data=data) as net, Browser(tmp_path / "profile") as browser:
        page = LivePage(0, samples=Samples(net, data))
        options = {"measure": "map", "measure_every": 2, "workers": 1, "callbacks": [page, gate]}
        training = threading.Thread(target=lambda: results.append(net.train(data, **options)))
        browser("Page.navigate", url=page.url)
        browser.wait("document.readyState === 'complete'")
        training.start()
        browser.wait(f"document.querySelector('polyline.average') && {AVERAGE} === 1")
        gate.open(6)
        browser.wait(f"{AVERAGE} === 6")
        told = {name: browser.value(f"document.getElementById('{name}').textContent") for name in ("state", "facts")}
        assert told["state"] == "running"
        assert told["facts"].startswith("iteration6 of 9")
        assert browser.value("document.querySelectorAll('circle.score').length") == 3
        assert browser.value("document.querySelectorAll('polyline.rate').length") == 1
        browser.wait("[...document.querySelectorAll('#samples img')].filter((i) => i.naturalWidth).length === 3")
        browser.screenshot(tmp_path / "page.png")
        marks = "document.querySelectorAll('#losses text').length"
        before = browser.value("document.querySelector('polyline.average').getAttribute('points')")
        browser.value("document.getElementById('scale').click()")
        assert browser.value("document.querySelector('polyline.average').getAttribute('points')") != before
        assert browser.value(marks) > 6
        gate.open(100)
        browser.wait("document.getElementById('state').textContent === 'finished'")
        assert browser.value(AVERAGE) == 9
        training.join(30)
        assert browser.complaints == []
    assert len(results[0]) == 9
    picture = cv2.imread(str(tmp_path / "page.png"))
    blue = (abs(picture.astype(int) - (192, 101, 21)).max(2) < 40).sum()  # the average's curve and the bar
    assert blue > 500
