/* step_channel_map.c — y = scale · f(x) + offset, channel range by channel range. A unit is one row of one channel. */
#include <string.h>

#include "backend/cpu/program.h"

static bool accepts(const dn_cpu_compile *compile, const dn_cpu_group *group) {
    const dn_op *op = &compile->graph->ops[group->op];
    return op->kind == DN_OP_channel_map &&
           dn_shape_equal(dn_cpu_shape(compile, op->inputs[0]), dn_cpu_shape(compile, op->outputs[0]));
}

static dn_cpu_want want(const dn_cpu_compile *compile, const dn_cpu_group *group, int k) {
    (void)compile, (void)group, (void)k;
    return DN_CPU_WANT_PLANAR;
}

static dn_status bind(dn_cpu_compile *compile, dn_cpu_step *step) {
    dn_cpu_split_lines(compile, step, 1.0);
    return DN_OK;
}

static void map_range(const dn_cpu_kernels *kernels, const dn_channel_rule *rule, const float *x, float *y,
                      size_t count) {
    if (!rule) {
        if (x != y) memcpy(y, x, count * sizeof(float));
        return;
    }
    if (rule->kind == DN_LINEAR) {
        kernels->scale(DN_LINEAR, x, rule->scale, rule->offset, y, count);
        return;
    }
    kernels->activate(rule->kind, x, y, count);
    if (rule->scale != 1.0F || rule->offset != 0.0F) {
        kernels->scale(DN_LINEAR, y, rule->scale, rule->offset, y, count);
    }
}

static void work(const dn_cpu_call *call, int row, int first, int last, int thread) {
    (void)thread;
    const dn_cpu_step *step = call->step;
    const dn_op_channel_map *map = &step->op->as.channel_map;
    const int height = step->y.shape.h;
    const size_t width = (size_t)step->y.shape.w;
    const float *x = dn_cpu_data(call, &step->x[0], row);
    float *y = dn_cpu_data(call, &step->y, row);
    int k = 0;
    for (int line = first; line < last;) {
        const int channel = line / height;
        while (k < map->rule_count && map->rules[k].first + map->rules[k].count <= channel) k++;
        const dn_channel_rule *rule = k < map->rule_count ? &map->rules[k] : NULL;
        int end = rule ? rule->first * height : last; /* up to the next rule */
        if (rule && rule->first <= channel) {
            end = (rule->first + rule->count) * height;
        } else {
            rule = NULL;
        }
        if (end > last) end = last;
        const size_t start = (size_t)line * width;
        map_range(call->program->kernels, rule, x + start, y + start, (size_t)(end - line) * width);
        line = end;
    }
}

const dn_cpu_method dn_cpu_method_channel_map = {
    .name = "channel_map", .in_place = true, .accepts = accepts, .want = want, .bind = bind, .work = work};
