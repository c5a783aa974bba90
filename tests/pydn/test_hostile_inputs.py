"""Ten thousand malformed inputs: only results, `pydn.Error`s and ordinary errors of files and arguments; no crash, no
hang, no more memory than is allowed. See `hostile.py`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SHARES = {"cfg": 3000, "weights": 2000, "image": 2000, "names": 1000, "task": 1000, "arguments": 1000}


@pytest.mark.skipif(sys.platform == "win32", reason="limits memory and time by POSIX means")
@pytest.mark.parametrize("kind", SHARES)
def test_malformed(kind: str, thorough: bool, tmp_path: Path) -> None:
    """A fifth of each kind; all with --thorough."""
    count = SHARES[kind] if thorough else SHARES[kind] // 5
    program = Path(__file__).with_name("hostile.py")
    done = subprocess.run(
        [sys.executable, str(program), kind, str(count), "1", str(tmp_path)],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=600,
        check=False,
    )
    number = (tmp_path / "number").read_text()
    assert done.returncode == 0, f"at input {number}: {done.stdout[-3000:]}{done.stderr[-1000:]}"
    refused = int(done.stdout.rsplit("inputs, ")[1].split()[0])
    assert 0 < refused < count  # some are malformed, and some are not
