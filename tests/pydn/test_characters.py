"""Networks that read and write text: training through time, writing, measuring."""

import math
import re
from pathlib import Path

import numpy as np
import pytest

import pydn
from pydn.characters import generate, measure, one_hot, read_text
from pydn.cli import main
from pydn.training.text_feed import TextFeed, text_trainer

TEXT = b"the quick brown fox jumps over the lazy dog\n" * 4


def cfg(kind: str = "gru", iterations: int = 150, hidden: int = 24, more: str = "") -> bytes:
    keys = {"rnn": "output={0}\nhidden={0}\nactivation=tanh\n", "gru": "output={0}\n", "lstm": "output={0}\n"}[kind]
    return (
        f"[net]\nbatch=6\nsubdivisions=1\ntime_steps=12\ninputs=128\nmomentum=0.9\ndecay=0\nadam=1\nlearning_rate=0.02\n"
        f"max_batches={iterations}\n{more}[{kind}]\nbatch_normalize=0\n{keys.format(hidden)}"
        "[connected]\noutput=128\nactivation=linear\n[softmax]\n[cost]\ntype=sse\n"
    ).encode()


@pytest.fixture
def text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_bytes(TEXT)
    return tmp_path


def test_batches_follow_the_text(text: Path) -> None:
    """Each reader's characters are those of the text in order, over mini-batches and iterations, as rows by time."""
    with pydn.load(cfg().replace(b"subdivisions=1", b"subdivisions=2")) as net:
        session = net.session(seed=5)
        feed = TextFeed(np.frombuffer(TEXT, np.uint8), session)
        batches = [feed.batch(k) for k in range(11)]
    assert [batch.x.shape[0] for batch in batches] == [72] * 11
    read = np.stack([batch.x.reshape(2, 12, 3, 128).argmax(-1) for batch in batches]).reshape(11, 24, 3)
    following = np.stack([batch.truth.reshape(2, 12, 3, 128).argmax(-1) for batch in batches]).reshape(11, 24, 3)
    endless = TEXT * 20
    for reader in range(3):
        line = bytes(read[:10, :, reader].ravel().tolist())
        assert line in endless
        assert bytes(following[:10, :, reader].ravel().tolist())[:-1] == line[1:]
    assert not np.array_equal(read[0], read[10])


@pytest.mark.parametrize("kind", ["rnn", "gru", "lstm"])
def test_learns_a_sentence(text: Path, kind: str) -> None:
    with pydn.load(cfg(kind)) as net:
        result = text_trainer(net, "text.txt", seed=1).run()
        weights = net.weights.tobytes()
    assert result[-1].average_loss < 0.5 * result[0].loss
    with pydn.load(cfg(kind), weights, time_steps=1) as net:
        found = list(measure(net, TEXT, b"\n"))[-1]
        assert found.bits_per_character < 1 < math.log2(27)
        assert (found.count, found.words) == (len(TEXT) - 1, TEXT.count(b" ") + TEXT.count(b"\n") + 1)


def test_resume_is_exact(text: Path) -> None:
    with pydn.load(cfg()) as net:
        start = net.weights.tobytes()
        text_trainer(net, "text.txt", iterations=130).run()
        whole = net.weights.tobytes()
    for end in (100, 130):
        with pydn.load(cfg(), start) as net:
            text_trainer(net, "text.txt", iterations=end, backup="b", resume=True).run()
            parts = net.weights.tobytes()
    assert parts == whole
    assert {path.name for path in Path("b").iterdir()} == {"network.backup", "network_final.weights", "network.state"}


def constant(probable: list[float]) -> pydn.Network:
    """A network of four characters that always says the same."""
    net = pydn.load(b"[net]\ninputs=4\n[connected]\noutput=4\nactivation=linear\n[softmax]\n", time_steps=1)
    net.weights[0, "weights"][...] = 0
    net.weights[0, "biases"][...] = np.log(probable)
    return net


def test_writing_follows_the_probabilities() -> None:
    """At temperature T a character comes as often as its probability to the power of 1 / T, in parts of the sum."""
    probable = [0.5, 0.3, 0.19995, 0.00005]
    with constant(probable) as net:
        for temperature in (1.0, 0.5):
            written = np.array(list(generate(net, b"\0", 4000, temperature, np.random.default_rng(3))))
            shares = np.array(probable) ** (1 / temperature)
            shares /= shares.sum()
            counted = np.bincount(written, minlength=4) / 4000
            np.testing.assert_allclose(counted[:3], shares[:3], atol=0.03)
            assert counted[3] == 0  # too rare
        again = [bytes(generate(net, b"\1", 50, 1.0, np.random.default_rng(3))) for _ in range(2)]
        assert again[0] == again[1]


def test_measures_by_hand() -> None:
    with constant([0.5, 0.25, 0.125, 0.125]) as net:
        found = list(measure(net, bytes([0, 1, 2, 0]), b"\0"))
    assert [one.bits for one in found] == pytest.approx([2, 5, 6], rel=1e-5)
    assert str(found[-1]) == "BPC: 2.0000   Perplexity: 4.0000    Word Perplexity: 64.0000"


def test_what_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_bytes(b"fine\nso fine\xff\n")
    with pytest.raises(pydn.DataError, match=r"bad\.txt:2: byte 255 is beyond the 128 inputs"):
        read_text(tmp_path / "bad.txt", 128)
    (tmp_path / "short.txt").write_bytes(b"a")
    with pytest.raises(pydn.DataError, match="at least 2"):
        read_text(tmp_path / "short.txt", 128)
    np.testing.assert_array_equal(one_hot(np.array([1, 0], np.uint8), 3), [[0, 1, 0], [1, 0, 0]])


def test_verbs(text: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    Path("char.cfg").write_bytes(cfg(iterations=100))
    assert main(["rnn", "train", "char.cfg", "-file", "text.txt", "-seed", "2"]) == 0
    out = capfdbinary.readouterr().out.decode()
    lines = re.findall(r"^(\d+): ([\d.]+), [\d.]+ avg, 0\.020000 rate, [\d.]+ seconds, ([\d.]+) epochs$", out, re.M)
    assert [int(line[0]) for line in lines] == list(range(1, 101))
    assert float(lines[-1][1]) < 0.8 * float(lines[0][1])
    assert float(lines[-1][2]) == pytest.approx(100 * 72 / len(TEXT), abs=1e-5)
    assert {path.name for path in Path("backup").iterdir()} == {"char.backup", "char_final.weights", "char.state"}
    words = ["char.cfg", "backup/char_final.weights"]
    flags = ["-seed", "the ", "-len", "30", "-temp", "0.5", "-srand", "3"]
    texts = []
    for verb in ("generate", "test"):
        assert main(["rnn", verb, *words, *flags]) == 0
        texts.append(capfdbinary.readouterr().out)
    assert texts[0] == texts[1]
    assert texts[0].startswith(b"the ")
    assert len(texts[0]) == 4 + 30 + 1
    assert main(["rnn", "valid", *words, "-file", "text.txt"]) == 0
    assert re.fullmatch(
        rb"(BPC: \d+\.\d{4}   Perplexity: \d+\.\d{4}    Word Perplexity: \d+\.\d{4}\n){175}",
        capfdbinary.readouterr().out,
    )


def test_networks_of_pictures_are_refused(text: Path) -> None:
    picture = b"[net]\nwidth=8\nheight=8\nchannels=3\n[convolutional]\nfilters=2\nactivation=linear\n[softmax]\n"
    with pydn.load(picture) as net, pytest.raises(pydn.UnsupportedError, match="192 inputs"):
        text_trainer(net, "text.txt")
