"""Networks on a CUDA device, or with `--emulated-cuda`."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import io
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydn
from pydn import DeviceError, OutOfMemoryError, Tensor, UnsupportedError, demo
from pydn.training import Session
from pydn.training.memory import fitting_subdivisions

from .device_cases import Interface, load, refusal


def loaded_emulation() -> ctypes.CDLL | None:
    """Return the library of `--emulated-cuda`, whose file may be gone."""
    if not os.path.exists("/proc/self/maps"):  # noqa: PTH110 (no object for one question)
        return None
    found = re.search(r" (/\S*libpydn_cuda_emulated\.so)", Path("/proc/self/maps").read_text())
    return ctypes.CDLL(found[1], mode=os.RTLD_NOLOAD) if found else None


@pytest.fixture
def cuda() -> None:
    """A device that networks can run on, emulated or not."""
    try:
        usable = [found for found in pydn.devices() if not found.problem]
    except DeviceError as error:
        pytest.skip(f"{error} (or --emulated-cuda)")
    if not usable:
        pytest.skip("no CUDA device can be used")


@pytest.fixture
def emulation(cuda: None) -> Iterator[ctypes.CDLL]:
    """The emulated device, whose memory and number can be set."""
    library = loaded_emulation()
    if library is None:
        pytest.skip("of the emulated device only")
    library.emulated_set_memory.argtypes = [ctypes.c_size_t]
    library.emulated_copied_bytes.restype = library.emulated_memory_used.restype = ctypes.c_size_t
    yield library
    library.emulated_set_memory(8 << 30)
    library.emulated_set_devices(1)


def memory_used() -> int:
    gc.collect()
    found = pydn.devices()[0]
    return found.memory - found.free


BOUNDS = {"fp32": 1e-5, "tf32": 1e-3, "fp16": 4e-3, "bf16": 3e-2}
"""tf32 and fp16 keep 10 bits of a mantissa, bf16 7."""


@pytest.mark.usefixtures("cuda")
@pytest.mark.parametrize("precision", BOUNDS)
@pytest.mark.parametrize("prepare", ["fuse", "none"])
def test_forward(rng: np.random.Generator, precision: str, prepare: str) -> None:
    x = rng.random((7, 3, 16, 16), np.float32)
    net = load(precision=precision, prepare=prepare, outputs="all")
    ref = load("ref", prepare=prepare, outputs="all")
    assert np.abs(net.forward(x)[0] - ref.forward(x)[0]).max() <= BOUNDS[precision]  # probabilities
    for of_device, of_ref in zip(net.layers, ref.layers, strict=True):
        wanted = of_ref.output
        assert np.abs(of_device.output - wanted).max() <= BOUNDS[precision] * np.abs(wanted).max()


@pytest.mark.usefixtures("cuda")
def test_results_stay_on_the_device(rng: np.random.Generator) -> None:
    net = load()
    x = rng.random((3, 3, 16, 16), np.float32)
    (wanted,) = net.forward(x)
    (result,) = net.forward(x, on_device=True)
    net.forward(1 - x)
    assert (result.shape, result.ndim, result.dtype, result.nbytes) == ((3, 5), 2, np.float32, 60)
    assert repr(result) == "Tensor((3, 5), float32, 'cuda:0')"
    np.testing.assert_array_equal(result.numpy(), wanted)
    net.close()
    np.testing.assert_array_equal(result.numpy(), wanted)
    with pytest.raises(TypeError, match=r"use its numpy\(\)"):
        np.asarray(result)
    with pytest.raises(UnsupportedError, match="7 images were computed 4 at a time"):
        load().forward(rng.random((7, 3, 16, 16), np.float32), on_device=True)


class Exported(ctypes.Structure):
    """DLTensor of dlpack.h."""

    _fields_ = [
        ("data", ctypes.c_void_p), ("device_type", ctypes.c_int32), ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32), ("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)), ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]  # fmt: skip


class Versioned(ctypes.Structure):
    """DLManagedTensorVersioned of dlpack.h."""

    _fields_ = [
        ("major", ctypes.c_uint32), ("minor", ctypes.c_uint32), ("context", ctypes.c_void_p),
        ("deleter", ctypes.CFUNCTYPE(None, ctypes.c_void_p)), ("flags", ctypes.c_uint64), ("tensor", Exported),
    ]  # fmt: skip


def in_capsule(capsule: object, name: bytes) -> int:
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return int(get(capsule, name))


@pytest.mark.usefixtures("cuda")
def test_capsules(rng: np.random.Generator) -> None:
    (result,) = load().forward(rng.random((2, 3, 16, 16), np.float32), on_device=True)
    old = result.__dlpack__()
    new = result.__dlpack__(stream=-1, max_version=(1, 1), dl_device=(2, 0), copy=False)
    versioned = Versioned.from_address(in_capsule(new, b"dltensor_versioned"))
    assert (versioned.major, versioned.flags) == (1, 0)
    address = result.__cuda_array_interface__["data"][0]
    for tensor in (Exported.from_address(in_capsule(old, b"dltensor")), versioned.tensor):
        assert (tensor.device_type, tensor.device_id) == result.__dlpack_device__() == (2, 0)
        assert (tensor.code, tensor.bits, tensor.lanes, tensor.ndim) == (2, 32, 1, 2)
        assert (tensor.data, tensor.byte_offset, tensor.shape[:2], tensor.strides[:2]) == (address, 0, [2, 5], [5, 1])
    for refused in ({"dl_device": (1, 0)}, {"copy": True}):
        with pytest.raises(BufferError):
            result.__dlpack__(**refused)
    with pytest.raises(ValueError, match="stream is 0"):
        result.__dlpack__(stream=0)


@pytest.mark.usefixtures("cuda")
def test_a_capsule_keeps_the_memory_until_its_consumer_is_done(rng: np.random.Generator) -> None:
    net = load()
    x = rng.random((2, 3, 16, 16), np.float32)
    net.forward(x)
    before = memory_used()
    (result,) = net.forward(x, on_device=True)
    capsule, consumed = result.__dlpack__(), result.__dlpack__(max_version=(1, 0))
    pointer = in_capsule(consumed, b"dltensor_versioned")
    rename = ctypes.pythonapi.PyCapsule_SetName
    rename.argtypes = [ctypes.py_object, ctypes.c_char_p]
    name = b"used_dltensor_versioned"
    rename(consumed, name)
    held = memory_used()
    del result, capsule, consumed
    assert memory_used() == held >= before
    Versioned.from_address(pointer).deleter(pointer)
    assert memory_used() == before


class Packed:
    """An array of another library: DLPack, of any version."""

    def __init__(self, tensor: Tensor, versioned: bool) -> None:
        self.tensor, self.versioned = tensor, versioned
        self.asked: list[dict[str, Any]] = []

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.tensor.__dlpack_device__()

    def __dlpack__(self, **how: Any) -> object:
        if "max_version" in how and not self.versioned:
            raise TypeError("unexpected keyword argument 'max_version'")
        self.asked.append(how)
        return self.tensor.__dlpack__(**how)


def pictures_on_device(x: np.ndarray) -> Tensor:
    """Return an array's copy on the device, by a network that changes nothing."""
    copy = b"[net]\nwidth=16\nheight=16\nchannels=3\n[upsample]\nstride=1\n"
    (made,) = pydn.load(copy, device="cuda", batch=len(x)).forward(x, on_device=True)
    np.testing.assert_array_equal(made.numpy(), x)
    return made


