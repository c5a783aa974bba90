"""Recurrent networks: what is refused, names of parameters, time steps of other networks."""

import numpy as np
import pytest

import pydn

NET = b"[net]\nwidth=6\nheight=5\nchannels=4\ntime_steps=2\n"

REFUSED = {
    "a stride": (b"[crnn]\npad=1\nstride=2\n", pydn.CfgError, r"stride=2 of \[crnn\] must be 1"),
    "an even size": (
        b"[crnn]\nsize=2\npad=1\n",
        pydn.ShapeError,
        "size=2 with a padding of 1 changes the number of rows",
    ),
    "no padding": (b"[conv_lstm]\nsize=3\n", pydn.ShapeError, "size=3 with a padding of 0 changes the number of rows"),
    "groups": (b"[crnn]\npad=1\ngroups=3\n", pydn.ShapeError, "4 channels cannot be split into 3 groups"),
    "a bottleneck": (
        b"[conv_lstm]\npad=1\nbottleneck=1\noutput=3\n",
        pydn.ShapeError,
        "output=3 channels, the input has 4",
    ),
}


@pytest.mark.parametrize("case", list(REFUSED.values()), ids=list(REFUSED))
def test_refused(case: tuple[bytes, type[Exception], str]) -> None:
    layer, error, message = case
    with pytest.raises(error, match=message):
        pydn.load(NET + layer)


@pytest.mark.parametrize("layer", [b"[rnn]\n", b"[gru]\n", b"[lstm]\n", b"[conv_lstm]\npad=1\n", b"[history]\n"])
def test_too_many_steps(layer: bytes) -> None:
    """Bounded in memory and time, whatever a cfg asks for."""
    with pytest.raises(pydn.UnsupportedError, match=r"time_steps=100000 makes more than 65536 operations"):
        pydn.load(b"[net]\nwidth=1\nheight=1\nchannels=1\ntime_steps=100000\n" + layer)
    with pytest.raises(pydn.ShapeError, match="reduce the batch, time_steps="):
        pydn.load(b"[net]\nwidth=2\nheight=1\nchannels=1\ntime_steps=2147483647\n" + layer)


def test_steps_of_an_argument() -> None:
    cfg = NET + b"[gru]\n"
    assert pydn.load(cfg).steps == 2
    assert pydn.load(cfg, time_steps=5).steps == 5
    assert pydn.load(cfg, time_steps=5).time_steps == 2  # the cfg's
    with pytest.raises(ValueError, match="time_steps must be 1 to"):
        pydn.load(cfg, time_steps=0)
    with pytest.raises(TypeError, match="time_steps must be a whole number"):
        pydn.load(cfg, time_steps=1.5)  # type: ignore[arg-type]


def test_steps_mean_nothing_without_a_recurrent_layer(backend: str) -> None:
    net = pydn.load(NET + b"[convolutional]\nfilters=2\nactivation=linear\n", device=backend, batch=2)
    assert (net.time_steps, net.steps) == (2, 1)
    assert len(net.forward(np.zeros((5, 4, 5, 6), np.float32))[0]) == 5


def test_names_of_parameters() -> None:
    """In the order of the file, which differs between the dialects."""
    layer = b"[lstm]\noutput=3\nbatch_normalize=1\n"
    net = pydn.load(NET + layer)
    inner = ["biases", "weights", "scales", "rolling_mean", "rolling_variance"]
    parts = ["wf", "wi", "wg", "wo", "uf", "ui", "ug", "uo"]
    assert net.layers[0].parameter_names == tuple(f"{part}.{name}" for part in parts for name in inner)
    assert net.weights[0, "wf.weights"].shape == (3, 3)
    assert net.weights[0, "uo.weights"].shape == (3, 120)
    pjreddie = pydn.load(NET + layer, dialect="pjreddie").layers[0].parameter_names
    assert [name.partition(".")[0] for name in pjreddie[::5]] == ["wi", "wf", "wo", "wg", "ui", "uf", "uo", "ug"]


def test_a_write_takes_effect_in_a_running_sequence(backend: str) -> None:
    net = pydn.load(b"[net]\ninputs=1\n[rnn]\nactivation=linear\n", device=backend)
    for name, value in (("input.weights", 1), ("self.weights", 1), ("output.weights", 1)):
        net.weights[0, name][...] = value
    one = np.ones((1, 1), np.float32)
    assert [net.forward(one)[0].item() for _ in range(3)] == [1, 2, 3]
    net.weights[0, "self.weights"][...] = 0.5
    assert net.forward(one)[0].item() == 2.5
    net.reset_state()
    assert net.forward(one)[0].item() == 1


def test_networks_that_share_weights_have_states_of_their_own(backend: str) -> None:
    cfg = b"[net]\ninputs=1\n[rnn]\nactivation=linear\n"
    a = pydn.load(cfg, device=backend)
    b = pydn.Network(cfg, a.weights, device=backend)
    for name in ("input.weights", "self.weights", "output.weights"):
        a.weights[0, name][...] = 1
    one = np.ones((1, 1), np.float32)
    assert [net.forward(one)[0].item() for net in (a, a, b, a, b)] == [1, 2, 1, 3, 2]
