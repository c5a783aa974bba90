/* cpu_random.h — graphs by chance: every op kind, shapes and channel ranges that divide by nothing, tensors read by
 * several ops, some in the middle kept. */
#ifndef CPU_RANDOM_H
#define CPU_RANDOM_H

#include "cpu_fixture.h"

static inline int pick(graph_fixture *g, const int *pool, int count) {
    const int latest = count > 4 ? 4 : count; /* mostly what was made last */
    return pool[chance(g, 3) > 0 ? count - 1 - chance(g, latest) : chance(g, count)];
}

static inline int pick_like(graph_fixture *g, const int *pool, int count, int x, bool channels) {
    for (int attempt = 0; attempt < 20; attempt++) {
        const int y = pick(g, pool, count);
        const dn_shape a = shape_of(g, x), b = shape_of(g, y);
        if (a.h == b.h && a.w == b.w && (!channels || a.c == b.c)) return y;
    }
    return x;
}

/* Where a rounding error may become a step of 1, only the input is exact enough. */
static inline bool exact(const graph_fixture *g, int x) { return g->tensors[x].role == DN_ROLE_INPUT; }

static inline dn_activation pick_activation(graph_fixture *g, int x) {
    const dn_activation kind = (dn_activation)chance(g, DN_ACTIVATIONS);
    return kind == DN_STAIR && !exact(g, x) ? DN_MISH : kind;
}

static inline int random_conv(graph_fixture *g, int x) {
    static const int counts[] = {1, 3, 5, 8, 16, 17, 30, 32, 48};
    const dn_shape in = shape_of(g, x);
    const int size = in.h > 2 && in.w > 2 ? 1 + 2 * chance(g, 2) : 1,
              stride = in.h > 4 && in.w > 4 ? 1 + chance(g, 2) : 1;
    const int dilation = size == 3 && stride == 1 ? 1 + chance(g, 2) : 1;
    dn_op_conv2d params = {1, size, stride, stride, size / 2 * dilation, dilation, DN_BINARY_NONE};
    int filters = counts[chance(g, 9)];
    const int form = chance(g, 6);
    if (form == 0) params.groups = filters = in.c;
    if (form == 1 && in.c % 2 == 0 && filters % 2 == 0) params.groups = 2;
    if (form == 2 && exact(g, x)) params.binary = DN_BINARY_XNOR;
    int y = add_conv_op(g, x, filters, params);
    const int affine = chance(g, 3);
    if (affine == 0) y = add_batchnorm(g, y);
    if (affine == 1) y = add_bias(g, y);
    return chance(g, 4) > 0 ? add_activation(g, y, pick_activation(g, y)) : y;
}

static inline int random_concat(graph_fixture *g, const int *pool, int count, int x) {
    int xs[5] = {x, -2, -2, -2, -2}, first[4] = {0}, channels[4];
    const int inputs = 1 + chance(g, 4);
    for (int k = 0; k < inputs; k++) {
        if (k > 0) xs[k] = pick_like(g, pool, count, x, false);
        const int c = shape_of(g, xs[k]).c;
        first[k] = chance(g, 3) > 0 ? 0 : chance(g, 2) ? chance(g, c) : c / 2 / 16 * 16;
        channels[k] = first[k] == 0 && chance(g, 3) > 0 ? c : 1 + chance(g, c - first[k]);
    }
    return add_concat(g, xs, first, channels, false);
}

static inline int random_moves(graph_fixture *g, int x) {
    const dn_shape in = shape_of(g, x);
    switch (chance(g, 6)) {
    case 0: {
        const int size = 1 + chance(g, 3), pad = size > 1 ? chance(g, 2) : 0; /* no empty window: −FLT_MAX overflows */
        return add_pool(
            g, x,
            (dn_op_pool2d){chance(g, 2) > 0, size, 1 + chance(g, 2), 1 + chance(g, 2), pad, chance(g, 2) * pad, false});
    }
    case 1:
        return in.h < 10 && in.w < 10 ? add_upsample(g, x, 2, 0.5F) : x;
    case 2:
        return add_op(g, (dn_op){.kind = DN_OP_copy}, INPUTS(x), chance(g, 2) ? in : SHAPE(in.n, in.h, in.w, in.c));
    case 3:
        if (in.c % 4 != 0) return x;
        return add_op(g, (dn_op){.kind = DN_OP_reorg, .as.reorg = {2, true}}, INPUTS(x),
                      SHAPE(in.n, in.c / 4, in.h * 2, in.w * 2));
    case 4:
        return add_op(g, (dn_op){.kind = DN_OP_pool_depth}, INPUTS(x), SHAPE(in.n, (in.c + 1) / 2, in.h, in.w));
    default:
        return add_op(g, (dn_op){.kind = DN_OP_softmax, .as.softmax = {1, 1.0F, true, NULL, 0}}, INPUTS(x), in);
    }
}

static inline int random_op(graph_fixture *g, const int *pool, int count) {
    const int x = pick(g, pool, count);
    const dn_shape in = shape_of(g, x);
    switch (chance(g, 16)) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
    case 5:
        return random_conv(g, x);
    case 6:
    case 7:
        return add_sum(g, x, pick_like(g, pool, count, x, chance(g, 4) > 0));
    case 8:
    case 9:
    case 10:
        return random_concat(g, pool, count, x);
    case 11:
        return add_activation(g, x, pick_activation(g, x));
    case 12:
        return chance(g, 2) ? add_channel_map(g, x) : chance(g, 2) ? add_batchnorm(g, x) : add_bias(g, x);
    case 13: {
        const int mean = add_op(g, (dn_op){.kind = DN_OP_pool_global}, INPUTS(x), SHAPE(in.n, in.c, 1, 1));
        const int s = chance(g, 2) ? mean : pick_like(g, pool, count, x, true);
        return add_op(g, (dn_op){.kind = DN_OP_mul}, INPUTS(x, s), in);
    }
    case 14:
        return chance(g, 2) ? random_moves(g, x) : add_bias(g, add_linear(g, x, 1 + chance(g, 40), chance(g, 2) > 0));
    default:
        return random_moves(g, x);
    }
}

static inline void random_graph(graph_fixture *g, uint64_t seed) {
    graph_open(g, 1 + (int)(seed % 3), seed);
    int pool[MAX_OPS + 1], count = 0;
    const int ops = 4 + chance(g, 16);
    pool[count++] = add_input(g, chance(g, 2) ? 3 : 1 + chance(g, 20), 3 + chance(g, 9), 3 + chance(g, 9));
    for (int i = 0; i < ops; i++) {
        const int y = random_op(g, pool, count);
        const dn_shape shape = shape_of(g, y);
        if (shape.c <= 160 && shape.h <= 24 && shape.w <= 24 && y != pool[count - 1]) pool[count++] = y;
    }
    const int keep_one_in = 2 + chance(g, 12); /* every last tensor, some of the others */
    int reader[MAX_TENSORS] = {0};
    for (int i = 0; i < g->op_count; i++) {
        for (int k = 0; k < g->ops[i].input_count; k++) {
            if (g->inputs[i][k] >= 0) reader[g->inputs[i][k]] = 1;
        }
    }
    for (int i = 0; i < g->op_count; i++) {
        const int y = g->outputs[i][0];
        g->keep[y] = !reader[y] || chance(g, keep_one_in) == 0;
    }
}

#endif