@pytest.mark.usefixtures("cuda")
def test_pictures_come_from_the_device(rng: np.random.Generator) -> None:
    net = load()
    x = rng.random((4, 3, 16, 16), np.float32)
    (wanted,) = net.forward(x)
    there = pictures_on_device(x)
    address = there.__cuda_array_interface__["data"][0]
    packed = [Packed(there, True), Packed(there, False)]
    arrays = [there, *packed, Interface(address, x.shape), Interface(address, x.shape, version=2, stream=1),
              Interface(address, x.shape, strides=(3072, 1024, 64, 4), stream=2)]  # fmt: skip
    for array in arrays:
        np.testing.assert_array_equal(net.forward(array)[0], wanted)
    assert [array.asked for array in packed] == [[{"stream": 1, "max_version": (1, 0)}], [{"stream": 1}]]


def test_pictures_on_the_device_are_not_copied_by_the_processor(
    rng: np.random.Generator, emulation: ctypes.CDLL
) -> None:
    net = load()
    x = rng.random((4, 3, 16, 16), np.float32)
    there = pictures_on_device(x)
    copied = []
    for array in (x, there):
        net.forward(array)
        before = emulation.emulated_copied_bytes()
        net.forward(array)
        copied.append(emulation.emulated_copied_bytes() - before)
    assert copied[0] - copied[1] == x.nbytes


