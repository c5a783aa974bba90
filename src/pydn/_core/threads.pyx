"""What engine calls run on: worker threads, an instruction set, and a lock per object that survives fork()."""
import os

cimport cython
from cpython.pythread cimport (
    NOWAIT_LOCK,
    WAIT_LOCK,
    PyThread_acquire_lock,
    PyThread_allocate_lock,
    PyThread_free_lock,
    PyThread_release_lock,
)
from libc.string cimport memset

from pydn._core cimport libdarknet as c
from pydn._core.errors cimport check, collect
from pydn._core.libdarknet cimport dn_error, dn_options, dn_pool, dn_status

from pydn.errors import DeviceError, UnsupportedError

cdef dn_pool *_pool = NULL
cdef int _forks = 0

_SETS = {None: c.DN_ISA_AUTO, "portable": c.DN_ISA_PORTABLE, "avx2": c.DN_ISA_AVX2, "avx512": c.DN_ISA_AVX512}


def _usable_processors():
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on this system
        return os.cpu_count() or 1


def set_num_threads(int n):
    """Set how many threads the engine's shared pool has, the calling thread included.

    Waits until running work is done. A call that finds the pool busy runs on its own thread alone.

    Parameters
    ----------
    n : int
        1 to 1024; 1 starts no thread. The default is the number of processors that this process may use.
    """
    cdef dn_error err
    cdef dn_status status
    with nogil:
        status = c.dn_pool_resize(_pool, n, &err)
    check(status, &err, "")


def get_num_threads():
    """How many threads the engine's shared pool has, the calling thread included."""
    return c.dn_pool_threads(_pool)


def best_isa():
    """The widest instruction set that this processor and this build have: "avx512", "avx2" or "portable"."""
    cdef int best = c.dn_isa_best()
    return next((name for name, number in _SETS.items() if number == best and name is not None), "portable")


def peak_flops(isa=None):
    """Operations a second of multiply-adds in registers on the shared pool's threads, measured: no layer is faster.

    Parameters
    ----------
    isa : str, optional
        The widest instruction set to use.
    """
    cdef dn_options options
    cdef double flops
    fill_options(&options, isa)
    with nogil:
        flops = c.dn_peak_flops(options.isa, _pool)
    return flops


def engine_version():
    """The engine's version."""
    return c.dn_version().decode()


cdef dn_pool *default_pool() noexcept:
    return _pool


cdef int fill_options(dn_options *options, object isa) except -1:
    if isa == "neon":
        raise UnsupportedError("this build has no NEON kernels; use isa=None, which takes the best there are")
    if isa not in _SETS:
        raise ValueError(f"isa is {isa!r}; one of {', '.join(map(repr, _SETS))} was expected")
    memset(options, 0, sizeof(dn_options))
    options.struct_size = sizeof(dn_options)
    options.log = collect
    options.pool = _pool
    options.isa = <c.dn_isa><int>_SETS[isa]
    return 0


@cython.final
cdef class RunLock:
    def __cinit__(self):
        self.process = _forks
        self.lock = PyThread_allocate_lock()
        if self.lock == NULL:
            raise MemoryError

    def __dealloc__(self):
        if self.lock != NULL:
            PyThread_free_lock(self.lock)

    cdef int enter(self) except -1:
        if self.process != _forks:
            # A lock that a thread of the parent held would never be released here. It is left behind, not freed: its
            # state is unknown.
            self.lost = self.lost or self.busy
            self.process = _forks
            self.lock = PyThread_allocate_lock()
        if self.lock == NULL:
            raise MemoryError
        if self.lost:
            raise DeviceError("the process was forked while this network was running; load it again in the child")
        if PyThread_acquire_lock(self.lock, NOWAIT_LOCK) == 0:
            with nogil:
                PyThread_acquire_lock(self.lock, WAIT_LOCK)
        self.busy = True
        return 0

    cdef void leave(self) noexcept:
        self.busy = False
        PyThread_release_lock(self.lock)


def _after_fork_in_child():
    global _forks
    _forks += 1
    c.dn_pool_after_fork(_pool)


cdef int _start() except -1:
    cdef dn_error err
    check(c.dn_pool_create(&_pool, min(_usable_processors(), 1024), &err), &err, "")
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_after_fork_in_child)
    return 0


_start()
