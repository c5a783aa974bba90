/* ref_fixture.h — a graph made by hand and run by the ref backend. */
#ifndef REF_FIXTURE_H
#define REF_FIXTURE_H

#include "backend/ref/ref.h"
#include "harness.h"

enum { TENSORS = 16, OPS = 8, UNTOUCHED = 12345 };

typedef struct fixture {
    dn_tensor_info tensors[TENSORS];
    float *data[TENSORS]; /* given (inputs, parameters) or allocated by run */
    bool owned[TENSORS], keep[TENSORS];
    dn_op ops[OPS];
    int inputs[OPS][6], outputs[OPS][2];
    int tensor_count, op_count, batch;
    dn_prepare prepare;
    dn_backend *backend;
    dn_program *program;
    uint64_t version;
} fixture;

static inline void open_fixture(fixture *f, int batch) {
    memset(f, 0, sizeof *f);
    f->batch = batch;
    f->version = 1;
}

static inline int add_tensor(fixture *f, dn_role role, dn_shape shape, float *data) {
    const int t = f->tensor_count++;
    f->tensors[t] = (dn_tensor_info){shape, DN_F32, role, -1, role == DN_ROLE_PARAMETER ? t : -1, -1, -1, false};
    f->data[t] = data;
    return t;
}

static inline int add_input(fixture *f, dn_shape shape, float *data) {
    return add_tensor(f, DN_ROLE_INPUT, shape, data);
}

static inline int add_parameter(fixture *f, int count, float *data) {
    return add_tensor(f, DN_ROLE_PARAMETER, (dn_shape){1, 1, 1, count}, data);
}

/* `inputs` ends with -2. The op's output is a fresh tensor of `shape`, kept. */
static inline int add_op(fixture *f, dn_op op, const int *inputs, dn_shape shape) {
    const int i = f->op_count++, t = add_tensor(f, DN_ROLE_ACTIVATION, shape, NULL);
    f->ops[i] = op;
    for (; inputs[f->ops[i].input_count] != -2; f->ops[i].input_count++) {
        f->inputs[i][f->ops[i].input_count] = inputs[f->ops[i].input_count];
    }
    f->outputs[i][0] = t;
    f->ops[i].inputs = f->inputs[i];
    f->ops[i].outputs = f->outputs[i];
    f->ops[i].output_count = 1;
    f->keep[t] = true;
    return t;
}

#define INPUTS(...)       ((const int[]){__VA_ARGS__, -2})
#define SHAPE(n, c, h, w) ((dn_shape){n, c, h, w})

static inline dn_graph graph_of(const fixture *f) {
    return (dn_graph){f->tensors, f->tensor_count, f->ops, f->op_count, f->batch};
}

static inline dn_status compile(fixture *f, const dn_graph *graph, const dn_options *options, dn_error *err) {
    const dn_compile_options compile_options = {DN_PRECISION_F32, f->prepare, f->keep};
    dn_status status = dn_backend_ref.open(&f->backend, options, 0, err);
    if (status != DN_OK) return status;
    status = dn_backend_ref.compile(f->backend, graph, &compile_options, &f->program, err);
    if (status != DN_OK) {
        dn_backend_ref.close(f->backend);
        f->backend = NULL;
    }
    return status;
}

static inline void refresh(fixture *f) {
    const float *parameters[TENSORS];
    uint64_t versions[TENSORS];
    for (int t = 0; t < TENSORS; t++) {
        parameters[t] = f->data[t];
        versions[t] = f->version;
    }
    CHECK_EQ(dn_backend_ref.refresh(f->program, parameters, versions, NULL), DN_OK);
}

static inline void allocate_outputs(fixture *f) {
    for (int t = 0; t < f->tensor_count; t++) {
        const size_t bytes = dn_program_get(f->program)->placements[t].bytes;
        if (f->data[t] != NULL || bytes == 0) continue;
        f->data[t] = malloc(bytes);
        f->owned[t] = true;
        for (size_t i = 0; i < bytes / sizeof(float); i++) f->data[t][i] = (float)UNTOUCHED;
    }
}

/* Compiles and runs the whole graph. */
static inline void run(fixture *f, int images) {
    const dn_graph graph = graph_of(f);
    dn_error err = {0};
    CHECK_EQ(compile(f, &graph, NULL, &err), DN_OK);
    allocate_outputs(f);
    refresh(f);
    CHECK_EQ(dn_backend_ref.run(f->program, (void **)f->data, images, 0, f->op_count, &err), DN_OK);
}

static inline void run_again(fixture *f) {
    refresh(f);
    CHECK_EQ(dn_backend_ref.run(f->program, (void **)f->data, f->batch, 0, f->op_count, NULL), DN_OK);
}

static inline void close_fixture(fixture *f) {
    if (f->program != NULL) dn_backend_ref.release(f->program);
    if (f->backend != NULL) dn_backend_ref.close(f->backend);
    for (int t = 0; t < f->tensor_count; t++) {
        if (f->owned[t]) free(f->data[t]);
    }
}

static inline bool near(float a, float b) { return fabsf(a - b) <= 1e-6F * (1.0F + fabsf(b)); }

static inline bool equal(const float *values, const float *expected, int count) {
    for (int i = 0; i < count; i++) {
        if (!near(values[i], expected[i])) return false;
    }
    return true;
}

#define EQUALS(values, ...)                                                                                            \
    equal(values, (const float[]){__VA_ARGS__}, (int)(sizeof((const float[]){__VA_ARGS__}) / sizeof(float)))

static inline void count_up(float *values, int count) {
    for (int i = 0; i < count; i++) values[i] = (float)(i + 1);
}

/* One op with one input x; returns its output's values, valid until the fixture closes. */
static inline const float *run_one(fixture *f, dn_op op, dn_shape in, float *x, dn_shape out) {
    open_fixture(f, in.n);
    const int input = add_input(f, in, x);
    const int y = add_op(f, op, INPUTS(input), out);
    run(f, in.n);
    return f->data[y];
}

#endif
