"""Devices: what is missing where there is none is said. Needs no device."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import pydn
from pydn import DeviceError, Tensor, UnsupportedError, device
from pydn.cli import main

from .device_cases import Interface, load, refusal

NEEDED = b"\0libstdc++.so.6\0libcudnn.so.9\0libcublas.so.13\0libcublasLt.so.13\0libcuda.so\0"
IMAGE = np.zeros((1, 3, 16, 16), np.float32)


@pytest.fixture
def unloaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """As in a process that has not loaded the library; where it would be."""
    monkeypatch.setattr(device._engine, "library_loaded", lambda: False)
    monkeypatch.setattr(device, "LIBRARY", tmp_path / "libpydn_cuda.so")
    return tmp_path / "libpydn_cuda.so"


def test_no_library(unloaded: Path) -> None:
    refusal(r"no CUDA library \(libpydn_cuda\.so\): build it .*: PYDN_CUDA=13 pip install '\.\[cuda13\]'", load)
    refusal("no CUDA library", pydn.devices)


def test_no_driver(unloaded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unloaded.write_bytes(NEEDED)
    monkeypatch.setattr(device, "_opened", lambda name: name != "libcuda.so.1")
    refusal(r"NVIDIA's driver is missing: libcuda\.so\.1 cannot be opened", load)


@pytest.mark.parametrize(("missing", "extra"), [("libcudnn.so.9", "cuda13"), ("libcublas.so.12", "cuda")])
def test_no_cudnn_or_cublas(unloaded: Path, monkeypatch: pytest.MonkeyPatch, missing: str, extra: str) -> None:
    unloaded.write_bytes(NEEDED if extra == "cuda13" else NEEDED.replace(b".13", b".12"))
    monkeypatch.setattr(device, "open_library", lambda name: name != missing)
    monkeypatch.setattr(device, "driver_is_there", lambda: True)
    refusal(rf"^{missing} is missing: pip install 'pydn\[{extra}\]' brings it$", load)


def test_libraries_are_opened_before_those_that_need_them(unloaded: Path) -> None:
    unloaded.write_bytes(NEEDED)
    assert device.needed_libraries(unloaded) == ["libcublasLt.so.13", "libcublas.so.13", "libcudnn.so.9"]
    unloaded.write_bytes(b"\0libm.so.6\0")
    assert device.needed_libraries(unloaded) == []


def test_wheels_are_looked_into_and_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {"cudnn": "libcudnn.so.9", "cublas": "libcublas.so.12", "cu13": "libcublas.so.13"}
    files = {name: tmp_path / "nvidia" / folder / "lib" / name for folder, name in names.items()}
    for file in files.values():
        file.parent.mkdir(parents=True)
        file.write_bytes(b"")
    (tmp_path / "nvidia" / "cudnn" / "__init__.py").write_text("raise RuntimeError\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name, file in files.items():
        assert file in device.wheel_files(name)
    opened: list[str] = []
    monkeypatch.setattr(device, "_opened", lambda name: opened.append(name) or True)
    assert device.open_library("libcublas.so.12")
    assert opened in ([str(files["libcublas.so.12"])], [])  # the second: the process had it


def test_a_library_of_the_system_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_opened", lambda name: name == "libcudnn.so.9")
    monkeypatch.setattr(device, "wheel_files", lambda name: iter([Path("/absent/libcudnn.so.9")]))
    assert device.open_library("libcudnn.so.9")
    monkeypatch.setattr(device, "_opened", lambda name: False)
    assert not device.open_library("libabsent.so.9")


@pytest.fixture
def three(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Three devices; the last of them is old."""
    old = "Old has compute capability 6.1; 7.5 is the least there is code for"
    found = [("New", 9, 0, 1 << 34, 1 << 33, ""), ("New", 9, 0, 1 << 34, 1 << 33, ""), ("Old", 6, 1, 1 << 32, 0, old)]
    monkeypatch.setattr(device, "load_cuda", lambda: None)
    monkeypatch.setattr(device._engine, "device_count", lambda: len(found))
    monkeypatch.setattr(device._engine, "look", lambda number: found[number])
    return


