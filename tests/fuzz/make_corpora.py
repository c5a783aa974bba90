"""Write the corpora of the fuzz targets and their dictionary; run it again when a layer or a key is added.

    python tests/fuzz/make_corpora.py

The files are inputs as `fuzz.h` describes them: two bytes of choices, then a cfg, a .weights file, or a tree and a map.
"""

from __future__ import annotations

import re
import struct
from pathlib import Path

HERE = Path(__file__).resolve().parent
ENGINE = HERE.parents[1] / "vendor" / "darknet" / "src"

NET = "[net]\nwidth=6\nheight=6\nchannels=3\nbatch=2\nsubdivisions=1\n"
SEQUENCE = "[net]\ninputs=4\nbatch=2\nsubdivisions=1\ntime_steps=3\n"
MOVIE = NET + "time_steps=2\n"
CONV = "[convolutional]\nfilters=4\nsize=3\npad=1\nbatch_normalize=1\nactivation=leaky\n"
THIN = "[convolutional]\nfilters={}\nsize=1\nactivation=linear\n"
YOLO = "[yolo]\nmask=0,1\nanchors=1,2,3,4,5,6\nnum=3\nclasses=2\nmax=5\nignore_thresh=.5\niou_loss=ciou\n"
TRACKING = YOLO + "embedding_layer=-2\ntrack_history_size=3\nscale_x_y=1.1\nnms_kind=diounms\nbeta_nms=0.6\n"
GAUSSIAN = "[Gaussian_yolo]\nmask=0\nanchors=2,3\nnum=1\nclasses=2\nmax=5\nyolo_point=left_top\n"
REGION = "[region]\nanchors=1,1,2,2\nnum=2\nclasses=3\ncoords=4\nsoftmax=1\nmax=5\nthresh=.5\nrescore=1\n"
DETECTION = "[detection]\nside=2\nnum=2\nclasses=3\ncoords=4\nsqrt=1\nrescore=1\nmax=5\n"

