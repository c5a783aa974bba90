/* ref.h — plain kernels: the oracle of every other backend, and what host backends fall back to.
 *
 * A kernel is one function per op over dense NCHW float32 (argmax: int32). It allocates nothing, cannot fail, and
 * needs no graph: the caller resolves tensor indices to addresses. Inputs and outputs must not overlap.
 *
 *   compile:  dn_ref_prepare  (per op; allocates what prepare= makes of the op's parameters, often nothing)
 *   refresh:  dn_ref_refresh  (per op, before every run; refills what is stale)
 *   run:      dn_ref_run_op
 *   release:  dn_ref_state_free
 */
#ifndef DN_BACKEND_REF_REF_H
#define DN_BACKEND_REF_REF_H

#include "backend/backend.h"

/* What a kernel reads in place of its parameters. {0} means: the parameters as they are; it is also what an op without
 * parameters has. */
typedef struct dn_ref_state {
    const dn_op *op;
    const dn_op *batchnorm; /* folded into this conv2d or linear op; NULL = none                          */
    float *weights;         /* conv2d, linear: folded and/or binarised; NULL = the op's own               */
    uint64_t *bits;         /* conv2d: the packed form of binarised weights, in place of `weights`        */
    float *means;           /* beside bits: mean|w| of every filter                                       */
    float *biases;          /* conv2d, linear: added to the result, one per filter; NULL = none           */
    float *coefficients;    /* add: a_k, (terms, c); NULL when PLAIN                                      */
    bool once_normalized;   /* add: the form of prepare FUSE                                              */
    bool pad_minus_one;     /* xnor conv2d: cells outside the image count as -1 (prepare BINARY, stride 1) */
    uint64_t seen[5];       /* version of each parameter that was used, 0 = not filled yet                */
    dn_allocator allocator;
} dn_ref_state;

/* One op, resolved. inputs[k] and outputs[k] belong to op->inputs[k] and op->outputs[k]: shape.n is the number of rows
 * of this run (dn_run_rows). Parameters are inputs like others: data is parameters[slot], with the const cast away. A
 * parameter that `state` replaces may be NULL. int32 tensors: data holds int32_t. With a folded batchnorm, outputs[0]
 * is the batchnorm's output. */
typedef struct dn_ref_call {
    const dn_op *op;
    const dn_host_tensor *inputs, *outputs;
    const dn_ref_state *state;
} dn_ref_call;

typedef void (*dn_ref_kernel)(const dn_ref_call *call);

#define DN_OP(id) void dn_ref_##id(const dn_ref_call *call);
#include "op/op.inc"
#undef DN_OP

/* False for ops whose shapes the kernel does not cover (a reorg that divides unevenly) and for accumulating ones. */
bool dn_ref_supports(const dn_graph *graph, const dn_op *op);
/* DN_E_UNSUPPORTED, with layer and op, when that is so for one of the graph's. */
dn_status dn_ref_check(const dn_graph *graph, const char *backend, dn_error *err);
/* The batchnorm op that can be folded into op number `index` (conv2d or linear), because it is the only reader of what
 * that op writes and `keep` does not name it; -1 = none. */
int dn_ref_foldable(const dn_graph *graph, int index, const bool *keep);
/* `batchnorm`: the op to fold (prepare FUSE or BINARY), or NULL. On failure *state is {0}. */
dn_status dn_ref_prepare(dn_ref_state *state, const dn_graph *graph, const dn_op *op, const dn_op *batchnorm,
                         dn_prepare prepare, const dn_allocator *allocator, dn_error *err);
size_t dn_ref_state_bytes(const dn_ref_state *state, const dn_graph *graph);
void dn_ref_refresh(dn_ref_state *state, const dn_graph *graph, const float *const *parameters,
                    const uint64_t *versions);
void dn_ref_state_free(dn_ref_state *state);
void dn_ref_run_op(const dn_ref_call *call);

/* ---- xnor on bits: conv2d_packed.c ---- */

/* Whether the packed form covers this convolution (prepare BINARY, stride 1). */
bool dn_ref_packable(const dn_op_conv2d *params);
/* Words of one filter of `channels` channels (of its group). */
size_t dn_ref_packed_words(const dn_op_conv2d *params, int channels);
/* One filter's weights → its words; returns mean|w|. */
float dn_ref_pack_filter(const dn_op_conv2d *params, int channels, const float *weights, uint64_t *words);
void dn_ref_conv2d_packed(const dn_ref_call *call);

extern const dn_backend_type dn_backend_ref;

#endif
