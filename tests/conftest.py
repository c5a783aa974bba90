"""Fixtures for all Python tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pydn._core.threads import best_isa

_DEFAULT_SHARED = Path(__file__).resolve().parents[2] / "shared"


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


@pytest.fixture(params=["ref", "cpu"])
def backend(request: pytest.FixtureRequest) -> str:
    """A device name; the test runs once for each."""
    name: str = request.param
    return name


_ENGINES = {"ref": ("ref", None), **{f"cpu-{isa}": ("cpu", isa) for isa in ("portable", "avx2", "avx512")}}


@pytest.fixture(params=_ENGINES)
def engine(request: pytest.FixtureRequest) -> tuple[str, str | None]:
    """Arguments ``device`` and ``isa`` of `pydn.load`: the reference, and the fast kernels of each instruction set."""
    device, isa = _ENGINES[request.param]
    order = ["portable", "avx2", "avx512"]
    if isa is not None and (best_isa() not in order or order.index(isa) > order.index(best_isa())):
        pytest.skip(f"this processor and build have no {isa}")
    return device, isa


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers, the same ones in every run."""
    return np.random.default_rng(20)
