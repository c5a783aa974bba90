# DLPack, the exchange of tensors: https://dmlc.github.io/dlpack; structs of its header, and our side of them.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from pydn._core.libdarknet cimport dn_tensor

cdef enum:
    ON_CPU = 1
    ON_CUDA = 2
    FLOAT = 2
    READ_ONLY = 1


cdef struct DLDevice:
    int32_t device_type
    int32_t device_id

cdef struct DLDataType:
    uint8_t code
    uint8_t bits
    uint16_t lanes

cdef struct DLTensor:
    void *data
    DLDevice device
    int32_t ndim
    DLDataType dtype
    int64_t *shape
    int64_t *strides      # NULL: dense
    uint64_t byte_offset

cdef struct DLManagedTensor:
    DLTensor dl_tensor
    void *manager_ctx
    void (*deleter)(DLManagedTensor *self) noexcept nogil

cdef struct DLPackVersion:
    uint32_t major
    uint32_t minor

cdef struct DLManagedTensorVersioned:
    DLPackVersion version
    void *manager_ctx
    void (*deleter)(DLManagedTensorVersioned *self) noexcept nogil
    uint64_t flags
    DLTensor dl_tensor


# A capsule that keeps the tensor's block until its consumer is done with it.
cdef object to_capsule(const dn_tensor *tensor, bint versioned)

# What a capsule holds; NULL with TypeError where it is none. The capsule stays its owner.
cdef const DLTensor *in_capsule(object capsule) except NULL
