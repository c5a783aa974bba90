/* darknet.h — the whole public API of the engine.
 *
 *   cfg text ──parse──▶ dn_cfg ──create──▶ dn_plan ──create──▶ dn_network ──forward──▶ tensors
 *   weights file ───────load────────────▶ dn_weights ─────────▲
 *
 * Rules that hold for every function:
 *   success    DN_OK is 0. Every other status also fills *err, when err is not NULL.
 *   outputs    come first, are named `out`, and are untouched on failure.
 *   ownership  what a _parse, _create or _load returns belongs to the caller, who hands it to the matching _free
 *              or _release; every other pointer is borrowed from the object it was asked of.
 *   free       accepts NULL, cannot fail.
 *   memory     every tensor starts on a 64-byte boundary; sizes are checked for overflow before any allocation.
 *   strings    are UTF-8, NUL-terminated, borrowed.
 *   threads    different objects: any threads. The same object: one thread at a time, except dn_cfg and dn_plan
 *              (immutable, freely shared), dn_block (atomic reference count) and dn_pool (any threads).
 *              dn_weights may be read by many networks at a time, or written by one.
 *   process    no globals and no files but what dn_backend_load opens; no exit, no printing, no signal handlers, no
 *              environment, no locale.
 *   images     are RGB; a float image is planar (channel, row, column) with values 0..1.
 *   boxes      are centre x, centre y, width, height, in units of the image unless said otherwise.
 */
#ifndef DARKNET_DARKNET_H
#define DARKNET_DARKNET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#if defined(DN_BUILD)
#define DN_API __declspec(dllexport)
#else
#define DN_API __declspec(dllimport)
#endif
#else
#define DN_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------- handles ---------------------------------------- */

typedef struct dn_cfg dn_cfg;               /* a parsed cfg; immutable, reference-counted                            */
typedef struct dn_plan dn_plan;             /* shapes, parameter slots, ops; immutable, reference-counted            */
typedef struct dn_weights dn_weights;       /* named parameters; reference-counted, shared by networks               */
typedef struct dn_network dn_network;       /* a plan bound to weights, a backend and memory                         */
typedef struct dn_block dn_block;           /* a reference-counted piece of memory: what views hold                  */
typedef struct dn_pool dn_pool;             /* worker threads; reference-counted, shared by networks                 */
typedef struct dn_detections dn_detections; /* boxes decoded from the heads of one image                             */

/* ---------------------------------------------------------------- status ----------------------------------------- */

typedef enum dn_status { /* values are stable */
                         DN_OK = 0,
                         DN_E_NOMEM = 1,        /* an allocation failed                                   */
                         DN_E_ARGUMENT = 2,     /* a value handed to a function is out of range           */
                         DN_E_PARSE = 10,       /* a cfg (or tree, map) is not what its syntax demands    */
                         DN_E_SHAPE = 11,       /* layers do not fit together                             */
                         DN_E_WEIGHTS = 12,     /* a weights file does not fit the plan                   */
                         DN_E_UNSUPPORTED = 20, /* correct, but this engine or backend does not do it     */
                         DN_E_DEVICE = 21,      /* a device failed                                        */
} dn_status;

/* Owned by the caller; filled on failure. `expected` and `found` are short texts ("" where they do not apply). */
typedef struct dn_error {
    dn_status status;
    int line;  /* line of the cfg, counted from 1, or 0                        */
    int layer; /* index of the layer, counted from 0 after [net], or -1        */
    char section[32];
    char key[64];
    char expected[96];
    char found[96];
    char message[256];  /* one line with the numbers and what to do, no trailing newline  */
    uint64_t needed;    /* bytes, for DN_E_NOMEM and DN_E_WEIGHTS; else 0                  */
    uint64_t available; /* bytes, for DN_E_NOMEM of a device; else 0                      */
} dn_error;

DN_API const char *dn_status_name(dn_status status); /* "out of memory", …; never NULL */
DN_API const char *dn_version(void);

/* ---------------------------------------------------------------- options ---------------------------------------- */

typedef struct dn_allocator {
    void *(*alloc)(void *user, size_t bytes, size_t alignment); /* NULL when there is no memory; contents undefined */
    void (*free)(void *user, void *pointer);                    /* accepts NULL                                     */
    void *user;
} dn_allocator; /* may be called on any thread; {0} means the C library's */

