/* bind.c — groups → steps. Where a reader wants another layout than a tensor has at home, a copy of the tensor is made
 * by a reorder step in front of the first such reader; later readers use the same copy. Copies lie in an arena of the
 * program's own (place.c). */
#include "backend/cpu/program.h"

#define WORTH_A_TASK    4000.0 /* nanoseconds */
#define FLOATS_PER_LINE (DN_ALIGNMENT / sizeof(float))

void dn_cpu_split(const dn_cpu_compile *compile, dn_cpu_step *step, int units, double nanoseconds) {
    const dn_pool *pool = compile->program->pool;
    const int tasks = 4 * (pool ? dn_pool_threads(pool) : 1);
    const int even = (units + tasks - 1) / tasks;
    const double worth = WORTH_A_TASK / nanoseconds + 1.0;
    step->units = units;
    step->cost = nanoseconds * units;
    step->grain = worth >= (double)units ? units : (int)worth;
    if (step->grain < even) step->grain = even;
}

void dn_cpu_split_lines(const dn_cpu_compile *compile, dn_cpu_step *step, double nanoseconds) {
    const int units = dn_cpu_planes(&step->y, compile->block) * step->y.shape.h;
    dn_cpu_split(compile, step, units, (double)dn_cpu_line_floats(&step->y, compile->block) * nanoseconds);
}

static void append(dn_cpu_compile *compile, dn_cpu_step step) {
    dn_cpu_program *program = compile->program;
    const dn_cpu_step *same = dn_cpu_packed_before(compile, &step);
    if (same) {
        step.packed = same->packed;
        step.pack_parts = 0;
    } else {
        step.packed = program->packed_floats;
        program->packed_floats += dn_round_up(step.packed_floats, FLOATS_PER_LINE);
    }
    if (step.spare_floats > program->spare_floats) program->spare_floats = step.spare_floats;
    if (step.scratch_floats > program->scratch_floats) {
        program->scratch_floats = dn_round_up(step.scratch_floats, FLOATS_PER_LINE);
    }
    program->steps[program->step_count] = step;
    if (!same) dn_cpu_packs_first(compile, program->step_count);
    program->step_count++;
}

/* ---- where an input is read from ---- */

static bool dense(const dn_cpu_place *place) {
    return place->shape.n == 1 || place->image == (size_t)dn_shape_image(place->shape);
}

/* One pixel per channel: both layouts list the channels in order, and differ in what lies behind the last one. */
static bool reads_as(const dn_cpu_compile *compile, const dn_cpu_place *place, dn_cpu_layout layout) {
    if (place->layout == layout) return true;
    if (place->shape.h != 1 || place->shape.w != 1) return false;
    if (layout == DN_CPU_PLANAR) return true;
    return !compile->tensors[place->tensor].fixed && (size_t)place->shape.c % FLOATS_PER_LINE == 0 &&
           place->offset % FLOATS_PER_LINE == 0 && place->image % FLOATS_PER_LINE == 0;
}

/* Several ops may add to a delta. */
static bool changed_between(const dn_cpu_compile *compile, int tensor, int after, int before) {
    if (compile->graph->tensors[tensor].role != DN_ROLE_DELTA) return false;
    for (int g = 0; g < compile->group_count; g++) {
        const dn_cpu_group *group = &compile->groups[g];
        if (group->position <= after || group->position >= before) continue;
        const dn_op *op = &compile->graph->ops[group->op];
        for (int k = 0; k < op->output_count; k++) {
            if (op->outputs[k] == tensor || group->output == tensor) return true;
        }
    }
    return false;
}

static dn_cpu_copy *find_copy(dn_cpu_compile *compile, const dn_cpu_copy *wanted) {
    dn_cpu_program *program = compile->program;
    if (program->graph.tensors[wanted->tensor].role == DN_ROLE_STATE) return NULL; /* changes within a run */
    for (int i = program->copy_count - 1; i >= 0; i--) {
        dn_cpu_copy *copy = &program->copies[i];
        if (copy->tensor != wanted->tensor || copy->layout != wanted->layout) continue;
        return changed_between(compile, copy->tensor, copy->first, wanted->first) ? NULL : copy;
    }
    return NULL;
}