CFGS = {
    "activation": NET + "[activation]\nactivation=swish\n[activation]\nactivation=mish\n[logistic]\n",
    "classifier": NET + CONV + "[avgpool]\n[dropout]\nprobability=.3\n[connected]\noutput=5\n[softmax]\n[cost]\n",
    "convolutional": NET
    + CONV
    + "[convolutional]\nfilters=8\ngroups=4\nsize=3\nstride_x=2\nstride_y=1\npadding=2\ndilation=2\nactivation=mish\n",
    "binary": NET + CONV + "[convolutional]\nfilters=4\nsize=3\npad=1\nxnor=1\nbatch_normalize=1\nbin_output=1\n",
    "antialiasing": NET + "[convolutional]\nfilters=4\nsize=3\npad=1\nstride=2\nantialiasing=1\n"
    "[maxpool]\nsize=2\nstride=2\nantialiasing=1\n",
    "depth": NET + CONV + "[maxpool]\nmaxpool_depth=1\nout_channels=2\nsize=1\nstride=1\n[reorg]\nstride=2\n",
    "pools": NET + "[maxpool]\nsize=3\nstride=1\n[local_avgpool]\nsize=2\nstride=2\n[upsample]\nstride=2\nscale=.5\n",
    "graph": NET
    + CONV * 2
    + "[shortcut]\nfrom=-2\nweights_type=per_feature\nweights_normalization=softmax\nactivation=relu\n"
    "[route]\nlayers=-1,-2\n[route]\nlayers=-1\ngroups=2\ngroup_id=1\n[sam]\nfrom=-2\n",
    "attention": NET + CONV + "[avgpool]\n" + THIN.format(4) + "[scale_channels]\nfrom=-3\nactivation=logistic\n",
    "shared": NET + THIN.format(3) + CONV.replace("filters=4", "filters=3") + THIN.format(3) + "share_index=-3\n",
    "norms": NET + "[batchnorm]\n[normalization]\nsize=3\nalpha=.01\nbeta=.5\nkappa=2\n[l2norm]\n",
    "local": NET
    + "[local]\nfilters=2\nsize=3\npad=1\nstride=2\nactivation=elu\n[deconvolutional]\nfilters=2\nsize=2\n",
    "reorgs": NET + CONV + "[reorg3d]\nstride=2\n[reorg]\nstride=2\nreverse=1\n[crop]\ncrop_width=4\ncrop_height=4\n",
    "implicit": NET + THIN.format(4) + "[implicit]\nfilters=4\nmean=1\nstd=.1\n[shortcut]\nfrom=-2\n",
    "empty": NET + "[empty]\n[blank]\n[silence]\n[cost]\ntype=smooth\nscale=2\n",
    "yolo": NET + CONV + THIN.format(14) + YOLO,
    "yolo_coords": NET + THIN.format(14) + YOLO + "new_coords=1\nscale_x_y=2\nobjectness_smooth=1\nmax_delta=2\n",
    "tracking": NET + THIN.format(8) + THIN.format(14) + TRACKING,
    "contrastive": NET + THIN.format(8) + THIN.format(14) + TRACKING + "[route]\nlayers=0\n"
    "[contrastive]\nclasses=2\nyolo_layer=-2\n",
    "gaussian": NET + THIN.format(11) + GAUSSIAN,
    "two_heads": NET + THIN.format(14) + YOLO + "[route]\nlayers=0\n[maxpool]\nsize=2\nstride=2\n" + YOLO,
    "region": NET + THIN.format(16) + REGION + "bias_match=1\n",
    "detection": NET + "[connected]\noutput=52\n" + DETECTION,
    "iseg": NET + THIN.format(6) + "[iseg]\nclasses=2\nids=4\nmax=3\n",
    "rnn": SEQUENCE + "[rnn]\nhidden=3\noutput=4\nbatch_normalize=1\n[connected]\noutput=3\n[softmax]\n[cost]\n",
    "gru": SEQUENCE + "[gru]\noutput=3\ntanh=1\n[connected]\noutput=3\n[softmax]\n[cost]\n",
    "lstm": SEQUENCE + "[lstm]\noutput=3\nbatch_normalize=1\n[cost]\n",
    "crnn": MOVIE + "[crnn]\nhidden=2\noutput=3\nsize=3\npad=1\nbatch_normalize=1\nactivation=leaky\n",
    "conv_lstm": MOVIE
    + "[conv_lstm]\noutput=3\nsize=3\npad=1\npeephole=1\nactivation=leaky\n[history]\nhistory_size=2\n",
    "bottleneck": MOVIE + THIN.format(4) + "[conv_lstm]\noutput=4\nsize=3\npad=1\nbottleneck=1\nshortcut=1\n",
    "training_keys": NET + "learning_rate=.001\npolicy=steps\nsteps=1,2\nscales=.1,.1\nburn_in=2\nadam=1\nmosaic=1\n"
    "letter_box=1\n" + CONV + "stopbackward=1\n" + CONV + "dontload=1\ntrain_only_bn=1\n[dropout]\ndropblock=1\n"
    "dropblock_size_abs=3\n" + THIN.format(3) + "dont_update=1\n[softmax]\nspatial=1\n[cost]\n",
    "update_keys": NET
    + "try_fix_nan=1\nclip=1\n"
    + CONV
    + "grad_centr=1\nreverse=1\n"
    + CONV
    + "smooth=.1\nclip=1\n"
    + CONV
    + "onlyforward=1\n"
    + THIN.format(3)
    + "dont_update=2\nburnin_update=1\n[softmax]\n",
    "excitation": NET + "max_batches=9\n" + CONV + "assisted_excitation=1\n" + THIN.format(14) + YOLO,
    "truths": NET + CONV + "dontsave=1\n" + CONV + "truth=1\n" + THIN.format(4) + "[cost]\n",
    "time_normalizer": MOVIE
    + THIN.format(4)
    + "[conv_lstm]\noutput=4\nsize=3\npad=1\nbottleneck=1\ntime_normalizer=.5\n",
    "untidy": "# a comment\r\n[network]\r\n  width = 6\r\nheight=6\nchannels=1 ; no comment\n\n;x\nrubbish\n=1\nkey=\n"
    "[conv]\nfilters=2\nbogus=7\n[maxpool]\n",
    "wrong": NET + "[convolutional]\nfilters=-4\nsize=nan\nstride=0\n[route]\nlayers=9\n[quux]\n",
}

