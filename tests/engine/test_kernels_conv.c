/* test_kernels_conv.c — convolution kernels of every instruction set the processor has, as they choose themselves. */
#include "conv_fixture.h"

static const conv_shape conv_shapes[] = {
    /* 1×1 images, windows larger than the image */
    {1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 0},
    {3, 1, 1, 5, 1, 3, 1, 1, 1, 1, 0},
    {17, 1, 1, 33, 1, 5, 1, 1, 2, 1, 0},
    {4, 2, 2, 4, 1, 7, 1, 1, 3, 1, 0},
    {5, 1, 9, 17, 1, 3, 1, 1, 1, 1, 0},
    {5, 9, 1, 17, 1, 3, 1, 1, 1, 1, 0},
    /* 1×1 windows: flat, strided, padded */
    {17, 5, 7, 40, 1, 1, 1, 1, 0, 1, 0},
    {64, 13, 13, 64, 1, 1, 1, 1, 0, 1, 0},
    {33, 8, 9, 18, 1, 1, 2, 2, 0, 1, 0},
    {16, 6, 6, 16, 1, 1, 3, 3, 0, 1, 0},
    {16, 5, 5, 16, 1, 1, 1, 1, 1, 1, 0},
    {16, 5, 5, 16, 1, 1, 1, 1, 2, 1, 0},
    /* 3×3: one tile, several, every remainder of the tile's width, odd block counts */
    {16, 13, 13, 32, 1, 3, 1, 1, 1, 1, 0},
    {32, 7, 14, 48, 1, 3, 1, 1, 1, 1, 0},
    {20, 5, 15, 96, 1, 3, 1, 1, 1, 1, 0},
    {16, 4, 27, 16, 1, 3, 1, 1, 1, 1, 0},
    {16, 4, 29, 17, 1, 3, 1, 1, 1, 1, 0},
    {8, 26, 26, 24, 1, 3, 1, 1, 1, 1, 0},
    {16, 9, 9, 32, 1, 3, 1, 1, 0, 1, 0},
    {16, 16, 16, 32, 1, 3, 2, 2, 1, 1, 0},
    {16, 15, 17, 32, 1, 3, 2, 2, 1, 1, 0},
    {16, 15, 17, 32, 1, 3, 1, 2, 1, 1, 0},
    {16, 15, 17, 32, 1, 3, 2, 1, 1, 1, 0},
    {16, 15, 17, 32, 1, 3, 3, 3, 1, 1, 0},
    {16, 15, 17, 32, 1, 3, 5, 4, 1, 1, 0},
    /* first layers and other channel counts */
    {3, 32, 32, 32, 1, 3, 1, 1, 1, 1, 0},
    {3, 33, 31, 16, 1, 3, 2, 2, 1, 1, 0},
    {3, 23, 23, 64, 1, 7, 2, 2, 3, 1, 0},
    {3, 23, 23, 24, 1, 11, 4, 4, 5, 1, 0},
    {1, 28, 28, 6, 1, 5, 1, 1, 2, 1, 0},
    {5, 12, 12, 3, 1, 2, 2, 2, 0, 1, 0},
    {17, 12, 12, 1, 1, 4, 1, 1, 1, 1, 0},
    /* padding beyond the window, even windows, large windows, outputs beyond the far padding */
    {16, 5, 5, 16, 1, 3, 1, 1, 4, 1, 0},
    {4, 3, 3, 4, 1, 2, 1, 1, 5, 1, 0},
    {16, 8, 8, 16, 1, 2, 1, 1, 1, 1, 0},
    {3, 20, 20, 5, 1, 19, 1, 1, 9, 1, 0},
    {17, 20, 20, 5, 1, 17, 1, 1, 8, 1, 0},
    {16, 8, 8, 32, 1, 3, 1, 1, 1, 1, 1},
    {16, 8, 8, 32, 1, 3, 2, 2, 1, 1, 2},
    {3, 8, 8, 32, 1, 3, 2, 2, 1, 1, 3},
    {16, 8, 8, 32, 1, 1, 1, 1, 0, 1, 2},
    /* dilation */
    {16, 13, 13, 32, 1, 3, 1, 1, 2, 2, 0},
    {17, 13, 13, 20, 1, 3, 1, 1, 4, 4, 0},
    {3, 13, 13, 20, 1, 3, 2, 2, 3, 3, 0},
    {16, 9, 9, 16, 16, 3, 1, 1, 2, 2, 0},
    /* depthwise */
    {32, 14, 14, 32, 32, 3, 1, 1, 1, 1, 0},
    {32, 15, 33, 32, 32, 3, 2, 2, 1, 1, 0},
    {17, 12, 12, 17, 17, 5, 1, 1, 2, 1, 0},
    {5, 30, 30, 5, 5, 5, 2, 2, 2, 1, 0},
    {24, 10, 21, 24, 24, 7, 1, 1, 3, 1, 0},
    {40, 10, 40, 40, 40, 3, 3, 3, 1, 1, 0},
    {16, 1, 1, 16, 16, 3, 1, 1, 1, 1, 0},
    {16, 4, 4, 16, 16, 3, 1, 1, 5, 1, 0},
    {2, 20, 20, 2, 2, 1, 1, 1, 0, 1, 0},
    {16, 12, 12, 16, 16, 3, 1, 1, 1, 1, 2},
    /* groups: of whole blocks, of less, unequal, several filters per channel */
    {64, 8, 8, 64, 2, 3, 1, 1, 1, 1, 0},
    {32, 8, 8, 64, 2, 3, 1, 1, 1, 1, 0},
    {32, 8, 8, 32, 8, 3, 1, 1, 1, 1, 0},
    {12, 8, 8, 18, 3, 3, 2, 2, 1, 1, 0},
    {20, 8, 8, 100, 5, 1, 1, 1, 0, 1, 0},
    {16, 8, 8, 48, 16, 3, 1, 1, 1, 1, 0},
    {6, 8, 8, 6, 2, 5, 1, 1, 2, 1, 0},
    {48, 6, 6, 16, 16, 3, 1, 1, 1, 1, 0},
    /* so many channels that their sums are interrupted */
    {700, 4, 5, 40, 1, 3, 1, 1, 1, 1, 0},
    {500, 5, 3, 17, 1, 5, 1, 1, 2, 1, 0},
    {3000, 3, 4, 33, 1, 1, 1, 1, 0, 1, 0},
    {1400, 3, 3, 64, 2, 3, 2, 2, 1, 1, 0},
};

