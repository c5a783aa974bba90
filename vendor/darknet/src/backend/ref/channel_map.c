/* channel_map.c — y = scale · f(x) + offset on the channels of each rule; the others are copied. */
#include <string.h>

#include "backend/ref/ref.h"
#include "op/activation.h"

void dn_ref_channel_map(const dn_ref_call *call) {
    const dn_op_channel_map *const p = &call->op->as.channel_map;
    const dn_shape shape = call->outputs[0].shape;
    const size_t plane = (size_t)shape.h * (size_t)shape.w, image = (size_t)dn_shape_image(shape);
    float *y = call->outputs[0].data;
    memcpy(y, call->inputs[0].data, (size_t)dn_shape_count(shape) * sizeof(float));
    for (int n = 0; n < shape.n; n++, y += image) {
        for (int k = 0; k < p->rule_count; k++) {
            const dn_channel_rule *const rule = &p->rules[k];
            const size_t begin = (size_t)rule->first * plane, end = begin + (size_t)rule->count * plane;
            for (size_t i = begin; i < end; i++) y[i] = rule->scale * dn_activate(rule->kind, y[i]) + rule->offset;
        }
    }
}
