/* test_ref_backend.c — what the ref backend does around its kernels: folding, placements, partial runs, refusals, and
 * the failure of each allocation. */
#include "backend/fold.h"
#include "ref_fixture.h"

static dn_op pointwise(void) { return (dn_op){.kind = DN_OP_conv2d, .as.conv2d = {1, 1, 1, 1, 0, 1, DN_BINARY_NONE}}; }

/* x → 1 × 1 convolution → batchnorm, both with two channels; tensors: 0 x, 1 weights, 2 conv, 3 … 6, 7 norm. */
typedef struct normalized_convolution {
    float x[2], w[4], scales[2], mean[2], variance[2], biases[2];
} normalized_convolution;

static const normalized_convolution example = {{1, 2}, {1, 2, 3, 4}, {2, 10}, {1, 1}, {3, 99}, {5, -5}};
enum { CONV = 2, NORM = 7 };

static void build_example(fixture *f, normalized_convolution *p, dn_prepare prepare) {
    *p = example;
    open_fixture(f, 1);
    f->prepare = prepare;
    const int x = add_input(f, SHAPE(1, 2, 1, 1), p->x), w = add_parameter(f, 4, p->w);
    const int conv = add_op(f, pointwise(), INPUTS(x, w), SHAPE(1, 2, 1, 1));
    f->keep[conv] = false;
    const int scales = add_parameter(f, 2, p->scales), mean = add_parameter(f, 2, p->mean);
    const int variance = add_parameter(f, 2, p->variance), biases = add_parameter(f, 2, p->biases);
    const dn_op op = {.kind = DN_OP_batchnorm, .as.batchnorm = {1.0F, false}};
    add_op(f, op, INPUTS(conv, scales, mean, variance, biases), SHAPE(1, 2, 1, 1));
}

/* conv gives (5, 11); with d = 2 and 10: (5 − 1)/2·2 + 5 = 9 and (11 − 1)/10·10 − 5 = 5. */
static void test_batchnorm_is_folded_when_asked(void) {
    for (int prepare = DN_PREPARE_NONE; prepare <= DN_PREPARE_BINARY; prepare++) {
        fixture f;
        normalized_convolution p;
        build_example(&f, &p, (dn_prepare)prepare);
        run(&f, 1);
        const bool folded = prepare != DN_PREPARE_NONE;
        CHECK(EQUALS(f.data[NORM], 9, 5));
        const dn_program_base *const base = dn_program_get(f.program);
        CHECK((base->placements[CONV].bytes == 0) == folded);
        CHECK(base->packed_bytes == (folded ? 6 * sizeof(float) : 0));
        close_fixture(&f);
    }
}

static void test_folded_parameters_follow_versions(void) {
    fixture f;
    normalized_convolution p;
    build_example(&f, &p, DN_PREPARE_FUSE);
    run(&f, 1);
    p.w[0] = 2; /* conv (6, 11) */
    run_again(&f);
    CHECK(EQUALS(f.data[NORM], 9, 5)); /* nobody said that it changed */
    f.version = 2;
    run_again(&f);
    CHECK(EQUALS(f.data[NORM], 10, 5));
    p.biases[1] = 0;
    f.version = 3;
    run_again(&f);
    CHECK(EQUALS(f.data[NORM], 10, 10));
    close_fixture(&f);
}

static void test_batchnorm_is_not_folded_when_the_convolution_is_kept(void) {
    fixture f;
    normalized_convolution p;
    build_example(&f, &p, DN_PREPARE_FUSE);
    f.keep[CONV] = true;
    run(&f, 1);
    CHECK(EQUALS(f.data[CONV], 5, 11));
    CHECK(EQUALS(f.data[NORM], 9, 5));
    close_fixture(&f);
}

static void test_batchnorm_is_not_folded_when_somebody_else_reads_the_convolution(void) {
    for (int copy_first = 0; copy_first < 2; copy_first++) {
        fixture f;
        normalized_convolution p;
        build_example(&f, &p, DN_PREPARE_FUSE);
        const int copy = add_op(&f, (dn_op){.kind = DN_OP_copy}, INPUTS(CONV), SHAPE(1, 2, 1, 1));
        if (copy_first != 0) {
            const dn_op batchnorm = f.ops[1];
            f.ops[1] = f.ops[2];
            f.ops[2] = batchnorm;
        }
        run(&f, 1);
        CHECK(EQUALS(f.data[copy], 5, 11));
        CHECK(EQUALS(f.data[NORM], 9, 5));
        close_fixture(&f);
    }
}

