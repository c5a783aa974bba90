# The engine's public header, word for word; no logic. Every function may be called without the GIL.
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t, uintptr_t

cdef extern from "darknet/darknet.h" nogil:
    ctypedef struct dn_cfg:
        pass
    ctypedef struct dn_plan:
        pass
    ctypedef struct dn_weights:
        pass
    ctypedef struct dn_network:
        pass
    ctypedef struct dn_block:
        pass
    ctypedef struct dn_pool:
        pass
    ctypedef struct dn_detections:
        pass

    # status
    ctypedef enum dn_status:
        DN_OK
        DN_E_NOMEM
        DN_E_ARGUMENT
        DN_E_PARSE
        DN_E_SHAPE
        DN_E_WEIGHTS
        DN_E_UNSUPPORTED
        DN_E_DEVICE

    ctypedef struct dn_error:
        dn_status status
        int line
        int layer
        char section[32]
        char key[64]
        char expected[96]
        char found[96]
        char message[256]
        uint64_t needed
        uint64_t available

    const char *dn_status_name(dn_status status)
    const char *dn_version()

    # options
    ctypedef struct dn_allocator:
        void *(*alloc)(void *user, size_t bytes, size_t alignment) noexcept nogil
        void (*free)(void *user, void *pointer) noexcept nogil
        void *user

    ctypedef enum dn_log_level:
        DN_LOG_DEBUG
        DN_LOG_INFO
        DN_LOG_WARNING

    ctypedef void (*dn_log_fn)(void *user, dn_log_level level, const char *message) noexcept nogil

    ctypedef enum dn_isa:
        DN_ISA_AUTO
        DN_ISA_PORTABLE
        DN_ISA_AVX2
        DN_ISA_AVX512

    ctypedef struct dn_options:
        size_t struct_size
        dn_allocator allocator
        dn_log_fn log
        void *log_user
        dn_pool *pool
        dn_isa isa

    dn_isa dn_isa_best()

    # pool
    dn_status dn_pool_create(dn_pool **out, int threads, dn_error *err)
    void dn_pool_retain(dn_pool *pool)
    void dn_pool_release(dn_pool *pool)
    dn_status dn_pool_resize(dn_pool *pool, int threads, dn_error *err)
    int dn_pool_threads(const dn_pool *pool)
    void dn_pool_after_fork(dn_pool *pool)

    # blocks and tensors
    void dn_block_retain(dn_block *block)
    void dn_block_release(dn_block *block)

    ctypedef enum dn_dtype:
        DN_F32
        DN_I32
        DN_BF16
        DN_U8
        DN_I8

    ctypedef struct dn_tensor:
        void *data
        dn_block *block
        dn_dtype dtype
        int device
        int dimensions
        int64_t shape[6]
        int64_t strides[6]

    # cfg
    dn_status dn_cfg_parse(dn_cfg **out, const char *text, size_t size, const dn_options *options, dn_error *err)
    void dn_cfg_retain(dn_cfg *cfg)
    void dn_cfg_release(dn_cfg *cfg)
    int dn_cfg_sections(const dn_cfg *cfg)
    const char *dn_cfg_section_name(const dn_cfg *cfg, int section)
    int dn_cfg_section_line(const dn_cfg *cfg, int section)
    int dn_cfg_options(const dn_cfg *cfg, int section)
    const char *dn_cfg_option_key(const dn_cfg *cfg, int section, int option)
    const char *dn_cfg_option_value(const dn_cfg *cfg, int section, int option)
    int dn_cfg_option_line(const dn_cfg *cfg, int section, int option)

    # plan
    ctypedef enum dn_dialect:
        DN_ALEXEYAB
        DN_PJREDDIE

    ctypedef struct dn_resource:
        const char *name
        const void *bytes
        size_t size

    ctypedef struct dn_plan_options:
        size_t struct_size
        dn_dialect dialect
        int batch
        int width
        int height
        bint training
        const dn_resource *resources
        int resource_count
        int time_steps
        bint input_delta
        bint frozen

    dn_status dn_plan_create(dn_plan **out, dn_cfg *cfg, const dn_plan_options *plan_options,
                             const dn_options *options, dn_error *err)
    void dn_plan_retain(dn_plan *plan)
    void dn_plan_release(dn_plan *plan)

    ctypedef struct dn_net_facts:
        int batch
        int cfg_batch
        int subdivisions
        int time_steps
        int width
        int height
        int channels
        int inputs
        int layers
        int64_t parameters
        double flops
        dn_dialect dialect
        bint letter_box
        int steps
        bint training
        int truths
        float batchnorm_momentum

    void dn_plan_net(const dn_plan *plan, dn_net_facts *out)

    ctypedef struct dn_layer_facts:
        const char *kind
        int section
        int64_t input[4]
        int64_t output[4]
        bint flat
        bint head
        bint detector
        const char *activation
        double flops
        int64_t parameters

    dn_status dn_plan_layer(const dn_plan *plan, int layer, dn_layer_facts *out, dn_error *err)

    ctypedef struct dn_fact:
        const char *name
        int count
        const double *numbers
        const char *text

    dn_fact dn_plan_fact(const dn_plan *plan, int layer, int index)

    ctypedef struct dn_unused_option:
        int section
        int option

    dn_unused_option dn_plan_unused_option(const dn_plan *plan, int index)

    ctypedef struct dn_slot_facts:
        int layer
        const char *name
        int dimensions
        int64_t shape[6]
        int64_t count
        bint stored
        bint saved

    int dn_plan_slots(const dn_plan *plan)
    dn_status dn_plan_slot(const dn_plan *plan, int slot, dn_slot_facts *out, dn_error *err)
    int dn_plan_find_slot(const dn_plan *plan, int layer, const char *name)

    # weights
    ctypedef struct dn_weights_header:
        int32_t major
        int32_t minor
        int32_t revision
        uint64_t seen

    ctypedef struct dn_weights_report:
        dn_weights_header header
        int layers_loaded
        bint complete
        uint64_t bytes_used
        uint64_t bytes_left

    dn_status dn_weights_create(dn_weights **out, const dn_plan *plan, uint64_t seed, const dn_options *options,
                                dn_error *err)
    dn_status dn_weights_load(dn_weights **out, const dn_plan *plan, const void *bytes, size_t size, bint strict,
                              int layer_limit, uint64_t seed, dn_weights_report *report, const dn_options *options,
                              dn_error *err)
    void dn_weights_retain(dn_weights *weights)
    void dn_weights_release(dn_weights *weights)
    dn_weights_header dn_weights_get_header(const dn_weights *weights)
    void dn_weights_set_header(dn_weights *weights, dn_weights_header header)
    void dn_weights_set_shadow(dn_weights *weights, bint shadow)
    bint dn_weights_get_shadow(const dn_weights *weights)
    void dn_ternarize(const float *weights, int64_t count, float *into)
    int dn_weights_slots(const dn_weights *weights)
    dn_tensor dn_weights_slot(const dn_weights *weights, int slot)
    void dn_weights_watch(dn_weights *weights, int slot)
    void dn_weights_unwatch(dn_weights *weights, int slot)
    void dn_weights_touch(dn_weights *weights, int slot)
    dn_status dn_weights_file_size(const dn_weights *weights, int layers, uint64_t *out, dn_error *err)
    dn_status dn_weights_write(const dn_weights *weights, int layers, dn_weights_header header, void *into,
                               size_t room, dn_error *err)
    dn_status dn_weights_saved_size(const dn_weights *weights, int layers, uint64_t *out, dn_error *err)
    dn_status dn_weights_write_saved(const dn_weights *weights, int layers, dn_weights_header header, void *into,
                                     size_t room, dn_error *err)
    uint64_t dn_weights_checksum(const dn_weights *weights)

    # devices
    dn_status dn_backend_load(const char *path, dn_error *err)
    bint dn_backend_loaded(const char *name)

    ctypedef struct dn_device:
        char name[256]
        int major
        int minor
        uint64_t memory
        uint64_t available

    dn_status dn_device_count(const char *backend, int *out, dn_error *err)
    dn_status dn_device_look(const char *backend, int device, dn_device *out, dn_error *err)
    dn_status dn_device_read(const char *backend, int device, void *into, const void *source, size_t size,
                             dn_error *err)
    dn_status dn_device_wait(const char *backend, int device, uintptr_t stream, dn_error *err)
    dn_status dn_device_of(const char *backend, const void *data, int *out, dn_error *err)

    # network
    ctypedef enum dn_precision:
        DN_PRECISION_F32
        DN_PRECISION_BF16
        DN_PRECISION_INT8
        DN_PRECISION_TF32
        DN_PRECISION_F16

    ctypedef enum dn_outputs:
        DN_OUTPUTS_HEADS
        DN_OUTPUTS_ALL

    ctypedef enum dn_prepare:
        DN_PREPARE_NONE
        DN_PREPARE_FUSE
        DN_PREPARE_BINARY

    ctypedef struct dn_network_options:
        size_t struct_size
        const char *backend
        int device
        dn_precision precision
        dn_outputs outputs
        dn_prepare prepare

    dn_status dn_network_create(dn_network **out, dn_plan *plan, dn_weights *weights,
                                const dn_network_options *network_options, const dn_options *options, dn_error *err)
    void dn_network_free(dn_network *network)
    dn_status dn_network_forward(dn_network *network, const float *input, int images, dn_error *err)
    dn_status dn_network_forward_from_device(dn_network *network, const float *input, int images, dn_error *err)
    void dn_network_set_stay(dn_network *network, bint stay)
    ctypedef struct dn_profile_step:
        int layer
        const char *name
        uint64_t nanoseconds
    dn_status dn_network_profile(dn_network *network, const float *input, int images, dn_profile_step *steps,
                                 int room, int *count, dn_error *err)
    double dn_peak_flops(dn_isa isa, dn_pool *pool)
    dn_tensor dn_network_input(const dn_network *network)
    int dn_network_heads(const dn_network *network)
    int dn_network_head_layer(const dn_network *network, int head)
    dn_tensor dn_network_head(const dn_network *network, int head)
    dn_status dn_network_snapshot(dn_network *network, int head, dn_tensor *out, dn_error *err)
    dn_tensor dn_network_output(const dn_network *network, int layer)
    void dn_network_reset_state(dn_network *network)
    dn_status dn_network_reshape(dn_network *network, int batch, int width, int height, dn_error *err)
    const dn_plan *dn_network_plan(const dn_network *network)
    uint64_t dn_network_bytes(const dn_network *network)
    dn_status dn_network_measure(uint64_t *out, dn_plan *plan, const dn_network_options *network_options,
                                 const dn_options *options, dn_error *err)

    # training
    ctypedef struct dn_clock_time:
        uint64_t seed
        uint64_t iteration
        uint64_t seen
        uint64_t image
    ctypedef enum dn_figure:
        DN_FIGURES
    ctypedef struct dn_update:
        size_t struct_size
        float learning_rate
        float momentum
        float decay
        int images
        uint64_t iteration
        int burn_in
        bint adam
        float b1
        float b2
        float eps
    dn_status dn_network_set_clock(dn_network *network, const dn_clock_time *time, dn_error *err)
    dn_status dn_network_set_truth(dn_network *network, const float *truth, dn_error *err)
    dn_status dn_network_loss(dn_network *network, const float *truth, double *out, dn_error *err)
    int dn_network_figures(const dn_network *network, int layer, double *out, int room)
    dn_status dn_network_backward(dn_network *network, int first, int last, dn_error *err)
    int dn_network_stop_layer(const dn_network *network, uint64_t iteration)
    dn_tensor dn_network_delta(const dn_network *network, int layer)
    dn_tensor dn_network_input_delta(const dn_network *network)
    dn_tensor dn_network_gradient(const dn_network *network, int slot)
    dn_tensor dn_network_moments(const dn_network *network, int slot)
    dn_status dn_network_start_adam(dn_network *network, dn_error *err)
    dn_status dn_network_update(dn_network *network, const dn_update *update, dn_error *err)

    # detection
    ctypedef enum dn_nms_kind:
        DN_NMS_DEFAULT
        DN_NMS_GREEDY
        DN_NMS_DIOU
        DN_NMS_CORNERS

    ctypedef enum dn_nms_method:
        DN_NMS_SORT
        DN_NMS_OBJ
        DN_NMS_KIND

    ctypedef struct dn_detect_options:
        size_t struct_size
        float threshold
        float hier_threshold
        int image_width
        int image_height
        bint letterbox
        bint relative

    dn_status dn_network_detect(dn_detections **out, const dn_network *network, int image,
                                const dn_detect_options *detect_options, dn_error *err)
    void dn_detections_free(dn_detections *detections)
    int dn_detections_count(const dn_detections *detections)
    int dn_detections_classes(const dn_detections *detections)
    const float *dn_detections_boxes(const dn_detections *detections)
    const float *dn_detections_objectness(const dn_detections *detections)
    const float *dn_detections_probabilities(const dn_detections *detections)
    const float *dn_detections_uncertainty(const dn_detections *detections)
    int dn_detections_embedding_size(const dn_detections *detections)
    const float *dn_detections_embeddings(const dn_detections *detections)
    dn_status dn_detections_nms(dn_detections *detections, dn_nms_method method, float iou_threshold,
                                dn_nms_kind kind, float beta, dn_error *err)
    void dn_network_nms(const dn_network *network, dn_nms_kind *kind, float *beta)

    ctypedef enum dn_iou_kind:
        DN_IOU
        DN_GIOU
        DN_DIOU
        DN_CIOU

    void dn_box_iou(const float *a, const float *b, size_t count, dn_iou_kind kind, float *out)

    # images
    ctypedef struct dn_pixels:
        const uint8_t *data
        int width
        int height
        int channels
        ptrdiff_t row_bytes
        bint swap_red_blue

    dn_status dn_image_planar(float *out, int out_channels, const dn_pixels *image, dn_error *err)
    dn_status dn_image_resize(float *out, int out_channels, int width, int height, const dn_pixels *image,
                              dn_pool *pool, dn_error *err)
    dn_status dn_image_letterbox(float *out, int out_channels, int width, int height, const dn_pixels *image,
                                 dn_pool *pool, dn_error *err)
    dn_status dn_planar_resize(float *out, int width, int height, const float *input, int in_width, int in_height,
                               int channels, dn_error *err)
    dn_status dn_planar_crop(float *out, int width, int height, int dx, int dy, const float *input, int in_width,
                             int in_height, int channels, dn_error *err)
    void dn_planar_flip(float *image, int width, int height, int channels)
    void dn_planar_distort(float *image, int width, int height, float hue, float saturation, float exposure)
