/* net.c — [net]: sizes, and facts for those who train, augment or export. */
#include <string.h>

#include "plan/build.h"

enum { SIDE_MAX = 1 << 20 };

/* Whole numbers that the engine itself does not use, with darknet's defaults. */
static const struct {
    const char *name;
    int fallback, low;
} whole_numbers[] = {
    {"max_batches", 0, INT32_MIN},
    {"burn_in", 0, INT32_MIN},
    {"step", 1, INT32_MIN},
    {"sgdr_mult", 2, INT32_MIN},
    {"flip", 1, INT32_MIN},
    {"augment_speed", 2, INT32_MIN},
    {"resize_step", 32, 1},
    {"weights_reject_freq", 0, 0},
    {"equidistant_point", 0, 0},
    {"workspace_size_limit_MB", 1024, 0},
    {"adam", 0, INT32_MIN},
    {"random", 0, INT32_MIN},
    {"notruth", 0, INT32_MIN},
    {"center", 0, INT32_MIN},
    {"blur", 0, INT32_MIN},
    {"gaussian_noise", 0, INT32_MIN},
    {"mixup", 0, INT32_MIN},
    {"cutmix", 0, INT32_MIN},
    {"mosaic", 0, INT32_MIN},
    {"mosaic_bound", 0, INT32_MIN},
    {"track", 0, INT32_MIN},
    {"contrastive", 0, INT32_MIN},
    {"contrastive_jit_flip", 0, INT32_MIN},
    {"contrastive_color", 0, INT32_MIN},
    {"unsupervised", 0, INT32_MIN},
    {"attention", 0, INT32_MIN},
    {"optimized_memory", 0, INT32_MIN},
    {"dynamic_minibatch", 0, INT32_MIN},
    {"use_cuda_graph", 0, INT32_MIN},
    {"show_receptive_field", 0, INT32_MIN},
};

static const struct {
    const char *name;
    float fallback;
} numbers[] = {
    {"learning_rate", 0.001F},
    {"learning_rate_min", 0.00001F},
    {"momentum", 0.9F},
    {"decay", 0.0001F},
    {"B1", 0.9F},
    {"B2", 0.999F},
    {"power", 4.0F},
    {"scale", 1.0F},
    {"gamma", 1.0F},
    {"angle", 0.0F},
    {"aspect", 1.0F},
    {"saturation", 1.0F},
    {"exposure", 1.0F},
    {"hue", 0.0F},
    {"ema_alpha", 0.0F},
    {"label_smooth_eps", 0.0F},
    {"loss_scale", 1.0F},
    {"adversarial_lr", 0.0F},
    {"badlabels_rejection_percentage", 0.0F},
    {"num_sigmas_reject_badlabels", 0.0F},
    {"max_chart_loss", 20.0F},
};

static dn_status fact(dn_plan *plan, const char *name, double number, dn_error *err) {
    return dn_facts_add(&plan->zone, &plan->facts, &plan->fact_count, &plan->fact_room, name, &number, 1, NULL, err);
}

/* ---- sizes ---- */

static bool any_recurrent(const dn_cfg *cfg) {
    for (size_t k = 1; k < cfg->count; k++) {
        const char *name;
        const dn_layer_type *type = dn_layer_type_find(cfg->sections[k].name, &name);
        if (type && (type->flags & DN_LAYER_RECURRENT)) return true;
    }
    return false;
}

/* Time steps mean nothing to the other layers: their networks take any number of images. */
static void find_steps(dn_plan *plan) {
    dn_net_facts *net = &plan->net;
    const int wanted = plan->options.time_steps > 0 ? plan->options.time_steps : net->time_steps;
    net->steps = any_recurrent(plan->cfg) ? wanted : 1;
}

static dn_status read_sizes(dn_net_facts *net, dn_section *section, dn_error *err) {
    DN_TRY(dn_section_int(section, "batch", 1, 1, INT32_MAX, &net->cfg_batch, err));
    DN_TRY(dn_section_int(section, "subdivisions", 1, 1, INT32_MAX, &net->subdivisions, err));
    DN_TRY(dn_section_int(section, "time_steps", 1, 1, INT32_MAX, &net->time_steps, err));
    DN_TRY(dn_section_int(section, "width", 0, 0, SIDE_MAX, &net->width, err));
    DN_TRY(dn_section_int(section, "height", 0, 0, SIDE_MAX, &net->height, err));
    DN_TRY(dn_section_int(section, "channels", 0, 0, SIDE_MAX, &net->channels, err));
    DN_TRY(dn_section_int(section, "inputs", 0, 0, INT32_MAX, &net->inputs, err));
    return dn_section_flag(section, "letter_box", false, &net->letter_box, err);
}

