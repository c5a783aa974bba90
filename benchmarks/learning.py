"""What a classifier learns in pydn and in PyTorch by the same recipe: the cfg of an example, its pictures, its split.

Network, first weights, batch, schedule, momentum, decay and the ranges of the augmentation are the same; PyTorch's
part reads the cfg with its own code, and orders, crops and turns the pictures with random numbers of its own.

usage: python benchmarks/learning.py digits|cifar10 FOLDER [--seeds N] [--threads N]
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import cv2
import numpy as np
import torch
from torch.nn import functional
from twin import Twin

import pydn

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def net_section(cfg: Path) -> dict[str, float]:
    """Numbers of [net]."""
    lines = cfg.read_text(encoding="utf-8").split("[net]")[1].split("[")[0].splitlines()
    pairs = (line.split("=") for line in lines if "=" in line)
    return {key: float(value) for key, value in pairs if key != "policy"}


def learning_rate(keys: dict[str, float], done: int) -> float:
    """Poly policy after a burn-in of the same power; `done` iterations are over."""
    if done + 1 < keys["burn_in"]:
        return float(keys["learning_rate"] * ((done + 1) / keys["burn_in"]) ** keys["power"])
    return float(keys["learning_rate"] * (1 - (done + 1) / keys["max_batches"]) ** keys["power"])


def read(paths: list[Path]) -> torch.Tensor:
    """Pictures of one size, RGB, 0..1."""
    pixels = [cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB) for path in paths]
    return torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).float() / 255


def augmented(x: torch.Tensor, keys: dict[str, float], random: torch.Generator) -> torch.Tensor:
    """Random size, aspect, angle, place and flip of each picture, by one affine map."""

    def uniform(low: float, high: float) -> torch.Tensor:
        return low + (high - low) * torch.rand(len(x), generator=random)

    def coin() -> torch.Tensor:
        return torch.rand(len(x), generator=random) < 0.5

    side = int(keys["width"])
    aspect = uniform(1, keys.get("aspect", 1))
    aspect = torch.where(coin(), aspect, 1 / aspect)
    shorter = uniform(keys["min_crop"], keys["max_crop"]) / side
    high = shorter * aspect.clamp(min=1)  # sides of the picture, where the crop is 1: the shorter one is as drawn
    wide = high / aspect
    turn = torch.deg2rad(uniform(-keys.get("angle", 0), keys.get("angle", 0)))
    flip = torch.where(coin() & bool(keys.get("flip", 1)), -1.0, 1.0)
    zero = torch.zeros(len(x))
    cos, sin = torch.cos(turn), torch.sin(turn)
    across = torch.stack([cos * flip / wide, -sin / wide, zero], 1)
    down = torch.stack([sin * flip / high, cos / high, zero], 1)
    across[:, 2] = uniform(-1, 1) * (1 - 1 / wide).clamp(min=0)
    down[:, 2] = uniform(-1, 1) * (1 - 1 / high).clamp(min=0)
    grid = functional.affine_grid(torch.stack([across, down], 1), [len(x), 3, side, side], align_corners=False)
    return functional.grid_sample(x, grid, align_corners=False)


def batches(count: int, size: int, random: torch.Generator) -> Iterator[torch.Tensor]:
    """Without end: indexes of a batch, all pictures in one order, then in another."""
    waiting = torch.empty(0, dtype=torch.long)
    while True:
        while len(waiting) < size:
            waiting = torch.cat([waiting, torch.randperm(count, generator=random)])
        yield waiting[:size]
        waiting = waiting[size:]


def by_torch(cfg: Path, x: torch.Tensor, y: torch.Tensor, seed: int) -> Twin:
    """Train the twin."""
    keys, random = net_section(cfg), torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    twin = Twin(pydn.load(cfg)).train()
    decayed = [one for one in twin.parameters() if one.ndim > 1]
    others = [one for one in twin.parameters() if one.ndim == 1]
    groups = [{"params": decayed, "weight_decay": keys["decay"]}, {"params": others}]
    optimizer = torch.optim.SGD(groups, lr=0.0, momentum=keys["momentum"])
    order = batches(len(x), int(keys["batch"]), random)
    for done in range(int(keys["max_batches"])):
        index = next(order)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(keys, done)
        (probabilities,) = twin(augmented(x[index], keys, random))
        loss = functional.nll_loss(torch.log(probabilities + 1e-12), y[index])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return twin.eval()


@dataclass
class Task:
    """An example's cfg and pictures; every fifth is held out, as there."""

    cfg: Path
    labels: list[str]
    pictures: list[Path]

    @classmethod
    def of(cls, example: str, folder: Path) -> Task:
        sys.path.insert(0, str(EXAMPLES))
        module = import_module(f"train_{example}")
        return cls(module.CFG, module.LABELS, sorted(folder.glob("*.png")))

    @property
    def train(self) -> list[Path]:
        return [path for i, path in enumerate(self.pictures) if i % 5]

    @property
    def valid(self) -> list[Path]:
        return self.pictures[::5]

    def classes(self, paths: list[Path]) -> torch.Tensor:
        return torch.tensor([next(i for i, one in enumerate(self.labels) if one in path.name) for path in paths])


def top1_of_pydn(task: Task, seed: int) -> float:
    """Train and measure as the example does."""
    with pydn.load(task.cfg) as net:
        net.train(task.train, labels=task.labels, seed=seed)
        return net.valid(task.valid, labels=task.labels).top1


def top1_of_torch(task: Task, seed: int) -> float:
    """Train the twin and measure it."""
    side = int(net_section(task.cfg)["width"])
    twin = by_torch(task.cfg, read(task.train), task.classes(task.train), seed)
    seen = functional.interpolate(read(task.valid), side, mode="bilinear", align_corners=False)
    with torch.no_grad():
        return float((twin(seen)[0].argmax(1) == task.classes(task.valid)).float().mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("example", choices=("digits", "cifar10"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    wanted = parser.parse_args()
    pydn.set_num_threads(wanted.threads)
    torch.set_num_threads(wanted.threads)
    task = Task.of(wanted.example, wanted.folder)
    figures: list[list[float]] = [[], []]
    print("seed  pydn top-1  seconds   PyTorch top-1  seconds")
    for seed in range(1, wanted.seeds + 1):
        print(f"{seed:<6}", end="")
        for found, run, width in zip(figures, (top1_of_pydn, top1_of_torch), (10, 16), strict=True):
            began = time.perf_counter()
            found.append(run(task, seed))
            print(f"{found[-1]:{width}.4f}  {time.perf_counter() - began:7.0f}", end="", flush=True)
        print()
    ours, theirs = map(statistics.mean, figures)
    print(f"mean  {ours:10.4f}{theirs:25.4f}   difference {ours - theirs:+.4f}", end="")
    if wanted.seeds > 1:
        print(f" ± {math.sqrt(sum(statistics.variance(values) / wanted.seeds for values in figures)):.4f}", end="")
    print()


if __name__ == "__main__":
    main()
