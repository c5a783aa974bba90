"""Make docs/compatibility.md: what becomes of every cfg of a collection, beside what the two reference programs say.

    python docs/generate_compatibility.py SHARED

SHARED is the folder of reference data: SHARED/data/cfgs holds the cfgs and expected_parse.json, SHARED/data/names the
trees and maps that some of them name. What stands below the mark in compatibility.md is kept by hand.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import pydn
from pydn._core.plan import Plan

PAGE = Path(__file__).with_name("compatibility.md")
MARK = "<!-- below: kept by hand -->"
LIMIT = 4e9
"""Operations beyond which a network is built but not run."""

SECTIONS = """
net/network PAH, convolutional/conv PAH, deconvolutional/deconv P, connected/conn PAH, local PA, activation PA,
batchnorm PA, normalization/lrn PA, l2norm P, logistic P, iseg P, maxpool/max PAH, local_avgpool/local_avg AH,
avgpool/avg PAH, dropout PAH, crop PA, route PAH, shortcut PAH, upsample PAH, scale_channels AH, sam AH, reorg PA,
reorg3d AH, implicit A, history A, conv_lstm A, rnn PAH, lstm PAH, crnn PAH, gru PA, softmax/soft PAH, cost PAH,
contrastive AH, detection PA, region PAH, yolo PAH, Gaussian_yolo AH, empty/silence AH, blank H
"""
FORKS = {"P": "pjreddie", "A": "AlexeyAB", "H": "hank-ai"}
SIGNALS = {-6: "stops at an assertion", -8: "divides by zero", -11: "crashes", 1: "gives up"}


@dataclass
class Result:
    """What pydn does with a cfg."""

    layers: int = 0
    gflops: float = 0
    outcome: str = ""
    refused: bool = False
    ran: bool = False
    error: str = ""


def examine(path: Path, files: Mapping[str, bytes]) -> Result:
    """Plan it and, when it is small, run it; in dialect pjreddie where the default one refuses it."""
    text = path.read_bytes()
    try:
        return small_enough(text, files, "alexeyab")
    except pydn.Error as error:
        first = str(error)
    try:
        result = small_enough(text, files, "pjreddie")
    except pydn.Error:
        return Result(outcome="refused", refused=True, error=first)
    result.outcome += ", dialect pjreddie only"
    result.error = first
    return result


def small_enough(text: bytes, files: Mapping[str, bytes], dialect: str) -> Result:
    plan = Plan(text, dialect=dialect, files=files)
    result = Result(len(plan), plan.flops / 1e9)
    if plan.flops < LIMIT:
        run(text, files, dialect)
        result.ran = True
        result.outcome = "runs"
    else:
        result.outcome = "builds"
    return result


def run(text: bytes, files: Mapping[str, bytes], dialect: Any) -> None:
    """One forward with random weights, whose batch norms neither vanish nor explode."""
    rng = np.random.default_rng(0)
    with pydn.load(text, device="cpu", files=files, dialect=dialect, time_steps=1) as net:
        for layer, name in net.weights:
            if name.endswith("rolling_variance"):
                net.weights[layer, name][...] = 1 / 3
        heads = net.forward(rng.random(net.input.shape, dtype=np.float32))
        if not all(np.isfinite(head).all() for head in heads):
            raise SystemExit(f"{text[:80]!r}: outputs that are not finite")


# ---- beside the references


def reference(name: str, found: Mapping[str, Any]) -> str:
    """Say what a reference program does."""
    if not found["ok"]:
        return f"{SIGNALS[found['rc']]} in layer {max(found['layers'] - 1, 0)}"
    operations = found["total_bflops"] if name == "alexeyab" else found["ops"] / 1e9
    return f"{found['layers']}, {operations:.3f}"


def remarks(result: Result, found: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Why pydn and the references differ."""
    alexeyab, pjreddie = found["alexeyab"], found["pjreddie"]
    said = " ".join(alexeyab.get("message", []) + pjreddie.get("message", []))
    if result.error:
        yield result.error
        if "no known layer" in result.error and alexeyab["ok"]:
            yield "the references compute with an empty layer in its place"
        return
    if "Failed to calloc" in said:
        yield "AlexeyAB: the memory that it was given (12 GB) does not suffice for training"
    elif alexeyab.get("rc") == 1:
        yield "AlexeyAB wants another batch for training"
    elif alexeyab.get("rc") == -8:
        yield "AlexeyAB has parsed it all, and divides by zero when it counts operations"
    if "corrupted size" in said:
        yield "pjreddie writes beyond its memory"
    elif "going with ReLU" in said or (not pjreddie["ok"] and alexeyab["ok"]):
        yield "pjreddie lacks sections, keys or activations of it"
    if alexeyab.get("rc") == -11 and pjreddie.get("rc") == -11:
        yield "the references crash without the tree that the cfg names"
    if alexeyab["ok"] and alexeyab["layers"] != result.layers:
        fields = "receptive field" in " ".join(alexeyab["last_layers"])
        yield "AlexeyAB prints two lines a layer (show_receptive_field)" if fields else "ANOTHER NUMBER OF LAYERS"
    if alexeyab["ok"] and abs(alexeyab["total_bflops"] - result.gflops) > 0.001 * max(1, result.gflops):
        yield "ANOTHER NUMBER OF OPERATIONS"


