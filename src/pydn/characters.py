"""Networks that read text character by character: what they write, and how well they guess the next one.

The input is one value for every byte there may be, 1 at the character (``inputs=256``); the output is a probability for
every byte that may follow.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .errors import DataError, UnsupportedError

if TYPE_CHECKING:
    from .network import Network

_LEAST = 1e-4
"""What is less probable is not written, as in darknet."""


def read_text(path: str | os.PathLike[str], characters: int) -> NDArray[np.uint8]:
    """Read a text for a network.

    Parameters
    ----------
    path
        A text of two bytes or more.
    characters
        Values of the network's input: bytes must be less.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    DataError
        If it is too short, or has a byte that the network has no input for.
    """
    text = np.frombuffer(Path(path).read_bytes(), np.uint8)
    file = os.fspath(path)
    if len(text) < 2:
        raise DataError(f"{len(text)} bytes: a text to learn from or to measure has at least 2", file=file)
    over = np.flatnonzero(text >= characters)
    if len(over):
        at = int(over[0])
        line = 1 + int(np.count_nonzero(text[:at] == 10))
        raise DataError(
            f"byte {text[at]} is beyond the {characters} inputs of the network: inputs=256 takes any text",
            file=file,
            line=line,
        )
    return text


def one_hot(text: NDArray[np.uint8], characters: int) -> NDArray[np.float32]:
    """Make a row for each character: 1 at its place."""
    rows = np.zeros((len(text), characters), np.float32)
    rows[np.arange(len(text)), text] = 1
    return rows


def characters_of(net: Network) -> int:
    """Return how many characters a network reads and writes.

    Raises
    ------
    UnsupportedError
        If it does not read and write the same ones.
    """
    inputs = int(np.prod(net.input.shape[1:]))
    outputs = net.class_count
    if net.classes or inputs != outputs or inputs > 256:
        raise UnsupportedError(
            f"the network has {inputs} inputs and {outputs} outputs: one that reads text has as many of both, up to 256"
        )
    return inputs


class Reader:
    """A network on its way through a text.

    Parameters
    ----------
    net
        Loaded with ``time_steps=1``.
    """

    def __init__(self, net: Network) -> None:
        if net.steps != 1 or net.batch != 1:
            raise ValueError(
                f"{net.steps} time steps of {net.batch} texts: load the network with time_steps=1, batch=1"
            )
        self.net, self.characters = net, characters_of(net)
        net.reset_state()

    def read(self, character: int) -> NDArray[np.float32]:
        """Go on by a character; return the probability of each that may follow."""
        if not 0 <= character < self.characters:
            raise DataError(f"byte {character} is beyond the {self.characters} inputs of the network")
        row = one_hot(np.array([character], np.uint8), self.characters)
        return self.net.forward(row.reshape(self.net.input.shape))[-1].reshape(-1)


def generate(
    net: Network, start: bytes, count: int, temperature: float = 0.7, rng: np.random.Generator | None = None
) -> Iterator[int]:
    """Write text.

    Parameters
    ----------
    net
        Loaded with ``time_steps=1``.
    start
        What is before the text.
    count
        Characters to write.
    temperature
        Below 1 the likely characters are written more often than they are probable, above 1 less often.
    rng
        What draws; None: seed 0.

    Yields
    ------
    int
        A byte.
    """
    if not temperature > 0:
        raise ValueError(f"the temperature must be above 0, not {temperature}")
    if not start:
        raise ValueError("there must be a character to begin with")
    reader, rng = Reader(net), rng or np.random.default_rng(0)
    for character in start:
        probable = reader.read(character)
    for _ in range(count):
        character = _draw(probable, temperature, rng)
        yield character
        probable = reader.read(character)


def _draw(probable: NDArray[np.float32], temperature: float, rng: np.random.Generator) -> int:
    with np.errstate(divide="ignore"):
        logs = np.log(probable.astype(np.float64)) / temperature
    shares = np.exp(logs - logs.max())
    shares /= shares.sum()
    shares[shares < _LEAST] = 0
    return int(np.searchsorted(np.cumsum(shares), rng.uniform(0, shares.sum()), side="right").clip(0, len(shares) - 1))


@dataclass(frozen=True, slots=True)
class Guesses:
    """How well a network guesses a text, so far.

    Attributes
    ----------
    count
        Characters that were guessed.
    words
        Blanks, tabs and ends of lines among them, and one.
    bits
        Sum of the logarithms to base 2 of the characters' probabilities, without their minus.
    """

    count: int
    words: int
    bits: float

    @property
    def bits_per_character(self) -> float:
        """Mean of the bits."""
        return self.bits / self.count

    @property
    def perplexity(self) -> float:
        """Of a character: among how many equally likely ones the choice would be as hard."""
        return float(2 ** min(1000.0, self.bits_per_character))

    @property
    def word_perplexity(self) -> float:
        """Of a word."""
        return float(2 ** min(1000.0, self.bits / self.words))

    def __str__(self) -> str:
        return (
            f"BPC: {self.bits_per_character:4.4f}   Perplexity: {self.perplexity:4.4f}    "
            f"Word Perplexity: {self.word_perplexity:4.4f}"
        )


def measure(net: Network, text: bytes, start: bytes = b"\n\n") -> Iterator[Guesses]:
    """Find out how well a network guesses a text.

    Parameters
    ----------
    net
        Loaded with ``time_steps=1``.
    text
        Its first character is given, the others are guessed one by one.
    start
        What is before it.

    Yields
    ------
    Guesses
        After every character.
    """
    reader = Reader(net)
    for character in start:
        reader.read(character)
    bits, words = 0.0, 1
    for count, (character, following) in enumerate(pairwise(text), 1):
        probable = reader.read(character)
        if following >= len(probable):
            raise DataError(f"byte {following} is beyond the {len(probable)} outputs of the network")
        words += following in b" \t\n"
        bits -= math.log2(max(float(probable[following]), 1e-45))
        yield Guesses(count, words, bits)
