/* layer.h — what a layer type is. Read this first when you add one.
 *
 * A layer file parses its section into a params struct (parse), says what its shapes, parameter slots and states are
 * (infer), and which ops its forward and backward consist of (forward, backward). It computes nothing — except in host
 * ops and in decode — and knows no backend. All callbacks run while a plan is made; params live as long as the plan
 * and must not be written after infer. */
#ifndef DN_LAYERS_LAYER_H
#define DN_LAYERS_LAYER_H

#include "cfg/section.h"
#include "detect/detections.h"
#include "op/emit.h"

/* Keys of [net] by which losses leave deltas out that are too large (labels that may be wrong) or too small. */
typedef struct dn_delta_limits {
    int max_batches;
    int equidistant_point;     /* 0: off; else after this iteration */
    float rejected_percentage; /* badlabels_rejection_percentage=; 0: off */
    float sigmas;              /* num_sigmas_reject_badlabels=; 0: off    */
} dn_delta_limits;

/* What [net] and its surroundings tell every layer. */
typedef struct dn_layer_context {
    int index; /* of this layer */
    dn_dialect dialect;
    bool training;
    int batch;      /* images per forward; with time steps: sequences */
    int time_steps; /* per forward; rows = batch · time_steps, row = step · batch + sequence; 1 without recurrent layers */
    int net_width, net_height;
    int burn_in;
    dn_delta_limits delta_limits;
    bool cost_by_name;         /* of [net], a key of ours: see [cost]                  */
    bool binary_by_name;       /* the same, see [convolutional]                        */
    dn_zone *zone;             /* the plan's: for lists that params point to */
    const dn_options *options; /* for dn_log; valid during parse and infer only */
    const dn_resource *resources;
    int resource_count;
} dn_layer_context;

typedef enum dn_init_kind { DN_INIT_CONSTANT, DN_INIT_UNIFORM, DN_INIT_NORMAL } dn_init_kind;
typedef struct dn_init { /* start value of a parameter: constant, ±scale uniform, or deviation `scale` normal */
    dn_init_kind kind;
    float value; /* the constant, the mean */
    float scale;
} dn_init;

/* What a network computes with in place of a parameter, which is trained and kept as it is. */
typedef enum dn_weights_form {
    DN_FORM_OWN,     /* itself                                                                              */
    DN_FORM_TERNARY, /* −α, 0 or α: in training, and wherever weights are shadows (dn_weights_set_shadow)   */
    DN_FORM_BINARY,  /* ±mean|w| of the filter                                                              */
    DN_FORM_XNOR,    /* the same in training; else the op does it, after its batch norm was folded into it  */
} dn_weights_form;

/* What infer fills in. Opaque: use the functions below. */
typedef struct dn_layer_plan dn_layer_plan;

typedef enum dn_layer_flags {
    DN_LAYER_HEAD = 1,       /* its output leaves the network: yolo, region, softmax, …        */
    DN_LAYER_DETECTOR = 2,   /* has decode                                                     */
    DN_LAYER_COST = 4,       /* passes its input on and ends training: never the result        */
    DN_LAYER_FLAT = 8,       /* output is (n, c), no spatial shape, unless infer says otherwise */
    DN_LAYER_RECURRENT = 16, /* reads its rows as time steps of several sequences, and keeps states */
} dn_layer_flags;

typedef struct dn_layer_type {
    size_t params_size;
    unsigned flags;
    dn_status (*parse)(dn_section *section, const dn_layer_context *context, void *params, dn_error *err);
    dn_status (*infer)(void *params, dn_layer_plan *plan, dn_error *err);
    dn_status (*forward)(const void *params, dn_emit *emit);
    /* Training: appends the op that compares the output with the truth (dn_emit_loss). NULL: has no loss. */
    dn_status (*loss)(const void *params, dn_emit *emit);
    /* Training: appends the ops that carry the delta of emit->output to the deltas of what forward read. NULL: derived
     * from the ops of forward, by the chain rule. */
    dn_status (*backward)(const void *params, dn_emit *emit);
    /* Appends the boxes of one image to `into`. `output`: this layer's output for that image, in its shape. */
    dn_status (*decode)(const void *params, dn_shape output_shape, const float *output,
                        const dn_decode_options *options, dn_detections *into, dn_error *err);
} dn_layer_type;

/* ---- for infer ---- */

const dn_layer_context *dn_layer_plan_context(const dn_layer_plan *plan);
dn_shape dn_layer_plan_input(const dn_layer_plan *plan); /* output of the layer before, or the network's input */
/* `reference` as a cfg writes it: negative counts back from this layer. Fails (DN_E_PARSE with `key`, expected and
 * found) unless it names an earlier layer. */