typedef enum dn_log_level { DN_LOG_DEBUG = 10, DN_LOG_INFO = 20, DN_LOG_WARNING = 30 } dn_log_level;
typedef void (*dn_log_fn)(void *user, dn_log_level level, const char *message); /* only on the calling thread */

typedef enum dn_isa {                  /* instruction sets of the cpu backend, each containing the one before it */
                      DN_ISA_AUTO = 0, /* the widest that the processor has */
                      DN_ISA_PORTABLE = 1,
                      DN_ISA_AVX2 = 2,
                      DN_ISA_AVX512 = 3,
} dn_isa;

typedef struct dn_options {
    size_t struct_size;     /* sizeof(dn_options): lets the struct grow                   */
    dn_allocator allocator; /* copied; `user` must outlive every object made with it      */
    dn_log_fn log;          /* NULL = silent                                              */
    void *log_user;
    dn_pool *pool; /* NULL = the calling thread alone; the object takes a reference       */
    dn_isa isa;    /* the widest instruction set that may be used                         */
} dn_options;
#define DN_OPTIONS_INIT {sizeof(dn_options), {NULL, NULL, NULL}, NULL, NULL, NULL, DN_ISA_AUTO}

/* Functions that take a `const dn_options *` accept NULL for the defaults. */

DN_API dn_isa dn_isa_best(void); /* the widest set that this processor and this build have */

/* ---------------------------------------------------------------- pool ------------------------------------------- */

/* `threads` counts the calling thread: 1 starts none. 1 <= threads <= 1024. Workers start at the first use. A caller
 * that finds the pool busy does its work alone. After fork(), the child calls dn_pool_after_fork before any use. */
DN_API dn_status dn_pool_create(dn_pool **out, int threads, dn_error *err);
DN_API void dn_pool_retain(dn_pool *pool);
DN_API void dn_pool_release(dn_pool *pool);
DN_API dn_status dn_pool_resize(dn_pool *pool, int threads, dn_error *err); /* waits for running work */
DN_API int dn_pool_threads(const dn_pool *pool);
DN_API void dn_pool_after_fork(dn_pool *pool); /* in the child only: forgets the parent's workers and locks */

/* ---------------------------------------------------------------- blocks and tensors ----------------------------- */

DN_API void dn_block_retain(dn_block *block);
DN_API void dn_block_release(dn_block *block);

typedef enum dn_dtype { DN_F32 = 0, DN_I32 = 1, DN_BF16 = 2, DN_U8 = 3, DN_I8 = 4 } dn_dtype;

/* A dense or strided look at a block. `block` is borrowed: retain it to keep `data` valid. */
typedef struct dn_tensor {
    void *data; /* NULL: there is no such tensor */
    dn_block *block;
    dn_dtype dtype;
    int device; /* -1 = host memory, else the number of the device */
    int dimensions;
    int64_t shape[6];
    int64_t strides[6]; /* in elements */
} dn_tensor;

/* ---------------------------------------------------------------- cfg -------------------------------------------- */

/* Parses darknet's cfg syntax: sections of key=value lines, all blanks dropped, '#' and ';' open comment lines. The
 * first section must be [net] or [network]. Lines that are neither are warned about through the log and skipped, as
 * darknet does. `text` need not be NUL-terminated and is not kept. */
DN_API dn_status dn_cfg_parse(dn_cfg **out, const char *text, size_t size, const dn_options *options, dn_error *err);
DN_API void dn_cfg_retain(dn_cfg *cfg);
DN_API void dn_cfg_release(dn_cfg *cfg);
DN_API int dn_cfg_sections(const dn_cfg *cfg);                          /* [net] counts, as number 0 */
DN_API const char *dn_cfg_section_name(const dn_cfg *cfg, int section); /* without brackets */
DN_API int dn_cfg_section_line(const dn_cfg *cfg, int section);
DN_API int dn_cfg_options(const dn_cfg *cfg, int section);
DN_API const char *dn_cfg_option_key(const dn_cfg *cfg, int section, int option);
DN_API const char *dn_cfg_option_value(const dn_cfg *cfg, int section, int option);
DN_API int dn_cfg_option_line(const dn_cfg *cfg, int section, int option);

/* ---------------------------------------------------------------- plan ------------------------------------------- */

