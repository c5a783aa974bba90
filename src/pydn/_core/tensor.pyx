"""`Tensor`: results that stay in the memory of a device; and memory of a device that is handed in."""
from operator import index

import numpy as np

cimport cython
from libc.stdint cimport uintptr_t
from libc.string cimport memset

from pydn._core cimport libdarknet as c
from pydn._core.dlpack cimport FLOAT, ON_CUDA, DLTensor, in_capsule, to_capsule
from pydn._core.errors cimport check
from pydn._core.libdarknet cimport dn_error, dn_status, dn_tensor
from pydn._core.view cimport Floats, write_floats

cdef const char *_CUDA = "cuda"
cdef int _MANAGED = 13                # DLPack's number for memory that moves between host and device
cdef uintptr_t _DEFAULT_STREAM = 1    # the legacy one, which waits for all others of the process that block


# ---------------------------------------------------------------- out

@cython.final
@cython.no_gc_clear
cdef class Tensor:
    """A result in the memory of a CUDA device: dense float32, the holder's own.

    ``forward(x, on_device=True)`` gives them. ``torch.from_dlpack(t)``, ``cupy.asarray(t)`` and whatever else reads
    DLPack or ``__cuda_array_interface__`` take it without a copy, and may keep it longer than the network lives. It is
    finished: nobody has to wait for a stream.
    """

    def __init__(self, *args, **kwargs):
        raise TypeError("a Tensor cannot be made; take one from forward(x, on_device=True)")

    def __dealloc__(self):
        with nogil:  # the driver may wait for somebody who waits for the GIL
            c.dn_block_release(self.block)

    cdef dn_tensor look(self):
        cdef dn_tensor tensor
        cdef int i
        cdef Py_ssize_t stride = 1
        memset(&tensor, 0, sizeof(tensor))
        if self.data == NULL:
            raise ValueError("this tensor shows nothing")
        tensor.data, tensor.block, tensor.dtype, tensor.device = self.data, self.block, c.DN_F32, self.number
        tensor.dimensions = len(self.shape)
        for i in range(tensor.dimensions - 1, -1, -1):
            tensor.shape[i], tensor.strides[i] = self.shape[i], stride
            stride *= tensor.shape[i]
        return tensor

    def numpy(self):
        """Copy it to the host.

        Returns
        -------
        numpy.ndarray
            float32, of the same shape.
        """
        cdef dn_tensor tensor = self.look()
        cdef dn_error err
        cdef dn_status status
        array = np.empty(self.shape, np.float32)
        cdef Floats floats = write_floats(array, "numpy")
        with nogil:
            status = c.dn_device_read(_CUDA, tensor.device, floats.data, tensor.data, floats.count * 4, &err)
        floats.release()
        check(status, &err, "")
        return array

    def __array__(self, dtype=None, copy=None):
        """Refused: a copy from a device is asked for by name, with `numpy`."""
        raise TypeError("a Tensor is in the memory of a device; use its numpy(), which copies")

    def __dlpack__(self, *, stream=None, max_version=None, dl_device=None, copy=None):
        """Offer the memory to another library, as DLPack defines it.

        Parameters
        ----------
        stream : int, optional
            Of the consumer; the tensor is finished, so it never has to wait.
        max_version : (int, int), optional
            Newest version that the consumer knows; None: older than 1.0.
        dl_device : (int, int), optional
            Where it is wanted: refused unless it is there.
        copy : bool, optional
            True is refused.
        """
        cdef dn_tensor tensor = self.look()
        if stream is not None and index(stream) < -1 or stream == 0:
            raise ValueError(f"stream is {stream}; None, -1, 1, 2 or a CUDA stream was expected")
        if dl_device is not None and tuple(dl_device) != self.__dlpack_device__():
            raise BufferError(f"the tensor is on {self.device}; use numpy() for a copy on the host")
        if copy:
            raise BufferError("a copy is not made here; use the consumer's own")
        return to_capsule(&tensor, max_version is not None and max_version[0] >= 1)

    def __dlpack_device__(self):
        """(2, number of the device): CUDA."""
        return (ON_CUDA, self.number)

    @property
    def __cuda_array_interface__(self):
        """Version 3 of the description that numba, CuPy, PyTorch and others read."""
        cdef dn_tensor tensor = self.look()
        return {
            "shape": self.shape,
            "typestr": "<f4",
            "data": (<uintptr_t>tensor.data, False),
            "strides": None,
            "stream": None,  # finished
            "version": 3,
        }

    @property
    def device(self):
        """Where it is: "cuda:0"."""
        return f"cuda:{self.number}"

    @property
    def dtype(self):
        """numpy.dtype of float32."""
        return np.dtype(np.float32)

    @property
    def ndim(self):
        """Number of dimensions."""
        return len(self.shape)

    @property
    def nbytes(self):
        """Bytes on the device."""
        cdef Py_ssize_t count = 4
        for extent in self.shape:
            count *= extent
        return count

    def __len__(self):
        """Number of images."""
        return self.shape[0]

    def __repr__(self):
        return f"Tensor({self.shape}, float32, {self.device!r})"