static dn_cpu_copy describe_copy(const dn_cpu_compile *compile, int tensor, dn_cpu_layout layout, int position) {
    const dn_shape shape = dn_cpu_shape(compile, tensor);
    dn_cpu_copy copy = {.tensor = tensor, .layout = layout, .first = position, .last = position};
    copy.image = dn_cpu_image_floats(shape, layout, compile->block);
    copy.bytes = dn_round_up((size_t)shape.n * copy.image * sizeof(float), DN_ALIGNMENT);
    return copy;
}

static dn_cpu_place place_of_copy(const dn_cpu_program *program, int index) {
    const dn_cpu_copy *copy = &program->copies[index];
    return (dn_cpu_place){.tensor = -1,
                          .copy = index,
                          .image = copy->image,
                          .layout = copy->layout,
                          .shape = program->graph.tensors[copy->tensor].shape};
}

static dn_status append_reorder(dn_cpu_compile *compile, dn_cpu_place from, dn_cpu_place to, int position) {
    dn_cpu_step step = {.method = &dn_cpu_method_reorder, .position = position, .y = to, .x_count = 1};
    DN_TRY(dn_zone_alloc(compile->zone, (void **)&step.x, 1, sizeof *step.x, compile->err));
    step.x[0] = from;
    DN_TRY(step.method->bind(compile, &step));
    append(compile, step);
    return DN_OK;
}

static dn_status read_copy(dn_cpu_compile *compile, dn_cpu_place *place, dn_cpu_copy wanted) {
    dn_cpu_program *program = compile->program;
    const dn_cpu_place home = *place;
    dn_cpu_copy *found = find_copy(compile, &wanted);
    if (found) {
        found->last = wanted.last;
        *place = place_of_copy(program, (int)(found - program->copies));
        return DN_OK;
    }
    program->copies[program->copy_count] = wanted;
    *place = place_of_copy(program, program->copy_count++);
    return append_reorder(compile, home, *place, wanted.first);
}

static dn_status request(dn_cpu_compile *compile, const dn_cpu_step *step, int tensor, dn_cpu_want want,
                         dn_cpu_place *out) {
    *out = dn_cpu_home(compile, tensor);
    dn_cpu_layout layout = out->layout;
    if (want == DN_CPU_WANT_SAME) layout = step->y.layout;
    if (want == DN_CPU_WANT_BLOCKED) layout = DN_CPU_BLOCKED;
    if (want == DN_CPU_WANT_PLANAR || want == DN_CPU_WANT_DENSE) layout = DN_CPU_PLANAR;
    if (reads_as(compile, out, layout) && (want != DN_CPU_WANT_DENSE || dense(out))) {
        out->layout = layout;
        return DN_OK;
    }
    return read_copy(compile, out, describe_copy(compile, tensor, layout, step->position));
}

/* ---- steps ---- */

static dn_status bind_input(dn_cpu_compile *compile, dn_cpu_step *step, int k, int which) {
    const int tensor = dn_cpu_input(compile, step->group, which);
    step->x[k] = (dn_cpu_place){.tensor = -1, .copy = -1};
    if (tensor < 0) return DN_OK;
    const dn_cpu_want want = step->method->want(compile, step->group, which);
    if (want == DN_CPU_WANT_NOTHING) return DN_OK;
    return request(compile, step, tensor, want, &step->x[k]);
}

/* A kept result that is read BLOCKED: the convolution, which is faster that way, writes the copy for the readers, and
 * the dense tensor is made from it. */
static bool written_through_copy(const dn_cpu_compile *compile, const dn_cpu_group *group) {
    if (group->method->blocked) return group->output >= 0 && compile->tensors[group->output].home == DN_CPU_PLANAR;
    if (group->method != &dn_cpu_method_conv || !compile->options->keep[group->output]) return false;
    return compile->graph->tensors[group->output].role == DN_ROLE_ACTIVATION && !compile->tensors[group->output].planar;
}

