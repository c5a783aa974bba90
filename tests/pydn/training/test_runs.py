"""Whole trainings on a drawn set: the same weights however often, by however many threads, killed or not."""

import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import pydn
from pydn.demo_training import cfg, draw_set

TINY = """[net]
batch=4
width=64
height=64
channels=3
learning_rate=0.01
burn_in=20
max_batches=200
policy=steps
steps=150
scales=.1
hue=.1
mosaic=1
[convolutional]
batch_normalize=1
filters=8
size=3
stride=4
pad=1
activation=leaky
[dropout]
probability=.1
[convolutional]
batch_normalize=1
filters=8
size=3
stride=4
pad=1
activation=leaky
[convolutional]
filters=27
activation=linear
[yolo]
mask=0,1,2
anchors=8,8, 11,11, 14,14
classes=4
num=3
jitter=.2
random=1
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> pydn.DataFile:
    return pydn.DataFile.read(draw_set(tmp_path_factory.mktemp("shapes"), 20, 4))


def weights(data: pydn.DataFile, **options: object) -> bytes:
    with pydn.load(cfg(40), data=data) as net:
        net.train(data, iterations=6, seed=5, **options)
        return net.weights.tobytes()


def test_again_and_by_other_threads(data: pydn.DataFile, tmp_path: Path) -> None:
    once = weights(data, backup=tmp_path, workers=1)
    assert weights(data, backup=tmp_path, workers=1) == once
    assert weights(data, backup=tmp_path, workers=4) == once


def test_two_thread_counts_agree(data: pydn.DataFile, tmp_path: Path) -> None:
    """Sums of gradients do not depend on who adds: the split of the work follows from shapes alone."""
    results = []
    for threads in (1, 2):
        pydn.set_num_threads(threads)
        results.append(np.frombuffer(weights(data, backup=tmp_path)[20:], np.float32))
    np.testing.assert_allclose(results[0], results[1], rtol=1e-5, atol=1e-6)


def test_another_seed_gives_other_weights(data: pydn.DataFile, tmp_path: Path) -> None:
    once = weights(data, backup=tmp_path)
    with pydn.load(cfg(40), data=data) as net:
        net.train(data, iterations=6, seed=6, backup=tmp_path)
        assert net.weights.tobytes() != once


class Verb:
    """``pydn detector train -resume``, each time in a process of its own."""

    def __init__(self, data: pydn.DataFile, folder: Path) -> None:
        assert data.path is not None
        self.folder = folder
        (folder / "tiny.cfg").write_text(TINY)
        lists = f"train={data.path.parent / 'train.txt'}\nbackup={folder / 'backup'}\n"
        (folder / "tiny.data").write_text(f"classes=4\n{lists}")

    def __call__(self, workers: int, end_at: int | None = None, after: float = 0.0) -> int:
        """Run it; kill it `after` seconds from the end of iteration `end_at`. Returns how many iterations ended."""
        words = f"-m pydn detector train tiny.data tiny.cfg -seed 5 -resume -savelast 30 -workers {workers}"
        command = [sys.executable, *words.split()]
        done = 0
        with subprocess.Popen(command, cwd=self.folder, stdout=-1, stderr=subprocess.DEVNULL, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                done = int(found[1]) if (found := re.match(r" (\d+): ", line)) else done
                if done == end_at and found:
                    time.sleep(after)
                    process.kill()
                    break
        assert process.returncode == (0 if end_at is None else -signal.SIGKILL)
        return done

    @property
    def files(self) -> dict[str, bytes]:
        """The weights that are there."""
        return {path.name: path.read_bytes() for path in (self.folder / "backup").glob("*.weights")}


def test_killed_and_resumed(data: pydn.DataFile, tmp_path: Path, thorough: bool) -> None:
    """A process that is killed loses what came after the last save; the end is the same to the byte.

    200 iterations with images of changing sizes; the verb is killed anywhere, and goes on with other threads.
    """
    folders = [tmp_path / str(number) for number in range(21 if thorough else 2)]
    for folder in folders:
        folder.mkdir()
    whole = Verb(data, folders[0])
    assert whole(workers=1) == 200
    expected = whole.files
    assert set(expected) == {"tiny_last.weights", "tiny_final.weights"}
    for number, folder in enumerate(folders[1:], 1):
        killed, choice = Verb(data, folder), random.Random(number)
        killed(2, choice.randint(1, 199), choice.uniform(0, 0.02))
        assert "tiny_final.weights" not in killed.files
        assert killed(workers=4 if number % 2 else 1) == 200
        assert killed.files == expected