static dn_status missing_size(const dn_net_facts *net, const dn_section *section, dn_error *err) {
    const char *key = net->width == 0 ? "width" : net->height == 0 ? "height" : "channels";
    const int line = dn_section_line_of(section, key);
    dn_fail(err, DN_E_PARSE, "[net] %s: give width=, height= and channels=, each 1 or more (now %d, %d and %d)",
            line ? "has an input without values" : "lacks the size of the input", net->width, net->height,
            net->channels);
    dn_error_expected(err, "width, height and channels of 1 or more");
    dn_error_found(err, "%d x %d x %d", net->width, net->height, net->channels);
    dn_error_where(err, -1, section->cfg->name, key, line ? line : section->cfg->line);
    return DN_E_PARSE;
}

static dn_status check_inputs(const dn_net_facts *net, const dn_section *section, int64_t values, dn_error *err) {
    if (net->inputs == 0 || net->inputs == values) return DN_OK;
    dn_fail(err, DN_E_SHAPE, "inputs=%d, but width·height·channels = %d·%d·%d = %lld; remove inputs=", net->inputs,
            net->width, net->height, net->channels, (long long)values);
    dn_error_expected(err, "%lld", (long long)values);
    dn_error_found(err, "%d", net->inputs);
    dn_error_where(err, -1, section->cfg->name, "inputs", dn_section_line_of(section, "inputs"));
    return DN_E_SHAPE;
}

static dn_status flat_input(dn_plan *plan, dn_shape *shape, dn_error *err) {
    if (plan->options.width > 0 || plan->options.height > 0) {
        return dn_fail(err, DN_E_ARGUMENT, "the network reads %d values, not an image: it has no width and height",
                       plan->net.inputs);
    }
    plan->net.width = plan->net.height = plan->net.channels = 0;
    *shape = (dn_shape){1, plan->net.inputs, 1, 1};
    return DN_OK;
}

static dn_status too_large(const dn_net_facts *net, const dn_section *section, dn_shape shape, dn_error *err) {
    const long long rows = (long long)net->batch * net->steps;
    dn_fail(
        err, DN_E_SHAPE,
        "an input of %lld x %d x %d x %d values (images, channels, rows, columns) is more than 2^31: reduce the batch, "
        "%swidth= or height=",
        rows, shape.c, shape.h, shape.w, net->steps > 1 ? "time_steps=, " : "");
    dn_error_expected(err, "at most 2^31 values");
    dn_error_found(err, "%lld x %d x %d x %d", rows, shape.c, shape.h, shape.w);
    dn_error_where(err, -1, section->cfg->name, NULL, section->cfg->line);
    return DN_E_SHAPE;
}

static dn_status resolve_input(dn_plan *plan, const dn_section *section, dn_shape *shape, dn_error *err) {
    dn_net_facts *net = &plan->net;
    const bool image = net->width > 0 && net->height > 0 && net->channels > 0;
    if (!image && net->inputs > 0) {
        DN_TRY(flat_input(plan, shape, err));
    } else {
        const int64_t values = (int64_t)net->width * net->height;
        if (image && values <= INT32_MAX) DN_TRY(check_inputs(net, section, values * net->channels, err));
        if (plan->options.width > 0) net->width = plan->options.width;
        if (plan->options.height > 0) net->height = plan->options.height;
        if (net->width == 0 || net->height == 0 || net->channels == 0) return missing_size(net, section, err);
        *shape = (dn_shape){1, net->channels, net->height, net->width};
    }
    const int64_t rows = (int64_t)net->batch * net->steps;
    shape->n = rows <= INT32_MAX ? (int)rows : INT32_MAX;
    if (rows == shape->n && dn_shape_valid(*shape) && dn_shape_image(*shape) <= INT32_MAX) {
        net->inputs = (int)dn_shape_image(*shape);
        return DN_OK;
    }
    return too_large(net, section, *shape, err);
}