WEIGHTS = {  # network of fuzz_weights.c, version, values
    "conv": (0, (0, 2, 5), 200),
    "conv_half": (0, (0, 2, 0), 20),
    "old": (0, (0, 1, 0), 200),
    "transposed": (0, (1001, 0, 0), 200),
    "yolo": (1, (0, 2, 5), 42),
    "local": (2, (0, 2, 5), 600),
    "shortcut": (3, (0, 2, 5), 60),
    "recurrent": (4, (0, 2, 5), 300),
    "crnn": (5, (0, 2, 5), 400),
    "no_network": (1, (99999, -1, 0), 3),
    "empty": (0, (0, 2, 5), 0),
}

TREES = {
    "animals": (b"animal -1\nthing -1\ndog 0\ncat 0\ncar 1\n", b"0\n1\n2\n3\n4\n"),
    "flat": (b"a -1\nb -1\nc -1\nd -1\ne -1\n", b"2\n1\n0\n"),
    "chain": (b"a -1\nb 0\nc 1\nd 2\ne 3\n", b"0 1 2\n"),
    "blank_lines": (b"a -1\r\n\nb -1 \n\nc 0\n\n\n", b"\n\n1\n"),
    "later_parent": (b"a 3\nb 99999999999\nc x\n", b"-1\n77\nx\n"),
    "empty": (b"", b""),
}


def write(folder: Path, name: str, choices: int, content: bytes, *, first: bytes = b"") -> None:
    """Write one input; no allocation fails in it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(first + bytes([ord("@") + choices]) + b"@" + content)


def weights_file(version: tuple[int, int, int], values: int) -> bytes:
    """Give a header and so many small numbers."""
    major, minor, _ = version
    wide = major * 10 + minor >= 2
    floats = [0.25 + (k * 7 % 13) / 16 for k in range(values)]
    return struct.pack("<3i" + ("q" if wide else "i"), *version, 1000) + struct.pack(f"<{values}f", *floats)


def dictionary() -> list[str]:
    """Sections, keys and words that the engine's sources know."""
    words = {f"[{name}]" for name in re.findall(r'"(\w+)"', (ENGINE / "layers/registry.inc").read_text())} | {"[net]"}
    for path in sorted([*ENGINE.glob("layers/*.c"), *ENGINE.glob("plan/*.c")]):
        text = path.read_text()
        words |= {f"{key}=" for key in re.findall(r'dn_section_\w+\([^"]*?"(\w+)"', text)}
        words |= {f"{key}=" for key in re.findall(r'\{"(\w+)", DN_TRAINING', text)}
    words |= set(re.findall(r'^ +"(\w+)",', (ENGINE / "op/activation.c").read_text(), re.M))
    return sorted(words)


def main() -> None:
    """Write everything."""
    corpora = HERE / "corpora"
    for number, (name, text) in enumerate(CFGS.items()):
        write(corpora / "cfg", name, number % 32, text.encode())
        write(corpora / "training", name, (number * 5 + 2) % 32, text.encode())
    for number, (name, (network, version, values)) in enumerate(WEIGHTS.items()):
        write(corpora / "weights", name, number, weights_file(version, values), first=bytes([network]))
    for number, (name, (tree, numbers)) in enumerate(TREES.items()):
        write(corpora / "resources", name, 16 * (number % 2) + number // 2, tree + b"\xff" + numbers)
    (HERE / "cfg.dict").write_text("".join(f'"{word}"\n' for word in dictionary()))


if __name__ == "__main__":
    main()
