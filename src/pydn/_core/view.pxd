from pydn._core.libdarknet cimport dn_block, dn_tensor, dn_weights


# A look at memory of the engine, which it keeps alive: what numpy arrays stand on.
cdef class View:
    cdef dn_block *block         # one reference, dropped in __dealloc__
    cdef dn_weights *weights     # one reference where this is a parameter, else NULL
    cdef int slot
    cdef void *data              # NULL: made by Python code, shows nothing
    cdef const char *format
    cdef Py_ssize_t itemsize
    cdef int dimensions
    cdef bint writable
    cdef Py_ssize_t watched      # writable buffers of a parameter that are out
    cdef Py_ssize_t shape[6]     # live as long as self, which the Py_buffer holds
    cdef Py_ssize_t strides[6]
    cdef object array            # weak reference to the numpy array that was handed out
    cdef object __weakref__
    cdef bint dense(self) noexcept
    cdef bint dense_by_columns(self) noexcept
    cdef bint offers(self, int flags) noexcept
    cdef int freeze(self) except -1


# Takes references of its own; the tensor's data must not be NULL.
cdef View view_of(const dn_tensor *tensor, bint writable)
cdef View view_of_parameter(dn_weights *weights, int slot, bint writable)
cdef object as_array(View view)

# A new float32 array with these values.
cdef object copy_floats(const float *values, tuple shape)


# Memory of somebody else, held until the object dies or is released: C-contiguous float32.
cdef class Floats:
    cdef Py_buffer buffer
    cdef bint held
    cdef float *data
    cdef Py_ssize_t count
    cdef tuple shape
    cdef int release(self) except -1


cdef Floats read_floats(object x, str what)   # copies what is not contiguous
cdef Floats write_floats(object x, str what)  # contiguous and writable, or it is an error
cdef bint overlap(Floats a, Floats b) noexcept