static dn_status size_facts(dn_plan *plan, dn_error *err) {
    const dn_net_facts *net = &plan->net;
    DN_TRY(fact(plan, "batch", net->cfg_batch, err));
    DN_TRY(fact(plan, "subdivisions", net->subdivisions, err));
    DN_TRY(fact(plan, "time_steps", net->time_steps, err));
    DN_TRY(fact(plan, "width", net->width, err));
    DN_TRY(fact(plan, "height", net->height, err));
    DN_TRY(fact(plan, "channels", net->channels, err));
    DN_TRY(fact(plan, "inputs", net->inputs, err));
    return fact(plan, "letter_box", net->letter_box, err);
}

/* ---- the rest ---- */

static dn_status read_numbers(dn_plan *plan, dn_section *section, dn_error *err) {
    for (size_t k = 0; k < sizeof whole_numbers / sizeof *whole_numbers; k++) {
        int value;
        const char *name = whole_numbers[k].name;
        DN_TRY(dn_section_int(section, name, whole_numbers[k].fallback, whole_numbers[k].low, INT32_MAX, &value, err));
        DN_TRY(fact(plan, name, value, err));
    }
    for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++) {
        float value;
        DN_TRY(dn_section_float(section, numbers[k].name, numbers[k].fallback, -1e30F, 1e30F, &value, err));
        DN_TRY(fact(plan, numbers[k].name, (double)value, err));
    }
    return DN_OK;
}

/* As parts of the input's width; 0 where it has none. */
static dn_status read_ratio(dn_plan *plan, dn_section *section, const char *key, int crop, dn_error *err) {
    const int width = plan->net.width;
    float ratio;
    DN_TRY(dn_section_float(section, key, width ? (float)crop / (float)width : 0.0F, -1e30F, 1e30F, &ratio, err));
    return fact(plan, key, (double)ratio, err);
}

/* Numbers whose defaults depend on the dialect or on other keys. */
static dn_status read_dependent(dn_plan *plan, dn_section *section, dn_error *err) {
    const int width = plan->net.width;
    int min_crop, max_crop, max_batches, cycle, sequential;
    float epsilon;
    DN_TRY(dn_section_int(section, "min_crop", width, INT32_MIN, INT32_MAX, &min_crop, err));
    DN_TRY(dn_section_int(section, "max_crop", 2 * width, INT32_MIN, INT32_MAX, &max_crop, err));
    DN_TRY(dn_section_int(section, "max_batches", 0, INT32_MIN, INT32_MAX, &max_batches, err));
    DN_TRY(dn_section_int(section, "sgdr_cycle", max_batches, INT32_MIN, INT32_MAX, &cycle, err));
    DN_TRY(
        dn_section_float(section, "eps", plan->net.dialect == DN_PJREDDIE ? 1e-7F : 1e-6F, 0.0F, 1e30F, &epsilon, err));
    DN_TRY(fact(plan, "min_crop", min_crop, err));
    DN_TRY(fact(plan, "max_crop", max_crop, err));
    DN_TRY(read_ratio(plan, section, "min_ratio", min_crop, err));
    DN_TRY(read_ratio(plan, section, "max_ratio", max_crop, err));
    DN_TRY(fact(plan, "sgdr_cycle", cycle, err));
    DN_TRY(dn_section_int(section, "sequential_subdivisions", plan->net.subdivisions, 1, INT32_MAX, &sequential, err));
    DN_TRY(fact(plan, "sequential_subdivisions", sequential, err));
    return fact(plan, "eps", (double)epsilon, err);
}

static dn_status read_list(dn_plan *plan, dn_section *section, const char *key, dn_error *err) {
    const float *values;
    int count;
    void *memory;
    DN_TRY(dn_section_floats(section, key, -1e30F, 1e30F, &values, &count, err));
    DN_TRY(dn_zone_alloc(&plan->zone, &memory, (size_t)count, sizeof(double), err));
    double *const copies = memory;
    for (int k = 0; k < count; k++) copies[k] = (double)values[k];
    return dn_facts_add(&plan->zone, &plan->facts, &plan->fact_count, &plan->fact_room, key, copies, count, NULL, err);
}

