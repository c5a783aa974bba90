"""Inference time of pydn and of other runtimes on one darknet network: the same weights, input and number of threads.

usage: python benchmarks/inference.py CFG [WEIGHTS] [--batch N] [--threads N] [--rounds N] [--only a,b] [--json FILE]
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

Arrays = list[np.ndarray]
Forward = Callable[[], Arrays]


# ---- one runner per runtime: given a folder with net.cfg, net.weights, x.npy, net.onnx, …, a function to be timed ----


def run_pydn(folder: Path, x: np.ndarray, threads: int) -> Forward:
    import pydn

    pydn.set_num_threads(threads)
    net = pydn.load(folder / "net.cfg", folder / "net.weights", batch=len(x))
    return lambda: list(net.forward(x))


def run_onnxruntime(folder: Path, x: np.ndarray, threads: int) -> Forward:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(folder / "net.onnx", options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda: list(session.run(None, {name: x}))


def run_openvino(folder: Path, x: np.ndarray, threads: int) -> Forward:
    import openvino

    settings = {
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
    }
    compiled = openvino.Core().compile_model(folder / "net.onnx", "CPU", settings)
    return lambda: list(compiled(x).values())


def run_ncnn(folder: Path, x: np.ndarray, threads: int) -> Forward:
    import ncnn

    net = ncnn.Net()
    net.opt.num_threads = threads
    net.opt.use_bf16_storage = False
    net.opt.use_fp16_storage = net.opt.use_fp16_packed = net.opt.use_fp16_arithmetic = False
    if net.load_param(str(folder / "one.ncnn.param")) or net.load_model(str(folder / "one.ncnn.bin")):
        raise RuntimeError("pnnx made no ncnn files")
    heads = len(np.load(folder / "expected.npz").files)

    def image(one: np.ndarray) -> Arrays:
        extractor = net.create_extractor()
        extractor.input("in0", ncnn.Mat(one))
        return [np.array(extractor.extract(f"out{i}")[1]) for i in range(heads)]

    return lambda: [np.stack(head) for head in zip(*(image(one) for one in x), strict=True)]


def run_opencv(folder: Path, x: np.ndarray, threads: int) -> Forward:
    import cv2

    cv2.setNumThreads(threads)
    net = cv2.dnn.readNetFromDarknet(str(folder / "net.cfg"), str(folder / "net.weights"))
    names = net.getUnconnectedOutLayersNames()

    def forward() -> Arrays:
        net.setInput(x)
        return list(net.forward(names))

    return forward


def run_torch(folder: Path, x: np.ndarray, threads: int) -> Forward:
    import torch

    torch.set_num_threads(threads)
    module = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.load(folder / "net.pt").eval()))
    given = torch.from_numpy(x)

    def forward() -> Arrays:
        with torch.no_grad():
            return [head.numpy() for head in module(given)]

    return forward


RUNNERS: dict[str, Callable[[Path, np.ndarray, int], Forward]] = {
    "pydn": run_pydn,
    "onnxruntime": run_onnxruntime,
    "openvino": run_openvino,
    "ncnn": run_ncnn,
    "opencv": run_opencv,
    "torch": run_torch,
}


# ---- what all of them are given ----


def as_head(head: np.ndarray, facts: dict[str, Any], kind: str) -> np.ndarray | None:
    """Compute what pydn's head makes of its input; None for kinds whose output is in another order."""
    if kind == "softmax":
        return head
    if kind != "yolo" or facts.get("new_coords"):
        return None
    entries = head.reshape(len(head), len(facts["mask"]), -1, *head.shape[2:]).copy()
    for part in (slice(0, 2), slice(4, None)):
        entries[:, :, part] = 1 / (1 + np.exp(-entries[:, :, part]))
    scale = float(facts["scale_x_y"])
    entries[:, :, :2] = entries[:, :, :2] * scale - (scale - 1) / 2
    return entries.reshape(head.shape)


def prepare(cfg: Path, weights: Path | None, batch: int, threads: int, folder: Path, names: list[str]) -> float:
    """Write everything that the workers read; gives GFLOP of one forward."""
    import pydn

    net = pydn.load(cfg, weights, batch=batch)
    x = np.random.default_rng(1).random((batch, net.channels, net.height, net.width), dtype="f4")
    (folder / "net.cfg").write_bytes(cfg.read_bytes())
    np.save(folder / "x.npy", x)
    if weights is None:
        from twin import randomize

        randomize(net)
    net.save(folder / "net.weights")
    if set(names) - {"pydn", "opencv"}:
        export(net, x, folder, names, threads)
    return net.flops * batch / 1e9