def row(name: str, result: Result, found: Mapping[str, Mapping[str, Any]]) -> str:
    counts = f"{result.layers} | {result.gflops:.3f}" if not result.refused else "– | –"
    texts = [reference(program, found[program]) for program in ("alexeyab", "pjreddie")]
    cells = [name, counts, result.outcome, *texts, "; ".join(remarks(result, found)).replace("|", "\\|")]
    return f"| {' | '.join(cells)} |"


# ---- the page


def summary(results: Mapping[str, Result], rows: list[str]) -> str:
    ran, refused = sum(r.ran for r in results.values()), sum(r.refused for r in results.values())
    other = sum(r.outcome.endswith("only") for r in results.values())
    odd = sum("ANOTHER" in row for row in rows)
    return f"""# What runs

{len(results)} cfgs from public repositories: {len(results) - refused} build, {other} of them in dialect pjreddie only;
{refused} are refused, each for what the file says. The {ran} below {LIMIT / 1e9:.0f} BFLOPs were run with random
weights, recurrent ones for one time step.
Layers and BFLOPs are AlexeyAB's for {f"all but {odd}" if odd else "every one"} of the cfgs that its program reads.

The columns of the references hold layers and BFLOPs as those programs print them. pjreddie's number is of its verb
`ops`, which counts other layers than AlexeyAB's table. Both parse for training; a crash of theirs need not mean that
the cfg is wrong. Refused cfgs are refused in both dialects; the message is that of the default one, AlexeyAB's.
"""


def sections() -> Iterator[str]:
    """Tell of the sections of the forks which the engine has: it refuses others by their name."""
    yield "## Sections\n"
    yield "| section | in | pydn |\n| --- | --- | --- |"
    for entry in SECTIONS.replace("\n", " ").split(","):
        names, forks = entry.split()
        known = all(has_section(name) for name in names.split("/"))
        marks = " ".join(f"`[{name}]`" for name in names.split("/"))
        yield f"| {marks} | {', '.join(FORKS[fork] for fork in forks)} | {'yes' if known else 'no'} |"


def has_section(name: str) -> bool:
    head = "width=8\nheight=8\nchannels=3\n"
    text = f"[{name}]\n{head}[avgpool]\n" if name.startswith("net") else f"[net]\n{head}[{name}]\n"
    try:
        Plan(text.encode())
    except pydn.UnsupportedError:
        return False
    except pydn.Error:
        pass  # known, and in want of keys or of another input
    return True


def main(shared: Path) -> None:
    folder = shared / "data/cfgs"
    expected = json.loads((folder / "expected_parse.json").read_text())["cfgs"]
    named = [path for path in (shared / "data/names").iterdir() if path.is_file()]
    files = {f"{place}/{path.name}": path.read_bytes() for path in named for place in ("data", "cfg")}
    results = {name: examine(folder / name, files) for name in sorted(expected)}
    rows = [row(name, result, expected[name]) for name, result in results.items()]
    kept = PAGE.read_text().partition(MARK)[2] if PAGE.exists() else "\n"
    table = "## Cfgs\n\n| cfg | layers | BFLOPs | pydn | AlexeyAB | pjreddie | remarks |\n" + "| --- " * 7 + "|\n"
    text = "\n".join([summary(results, rows), *sections(), "", table + "\n".join(rows), "", MARK]) + kept
    PAGE.write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
