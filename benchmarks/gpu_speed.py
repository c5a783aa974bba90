"""Step `speed` of gpu_check.py: forwards on a CUDA device, beside PyTorch's of the same network in the same process.

PyTorch computes `twin.py` in half precision, channels last, batch norm folded in, replayed as a CUDA graph; it ends
where the detection heads begin. "host": images from the memory of the host, pinned for PyTorch, and heads back into it;
"device": both stay on the device.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from inference import as_head
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from twin import Twin, randomize

Run = Callable[[], object]


def table(pydn: Any, options: argparse.Namespace, end: float) -> None:
    on_cuda = not options.emulated
    print(f"{torch.cuda.get_device_name() if on_cuda else 'no device (emulated)'}, PyTorch {torch.__version__}, fp16, "
          f"{options.size} x {options.size}; ms a forward, median of {options.rounds} turns")  # fmt: skip
    print(f"{'net':<12} {'batch':>5} {'pydn host':>10} {'device':>9} {'PyTorch host':>13} {'device':>9} "
          f"{'ratio host':>11} {'device':>7} {'difference':>11}")  # fmt: skip
    for name in options.nets:
        cfg = pydn.cfg_template(name, size=options.size).encode()
        for batch in options.batches:
            if time.monotonic() > end:
                print(f"{name:<12} {batch:>5} no time was left")
                continue
            print(row(pydn, name, cfg, batch, options.rounds, on_cuda), flush=True)


def row(pydn: Any, name: str, cfg: bytes, batch: int, rounds: int, on_cuda: bool) -> str:
    net = pydn.load(cfg, device="cuda", precision="fp16", batch=batch)
    randomize(net)
    x = np.random.default_rng(1).random((batch, net.channels, net.height, net.width), dtype="f4")
    peer = Peer(net, x, on_cuda)
    given = torch.from_numpy(x).cuda() if on_cuda else x
    runs: dict[str, Run] = {
        "host": lambda: net.forward(x),
        "device": lambda: net.forward(given, on_device=True),
        "peer host": peer.host,
        "peer device": peer.device,
    }
    off = difference(net, net.forward(x), peer.host())
    host, device, peer_host, peer_device = measured(runs, rounds, on_cuda)
    net.close()
    return (
        f"{name:<12} {batch:>5} {host:>10.3f} {device:>9.3f} {peer_host:>13.3f} {peer_device:>9.3f} "
        f"{peer_host / host:>11.2f} {peer_device / device:>7.2f} {off:>11.1e}"
    )


class Peer:
    """The network in PyTorch, ready to run."""

    def __init__(self, net: Any, x: np.ndarray, on_cuda: bool) -> None:
        self.x, self.on_cuda = torch.from_numpy(x), on_cuda
        self.module = folded(Twin(net).eval())
        if not on_cuda:
            return
        torch.backends.cudnn.benchmark = True
        self.x = self.x.pin_memory()
        self.module = self.module.cuda().half().to(memory_format=torch.channels_last)
        self.floats = self.x.cuda()
        self.given = self.floats.half().to(memory_format=torch.channels_last)
        self.capture()
        self.brought = [torch.empty_like(head, dtype=torch.float32, device="cpu").pin_memory() for head in self.heads]

    @torch.no_grad()
    def capture(self) -> None:
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):  # cuDNN chooses its algorithms before the capture
            for _ in range(3):
                self.module(self.given)
        torch.cuda.current_stream().wait_stream(side)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.heads = self.module(self.given)

    @torch.no_grad()
    def host(self) -> list[np.ndarray]:
        if not self.on_cuda:
            return [head.numpy() for head in self.module(self.x)]
        self.floats.copy_(self.x, non_blocking=True)
        self.given.copy_(self.floats)  # a change of type and layout is the device's work
        self.graph.replay()
        for head, brought in zip(self.heads, self.brought, strict=True):
            brought.copy_(head.float(), non_blocking=True)
        torch.cuda.synchronize()
        return [brought.numpy() for brought in self.brought]

    @torch.no_grad()
    def device(self) -> object:
        if not self.on_cuda:
            return self.module(self.x)
        self.graph.replay()
        return self.heads


def folded(twin: Twin) -> nn.Module:
    """Fold batch norm into the convolutions, as pydn does."""
    for part in twin.parts:
        if isinstance(part, nn.Sequential) and len(part) > 2 and isinstance(part[1], nn.BatchNorm2d):
            part[0], part[1] = fuse_conv_bn_eval(part[0], part[1]), nn.Identity()
    return twin


def difference(net: Any, heads: tuple[np.ndarray, ...], peer: list[np.ndarray]) -> float:
    """Return the largest difference from PyTorch's, of the largest value; NaN where heads cannot be compared."""
    layers = [net.layers[index] for index in net.head_layers]
    wanted = [as_head(head, layer.facts, layer.kind) for head, layer in zip(peer, layers, strict=True)]
    if any(head is None for head in wanted):
        return float("nan")
    return max(
        float(np.abs(head.reshape(right.shape) - right).max() / np.abs(right).max())
        for head, right in zip(heads, wanted, strict=True)
        if right is not None
    )


def measured(runs: dict[str, Run], rounds: int, on_cuda: bool) -> list[float]:
    """Return the median of the milliseconds of each, which take turns."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    counts = {name: max(1, round(0.1 / seconds(run, 2, on_cuda))) for name, run in runs.items()}
    for _ in range(rounds):
        for name, run in runs.items():
            times[name].append(seconds(run, min(counts[name], 200), on_cuda) * 1e3)
    return [statistics.median(of_run) for of_run in times.values()]


def seconds(run: Run, count: int, on_cuda: bool) -> float:
    """Return the time of one of several calls, all of whose work is done."""
    if on_cuda:
        torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(count):
        run()
    if on_cuda:
        torch.cuda.synchronize()
    return (time.perf_counter() - start) / count
