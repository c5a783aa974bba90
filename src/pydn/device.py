"""CUDA devices: which there are, the libraries that computing on them needs, and what is missing where one cannot."""

from __future__ import annotations

import ctypes
import mmap
import os
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from ._core import devices as _engine
from .errors import DeviceError, OutOfMemoryError

__all__ = ["Device", "devices"]

LIBRARY = Path(_engine.__file__).with_name("libpydn_cuda.so")
DRIVER = "libcuda.so.1"
_NVIDIA = re.compile(rb"(?<=\0)lib(?:cudart|nvrtc|cublasLt|cublas|cudnn)\.so\.\d+(?=\0)")
"""Names of what the library is linked with, as they stand in it."""
_ORDER = ("cudart", "nvrtc", "cublasLt", "cublas", "cudnn")
_FOLDERS = ("cu13", "cublas", "cudnn", "cuda_runtime", "cuda_nvrtc")
"""Of NVIDIA's wheels, in the namespace package ``nvidia``."""
_BUILD = "build it from pydn's sources on a machine with the CUDA toolkit: PYDN_CUDA=13 pip install '.[cuda13]'"
_loading = Lock()


class Device(NamedTuple):
    """A CUDA device.

    Attributes
    ----------
    name : str
        What ``device=`` of `load` takes: "cuda:0".
    model : str
        What its maker calls it; "" where nobody says.
    capability : (int, int)
        What it can compute, in CUDA's numbers: (9, 0).
    memory, free : int
        Bytes it has, and those of them that nobody uses; 0 where not known.
    problem : str
        Why it cannot be used; "" where it can.
    """

    name: str
    model: str
    capability: tuple[int, int]
    memory: int
    free: int
    problem: str


def devices() -> list[Device]:
    """List the CUDA devices, also those that cannot be used.

    Returns
    -------
    list of Device
        Empty where the driver sees none.

    Raises
    ------
    DeviceError
        If nobody can look: pydn's CUDA library, NVIDIA's driver, cuDNN or cuBLAS is missing.
    """
    load_cuda()
    return [_device(number) for number in range(_count())]


def use_cuda(number: int) -> None:
    """Load what a CUDA device needs; the engine calls it when a network is made.

    Raises
    ------
    DeviceError
        If something is missing, or if there is no device of this number, or if it cannot be used.
    """
    load_cuda()
    count = _count()
    if not count:
        raise DeviceError("NVIDIA's driver sees no device: is there one, and is CUDA_VISIBLE_DEVICES right?")
    if number >= count:
        last = f"cuda:0 to cuda:{count - 1} are" if count > 1 else "only cuda:0 is"
        raise DeviceError(f"there is no device cuda:{number}: {last} there")
    problem = _device(number).problem
    if problem:
        raise DeviceError(problem)


def free_memory(device: str) -> int | None:
    """Bytes that nobody uses of a CUDA device, such as "cuda:1"; None where not known."""
    return _device(int(device.partition(":")[2] or 0)).free or None


def largest_batch(error: OutOfMemoryError, batch: int, needed: Callable[[int], int]) -> OutOfMemoryError:
    """Return the error of a network that its device has no memory for, with the batch that would fit.

    Parameters
    ----------
    error
        Of the network.
    batch
        Its batch.
    needed
        Bytes for another batch: a little more than it takes of the device.
    """
    fits = bisect_right(range(1, batch), error.free or 0, key=needed)
    advice = f"batch={fits} would fit" if fits else "use a smaller width= and height=, or precision='fp16'"
    return OutOfMemoryError(f"{error.message}: {advice}", needed=error.needed, free=error.free)


def load_cuda() -> None:
    """Load pydn's CUDA library and before it NVIDIA's, from the wheels where these are installed; once."""
    with _loading:
        if _engine.library_loaded():
            return
        if not LIBRARY.is_file():
            raise DeviceError(f"this install of pydn has no CUDA library ({LIBRARY.name}): {_BUILD}")
        needed = needed_libraries(LIBRARY)
        if needed and not driver_is_there():
            raise DeviceError(
                f"NVIDIA's driver is missing: {DRIVER} cannot be opened (in a container: is it run with --gpus?)"
            )
        for name in needed:
            if not open_library(name):
                raise DeviceError(f"{name} is missing: pip install 'pydn[{_extra(needed)}]' brings it")
        _engine.load_library(LIBRARY)


def needed_libraries(library: Path) -> list[str]:
    """Return the names of NVIDIA's libraries that a library is linked with, each after those that it needs itself."""
    with library.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        found = {name.decode() for name in _NVIDIA.findall(content)}
    return sorted(found, key=lambda name: _ORDER.index(name.partition(".")[0].removeprefix("lib")))


def driver_is_there() -> bool:
    """Whether NVIDIA's driver can be opened."""
    return _opened(DRIVER)


def open_library(name: str) -> bool:
    """Open one of NVIDIA's libraries: the one that the process has, else a wheel's, else the system's.

    What is open under a name is what a library linked with that name gets, so no search path is needed.
    """
    try:
        ctypes.CDLL(name, mode=os.RTLD_NOLOAD | os.RTLD_NOW)
        return True
    except OSError:
        pass
    return any(_opened(str(file)) for file in wheel_files(name)) or _opened(name)


def wheel_files(name: str) -> Iterator[Path]:
    """Yield where NVIDIA's wheels have a library. Nothing is imported."""
    spec = find_spec("nvidia")
    for root in (spec.submodule_search_locations or ()) if spec is not None else ():
        files = (Path(root) / folder / "lib" / name for folder in _FOLDERS)
        yield from (file for file in files if file.is_file())


def _opened(name: str) -> bool:
    try:
        ctypes.CDLL(name, mode=os.RTLD_GLOBAL | os.RTLD_NOW)
    except OSError:
        return False
    return True


def _extra(needed: list[str]) -> str:
    """Which extra of pydn has the libraries."""
    return "cuda" if any(name.endswith(".so.12") for name in needed) else "cuda13"


def _count() -> int:
    return _engine.device_count()


def _device(number: int) -> Device:
    model, major, minor, memory, free, problem = _engine.look(number)
    return Device(f"cuda:{number}", model, (major, minor), memory, free, problem)
