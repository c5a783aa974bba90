/* cpu_fixture.h — graphs made by hand or by chance, run by the cpu backend the way a network runs them: activations in
 * one arena planned from the placements and full of NaN, inputs and kept tensors at addresses that are aligned to a
 * float only, no longer than the images of the run. The ref backend runs the same graph on tensors of their own. */
#ifndef CPU_FIXTURE_H
#define CPU_FIXTURE_H

#include "backend/cpu/program.h"
#include "base/arena.h"
#include "base/rng.h"
#include "harness.h"

extern const dn_backend_type dn_backend_cpu;

enum { MAX_TENSORS = 400, MAX_OPS = 120, MAX_INPUTS = 6 };

typedef struct graph_fixture {
    dn_tensor_info tensors[MAX_TENSORS];
    float *values[MAX_TENSORS]; /* parameters and inputs */
    uint64_t versions[MAX_TENSORS];
    bool keep[MAX_TENSORS];
    dn_op ops[MAX_OPS];
    int inputs[MAX_OPS][MAX_INPUTS], outputs[MAX_OPS][2];
    int first[MAX_OPS][MAX_INPUTS], channels[MAX_OPS][MAX_INPUTS];
    dn_channel_rule rules[MAX_OPS][2];
    int tensor_count, op_count, batch;
    dn_rng rng;
} graph_fixture;

#define SHAPE(n, c, h, w) ((dn_shape){n, c, h, w})
#define INPUTS(...)       ((const int[]){__VA_ARGS__, -2})

static inline void graph_open(graph_fixture *g, int batch, uint64_t seed) {
    memset(g, 0, sizeof *g);
    g->batch = batch;
    g->rng = (dn_rng){seed, 1, 0};
}

static inline void graph_close(graph_fixture *g) {
    for (int t = 0; t < g->tensor_count; t++) free(g->values[t]);
}

static inline dn_graph graph_of(const graph_fixture *g) {
    return (dn_graph){g->tensors, g->tensor_count, g->ops, g->op_count, g->batch};
}

static inline int chance(graph_fixture *g, int below) { return (int)(dn_rng_next(&g->rng) % (uint64_t)below); }

static inline dn_shape shape_of(const graph_fixture *g, int tensor) { return g->tensors[tensor].shape; }

static inline int add_tensor(graph_fixture *g, dn_role role, dn_shape shape) {
    const int t = g->tensor_count++;
    g->tensors[t] = (dn_tensor_info){shape, DN_F32, role, -1, role == DN_ROLE_PARAMETER ? t : -1, -1, -1, false};
    g->versions[t] = 1;
    return t;
}

static inline int add_values(graph_fixture *g, dn_role role, dn_shape shape, float low, float high) {
    const int t = add_tensor(g, role, shape);
    const size_t count = (size_t)dn_shape_count(shape);
    g->values[t] = malloc(count * sizeof(float));
    for (size_t i = 0; i < count; i++) g->values[t][i] = dn_rng_uniform(&g->rng, low, high);
    return t;
}

static inline int add_input(graph_fixture *g, int c, int h, int w) {
    return add_values(g, DN_ROLE_INPUT, SHAPE(g->batch, c, h, w), -1.0F, 1.0F);
}

static inline int add_parameter(graph_fixture *g, int count, float low, float high) {
    return add_values(g, DN_ROLE_PARAMETER, SHAPE(1, 1, 1, count), low, high);
}

/* `inputs` ends with -2; writes `into`. */
static inline int add_op_into(graph_fixture *g, dn_op op, const int *inputs, int into) {
    const int i = g->op_count++;
    g->ops[i] = op;
    for (; inputs[g->ops[i].input_count] != -2; g->ops[i].input_count++) {
        g->inputs[i][g->ops[i].input_count] = inputs[g->ops[i].input_count];
    }
    g->outputs[i][0] = into;
    g->ops[i].inputs = g->inputs[i];
    g->ops[i].outputs = g->outputs[i];
    g->ops[i].output_count = 1;
    return into;
}

static inline int add_op(graph_fixture *g, dn_op op, const int *inputs, dn_shape shape) {
    return add_op_into(g, op, inputs, add_tensor(g, DN_ROLE_ACTIVATION, shape));
}

/* ---- ops ---- */

static inline int add_activation(graph_fixture *g, int x, dn_activation kind) {
    return add_op(g, (dn_op){.kind = DN_OP_activation, .as.activation = {kind}}, INPUTS(x), shape_of(g, x));
}

static inline int add_bias(graph_fixture *g, int x) {
    const int b = add_parameter(g, shape_of(g, x).c, -0.5F, 0.5F);
    return add_op(g, (dn_op){.kind = DN_OP_bias}, INPUTS(x, b), shape_of(g, x));
}