/* What dn_cpu_method_conv_data leaves for dn_cpu_method_phases. */
static dn_cpu_place phases_place(dn_cpu_compile *compile, const dn_cpu_group *group, dn_shape shape) {
    dn_cpu_program *program = compile->program;
    dn_cpu_copy copy = {.tensor = -1, .layout = DN_CPU_BLOCKED, .first = group->position, .last = group->position};
    copy.image = dn_cpu_image_floats(shape, DN_CPU_BLOCKED, compile->block);
    copy.bytes = dn_round_up((size_t)shape.n * copy.image * sizeof(float), DN_ALIGNMENT);
    program->copies[program->copy_count] = copy;
    return (dn_cpu_place){
        .tensor = -1, .copy = program->copy_count++, .image = copy.image, .layout = copy.layout, .shape = shape};
}

static dn_status append_phases(dn_cpu_compile *compile, const dn_cpu_step *before, dn_cpu_place to) {
    dn_cpu_step step = {.method = &dn_cpu_method_phases,
                        .group = before->group,
                        .op = before->op,
                        .position = before->position,
                        .y = to,
                        .x_count = 1};
    DN_TRY(dn_zone_alloc(compile->zone, (void **)&step.x, 1, sizeof *step.x, compile->err));
    step.x[0] = before->y;
    DN_TRY(step.method->bind(compile, &step));
    append(compile, step);
    return DN_OK;
}

static dn_status bind_group(dn_cpu_compile *compile, const dn_cpu_group *group) {
    const dn_op *op = &compile->graph->ops[group->op];
    dn_cpu_step step = {.method = group->method, .group = group, .op = op, .position = group->position};
    step.y = (dn_cpu_place){.tensor = -1, .copy = -1};
    if (group->output >= 0) step.y = dn_cpu_home(compile, group->output);
    const dn_cpu_place home = step.y;
    const bool through_copy = written_through_copy(compile, group);
    if (through_copy) {
        dn_cpu_program *program = compile->program;
        program->copies[program->copy_count] = describe_copy(compile, group->output, DN_CPU_BLOCKED, group->position);
        step.y = place_of_copy(program, program->copy_count++);
        if (op->accumulate) DN_TRY(append_reorder(compile, home, step.y, group->position));
    }
    const dn_cpu_place result = step.y;
    const dn_shape phases = dn_cpu_phases_shape(compile, group);
    if (phases.c > 0) step.y = phases_place(compile, group, phases);
    step.x_count = op->input_count + (group->residual >= 0 ? 1 : 0);
    DN_TRY(dn_zone_alloc(compile->zone, (void **)&step.x, (size_t)step.x_count, sizeof *step.x, compile->err));
    for (int k = 0; k < step.x_count; k++) {
        DN_TRY(bind_input(compile, &step, k, k < op->input_count ? k : DN_CPU_RESIDUAL));
    }
    DN_TRY(step.method->bind(compile, &step));
    if (step.units > 0) append(compile, step); /* none: the output is there already */
    if (phases.c > 0) DN_TRY(append_phases(compile, &step, result));
    return through_copy ? append_reorder(compile, result, home, group->position) : DN_OK;
}

dn_status dn_cpu_bind(dn_cpu_compile *compile) {
    dn_cpu_program *program = compile->program;
    size_t reads = 0;
    for (int g = 0; g < compile->group_count; g++) {
        reads += (size_t)compile->graph->ops[compile->groups[g].op].input_count + 3;
    }
    const size_t steps = (size_t)compile->group_count * 4 + reads;
    DN_TRY(dn_zone_alloc(compile->zone, (void **)&program->copies, reads, sizeof *program->copies, compile->err));
    DN_TRY(dn_zone_alloc(compile->zone, (void **)&program->steps, steps, sizeof *program->steps, compile->err));
    const size_t slots = (size_t)program->slot_count;
    DN_TRY(dn_zone_alloc(compile->temporary, (void **)&compile->by_slot, slots, sizeof(int), compile->err));
    for (size_t i = 0; i < slots; i++) compile->by_slot[i] = -1;
    for (int g = 0; g < compile->group_count; g++) DN_TRY(bind_group(compile, &compile->groups[g]));
    return DN_OK;
}
