from pydn._core.libdarknet cimport dn_weights, dn_weights_header
from pydn._core.plan cimport Plan


cdef class Weights:
    cdef dn_weights *ptr        # one reference, dropped in __dealloc__
    cdef readonly Plan plan
    cdef readonly str file
    cdef int layers             # those that this object shows: all, or the first ones
    cdef Weights whole          # None, or the weights of which this is the first part
    cdef object views           # weak set of the writable views that are out
    cdef bint fixed
    cdef bint told              # that files lack layers
    cdef readonly object report
    cdef int create(self, object data, bint strict, int layer_limit, object seed) except -1
    cdef dn_weights_header file_header(self) noexcept
    cdef object slot_array(self, int slot)
    cdef object layer_array(self, int layer, str name)
    cdef object contents(self, bint saved)