static inline int add_batchnorm(graph_fixture *g, int x) {
    const int c = shape_of(g, x).c;
    const int scales = add_parameter(g, c, -1.5F, 1.5F), mean = add_parameter(g, c, -0.5F, 0.5F);
    const int variance = add_parameter(g, c, 0.2F, 2.0F);
    const int biases = chance(g, 3) > 0 ? add_parameter(g, c, -0.5F, 0.5F) : -1;
    const dn_op op = {.kind = DN_OP_batchnorm, .as.batchnorm = {1e-5F, chance(g, 2) > 0}};
    return add_op(g, op, INPUTS(x, scales, mean, variance, biases), shape_of(g, x));
}

static inline int add_conv_op(graph_fixture *g, int x, int filters, dn_op_conv2d params) {
    const dn_shape in = shape_of(g, x);
    const int reach = params.dilation * (params.size - 1) + 1,
              per_filter = in.c / params.groups * params.size * params.size;
    const float limit = sqrtf(3.0F / (float)per_filter);
    const int w = add_parameter(g, filters * per_filter, -limit, limit);
    const dn_shape out = {in.n, filters, (in.h + 2 * params.pad - reach) / params.stride_y + 1,
                          (in.w + 2 * params.pad - reach) / params.stride_x + 1};
    return add_op(g, (dn_op){.kind = DN_OP_conv2d, .as.conv2d = params}, INPUTS(x, w), out);
}

static inline int add_conv(graph_fixture *g, int x, int filters, int size, int stride) {
    return add_conv_op(g, x, filters, (dn_op_conv2d){1, size, stride, stride, size / 2, 1, DN_BINARY_NONE});
}

/* conv2d, batchnorm, leaky */
static inline int add_block(graph_fixture *g, int x, int filters, int size, int stride) {
    return add_activation(g, add_batchnorm(g, add_conv(g, x, filters, size, stride)), DN_LEAKY);
}

static inline int add_linear(graph_fixture *g, int x, int outputs, bool transposed) {
    const dn_shape in = shape_of(g, x);
    const int count = in.c * in.h * in.w;
    const float limit = sqrtf(3.0F / (float)count);
    const int w = add_parameter(g, outputs * count, -limit, limit);
    return add_op(g, (dn_op){.kind = DN_OP_linear, .as.linear = {transposed}}, INPUTS(x, w),
                  SHAPE(in.n, outputs, 1, 1));
}

static inline int add_sum(graph_fixture *g, int a, int b) {
    return add_op(g, (dn_op){.kind = DN_OP_add, .as.add = {.terms = 2}}, INPUTS(a, b), shape_of(g, a));
}

/* Channels first … of each input; first and channels NULL: all. */
static inline int add_concat(graph_fixture *g, const int *xs, const int *first, const int *channels, bool flat) {
    const int i = g->op_count;
    dn_shape out = shape_of(g, xs[0]);
    out.c = 0;
    for (int k = 0; xs[k] != -2; k++) {
        const dn_shape x = shape_of(g, xs[k]);
        g->first[i][k] = first ? first[k] : 0;
        g->channels[i][k] = flat ? x.c * x.h * x.w : channels ? channels[k] : x.c;
        out.c += g->channels[i][k];
    }
    if (flat) out.h = out.w = 1;
    return add_op(g, (dn_op){.kind = DN_OP_concat, .as.concat = {flat, g->first[i], g->channels[i]}}, xs, out);
}

static inline int add_pool(graph_fixture *g, int x, dn_op_pool2d params) {
    dn_shape out = shape_of(g, x);
    out.h = (out.h - 1) / params.stride_y + 1;
    out.w = (out.w - 1) / params.stride_x + 1;
    return add_op(g, (dn_op){.kind = DN_OP_pool2d, .as.pool2d = params}, INPUTS(x), out);
}

static inline int add_upsample(graph_fixture *g, int x, int stride, float scale) {
    dn_shape out = shape_of(g, x);
    out.h *= stride;
    out.w *= stride;
    return add_op(g, (dn_op){.kind = DN_OP_upsample, .as.upsample = {stride, scale, false}}, INPUTS(x), out);
}

static inline int add_channel_map(graph_fixture *g, int x) {
    const int i = g->op_count, c = shape_of(g, x).c;
    g->rules[i][0] = (dn_channel_rule){0, (c + 1) / 2, DN_LOGISTIC, 1.05F, -0.025F};
    g->rules[i][1] = (dn_channel_rule){(c + 1) / 2 + (c > 3), c / 3, DN_LINEAR, 2.0F, 0.5F};
    return add_op(g, (dn_op){.kind = DN_OP_channel_map, .as.channel_map = {g->rules[i], c >= 3 ? 2 : 1}}, INPUTS(x),
                  shape_of(g, x));
}

