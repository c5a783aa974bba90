"""Files for TensorBoard, read by itself where it is installed, and byte by byte."""

from __future__ import annotations

import importlib.util
import struct
from pathlib import Path

import pytest

from pydn.training import TensorBoard
from pydn.training.measuring import Judge
from pydn.training.tensorboard import crc32c

from .watching import trained


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"123456789", 0xE3069283),
        (b"\x00" * 32, 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
    ],
)
def test_checksums(data: bytes, value: int) -> None:
    """The examples of RFC 3720, B.4, and of catalogues of checksums."""
    assert crc32c(data) == value


def test_records(tmp_path: Path) -> None:
    """One that says what the file is, one for a session that begins, one for each iteration; nothing is left over."""
    trained(3, [TensorBoard(tmp_path / "made" / "run")])
    (file,) = (tmp_path / "made" / "run").iterdir()
    assert "tfevents" in file.name
    data, records = file.read_bytes(), []
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        records.append(data[12 : 12 + length])
        data = data[16 + length :]
    assert len(records) == 5
    assert records[0].endswith(b"\x1a\x0dbrain.Event:2")
    assert [record[9:11] for record in records[1:]] == [b"\x10\x01", b"\x10\x01", b"\x10\x02", b"\x10\x03"]
    assert b"average_loss" in records[2]


@pytest.mark.skipif(importlib.util.find_spec("tensorboard") is None, reason="tensorboard is not installed")
@pytest.mark.filterwarnings("ignore")
def test_tensorboard_reads_it(tmp_path: Path) -> None:
    """Values of each iteration; what a training that went on does again is there once."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    measured = {"judge": Judge("map", lambda _: 0.5), "score_every": 3}
    trained(5, [TensorBoard(tmp_path)], **measured)
    again = trained(4, [TensorBoard(tmp_path)], backup=tmp_path / "weights", **measured)
    result = trained(6, [TensorBoard(tmp_path)], backup=tmp_path / "weights", resume=True, **measured)
    read = EventAccumulator(str(tmp_path))
    read.Reload()
    assert {"loss", "average_loss", "learning_rate", "seconds", "map"} == set(read.Tags()["scalars"])
    steps = [*again, *result]
    for name in ("loss", "average_loss", "learning_rate"):
        events = read.Scalars(name)
        assert [event.step for event in events] == [1, 2, 3, 4, 5, 6]
        assert [event.value for event in events] == pytest.approx([getattr(step, name) for step in steps])
    assert [(event.step, event.value) for event in read.Scalars("map")] == [(3, 0.5), (6, 0.5)]
