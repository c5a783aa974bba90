"""Train a small detector on drawn shapes, then make it ternary: layer by layer in four stages, and all at once.

Words: iterations of a stage, seeds. `python ternary_stages.py 250 1 2 3` gives the figures of docs/training.md.
"""

import sys
import tempfile
from pathlib import Path

import pydn
from pydn import demo_training
from pydn.training.staged import staged

STAGES = """[stages]
data=shapes.data
cfg=shapes.cfg
weights=shapes_final.weights
iterations={iterations}
seed={seed}
ternary=all
"""
# Name, keys: layer 0 reads the picture, layer 6 feeds the head.
KEYS = {
    "M0": "float=0,1,2,5,6\nlearning_rate=0.0025",
    "M1": "float=0,1,6\nlearning_rate=0.005",
    "M2": "float=0,6\nlearning_rate=0.005",
    "M3": "learning_rate=0.0025",
    "unstaged": "weights=start\nlearning_rate=0.005\niterations={all}",
}

iterations, *seeds = map(int, sys.argv[1:] or ["8", "1"])
for seed in seeds:
    with tempfile.TemporaryDirectory() as folder:
        data = pydn.DataFile.read(demo_training.draw_set(folder))
        (Path(folder) / "shapes.cfg").write_bytes(demo_training.cfg(2 * iterations))
        pydn.load(f"{folder}/shapes.cfg", data=data).train(data, seed=seed, backup=folder)
        stages = "".join(f"[stage]\nname={name}\n{keys}\n" for name, keys in KEYS.items())
        text = (STAGES + stages).format(iterations=iterations, seed=seed, all=4 * iterations)
        (Path(folder) / "shapes.stages").write_text(text)
        print(f"seed {seed}\n{staged(f'{folder}/shapes.stages')}", flush=True)
