"""What a training needs is said before it starts."""

import logging
import sys
from pathlib import Path

import numpy as np
import pytest

import pydn
from pydn import demo_training
from pydn._core.plan import Plan
from pydn._core.training import measure
from pydn.cli import main
from pydn.memory import available_memory, shown
from pydn.training.memory import fitting_subdivisions, needed_memory

CFG = b"""[net]
batch=8
subdivisions=2
width=32
height=16
channels=3

[convolutional]
filters=7
size=1
activation=linear

[yolo]
mask=0
anchors=2,2
classes=2
num=1
"""


def fixed(size: tuple[int, int]):  # type: ignore[no-untyped-def]
    return lambda iteration: size


def test_a_plan_by_hand() -> None:
    """Everything that a tiny network must hold is in the sum, and little else."""
    images, pixels = 4, 32 * 16
    least = images * 4 * (3 * pixels + 7 * pixels)  # the input and the head's output
    bytes_needed = measure(Plan(CFG, batch=images, training=True))
    assert least < bytes_needed < least + images * 4 * pixels * 7 * 4 + 200_000


def test_it_grows_with_the_images() -> None:
    cfg = demo_training.cfg()
    few, many = (measure(Plan(cfg, batch=images, training=True)) for images in (2, 16))
    assert 4 < many / few < 8.1
    assert measure(Plan(cfg, batch=16)) < many / 3  # outputs share memory where nothing is to go back


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_what_is_measured_is_what_is_taken() -> None:
    """The resident memory grows by what was planned, when a session has done an iteration."""

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    cfg = demo_training.cfg().replace(b"batch=16", b"batch=64")
    with pydn.load(cfg) as net:
        planned = measure(Plan(net.plan.text, batch=64, training=True), isa=net.isa)
        x, truth = np.zeros((64, 3, net.height, net.width), np.float32), [np.zeros((0, 5))] * 64
        before = resident()
        session = net.session()
        session.step(x, truth)
        taken = resident() - before
        session.close()
    assert planned > 2e8
    assert 0.7 * planned < taken < 1.2 * planned + 5e7


def test_subdivisions_that_fit(caplog: pytest.LogCaptureFixture) -> None:
    with pydn.load(demo_training.cfg()) as net:  # batch 16
        size = fixed((net.width, net.height))
        needs = {n: needed_memory(net, 16, n, size) for n in (1, 2, 4, 8, 16)}
        assert list(needs.values()) == sorted(needs.values(), reverse=True)
        assert fitting_subdivisions(net, 16, None, size, limit=needs[1]) == 1
        with pytest.raises(
            pydn.OutOfMemoryError, match=r"subdivisions=1 of batch=16 needs .* free: subdivisions=4 "
        ) as e:
            fitting_subdivisions(net, 16, 1, size, limit=needs[4])
        assert (e.value.needed, e.value.free) == (needs[1], needs[4])
        with caplog.at_level(logging.WARNING):
            assert fitting_subdivisions(net, 16, "auto", size, limit=needs[2] - 1) == 4
        assert "subdivisions=4 is used; batch norm sees 4 images at a time" in caplog.text
        with pytest.raises(pydn.OutOfMemoryError, match="not even 16 would do"):
            fitting_subdivisions(net, 16, "auto", size, limit=1000)


def test_the_largest_sizes_count() -> None:
    with pydn.load(CFG) as net:
        small = needed_memory(net, 8, 1, fixed((32, 16)))
        assert needed_memory(net, 8, 1, lambda iteration: (64, 32) if iteration == 500 else (32, 16)) > 3 * small


def test_a_training_says_so_before_it_starts(tmp_path: Path) -> None:
    data = demo_training.draw_set(tmp_path, train=4, valid=1)
    with pydn.load(demo_training.cfg(2), data=data) as net:
        with pytest.raises(pydn.OutOfMemoryError, match="would fit"):
            net.train(data, memory_limit=60_000_000)
        assert len(net.train(data, memory_limit=60_000_000, subdivisions="auto", iterations=1)) == 1
        assert net.trainer is not None
        assert net.trainer.batch < 16


def test_the_same_result_without_batch_norm(tmp_path: Path) -> None:
    """Sums over the batch do not depend on how it is cut."""
    data = demo_training.draw_set(tmp_path, train=8, valid=1)
    cfg = demo_training.cfg(3).replace(b"batch_normalize=1\n", b"")
    results = []
    with pydn.load(cfg) as first:
        start = first.weights.tobytes()
    for subdivisions in (1, 4):
        with pydn.load(cfg, start) as net:
            net.train(data, subdivisions=subdivisions, iterations=2, backup=tmp_path / str(subdivisions))
            results.append({key: values.copy() for key, values in net.weights.items()})
    for key, values in results[0].items():
        np.testing.assert_allclose(results[1][key], values, rtol=2e-3, atol=2e-5)


def test_the_flag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    data = demo_training.draw_set(tmp_path, train=4, valid=1)
    monkeypatch.chdir(tmp_path)
    Path("s.cfg").write_bytes(demo_training.cfg(1))
    assert main(["detector", "train", str(data), "s.cfg", "-subdivisions", "many"]) == 2
    assert main(["detector", "train", str(data), "s.cfg", "-subdivisions", "auto", "-freeze", "backbone"]) == 0
    assert "the engine waited for pictures" in capsys.readouterr().err


# ---- what there is


def tree(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("DOT", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


MEMINFO = "MemTotal:  8000 kB\nMemFree: 100 kB\nMemAvailable:   5000 kB\n"


def test_of_the_machine(tmp_path: Path) -> None:
    assert available_memory(tree(tmp_path, proc__meminfo=MEMINFO)) == 5000 * 1024


def test_of_a_group_of_version_2(tmp_path: Path) -> None:
    """The tightest limit of a group and those it is in; pages of files are given back."""
    root = tree(
        tmp_path,
        proc__meminfo=MEMINFO,
        proc__self__cgroup="0::/a/b\n",
        sys__fs__cgroup__a__memoryDOTmax="3000000\n",
        sys__fs__cgroup__a__memoryDOTcurrent="2000000\n",
        sys__fs__cgroup__a__memoryDOTstat="anon 5\ninactive_file 250000\n",
        sys__fs__cgroup__a__b__memoryDOTmax="max\n",
        sys__fs__cgroup__a__b__memoryDOTcurrent="7\n",
    )
    assert available_memory(root) == 1_250_000


def test_of_a_group_of_version_1(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        proc__meminfo=MEMINFO,
        proc__self__cgroup="4:cpu,memory:/../x\n1:cpu:/\n",
        sys__fs__cgroup__memory__memoryDOTlimit_in_bytes="1000000",
        sys__fs__cgroup__memory__memoryDOTusage_in_bytes="1200000",
    )
    assert available_memory(root) == 0
    (root / "sys/fs/cgroup/memory/memory.limit_in_bytes").write_text("9223372036854771712")
    assert available_memory(root) == 5000 * 1024


def test_shown() -> None:
    assert [shown(count) for count in (0, 1023, 1536, 2**30)] == ["0 bytes", "1023 bytes", "1.5 KiB", "1 GiB"]
