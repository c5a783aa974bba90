"""Compare a cross-compiled engine with the recorded heads.

    python .ci/emulated_goldens.py SHARED COMMAND…

COMMAND runs tests/engine/forward.c's program, say `qemu-aarch64 -L /usr/aarch64-linux-gnu build/aarch64/tests/forward`.
The forward cases of one call (recurrent networks have two) and the models' heads of the random input, at the tolerances
of tests/shared/test_forward.py and test_models.py.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

Heads = dict[int, np.ndarray]


def run(command: list[str], folder: Path, weights: str, x: np.ndarray, prepare: str, dialect: str = "") -> Heads:
    """Return the heads by the number of their layer."""
    with tempfile.TemporaryDirectory() as scratch:
        given, made = Path(scratch) / "x", Path(scratch) / "y"
        np.ascontiguousarray(x, "<f4").tofile(given)
        options = [f"prepare={['none', 'fuse', 'binary'].index(prepare)}", f"pjreddie={int(dialect == 'pjreddie')}"]
        options += [f"resource={tree.name}:{tree}" for tree in folder.glob("*.tree")]
        paths = map(str, (folder / "net.cfg", folder / weights, given, made))
        done = subprocess.run([*command, *paths, *options], capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{folder}: {done.stderr}")
        values = np.fromfile(made, "<f4")
    sizes = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    parts = np.split(values, np.cumsum([size for _, size in sizes])[:-1])
    return {layer: part for (layer, _), part in zip(sizes, parts, strict=True)}


def compare(
    what: str, heads: Heads, expected: Callable[[int], np.ndarray], limit: Callable[[np.ndarray], float]
) -> bool:
    good = True
    for layer, head in heads.items():
        wanted = expected(layer)
        worst = np.abs(head - wanted.ravel()).max()
        if not (head.size == wanted.size and worst <= limit(wanted)):
            print(f"{what}, layer {layer}: {worst} apart, {limit(wanted)} allowed")
            good = False
    return good


def forward_cases(command: list[str], goldens: Path) -> list[bool]:
    results = []
    for folder in sorted(goldens.iterdir()):
        inputs = np.load(folder / "input.npz") if (folder / "input.npz").exists() else {}
        if "x" not in inputs or "\n[cost]" in (folder / "net.cfg").read_text():
            continue
        meta, expected = json.loads((folder / "meta.json").read_text()), np.load(folder / "expected.npz")
        dialect = "pjreddie" if meta["reference"].startswith("pjreddie") else "alexeyab"
        heads = run(command, folder, "init.weights", inputs["x"], meta["prepare"], dialect)
        results.append(
            compare(
                folder.name,
                heads,
                lambda layer, e=expected: e[f"layer_{layer:03d}"],
                lambda wanted: 1e-5 + 1e-5 * np.abs(wanted).max(),
            )
        )
    return results


def models(command: list[str], folders: Path) -> list[bool]:
    results = []
    for folder in sorted(folders.iterdir()):
        if not (folder / "expected_heads.npz").exists():
            continue
        expected = np.load(folder / "expected_heads.npz")
        cfg = dict(line.split("=", 1) for line in (folder / "net.cfg").read_text().split() if line.count("=") == 1)
        shape = 1, int(cfg.get("channels", 3)), int(cfg["height"]), int(cfg["width"])
        x = np.random.default_rng(0).random(shape, dtype="f4")
        for prepare in ("none", "fuse"):
            heads = run(command, folder, "net.weights", x, prepare)
            key = f"{prepare}_random_layer_"
            name = f"{folder.name} {prepare}"
            results.append(compare(name, heads, lambda layer, k=key, e=expected: e[f"{k}{layer:03d}"], lambda _: 1e-4))
    return results


def main() -> None:
    shared, command = Path(sys.argv[1]), sys.argv[2:]
    cases = forward_cases(command, shared / "goldens/forward")
    heads = models(command, shared / "data/models")
    print(f"{sum(cases)} of {len(cases)} forward cases, {sum(heads)} of {len(heads)} heads of models")
    raise SystemExit(not (cases and heads and all(cases + heads)))


main()
