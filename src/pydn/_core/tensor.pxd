from pydn._core.libdarknet cimport dn_block, dn_tensor


# Memory of a device, which it keeps alive.
cdef class Tensor:
    cdef dn_block *block   # one reference, dropped in __dealloc__
    cdef void *data        # NULL: made by Python code, shows nothing
    cdef int number        # of the device
    cdef readonly tuple shape
    cdef dn_tensor look(self)


# Takes a reference of its own; dense float32.
cdef Tensor tensor_of(const dn_tensor *tensor)


# float32 values in the memory of a device that somebody else owns, finished there; held until the object dies.
cdef class DeviceFloats:
    cdef object owner       # who keeps the memory alive
    cdef const float *data
    cdef tuple shape
    cdef Py_ssize_t count


# `number`: the device that it has to be on.
cdef DeviceFloats device_floats(object x, int number, str what)

# Whether memory of a CUDA device is offered, without looking at it.
cdef bint is_on_device(object x)