def test_results_that_stay_are_not_copied_by_the_processor(rng: np.random.Generator, emulation: ctypes.CDLL) -> None:
    net = load(outputs="all")
    x = rng.random((3, 3, 16, 16), np.float32)
    wanted = [layer.output.copy() for layer in net.layers if net.forward(x)]
    copied = []
    for stays in (False, True):
        before = emulation.emulated_copied_bytes()
        (result,) = net.forward(x, on_device=stays)
        copied.append(emulation.emulated_copied_bytes() - before)
    assert copied[0] - copied[1] == wanted[-1].nbytes
    np.testing.assert_array_equal(result.numpy(), wanted[-1])  # type: ignore[union-attr]
    with pytest.raises(ValueError, match=r"layer 5 was not kept; .* call forward without on_device"):
        net.layers[-1].output  # noqa: B018
    np.testing.assert_array_equal(net.layers[0].output, wanted[0])
    np.testing.assert_array_equal(net.forward(x)[0], wanted[-1])
    np.testing.assert_array_equal(net.layers[-1].output, wanted[-1])


@pytest.mark.usefixtures("cuda")
def test_boxes_are_not_decoded_from_heads_that_stayed(rng: np.random.Generator) -> None:
    net = pydn.load(demo.cfg(), demo.weights(), device="cuda")
    x = rng.random((1, net.channels, net.height, net.width), np.float32)
    net.forward(x, on_device=True)
    with pytest.raises(ValueError, match="the heads of the last forward stayed on the device"):
        net.decode()
    (found,) = net.forward_decode(x, [None])
    np.testing.assert_array_equal(net.decode()[0], found[0])


@pytest.mark.usefixtures("cuda")
def test_what_is_not_readable_there_is_refused(rng: np.random.Generator) -> None:
    net = load()
    there = pictures_on_device(rng.random((2, 3, 16, 16), np.float32))
    address, shape = there.__cuda_array_interface__["data"][0], there.shape
    host = np.zeros(shape, np.float32)
    strided = Interface(address, shape, strides=(6144, 1024, 64, 4))
    refusals: dict[str, tuple[object, type[Exception]]] = {
        "memory of the host|on no CUDA device": (Interface(host.ctypes.data, shape), ValueError),
        "on the network's device, cuda:0, was expected": (Interface(address, (900000, *shape[1:])), ValueError),
        "float32 was expected, not <f8": (Interface(address, shape, typestr="<f8"), TypeError),
        "C-contiguous": (strided, TypeError),
        "without a mask": (Interface(address, shape, mask=object()), TypeError),
        r"takes \(n, 3, 16, 16\)": (Interface(address, (2, 3, 256)), ValueError),
    }
    for said, (array, error) in refusals.items():
        refusal(said, lambda array=array: net.forward(array), error)  # type: ignore[misc]


@pytest.mark.usefixtures("cuda")
def test_loading_and_closing_leave_no_memory_behind(rng: np.random.Generator, thorough: bool) -> None:
    x = rng.random((2, 3, 16, 16), np.float32)

    def use() -> None:
        with load(batch=2) as net:
            net.forward(x)
            net.forward(x, on_device=True)

    use()  # the first time, CUDA's own libraries take something and keep it
    before = memory_used()
    for _ in range(200 if thorough else 20):
        use()
    assert memory_used() == before


def test_too_little_memory(emulation: ctypes.CDLL) -> None:
    load().close()
    emulation.emulated_set_memory(64 << 20)
    with pytest.raises(OutOfMemoryError, match=r"batch=\d+ would fit$") as caught:
        load(batch=4000)
    assert caught.value.needed > caught.value.free > 0
    fitting = int(re.search(r"batch=(\d+)", str(caught.value))[1])  # type: ignore[index]
    assert 1 <= fitting < 4000
    load(batch=fitting).close()
    emulation.emulated_set_memory(1 << 10)
    with pytest.raises(OutOfMemoryError, match="use a smaller width= and height=, or precision='fp16'"):
        load(batch=4)


