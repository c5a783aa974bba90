/* step_binary.c — several tensors, element by element.
 *
 *   add   y = f(x_0 + x_1 + …); an x_k with fewer channels than y adds to the first ones, one with more gives its first
 *   mul   y = x · s, s of the shape of x, one per channel, or one per pixel
 *
 * A unit is a line. Both layouts list channels in order, so that the first lines of two tensors belong together. */
#include <string.h>

#include "backend/cpu/program.h"

/* ---- add ---- */

static bool add_accepts(const dn_cpu_compile *compile, const dn_cpu_group *group) {
    const dn_op *op = &compile->graph->ops[group->op];
    if (op->kind != DN_OP_add || op->as.add.weights != DN_ADD_PLAIN || op->as.add.sampled) return false;
    const dn_shape y = dn_cpu_shape(compile, op->outputs[0]);
    for (int k = 0; k < op->as.add.terms; k++) {
        if (dn_cpu_input(compile, group, k) < 0) return false;
        const dn_shape x = dn_cpu_shape(compile, op->inputs[k]);
        if (x.h != y.h || x.w != y.w || (k == 0 && x.c != y.c)) return false;
    }
    return op->as.add.terms == op->input_count;
}

/* A block that is only partly inside a shorter term cannot be added as a whole. */
static dn_cpu_want add_want(const dn_cpu_compile *compile, const dn_cpu_group *group, int which) {
    (void)which;
    const dn_op *op = &compile->graph->ops[group->op];
    const int channels = dn_cpu_shape(compile, op->outputs[0]).c;
    for (int k = 1; k < op->as.add.terms; k++) {
        const int c = dn_cpu_shape(compile, op->inputs[k]).c;
        if (c < channels && c % compile->block != 0) return DN_CPU_WANT_PLANAR;
    }
    return DN_CPU_WANT_SAME;
}

static dn_status add_bind(dn_cpu_compile *compile, dn_cpu_step *step) {
    dn_cpu_split_lines(compile, step, 0.2 * step->op->as.add.terms);
    return DN_OK;
}

/* y = sum + x over lines first … of which the term has only those below `lines`. */
typedef struct sum {
    const dn_cpu_kernels *kernels;
    dn_activation activation;
    const float *so_far; /* x_0, from the first line on; then y */
    float *y;
    size_t floats;
    bool done; /* the activation has been applied */
} sum;

static void add_term(sum *s, const float *x, size_t floats, bool last) {
    if (floats == 0) return;
    s->done = last && floats == s->floats;
    s->kernels->add(s->done ? s->activation : DN_LINEAR, s->so_far, x, s->y, floats);
    if (s->so_far != s->y && floats < s->floats) {
        memcpy(s->y + floats, s->so_far + floats, (s->floats - floats) * sizeof(float));
    }
    s->so_far = s->y;
}

static void add_work(const dn_cpu_call *call, int row, int first, int last, int thread) {
    (void)thread;
    const dn_cpu_step *step = call->step;
    const dn_cpu_kernels *kernels = call->program->kernels;
    const size_t line = dn_cpu_line_floats(&step->y, kernels->block), start = line * (size_t)first;
    const int terms = step->op->as.add.terms;
    sum s = {.kernels = kernels, .activation = step->group->activation, .floats = line * (size_t)(last - first)};
    s.so_far = dn_cpu_data(call, &step->x[0], row) + start;
    s.y = dn_cpu_data(call, &step->y, row) + start;
    for (int k = 1; k < terms; k++) {
        const int lines = dn_cpu_planes(&step->x[k], kernels->block) * step->y.shape.h;
        const int end = lines < last ? lines : last;
        const size_t floats = end > first ? line * (size_t)(end - first) : 0;
        add_term(&s, dn_cpu_data(call, &step->x[k], row) + (floats > 0 ? start : 0), floats, k + 1 == terms);
    }
    if (!s.done) kernels->activate(s.activation, s.so_far, s.y, s.floats);
}

const dn_cpu_method dn_cpu_method_add = {
    .name = "add", .in_place = true, .accepts = add_accepts, .want = add_want, .bind = add_bind, .work = add_work};

/* ---- mul ---- */

