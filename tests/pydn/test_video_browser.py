"""The page of a video in a browser, where Chromium is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest

from pydn import Detections
from pydn.video import Shown, VideoFrame
from pydn.video.servers import MjpegServer

_BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_ORANGE = (30, 140, 240)


@pytest.mark.skipif(_BROWSER is None, reason="Chromium is not installed")
def test_a_person_sees_the_video(tmp_path: Path) -> None:
    assert _BROWSER is not None
    frame = VideoFrame(np.full((240, 320, 3), _ORANGE, np.uint8), 0, 0.0, Detections.empty((320, 240)))
    picture = tmp_path / "page.png"
    command = [_BROWSER, "--headless", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={tmp_path / 'profile'}"]
    if os.name == "posix" and os.getuid() == 0:
        command.append("--no-sandbox")
    with closing(MjpegServer(0)) as server:
        server.write(Shown(frame))
        subprocess.run(
            [*command, "--window-size=640,480", "--timeout=5000", f"--screenshot={picture}", server.url],
            check=True,
            capture_output=True,
            timeout=60,
        )
    page = cv2.imread(str(picture))
    assert page is not None
    middle = (page.astype(int) - _ORANGE)[page.shape[0] // 2 - 100 : page.shape[0] // 2 + 100, 170:470]
    assert np.abs(middle).max() < 12
    assert np.abs(page[5, 5].astype(int) - 0x22).max() == 0  # beside it the page's own grey