static inline int add_plain(graph_fixture *g, dn_op op, int x, dn_shape out) { return add_op(g, op, INPUTS(x), out); }

/* ---- running ---- */

typedef struct running {
    const graph_fixture *graph;
    const dn_backend_type *type;
    dn_backend *backend;
    dn_program *program;
    float *arena, *blocks[MAX_TENSORS];
    size_t arena_bytes;
    void *addresses[MAX_TENSORS];
} running;

static inline dn_status start_running(running *r, const graph_fixture *g, const dn_backend_type *type,
                                      dn_prepare prepare, const dn_options *options, dn_error *err) {
    memset(r, 0, sizeof *r);
    r->graph = g;
    r->type = type;
    const dn_graph graph = graph_of(g);
    const dn_compile_options compile_options = {DN_PRECISION_F32, prepare, g->keep};
    dn_status status = type->open(&r->backend, options, 0, err);
    if (status == DN_OK) status = type->compile(r->backend, &graph, &compile_options, &r->program, err);
    return status;
}

static inline void stop_running(running *r) {
    r->type->release(r->program);
    r->type->close(r->backend);
    for (int t = 0; t < r->graph->tensor_count; t++) free(r->blocks[t]);
    free(r->arena);
}

/* An address of its own that is aligned to a float and no more; the next byte after the last image is out of bounds. */
static inline float *loose(running *r, int t, size_t floats) {
    free(r->blocks[t]);
    r->blocks[t] = malloc((floats + 1) * sizeof(float));
    memset(r->blocks[t], 0xFF, (floats + 1) * sizeof(float));
    return r->blocks[t] + 1;
}

static inline void plan_arena(running *r) {
    const graph_fixture *g = r->graph;
    const dn_placement *placements = dn_program_get(r->program)->placements;
    const dn_allocator allocator = dn_allocator_or_default(NULL);
    dn_lifetime lifetimes[MAX_TENSORS] = {0};
    for (int t = 0; t < g->tensor_count; t++) {
        if (g->tensors[t].role != DN_ROLE_ACTIVATION || g->keep[t]) continue;
        lifetimes[t] = (dn_lifetime){placements[t].bytes, placements[t].first, placements[t].last, 0};
    }
    CHECK_EQ(dn_arena_place(lifetimes, g->tensor_count, &r->arena_bytes, &allocator, NULL), DN_OK);
    r->arena = aligned_alloc(64, r->arena_bytes + 64);
    for (int t = 0; t < g->tensor_count; t++) {
        if (lifetimes[t].bytes > 0) r->addresses[t] = (char *)r->arena + lifetimes[t].offset;
    }
}

static inline void place_all(running *r, int images) {
    const graph_fixture *g = r->graph;
    if (!r->arena) plan_arena(r);
    memset(r->arena, 0xFF, r->arena_bytes); /* NaN */
    for (int t = 0; t < g->tensor_count; t++) {
        const dn_role role = g->tensors[t].role;
        const size_t image = (size_t)dn_shape_image(shape_of(g, t)) * (size_t)(shape_of(g, t).n / g->batch);
        if (role == DN_ROLE_INPUT) {
            r->addresses[t] =
                memcpy(loose(r, t, image * (size_t)images), g->values[t], image * (size_t)images * sizeof(float));
        } else if (role == DN_ROLE_STATE && !r->addresses[t]) {
            r->addresses[t] =
                memset(loose(r, t, image * (size_t)g->batch), 0, image * (size_t)g->batch * sizeof(float));
        } else if (role == DN_ROLE_ACTIVATION && g->keep[t]) {
            r->addresses[t] = loose(r, t, image * (size_t)images);
        }
    }
}

static inline void run_range(running *r, int images, int first, int last) {
    dn_error err = {0};
    CHECK_EQ(r->type->refresh(r->program, (const float *const *)r->graph->values, r->graph->versions, &err), DN_OK);
    CHECK_EQ(r->type->run(r->program, r->addresses, images, first, last, &err), DN_OK);
}

static inline void run_all(running *r, int images) {
    place_all(r, images);
    run_range(r, images, 0, r->graph->op_count);
}

/* Against values of a tenth at least: a handful of results near 0 may be what is left of larger ones. */
static inline double nmse(const float *values, const float *expected, size_t count) {
    double error = 0.0, power = 0.01 * (double)count;
    for (size_t i = 0; i < count; i++) {
        const double d = (double)values[i] - (double)expected[i];
        error += d * d;
        power += (double)expected[i] * (double)expected[i];
    }
    return error / power; /* NaN stays NaN */
}

