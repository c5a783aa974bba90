"""The engine's README says how a layer is added; here its text is followed to the letter in a copy of the sources."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def code_blocks(text: str) -> dict[str, str]:
    """File name → code, from «`path/file`» followed by a C block, in the README's section on adding a layer."""
    section = text.split("## Adding a layer")[1]
    return dict(re.findall(r"`((?:src|tests)/[^`]+)`\n\n```c\n(.*?)```", section, re.DOTALL))


@pytest.mark.skipif(not (ROOT / "vendor/darknet").is_dir(), reason="the engine's sources are not beside the tests")
@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler on the path")
def test_readme(tmp_path: Path) -> None:
    engine, tests = tmp_path / "vendor/darknet", tmp_path / "tests/engine"
    shutil.copytree(ROOT / "vendor/darknet", engine)
    blocks = code_blocks((engine / "README.md").read_text(encoding="utf-8"))
    assert sorted(blocks) == ["src/layers/clamp.c", "src/layers/registry.inc", "tests/engine/test_clamp.c"]
    (engine / "src/layers/clamp.c").write_text(blocks["src/layers/clamp.c"], encoding="utf-8")
    with (engine / "src/layers/registry.inc").open("a", encoding="utf-8") as registry:
        registry.write(blocks["src/layers/registry.inc"])
    tests.mkdir(parents=True)
    for file in ("CMakeLists.txt", "forward.c", "headertest.c", "headertest.cpp"):
        shutil.copy(ROOT / "tests/engine" / file, tests)
    (tests / "test_clamp.c").write_text(blocks["tests/engine/test_clamp.c"], encoding="utf-8")
    for command in (
        ["cmake", "-G", "Ninja", "-S", str(engine), "-B", "build", "-DDARKNET_TESTS=ON", "-DDARKNET_WERROR=ON"],
        ["cmake", "--build", "build"],
        ["ctest", "--test-dir", "build", "--output-on-failure", "--no-tests=error"],
    ):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
