/* place.c — whose storage every tensor lies in.
 *
 * Decided from the last group to the first, so that a reader's place is known when its input's is chosen:
 *   concat       an input is written straight into the concatenation
 *   concat of 1  (a slice of channels) and copy: the output is a view of the input
 *   in place     input 0 lies where the output will
 * A storage that an in-place group overwrites at some position must not be read later through any tensor in it. */
#include "backend/cpu/program.h"

/* ---- geometry ---- */

size_t dn_cpu_image_floats(dn_shape shape, dn_cpu_layout layout, int block) {
    const size_t pixels = (size_t)shape.h * (size_t)shape.w;
    if (layout == DN_CPU_PLANAR) return (size_t)shape.c * pixels;
    const size_t floats = (size_t)dn_cpu_blocks(shape.c, block) * (size_t)block * pixels;
    return dn_round_up(floats, DN_ALIGNMENT / sizeof(float)); /* every image starts on a boundary */
}

static int root_of(const dn_cpu_compile *compile, int tensor) {
    while (compile->tensors[tensor].parent >= 0) tensor = compile->tensors[tensor].parent;
    return tensor;
}

dn_cpu_place dn_cpu_home(const dn_cpu_compile *compile, int tensor) {
    dn_cpu_place place = {.tensor = tensor, .copy = -1, .layout = compile->tensors[tensor].home};
    place.shape = dn_cpu_shape(compile, tensor);
    while (compile->tensors[place.tensor].parent >= 0) {
        place.offset += compile->tensors[place.tensor].offset;
        place.tensor = compile->tensors[place.tensor].parent;
    }
    place.image = dn_cpu_image_floats(dn_cpu_shape(compile, place.tensor), place.layout, compile->block);
    return place;
}

/* ---- parents ---- */

static int overwritten_at(const dn_cpu_compile *compile, int tensor) {
    int position = DN_CPU_NEVER;
    for (; tensor >= 0; tensor = compile->tensors[tensor].parent) {
        if (compile->tensors[tensor].overwritten < position) position = compile->tensors[tensor].overwritten;
    }
    return position;
}

/* Whether what writes x copes with images that lie apart, as they do inside a larger tensor. */
static bool writes_apart(const dn_cpu_compile *compile, int x) {
    const dn_cpu_group *group = &compile->groups[compile->tensors[x].writer];
    return dn_cpu_shape(compile, x).n == 1 || group->method->want(compile, group, DN_CPU_OUTPUT) != DN_CPU_WANT_DENSE;
}

static bool lies_in(const dn_cpu_compile *compile, int tensor, int other) {
    for (; tensor >= 0; tensor = compile->tensors[tensor].parent) {
        if (tensor == other) return true;
    }
    return false;
}

/* x gets a place inside y, `offset` floats from its start. */
static bool put_inside(dn_cpu_compile *compile, int x, int y, size_t offset) {
    dn_cpu_tensor *child = &compile->tensors[x];
    if (child->fixed || child->vanished || child->parent >= 0 || child->writer < 0) return false;
    if (lies_in(compile, y, x)) return false;
    /* the last value of a state may still be read */
    if (compile->graph->tensors[y].role != DN_ROLE_ACTIVATION) return false;
    if (child->home != compile->tensors[y].home || !writes_apart(compile, x)) return false;
    if (dn_cpu_shape(compile, x).n != dn_cpu_shape(compile, y).n) return false;
    if (child->last_read >= overwritten_at(compile, y)) return false;
    child->parent = y;
    child->offset = offset;
    return true;
}

/* y becomes a look at a part of x. */
static bool make_view(dn_cpu_compile *compile, int y, int x, size_t offset) {
    dn_cpu_tensor *view = &compile->tensors[y], *whole = &compile->tensors[x];
    const dn_role role = compile->graph->tensors[x].role;
    if (view->fixed || view->parent >= 0 || view->home != whole->home || lies_in(compile, x, y)) return false;
    if (role != DN_ROLE_ACTIVATION || compile->graph->tensors[x].dtype != DN_F32) return false;
    if (dn_cpu_shape(compile, x).n != dn_cpu_shape(compile, y).n) return false;
    if (view->last_read >= overwritten_at(compile, x)) return false;
    view->parent = x;
    view->offset = offset;
    if (view->last_read > whole->last_read) whole->last_read = view->last_read;
    return true;
}

static size_t pixels_of(const dn_cpu_compile *compile, int tensor) {
    const dn_shape shape = dn_cpu_shape(compile, tensor);
    return (size_t)shape.h * (size_t)shape.w;
}

static void place_concat(dn_cpu_compile *compile, const dn_cpu_group *group) {
    const dn_op *op = &compile->graph->ops[group->op];
    const dn_op_concat *concat = &op->as.concat;
    const int y = group->output, block = compile->block;
    const bool blocked = compile->tensors[y].home == DN_CPU_BLOCKED;
    const size_t pixels = concat->flat ? 1 : pixels_of(compile, y);
    if (op->input_count == 1) {
        const size_t offset = (size_t)concat->first[0] * pixels;
        if ((!blocked || concat->first[0] % block == 0) && make_view(compile, y, op->inputs[0], offset)) return;
    }
    int at = 0;
    for (int k = 0; k < op->input_count; at += concat->channels[k], k++) {
        const dn_shape x = dn_cpu_shape(compile, op->inputs[k]);
        const bool all = concat->first[k] == 0 && (concat->flat || concat->channels[k] == x.c);
        const bool last = k + 1 == op->input_count; /* may write the lanes past its channels */
        if (!all || (blocked && (at % block != 0 || (!last && concat->channels[k] % block != 0)))) continue;
        put_inside(compile, op->inputs[k], y, (size_t)at * pixels);
    }
}