typedef enum dn_dialect { DN_ALEXEYAB = 0, DN_PJREDDIE = 1 } dn_dialect; /* whose definitions hold where they differ */

typedef struct dn_resource { /* a file that the cfg refers to (tree=, map=): the engine opens none itself */
    const char *name;        /* exactly as the cfg writes it */
    const void *bytes;
    size_t size;
} dn_resource;

typedef struct dn_plan_options {
    size_t struct_size;
    dn_dialect dialect;
    int batch;         /* images per forward; 0 = 1, whatever the cfg says (training: the cfg's mini-batch);
                          recurrent networks: sequences, of time_steps images each                            */
    int width, height; /* 0 = the cfg's                                                                       */
    bool training;
    const dn_resource *resources; /* borrowed during the call */
    int resource_count;
    int time_steps;   /* of recurrent networks, per forward; 0 = the cfg's */
    bool input_delta; /* training: backward reaches the network's input (dn_network_input_delta)              */
    bool frozen;      /* with input_delta: backward is for the input alone. Parameters have no gradients, and batch
                         norm computes by the rolling statistics, which stay                                  */
} dn_plan_options;
#define DN_PLAN_OPTIONS_INIT {sizeof(dn_plan_options), DN_ALEXEYAB, 0, 0, 0, false, NULL, 0, 0, false, false}

DN_API dn_status dn_plan_create(dn_plan **out, dn_cfg *cfg, const dn_plan_options *plan_options,
                                const dn_options *options, dn_error *err);
DN_API void dn_plan_retain(dn_plan *plan);
DN_API void dn_plan_release(dn_plan *plan);

typedef struct dn_net_facts { /* of [net], as parsed */
    int batch;                /* images per forward of this plan         */
    int cfg_batch;            /* batch= of the cfg                       */
    int subdivisions, time_steps;
    int width, height, channels, inputs;
    int layers;
    int64_t parameters; /* float32 values in a weights file */
    double flops;       /* multiply and add counted as two, one image, as darknet's BFLOPS · 1e9 */
    dn_dialect dialect;
    bool letter_box; /* the cfg asks for letterboxed input */
    int steps;       /* time steps per forward: 1 without a recurrent layer */
    bool training;
    int truths;               /* training: values of truth for one image; 0 without a loss */
    float batchnorm_momentum; /* training: how much rolling statistics keep of what they were */
} dn_net_facts;
DN_API void dn_plan_net(const dn_plan *plan, dn_net_facts *out);

typedef struct dn_layer_facts {
    const char *kind;       /* canonical section name: "convolutional" also for [conv]      */
    int section;            /* number of the layer's section in the cfg                      */
    int64_t input[4];       /* n, c, h, w */
    int64_t output[4];      /* n, c, h, w */
    bool flat;              /* the output has no spatial shape: (n, c)                       */
    bool head;              /* its output leaves the network (dn_network_head)               */
    bool detector;          /* dn_network_detect reads it                                    */
    const char *activation; /* "linear" where there is none                                 */
    double flops;           /* one image */
    int64_t parameters;     /* float32 values in a weights file */
} dn_layer_facts;
/* DN_E_ARGUMENT unless 0 <= layer < layers. */
DN_API dn_status dn_plan_layer(const dn_plan *plan, int layer, dn_layer_facts *out, dn_error *err);

/* Facts about a layer as parsed, defaults filled in: "filters", "size", "stride_x", "classes", "anchors", … A fact is
 * a list of numbers (count >= 0) or a text (count = -1). NULL name past the end. */
typedef struct dn_fact {
    const char *name;
    int count;
    const double *numbers;
    const char *text;
} dn_fact;
DN_API dn_fact dn_plan_fact(const dn_plan *plan, int layer, int index); /* layer -1: [net] */

/* Options of the cfg that nothing read: section -1 past the end. */
typedef struct dn_unused_option {
    int section, option;
} dn_unused_option;
DN_API dn_unused_option dn_plan_unused_option(const dn_plan *plan, int index);

