/* run.c — the steps in order, each split over threads when that pays. Allocates nothing. */
#include "backend/cpu/program.h"
#include "base/clock.h"

#define WORTH_THE_POOL 20000.0 /* nanoseconds of work, against the few thousand that waking the others takes */

/* ---- what the methods ask ---- */

float *dn_cpu_data(const dn_cpu_call *call, const dn_cpu_place *place, int row) {
    float *base;
    if (place->tensor >= 0) {
        base = (float *)call->addresses[place->tensor];
    } else {
        base = call->program->arena + call->program->copies[place->copy].offset;
    }
    return base + place->offset + (size_t)row * place->image;
}

dn_cpu_view dn_cpu_view_of(const dn_cpu_call *call, const dn_cpu_place *place, int row) {
    return (dn_cpu_view){dn_cpu_data(call, place, row), place->shape.c, place->shape.h, place->shape.w};
}

const float *dn_cpu_packed(const dn_cpu_call *call) { return call->program->packed + call->step->packed; }

/* A pool may have grown since scratch was allocated, so threads share the pieces there are. A piece is held for one
 * task, hence one comes free soon; in the usual case the first try succeeds. */
float *dn_cpu_scratch_take(const dn_cpu_call *call, int thread, int *taken) {
    const dn_cpu_program *program = call->program;
    *taken = -1;
    if (call->step->scratch_floats == 0) return NULL;
    int piece = thread % program->scratch_count;
    while (atomic_exchange_explicit(&program->scratch_taken[piece], true, memory_order_acquire)) {
        piece = (piece + 1) % program->scratch_count;
    }
    *taken = piece;
    return program->scratch + (size_t)piece * program->scratch_floats;
}

void dn_cpu_scratch_give(const dn_cpu_call *call, int taken) {
    if (taken < 0) return;
    atomic_store_explicit(&call->program->scratch_taken[taken], false, memory_order_release);
}

/* ---- the loop ---- */

static void work(void *user, int task, int thread) {
    const dn_cpu_call *call = user;
    const dn_cpu_step *step = call->step;
    const int row = task / call->tasks;
    const int first = task % call->tasks * step->grain;
    const int last = step->units - first < step->grain ? step->units : first + step->grain;
    step->method->work(call, row, first, last, thread);
}

static void run_step(dn_cpu_program *program, const dn_cpu_step *step, void *const *addresses, int images) {
    dn_cpu_call call = {.program = program, .step = step, .addresses = addresses, .images = images, .rows = images};
    if (step->y.tensor >= 0 || step->y.copy >= 0) call.rows = step->y.shape.n / program->graph.batch * images;
    call.tasks = (step->units + step->grain - 1) / step->grain;
    const int total = step->whole ? call.tasks : call.tasks * call.rows;
    const double cost = step->cost * call.rows;
    if (total > 1 && cost >= WORTH_THE_POOL) {
        dn_pool_run(program->pool, total, work, &call);
    } else {
        for (int task = 0; task < total; task++) work(&call, task, 0);
    }
}

static dn_status check_images(const dn_cpu_program *program, int images, dn_error *err) {
    if (images >= 1 && images <= program->graph.batch) return DN_OK;
    return dn_fail(err, DN_E_ARGUMENT, "%d images, the program is made for 1 to %d", images, program->graph.batch);
}

dn_status dn_cpu_run(dn_program *base, void *const *addresses, int images, int first, int last, dn_error *err) {
    dn_cpu_program *program = (dn_cpu_program *)(void *)base;
    DN_TRY(check_images(program, images, err));
    for (int i = 0; i < program->step_count; i++) {
        const dn_cpu_step *step = &program->steps[i];
        if (step->position >= first && step->position < last) run_step(program, step, addresses, images);
    }
    return DN_OK;
}

/* ---- the same, timed ---- */

static void note(dn_profile_step *noted, const dn_cpu_program *program, const dn_cpu_step *step, uint64_t taken) {
    const int op = step->group ? step->group->op : step->position;
    noted->layer = op < program->graph.op_count ? program->graph.ops[op].layer : -1;
    noted->name = step->method == &dn_cpu_method_conv ? step->as.conv.name : step->method->name;
    noted->nanoseconds += taken;
}

dn_status dn_cpu_profile(dn_program *base, void *const *addresses, int images, int first, int last, dn_profile *profile,
                         dn_error *err) {
    dn_cpu_program *program = (dn_cpu_program *)(void *)base;
    DN_TRY(check_images(program, images, err));
    profile->count = program->step_count;
    for (int i = 0; i < program->step_count; i++) {
        const dn_cpu_step *step = &program->steps[i];
        if (step->position < first || step->position >= last) continue;
        const uint64_t start = dn_clock_now();
        run_step(program, step, addresses, images);
        if (i < profile->room) note(&profile->steps[i], program, step, dn_clock_since(start));
    }
    return DN_OK;
}