def export(net: Any, x: np.ndarray, folder: Path, names: list[str], threads: int) -> None:
    import torch
    from twin import Twin

    torch.set_num_threads(threads)
    twin, given = Twin(net).eval(), torch.from_numpy(x)
    with torch.no_grad():
        heads = [head.numpy() for head in twin(given)]
        torch.jit.trace(twin, given).save(folder / "net.pt")
    np.savez(folder / "expected.npz", *heads)
    own = [as_head(h, net.layers[i].facts, net.layers[i].kind) for h, i in zip(heads, net.head_layers, strict=True)]
    if all(head is not None for head in own):
        np.savez(folder / "expected_pydn.npz", *own)
    if {"onnxruntime", "openvino"} & set(names):
        torch.onnx.export(twin, (given,), folder / "net.onnx", dynamo=False, opset_version=13)
    if "ncnn" in names:
        torch.jit.trace(twin, given[:1]).save(folder / "one.pt")  # ncnn knows no batches
        shape = ",".join(map(str, (1, *x.shape[1:])))
        subprocess.run(["pnnx", "one.pt", f"inputshape=[{shape}]", "fp16=0"], cwd=folder, capture_output=True)


# ---- workers ----


def difference(folder: Path, name: str, results: Arrays) -> float | None:
    file = folder / ("expected_pydn.npz" if name == "pydn" else "expected.npz")
    if name == "opencv" or not file.exists():
        return None
    expected = np.load(file)
    pairs = zip(results, (expected[key] for key in expected.files), strict=True)
    return max(float(np.abs(a.reshape(b.shape) - b).max() / np.abs(b).max()) for a, b in pairs)


def worker(name: str, folder: Path, threads: int) -> None:
    """Announce itself with one line, then answer every line of input with three times in seconds."""
    forward = RUNNERS[name](folder, np.load(folder / "x.npy"), threads)
    results = forward()
    forward()
    print(json.dumps({"difference": difference(folder, name, results)}), flush=True)
    for _ in sys.stdin:
        times = []
        for _ in range(3):
            start = time.perf_counter()
            forward()
            times.append(time.perf_counter() - start)
        print(json.dumps(times), flush=True)


class Worker:
    def __init__(self, name: str, folder: Path, threads: int) -> None:
        self.name, self.times = name, list[float]()
        command = [sys.executable, __file__, "--worker", name, "--folder", str(folder), "--threads", str(threads)]
        settings = {"OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "PASSIVE"}
        with (folder / f"{name}.log").open("w") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, env=os.environ | settings
            )
        self.difference: float | None = self.answer("difference")["difference"]

    def answer(self, marker: str) -> Any:
        assert self.process.stdout
        for line in self.process.stdout:
            if marker in line or line.startswith("["):
                return json.loads(line)
        raise RuntimeError("ended early")

    def measure(self) -> None:
        assert self.process.stdin
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        self.times += self.answer("[")

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(10)


def start(names: list[str], folder: Path, threads: int) -> list[Worker]:
    workers = []
    for name in names:
        try:
            workers.append(Worker(name, folder, threads))
        except RuntimeError:
            reason = (folder / f"{name}.log").read_text().strip().splitlines()[-1:] or ["no reason given"]
            print(f"{name}: not run: {reason[0][:160]}", file=sys.stderr)
    return workers


def report(workers: list[Worker], gflop: float) -> list[dict[str, Any]]:
    own = next((statistics.median(w.times) for w in workers if w.name == "pydn"), None)
    print(f"{'runtime':12s} {'median ms':>10s} {'min ms':>10s} {'to pydn':>8s} {'GFLOP/s':>8s}  difference")
    table = []
    for one in sorted(workers, key=lambda w: statistics.median(w.times)):
        median, best = statistics.median(one.times), min(one.times)
        ratio = median / own if own else None
        table.append({"runtime": one.name, "median": median, "min": best, "ratio": ratio, "difference": one.difference})
        shown = "" if one.difference is None else f"{one.difference:.1e}"
        print(
            f"{one.name:12s} {median * 1e3:10.2f} {best * 1e3:10.2f} {ratio or float('nan'):8.2f} "
            f"{gflop / median:8.1f}  {shown}"
        )
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cfg", type=Path, nargs="?")
    parser.add_argument("weights", type=Path, nargs="?")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", default=",".join(RUNNERS), help="runtimes, comma-separated")
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


def compare(given: argparse.Namespace) -> None:
    names = [name for name in RUNNERS if name in given.only.split(",")]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        gflop = prepare(given.cfg, given.weights, given.batch, given.threads, folder, names)
        print(f"{given.cfg.name}: {gflop:.2f} GFLOP, batch {given.batch}, {given.threads} threads")
        workers = start(names, folder, given.threads)
        for _ in range(given.rounds):
            for one in workers:
                one.measure()
        table = report(workers, gflop)
        for one in workers:
            one.close()
    if given.json:
        given.json.write_text(json.dumps({"cfg": given.cfg.name, "batch": given.batch, "gflop": gflop, "table": table}))


if __name__ == "__main__":
    main()
