"""Curves of a training for TensorBoard, in its own file format: records of protocol buffers with checksums.

A record is the length of its data (8 bytes), the masked CRC-32C of these, the data, and the masked CRC-32C of the data.
The data is an Event: wall_time = 1 (double), step = 2, file_version = 3, summary = 5 with values = 1 of tag = 1 and
simple_value = 2 (float), session_log = 7 with status = 1.
"""

from __future__ import annotations

import itertools
import math
import os
import struct
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from .step import Step

if TYPE_CHECKING:
    from .trainer import Trainer

_POLYNOMIAL = 0x82F63B78
"""CRC-32C's, with its bits reversed."""
_DOUBLE, _BYTES, _FLOAT = 1, 2, 5
"""Kinds of fields."""
_number = itertools.count()


class TensorBoard:
    """Callback that writes loss, average loss, learning rate, time, and what was measured, for TensorBoard.

    Nothing else needs to be installed to write it; ``pip install 'pydn[tensorboard]'`` brings what shows it:
    ``tensorboard --logdir FOLDER``.

    Parameters
    ----------
    folder
        Of this training; it is made. A training that goes on gets a file of its own there, and TensorBoard leaves out
        what older ones have past that iteration.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self._file: BinaryIO | None = None

    def __call__(self, trainer: Trainer, step: Step) -> None:
        """Write the values of the iteration."""
        if self._file is None:
            self._file = self._open(step.iteration)
        scores = {score.name: score.value for score in trainer.result.scores if score.iteration == step.iteration}
        self._file.write(_record(_event(step.iteration, summary(_values(step) | scores))))
        self._file.flush()

    def finish(self, trainer: Trainer) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self, first: int) -> BinaryIO:
        self.folder.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{int(time.time()):010d}.pydn.{os.getpid()}.{next(_number):06d}"
        file = (self.folder / name).open("xb")
        file.write(_record(_event(0, _field(3, b"brain.Event:2"))))
        file.write(_record(_event(first, _field(7, b"\x08\x01"))))  # a session begins: later steps of before are void
        return file


def _values(step: Step) -> dict[str, float]:
    values = {name: float(getattr(step, name)) for name in ("loss", "average_loss", "learning_rate", "seconds")}
    return values | ({"iou": step.iou, "recall": step.recall} if step.count else {})


def summary(values: Mapping[str, float]) -> bytes:
    """Return the field of an event that has values by their names; those that are no numbers are left out."""
    parts = (
        _field(1, name.encode()) + _tag(2, _FLOAT) + struct.pack("<f", value)
        for name, value in values.items()
        if math.isfinite(value)
    )
    return _field(5, b"".join(_field(1, part) for part in parts))


def _event(step: int, rest: bytes) -> bytes:
    return _tag(1, _DOUBLE) + struct.pack("<d", time.time()) + _tag(2, 0) + _varint(step) + rest


def _field(number: int, contents: bytes) -> bytes:
    return _tag(number, _BYTES) + _varint(len(contents)) + contents


def _tag(number: int, kind: int) -> bytes:
    return _varint(number << 3 | kind)


def _varint(value: int) -> bytes:
    """Return seven bits a byte, the lowest first; all bytes but the last have the eighth bit."""
    parts = []
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def _record(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return b"".join((length, _masked(length), data, _masked(data)))


def _table() -> Iterator[int]:
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        yield value


_TABLE = tuple(_table())


def crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli) of bytes."""
    value = 0xFFFFFFFF
    for byte in data:
        value = value >> 8 ^ _TABLE[(value ^ byte) & 0xFF]
    return value ^ 0xFFFFFFFF


def _masked(data: bytes) -> bytes:
    value = crc32c(data)
    return struct.pack("<I", ((value >> 15 | value << 17) + 0xA282EAD8) & 0xFFFFFFFF)
