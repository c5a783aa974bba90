"""Train a small detector on drawn shapes, then make it ternary: layer by layer in four stages, and all at once.

Words: iterations in all, seeds. `python ternary_stages.py 800 1 2 3` is long enough to compare. All of it is trained by
Adam, the layer without batch norm in smaller steps: each of its weights that changes moves an output by a whole α.
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
seed={seed}
ternary=all
"""
PARTS = {"M0": 0.1, "M1": 0.15, "M2": 0.25, "M3": 0.5, "unstaged": 1}  # of the iterations
KEYS = {"M0": "float=0,1,2,5,6", "M1": "float=0,1,6", "M2": "float=0,6", "M3": "", "unstaged": "weights=start"}

iterations, *seeds = map(int, sys.argv[1:] or ["20", "1"])
for seed in seeds:
    with tempfile.TemporaryDirectory() as folder:
        data = pydn.DataFile.read(demo_training.draw_set(folder))
        cfg = demo_training.cfg(iterations).replace(b"learning_rate=0.005", b"adam=1\nlearning_rate=0.002")
        cfg = cfg.replace(b"filters=27", b"learning_rate=0.25\nfilters=27")
        Path(folder, "shapes.cfg").write_bytes(cfg)
        pydn.load(f"{folder}/shapes.cfg", data=data).train(data, seed=seed, backup=folder)
        text = STAGES.format(seed=seed)
        for name, keys in KEYS.items():
            text += f"[stage]\nname={name}\niterations={max(2, round(PARTS[name] * iterations))}\n{keys}\n"
        Path(folder, "shapes.stages").write_text(text)
        print(f"seed {seed}\n{staged(f'{folder}/shapes.stages')}", flush=True)
