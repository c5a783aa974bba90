"""Whole trainings on a drawn set: the same weights however often, by however many threads, killed or not."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import pydn
from pydn.demo_training import cfg, draw_set

RUN = """
import sys, pydn
from pydn.demo_training import cfg
data = pydn.DataFile.read(sys.argv[1])
net = pydn.load(cfg(40), data=data)
for step in net.training(data, backup=sys.argv[2], base="n", resume=True, iterations=int(sys.argv[3]), seed=5):
    if step.iteration == int(sys.argv[4]):
        import os, signal
        os.kill(os.getpid(), signal.SIGKILL)
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


def test_killed_and_resumed(data: pydn.DataFile, tmp_path: Path) -> None:
    """A process that is killed loses what came after the last save; the end is the same to the byte."""

    def run(folder: str, iterations: int, kill: int = -1) -> int:
        command = [sys.executable, "-c", RUN, str(data.path), str(tmp_path / folder), str(iterations), str(kill)]
        return subprocess.run(command, check=False, capture_output=True, timeout=300).returncode

    assert run("whole", 112) == 0
    assert run("killed", 112, kill=107) == -9
    assert run("killed", 112) == 0
    for name in ("n_final.weights", "n_100.weights"):
        whole, killed = tmp_path / "whole" / name, tmp_path / "killed" / name
        assert whole.exists() == killed.exists()
        if whole.exists():
            assert whole.read_bytes() == killed.read_bytes()
    assert (tmp_path / "killed/n_final.weights").exists()
