/* compare.h — tests of the kernels of the cuda backend, op by op: what dn_cuda_<op> computes beside what dn_ref_<op>
 * computes from the same values. A test describes one op; the harness makes the values, runs both, and compares.
 *
 *   OP_TEST(conv2d, "3 x 3, stride 2, two groups") {
 *       c.op.as.conv2d = {2, 3, 2, 2, 1, 1, DN_BINARY_NONE};
 *       c.input({2, 4, 9, 9});
 *       c.parameter({8, 2, 3, 3});
 *       c.output({2, 8, 5, 5});
 *   }
 *
 * The body runs once for each type that the op is for: float32, half, bfloat16; gradients and ops that accumulate:
 * float32 alone. Inputs of the type are rounded to it before both sides see them, so that only the kernel's own rounding
 * differs: by `tolerance` of the output's largest value (1e-5; half 2e-3; bfloat16 2e-2). Also checked: nothing is
 * written outside of the outputs, inputs stay as they are, and a second run gives the same bits.
 *
 * A program takes the names of ops as arguments (none: all), and ends with status 77 where there is no device. */
#ifndef COMPARE_H
#define COMPARE_H

#include <cstdint>
#include <vector>

#include "backend/cuda/cuda.h"
extern "C" {
#include "backend/ref/ref.h"
}

namespace compare {

using floats = std::vector<float>;

enum class holds { type, float32, int32 }; /* what a tensor's values are on the device */

struct tensor {
    dn_shape shape;
    dn_role role;
    holds what;
    bool absent = false;
    bool starts = false; /* an output that holds values before the op */
    floats values;       /* int32: whole numbers; converted on the way */
};

struct test {
    dn_cuda_type type; /* of this run */
    dn_op op = {};     /* kind is set; inputs and outputs are filled from what is declared below */

    /* ---- inputs, in the order of the op; values at random between `low` and `high` unless given afterwards:
     * c.inputs[0].values = {…} ---- */
    void input(dn_shape shape, float low = -1.0F, float high = 1.0F);     /* an activation                */
    void parameter(dn_shape shape, float low = -1.0F, float high = 1.0F); /* float32 on the device, but for the weights
        of conv2d, linear and their _data ops: those are in `state->weights` only, in the context's type  */
    void float_input(dn_shape shape, float low = -1.0F, float high = 1.0F); /* float32: a delta, a statistic */
    void index_input(dn_shape shape, const std::vector<int32_t> &values);   /* int32: argmax              */
    void no_input();

    /* ---- outputs; random at first where the op adds to them or leaves a part ---- */
    void output(dn_shape shape);       /* an activation; NaN at first, unless op.accumulate (set that first)     */
    void float_output(dn_shape shape); /* float32, as above                                                      */
    void sum_output(dn_shape shape);   /* float32, random at first: a gradient, or a delta of which a part stays */
    void index_output(dn_shape shape); /* int32, compared to the bit                                             */
    void no_output();

    /* ---- beside its tensors ---- */
    floats biases;                        /* state->biases: conv2d, linear (the op bias has its parameter there)  */
    dn_activation activation = DN_LINEAR; /* state->activation                                                    */
    dn_prepare prepare = DN_PREPARE_NONE; /* of weighted sums and xnor convolutions                               */
    bool own_kernel = false;              /* convolutions: state->algorithm = -1, whatever cuDNN offers           */
    bool tf32 = false;                    /* the context's; tolerance 2e-3 then                                   */
    size_t workspace_bytes = 0;           /* at least; convolutions: what dn_cuda_choose_algorithm says           */
    double tolerance = 0.0;               /* 0: that of the type                                                  */

    std::vector<tensor> inputs, outputs;
};

struct entry { /* a test of the list */
    dn_op_kind kind;
    const char *op, *title;
    void (*kernel)(const dn_cuda_call *call);
    void (*describe)(test &c);
    entry *next;
    explicit entry(dn_op_kind, const char *, const char *, void (*)(const dn_cuda_call *), void (*)(test &));
};

/* "conv2d 3 x 3: half": a check of one's own inside a describing body or elsewhere; counts, and prints when false. */
bool check(bool good, const char *format, ...) __attribute__((format(printf, 2, 3)));

} // namespace compare

#define COMPARE_JOIN2(a, b)         a##b
#define COMPARE_JOIN(a, b)          COMPARE_JOIN2(a, b)
#define OP_TEST(id, title)          OP_TEST_OF(id, title, COMPARE_JOIN(test_##id##_, __LINE__))
#define OP_TEST_OF(id, title, name) OP_TEST_NAMED(id, title, name) /* the name is put together first */
#define OP_TEST_NAMED(id, title, name)                                                                                 \
    static void name(compare::test &c);                                                                                \
    static compare::entry name##_entry(DN_OP_##id, #id, title, dn_cuda_##id, name);                                    \
    static void name(compare::test &c)

#endif
