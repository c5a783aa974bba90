"""Time of a training step (forward, backward, update) of pydn and of PyTorch on one darknet network.

Both get the same weights, input and deltas of the heads in place of a loss, and take turns in processes of their own.

usage: python benchmarks/training.py CFG [--batch N] [--threads N] [--rounds N] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

RATE, MOMENTUM, DECAY = 1e-4, 0.9, 5e-4
WAIT = 0.3  # seconds, until the threads of the runtime before stop spinning
Step = Callable[[], None]
Runner = tuple[Step, Callable[[], np.ndarray]]  # a step, and the gradient of the first layer's weights before any


# ---- runners: given a folder with net.cfg, net.weights, x.npy, deltas.npz ----


def run_pydn(folder: Path, threads: int) -> Runner:
    import pydn
    from pydn._core.training import TrainingNetwork

    pydn.set_num_threads(threads)
    x, deltas = np.load(folder / "x.npy"), np.load(folder / "deltas.npz")
    cfg, weights = (folder / "net.cfg").read_bytes(), (folder / "net.weights").read_bytes()
    net = TrainingNetwork(cfg, weights, batch=len(x), training=True)
    heads = [(int(name), deltas[name]) for name in deltas.files]

    def gradients() -> None:
        net.forward(x)
        for layer, values in heads:
            delta = net.delta(layer)
            delta[...] = values.reshape(delta.shape)
        net.backward()

    def step() -> None:
        gradients()
        net.update(learning_rate=RATE, images=len(x), momentum=MOMENTUM, decay=DECAY)

    def first() -> np.ndarray:
        gradients()
        return -np.array(net.gradient(0, "weights"))

    return step, first


def run_torch(folder: Path, threads: int, memory_format: str) -> Runner:
    import torch
    from twin import Twin

    import pydn

    torch.set_num_threads(threads)
    x, deltas = torch.from_numpy(np.load(folder / "x.npy")), np.load(folder / "deltas.npz")
    layout = getattr(torch, memory_format)
    net = pydn.load(folder / "net.cfg", folder / "net.weights")
    twin = Twin(net).train().to(memory_format=layout)
    x = x.to(memory_format=layout)
    given = [-torch.from_numpy(deltas[name]) for name in deltas.files]
    optimizer = torch.optim.SGD(twin.parameters(), lr=RATE / len(x), momentum=MOMENTUM, weight_decay=DECAY)

    def gradients() -> None:
        optimizer.zero_grad()
        torch.autograd.backward(twin(x), given)

    def step() -> None:
        gradients()
        optimizer.step()

    def first() -> np.ndarray:
        gradients()
        return next(twin.parameters()).grad.numpy().copy()

    return step, first


RUNNERS: dict[str, Callable[[Path, int], Runner]] = {
    "pydn": run_pydn,
    "torch": lambda folder, threads: run_torch(folder, threads, "contiguous_format"),
    "torch channels-last": lambda folder, threads: run_torch(folder, threads, "channels_last"),
}


def prepare(cfg: Path, batch: int, folder: Path) -> float:
    """Write everything that the workers read; gives GFLOP of a step: the forward's, for its deltas and its weights."""
    import torch
    from twin import Twin, randomize

    import pydn

    text = cfg.read_text()
    (folder / "net.cfg").write_text(text)
    net = pydn.load(folder / "net.cfg", batch=batch)
    randomize(net)
    net.save(folder / "net.weights")
    rng = np.random.default_rng(1)
    x = rng.random((batch, net.channels, net.height, net.width), dtype="f4")
    np.save(folder / "x.npy", x)
    with torch.no_grad():
        heads = Twin(net).eval()(torch.from_numpy(x))
    deltas = {str(k): rng.standard_normal(h.shape, dtype="f4") for k, h in zip(net.head_layers, heads, strict=True)}
    np.savez(folder / "deltas.npz", **deltas)
    return 3 * net.flops * batch / 1e9


def worker(name: str, folder: Path, threads: int) -> None:
    """Say that it is ready, then answer every line of input with the seconds of a step."""
    step, first = RUNNERS[name](folder, threads)
    np.save(folder / f"{name}.npy", first())
    step()
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        step()
        print(time.perf_counter() - start, flush=True)


class Worker:
    def __init__(self, name: str, folder: Path, threads: int) -> None:
        self.name, self.times = name, list[float]()
        command = [sys.executable, __file__, "--worker", name, "--folder", str(folder), "--threads", str(threads)]
        settings = {"OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "PASSIVE"}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | settings
        )
        self.answer()

    def answer(self) -> str:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended early")
        return line

    def measure(self) -> None:
        assert self.process.stdin
        time.sleep(WAIT)
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        self.times.append(float(self.answer()))

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(10)


def report(workers: list[Worker], folder: Path, gflop: float) -> list[dict[str, Any]]:
    own = next(statistics.median(one.times) for one in workers if one.name == "pydn")
    expected = np.load(folder / "torch.npy")
    print(f"{'runtime':20s} {'median ms':>10s} {'min ms':>8s} {'to pydn':>8s} {'GFLOP/s':>8s}  difference")
    table = []
    for one in workers:
        median, best = statistics.median(one.times), min(one.times)
        difference = float(np.abs(np.load(folder / f"{one.name}.npy") - expected).max() / np.abs(expected).max())
        row = {"runtime": one.name, "median": median, "min": best, "ratio": median / own, "difference": difference}
        table.append(row)
        print(
            f"{one.name:20s} {median * 1e3:10.1f} {best * 1e3:8.1f} {median / own:8.2f} {gflop / median:8.1f}  "
            f"{difference:.1e}"
        )
    return table


def compare(given: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        gflop = prepare(given.cfg, given.batch, folder)
        print(f"{given.cfg.name}: {gflop:.1f} GFLOP a step, batch {given.batch}, {given.threads} threads")
        workers = [Worker(one, folder, given.threads) for one in RUNNERS]
        for _ in range(given.rounds):
            for one in workers:
                one.measure()
        table = report(workers, folder, gflop)
        for one in workers:
            one.close()
    if given.json:
        given.json.write_text(json.dumps({"cfg": given.cfg.name, "batch": given.batch, "gflop": gflop, "table": table}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cfg", type=Path, nargs="?")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", type=Path, help="write the table here too")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        worker(given.worker, given.folder, given.threads)
    elif given.cfg is None:
        parser.error("a cfg is needed")
    else:
        compare(given)


if __name__ == "__main__":
    main()