static int uses_in(const dn_cpu_compile *compile, const dn_cpu_group *group, int tensor) {
    int uses = group->residual == tensor ? 1 : 0;
    for (int k = 0; k < compile->graph->ops[group->op].input_count; k++) {
        if (dn_cpu_input(compile, group, k) == tensor) uses++;
    }
    return uses;
}

/* The group must be the last to read x, and read it once: a later term of the same sum would see the result. */
static void place_in_place(dn_cpu_compile *compile, const dn_cpu_group *group) {
    const int x = dn_cpu_input(compile, group, 0), y = group->output;
    if (x < 0 || compile->tensors[x].last_read != group->position || uses_in(compile, group, x) != 1) return;
    if (!dn_shape_equal(dn_cpu_shape(compile, x), dn_cpu_shape(compile, y))) return;
    if (put_inside(compile, x, y, 0)) compile->tensors[x].overwritten = group->position;
}

void dn_cpu_parents(dn_cpu_compile *compile) {
    for (int g = compile->group_count - 1; g >= 0; g--) {
        const dn_cpu_group *group = &compile->groups[g];
        if (group->method == &dn_cpu_method_concat) place_concat(compile, group);
        if (group->method == &dn_cpu_method_copy) make_view(compile, group->output, dn_cpu_input(compile, group, 0), 0);
        if (group->method->in_place) place_in_place(compile, group);
    }
    compile->placed = true;
}

/* ---- lifetimes ---- */

static bool whole_run(const dn_cpu_compile *compile, int tensor) {
    const dn_role role = compile->graph->tensors[tensor].role;
    const bool passing = role == DN_ROLE_ACTIVATION || role == DN_ROLE_DELTA || role == DN_ROLE_INPUT;
    return compile->options->keep[tensor] || !passing || (role == DN_ROLE_DELTA && compile->tensors[tensor].writer < 0);
}

static dn_placement alone(const dn_cpu_compile *compile, int t) {
    const dn_cpu_tensor *tensor = &compile->tensors[t];
    dn_placement placement = {.parent = -1};
    if (tensor->vanished) return placement;
    if (tensor->writer >= 0) placement.first = tensor->first;
    placement.last = tensor->last_read > tensor->written ? tensor->last_read : tensor->written;
    if (placement.last < placement.first) placement.last = placement.first;
    if (whole_run(compile, t)) {
        placement.first = 0;
        placement.last = compile->graph->op_count > 0 ? compile->graph->op_count - 1 : 0;
    }
    if (tensor->parent < 0) {
        const dn_shape shape = dn_cpu_shape(compile, t);
        placement.bytes = (size_t)shape.n * dn_cpu_image_floats(shape, tensor->home, compile->block) * sizeof(float);
    } else {
        placement.parent = root_of(compile, t);
        placement.offset = dn_cpu_home(compile, t).offset * sizeof(float);
    }
    return placement;
}

static bool overlap(const dn_cpu_copy *a, const dn_cpu_copy *b) { return a->first <= b->last && b->first <= a->last; }

/* The lowest offset at which copy `index` meets none of the ones before it that live at the same time. */
static size_t lowest_offset(const dn_cpu_copy *copies, int index) {
    const size_t floats = copies[index].bytes / sizeof(float);
    size_t offset = 0;
    for (int k = 0; k < index; k++) {
        const dn_cpu_copy *other = &copies[k];
        const size_t end = other->offset + other->bytes / sizeof(float);
        if (!overlap(other, &copies[index]) || end <= offset || offset + floats <= other->offset) continue;
        offset = end;
        k = -1; /* the new offset may meet earlier ones */
    }
    return offset;
}

static dn_status place_copies(dn_cpu_program *program, dn_error *err) {
    size_t floats = 0;
    for (int i = 0; i < program->copy_count; i++) {
        dn_cpu_copy *copy = &program->copies[i];
        copy->offset = lowest_offset(program->copies, i);
        const size_t end = copy->offset + copy->bytes / sizeof(float);
        if (end > floats) floats = end;
    }
    if (floats == 0) return DN_OK;
    program->base.packed_bytes += floats * sizeof(float);
    return dn_alloc(&program->allocator, (void **)&program->arena, floats, sizeof(float), "reordered activations", err);
}

dn_status dn_cpu_placements(dn_cpu_compile *compile) {
    dn_placement *placements = compile->program->base.placements;
    for (int t = 0; t < compile->graph->tensor_count; t++) placements[t] = alone(compile, t);
    for (int t = 0; t < compile->graph->tensor_count; t++) {
        if (placements[t].parent < 0) continue;
        dn_placement *root = &placements[placements[t].parent];
        if (placements[t].first < root->first) root->first = placements[t].first;
        if (placements[t].last > root->last) root->last = placements[t].last;
    }
    return place_copies(compile->program, compile->err);
}
