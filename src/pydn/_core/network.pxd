from pydn._core.libdarknet cimport dn_layer_facts, dn_network
from pydn._core.plan cimport Plan
from pydn._core.results cimport Results
from pydn._core.threads cimport RunLock
from pydn._core.weights cimport Weights


cdef class Network:
    cdef dn_network *ptr          # NULL: closed. Used between lock.enter and lock.leave only
    cdef RunLock lock
    cdef readonly Plan plan       # as of the last resize
    cdef Weights own_weights      # None: closed
    cdef int head_count
    cdef readonly str device
    cdef readonly str precision
    cdef readonly str prepare
    cdef readonly str outputs
    cdef int create(self, object isa) except -1
    cdef int run(self, object x, bint forward, Results results) except -1
    cdef object look(self, int layer)
    cdef Weights open_weights(self)
    cdef bint writable(self) noexcept


cdef class Layer:
    cdef readonly Network network
    cdef readonly int index
    cdef dn_layer_facts seen_by_plan(self)
    cdef object parameter(self, str name)


cdef class Layers:
    cdef Network network
