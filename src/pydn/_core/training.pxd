from pydn._core.network cimport Network


cdef class TrainingNetwork(Network):
    cdef int stay_open(self, bint is_open) except -1
    cdef object look_at(self, int index, int what)