@pytest.mark.usefixtures("three")
def test_devices_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    refusal("^there is no device cuda:3: cuda:0 to cuda:2 are there$", lambda: load("cuda:3"))
    refusal("^Old has compute capability 6.1", lambda: load("cuda:2"))
    assert main(["info", "-devices"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "cuda:0  New, compute capability 9.0, 16.0 GiB, 8.0 GiB free",
        "cuda:1  New, compute capability 9.0, 16.0 GiB, 8.0 GiB free",
        "cuda:2  Old, compute capability 6.1, 4.0 GiB, not usable: Old has compute capability 6.1; "
        "7.5 is the least there is code for",
    ]
    monkeypatch.setattr(device._engine, "device_count", lambda: 1)
    refusal("^there is no device cuda:1: only cuda:0 is there$", lambda: load("cuda:1"))
    monkeypatch.setattr(device._engine, "device_count", lambda: 0)
    refusal("NVIDIA's driver sees no device", load)


def test_info_says_why_there_is_no_device(unloaded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "--devices"]) == 0
    cpu, cuda = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"cpu     \d+ threads?, (portable|avx2|avx512)", cpu)
    assert cuda.startswith("cuda    not usable: this install of pydn has no CUDA library")
    assert main(["info"]) == 2


def test_importing_opens_nothing_and_what_is_no_library_is_refused(tmp_path: Path) -> None:
    (tmp_path / "libpydn_cuda.so").write_bytes(b"\x7fELF nothing else")
    script = (
        "import pydn, pathlib\n"
        "maps = pathlib.Path('/proc/self/maps')\n"
        "assert not maps.is_file() or not any(name in maps.read_text() for name in ('cuda', 'cudnn', 'cublas'))\n"
        "from pydn._core.devices import device_count, load_library, library_loaded, look\n"
        "for name in ('libpydn_cuda.so', 'absent.so'):\n"
        "    try: load_library(name)\n"
        "    except pydn.DeviceError as error: print(error)\n"
        "for ask in (device_count, lambda: look(0)):\n"
        "    try: print(ask()[5])\n"
        "    except pydn.DeviceError as error: print(error)\n"
        "assert not library_loaded()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "libpydn_cuda.so" in done.stdout
    assert "absent.so" in done.stdout
    assert done.stdout.splitlines()[2:] == ['there is no backend "cuda"'] * 2


def test_precisions_are_of_devices(unloaded: Path) -> None:
    refusal("precision int8 is not for cuda: use fp32, tf32, fp16, bf16",
            lambda: load(precision="int8"), UnsupportedError)  # fmt: skip
    refusal("precision tf32 is not for cpu: use fp32, bf16, int8",
            lambda: load("cpu", precision="tf32"), UnsupportedError)  # fmt: skip


def test_a_network_on_the_processor_takes_nothing_of_a_device() -> None:
    net = load("cpu")
    refusal("on a CUDA device, the network on cpu", lambda: net.forward(Interface(64, IMAGE.shape)), TypeError)
    refusal("on_device=True needs a network on a CUDA device, this one is on cpu",
            lambda: net.forward(IMAGE, on_device=True), ValueError)  # fmt: skip


def test_a_tensor_made_by_hand_shows_nothing() -> None:
    refusal("a Tensor cannot be made", Tensor, TypeError)
    empty = Tensor.__new__(Tensor)
    for use in (empty.numpy, empty.__dlpack__, lambda: empty.__cuda_array_interface__):
        refusal("shows nothing", use, ValueError)


def test_the_command_line_numbers_devices_as_darknet(unloaded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def use(number: int) -> None:
        asked.append(number)
        raise DeviceError("asked")

    monkeypatch.setattr(device, "use_cuda", use)
    cfg = unloaded.with_name("net.cfg")
    cfg.write_bytes(b"[net]\nwidth=8\nheight=8\nchannels=3\n[convolutional]\n")
    for words in ("-device cuda", "-device cuda -i 1", "-i 3 -device cuda:2"):
        assert main(["info", str(cfg), *words.split()]) == 1
    assert main(["info", str(cfg), "-device", "cuda", "-nogpu"]) == 0
    assert asked == [0, 1, 2]
    assert main(["info", str(cfg), "-precision", "half"]) == 2
    assert main(["info", str(cfg), "-precision", "fp16"]) == 1  # the processor has none