/* Parameter slots, in the order of a weights file. */
typedef struct dn_slot_facts {
    int layer;
    const char *name; /* "weights", "biases", "scales", "rolling_mean", "rolling_variance", … */
    int dimensions;
    int64_t shape[6];
    int64_t count; /* product of shape */
    bool stored;   /* false: dontload or dontloadscales, so not filled from a file        */
    bool saved;    /* false: dontsave in dialect pjreddie, see dn_weights_write_saved */
} dn_slot_facts;
DN_API int dn_plan_slots(const dn_plan *plan);
DN_API dn_status dn_plan_slot(const dn_plan *plan, int slot, dn_slot_facts *out, dn_error *err);
DN_API int dn_plan_find_slot(const dn_plan *plan, int layer, const char *name); /* also shared ones; -1 = none */

/* ---------------------------------------------------------------- weights ---------------------------------------- */

typedef struct dn_weights_header {
    int32_t major, minor, revision;
    uint64_t seen; /* images trained on */
} dn_weights_header;

typedef struct dn_weights_report { /* what dn_weights_load found */
    dn_weights_header header;
    int layers_loaded;   /* layers, counted from the first, whose parameters were all in the file (or have none) */
    bool complete;       /* every stored slot was filled */
    uint64_t bytes_used; /* header included */
    uint64_t bytes_left; /* after the last layer: not 0 when the file belongs to another cfg */
} dn_weights_report;

/* Fresh parameters, initialised as darknet does, from a generator seeded with `seed`. */
DN_API dn_status dn_weights_create(dn_weights **out, const dn_plan *plan, uint64_t seed, const dn_options *options,
                                   dn_error *err);
/* The same, then overwritten by what the file holds. A file may end after any whole layer (partial weights). It is an
 * error when it ends inside one, when its header is not darknet's, or when bytes are left over and `strict`. At most
 * `layer_limit` layers are read (negative: all). `report` may be NULL. */
DN_API dn_status dn_weights_load(dn_weights **out, const dn_plan *plan, const void *bytes, size_t size, bool strict,
                                 int layer_limit, uint64_t seed, dn_weights_report *report, const dn_options *options,
                                 dn_error *err);
DN_API void dn_weights_retain(dn_weights *weights);
DN_API void dn_weights_release(dn_weights *weights);
DN_API dn_weights_header dn_weights_get_header(const dn_weights *weights);
DN_API void dn_weights_set_header(dn_weights *weights, dn_weights_header header);
/* Shadows: weights of layers with ternary=1 are of full precision, every network makes them ternary before it computes
 * with them, and so does dn_weights_write. Making a network for training begins it; weights that were loaded are
 * computed with as they are. Of no effect without such layers. Like a write: while no network runs. */
DN_API void dn_weights_set_shadow(dn_weights *weights, bool shadow);
DN_API bool dn_weights_get_shadow(const dn_weights *weights);
/* All `count` weights of a layer become −α, 0 or α (src/network/forms.c); ternary ones stay as they are, and so do all
 * where one is not finite. `into` may be `weights`. */
DN_API void dn_ternarize(const float *weights, int64_t count, float *into);
DN_API int dn_weights_slots(const dn_weights *weights);
/* Float32 in darknet's order, NULL data for a slot out of range. A write is noticed at the next forward of every
 * network that shares the weights, if it happens between _watch and _unwatch (or _touch follows it). */
DN_API dn_tensor dn_weights_slot(const dn_weights *weights, int slot);
DN_API void dn_weights_watch(dn_weights *weights, int slot);   /* a writable view begins; atomic, takes no lock */
DN_API void dn_weights_unwatch(dn_weights *weights, int slot); /* it ends                                       */
DN_API void dn_weights_touch(dn_weights *weights, int slot);   /* the slot was written                          */
/* Bytes of a .weights file with the first `layers` layers (negative: all), in the plan's dialect. */
DN_API dn_status dn_weights_file_size(const dn_weights *weights, int layers, uint64_t *out, dn_error *err);
/* A header of an older version than 0.2, or of a transposed file, is written as 0.2, as darknet does. */
DN_API dn_status dn_weights_write(const dn_weights *weights, int layers, dn_weights_header header, void *into,
                                  size_t room, dn_error *err);
/* The same without layers that have dontsave=1, as darknet saves them. dn_weights_load knows such a file by its size. */
DN_API dn_status dn_weights_saved_size(const dn_weights *weights, int layers, uint64_t *out, dn_error *err);
DN_API dn_status dn_weights_write_saved(const dn_weights *weights, int layers, dn_weights_header header, void *into,
                                        size_t room, dn_error *err);