static dn_status read_schedule(dn_plan *plan, dn_section *section, dn_error *err) {
    const char *policy = dn_section_text(section, "policy", "constant");
    DN_TRY(
        dn_facts_add(&plan->zone, &plan->facts, &plan->fact_count, &plan->fact_room, "policy", NULL, 0, policy, err));
    DN_TRY(read_list(plan, section, "steps", err));
    DN_TRY(read_list(plan, section, "scales", err));
    return read_list(plan, section, "seq_scales", err);
}

/* Keys of our own, see docs/differences.md. */
static dn_status read_training(dn_plan *plan, dn_section *section, dn_error *err) {
    const float momentum = plan->options.dialect == DN_PJREDDIE ? 0.99F : 0.9F;
    bool reference_cpu;
    plan->net.training = plan->options.training;
    DN_TRY(dn_section_float(section, "batchnorm_momentum", momentum, 0.0F, 1.0F, &plan->net.batchnorm_momentum, err));
    DN_TRY(dn_section_flag(section, "cost_by_name", false, &plan->cost_by_name, err));
    DN_TRY(dn_section_flag(section, "binary_by_name", false, &plan->binary_by_name, err));
    DN_TRY(dn_section_flag(section, "reference_cpu", false, &reference_cpu, err));
    reference_cpu &= !plan->options.frozen; /* what nothing is trained with has its exact derivative */
    const bool alexeyab = reference_cpu && plan->options.dialect == DN_ALEXEYAB;
    plan->graph.overwrites = plan->graph.piles_up = plan->graph.biases_stay = plan->graph.unnormalized = alexeyab;
    plan->graph.approximates = alexeyab;
    plan->graph.full_precision = reference_cpu;
    plan->graph.overwrites_points = reference_cpu;
    return DN_OK;
}

static dn_status read_update(dn_plan *plan, dn_section *section, dn_error *err) {
    DN_TRY(dn_section_flag(section, "try_fix_nan", false, &plan->try_fix_nan, err));
    DN_TRY(dn_section_float(section, "clip", 0.0F, -1e30F, 1e30F, &plan->clip, err));
    DN_TRY(fact(plan, "try_fix_nan", plan->try_fix_nan, err));
    return fact(plan, "clip", (double)plan->clip, err);
}

static dn_status read_delta_limits(dn_plan *plan, dn_section *section, dn_error *err) {
    dn_delta_limits *limits = &plan->delta_limits;
    DN_TRY(dn_section_int(section, "burn_in", 0, INT32_MIN, INT32_MAX, &plan->burn_in, err));
    DN_TRY(dn_section_int(section, "max_batches", 0, INT32_MIN, INT32_MAX, &limits->max_batches, err));
    DN_TRY(dn_section_int(section, "equidistant_point", 0, 0, INT32_MAX, &limits->equidistant_point, err));
    DN_TRY(dn_section_float(section, "badlabels_rejection_percentage", 0.0F, -1e30F, 1e30F,
                            &limits->rejected_percentage, err));
    return dn_section_float(section, "num_sigmas_reject_badlabels", 0.0F, -1e30F, 1e30F, &limits->sigmas, err);
}

/* Training takes the cfg's mini-batches, inference one image unless told otherwise. */
static int batch_of(const dn_plan *plan) {
    if (plan->options.batch > 0) return plan->options.batch;
    const int mini_batch = plan->net.cfg_batch / plan->net.subdivisions;
    return plan->options.training && mini_batch > 0 ? mini_batch : 1;
}

dn_status dn_plan_read_net(dn_plan *plan, dn_section *section, dn_shape *shape, dn_error *err) {
    dn_net_facts *net = &plan->net;
    net->dialect = plan->options.dialect;
    DN_TRY(read_sizes(net, section, err));
    DN_TRY(read_training(plan, section, err));
    DN_TRY(read_update(plan, section, err));
    DN_TRY(read_delta_limits(plan, section, err));
    net->batch = batch_of(plan);
    find_steps(plan);
    DN_TRY(resolve_input(plan, section, shape, err));
    DN_TRY(size_facts(plan, err));
    DN_TRY(read_numbers(plan, section, err));
    DN_TRY(read_dependent(plan, section, err));
    return read_schedule(plan, section, err);
}
