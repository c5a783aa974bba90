/* test_winograd.c — F(2,3) and F(4,3), asked for by name, of every instruction set the processor has: sizes that no
 * tile divides, images of one pixel, channels and filters that fill no block, with and without padding. */
#include "conv_fixture.h"

typedef struct winograd {
    dn_cpu_conv_wish wish;
    const char *name;
    double error; /* largest allowed, relative to the sum of sizes */
    double worst; /* found */
} winograd;

static winograd algorithms[] = {{DN_CPU_CONV_DIRECT, "direct", 4e-7, 0.0},
                                {DN_CPU_CONV_WINOGRAD_2, "winograd 2", 5e-7, 0.0},
                                {DN_CPU_CONV_WINOGRAD_4, "winograd 4", 2e-6, 0.0}};

static const conv_shape shapes[] = {
    {1, 1, 1, 1, 1, 3, 1, 1, 1, 1, 0},    {16, 1, 1, 16, 1, 3, 1, 1, 1, 1, 0},   {5, 2, 3, 7, 1, 3, 1, 1, 1, 1, 0},
    {16, 3, 3, 16, 1, 3, 1, 1, 0, 1, 0},  {17, 5, 4, 33, 1, 3, 1, 1, 0, 1, 0},   {16, 1, 9, 16, 1, 3, 1, 1, 1, 1, 0},
    {16, 9, 1, 24, 1, 3, 1, 1, 1, 1, 0},  {64, 13, 13, 48, 1, 3, 1, 1, 1, 1, 0}, {31, 19, 19, 17, 1, 3, 1, 1, 1, 1, 0},
    {8, 26, 26, 96, 1, 3, 1, 1, 1, 1, 0}, {33, 7, 52, 32, 1, 3, 1, 1, 1, 1, 0},  {16, 40, 6, 8, 1, 3, 1, 1, 0, 1, 0},
    {300, 6, 6, 40, 1, 3, 1, 1, 1, 1, 0}, {64, 8, 8, 200, 1, 3, 1, 1, 1, 1, 0},
};

static void check(conv_case *c, const conv_shape *s, winograd *algorithm) {
    c->conv.threads = 1;
    c->conv.wish = algorithm->wish;
    if (!CHECK(c->kernels->conv_choose(&c->conv))) return;
    CHECK(strncmp(c->conv.name, algorithm->name, strlen(algorithm->name)) == 0);
    float *y = conv_result(c);
    const double error = conv_worst_error(c, y);
    if (c->conv.epilogue.activation == DN_LINEAR && error > algorithm->worst) algorithm->worst = error;
    if (!CHECK(error <= algorithm->error)) conv_report(c, s, error);
    c->conv.threads = 3;
    CHECK(c->kernels->conv_choose(&c->conv));
    float *y3 = conv_result(c);
    CHECK(memcmp(y, y3, conv_result_floats(c) * sizeof(float)) == 0);
    free(y);
    free(y3);
}

static void check_shape(const dn_cpu_kernels *kernels, const conv_shape *s, int number) {
    conv_case c = {.kernels = kernels};
    CHECK(set_shape(&c.conv, s));
    conv_open(&c, s, number % 3 != 0);
    c.conv.in_layout = c.conv.out_layout = DN_CPU_BLOCKED;
    for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; ++i) {
        for (int k = 0; k < 3; ++k) {
            c.conv.epilogue = k == 0 ? (dn_cpu_epilogue){.activation = DN_LINEAR}
                                     : (dn_cpu_epilogue){.activation = k == 1 ? DN_LEAKY : DN_MISH,
                                                         .residual = k == 2 || number % 2,
                                                         .residual_first = number % 4 == 0,
                                                         .after = number % 3 == 1 ? DN_LEAKY : DN_LINEAR};
            c.shared = c.conv.epilogue.residual && number % 2;
            check(&c, s, &algorithms[i]);
        }
    }
    conv_close(&c);
}

static void test_shapes(const dn_cpu_kernels *kernels) {
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; ++i) check_shape(kernels, &shapes[i], (int)i);
}

/* Outputs that see nothing of the image are exact: no algorithm may spread rounding errors to them. */
static void test_outside(const dn_cpu_kernels *kernels) {
    static const conv_shape outside[] = {{16, 5, 5, 16, 1, 3, 1, 1, 4, 1, 0}, {16, 8, 8, 16, 1, 3, 1, 1, 1, 1, 2}};
    for (size_t i = 0; i < 2; ++i) {
        conv_case c = {.kernels = kernels};
        CHECK(set_shape(&c.conv, &outside[i]));
        conv_open(&c, &outside[i], true);
        c.conv.in_layout = c.conv.out_layout = DN_CPU_BLOCKED;
        c.conv.wish = DN_CPU_CONV_WINOGRAD_4;
        c.conv.threads = 1;
        CHECK(kernels->conv_choose(&c.conv));
        CHECK(strcmp(c.conv.name, "direct") == 0);
        conv_close(&c);
    }
}

int main(void) {
    for_each_set(test_shapes);
    for_each_set(test_outside);
    for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; ++i) {
        printf("%s: largest error %.1e of the sum of sizes\n", algorithms[i].name, algorithms[i].worst);
    }
    return harness_result();
}
