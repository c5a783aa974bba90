"""Memory that crosses the border: the engine's as numpy arrays, and float32 buffers of Python as pointers."""
import weakref

import numpy as np

cimport cython
from cpython.buffer cimport (
    PyBUF_ANY_CONTIGUOUS,
    PyBUF_C_CONTIGUOUS,
    PyBUF_F_CONTIGUOUS,
    PyBUF_FORMAT,
    PyBUF_ND,
    PyBUF_STRIDES,
    PyBUF_WRITABLE,
    PyBuffer_Release,
    PyObject_GetBuffer,
)

from libc.stdint cimport uintptr_t

from pydn._core cimport libdarknet as c
from pydn._core.libdarknet cimport dn_tensor, dn_weights

cdef extern from "Python.h":
    bytearray PyByteArray_FromStringAndSize(const char *values, Py_ssize_t size)


# ---------------------------------------------------------------- out: the engine's memory

@cython.final
@cython.no_gc_clear
cdef class View:
    """A look at the engine's memory through the buffer protocol; made by the engine's objects only."""

    def __init__(self, *args, **kwargs):
        raise TypeError("a View cannot be made; take a network's input, outputs or parameters")

    def __dealloc__(self):
        c.dn_block_release(self.block)
        c.dn_weights_release(self.weights)

    cdef bint dense(self) noexcept:
        cdef Py_ssize_t expected = self.itemsize
        cdef int i
        for i in range(self.dimensions - 1, -1, -1):
            if self.shape[i] == 0:
                return True
            if self.shape[i] != 1 and self.strides[i] != expected:
                return False
            expected *= self.shape[i]
        return True

    cdef bint dense_by_columns(self) noexcept:
        cdef int i
        cdef int long_ones = 0
        for i in range(self.dimensions):
            if self.shape[i] == 0:
                return True
            long_ones += self.shape[i] != 1
        return long_ones <= 1 and self.dense()

    cdef bint offers(self, int flags) noexcept:
        if (flags & PyBUF_ANY_CONTIGUOUS) == PyBUF_ANY_CONTIGUOUS:
            return self.dense() or self.dense_by_columns()
        if (flags & PyBUF_F_CONTIGUOUS) == PyBUF_F_CONTIGUOUS:
            return self.dense_by_columns()
        if (flags & PyBUF_C_CONTIGUOUS) == PyBUF_C_CONTIGUOUS or (flags & PyBUF_STRIDES) != PyBUF_STRIDES:
            return self.dense()
        return True

    def __getbuffer__(self, Py_buffer *buffer, int flags):
        cdef int i
        if self.data == NULL:
            raise BufferError("this view shows nothing")
        if (flags & PyBUF_WRITABLE) and not self.writable:
            raise BufferError("this view is read-only")
        if not self.offers(flags):
            raise BufferError("this view is not contiguous in the order that was asked for")
        buffer.buf = self.data
        buffer.itemsize = self.itemsize
        buffer.len = self.itemsize
        for i in range(self.dimensions):
            buffer.len *= self.shape[i]
        buffer.ndim = self.dimensions
        buffer.format = <char *>self.format if flags & PyBUF_FORMAT else NULL
        buffer.shape = self.shape if flags & PyBUF_ND else NULL
        buffer.strides = self.strides if (flags & PyBUF_STRIDES) == PyBUF_STRIDES else NULL
        buffer.suboffsets = NULL
        buffer.readonly = not self.writable
        buffer.internal = NULL
        if self.writable and self.weights != NULL:
            c.dn_weights_watch(self.weights, self.slot)
            self.watched += 1
            buffer.internal = <void *>self
        buffer.obj = self

    # May be called by the garbage collector on a thread that is inside the engine: takes no lock.
    def __releasebuffer__(self, Py_buffer *buffer):
        if buffer.internal != NULL and self.watched > 0:
            self.watched -= 1
            c.dn_weights_unwatch(self.weights, self.slot)

    cdef int freeze(self) except -1:
        array = self.array() if self.array is not None else None
        if array is not None:
            array.flags.writeable = False
        self.writable = False
        while self.watched > 0:
            self.watched -= 1
            c.dn_weights_unwatch(self.weights, self.slot)
        return 0


