"""The cpu backend's training kernels against the plain ones of `ref`, on networks by chance."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from pydn._core.training import TrainingNetwork

ACTIVATIONS = ["linear", "leaky", "mish", "swish", "logistic", "relu", "relu6", "selu", "tanh", "gelu", "hardtan"]
HEADER = "[net]\nbatch={batch}\nsubdivisions=1\nwidth={width}\nheight={height}\nchannels={channels}\n"


def convolutional(chance: random.Random, side: int, channels: int) -> tuple[str, int, int]:
    size, filters = chance.choice([1, 3, 3, 3, 5]), chance.choice([3, 8, 16, 17, 30, 32, 48])
    stride = chance.choice([1, 1, 2]) if side > 4 else 1
    dilation = chance.choice([1, 2]) if size == 3 and stride == 1 else 1
    groups = 1
    form = chance.randrange(6)
    if form == 0:
        groups = filters = channels
    elif form == 1 and channels % 2 == 0 and filters % 2 == 0:
        groups = 2
    keys = {
        "filters": filters, "size": size, "stride": stride, "dilation": dilation, "groups": groups, "pad": 1,
        "batch_normalize": chance.choice([0, 1, 1]), "activation": chance.choice(ACTIVATIONS),
    }  # fmt: skip
    return "[convolutional]\n" + "".join(f"{key}={value}\n" for key, value in keys.items()), filters, stride


def network(seed: int) -> tuple[str, tuple[int, ...]]:
    """Return a cfg whose layers follow each other, some of which also read earlier ones, and the input's shape."""
    chance = random.Random(seed)
    width, height, channels = chance.randrange(7, 20), chance.randrange(7, 20), chance.choice([1, 3, 4, 20])
    batch = chance.randrange(1, 4)
    text = HEADER.format(batch=batch, width=width, height=height, channels=channels)
    whole = (batch, channels, height, width)
    shapes: list[tuple[int, int, int]] = []
    shape = (channels, height, width)
    for _ in range(chance.randrange(3, 9)):
        channels, height, width = shape
        kind = chance.randrange(10)
        same = [k for k, other in enumerate(shapes) if other[1:] == shape[1:]]
        if kind == 0 and min(height, width) > 3 and shapes:
            size, stride = chance.choice([2, 3]), chance.choice([1, 2])
            text += f"[maxpool]\nsize={size}\nstride={stride}\n"
            shape = (channels, (height - 1) // stride + 1, (width - 1) // stride + 1)
        elif kind == 1 and max(height, width) < 12 and shapes:
            text += "[upsample]\nstride=2\n"
            shape = (channels, height * 2, width * 2)
        elif kind == 2 and same:
            chosen = [chance.choice(same) for _ in range(chance.choice([1, 2]))]
            groups = 2 if all(shapes[k][0] % 2 == 0 for k in chosen) and chance.random() < 0.5 else 1
            text += f"[route]\nlayers={','.join(map(str, chosen))}\ngroups={groups}\ngroup_id={groups - 1}\n"
            shape = (sum(shapes[k][0] // groups for k in chosen), height, width)
        elif kind == 3 and any(shapes[k] == shape for k in same[:-1]):
            from_layer = chance.choice([k for k in same[:-1] if shapes[k] == shape])
            text += f"[shortcut]\nfrom={from_layer}\nactivation={chance.choice(['linear', 'leaky'])}\n"
        else:
            section, channels, stride = convolutional(chance, min(height, width), channels)
            text += section
            shape = (channels, (height - 1) // stride + 1, (width - 1) // stride + 1)
        shapes.append(shape)
    if seed % 4 == 0:
        text += f"[connected]\noutput=37\nactivation=tanh\nbatch_normalize={chance.choice([0, 1])}\n"
        return text + "[connected]\noutput=5\nactivation=linear\n", whole
    return text + "[convolutional]\nfilters=5\nsize=1\nactivation=linear\n", whole


def gradients(text: str, shape: tuple[int, ...], outputs: str = "heads", **options: Any) -> dict[str, np.ndarray]:
    """Return what two mini-batches add up to, with random deltas at the head."""
    net = TrainingNetwork(text.encode(), None, batch=0, training=True, outputs=outputs, **options)
    rng = np.random.default_rng(1)
    head = len(net.layers) - 1
    for _ in range(2):
        net.forward(rng.standard_normal(shape, dtype=np.float32))
        delta = net.delta(head)
        delta[...] = rng.standard_normal(delta.shape, dtype=np.float32)
        net.backward()
    names = [(k, name) for k in range(len(net.layers)) for name in ("weights", "biases", "scales")]
    found = {f"layer {k}, {name}": net.gradient(k, name) for k, name in names}
    return {name: np.array(value) for name, value in found.items() if value is not None}


def error(found: np.ndarray, expected: np.ndarray) -> float:
    difference = found.astype(np.float64) - expected
    return float((difference**2).sum() / (1e-3 + (expected.astype(np.float64) ** 2).sum()))


@pytest.mark.parametrize("seed", range(30))
def test_cpu_computes_the_gradients_of_ref(seed: int) -> None:
    text, shape = network(seed)
    expected = gradients(text, shape, device="ref")
    assert expected
    for isa in ("portable", "avx2", "avx512"):
        outputs = "all" if (seed + len(isa)) % 3 == 0 else "heads"
        found = gradients(text, shape, outputs, device="cpu", isa=isa)
        assert found.keys() == expected.keys()
        worst = max(expected, key=lambda name: error(found[name], expected[name]))
        assert error(found[worst], expected[worst]) < 1e-7, f"{isa}, {worst}\n{text}"


def test_cpu_repeats_its_gradients_to_the_bit() -> None:
    text, shape = network(4)
    first, second = (gradients(text, shape, device="cpu") for _ in range(2))
    assert all(np.array_equal(first[name], second[name]) for name in first)