/* The convolution writes the batchnorm's output, so that tensor needs its place one op earlier than the graph says. */
static void test_folded_output_is_in_use_from_the_convolution_on(void) {
    fixture f;
    normalized_convolution p;
    build_example(&f, &p, DN_PREPARE_FUSE);
    add_op(&f, (dn_op){.kind = DN_OP_copy}, INPUTS(NORM), SHAPE(1, 2, 1, 1));
    f.keep[NORM] = false;
    run(&f, 1);
    const dn_placement *const norm = &dn_program_get(f.program)->placements[NORM];
    CHECK_EQ(norm->first, 0);
    CHECK_EQ(norm->last, 2);
    close_fixture(&f);
}

static void test_batchnorm_folds_into_linear(void) {
    fixture f;
    normalized_convolution p;
    build_example(&f, &p, DN_PREPARE_FUSE);
    f.ops[0] = (dn_op){
        .kind = DN_OP_linear, .inputs = f.inputs[0], .outputs = f.outputs[0], .input_count = 2, .output_count = 1};
    run(&f, 1);
    CHECK(EQUALS(f.data[NORM], 9, 5));
    CHECK(dn_program_get(f.program)->placements[CONV].bytes == 0);
    close_fixture(&f);
}

static void test_binarized_weights(void) {
    const float w[] = {1, -3, 0, 0, 0, -2};
    float into[6];
    dn_binarize_weights(2, 3, w, into);
    CHECK(EQUALS(into, 4 / 3.0F, -4 / 3.0F, -4 / 3.0F, -2 / 3.0F, -2 / 3.0F, -2 / 3.0F));
}

static void test_fewer_images_than_the_batch(void) {
    float x[] = {1, 2, 3, 4, 5, 6}, w[] = {2};
    fixture f;
    open_fixture(&f, 3);
    const int input = add_input(&f, SHAPE(6, 1, 1, 1), x), parameter = add_parameter(&f, 1, w); /* two rows an image */
    const int y = add_op(&f, pointwise(), INPUTS(input, parameter), SHAPE(6, 1, 1, 1));
    run(&f, 2);
    CHECK(EQUALS(f.data[y], 2, 4, 6, 8, UNTOUCHED, UNTOUCHED));
    close_fixture(&f);
}

static void test_a_range_of_ops(void) {
    float x[] = {1};
    fixture f;
    open_fixture(&f, 1);
    const dn_op copy = {.kind = DN_OP_copy};
    const int input = add_input(&f, SHAPE(1, 1, 1, 1), x), a = add_op(&f, copy, INPUTS(input), SHAPE(1, 1, 1, 1));
    const int b = add_op(&f, copy, INPUTS(a), SHAPE(1, 1, 1, 1));
    run(&f, 1);
    f.data[a][0] = 7;
    f.data[b][0] = 8;
    CHECK_EQ(dn_backend_ref.run(f.program, (void **)f.data, 1, 1, 1, NULL), DN_OK);
    CHECK(EQUALS(f.data[b], 8));
    CHECK_EQ(dn_backend_ref.run(f.program, (void **)f.data, 1, 1, 2, NULL), DN_OK);
    CHECK(EQUALS(f.data[a], 7));
    CHECK(EQUALS(f.data[b], 7));
    close_fixture(&f);
}

static void test_placements_say_when_a_tensor_is_in_use(void) {
    float x[] = {1};
    fixture f;
    open_fixture(&f, 1);
    const dn_op copy = {.kind = DN_OP_copy};
    const dn_op add = {.kind = DN_OP_add, .as.add = {2, DN_ADD_PLAIN, DN_ADD_RAW, false}};
    const dn_shape one = SHAPE(1, 1, 1, 1);
    const int input = add_input(&f, one, x), a = add_op(&f, copy, INPUTS(input), one);
    const int b = add_op(&f, copy, INPUTS(a), one), c = add_op(&f, add, INPUTS(a, b), one);
    const int unread = add_op(&f, copy, INPUTS(c), one);
    f.keep[a] = f.keep[b] = f.keep[unread] = false;
    const int state = add_tensor(&f, DN_ROLE_STATE, one, NULL);
    run(&f, 1);
    const struct {
        int tensor, first, last;
    } expected[] = {{input, 0, 0}, {a, 0, 2}, {b, 1, 2}, {c, 0, 3}, {unread, 3, 3}, {state, 0, 3}};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        const dn_placement *const p = &dn_program_get(f.program)->placements[expected[i].tensor];
        CHECK(p->bytes == sizeof(float) && p->parent == -1);
        CHECK(p->first == expected[i].first && p->last == expected[i].last);
    }
    int first[TENSORS], last[TENSORS];
    const dn_graph graph = graph_of(&f);
    dn_graph_uses(&graph, first, last);
    CHECK(first[input] == -1 && last[input] == 0 && first[a] == 0 && last[a] == 2);
    CHECK(first[unread] == 3 && last[unread] == -1);
    close_fixture(&f);
}

