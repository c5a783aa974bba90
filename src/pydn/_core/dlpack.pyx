"""DLPack capsules of device memory, made and read."""
from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_IsValid, PyCapsule_New
from libc.stdlib cimport calloc, free

from pydn._core cimport libdarknet as c
from pydn._core.libdarknet cimport dn_block, dn_tensor

cdef const char *_PLAIN = "dltensor"
cdef const char *_VERSIONED = "dltensor_versioned"


# One piece of memory: it goes when the consumer calls the deleter, on any thread, with or without the GIL.
cdef struct Exported:
    DLManagedTensor plain
    DLManagedTensorVersioned versioned
    int64_t shape[6]
    int64_t strides[6]
    dn_block *block


cdef void drop(Exported *exported) noexcept nogil:
    c.dn_block_release(exported.block)
    free(exported)


cdef void delete_plain(DLManagedTensor *self) noexcept nogil:
    drop(<Exported *>self.manager_ctx)


cdef void delete_versioned(DLManagedTensorVersioned *self) noexcept nogil:
    drop(<Exported *>self.manager_ctx)


# A consumer renames the capsule and calls the deleter itself later; this is for one that nobody consumed.
cdef void forget(object capsule) noexcept:
    cdef Exported *exported = NULL
    if PyCapsule_IsValid(capsule, _PLAIN):
        exported = <Exported *>(<DLManagedTensor *>PyCapsule_GetPointer(capsule, _PLAIN)).manager_ctx
    elif PyCapsule_IsValid(capsule, _VERSIONED):
        exported = <Exported *>(<DLManagedTensorVersioned *>PyCapsule_GetPointer(capsule, _VERSIONED)).manager_ctx
    if exported != NULL:
        with nogil:
            drop(exported)


cdef void describe(DLTensor *into, const dn_tensor *tensor, Exported *exported) noexcept:
    into.data = tensor.data
    into.device = DLDevice(ON_CUDA, tensor.device)
    into.ndim = tensor.dimensions
    into.dtype = DLDataType(FLOAT, 32, 1)
    into.shape, into.strides = exported.shape, exported.strides
    into.byte_offset = 0


cdef object to_capsule(const dn_tensor *tensor, bint versioned):
    cdef int i
    cdef Exported *exported = <Exported *>calloc(1, sizeof(Exported))
    if exported == NULL:
        raise MemoryError
    for i in range(tensor.dimensions):
        exported.shape[i], exported.strides[i] = tensor.shape[i], tensor.strides[i]
    describe(&exported.plain.dl_tensor, tensor, exported)
    describe(&exported.versioned.dl_tensor, tensor, exported)
    exported.versioned.version = DLPackVersion(1, 0)
    exported.plain.manager_ctx = exported.versioned.manager_ctx = exported
    exported.plain.deleter, exported.versioned.deleter = delete_plain, delete_versioned
    try:
        if versioned:
            capsule = PyCapsule_New(&exported.versioned, _VERSIONED, forget)
        else:
            capsule = PyCapsule_New(&exported.plain, _PLAIN, forget)
    except BaseException:
        free(exported)
        raise
    c.dn_block_retain(tensor.block)
    exported.block = tensor.block
    return capsule


cdef const DLTensor *in_capsule(object capsule) except NULL:
    if PyCapsule_IsValid(capsule, _VERSIONED):
        return &(<DLManagedTensorVersioned *>PyCapsule_GetPointer(capsule, _VERSIONED)).dl_tensor
    if PyCapsule_IsValid(capsule, _PLAIN):
        return &(<DLManagedTensor *>PyCapsule_GetPointer(capsule, _PLAIN)).dl_tensor
    raise TypeError("__dlpack__ gave no capsule of DLPack")
