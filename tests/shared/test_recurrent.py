"""Two calls in a row of every recurrent layer equal the reference's, which keeps its states in between."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray

import pydn

from .test_forward import assert_close

CASES = "conv_lstm conv_lstm_peephole crnn gru gru_pjreddie lstm lstm_pjreddie rnn rnn_pjreddie".split()
SEQUENCES, STEPS = 2, 3
Arrays = Mapping[str, NDArray[np.float32]]


def load_case(
    folder: Path, engine: tuple[str, str | None], outputs: Literal["all", "heads"], time_steps: int | None = None
) -> tuple[pydn.Network, Arrays, Arrays]:
    """The network of a case, its inputs and the reference's outputs."""
    meta = json.loads((folder / "meta.json").read_text())
    device, isa = engine
    net = pydn.load(
        folder / "net.cfg",
        folder / "init.weights",
        device=device,
        isa=isa,
        outputs=outputs,
        batch=SEQUENCES,
        prepare=meta["prepare"],
        dialect="pjreddie" if meta["reference"].startswith("pjreddie") else "alexeyab",
        time_steps=time_steps,
    )
    return net, np.load(folder / "input.npz"), np.load(folder / "expected.npz")


@pytest.fixture(params=CASES)
def folder(request: pytest.FixtureRequest, shared: Path) -> Path:
    case: str = request.param
    return shared / "goldens/forward" / case


def test_every_layer(folder: Path, engine: tuple[str, str | None]) -> None:
    net, x, expected = load_case(folder, engine, "all")
    assert (net.batch, net.time_steps, net.steps) == (SEQUENCES, STEPS, STEPS)
    assert len(expected) == 2 * len(net.layers)
    for call in range(2):
        net.forward(x[f"x{call}"])
        for layer in net.layers:
            wanted = expected[f"call{call}_layer_{layer.index:03d}"]
            assert layer.output_shape[0] == len(wanted) == SEQUENCES * STEPS
            assert_close(layer.output, wanted, f"call {call} layer {layer.index} [{layer.kind}]")


def test_heads_only(folder: Path, engine: tuple[str, str | None]) -> None:
    """States outlive a call although buffers are shared; `reset_state` and `resize` begin anew."""
    net, x, expected = load_case(folder, engine, "heads")
    head = net.head_layers[0]
    for _ in range(2):
        for call in range(2):
            assert_close(net.forward(x[f"x{call}"])[0], expected[f"call{call}_layer_{head:03d}"], f"call {call}")
        net.reset_state()
    net.forward(x["x0"])
    net.resize(0, 0, batch=SEQUENCES)
    assert_close(net.forward(x["x0"])[0], expected[f"call0_layer_{head:03d}"], "resized")


def test_one_sequence(folder: Path, engine: tuple[str, str | None]) -> None:
    """A call with fewer sequences than the network was made for; a sequence does not see the others."""
    net, x, expected = load_case(folder, engine, "heads")
    head = net.head_layers[0]
    for call in range(2):
        wanted = expected[f"call{call}_layer_{head:03d}"][1::SEQUENCES]
        assert_close(net.forward(x[f"x{call}"][1::SEQUENCES])[0], wanted, f"call {call}")


def test_step_by_step(folder: Path, engine: tuple[str, str | None]) -> None:
    """One time step a call gives what all of them at once give."""
    net, x, expected = load_case(folder, engine, "heads", time_steps=1)
    head = net.head_layers[0]
    assert (net.time_steps, net.steps) == (STEPS, 1)
    for call in range(2):
        for step in range(STEPS):
            rows = slice(step * SEQUENCES, (step + 1) * SEQUENCES)
            wanted = expected[f"call{call}_layer_{head:03d}"][rows]
            assert_close(net.forward(x[f"x{call}"][rows])[0], wanted, f"call {call} step {step}")


def test_input_of_its_own(folder: Path, engine: tuple[str, str | None]) -> None:
    net, x, expected = load_case(folder, engine, "heads")
    assert len(net.input) == SEQUENCES * STEPS
    net.input[...] = x["x0"].reshape(net.input.shape)
    assert_close(net.forward()[0], expected[f"call0_layer_{net.head_layers[0]:03d}"], "own input")


def test_wrong_numbers_of_images(shared: Path, engine: tuple[str, str | None]) -> None:
    net, x, _ = load_case(shared / "goldens/forward/gru", engine, "heads")
    with pytest.raises(ValueError, match=r"4 images were given to a network of 3 time steps: give a multiple of 3"):
        net.forward(x["x0"][:4])
    with pytest.raises(ValueError, match=r"12 images are 4 sequences of 3 time steps.*batch=4"):
        net.forward(np.concatenate([x["x0"], x["x1"]]))
    net, x, _ = load_case(shared / "goldens/forward/gru", engine, "heads", time_steps=1)
    with pytest.raises(ValueError, match=r"3 images are 3 sequences of 1 time steps.*batch=3"):
        net.forward(x["x0"][:3])
