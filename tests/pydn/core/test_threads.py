"""Threads, one network each or one for all; progress of others during a forward; fork."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from pydn._core.network import Network
from pydn._core.threads import RunLock, best_isa, engine_version, get_num_threads, set_num_threads
from pydn._version import __version__
from pydn.errors import UnsupportedError

THREADS = 8
HEAVY = (
    b"[net]\nwidth=160\nheight=160\nchannels=16\n"
    + b"[convolutional]\nfilters=16\nsize=3\npad=1\nactivation=leaky\n" * 6
)


@pytest.fixture
def threads():
    """Gives the pool its size back."""
    before = get_num_threads()
    yield
    set_num_threads(before)


def inputs(rng, count):
    return [rng.random((2, 2, 4, 6), dtype=np.float32) for _ in range(count)]


def test_eight_threads_with_a_network_each(make, rng):
    networks = [make() for _ in range(THREADS)]
    xs = inputs(rng, 40)
    wanted = [networks[0].forward(x)[0].copy() for x in xs]

    def work(net):
        return [net.forward(x)[0] for x in xs]

    with ThreadPoolExecutor(THREADS) as pool:
        for results in pool.map(work, networks):
            for y, sequential in zip(results, wanted, strict=True):
                np.testing.assert_array_equal(y, sequential)


def test_eight_threads_on_one_network(make, rng):
    net = make()
    xs = inputs(rng, 200)
    wanted = [net.forward(x)[0].copy() for x in xs]
    with ThreadPoolExecutor(THREADS) as pool:
        for y, sequential in zip(pool.map(lambda x: net.forward(x)[0], xs), wanted, strict=True):
            np.testing.assert_array_equal(y, sequential)


def test_threads_that_write_shared_weights_and_run(make, two, device, rng):
    """Values are unspecified while they are written; afterwards every network has the last ones."""
    net = make()
    networks = [Network(two.cfg, net.weights, device=device) for _ in range(THREADS)]
    (x,) = inputs(rng, 1)

    def work(number):
        for i in range(50):
            networks[number].layers[number % 2].biases[0] = i
            networks[number].forward(x)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))
    for other in networks:
        np.testing.assert_array_equal(other.forward(x)[0], net.forward(x)[0])


def test_storm_of_everything_on_one_network(make, rng):
    net = make()
    stop = time.monotonic() + 1.0
    errors = []

    def work(number):
        while time.monotonic() < stop:
            try:
                if number % 4 == 0:
                    net.resize(*((6, 4), (9, 3))[number // 4 % 2])
                elif number % 4 == 1:
                    net.input[...] = number
                    net.forward()
                elif number % 4 == 2:
                    net.forward(rng_of[number].random((1, 2, net.height, net.width), dtype=np.float32))
                else:
                    net.layers[0].weights[...] += 0
                    assert net.forward()[0].shape[1] == 5
            except ValueError as error:  # the size that was read is not the size that is
                if "resized" not in str(error) and "was given" not in str(error) and "broadcast" not in str(error):
                    errors.append(error)

    rng_of = [np.random.default_rng(i) for i in range(THREADS)]
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))
    assert not errors


def test_close_waits_for_a_forward(make, rng):
    for _ in range(20):
        net = make()
        xs = inputs(rng, 5)
        begun = threading.Event()

        def work(net=net, xs=xs, begun=begun):
            done = 0
            try:
                while True:
                    net.forward(xs[done % 5])
                    done += 1
                    begun.set()
            except ValueError as error:
                return done if "closed" in str(error) else -1000

        with ThreadPoolExecutor(4) as pool:
            running = [pool.submit(work) for _ in range(4)]
            assert begun.wait(60)
            net.close()
            assert sum(future.result() for future in running) > 0


def ticks_during_a_forward(net, x):
    """Count how often another thread gets its turn while a forward runs."""
    counted, stop = [], threading.Event()

    def count():
        while not stop.is_set():
            counted.append(time.perf_counter())
            time.sleep(0.0005)

    other = threading.Thread(target=count)
    other.start()
    started = time.perf_counter()
    net.forward(x)
    ended = time.perf_counter()
    stop.set()
    other.join()
    return sum(started < tick < ended for tick in counted)


def test_others_progress_during_a_forward(device):
    net = Network(HEAVY, device=device, batch=1)
    # With the lock of the interpreter held there would be at most the ticks at the two ends, however long it takes; as
    # fast and busy machines differ, forwards become longer until one is long enough.
    found = []
    for images in (4, 16, 64, 256):
        found.append(ticks_during_a_forward(net, np.ones((images, 16, 160, 160), np.float32)))
        if found[-1] >= 5:
            return
    raise AssertionError(found)


def test_set_num_threads(make, two, parameters, rng, threads):
    net = make()
    (x,) = inputs(rng, 1)
    wanted = net.forward(x)[0].copy()
    for n in (1, 3, 2):
        set_num_threads(n)
        assert get_num_threads() == n
        np.testing.assert_array_equal(net.forward(x)[0], wanted)
        np.testing.assert_array_equal(make().forward(x)[0], wanted)
    for wrong in (0, -1, 5000):
        with pytest.raises(ValueError):
            set_num_threads(wrong)
    assert get_num_threads() == 2


def test_default_is_the_usable_processors():
    code = "import os; from pydn._core.threads import get_num_threads as n; assert n() == len(os.sched_getaffinity(0))"
    subprocess.run([sys.executable, "-c", code], check=True)
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); " + code
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("isa", ["portable", "avx2", "avx512", None])
def test_instruction_sets(two, parameters, rng, isa):
    order = ["portable", "avx2", "avx512"]
    if isa and order.index(isa) > order.index(best_isa()):
        pytest.skip(f"this machine has no {isa}")
    (x,) = inputs(rng, 1)
    net = Network(two.cfg, two.weights_file(*parameters), device="cpu", isa=isa)
    np.testing.assert_allclose(net.forward(x)[0], two.expected(x, parameters), rtol=1e-5, atol=1e-5)


def test_unknown_instruction_set(two):
    with pytest.raises(ValueError, match="'avx512'"):
        Network(two.cfg, device="ref", isa="mmx")
    with pytest.raises(UnsupportedError):
        Network(two.cfg, device="ref", isa="neon")


def test_engine_has_the_packages_version():
    assert engine_version() == __version__


# ---- fork


def run_in_child(work):
    """Exit status of a forked child that ran `work`; an alarm ends one that hangs."""
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        try:
            work()
            os._exit(0)
        except BaseException:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")


@needs_fork
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # the pool's threads are what this is about
@pytest.mark.parametrize("used", [False, True])
def test_child_of_an_idle_parent_goes_on(make, rng, used, threads):
    set_num_threads(3)
    net = make()
    (x,) = inputs(rng, 1)
    wanted = net.forward(x)[0].copy() if used else make().forward(x)[0].copy()

    def work():
        for _ in range(3):
            assert np.array_equal(net.forward(x)[0], wanted)
        assert np.array_equal(make().forward(x)[0], wanted)
        set_num_threads(2)
        assert np.array_equal(net.forward(x)[0], wanted)
        assert run_in_child(lambda: net.forward(x)) == 0

    assert run_in_child(work) == 0
    np.testing.assert_array_equal(net.forward(x)[0], wanted)


@needs_fork
def test_child_of_a_running_parent_never_hangs(tmp_path):
    code = f"""
        import os, signal, sys, threading, time
        import numpy as np
        from pydn._core.network import Network
        from pydn.errors import DeviceError
        cfg = {HEAVY!r}
        busy, idle = Network(cfg, device="ref"), Network(cfg, device="ref")
        x = np.ones((20, 16, 160, 160), np.float32)
        runner = threading.Thread(target=busy.forward, args=(x,))
        runner.start()
        time.sleep(0.1)
        assert runner.is_alive()
        child = os.fork()
        if child == 0:
            signal.alarm(30)
            try:
                idle.forward(x[:1])
                try:
                    busy.forward(x[:1])
                except DeviceError as error:
                    assert "forked" in str(error)
                    os._exit(0)
                os._exit(2)
            finally:
                os._exit(1)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        runner.join()
        busy.forward(x[:1])
        sys.exit(status)
    """
    run = subprocess.run([sys.executable, "-W", "ignore", "-c", textwrap.dedent(code)], timeout=120, check=False)
    assert run.returncode == 0


def test_run_lock_is_not_for_python():
    lock = RunLock()
    assert not [name for name in dir(lock) if not name.startswith("_")]
