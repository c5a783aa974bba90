"""Checks of the CUDA backend on a machine with a device: each step on its own, under eight minutes, no package index.

    python benchmarks/gpu_check.py build                        # the package and the op tests, with the machine's nvcc
    python benchmarks/gpu_check.py ops                          # each kernel beside the reference
    python benchmarks/gpu_check.py layers                       # Python's tests that run once for each device
    python benchmarks/gpu_check.py goldens --shared DIR         # recorded numbers of the reference programs
    python benchmarks/gpu_check.py models --shared DIR          # heads of trained models, at every precision
    python benchmarks/gpu_check.py sanitize [OP ...]            # compute-sanitizer: memcheck, racecheck
    python benchmarks/gpu_check.py endurance                    # 10,000 forwards, 200 loads; memory before and after
    python benchmarks/gpu_check.py speed                        # against PyTorch, in gpu_speed.py

Needs numpy, opencv, pytest, cython, scikit-build-core, cmake, ninja, NVIDIA's wheels of cuDNN and cuBLAS, nvcc; `speed`
PyTorch. Everything is written below --work. With --emulated, each step runs against the emulated device of
tests/engine/cuda: that tries this file, and proves nothing of a device.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LAYERS = ("tests/pydn/layers", "tests/pydn/test_cuda.py", "tests/pydn/training", "tests/pydn/test_network.py",
          "tests/pydn/test_recurrent.py", "tests/golden")  # fmt: skip
GOLDENS = ("test_forward", "test_recurrent", "test_detection", "test_training", "test_weights")
BLOCKS = ("activation_gradient", "add_gradient", "batchnorm_gradient", "batchnorm_train", "bias_gradient",
          "conv2d_weights", "mul_gradient", "pool_global", "softmax")  # fmt: skip
"""Ops whose kernels share memory in a block: what racecheck looks at."""
PRECISIONS = ("fp32", "tf32", "fp16", "bf16")
SMALL = b"[net]\nwidth=32\nheight=32\nchannels=3\n" + b"[convolutional]\nfilters=8\nsize=3\npad=1\nstride=2\n" * 2


class Check:
    """A step: what it was told, how much time is left, what has failed."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.failed = options, 0
        self.work = Path(options.work).resolve()
        self.site, self.build = self.work / "site", self.work / "build"
        self.end = time.monotonic() + options.seconds

    def result(self, good: bool, text: str) -> None:
        self.failed += not good
        print(f"{'ok    ' if good else 'FAILED'} {text}", flush=True)

    def run(self, *command: str | Path, name: str, most: float = 1e9, **environment: str) -> str:
        """Run a program, print the end of what it says if it fails, and return all of it."""
        most = min(most, self.end - time.monotonic())
        if most <= 0:
            self.result(False, f"{name}: no time was left for it; give it alone, or more --seconds")
            return ""
        start = time.monotonic()
        words = [str(word) for word in command]
        try:
            done = subprocess.run(
                words, cwd=ROOT, env=os.environ | environment, text=True, timeout=most,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip
            code, said = done.returncode, done.stdout
        except subprocess.TimeoutExpired as error:
            code, said = -1, f"{_text(error.stdout)}\nstopped after {most:.0f} s"
        last = said.strip().rsplit("\n", 1)[-1]
        self.result(code == 0, f"{name}: {last} ({time.monotonic() - start:.1f} s)")
        if code:
            print(said[-6000:])
        return said

    def package(self) -> Any:
        """Import what `build` has built; with --emulated, load the emulated device. Ends where none is usable."""
        sys.path.insert(0, str(self.site))
        import pydn

        if self.options.emulated:
            from pydn._core.devices import load_library

            load_library(self.emulation())
        try:
            problems = [device.problem for device in pydn.devices()]
        except pydn.DeviceError as error:
            problems = [str(error)]
        if "" not in problems:
            sys.exit(f"no device can be used: {'; '.join(problems) or 'there is none'}")
        return pydn

    def emulation(self) -> Path:
        return next(self.build.rglob("libpydn_cuda_emulated.so"))

    def programs(self) -> list[Path]:
        kind = "test_cuda_*" if self.options.emulated else "test_device_*"
        found = sorted(path for path in self.build.rglob(kind) if path.is_file() and os.access(path, os.X_OK))
        if not found:
            sys.exit(f"there are no programs {kind} below {self.build}: run the step build first")
        return found


def _text(output: str | bytes | None) -> str:
    return output.decode(errors="replace") if isinstance(output, bytes) else output or ""


# ---------------------------------------------------------------- steps


def build(check: Check) -> None:
    options = check.options
    define = {"DARKNET_TESTS": "ON"} | ({} if options.emulated else {"CMAKE_CUDA_ARCHITECTURES": options.architectures})
    settings = [f"-Ccmake.define.{name}={value}" for name, value in define.items()]
    environment = {} if options.emulated else {"PYDN_CUDA": options.toolkit}
    check.run(
        sys.executable, "-m", "pip", "install", "--no-index", "--no-build-isolation", "--no-deps", "--upgrade",
        "--target", check.site, f"-Cbuild-dir={check.build}", *settings, ROOT,
        name="pip install", CMAKE_BUILD_PARALLEL_LEVEL=str(os.cpu_count() or 1), **environment,
    )  # fmt: skip
    check.run(sys.executable, "-m", "pydn", "info", "-devices", name="pydn info -devices", PYTHONPATH=str(check.site))
    if not check.failed:
        print(f"{len(check.programs())} programs of op tests in {check.build}")


def ops(check: Check) -> None:
    for program in check.programs():
        check.run(program, *check.options.ops, name=program.name)


def pytest_steps(check: Check, *paths: str) -> None:
    check.package()  # or the tests would be passed over
    more = [f"--emulated-cuda={check.emulation()}"] if check.options.emulated else []
    if check.options.shared:
        more.append(f"--shared={check.options.shared}")
    if find_spec("xdist") and not check.options.emulated:
        more += ["-n", "4"]  # making a network's handles takes longer than running it
    said = check.run(
        sys.executable, "-m", "pytest", "-q", "-W", "default", "-p", "no:cacheprovider", "-k", "cuda",
        *more, *paths, name="pytest", PYTHONPATH=str(check.site), PYTHONDONTWRITEBYTECODE="1",
    )  # fmt: skip
    check.result(re.search(r"[1-9]\d* passed", said) is not None, "tests ran on the device")


def layers(check: Check) -> None:
    pytest_steps(check, *LAYERS)


def goldens(check: Check) -> None:
    if not check.options.shared:
        sys.exit("goldens needs --shared DIR, the folder with goldens/")
    pytest_steps(check, *(f"tests/shared/{name}.py" for name in GOLDENS))


def models(check: Check) -> None:
    if not check.options.shared:
        sys.exit("models needs --shared DIR, the folder with data/models/")
    pydn = check.package()
    folders = sorted(path.parent for path in Path(check.options.shared).glob("data/models/*/expected_heads.npz"))
    check.result(bool(folders), f"{len(folders)} models in {check.options.shared}/data/models")
    columns = "".join(f"{precision:>10}" for precision in PRECISIONS)
    print(f"largest difference of a head from the reference's, of its largest value\n{'':40}{columns}")
    for folder in folders:
        found = [model_difference(pydn, folder, precision) for precision in PRECISIONS]
        text = "".join(f"{largest / scale:10.1e}" for largest, scale in found)
        check.result(found[0][0] <= 1e-4 * max(1.0, found[0][1]), f"{folder.name:<33}{text}")


def model_difference(pydn: Any, folder: Path, precision: str) -> tuple[float, float]:
    """Return how far the heads for the recorded random input are off at most, and the largest value of these."""
    import numpy as np

    expected = np.load(folder / "expected_heads.npz")
    with pydn.load(folder / "net.cfg", folder / "net.weights", device="cuda", precision=precision) as net:
        x = np.random.default_rng(0).random((1, net.channels, net.height, net.width), dtype="f4")
        pairs = [
            (head.reshape(expected[key].shape), expected[key])
            for layer, head in zip(net.head_layers, net.forward(x), strict=True)
            if (key := f"fuse_random_layer_{layer:03d}") in expected.files
        ]
    off = max(float(np.abs(head - right).max()) for head, right in pairs)
    return off, max(float(np.abs(right).max()) for _, right in pairs)


def sanitize(check: Check) -> None:
    places = ["compute-sanitizer", "/usr/local/cuda/bin/compute-sanitizer"]
    tool = None if check.options.emulated else next((path for path in places if shutil.which(path)), None)
    if tool is None and not check.options.emulated:
        sys.exit("compute-sanitizer was not found")
    for program in check.programs():
        source = ROOT / f"tests/engine/cuda/test_{program.name.split('_', 2)[2]}.cpp"
        tested = sorted(set(re.findall(r"OP_TEST\((\w+)", source.read_text())))
        for op in (op for op in tested if not check.options.ops or op in check.options.ops):
            for kind in ("memcheck", "racecheck") if op in BLOCKS else ("memcheck",):
                check.run(*watching(tool, kind), program, op, name=f"{kind} {op}")
    if not check.options.ops:
        small = [sys.executable, __file__, "endurance", "--work", check.work, "--forwards", "3", "--loads", "2"]
        more = ["--emulated"] if check.options.emulated else ["--small"]
        check.run(*watching(tool, "memcheck"), *small, *more, name="memcheck of whole networks")


def watching(tool: str | None, kind: str) -> list[str]:
    """Return the words before a program that is watched; none without the tool."""
    return [] if tool is None else [tool, "--tool", kind, "--error-exitcode", "9"]


def endurance(check: Check) -> None:
    pydn, options = check.package(), check.options
    small = options.emulated or options.small
    cfg = SMALL if small else pydn.cfg_template("yolov4-tiny").encode()
    forwards, loads = options.forwards or (100 if small else 10_000), options.loads or (10 if small else 200)
    for precision in PRECISIONS:
        check.result(*many_forwards(pydn, cfg, precision, max(1, forwards // len(PRECISIONS))))
    before = _used(pydn)
    for _ in range(loads):
        with pydn.load(cfg, device="cuda", precision="fp16", batch=2) as net:
            net.forward(on_device=True)
    after = _used(pydn)
    check.result(after <= before, f"{loads} loads: device memory {before:,} bytes, then {after:,}")


def many_forwards(pydn: Any, cfg: bytes, precision: str, count: int) -> tuple[bool, str]:
    """Return whether so many forwards give the same and take no memory, and figures."""
    import numpy as np

    with pydn.load(cfg, device="cuda", precision=precision, batch=2) as net:
        x = np.random.default_rng(0).random((2, 3, net.height, net.width), dtype="f4")
        for _ in range(3):  # a graph is recorded once
            first = net.forward(x)
        before, start = _used(pydn), time.monotonic()
        for _ in range(count):
            last = net.forward(x)
        each, after = (time.monotonic() - start) / count * 1e3, _used(pydn)
    same = all(np.array_equal(a, b) for a, b in zip(first, last, strict=True))
    text = f"{precision}: {count} forwards, {each:.3f} ms each, device memory {before:,} bytes, then {after:,}"
    return same and after <= before, text + ("" if same else "; results do not repeat")


def _used(pydn: Any) -> int:
    found = pydn.devices()[0]
    return int(found.memory - found.free)


def speed(check: Check) -> None:
    pydn = check.package()
    sys.path.insert(0, str(Path(__file__).parent))
    import gpu_speed

    gpu_speed.table(pydn, check.options, check.end)


STEPS: dict[str, Callable[[Check], None]] = {
    step.__name__: step for step in (build, ops, layers, goldens, models, sanitize, endurance, speed)
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=STEPS)
    parser.add_argument("ops", nargs="*", help="ops and sanitize: only these")
    parser.add_argument("--work", default=ROOT / "build/gpu", help="folder for all that is built")
    parser.add_argument("--shared", help="folder of reference data, with goldens/ and data/")
    parser.add_argument("--seconds", type=float, default=460, help="time for the step; what does not fit fails")
    parser.add_argument("--toolkit", default="13", choices=["12", "13"], help="major version of CUDA")
    parser.add_argument("--architectures", default="native", help="of devices to compile for: 90 for an H100 or H200")
    parser.add_argument("--emulated", action="store_true", help="no device: try the step with the emulated one")
    parser.add_argument("--small", action="store_true", help="endurance: a network of two layers")
    parser.add_argument("--forwards", type=int, help="endurance: how many, of all precisions together")
    parser.add_argument("--loads", type=int, help="endurance: how many")
    parser.add_argument("--nets", nargs="+", default=["yolov4-tiny", "yolov3", "yolov4"], help="speed: templates")
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 8, 64], help="speed")
    parser.add_argument("--size", type=int, default=416, help="speed: width and height of the input")
    parser.add_argument("--rounds", type=int, default=5, help="speed: turns of each, whose median counts")
    check = Check(parser.parse_args(arguments))
    start = time.monotonic()
    STEPS[check.options.step](check)
    print(f"{check.options.step}: {check.failed or 'nothing'} failed, {time.monotonic() - start:.0f} s")
    return 1 if check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
