from pydn._core.libdarknet cimport (
    dn_detect_options,
    dn_detections,
    dn_error,
    dn_network,
    dn_status,
    dn_tensor,
)


cdef struct Suppression:
    float threshold  # 0: none
    int method       # dn_nms_method, or negative: what the dialect's detector does
    int kind         # dn_nms_kind, or negative: the head's
    float beta       # negative: the head's
    bint pjreddie    # this dialect knows no kinds


# What one call brings back. Its memory is made before the network's lock is taken and dropped with the object.
cdef class Results:
    cdef int heads              # room for so many tensors; 0: they are not wanted
    cdef bint on_device         # they stay there
    cdef int images             # so many images are decoded
    cdef int first              # the first of them
    cdef dn_tensor *tensors     # with a reference to the block each
    cdef dn_detections **found
    cdef dn_detect_options *options
    cdef bint unsuppressed      # the probabilities before suppression are wanted
    cdef float **before         # these; one block an image
    cdef Suppression rule
    cdef dn_status take(self, dn_network *network, dn_error *err) noexcept nogil
    cdef dn_status keep_probabilities(self, int image, dn_error *err) noexcept nogil
    cdef dn_status decode(self, const dn_network *network, dn_error *err) noexcept nogil
    cdef tuple arrays(self)
    cdef tuple device_arrays(self)
    cdef tuple boxes(self, int image)
    cdef object embeddings(self, int image)


cdef Results heads_wanted(int heads, bint on_device=*)
# `how`: thresh, hier, letterbox, relative, nms, nms_method, nms_kind, nms_beta.
cdef Results boxes_wanted(int first, list sizes, tuple how, bint pjreddie, bint unsuppressed=*)
