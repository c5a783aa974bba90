from cpython.pythread cimport PyThread_type_lock

from pydn._core.libdarknet cimport dn_options, dn_pool

# Defaults of every call: the shared pool, the log, and the widest allowed instruction set (None: the processor's).
cdef int fill_options(dn_options *options, object isa) except -1

cdef dn_pool *default_pool() noexcept


# Held around one call into the engine and nothing else: between enter and leave no Python code runs, so that neither a
# signal, nor a finalizer that the garbage collector calls, can come back to the same lock.
cdef class RunLock:
    cdef PyThread_type_lock lock
    cdef int process   # number of forks that had happened when `lock` was made
    cdef bint busy     # somebody is between enter and leave
    cdef bint lost     # the process was forked while somebody was
    cdef int enter(self) except -1
    cdef void leave(self) noexcept
