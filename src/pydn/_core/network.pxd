from pydn._core.libdarknet cimport dn_network, dn_network_options
from pydn._core.plan cimport Planned
from pydn._core.results cimport Results
from pydn._core.threads cimport RunLock
from pydn._core.weights cimport Weights


cdef class Network(Planned):
    cdef dn_network *ptr          # NULL: closed. Used between lock.enter and lock.leave only
    cdef RunLock lock
    cdef Weights own_weights      # None: closed
    cdef int head_count
    cdef bint ran                 # there are results of the present plan
    cdef readonly str device
    cdef readonly str precision
    cdef readonly str prepare
    cdef readonly str outputs
    cdef readonly object isa      # the widest instruction set allowed; None: the processor's
    cdef readonly bint alone      # runs without the shared pool
    cdef int create(self, object isa) except -1
    cdef int run(self, object x, bint forward, Results results) except -1
    cdef object look(self, int layer)
    cdef Weights open_weights(self)


# From the arguments of the same names. Of a CUDA device everything that it needs is loaded.
cdef int fill_network_options(
    dn_network_options *options, str device, str precision, str outputs, str prepare
) except -1
