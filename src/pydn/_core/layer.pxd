from pydn._core.libdarknet cimport dn_layer_facts
from pydn._core.network cimport Network


cdef class Layer:
    cdef readonly Network network
    cdef readonly int index
    cdef dn_layer_facts seen_by_plan(self)
    cdef object parameter(self, str name)
    cdef object trainer(self)
    cdef object updates(self, str name)


cdef class Layers:
    cdef Network network
