"""What the pages say is so: their Python runs and prints what stands below it, their command lines run, links lead on.

Files that the pages name (`yolov4-tiny.cfg`, `dog.jpg`, …) are those of the demo, under these names.
"""

import contextlib
import importlib.util
import io
import re
import shlex
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import pytest

import pydn
from pydn import cli, demo, errors

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"```python\n(?P<code>.*?)```\n(?:\n```text\n(?P<output>.*?)```\n)?", re.DOTALL)
COMMAND = re.compile(r"^    (?:\.venv/bin/)?pydn (?P<line>.+)$", re.MULTILINE)
TEXT = {page: page.read_text(encoding="utf-8") for page in PAGES}
RUN = [
    ROOT / "README.md",
    *(ROOT / "docs" / name for name in ("tour.md", "migration.md", "errors.md", "evaluation.md", "training.md")),
]
NEEDS = {"evaluation.md": "matplotlib", "tour.md": "PIL"}
CLASSIFIER = b"[net]\nwidth=8\nheight=8\nchannels=3\n[convolutional]\nfilters=2\n[avgpool]\n[softmax]\n"


def draw(path: Path, seed: int) -> None:
    """Draw a picture, and write its label file beside it."""
    image, shapes = demo.picture(seed)
    cv2.imwrite(str(path), image)
    rows = []
    for shape in shapes:
        left, top, right, bottom = shape.xyxy
        middle = (left + right) / 2 / demo.WIDTH, (top + bottom) / 2 / demo.HEIGHT
        size = (right - left) / demo.WIDTH, (bottom - top) / demo.HEIGHT
        rows.append(" ".join(map(str, [demo.NAMES.index(shape.name), *middle, *size])) + "\n")
    path.with_suffix(".txt").write_text("".join(rows), encoding="ascii")


def write_set(name: str, names: tuple[str, ...], pictures: list[str]) -> None:
    """Write a .data file and what it names."""
    Path(f"{name}.names").write_text("\n".join(names), encoding="ascii")
    Path(f"{name}.list").write_text("\n".join(pictures), encoding="ascii")
    keys = f"classes={len(names)}\nnames={name}.names\nlabels={name}.names\ntrain={name}.list\nvalid={name}.list\n"
    Path(f"{name}.data").write_text(keys, encoding="ascii")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model and pictures by every name that the pages use."""
    place = tmp_path_factory.mktemp("docs")
    with contextlib.chdir(place):
        for name in ("yolov4-tiny", "shapes", "a", "b"):
            Path(f"{name}.cfg").write_bytes(demo.cfg())
            Path(f"{name}.weights").write_bytes(demo.weights())
        Path("tiny.cfg").write_bytes(CLASSIFIER)
        pydn.load(CLASSIFIER).save("tiny.weights")
        Path("frames").mkdir()
        pictures = [f"frames/{seed}.png" for seed in range(2)]
        for seed, path in enumerate(["dog.jpg", "shapes.png", *pictures]):
            draw(Path(path), seed)
        for name in ("coco", "shapes", "obj"):
            write_set(name, demo.NAMES, pictures)
        write_set("imagenet", ("dog", "cat"), ["dog.jpg"])
        Path("valid.txt").write_text("\n".join(pictures), encoding="ascii")
        writer = cv2.VideoWriter("golf.mp4", cv2.VideoWriter.fourcc(*"mp4v"), 2, (demo.WIDTH, demo.HEIGHT))
        for path in pictures:
            writer.write(cv2.imread(path))  # type: ignore[arg-type]
        writer.release()
    return place


@pytest.fixture
def folder(original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a copy of that folder."""
    shutil.copytree(original, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)


def matches(expected: str, printed: str) -> bool:
    """Whether texts are equal, where … stands for anything and blanks at the ends of lines count for nothing."""
    clean = ["\n".join(line.rstrip() for line in text.strip("\n").splitlines()) for text in (expected, printed)]
    pattern = ".*?".join(map(re.escape, clean[0].split("…")))
    return re.fullmatch(pattern, clean[1], re.DOTALL) is not None


def run_block(code: str, names: dict[str, Any]) -> str:
    """Run a block in the names that those before it left, and return what it prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "<block>", "exec"), names)
    return printed.getvalue()


@pytest.mark.parametrize("page", RUN, ids=lambda page: page.stem)
@pytest.mark.usefixtures("folder")
def test_python_of_a_page(page: Path) -> None:
    if page.name in NEEDS:
        pytest.importorskip(NEEDS[page.name])
    names: dict[str, Any] = {"__name__": "page"}
    blocks = [block for block in BLOCK.finditer(TEXT[page]) if block["code"][:3] != ">>>"]
    assert blocks
    for block in blocks:
        printed = run_block(block["code"], names)
        if block["output"] is not None:
            assert matches(block["output"], printed), f"{block['code']}\nprints\n{printed}"


@pytest.mark.parametrize("page", [page for page in PAGES if COMMAND.search(TEXT[page])], ids=lambda page: page.stem)
@pytest.mark.usefixtures("folder")
def test_command_lines_of_a_page(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for line in COMMAND.findall(TEXT[page]):
        status = cli.main(shlex.split(line))
        assert status == 0, f"pydn {line}\n{capsys.readouterr().err}"


def test_links() -> None:
    for page, text in TEXT.items():
        for target in re.findall(r"\]\(([^)#\s]+)", re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
            assert target.startswith("http") or (page.parent / target).exists(), f"{page}: {target}"


def api() -> ModuleType:
    """The script that makes the reference."""
    spec = importlib.util.spec_from_file_location("generate_api", ROOT / "docs/generate_api.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_is_up_to_date() -> None:
    made = api().pages()
    there = {page.name: page.read_text(encoding="utf-8") for page in (ROOT / "docs/api").glob("*.md")}
    stale = sorted(name for name in made.keys() | there.keys() if made.get(name) != there.get(name))
    assert not stale, f"{', '.join(stale)}: run python docs/generate_api.py"


def test_the_reference_describes_every_public_name() -> None:
    text = (ROOT / "docs/api/pydn.md").read_text(encoding="utf-8")
    assert [name for name in pydn.__all__ if f"## `{name}`" not in text] == ["__version__"]


def test_every_exception_is_explained() -> None:
    text = (ROOT / "docs/errors.md").read_text(encoding="utf-8")
    for name in errors.__all__:
        kind = getattr(errors, name)
        (section,) = re.findall(rf"^## `{name}`.*?(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
        attributes = [name for name in vars(kind("x")) if not name.startswith("_")]
        assert [name for name in attributes if f"`{name}`" not in section] == []
        assert [base.__name__ for base in kind.__bases__ if f"`{base.__name__}`" not in section] == []
