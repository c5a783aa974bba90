"""What a forward brings back: the heads' tensors as arrays, or the boxes decoded from them."""
cimport cython
from cpython.mem cimport PyMem_Calloc, PyMem_Free
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from pydn._core cimport libdarknet as c
from pydn._core.libdarknet cimport (
    dn_detect_options,
    dn_detections,
    dn_error,
    dn_network,
    dn_nms_kind,
    dn_nms_method,
    dn_status,
    dn_tensor,
)
from pydn._core.plan cimport choose
from pydn._core.tensor cimport tensor_of
from pydn._core.view cimport as_array, copy_floats, view_of

cdef dict _METHODS = {"sort": c.DN_NMS_SORT, "obj": c.DN_NMS_OBJ, "kind": c.DN_NMS_KIND}
cdef dict _KINDS = {
    "default": c.DN_NMS_DEFAULT,
    "greedynms": c.DN_NMS_GREEDY,
    "diounms": c.DN_NMS_DIOU,
    "cornersnms": c.DN_NMS_CORNERS,
}


cdef dn_status suppress(
    dn_detections *found, const dn_network *network, const Suppression *rule, dn_error *err
) noexcept nogil:
    cdef dn_nms_kind kind
    cdef float beta
    cdef dn_nms_method method
    if rule.threshold <= 0:
        return c.DN_OK
    c.dn_network_nms(network, &kind, &beta)
    if rule.pjreddie:
        kind = c.DN_NMS_DEFAULT
    if rule.kind >= 0:
        kind = <dn_nms_kind>rule.kind
    if rule.beta >= 0:
        beta = rule.beta
    # AlexeyAB's detector sorts where the head names no kind, because that kind suppresses nothing.
    method = c.DN_NMS_SORT if kind == c.DN_NMS_DEFAULT else c.DN_NMS_KIND
    if rule.method >= 0:
        method = <dn_nms_method>rule.method
    return c.dn_detections_nms(found, method, rule.threshold, kind, beta, err)


@cython.final
@cython.no_gc_clear
cdef class Results:
    def __cinit__(self, int heads, int images):
        self.heads, self.images = heads, images
        self.tensors = <dn_tensor *>PyMem_Calloc(heads + 1, sizeof(dn_tensor))
        self.found = <dn_detections **>PyMem_Calloc(images + 1, sizeof(dn_detections *))
        self.options = <dn_detect_options *>PyMem_Calloc(images + 1, sizeof(dn_detect_options))
        self.before = <float **>PyMem_Calloc(images + 1, sizeof(float *))
        if self.tensors == NULL or self.found == NULL or self.options == NULL or self.before == NULL:
            raise MemoryError

    def __dealloc__(self):
        cdef int i
        if self.tensors != NULL:
            for i in range(self.heads):
                c.dn_block_release(self.tensors[i].block)
        if self.found != NULL:
            for i in range(self.images):
                c.dn_detections_free(self.found[i])
        if self.before != NULL:
            for i in range(self.images):
                free(self.before[i])
        PyMem_Free(self.before)
        PyMem_Free(self.tensors)
        PyMem_Free(self.found)
        PyMem_Free(self.options)

    cdef dn_status take(self, dn_network *network, dn_error *err) noexcept nogil:
        cdef dn_status status
        cdef dn_tensor tensor
        cdef int i
        for i in range(self.heads):
            if self.on_device:
                status = c.dn_network_snapshot(network, i, &tensor, err)
                if status != c.DN_OK:
                    return status
            else:
                tensor = c.dn_network_head(network, i)
                c.dn_block_retain(tensor.block)
            self.tensors[i] = tensor
        return c.DN_OK

    cdef dn_status keep_probabilities(self, int image, dn_error *err) noexcept nogil:
        cdef const dn_detections *found = self.found[image]
        cdef size_t size = <size_t>c.dn_detections_count(found) * c.dn_detections_classes(found) * sizeof(float)
        if size == 0:
            return c.DN_OK
        self.before[image] = <float *>malloc(size)
        if self.before[image] == NULL:
            memset(err, 0, sizeof(dn_error))
            err.layer = -1
            return c.DN_E_NOMEM
        memcpy(self.before[image], c.dn_detections_probabilities(found), size)
        return c.DN_OK

    cdef dn_status decode(self, const dn_network *network, dn_error *err) noexcept nogil:
        cdef dn_status status = c.DN_OK
        cdef int i
        for i in range(self.images):
            status = c.dn_network_detect(&self.found[i], network, self.first + i, &self.options[i], err)
            if status == c.DN_OK and self.unsuppressed:
                status = self.keep_probabilities(i, err)
            if status == c.DN_OK:
                status = suppress(self.found[i], network, &self.rule, err)
            if status != c.DN_OK:
                break
        return status

    cdef tuple arrays(self):
        return tuple([as_array(view_of(&self.tensors[i], True)) for i in range(self.heads)])

    cdef tuple device_arrays(self):
        return tuple([tensor_of(&self.tensors[i]) for i in range(self.heads)])

    cdef tuple boxes(self, int image):
        cdef const dn_detections *found = self.found[image]
        cdef int count = c.dn_detections_count(found)
        cdef int classes = c.dn_detections_classes(found)
        cdef const float *uncertainty = c.dn_detections_uncertainty(found)
        columns = (
            copy_floats(c.dn_detections_boxes(found), (count, 4)),
            copy_floats(c.dn_detections_objectness(found), (count,)),
            copy_floats(c.dn_detections_probabilities(found), (count, classes)),
            copy_floats(uncertainty, (count, 4)) if uncertainty != NULL else None,
        )
        return (*columns, copy_floats(self.before[image], (count, classes))) if self.unsuppressed else columns

    cdef object embeddings(self, int image):
        cdef const dn_detections *found = self.found[image]
        shape = (c.dn_detections_count(found), c.dn_detections_embedding_size(found))
        return copy_floats(c.dn_detections_embeddings(found), shape)


cdef Results heads_wanted(int heads, bint on_device=False):
    cdef Results results = Results(heads, 0)
    results.on_device = on_device
    return results


cdef Results boxes_wanted(int first, list sizes, tuple how, bint pjreddie, bint unsuppressed=False):
    cdef Results results = Results(0, len(sizes))
    results.unsuppressed = unsuppressed
    cdef int i
    thresh, hier, letterbox, relative, nms, method, kind, beta = how
    results.first = first
    results.rule.threshold = 0 if nms is None else nms
    results.rule.method = -1 if method is None else choose(_METHODS, method, "nms_method")
    results.rule.kind = -1 if kind is None else choose(_KINDS, kind, "nms_kind")
    results.rule.beta = -1 if beta is None else beta
    results.rule.pjreddie = pjreddie
    for i, size in enumerate(sizes):
        results.options[i].struct_size = sizeof(dn_detect_options)
        results.options[i].threshold = thresh
        results.options[i].hier_threshold = hier
        # 0 stands for the network's own size.
        results.options[i].image_width, results.options[i].image_height = (0, 0) if size is None else size
        results.options[i].letterbox = letterbox
        results.options[i].relative = relative
    return results
