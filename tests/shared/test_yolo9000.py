"""YOLO9000: 9418 classes in a tree, on an ordinary machine."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

RUN = """
import json, sys
from pathlib import Path

import numpy as np

import pydn

shared, device = Path(sys.argv[1]), sys.argv[2]
files = {f"data/{name}": (shared / "data/names" / name).read_bytes() for name in ("9k.tree", "coco9k.map")}
cfg = (shared / "data/cfgs/AlexeyAB__darknet/yolo9000.cfg").read_bytes()
net = pydn.load(cfg, names=shared / "data/names/9k.names", files=files, device=device)
leaf, sure = int(sys.argv[3]), float(sys.argv[4])
parents = [int(line.split()[1]) for line in files["data/9k.tree"].decode().splitlines()]
for layer in net.layers:
    if "rolling_variance" in layer.parameter_names:
        layer.rolling_variance[:] = 1  # fresh ones are 0, which lets the values grow without bounds
last = net.layers[-2]
last.weights[...] = 0  # the same at every place: what the biases say
last.biases[:] = 0
entries = last.biases.reshape(3, 5 + 9418)
entries[:, 4] = -10
entries[1, 4] = 10
node = leaf
while node >= 0:
    entries[1, 5 + node] = sure
    node = parents[node]
image = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
found = net.detect(image, thresh=0.2, hier=float(sys.argv[5]), nms=0)
print(json.dumps({
    "labels": sorted(set(found.label)),
    "confidence": [float(found.confidence.min()), float(found.confidence.max())] if len(found) else [],
    "boxes": len(found),
    "classes": net.classes,
    "map": len(net.layers[-1].facts["map"]),
    # the peak of this program alone: getrusage would count that of the process it was forked from
    "bytes": 1024 * int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]),
}))
"""


def path_of(parents: list[int], node: int) -> list[int]:
    return [node, *path_of(parents, parents[node])] if node >= 0 else []


def conditional(parents: list[int], node: int, path: list[int], sure: float) -> float:
    """Probability given the parent: a softmax over the group, in which the node of the path has the value `sure`."""
    group = [k for k, parent in enumerate(parents) if parent == parents[node]]
    # a group is a run of lines; children of one parent stand together in this file, roots do as well
    assert group == list(range(group[0], group[-1] + 1))
    return float(np.exp(sure) / (np.exp(sure) + len(group) - 1))


@pytest.mark.parametrize("device", ["cpu"])
@pytest.mark.parametrize(("sure", "hier"), [(20.0, 0.5), (7.0, 0.5)], ids=["down to the leaf", "as far as it is sure"])
def test_detects_through_the_tree_within_two_gigabytes(shared: Path, device: str, sure: float, hier: float) -> None:
    names = (shared / "data/names/9k.names").read_text().splitlines()
    lines = (shared / "data/names/9k.tree").read_text().splitlines()
    parents = [int(line.split()[1]) for line in lines]
    leaf = names.index("Norfolk terrier")
    path = path_of(parents, leaf)
    assert len(path) > 5
    assert leaf not in parents
    arguments = [shared, device, leaf, sure, hier]
    done = subprocess.run([sys.executable, "-c", RUN, *map(str, arguments)], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    values, value = {}, 1.0
    for node in reversed(path):
        value *= conditional(parents, node, path, sure)
        values[node] = value
    named = max(node for node in path if values[node] > hier)  # children stand after their parents
    assert named == leaf or sure < 20
    assert found["labels"] == [names[named]]
    assert found["confidence"] == pytest.approx([values[named]] * 2, rel=1e-4)
    assert found["boxes"] == 17 * 17  # one anchor of three
    assert (found["classes"], found["map"]) == (9418, 80)
    assert found["bytes"] < 2e9
