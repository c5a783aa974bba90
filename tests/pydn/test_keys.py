"""Every key of darknet's parsers: known in its section, with its default, and refused with its line when it is wrong.

Keys that only training or a GPU needs are read and checked too: a cfg that was trained with them must load.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pytest

from pydn import CfgError, UnsupportedError
from pydn._core.plan import Plan

Dialect = Literal["alexeyab", "pjreddie"]
WORD = "many"  # no number begins like this
UNSEEN = object()  # the default is not among the facts: the key acts on other facts, on training or on nothing

NET = "[net]\nwidth=16\nheight=16\nchannels=4\n"  # lines 1 to 4
BOXES = "[convolutional]\nfilters=25\n"  # one anchor of 4 + 1 + 20 classes
SPREAD = "[convolutional]\nfilters=29\n"  # one anchor of 9 + 20 classes

BEFORE = {
    "yolo": BOXES,
    "region": BOXES,
    "Gaussian_yolo": SPREAD,
    "detection": "[connected]\noutput=147\n",  # 7 · 7 · (1 + 1 · (1 + 1))
    "scale_channels": "[convolutional]\nfilters=4\n[avgpool]\n",
    "iseg": "[convolutional]\nfilters=52\n",
    "contrastive": BOXES + "[yolo]\nanchors=8,8\n",
}
"""What a section needs before it; [convolutional] filters=4 where nothing is said."""

NEEDS = {
    "yolo": "anchors=8,8\n",
    "region": "anchors=1,1\n",
    "Gaussian_yolo": "anchors=8,8\n",
    "route": "layers=-1\n",
    "shortcut": "from=-1\n",
    "sam": "from=-1\n",
    "scale_channels": "from=-2\n",
    "contrastive": "yolo_layer=-1\n",
    "crop": "crop_height=8\ncrop_width=8\n",
}
"""Keys that a section cannot do without; a row about one of them replaces it."""


@dataclass(frozen=True)
class Key:
    """A row of the tables."""

    section: str
    name: str
    default: Any
    legal: Any
    illegal: Any = WORD  # None: anything goes
    fact: str = ""  # the fact that shows it, when it has another name
    shown: Any = None  # what the fact says of `legal`, when it is not the value itself
    dialect: Dialect = "alexeyab"
    extra: str = ""  # other keys that it needs

    def __str__(self) -> str:
        return f"{self.section}-{self.name}-{self.dialect}"


def cfg(key: Key, value: Any) -> str:
    """A cfg in which the key has a value; the default when it is None."""
    option = "" if value is None else f"{key.name}={value}\n"
    if key.section == "net":
        lines = [line for line in NET.splitlines(keepends=True) if value is None or not line.startswith(f"{key.name}=")]
        return "".join(lines) + option + key.extra + "[convolutional]\nfilters=4\n"
    needs = "".join(
        line
        for line in NEEDS.get(key.section, "").splitlines(keepends=True)
        if value is None or not line.startswith(f"{key.name}=")
    )
    before = BEFORE.get(key.section, "[convolutional]\nfilters=4\n")
    return f"{NET}{before}[{key.section}]\n{needs}{option}{key.extra}"


def plan(text: str, dialect: Dialect) -> Plan:
    return Plan(text.encode(), dialect=dialect)


def fact(key: Key, value: Any) -> Any:
    made = plan(cfg(key, value), key.dialect)
    assert made.unused_options == []
    return made.facts(-1 if key.section == "net" else len(made) - 1).get(key.fact or key.name)


def several(section: str, names: str, default: Any, legal: Any, illegal: Any = WORD, **more: Any) -> list[Key]:
    """Rows that say the same of several keys."""
    return [Key(section, name, default, legal, illegal, **more) for name in names.split()]


NET_SIZES = [
    Key("net", "batch", 1, 64, 0),
    Key("net", "subdivisions", 1, 16, 0),
    Key("net", "time_steps", 1, 3, 0),
    Key("net", "height", 16, 8, -1),
    Key("net", "width", 16, 8, -1),
    Key("net", "channels", 4, 2, -1),
    Key("net", "inputs", 16 * 16 * 4, 16 * 16 * 4, -1),
    Key("net", "max_batches", 0, 500200),
    *several("net", "notruth random center", 0, 1),
    Key("net", "max_crop", 32, 40),
    Key("net", "min_crop", 16, 12),
    Key("net", "max_ratio", 2, 3),
    Key("net", "min_ratio", 1, 0.5),
    Key("net", "clip", 0, 5),
]

NET_SCHEDULE = [
    Key("net", "learning_rate", 0.001, 0.01),
    Key("net", "momentum", 0.9, 0.949),
    Key("net", "decay", 0.0001, 0.0005),
    Key("net", "adam", 0, 1),
    Key("net", "B1", 0.9, 0.8),
    Key("net", "B2", 0.999, 0.99),
    Key("net", "eps", 1e-6, 1e-5, -1),
    Key("net", "eps", 1e-7, 1e-5, -1, dialect="pjreddie"),
    *[Key("net", "policy", "constant", word, None) for word in "step steps exp poly sigmoid random sgdr".split()],
    Key("net", "burn_in", 0, 1000),
    Key("net", "power", 4, 1),
    Key("net", "step", 1, 100),
    Key("net", "scale", 1, 0.1),
    Key("net", "steps", (), "400000,450000", "1,x", shown=(400000, 450000)),
    Key("net", "scales", (), ".1,.1", "1,x", shown=(0.1, 0.1)),
    Key("net", "seq_scales", (), "1,.5", "x", shown=(1, 0.5)),
    Key("net", "gamma", 1, 0.99),
    Key("net", "learning_rate_min", 1e-5, 1e-4),
    Key("net", "sgdr_cycle", 0, 1000),
    Key("net", "sgdr_cycle", 7, 1000, extra="max_batches=7\n"),
    Key("net", "sgdr_mult", 2, 1),
    Key("net", "loss_scale", 1, 128),
    Key("net", "ema_alpha", 0, 0.9998),
    *several(
        "net", "try_fix_nan unsupervised contrastive contrastive_jit_flip contrastive_color attention track", 0, 1
    ),
    *several("net", "weights_reject_freq equidistant_point", 0, 1000, -1),
    *several("net", "badlabels_rejection_percentage num_sigmas_reject_badlabels", 0, 0.5),
    *several("net", "label_smooth_eps adversarial_lr", 0, 0.1),
    Key("net", "augment_speed", 2, 3),
    Key("net", "sequential_subdivisions", 1, 2, 0),
    Key("net", "sequential_subdivisions", 8, 2, 0, extra="subdivisions=8\n"),
]

NET_AUGMENTATION = [
    Key("net", "angle", 0, 7),
    Key("net", "aspect", 1, 0.75),
    *several("net", "saturation exposure", 1, 1.5),
    Key("net", "hue", 0, 0.1),
    Key("net", "flip", 1, 0),
    *several("net", "blur gaussian_noise mixup", 0, 2),
    *several("net", "cutmix mosaic mosaic_bound letter_box", 0, 1),
    Key("net", "resize_step", 32, 16, 0),
]

NET_ENGINE = [
    Key("net", "optimized_memory", 0, 1),
    Key("net", "workspace_size_limit_MB", 1024, 8000, -1),
    *several("net", "dynamic_minibatch use_cuda_graph show_receptive_field", 0, 1),
    Key("net", "max_chart_loss", 20, 5),
]

EVERY_LAYER = [
    *several("convolutional", "onlyforward stopbackward dontload dontloadscales dont_update train_only_bn", UNSEEN, 1),
    *several("convolutional", "truth dontsave smooth", UNSEEN, 1),
    *several("convolutional", "learning_rate clip", UNSEEN, 0.5),
    Key("convolutional", "burnin_update", UNSEEN, 2),
    *several("yolo", "onlyforward stopbackward", UNSEEN, 1),
    *several("maxpool", "stopbackward dont_update", UNSEEN, 1),
]

CONVOLUTIONAL = [
    *several("convolutional", "filters size", 1, 3, 0),
    Key("convolutional", "stride", 1, 2, 0, fact="stride_x"),
    Key("convolutional", "pad", 0, 1),
    Key("convolutional", "padding", 0, 2, -1),
    Key("convolutional", "groups", 1, 2, 0, extra="filters=2\n"),
    Key("convolutional", "activation", UNSEEN, "mish", None),
    *several("convolutional", "batch_normalize binary xnor", 0, 1),
    *several("convolutional", "stride_x stride_y", 1, 2),
    *several("convolutional", "stride_x stride_y", 3, 2, extra="stride=3\n"),
    Key("convolutional", "dilation", 1, 2, 0, extra="size=3\n"),
    Key("convolutional", "dilation", 1, 2, 0, shown=1),  # nothing to dilate
    Key("convolutional", "antialiasing", 0, 1, 3),
    Key("convolutional", "cbn", 0, 1, fact="batch_normalize"),
    Key("convolutional", "share_index", UNSEEN, -1, extra="filters=4\n"),
    *several("convolutional", "sway rotate stretch stretch_sway grad_centr bin_output", 0, 1),
    *several("convolutional", "dot assisted_excitation reverse", 0, 1, -1),
    Key("convolutional", "angle", 15, 10, -1),
    *several("convolutional", "stream wait_stream", -1, 2),
]

OTHER_CONVOLUTIONS = [
    *several("deconvolutional", "filters size stride", 1, 2, 0, dialect="pjreddie"),
    *several("deconvolutional", "pad batch_normalize", 0, 1, dialect="pjreddie"),
    Key("deconvolutional", "padding", 0, 1, -1, dialect="pjreddie", extra="size=3\n"),
    Key("deconvolutional", "activation", UNSEEN, "relu", None, dialect="pjreddie"),
    *several("local", "filters size stride", 1, 2, 0),
    Key("local", "pad", 0, 1),
    Key("local", "activation", UNSEEN, "relu", None),
    Key("connected", "output", 1, 5, 0),
    Key("connected", "batch_normalize", 0, 1),
    Key("connected", "activation", UNSEEN, "relu", None),
]

POOLS = [
    Key("maxpool", "stride", 1, 2, 0, fact="stride_x"),
    Key("maxpool", "size", 1, 3, 0),
    Key("maxpool", "size", 2, 3, 0, extra="stride=2\n"),
    Key("maxpool", "padding", 0, 1, -1),
    Key("maxpool", "padding", 2, 1, -1, extra="size=3\n"),
    *several("maxpool", "stride_x stride_y", 1, 2),
    *several("maxpool", "stride_x stride_y", 3, 2, extra="stride=3\n"),
    Key("maxpool", "maxpool_depth", 0, 1),
    Key("maxpool", "out_channels", 1, 2, 0, extra="maxpool_depth=1\n"),
    Key("maxpool", "antialiasing", 0, 1, 3),
    Key("local_avgpool", "stride", 1, 2, 0, fact="stride_x"),
    *several("local_avgpool", "stride_x stride_y", 1, 2, 0),
    Key("local_avgpool", "size", 2, 3, 0, extra="stride=2\n"),
    Key("local_avgpool", "padding", 2, 1, -1, extra="size=3\n"),
]

SIMPLE = [
    Key("dropout", "probability", 0.2, 0.7, 2),
    Key("dropout", "probability", 0.5, 0.7, 2, dialect="pjreddie"),
    Key("dropout", "dropblock", 0, 1),
    Key("dropout", "dropblock_size_rel", 0, 0.1, 2),
    Key("dropout", "dropblock_size_abs", 0, 5, -1),
    Key("dropout", "dropblock_size_abs", 7, 5, -1, extra="dropblock=1\n"),
    Key("dropout", "dropblock_size_abs", 0, 5, -1, extra="dropblock=1\ndropblock_size_rel=.1\n"),
    Key("crop", "crop_height", UNSEEN, 4, 0),
    Key("crop", "crop_width", UNSEEN, 4, 0),
    *several("crop", "flip noadjust", 0, 1),
    *several("crop", "angle shift", 0, 0.5),
    *several("crop", "saturation exposure", 1, 1.5),
    *[
        key
        for section in ("normalization", "lrn")
        for key in (
            Key(section, "alpha", 1e-4, 1e-3),
            Key(section, "beta", 0.75, 0.5),
            Key(section, "kappa", 1, 2),
            Key(section, "size", 5, 3, 0),
        )
    ],
    Key("activation", "activation", UNSEEN, "mish", None),
]

LINKS = [
    Key("route", "layers", UNSEEN, "0,-1", "a", shown=(0, 0)),
    Key("route", "groups", 1, 2, 0),
    Key("route", "group_id", 0, 1, 2, extra="groups=2\n"),
    *several("route", "stream wait_stream", -1, 1),
    Key("shortcut", "from", UNSEEN, "0,-1", "a", shown=(0, 0)),
    Key("shortcut", "activation", UNSEEN, "leaky", None),
    *several("shortcut", "alpha beta", 1, 0.5, dialect="pjreddie"),
    *[
        Key("shortcut", "weights_type", "none", word, "per_pixel", shown=word.replace("layer", "feature"))
        for word in "per_feature per_layer per_channel".split()
    ],
    *[
        Key("shortcut", "weights_normalization", "none", word, "l2", shown=word.replace("avg_", ""))
        for word in "relu avg_relu softmax".split()
    ],
    Key("scale_channels", "from", UNSEEN, 0, WORD),
    Key("scale_channels", "scale_wh", 0, 0),
    Key("scale_channels", "activation", UNSEEN, "logistic", None),
    Key("sam", "from", UNSEEN, 0, WORD),
    Key("sam", "activation", UNSEEN, "logistic", None),
    Key("upsample", "stride", 2, 4, 0),
    Key("upsample", "scale", 1, 0.5),
    *several("reorg", "stride", 1, 2, 0),
    Key("reorg", "reverse", 0, 1, extra="stride=2\n"),
    Key("reorg", "flatten", 0, 1, dialect="pjreddie"),
    Key("reorg", "extra", 0, 3, -1, dialect="pjreddie"),
    Key("reorg3d", "stride", 1, 2, 0),
    Key("reorg3d", "reverse", 0, 1, extra="stride=2\n"),
    Key("implicit", "mean", 0, 1),
    Key("implicit", "std", 0.2, 0.1),
    Key("implicit", "filters", 128, 16, 0),
    Key("implicit", "atoms", 1, 2, 0),
]

RECURRENT = [
    *several("rnn", "output hidden", 1, 3, 0),
    *several("rnn", "batch_normalize shortcut logistic", UNSEEN, 1),
    Key("rnn", "activation", UNSEEN, "relu", None),
    Key("gru", "output", 1, 3, 0),
    Key("gru", "batch_normalize", UNSEEN, 1),
    Key("gru", "tanh", 0, 1, dialect="pjreddie"),
    Key("lstm", "output", 1, 3, 0),
    Key("lstm", "batch_normalize", UNSEEN, 1),
    *several("crnn", "output_filters hidden_filters", UNSEEN, 3, 0, dialect="pjreddie"),
    *several("crnn", "output hidden", UNSEEN, 3, 0, extra="pad=1\n"),
    *several("crnn", "size dilation groups", UNSEEN, 1, 0, extra="pad=1\n"),
    Key("crnn", "stride", UNSEEN, 1, 0, extra="pad=1\n"),
    *several("crnn", "batch_normalize xnor shortcut", UNSEEN, 1, extra="pad=1\n"),
    Key("crnn", "pad", UNSEEN, 1),
    Key("crnn", "padding", UNSEEN, 1, -1),
    Key("crnn", "activation", UNSEEN, "relu", None, extra="pad=1\n"),
    Key("conv_lstm", "output", 1, 3, 0, extra="pad=1\n"),
    *several("conv_lstm", "size dilation groups stride", UNSEEN, 1, 0, extra="pad=1\n"),
    Key("conv_lstm", "pad", UNSEEN, 1),
    Key("conv_lstm", "padding", UNSEEN, 1, -1),
    *several("conv_lstm", "activation lstm_activation", UNSEEN, "relu", None, extra="pad=1\n"),
    *several("conv_lstm", "batch_normalize xnor", UNSEEN, 1, extra="pad=1\n"),
    Key("conv_lstm", "peephole", 0, 1, extra="pad=1\n"),
    Key("conv_lstm", "bottleneck", 0, 1, extra="pad=1\noutput=4\n"),
    Key("conv_lstm", "shortcut", 0, 1, extra="pad=1\noutput=4\n"),
    Key("conv_lstm", "state_constrain", 32, 16, -1, extra="pad=1\n"),
    Key("conv_lstm", "time_normalizer", 1, 2, -1, extra="pad=1\n"),
    Key("history", "history_size", 4, 2, 0),
]

ENDS = [
    Key("softmax", "groups", 1, 2, 0),
    Key("softmax", "temperature", 1, 2, 0),
    *several("softmax", "spatial noloss", 0, 1),
    *[Key("cost", "type", "sse", word, None) for word in "masked smooth seg L1 wgan".split()],
    Key("cost", "scale", 1, 0.5),
    Key("cost", "ratio", 0, 0.5),
    Key("cost", "noobj", 1, 0.5),
    Key("cost", "thresh", 0, 0.5),
    Key("contrastive", "classes", 1000, 20, 0),
    Key("contrastive", "yolo_layer", UNSEEN, -1),
    Key("contrastive", "temperature", 1, 0.5),
    Key("contrastive", "cls_normalizer", 1, 0.5),
    Key("contrastive", "max_delta", pytest.approx(3.4028235e38), 2),
    Key("contrastive", "contrastive_neg_max", 3, 5, -1),
    Key("iseg", "classes", 20, 20, 0, dialect="pjreddie"),
    Key("iseg", "ids", 32, 32, -1, dialect="pjreddie"),
]

BOX_TRAINING = [
    key
    for section in ("yolo", "Gaussian_yolo")
    for key in (
        Key(section, "max", 200, 90, -1),
        Key(section, "jitter", 0.2, 0.3, -1),
        *several(section, "ignore_thresh", 0.5, 0.7),
        *several(section, "truth_thresh iou_thresh", 1, 0.213),
        Key(section, "random", 0, 1.4, -1),
        Key(section, "resize", 1, 1.5, -1),
        Key(section, "scale_x_y", 1, 1.05),
        *[Key(section, "iou_loss", "mse", word, None) for word in "iou giou diou ciou".split()],
        *[Key(section, "iou_thresh_kind", "iou", word, None) for word in "giou diou ciou".split()],
        Key(section, "iou_normalizer", 0.75, 0.07, -1),
        *several(section, "obj_normalizer cls_normalizer delta_normalizer", 1, 0.4, -1),
        *[Key(section, "nms_kind", "default", word, None) for word in "greedynms diounms".split()],
        Key(section, "beta_nms", 0.6, 0.5, -1),
        Key(section, "max_delta", pytest.approx(3.4028235e38), 5, -1),
        Key(section, "counters_per_class", (), "5,6", "5,x", shown=(5, 6)),
        Key(section, "label_smooth_eps", 0, 0.1, -1),
        Key(section, "objectness_smooth", 0, 1),
        Key(section, "map", UNSEEN, "coco9k.map", None),
    )
]

HEADS = [
    Key("yolo", "classes", 20, 20, 0),
    Key("yolo", "num", 1, 1, 0),
    Key("yolo", "mask", 0, "0", "x", shown=0),
    Key("yolo", "anchors", UNSEEN, "10,13", "10,x", shown=(10, 13)),
    Key("yolo", "max", 90, 30, -1, dialect="pjreddie"),
    Key("yolo", "new_coords", 0, 1),
    Key("yolo", "focal_loss", 0, 1),
    Key("yolo", "show_details", 1, 0),
    Key("yolo", "embedding_layer", UNSEEN, 0),
    Key("yolo", "sim_thresh", 0.8, 0.5),
    Key("yolo", "track_history_size", 5, 9, -1),
    *several("yolo", "dets_for_track dets_for_show", 1, 2, -1),
    Key("yolo", "track_ciou_norm", 0.01, 0.1),
    Key("Gaussian_yolo", "classes", 20, 20, 0),
    Key("Gaussian_yolo", "num", 1, 1, 0),
    Key("Gaussian_yolo", "mask", 0, "0", "x", shown=0),
    Key("Gaussian_yolo", "anchors", UNSEEN, "10,13", "10,x", shown=(10, 13)),
    Key("Gaussian_yolo", "uc_normalizer", 1, 0.5),
    Key("Gaussian_yolo", "nms_kind", "default", "cornersnms", None),
    *[Key("Gaussian_yolo", "yolo_point", "center", word, "top") for word in "left_top right_bottom".split()],
    Key("region", "coords", 4, 4, 3),
    Key("region", "classes", 20, 20, 0),
    Key("region", "num", 1, 1, 0),
    *several("region", "softmax log sqrt rescore absolute bias_match focal_loss", 0, 1),
    Key("region", "background", 0, 1, dialect="pjreddie"),
    Key("region", "classfix", 0, -1),
    Key("region", "jitter", 0.2, 0.3, -1),
    Key("region", "thresh", 0.5, 0.6),
    *several("region", "coord_scale object_scale noobject_scale mask_scale class_scale", 1, 5, -1),
    Key("region", "random", 0, 1, -1),
    Key("region", "resize", 1, 1.5, -1),
    Key("region", "max", 200, 90, -1),
    Key("region", "max", 30, 90, -1, dialect="pjreddie"),
    Key("region", "anchors", UNSEEN, "1.5,2", "1,x", shown=(1.5, 2)),
    Key("region", "map", UNSEEN, "coco9k.map", None),
    Key("detection", "coords", 1, 1, 0),
    Key("detection", "classes", 1, 1, -1),
    Key("detection", "num", 1, 1, 0),
    Key("detection", "side", 7, 7, 0),
    *several("detection", "rescore softmax sqrt forced reorg", 0, 1),
    *several("detection", "coord_scale object_scale noobject_scale class_scale", 1, 5, -1),
    Key("detection", "jitter", 0.2, 0.3, -1),
    Key("detection", "random", 0, 1, -1),
    Key("detection", "resize", 1, 1.5, -1),
    Key("detection", "max", 200, 90, -1),
    Key("detection", "max", 90, 30, -1, dialect="pjreddie"),
]

KEYS = [
    *NET_SIZES, *NET_SCHEDULE, *NET_AUGMENTATION, *NET_ENGINE, *EVERY_LAYER, *CONVOLUTIONAL, *OTHER_CONVOLUTIONS,
    *POOLS, *SIMPLE, *LINKS, *RECURRENT, *ENDS, *BOX_TRAINING, *HEADS,
]  # fmt: skip
every_key = pytest.mark.parametrize("key", KEYS, ids=str)


@every_key
def test_known(key: Key) -> None:
    shown = fact(key, key.legal)
    if key.default is not UNSEEN or key.shown is not None:
        assert shown == (key.legal if key.shown is None else key.shown)


@pytest.mark.parametrize("key", [key for key in KEYS if key.default is not UNSEEN], ids=str)
def test_default(key: Key) -> None:
    assert fact(key, None) == key.default


@pytest.mark.parametrize("key", [key for key in KEYS if key.illegal is not None], ids=str)
def test_wrong(key: Key) -> None:
    text = cfg(key, key.illegal)
    with pytest.raises(CfgError) as caught:
        plan(text, key.dialect)
    assert caught.value.line == text.splitlines().index(f"{key.name}={key.illegal}") + 1
    assert (caught.value.section, caught.value.key) == (key.section, key.name)
    assert caught.value.found == str(key.illegal)


@pytest.mark.parametrize(
    "option",
    ["[convolutional]\nflipped=1\n", "[convolutional]\ncoordconv=1\n", "[convolutional]\nnumload=3\n",
     "[maxpool]\nmaxpool_zero_nonmax=1\n"],
)  # fmt: skip
def test_not_provided(option: str) -> None:
    """They change what a layer computes: a network with them would be another one without them."""
    with pytest.raises(UnsupportedError, match="remove it") as caught:
        plan(NET + option, "alexeyab")
    assert caught.value.line == 6
    plan(NET + option.replace("=1", "=0").replace("=3", "=0"), "alexeyab")


# ---- sections

ALIASES = {
    "conv": "convolutional", "deconv": "deconvolutional", "conn": "connected", "max": "maxpool", "avg": "avgpool",
    "local_avg": "local_avgpool", "lrn": "normalization", "soft": "softmax", "silence": "empty",
}  # fmt: skip


@pytest.mark.parametrize(("alias", "name"), ALIASES.items())
def test_alias(alias: str, name: str) -> None:
    made = plan(f"{NET}[{alias}]\n", "alexeyab")
    assert made.kinds == (name,)
    assert made.slots() == plan(f"{NET}[{name}]\n", "alexeyab").slots()


def test_network_is_net() -> None:
    made = plan(NET.replace("[net]", "[network]") + "[avgpool]\n", "alexeyab")
    assert (made.width, made.height, made.channels) == (16, 16, 4)


@pytest.mark.parametrize("name", ["batchnorm", "l2norm", "logistic", "avgpool", "empty", "blank"])
def test_section_without_keys(name: str) -> None:
    made = plan(f"{NET}[{name}]\nsize=3\n", "alexeyab")
    assert made.unused_options == [(name, "size", "3", 6)]


@pytest.mark.parametrize("name", ["select", "extract", "conv-select", "conv-extract"])
def test_sections_of_darkflow(name: str) -> None:
    with pytest.raises(UnsupportedError, match=rf"\[{name}\] is a section of darkflow, .* give the cfg for darknet"):
        plan(f"{NET}[{name}]\n", "alexeyab")


@pytest.mark.parametrize("section", ["net", "convolutional", "yolo", "region", "maxpool", "softmax"])
def test_unknown_keys_are_listed(section: str) -> None:
    key = Key(section, "colour", UNSEEN, "blue")
    text = cfg(key, "blue")
    line = text.splitlines().index("colour=blue") + 1
    assert plan(text, "alexeyab").unused_options == [(section, "colour", "blue", line)]


def test_first_of_two_keys_counts() -> None:
    made = plan(NET + "[convolutional]\nfilters=3\nfilters=5\n", "alexeyab")
    assert made.facts(0)["filters"] == 3
    assert made.unused_options == [("convolutional", "filters", "5", 7)]
