"""Train a small detector on drawn shapes, then make it ternary: layer by layer in four stages, and all at once.

Words: iterations of a stage, seeds. `python ternary_stages.py 250 1 2 3` is long enough to compare.
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
LONG = "weights=start\niterations={all}"
KEYS = {"M0": "float=0,1,2,5,6", "M1": "float=0,1,6", "M2": "float=0,6", "M3": "learning_rate=0.003"}
KEYS |= {"unstaged": LONG, "float": f"{LONG}\nternary=none"}

iterations, *seeds = map(int, sys.argv[1:] or ["6", "1"])
for seed in seeds:
    with tempfile.TemporaryDirectory() as folder:
        data = pydn.DataFile.read(demo_training.draw_set(folder))
        cfg = demo_training.cfg(3 * iterations).replace(b"filters=27", b"learning_rate=0.1\nfilters=27")
        Path(folder, "shapes.cfg").write_bytes(cfg)  # small steps for the layer that has no batch norm
        pydn.load(f"{folder}/shapes.cfg", data=data).train(data, seed=seed, backup=folder)
        text = STAGES + "".join(f"[stage]\nname={name}\n{keys}\n" for name, keys in KEYS.items())
        Path(folder, "shapes.stages").write_text(text.format(n=iterations, all=4 * iterations, seed=seed))
        print(f"seed {seed}\n{staged(f'{folder}/shapes.stages')}", flush=True)
