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
iterations={n}
learning_rate=0.005
seed={seed}
ternary=all
"""
SLOW = "cfg=slow.cfg\nlearning_rate=0.002"  # no batch norm before the head: with ternary weights it wants smaller steps
KEYS = {"M0": "float=0,1,2,5,6", "M1": "float=0,1,6", "M2": "float=0,6", "M3": SLOW}

iterations, *seeds = map(int, sys.argv[1:] or ["8", "1"])
for seed in seeds:
    with tempfile.TemporaryDirectory() as folder:
        data = pydn.DataFile.read(demo_training.draw_set(folder))
        cfg = demo_training.cfg(3 * iterations)
        Path(folder, "shapes.cfg").write_bytes(cfg)
        Path(folder, "slow.cfg").write_bytes(cfg.replace(b"filters=27", b"learning_rate=0.1\nfilters=27"))
        pydn.load(f"{folder}/shapes.cfg", data=data).train(data, seed=seed, backup=folder)
        text = STAGES.format(n=iterations, seed=seed)
        text += "".join(f"[stage]\nname={name}\n{keys}\n" for name, keys in KEYS.items())
        text += f"[stage]\nname=unstaged\n{SLOW}\nweights=start\niterations={4 * iterations}\n"
        Path(folder, "shapes.stages").write_text(text)
        print(f"seed {seed}\n{staged(f'{folder}/shapes.stages')}", flush=True)
