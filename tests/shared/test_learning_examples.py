"""Examples that train on sets of real pictures: a few iterations of each; what they learn in all is in the README."""

import re
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"
TOP1 = r"seed 3: top-1 (0\.\d{4}) of {} pictures, \d+ s\n"


def run(name: str, *arguments: object) -> str:
    command = [sys.executable, EXAMPLES / f"{name}.py", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def subset(source: Path, folder: Path, count: int) -> Path:
    """Make a folder with some pictures of a set and their labels."""
    for name in ("JPEGImages", "labels"):
        (folder / name).mkdir()
        for path in sorted((source / name).iterdir())[:count]:
            (folder / name / path.name).symlink_to(path)
    return folder


def test_digits_are_learned(shared: Path) -> None:
    """Guessing is right in a tenth of the cases."""
    found = re.fullmatch(
        TOP1.replace("{}", "240"), run("train_digits", shared / "data/datasets/digits8x8/images", 3, 60)
    )
    assert found
    assert float(found[1]) > 0.5


def test_photos(shared: Path) -> None:
    assert re.fullmatch(TOP1.replace("{}", "300"), run("train_cifar10", shared / "data/datasets/cifar10/images", 3, 2))


def test_cells(shared: Path, tmp_path: Path) -> None:
    folder = subset(shared / "data/datasets/bccd", tmp_path, 10)
    said = r"2: loss \d+\.\d+, mAP 0\.\d+ \(RBC 0\.\d+, WBC 0\.\d+, Platelets 0\.\d+\), \d+ s\n"
    assert re.fullmatch(said, run("train_cells", folder, 1, 2))


def test_transfer(shared: Path) -> None:
    """Figures of both trainings stand below each other."""
    model, pictures = shared / "data/models/yolo-fastest-1.1-coco", shared / "data/datasets/yolo_mark/data/img"
    figures = r"average loss \d+\.\d\d, mAP \d\.\d{3}\n"
    said = rf"seed 3, from scratch: {figures}seed 3, first layers of WEIGHTS: {figures}"
    assert re.fullmatch(said, run("transfer", model / "net.cfg", model / "net.weights", pictures, 2, 3))