dn_status dn_layer_plan_resolve(const dn_layer_plan *plan, const char *key, int reference, int *out, dn_error *err);
dn_shape dn_layer_plan_output_of(const dn_layer_plan *plan, int layer); /* an earlier layer */
/* No rows and columns, only (n, c, 1, 1): the layer before (or the network's input), an earlier layer. */
bool dn_layer_plan_input_flat(const dn_layer_plan *plan);
bool dn_layer_plan_flat_of(const dn_layer_plan *plan, int layer);
/* The type and the params of an earlier layer (share_index and the like). */
const dn_layer_type *dn_layer_plan_type_of(const dn_layer_plan *plan, int layer, const void **params);

void dn_layer_plan_set_output(dn_layer_plan *plan, dn_shape shape);
void dn_layer_plan_set_flat(dn_layer_plan *plan, bool flat);
void dn_layer_plan_set_activation(dn_layer_plan *plan, dn_activation kind);
/* Values of truth that the loss reads for one image. All losses of a network read the same truths. */
void dn_layer_plan_set_truths(dn_layer_plan *plan, int values);
/* The same for `boxes` boxes of `size` values each: the truth's tensor is then (rows, boxes, size, 1). */
void dn_layer_plan_set_boxes(dn_layer_plan *plan, int boxes, int size);
/* The layer's forward reads the truth, dn_emit.truth, which is of any shape: in a plan for training. */
dn_status dn_layer_plan_read_truth(dn_layer_plan *plan, dn_error *err);
/* The output of an earlier layer stays readable after a run, for every image, as a head's does. */
void dn_layer_plan_keep(dn_layer_plan *plan, int layer);
void dn_layer_plan_set_flops(dn_layer_plan *plan, double flops); /* one image */
/* The input that this layer reads is not (only) the layer before: for input shapes shown to people. */
void dn_layer_plan_set_input(dn_layer_plan *plan, dn_shape shape);

/* Declares a parameter; the order of calls is the order in the file. `name` is static text, as are all names here.
 * stored false: it is not in the file. The k-th slot declared or shared is dn_emit.slots[k]. */
dn_status dn_layer_plan_slot(dn_layer_plan *plan, const char *name, int dimensions, const int64_t *shape, bool stored,
                             dn_init init, dn_error *err);
/* Uses the parameter `name` of an earlier layer as its own. */
dn_status dn_layer_plan_share_slot(dn_layer_plan *plan, int layer, const char *name, dn_error *err);
/* Of a parameter that the layer declared or shares; (filters, …). */
void dn_layer_plan_form(dn_layer_plan *plan, const char *name, dn_weights_form form);
dn_status dn_layer_plan_state(dn_layer_plan *plan, dn_shape shape, dn_error *err);

/* Facts for people and exporters, in the order of calls (dn_plan_fact). Numbers are copied, text is static or the
 * zone's. */
dn_status dn_layer_plan_fact(dn_layer_plan *plan, const char *name, double number, dn_error *err);
dn_status dn_layer_plan_fact_ints(dn_layer_plan *plan, const char *name, const int *values, int count, dn_error *err);
dn_status dn_layer_plan_fact_floats(dn_layer_plan *plan, const char *name, const float *values, int count,
                                    dn_error *err);
dn_status dn_layer_plan_fact_text(dn_layer_plan *plan, const char *name, const char *text, dn_error *err);

/* DN_E_SHAPE; the plan adds layer, section and line. */
dn_status dn_shape_fail(dn_error *err, const char *expected, const char *format, ...) DN_PRINTF(3, 4);
/* After it: the key that is to blame, and so its line, where the cfg has it. */
void dn_layer_plan_blame(const dn_layer_plan *plan, const char *key, dn_error *err);

/* ---- for parse ---- */

/* activation= of the section; unknown names are warned about and become relu, as in darknet. */
dn_status dn_parse_activation(dn_section *section, const dn_layer_context *context, dn_activation fallback,
                              dn_activation *out, dn_error *err);
/* Keys that every layer may have and that inference does not need. Called by the plan for every section; dontload and
 * dontloadscales are read by the layers that have parameters. */
typedef struct dn_layer_training {
    float learning_rate; /* factor of the network's                                        */
    float clip;          /* weights are cut to ±clip after an update; 0: not                           */
    int stop_backward;   /* backward ends after this layer: 1 always, n > 1 until iteration n */
    int burnin_update;   /* no update in the first … of burn_in, see network/update.c        */
    int dont_update;     /* no update: 1 ever, n > 1 up to iteration n                       */
    bool train_only_bn;
    bool only_forward; /* no loss and nothing back through it */
    bool truth;        /* pjreddie: losses of later layers compare with its output */
    bool dont_save;    /* pjreddie: weights files leave its parameters out          */
} dn_layer_training;
dn_status dn_parse_common(dn_section *section, dn_layer_training *out, dn_error *err);
/* Bytes of a file the cfg refers to; DN_E_PARSE when it was not handed in. */
dn_status dn_parse_resource(dn_section *section, const dn_layer_context *context, const char *key,
                            const dn_resource **out, dn_error *err);

#endif
