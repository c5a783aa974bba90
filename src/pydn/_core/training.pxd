from pydn._core.network cimport Network
from pydn._core.view cimport Floats


cdef class TrainingNetwork(Network):
    cdef Floats read_truth(self, object truth)
    cdef int stay_open(self, bint is_open) except -1
    cdef object look_at(self, int index, int what)