static void check_conv(conv_case *c, const conv_shape *s) {
    c->conv.threads = 1;
    if (!CHECK(c->kernels->conv_choose(&c->conv))) return;
    float *y = conv_result(c);
    const double error = conv_worst_error(c, y);
    if (!CHECK(error <= 1e-5)) {
        conv_report(c, s, error);
    }
    /* The number of threads moves the tasks' borders, not a single bit of the result. */
    c->conv.threads = 5;
    CHECK(c->kernels->conv_choose(&c->conv));
    float *y5 = conv_result(c);
    CHECK(memcmp(y, y5, conv_result_floats(c) * sizeof(float)) == 0);
    free(y);
    free(y5);
}

static void check_shape(const dn_cpu_kernels *kernels, const conv_shape *s, int number) {
    conv_case c = {.kernels = kernels};
    if (!set_shape(&c.conv, s)) return;
    conv_open(&c, s, number % 4 != 0);
    for (int layouts = 0; layouts < 4; ++layouts) {
        c.conv.in_layout = layouts & 1 ? DN_CPU_PLANAR : DN_CPU_BLOCKED;
        c.conv.out_layout = layouts & 2 ? DN_CPU_PLANAR : DN_CPU_BLOCKED;
        for (int k = 0; k < 3; ++k) {
            c.conv.epilogue = k == 0 ? (dn_cpu_epilogue){.activation = DN_LEAKY} : epilogue_number(number + 7 * k);
            c.shared = c.conv.epilogue.residual && k == 2;
            check_conv(&c, s);
        }
    }
    conv_close(&c);
}

static void test_conv_table(const dn_cpu_kernels *kernels) {
    for (size_t i = 0; i < sizeof conv_shapes / sizeof *conv_shapes; ++i) check_shape(kernels, &conv_shapes[i], (int)i);
}

static void test_conv_random(const dn_cpu_kernels *kernels) {
    const int cases =
        getenv("EMULATED") ? 12 : 120; /* the sums in double that each is compared with take hours there */
    for (int i = 0; i < cases; ++i) {
        const int groups = random_int(0, 2) ? 1 : random_int(1, 6);
        const conv_shape s = {.channels = groups * random_int(1, 24),
                              .height = random_int(1, 20),
                              .width = random_int(1, 40),
                              .filters = groups * random_int(1, 24),
                              .groups = groups,
                              .size = random_int(1, 5),
                              .stride_x = random_int(1, 3),
                              .stride_y = random_int(1, 3),
                              .pad = random_int(0, 4),
                              .dilation = random_int(0, 2) ? 1 : random_int(1, 3),
                              .more = random_int(0, 3) ? 0 : 1};
        check_shape(kernels, &s, i);
    }
}

int main(void) {
    for_each_set(test_conv_table);
    for_each_set(test_conv_random);
    return harness_result();
}