/* The largest NMSE of all kept tensors and states, or NaN. */
static inline double difference(const running *a, const running *b, int images, int *where) {
    const graph_fixture *g = a->graph;
    double worst = 0.0;
    for (int t = 0; t < g->tensor_count; t++) {
        if (!g->keep[t] && g->tensors[t].role != DN_ROLE_STATE) continue;
        if (g->tensors[t].role == DN_ROLE_INPUT) continue;
        const size_t count =
            (size_t)dn_shape_image(shape_of(g, t)) * (size_t)(shape_of(g, t).n / g->batch) * (size_t)images;
        const double error = nmse(a->addresses[t], b->addresses[t], count);
        if (error <= worst) continue;
        worst = error;
        *where = t;
        if (isnan(worst)) return worst;
    }
    return worst;
}

/* ---- comparing ---- */

#define TOLERANCE 1e-10

static const dn_isa instruction_sets[] = {DN_ISA_PORTABLE, DN_ISA_AVX2, DN_ISA_AVX512};

static inline void report(const graph_fixture *g, int tensor, double error, dn_isa isa, dn_prepare prepare) {
    for (int i = 0; i < g->op_count; i++) {
        if (g->outputs[i][0] != tensor) continue;
        fprintf(stderr, "op %d %s → tensor %d: NMSE %g, isa %d, prepare %d\n", i, dn_op_name(g->ops[i].kind), tensor,
                error, (int)isa, (int)prepare);
    }
}

static inline bool agrees(const graph_fixture *g, const dn_options *options, dn_prepare prepare, int images,
                          int split) {
    running ref, cpu;
    dn_error err = {0};
    CHECK_EQ(start_running(&ref, g, &dn_backend_ref, prepare, NULL, &err), DN_OK);
    if (!CHECK_EQ(start_running(&cpu, g, &dn_backend_cpu, prepare, options, &err), DN_OK)) {
        fprintf(stderr, "%s\n", err.message);
        return false;
    }
    double error = 0.0;
    int where = -1;
    for (int pass = 0; pass < 2; pass++) { /* states, and what a first run leaves behind */
        place_all(&ref, images);
        place_all(&cpu, images);
        run_range(&ref, images, 0, g->op_count);
        run_range(&cpu, images, 0, split);
        run_range(&cpu, images, split, g->op_count);
        error = difference(&cpu, &ref, images, &where);
        if (!CHECK(error <= TOLERANCE)) report(g, where, error, options->isa, prepare);
    }
    stop_running(&cpu);
    stop_running(&ref);
    return error <= TOLERANCE;
}

static inline bool agrees_everywhere(graph_fixture *g) {
    bool good = true;
    for (size_t i = 0; i < sizeof instruction_sets / sizeof *instruction_sets; i++) {
        dn_options options = DN_OPTIONS_INIT;
        options.isa = instruction_sets[i];
        for (int images = 1; images <= g->batch; images++) {
            good = agrees(g, &options, DN_PREPARE_FUSE, images, chance(g, g->op_count + 1)) && good;
        }
        good = agrees(g, &options, DN_PREPARE_NONE, g->batch, 0) && good;
        good = agrees(g, &options, DN_PREPARE_BINARY, g->batch, 0) && good;
    }
    return good;
}

/* No tensor may use memory that another one needs at the same time: neither roots, nor parts of one root. */
static inline void check_placements(const graph_fixture *g, dn_prepare prepare) {
    running r;
    dn_error err = {0};
    CHECK_EQ(start_running(&r, g, &dn_backend_cpu, prepare, NULL, &err), DN_OK);
    const dn_placement *p = dn_program_get(r.program)->placements;
    for (int t = 0; t < g->tensor_count; t++) {
        const size_t bytes = (size_t)dn_shape_count(shape_of(g, t)) * sizeof(float);
        CHECK(p[t].first >= 0 && p[t].first <= p[t].last && p[t].last < g->op_count);
        if (g->tensors[t].role == DN_ROLE_PARAMETER) CHECK(p[t].bytes == 0 && p[t].parent < 0);
        if (g->keep[t]) {
            CHECK(p[t].bytes == bytes && p[t].parent < 0 && p[t].first == 0 && p[t].last == g->op_count - 1);
        }
        if (p[t].parent < 0) continue;
        const dn_placement *root = &p[p[t].parent];
        CHECK(p[t].bytes == 0 && root->parent < 0 && root->bytes > 0);
        CHECK(p[t].offset + bytes / (size_t)g->batch <= root->bytes);
        CHECK(root->first <= p[t].first && root->last >= p[t].last);
    }
    stop_running(&r);
}

#endif