static dn_status compile_status(fixture *f, dn_error *err) {
    const dn_graph graph = graph_of(f);
    const dn_status status = compile(f, &graph, NULL, err);
    CHECK((status == DN_OK) == dn_ref_supports(&graph, &f->ops[0]));
    close_fixture(f);
    return status;
}

static void test_what_is_refused(void) {
    float x[24] = {0};
    dn_error err = {0};
    fixture f;
    open_fixture(&f, 1); /* six channels do not divide by 2 · 2 */
    int input = add_input(&f, SHAPE(1, 6, 2, 2), x);
    add_op(&f, (dn_op){.kind = DN_OP_reorg, .layer = 3, .as.reorg = {2, false}}, INPUTS(input), SHAPE(1, 24, 1, 1));
    CHECK_EQ(compile_status(&f, &err), DN_E_UNSUPPORTED);
    CHECK_EQ(err.layer, 3);
    CHECK_HAS(err.message, "reorg");
    open_fixture(&f, 1);
    input = add_input(&f, SHAPE(1, 4, 2, 2), x);
    add_op(&f, (dn_op){.kind = DN_OP_activation, .accumulate = true}, INPUTS(input), SHAPE(1, 4, 2, 2));
    CHECK_EQ(compile_status(&f, &err), DN_E_UNSUPPORTED);
    open_fixture(&f, 1); /* the same without accumulation */
    input = add_input(&f, SHAPE(1, 4, 2, 2), x);
    add_op(&f, (dn_op){.kind = DN_OP_copy}, INPUTS(input), SHAPE(1, 4, 2, 2));
    CHECK_EQ(compile_status(&f, &err), DN_OK);
}

static void test_other_precisions_and_devices_are_refused(void) {
    dn_backend *backend = NULL;
    CHECK(dn_backend_ref.open(&backend, NULL, 1, NULL) == DN_E_ARGUMENT && backend == NULL);
    CHECK_EQ(dn_backend_ref.open(&backend, NULL, 0, NULL), DN_OK);
    const dn_graph graph = {0};
    const dn_compile_options options = {DN_PRECISION_INT8, DN_PREPARE_NONE, NULL};
    dn_program *program = NULL;
    CHECK(dn_backend_ref.compile(backend, &graph, &options, &program, NULL) == DN_E_UNSUPPORTED && program == NULL);
    dn_backend_ref.close(backend);
}

static void test_registry(void) {
    CHECK(dn_backend_find("ref") == &dn_backend_ref);
    CHECK(dn_backend_find("cpu") != NULL);
    CHECK(dn_backend_find("") == NULL && dn_backend_find("Ref") == NULL);
}

/* ---- allocations ---- */

static dn_status compile_example(const dn_options *options, void *user, dn_error *err) {
    (void)user;
    fixture f;
    normalized_convolution p;
    build_example(&f, &p, DN_PREPARE_FUSE);
    const dn_graph graph = graph_of(&f);
    const dn_status status = compile(&f, &graph, options, err);
    CHECK((status == DN_OK) == (f.program != NULL));
    close_fixture(&f);
    return status;
}

static void test_each_allocation_may_fail(void) { check_every_allocation(compile_example, NULL); }

int main(void) {
    test_batchnorm_is_folded_when_asked();
    test_folded_parameters_follow_versions();
    test_batchnorm_is_not_folded_when_the_convolution_is_kept();
    test_batchnorm_is_not_folded_when_somebody_else_reads_the_convolution();
    test_folded_output_is_in_use_from_the_convolution_on();
    test_batchnorm_folds_into_linear();
    test_binarized_weights();
    test_fewer_images_than_the_batch();
    test_a_range_of_ops();
    test_placements_say_when_a_tensor_is_in_use();
    test_what_is_refused();
    test_other_precisions_and_devices_are_refused();
    test_registry();
    test_each_allocation_may_fail();
    return harness_result();
}