typedef enum factor { FACTOR_NONE, FACTOR_SAME, FACTOR_PER_CHANNEL, FACTOR_PER_PIXEL } factor;

static factor factor_of(dn_shape x, dn_shape s) {
    if (dn_shape_equal(x, s)) return FACTOR_SAME;
    if (s.c == x.c && s.h == 1 && s.w == 1) return FACTOR_PER_CHANNEL;
    if (s.c == 1 && s.h == x.h && s.w == x.w) return FACTOR_PER_PIXEL;
    return FACTOR_NONE;
}

static factor factor_in(const dn_cpu_compile *compile, const dn_op *op) {
    return factor_of(dn_cpu_shape(compile, op->inputs[0]), dn_cpu_shape(compile, op->inputs[1]));
}

static bool mul_accepts(const dn_cpu_compile *compile, const dn_cpu_group *group) {
    const dn_op *op = &compile->graph->ops[group->op];
    if (op->kind != DN_OP_mul || op->input_count != 2 || dn_cpu_input(compile, group, 1) < 0) return false;
    return dn_shape_equal(dn_cpu_shape(compile, op->inputs[0]), dn_cpu_shape(compile, op->outputs[0])) &&
           factor_in(compile, op) != FACTOR_NONE;
}

static dn_cpu_want mul_want(const dn_cpu_compile *compile, const dn_cpu_group *group, int k) {
    const factor kind = factor_in(compile, &compile->graph->ops[group->op]);
    if (kind == FACTOR_PER_PIXEL) return DN_CPU_WANT_PLANAR;
    return kind == FACTOR_PER_CHANNEL && k == 1 ? DN_CPU_WANT_ANY : DN_CPU_WANT_SAME;
}

static dn_status mul_bind(dn_cpu_compile *compile, dn_cpu_step *step) {
    dn_cpu_split_lines(compile, step, 0.3);
    return DN_OK;
}

/* One factor per channel; `s` lists them in order in either layout. */
static void mul_plane(const dn_cpu_step *step, const dn_cpu_kernels *kernels, int plane, const float *x, const float *s,
                      float *y, size_t pixels) {
    if (step->y.layout == DN_CPU_PLANAR) {
        kernels->scale(DN_LINEAR, x, s[plane], 0.0F, y, pixels);
        return;
    }
    float scale[DN_CPU_BLOCK_MAX] = {0}, offset[DN_CPU_BLOCK_MAX] = {0};
    const int first = plane * kernels->block, left = step->y.shape.c - first;
    const int count = left < kernels->block ? left : kernels->block;
    memcpy(scale, s + first, (size_t)count * sizeof(float));
    kernels->scale_blocked(DN_LINEAR, x, scale, offset, y, pixels);
}

static void mul_work(const dn_cpu_call *call, int row, int first, int last, int thread) {
    (void)thread;
    const dn_cpu_step *step = call->step;
    const dn_cpu_kernels *kernels = call->program->kernels;
    const factor kind = factor_of(step->x[0].shape, step->x[1].shape);
    const int height = step->y.shape.h;
    const size_t line = dn_cpu_line_floats(&step->y, kernels->block), width = (size_t)step->y.shape.w;
    const float *x = dn_cpu_data(call, &step->x[0], row), *s = dn_cpu_data(call, &step->x[1], row);
    float *y = dn_cpu_data(call, &step->y, row);
    if (kind == FACTOR_SAME) {
        const size_t start = line * (size_t)first;
        kernels->mul(x + start, s + start, y + start, line * (size_t)(last - first));
        return;
    }
    for (int unit = first; unit < last;) {
        const int plane = unit / height, end = (plane + 1) * height < last ? (plane + 1) * height : last;
        const size_t start = line * (size_t)unit, pixels = (size_t)(end - unit) * width;
        if (kind == FACTOR_PER_PIXEL) {
            kernels->mul(x + start, s + (size_t)(unit % height) * width, y + start, pixels);
        } else {
            mul_plane(step, kernels, plane, x + start, s, y + start, pixels);
        }
        unit = end;
    }
}

const dn_cpu_method dn_cpu_method_mul = {
    .name = "mul", .in_place = true, .accepts = mul_accepts, .want = mul_want, .bind = mul_bind, .work = mul_work};