DN_API uint64_t dn_weights_checksum(const dn_weights *weights);

/* ---------------------------------------------------------------- devices ---------------------------------------- */

/* Backends that are libraries of their own ("cuda") are known after they were loaded, once for the process: a second
 * call with any path changes nothing. DN_E_DEVICE: the file or a library that it needs cannot be opened (the message is
 * the system's), or it was built for another version of the engine. Any thread. */
DN_API dn_status dn_backend_load(const char *path, dn_error *err);
DN_API bool dn_backend_loaded(const char *name);

typedef struct dn_device {
    char name[256];
    int major, minor;           /* of what it can compute: 9.0, … */
    uint64_t memory, available; /* bytes; 0: not known            */
} dn_device;

/* Devices that a backend sees. DN_E_DEVICE: it cannot look (there is no driver, or it is older than the library). */
DN_API dn_status dn_device_count(const char *backend, int *out, dn_error *err);
/* DN_E_DEVICE: there is no such device, or it cannot be used, and why; what is known of it is in *out all the same. */
DN_API dn_status dn_device_look(const char *backend, int device, dn_device *out, dn_error *err);

/* For who reads a tensor of a device (dn_network_snapshot) without the device's own library, or hands in one that is
 * still being made. Any thread. */
DN_API dn_status dn_device_read(const char *backend, int device, void *into, const void *from, size_t bytes,
                                dn_error *err);
/* Returns when all that was given to a stream is done. "cuda": a cudaStream_t as a number, or 1 (0 means the same) and
 * 2 for the default stream of the process and of the thread. */
DN_API dn_status dn_device_wait(const char *backend, int device, uintptr_t stream, dn_error *err);
/* The number of the device that an address belongs to; -1: to none of the backend's. */
DN_API dn_status dn_device_of(const char *backend, const void *data, int *out, dn_error *err);

/* ---------------------------------------------------------------- network ---------------------------------------- */

typedef enum dn_precision {
    DN_PRECISION_F32 = 0,
    DN_PRECISION_BF16 = 1,
    DN_PRECISION_INT8 = 2,
    DN_PRECISION_TF32 = 3, /* float32 in memory, products of 10 bits of mantissa */
    DN_PRECISION_F16 = 4,
} dn_precision;
typedef enum dn_outputs { DN_OUTPUTS_HEADS = 0, DN_OUTPUTS_ALL = 1 } dn_outputs;
typedef enum dn_prepare { DN_PREPARE_NONE = 0, DN_PREPARE_FUSE = 1, DN_PREPARE_BINARY = 2 } dn_prepare;

typedef struct dn_network_options {
    size_t struct_size;
    const char *backend; /* "ref", "cpu", "cuda" (dn_backend_load); NULL = "cpu" */
    int device;          /* number of the backend's device                        */
    dn_precision precision;
    dn_outputs outputs; /* which layers' outputs stay readable      */
    dn_prepare prepare; /* FUSE folds batch norm and normalises weighted shortcuts once, as darknet's detector does */
} dn_network_options;
#define DN_NETWORK_OPTIONS_INIT                                                                                        \
    {sizeof(dn_network_options), NULL, 0, DN_PRECISION_F32, DN_OUTPUTS_HEADS, DN_PREPARE_FUSE}

/* Takes references to plan, weights and pool. Fails with DN_E_UNSUPPORTED, naming the layer, when the backend cannot
 * run one of its ops. */
DN_API dn_status dn_network_create(dn_network **out, dn_plan *plan, dn_weights *weights,
                                   const dn_network_options *network_options, const dn_options *options, dn_error *err);
DN_API void dn_network_free(dn_network *network);

/* Runs `images` images (>= 1; more than the plan's batch run in slices). `input` is float32 (images, c, h, w), dense,
 * any alignment; NULL means the network's own input tensor (then images <= batch). Results: dn_network_head.
 * With a recurrent layer `images` is a multiple of steps, at most batch · steps: the first image of every sequence,
 * then the second of every sequence, … Fewer sequences than batch continue the states of the first ones. */
