"""`pydn.tools` on layers with several matrices."""

from __future__ import annotations

import numpy as np
import pytest

import pydn
from pydn import tools

from .test_weights_tools import DIALECTS, close, filled

STEPS = "[net]\nbatch=2\nsubdivisions=1\ntime_steps=2\n{}\n"
RECURRENT = {
    "rnn": ("inputs=6", "[rnn]\noutput=5\nhidden=4\nactivation=tanh\n"),
    "gru": ("inputs=6", "[gru]\noutput=5\n"),
    "lstm": ("inputs=6", "[lstm]\noutput=5\n"),
    "crnn": (
        "width=4\nheight=3\nchannels=2",
        "[crnn]\noutput_filters=3\nhidden_filters=4\nsize=3\npad=1\nactivation=leaky\n",
    ),
    "conv_lstm": ("width=4\nheight=3\nchannels=2", "[conv_lstm]\noutput=3\nsize=3\npad=1\n"),
}


def recurrent(kind: str, dialect: str, batch_normalize: int) -> tuple[bytes, pydn.Weights]:
    head, layer = RECURRENT[kind]
    cfg = STEPS.format(head) + layer + f"batch_normalize={batch_normalize}\n[softmax]\n"
    return cfg.encode(), filled(cfg, dialect)


def first_output(cfg: bytes, weights: pydn.Weights) -> np.ndarray:
    net = pydn.load(cfg, weights.tobytes(), dialect=weights.plan.dialect, prepare="none", outputs="all", device="ref")
    net.input[...] = np.random.default_rng(5).uniform(-1, 1, net.input.shape)
    net.forward()
    return net.layers[0].output.copy()


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("kind", RECURRENT)
def test_every_matrix_of_a_recurrent_layer(kind: str, dialect: str) -> None:
    cfg, weights = recurrent(kind, dialect, batch_normalize=1)
    expected = first_output(cfg, weights)
    assert np.abs(expected).max() > 0.01
    folded = tools.denormalize(cfg, weights)
    assert not any(name.endswith("scales") for _, name in folded.weights)
    assert close(first_output(folded.cfg, folded.weights), expected)
    assert close(first_output(cfg, tools.reset(weights)), expected)
    again = tools.normalize(folded.cfg, folded.weights)
    assert list(again.weights) == list(weights)
    assert close(first_output(again.cfg, again.weights), expected)


@pytest.mark.parametrize("kind", ["rnn", "gru", "lstm"])
def test_ops_of_recurrent_layers(kind: str) -> None:
    cfg, weights = recurrent(kind, "alexeyab", batch_normalize=0)
    matrices = sum(values.size for (_, name), values in weights.items() if name.endswith("weights"))
    counted = tools.ops(pydn.load(cfg))
    assert counted.layers[0].alexeyab == counted.layers[0].pjreddie == 2 * matrices
    assert (
        len([line for line in tools.print_weights(weights, 0) if line.startswith("# ")])
        == {
            "rnn": 3,
            "gru": 6,
            "lstm": 8,
        }[kind]
    )


# The matrices of a file of each program, from the first on, in numbers of AlexeyAB's order.
PJREDDIES_ORDER = {"gru": [3, 4, 5, 0, 1, 2], "lstm": [1, 0, 3, 2, 5, 4, 7, 6]}


@pytest.mark.parametrize("kind", PJREDDIES_ORDER)
def test_recurrent_orders(kind: str) -> None:
    cfg, weights = recurrent(kind, "alexeyab", batch_normalize=0)
    of_input, of_state = 5 + 5 * 6, 5 + 5 * 5  # biases and matrix
    sizes = [of_input] * 3 + [of_state] * 3 if kind == "gru" else [of_state] * 4 + [of_input] * 4
    floats = np.frombuffer(weights.tobytes()[20:], "<f4")
    parts = np.split(floats, np.cumsum(sizes)[:-1])
    there = tools.convert_dialect(cfg, weights, "pjreddie")
    expected = np.concatenate([parts[k] for k in PJREDDIES_ORDER[kind]])
    np.testing.assert_array_equal(np.frombuffer(there.tobytes()[20:], "<f4"), expected)
    assert tools.convert_dialect(cfg, there, "alexeyab").tobytes() == weights.tobytes()
