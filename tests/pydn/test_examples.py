"""Every example runs by itself, without arguments, and stays short."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_example(file: Path, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, file], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert len(file.read_text(encoding="utf-8").splitlines()) <= 40


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 3