DN_API dn_status dn_network_forward(dn_network *network, const float *input, int images, dn_error *err);
/* The same with `input` in the memory of the network's device, finished there before the call. */
DN_API dn_status dn_network_forward_from_device(dn_network *network, const float *input, int images, dn_error *err);
/* Whether heads of the next forwards stay on the network's device, which saves their way to the host: dn_network_snapshot
 * has them, dn_network_head and dn_network_output do not, and nothing can be detected. Inference on a device only. */
DN_API void dn_network_set_stay(dn_network *network, bool stay);
/* Where the time of a forward goes: one of the backend's steps, which may compute several layers together. */
typedef struct dn_profile_step {
    int layer;        /* the first of them; -1: none               */
    const char *name; /* of the algorithm, static text; NULL: did not run */
    uint64_t nanoseconds;
} dn_profile_step;
/* dn_network_forward, with its first `room` steps timed; slices add up. *count is the number of steps there are.
 * DN_E_UNSUPPORTED where the backend does not time them. */
DN_API dn_status dn_network_profile(dn_network *network, const float *input, int images, dn_profile_step *steps,
                                    int room, int *count, dn_error *err);
/* Multiplications and additions a second of register-only multiply-adds on the pool's threads (NULL: on this one),
 * measured in some ten milliseconds. */
DN_API double dn_peak_flops(dn_isa isa, dn_pool *pool);
/* The network's own input tensor, (batch · steps, c, h, w), writable. */
DN_API dn_tensor dn_network_input(const dn_network *network);
DN_API int dn_network_heads(const dn_network *network);
DN_API int dn_network_head_layer(const dn_network *network, int head);
/* Result of the last forward, (images, …). While anybody holds its block no later forward writes to it. */
DN_API dn_tensor dn_network_head(const dn_network *network, int head);
/* A copy of that in the memory of the network's device; *out holds a reference of its own to the block. */
DN_API dn_status dn_network_snapshot(dn_network *network, int head, dn_tensor *out, dn_error *err);
/* Output of a layer after the last forward; NULL data when DN_OUTPUTS_HEADS did not keep it. */
DN_API dn_tensor dn_network_output(const dn_network *network, int layer);
DN_API void dn_network_reset_state(dn_network *network); /* recurrent layers: all states are zero again */
/* New plan and new blocks for another input size or batch (0 = unchanged); blocks held by others live on, states
 * are zero again. On failure the network is as before. */
DN_API dn_status dn_network_reshape(dn_network *network, int batch, int width, int height, dn_error *err);
DN_API const dn_plan *dn_network_plan(const dn_network *network);
DN_API uint64_t dn_network_bytes(const dn_network *network); /* activations, packed parameters, workspace */
/* Bytes that dn_network_create would take for this plan besides the weights, gradients of a training included, without
 * taking them. Parameters that a backend packs later, and the moments of Adam, are not in it. */
DN_API dn_status dn_network_measure(uint64_t *out, dn_plan *plan, const dn_network_options *network_options,
                                    const dn_options *options, dn_error *err);

/* ---------------------------------------------------------------- training ---------------------------------------
 *
 * A network whose plan was made with `training` computes in training form (batch norm by the mini-batch's own statistics,
 * which the rolling ones follow; dropout drops) and takes exactly the plan's mini-batch. One iteration is
 *   for each mini-batch: set_clock, forward, loss (or people's own deltas), backward;   then update.
 * Deltas and gradients are minus the derivative of the loss, summed over images, as in darknet. */

/* What random choices and phases depend on: seed, iteration, images seen, number of the mini-batch's first image. */
typedef struct dn_clock_time {
    uint64_t seed, iteration, seen, image;
} dn_clock_time;
DN_API dn_status dn_network_set_clock(dn_network *network, const dn_clock_time *time, dn_error *err);

/* (images, truths) float32, for the next loss; and before a forward for layers that read it then (assisted_excitation=). */
DN_API dn_status dn_network_set_truth(dn_network *network, const float *truth, dn_error *err);
/* After a forward: compares with the truth, (images, truths) float32 (NULL: that of the last call), fills the deltas of
 * the heads. *out: the mean of the costs of the layers that have one. */
DN_API dn_status dn_network_loss(dn_network *network, const float *truth, double *out, dn_error *err);
/* What a loss reports, summed over the mini-batch, so that mini-batches and heads may be added up: what is printed as a
 * mean is a sum over a count. */