cdef View view_of(const dn_tensor *tensor, bint writable):
    cdef View view = View.__new__(View)
    cdef int i
    if tensor.device >= 0:
        raise NotImplementedError("memory of a device cannot be viewed")
    if tensor.dtype == c.DN_F32:
        view.format, view.itemsize = "f", 4
    elif tensor.dtype == c.DN_I32:
        view.format, view.itemsize = "i", 4
    elif tensor.dtype == c.DN_U8:
        view.format, view.itemsize = "B", 1
    elif tensor.dtype == c.DN_I8:
        view.format, view.itemsize = "b", 1
    else:
        raise NotImplementedError("numpy has no type for bfloat16")
    view.dimensions = tensor.dimensions
    for i in range(tensor.dimensions):
        view.shape[i] = tensor.shape[i]
        view.strides[i] = tensor.strides[i] * view.itemsize
    view.writable = writable
    view.data = tensor.data
    view.block = tensor.block
    c.dn_block_retain(view.block)
    return view


cdef View view_of_parameter(dn_weights *weights, int slot, bint writable):
    cdef dn_tensor tensor = c.dn_weights_slot(weights, slot)
    cdef View view = view_of(&tensor, writable)
    c.dn_weights_retain(weights)
    view.weights = weights
    view.slot = slot
    return view


cdef object as_array(View view):
    array = np.asarray(view)
    view.array = weakref.ref(array)
    return array


cdef object copy_floats(const float *values, tuple shape):
    cdef Py_ssize_t count = 1
    for extent in shape:
        count *= extent
    if count == 0:
        return np.zeros(shape, np.float32)
    return np.frombuffer(PyByteArray_FromStringAndSize(<const char *>values, count * 4), np.float32).reshape(shape)


# ---------------------------------------------------------------- in: memory of Python

@cython.final
@cython.no_gc_clear
cdef class Floats:
    def __init__(self, *args, **kwargs):
        raise TypeError("made by the compiled layer only")

    def __dealloc__(self):
        if self.held:
            PyBuffer_Release(&self.buffer)

    cdef int release(self) except -1:
        if self.held:
            self.held = False
            PyBuffer_Release(&self.buffer)
        return 0


cdef bint is_float32(const char *format) noexcept:
    if format == NULL:
        return False
    if format[0] in (c'@', c'=', c'<'):  # the processors with kernels are little-endian
        format += 1
    return format[0] == c'f' and format[1] == 0


cdef Floats hold(object x, str what, int flags):
    cdef Floats floats = Floats.__new__(Floats)
    try:
        PyObject_GetBuffer(x, &floats.buffer, flags | PyBUF_FORMAT | PyBUF_C_CONTIGUOUS)
    except BufferError as error:
        raise TypeError(f"{what}: a C-contiguous float32 array was expected: {error}") from None
    except TypeError:
        raise TypeError(f"{what}: a float32 array was expected, not {type(x).__name__}") from None
    except ValueError as error:  # what numpy says of a read-only array
        raise TypeError(f"{what}: a C-contiguous float32 array was expected: {error}") from None
    floats.held = True
    if not is_float32(floats.buffer.format):
        name = getattr(x, "dtype", floats.buffer.format.decode())
        raise TypeError(f"{what}: float32 was expected, not {name}; convert with astype(numpy.float32)")
    floats.data = <float *>floats.buffer.buf
    floats.shape = tuple([floats.buffer.shape[i] for i in range(floats.buffer.ndim)])
    floats.count = floats.buffer.len // 4
    return floats


cdef Floats read_floats(object x, str what):
    if hasattr(x, "__array__"):
        x = np.asarray(x)
        if x.dtype == np.float32 and not (x.flags.c_contiguous and x.flags.aligned):
            x = np.array(x, order="C")
    return hold(x, what, 0)


cdef Floats write_floats(object x, str what):
    cdef Floats floats = hold(x, what, PyBUF_WRITABLE)
    if <uintptr_t>floats.data % 4 != 0:
        raise TypeError(f"{what}: an aligned array was expected")
    return floats


cdef bint overlap(Floats a, Floats b) noexcept:
    return a.data < b.data + b.count and b.data < a.data + a.count