def test_subdivisions_for_a_device_of_little_memory(emulation: ctypes.CDLL) -> None:
    net = load(batch=1)
    emulation.emulated_set_memory(128 << 20)
    with pytest.raises(OutOfMemoryError, match=r"subdivisions=\d+ would fit"):
        fitting_subdivisions(net, 4096, 1, lambda number: (16, 16))
    found = fitting_subdivisions(net, 4096, "auto", lambda number: (16, 16))
    assert 1 < found < 4096
    Session(net, batch=4096, subdivisions=found).close()


def test_several_devices(rng: np.random.Generator, emulation: ctypes.CDLL) -> None:
    emulation.emulated_set_devices(2)
    assert [found.name for found in pydn.devices()] == ["cuda:0", "cuda:1"]
    x = rng.random((1, 3, 16, 16), np.float32)
    (there,) = pydn.load(b"[net]\nwidth=16\nheight=16\nchannels=3\n[upsample]\nstride=1\n", device="cuda:1").forward(
        x, on_device=True
    )
    assert there.device == "cuda:1"
    assert emulation.emulated_current_device() == 0  # other users of CUDA on the thread notice nothing
    refusal("cuda:0, was expected; this one is on cuda:1", lambda: load("cuda:0").forward(there), ValueError)
    np.testing.assert_array_equal(load("cuda:1").forward(there)[0], load("cuda:0").forward(x)[0])


@pytest.mark.usefixtures("cuda")
def test_networks_in_threads_of_their_own(rng: np.random.Generator) -> None:
    nets = [load(), load(precision="fp16")]
    xs = [rng.random((4, 3, 16, 16), np.float32) for _ in range(20)]
    wanted = [[net.forward(x)[0].copy() for x in xs] for net in nets]

    def run(net: pydn.Network) -> list[np.ndarray]:
        return [net.forward(x)[0] for x in xs]

    with ThreadPoolExecutor(2) as pool:
        for found, right in zip(pool.map(run, nets), wanted, strict=True):
            for y, sequential in zip(found, right, strict=True):
                np.testing.assert_array_equal(y, sequential)


@pytest.mark.usefixtures("cuda")
def test_closing_while_it_runs() -> None:
    net = load()
    x = np.ones((4, 3, 16, 16), np.float32)
    (wanted,) = net.forward(x)

    def run(_: int) -> bool:
        try:
            return bool(np.array_equal(net.forward(x)[0], wanted))
        except ValueError as error:
            return str(error) == "the network is closed"

    with ThreadPoolExecutor(3) as pool:
        runs = [pool.submit(run, number) for number in range(40)]
        runs[5].result()
        net.close()
        assert all(done.result() for done in runs)
    assert net.closed


@pytest.mark.usefixtures("cuda")
@pytest.mark.parametrize("precision", ["fp32", "tf32", "fp16"])
def test_training(rng: np.random.Generator, precision: str) -> None:
    x, truth = rng.random((4, 3, 16, 16), np.float32), np.eye(5, dtype=np.float32)[[0, 3, 1, 4]]
    nets = [load("ref"), load(precision=precision)]
    losses = [[net.train_step(x, truth).loss for _ in range(3)] for net in nets]
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-2 if precision == "tf32" else 1e-4)  # fp16: for inference


@pytest.mark.usefixtures("cuda")
def test_the_profile_of_a_device_has_no_limit_of_the_processor() -> None:
    profile = load().profile(1)
    assert profile.peak == 0
    assert "limit" not in str(profile)
    assert re.search(r" ms for 4 images on cuda; [\d.]+ GFLOP/s$", str(profile))
    assert "of at most 1000.0" in str(load().profile(1, peak=1e12))


@pytest.mark.usefixtures("cuda")
def test_what_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).parents[2] / "docs/cuda.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    Path("yolov4-tiny.cfg").write_bytes(demo.cfg())
    Path("yolov4-tiny.weights").write_bytes(demo.weights())
    blocks = re.findall(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```\n)?", page, re.DOTALL)
    assert len(blocks) == 2
    for code, wanted in blocks:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "cuda.md", "exec"), {"pydn": pydn, "np": np})
        assert wanted in ("", printed.getvalue())