typedef enum dn_figure {
    DN_FIGURE_COST,  /* darknet's l.cost */
    DN_FIGURE_COUNT, /* boxes that a truth was matched with: the next ones are sums over them */
    DN_FIGURE_IOU,
    DN_FIGURE_GIOU,
    DN_FIGURE_OBJECTNESS,
    DN_FIGURE_RECALL_50, /* IoU > .5, > .75 */
    DN_FIGURE_RECALL_75,
    DN_FIGURE_CLASS_COUNT,   /* of those, with a class */
    DN_FIGURE_CLASS,         /* probability of the true class, summed over them */
    DN_FIGURE_BOXES,         /* all predicted boxes */
    DN_FIGURE_NO_OBJECTNESS, /* objectness, summed over them */
    DN_FIGURE_CLASS_LOSS,    /* parts of the loss, as the reference prints them */
    DN_FIGURE_IOU_LOSS,
    DN_FIGURE_OBJECTNESS_LOSS,
    DN_FIGURE_REWRITTEN, /* boxes that a second truth took over, of … */
    DN_FIGURE_ASSIGNED,  /* … all that a truth was assigned to */
    DN_FIGURE_SKIPPED,   /* truths that cannot be used: class unknown, outside of the image, without a size */
    DN_FIGURES
} dn_figure;

/* The figures of a layer's loss for this mini-batch, see dn_figure; returns how many there are, 0 = it has no loss. */
DN_API int dn_network_figures(const dn_network *network, int layer, double *out, int room);
/* Layers last-1 down to first: deltas of what they read, gradients of their parameters. */
DN_API dn_status dn_network_backward(dn_network *network, int first, int last, dn_error *err);
/* The last layer at which stopbackward= ends backward in this iteration; -1: none. Start backward after it. */
DN_API int dn_network_stop_layer(const dn_network *network, uint64_t iteration);
/* Writable; NULL data: the layer has none, or DN_OUTPUTS_HEADS did not keep it. */
DN_API dn_tensor dn_network_delta(const dn_network *network, int layer);
/* Of the network's input, in its shape; valid after a backward down to layer 0; NULL data: the plan was made without
 * input_delta, or nothing reaches it. */
DN_API dn_tensor dn_network_input_delta(const dn_network *network);
/* Of a parameter slot, in its shape; writable; NULL data: nothing trains it. */
DN_API dn_tensor dn_network_gradient(const dn_network *network, int slot);

/* Of a parameter slot: (2, values), the first and the second moment; writable; NULL data before the first update by
 * Adam (dn_network_start_adam makes them). */
DN_API dn_tensor dn_network_moments(const dn_network *network, int slot);
DN_API dn_status dn_network_start_adam(dn_network *network, dn_error *err);

typedef struct dn_update {
    size_t struct_size;
    float learning_rate, momentum, decay;
    int images;         /* whose gradients are summed: batch of the cfg */
    uint64_t iteration; /* number of this update, from 1 */
    int burn_in;        /* of the cfg: layers with burnin_update= wait for so many times as many iterations */
    bool adam;          /* in place of momentum */
    float b1, b2, eps;
} dn_update;
#define DN_UPDATE_INIT {sizeof(dn_update), 0.001F, 0.9F, 0.0001F, 1, 1, 0, false, 0.9F, 0.999F, 1e-7F}
DN_API dn_status dn_network_update(dn_network *network, const dn_update *update, dn_error *err);

/* ---------------------------------------------------------------- detection -------------------------------------- */

typedef enum dn_nms_kind { DN_NMS_DEFAULT = 0, DN_NMS_GREEDY = 1, DN_NMS_DIOU = 2, DN_NMS_CORNERS = 3 } dn_nms_kind;
typedef enum dn_nms_method {
    DN_NMS_SORT = 0, /* per class, by the class's probability; IoU                                  */
    DN_NMS_OBJ = 1,  /* class-agnostic, by objectness; IoU                                          */
    DN_NMS_KIND = 2, /* per class, `kind` and `beta` of the head decide (AlexeyAB's detector)       */
} dn_nms_method;