cdef Tensor tensor_of(const dn_tensor *tensor):
    cdef Tensor made = Tensor.__new__(Tensor)
    cdef int i
    made.shape = tuple([tensor.shape[i] for i in range(tensor.dimensions)])
    made.number, made.data, made.block = tensor.device, tensor.data, tensor.block
    c.dn_block_retain(made.block)
    return made


# ---------------------------------------------------------------- in

@cython.final
cdef class DeviceFloats:
    def __init__(self, *args, **kwargs):
        raise TypeError("made by the compiled layer only")


cdef bint is_on_device(object x):
    if isinstance(x, (Tensor, np.ndarray)):
        return isinstance(x, Tensor)
    if hasattr(x, "__dlpack_device__"):
        return x.__dlpack_device__()[0] in (ON_CUDA, _MANAGED)
    return hasattr(x, "__cuda_array_interface__")


cdef DeviceFloats floats_at(uintptr_t address, tuple shape, object owner):
    cdef DeviceFloats floats = DeviceFloats.__new__(DeviceFloats)
    floats.data, floats.shape, floats.owner = <const float *>address, shape, owner
    floats.count = 1
    for extent in shape:
        floats.count *= extent
    return floats


cdef int wait_for(int number, uintptr_t stream) except -1:
    cdef dn_error err
    cdef dn_status status
    with nogil:
        status = c.dn_device_wait(_CUDA, number, stream, &err)
    return check(status, &err, "")


cdef int check_values(bint is_float32, bint dense, object name, str what) except -1:
    if not is_float32:
        raise TypeError(f"{what}: float32 was expected, not {name}; convert it on its device")
    if not dense:
        raise TypeError(f"{what}: a C-contiguous array was expected; make it contiguous on its device")
    return 0


# Strides in units of `unit`; None: dense.
cdef bint is_dense(tuple shape, object strides, Py_ssize_t unit) except -1:
    if strides is None or 0 in shape:
        return True
    expected = unit
    for extent, stride in zip(reversed(shape), reversed(strides), strict=True):
        if extent != 1 and stride != expected:
            return False
        expected *= extent
    return True


cdef DeviceFloats from_dlpack(object x, str what):
    cdef const DLTensor *found
    cdef int i
    try:
        capsule = x.__dlpack__(stream=_DEFAULT_STREAM, max_version=(1, 0))
    except TypeError:  # older than DLPack 1.0
        capsule = x.__dlpack__(stream=_DEFAULT_STREAM)
    found = in_capsule(capsule)
    shape = tuple([found.shape[i] for i in range(found.ndim)])
    strides = None if found.strides == NULL else tuple([found.strides[i] for i in range(found.ndim)])
    is_float32 = found.dtype.code == FLOAT and found.dtype.bits == 32 and found.dtype.lanes == 1
    check_values(is_float32, is_dense(shape, strides, 1), getattr(x, "dtype", "that"), what)
    wait_for(found.device.device_id, _DEFAULT_STREAM)  # which the producer made wait for its own
    return floats_at(<uintptr_t>found.data + found.byte_offset, shape, capsule)


cdef DeviceFloats from_interface(object x, int number, str what):
    cdef dict found = x.__cuda_array_interface__
    shape, strides = tuple(found["shape"]), found.get("strides")
    if found.get("mask") is not None:
        raise TypeError(f"{what}: an array without a mask was expected")
    check_values(found["typestr"] in ("<f4", "=f4"), is_dense(shape, strides, 4), found["typestr"], what)
    # Before version 3 nobody said on which stream it is made: then all of them have to be done.
    stream = found.get("stream") if found.get("version", 0) >= 3 else _DEFAULT_STREAM
    if stream is not None:
        wait_for(number, stream)
    return floats_at(found["data"][0], shape, x)


cdef int device_of(const char *address) except -2:
    cdef dn_error err
    cdef int number = -1
    check(c.dn_device_of(_CUDA, address, &number, &err), &err, "")
    return number


cdef DeviceFloats device_floats(object x, int number, str what):
    cdef DeviceFloats floats
    cdef const char *first
    if isinstance(x, Tensor):
        floats = floats_at(<uintptr_t>(<Tensor>x).look().data, (<Tensor>x).shape, x)
    elif hasattr(x, "__dlpack_device__"):
        floats = from_dlpack(x, what)
    else:
        floats = from_interface(x, number, what)
    first = <const char *>floats.data
    if floats.count > 0 and not device_of(first) == device_of(first + 4 * floats.count - 1) == number:
        place = f"cuda:{device_of(first)}" if device_of(first) >= 0 else "no CUDA device"
        raise ValueError(f"{what}: an array on the network's device, cuda:{number}, was expected; this one is on {place}")
    return floats
