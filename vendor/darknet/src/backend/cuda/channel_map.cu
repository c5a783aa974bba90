/* channel_map.cu — y = scale · f(x) + offset on the channels of each rule; the others are copied. The rules,
 * state->table, are ascending and disjoint.
 *
 * One thread a value; neighbours read and write neighbours, and mostly follow the same rule. */
#include "backend/cuda/activation.cuh"
#include "backend/cuda/forward.cuh"

/* The rule that names channel c, or NULL. */
__device__ static const dn_channel_rule *rule_of(const dn_channel_rule *rules, int count, int c) {
    int begin = 0, end = count; /* rules before `begin` start at c or before, those from `end` on after it */
    while (begin < end) {
        const int middle = begin + (end - begin) / 2;
        if (rules[middle].first <= c) {
            begin = middle + 1;
        } else {
            end = middle;
        }
    }
    if (begin == 0) return nullptr;
    const dn_channel_rule *const rule = &rules[begin - 1];
    return c - rule->first < rule->count ? rule : nullptr;
}

template <typename T>
static __global__ void channel_map_each(size_t count, T *y, const T *x, dn_shape shape, const dn_channel_rule *rules,
                                        int rule_count) {
    EACH(i, count) {
        const dn_channel_rule *const rule = rule_of(rules, rule_count, (int)place_of(i, shape).c);
        const float value = load(x, i);
        store(y, i, rule == nullptr ? value : rule->scale * activate(rule->kind, value) + rule->offset);
    }
}

template <typename T> static void run(const dn_cuda_call *call, T *) {
    const dn_cuda_tensor *const y = &call->outputs[0];
    dn_cuda_each(call, dn_cuda_count(y), channel_map_each<T>, y->data, call->inputs[0].data, y->shape,
                 call->state->table, call->op->as.channel_map.rule_count);
}

extern "C" void dn_cuda_channel_map(const dn_cuda_call *call) {
    dn_cuda_typed(call, [&](auto *type) { run(call, type); });
}