typedef struct dn_detect_options {
    size_t struct_size;
    float threshold;               /* objectness and class score below it are dropped, 0..1 */
    float hier_threshold;          /* trees: how sure a node must be to be named            */
    int image_width, image_height; /* of the original image; 0 = the network's     */
    bool letterbox;                /* the input was letterboxed from that image    */
    bool relative;                 /* boxes in units of the image, else in pixels  */
} dn_detect_options;
#define DN_DETECT_OPTIONS_INIT {sizeof(dn_detect_options), 0.25F, 0.5F, 0, 0, false, true}

/* Decodes every detection head for image `image` of the last forward. No suppression yet. */
DN_API dn_status dn_network_detect(dn_detections **out, const dn_network *network, int image,
                                   const dn_detect_options *detect_options, dn_error *err);
DN_API void dn_detections_free(dn_detections *detections);
DN_API int dn_detections_count(const dn_detections *detections);
DN_API int dn_detections_classes(const dn_detections *detections);
DN_API const float *dn_detections_boxes(const dn_detections *detections);         /* (count, 4) x y w h         */
DN_API const float *dn_detections_objectness(const dn_detections *detections);    /* (count,)                   */
DN_API const float *dn_detections_probabilities(const dn_detections *detections); /* (count, classes)           */
DN_API const float *dn_detections_uncertainty(const dn_detections *detections);   /* (count, 4), NULL = none    */
/* Values of a box in the output of its head's embedding_layer, which tell objects apart when they are followed from
 * image to image: (count, embedding_size); rows of shorter vectors end in zeros. Size 0: no head has such a layer. */
DN_API int dn_detections_embedding_size(const dn_detections *detections);
DN_API const float *dn_detections_embeddings(const dn_detections *detections);
/* Zeroes the probabilities (OBJ: and objectness) of suppressed boxes; keeps the order. `kind`, `beta`: for KIND. */
DN_API dn_status dn_detections_nms(dn_detections *detections, dn_nms_method method, float iou_threshold,
                                   dn_nms_kind kind, float beta, dn_error *err);
/* nms_kind= and beta_nms= of the last detection head. */
DN_API void dn_network_nms(const dn_network *network, dn_nms_kind *kind, float *beta);

typedef enum dn_iou_kind { DN_IOU = 0, DN_GIOU = 1, DN_DIOU = 2, DN_CIOU = 3 } dn_iou_kind;
/* out[i] = overlap of a[i] and b[i]; boxes (count, 4) x y w h, dense. */
DN_API void dn_box_iou(const float *a, const float *b, size_t count, dn_iou_kind kind, float *out);

/* ---------------------------------------------------------------- images ----------------------------------------- */

/* A look at a uint8 image, rows of interleaved channels. */
typedef struct dn_pixels {
    const uint8_t *data;
    int width, height, channels; /* 1 <= channels <= 16               */
    ptrdiff_t row_bytes;         /* from one row to the next          */
    bool swap_red_blue;          /* the data is BGR: give RGB         */
} dn_pixels;

/* uint8 interleaved → planar float of the same size, value / 255. `out`: channels·height·width floats. One channel
 * read as three (`out_channels` = 3 from grey) repeats it. */
DN_API dn_status dn_image_planar(float *out, int out_channels, const dn_pixels *image, dn_error *err);
/* The same with darknet's bilinear resize (corners aligned, horizontal pass first) to width × height. */
DN_API dn_status dn_image_resize(float *out, int out_channels, int width, int height, const dn_pixels *image,
                                 dn_pool *pool, dn_error *err);
/* Aspect kept, the rest filled with 0.5. */
DN_API dn_status dn_image_letterbox(float *out, int out_channels, int width, int height, const dn_pixels *image,
                                    dn_pool *pool, dn_error *err);
/* Planar float → planar float forms, for chains of operations (all `out` buffers are the caller's). */
DN_API dn_status dn_planar_resize(float *out, int width, int height, const float *in, int in_width, int in_height,
                                  int channels, dn_error *err);
/* Top left corner at (dx, dy); pixels outside take the nearest border pixel. */
DN_API dn_status dn_planar_crop(float *out, int width, int height, int dx, int dy, const float *in, int in_width,
                                int in_height, int channels, dn_error *err);
DN_API void dn_planar_flip(float *image, int width, int height, int channels); /* left–right, in place */
/* hue added, saturation and exposure multiplied, in HSV; three channels, in place. */
DN_API void dn_planar_distort(float *image, int width, int height, float hue, float saturation, float exposure);

#ifdef __cplusplus
}
#endif

#endif
