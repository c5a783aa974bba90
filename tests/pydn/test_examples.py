"""Every example runs by itself, without arguments, says what it is to show, and stays short.

Those that need a set of pictures are in `tests/shared/test_learning_examples.py`.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

NEED_DATA = {"train_cells", "train_cifar10", "train_digits", "transfer"}
EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))
RUN = [file for file in EXAMPLES if file.stem not in NEED_DATA]
# what is known of the pictures that they draw and the networks that they make
SAYS = {
    "batch": r"broken.png: not read(\n.*shapes\d.png: (\w+, ){5}\w+){5}",  # six shapes a picture
    "classify": r"\A *9\d\.\d\d % upright stripes\n",
    "detect": r"triangle +\d\.\d\d.*\n(.*\n)*6 objects drawn",
    "evaluate": r"mAP@0.50\) = 1.0+, or 100.00 %",
    "inspect_layers": r"Total BFLOPS 0\.219(.*\n)+ +5 yolo",  # 0.219: by hand from the sizes of its layers
    "live_weights": r"slope of a ramp: \[2(\. 2){4,}.*\nten times that:  \[20",
    "opencv_script": r"(class \d: \d.\d\d \[.*\]\n){6}",
    "ternary_stages": r"start +0 of 7 .*\nM0 +2 of 7 .*\nM1 +4 of 7 .*\nM2 +5 of 7 .*\nM3 +7 of 7 .*\nunstaged +7 ",
    "train_shapes": r"nothing is wrong\n(.*\n){4}mAP 0\.[3-9]",
    "train_step": r"loss: 0\.[5-9]\d at first, 0\.0\d after 1600 pictures\n(99|100)\.\d% of 1000",
    "video": r"( +\d\.\d\d s: 6 objects\n){5}",
}


@pytest.mark.parametrize("file", RUN, ids=lambda file: file.stem)
def test_example(file: Path, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, file], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert re.search(SAYS[file.stem], done.stdout), done.stdout


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_it_is_short(file: Path) -> None:
    assert len(file.read_text(encoding="utf-8").splitlines()) <= 40


def test_each_example_is_known() -> None:
    assert [file.stem for file in RUN] == sorted(SAYS)
