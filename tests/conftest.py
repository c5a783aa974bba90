"""Fixtures for all Python tests."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

import pydn
from pydn._core.devices import load_library
from pydn._core.threads import best_isa

_REPOSITORY = Path(__file__).resolve().parents[1]
_DEFAULT_SHARED = _REPOSITORY.parent / "shared"
_CUDA = pytest.StashKey[bool]()
"""Whether tests that run once for each device run on "cuda" as well."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--shared",
        metavar="DIR",
        help="folder with reference data (goldens/, data/); default: shared/ beside the repository",
    )
    parser.addoption(
        "--thorough",
        action="store_true",
        help="10,000 malformed inputs, 100,000 forwards and other numbers as promised, in place of a part",
    )
    parser.addoption(
        "--emulated-cuda",
        metavar="LIB",
        nargs="?",
        const="",
        help="tests that run once for each device also run the CUDA backend, emulated on the processor: built for this "
        "from tests/engine/cuda, or LIB, if it was built already",
    )


def pytest_configure(config: pytest.Config) -> None:
    library = config.getoption("--emulated-cuda")
    if library is not None:
        with TemporaryDirectory() as folder:
            load_library(library or _build_emulated_cuda(Path(folder)))
    config.stash[_CUDA] = library is not None or _has_device()


def _build_emulated_cuda(folder: Path) -> Path:
    """Build the library as `tests/engine/cuda` says, with the version that the package has."""
    cmake = shutil.which("cmake") or shutil.which("cmake", path=Path(sys.executable).parent)
    if cmake is None:
        pytest.exit("--emulated-cuda: there is no cmake (pip install '.[test]')")
    options = ["-DPYDN_PYTHON=OFF", "-DDARKNET_TESTS=ON"]
    for command in (
        [cmake, "-S", str(_REPOSITORY), "-B", str(folder), *options],
        [cmake, "--build", str(folder), "--parallel", "--target", "pydn_cuda_emulated"],
    ):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            pytest.exit(f"--emulated-cuda: {' '.join(command)}\n{done.stdout}")
    return next(folder.rglob("libpydn_cuda_emulated.so"))


def _has_device() -> bool:
    try:
        return any(not device.problem for device in pydn.devices())
    except pydn.DeviceError:
        return False


_BACKENDS = ["ref", "cpu"]
_ENGINES = {
    "ref": ("ref", None),
    **{f"cpu-{isa}": ("cpu", isa) for isa in ("portable", "avx2", "avx512")},
    "cuda": ("cuda", None),
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test once for each device that its fixture `backend` or `engine` stands for."""
    cuda = metafunc.config.stash[_CUDA]
    names = {"backend": [*_BACKENDS, "cuda"], "engine": list(_ENGINES)}
    for fixture, values in names.items():
        if fixture in metafunc.fixturenames and fixture not in _parametrized(metafunc):
            chosen = [value for value in values if cuda or value != "cuda"]
            metafunc.parametrize(fixture, chosen, indirect=True)


def _parametrized(metafunc: pytest.Metafunc) -> Iterator[str]:
    for mark in metafunc.definition.iter_markers("parametrize"):
        names = mark.args[0] if mark.args else mark.kwargs["argnames"]
        yield from names.replace(",", " ").split() if isinstance(names, str) else names


@pytest.fixture(scope="session")
def shared(request: pytest.FixtureRequest) -> Path:
    """The folder of reference data. Without it a test is skipped; a file missing inside it is a failure."""
    given = request.config.getoption("--shared")
    folder = Path(given).resolve() if given else _DEFAULT_SHARED
    if not folder.is_dir():
        if given:
            pytest.fail(f"--shared {given}: there is no such folder")
        pytest.skip(f"reference data not found in {folder} (--shared DIR)")
    return folder


@pytest.fixture(scope="session")
def thorough(request: pytest.FixtureRequest) -> bool:
    """Whether tests that repeat something do so as often as is promised, or a part of it."""
    return bool(request.config.getoption("--thorough"))


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> str:
    """A device name; the test runs once for each."""
    name: str = request.param
    return name


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> tuple[str, str | None]:
    """Arguments ``device`` and ``isa`` of `pydn.load`: the reference, the fast kernels of each set, CUDA."""
    device, isa = _ENGINES[request.param]
    order = ["portable", "avx2", "avx512"]
    if isa is not None and (best_isa() not in order or order.index(isa) > order.index(best_isa())):
        pytest.skip(f"this processor and build have no {isa}")
    return device, isa


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers, the same ones in every run."""
    return np.random.default_rng(20)
