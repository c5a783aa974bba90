/* library.c — the "cuda" backend as the engine sees it. For each of its calls the device becomes current, and the thread
 * has its own again afterwards. */
#include "backend/library.h"

#include "backend/cuda/program.h"

/* `call`, which gives a dn_status, on the device of `owner`. */
#define ON_DEVICE(owner, call)                                                                                         \
    int before;                                                                                                        \
    DN_TRY(dn_cuda_enter(owner, &before, err));                                                                        \
    const dn_status status = (call);                                                                                   \
    dn_cuda_leave(before);                                                                                             \
    return status

static dn_backend *owner_of(const dn_program *program) { return dn_program_get(program)->backend; }

static bool supports(const dn_backend *backend, const dn_graph *graph, const dn_op *op) {
    (void)backend;
    return dn_ref_supports(graph, op);
}

static dn_status compile(dn_backend *backend, const dn_graph *graph, const dn_compile_options *options,
                         dn_program **out, dn_error *err) {
    ON_DEVICE(backend, dn_cuda_compile(backend, graph, options, out, err));
}

static dn_status reserve(dn_program *program, dn_error *err) {
    ON_DEVICE(owner_of(program), dn_cuda_reserve(program, err));
}

static void release(dn_program *program) {
    if (!program) return;
    int before;
    const bool usable = dn_cuda_enter(owner_of(program), &before, NULL) == DN_OK;
    dn_cuda_release(program, usable);
    if (usable) dn_cuda_leave(before);
}

static dn_status refresh(dn_program *program, const float *const *parameters, const uint64_t *versions, dn_error *err) {
    ON_DEVICE(owner_of(program), dn_cuda_refresh(program, parameters, versions, err));
}

static dn_status run(dn_program *program, void *const *addresses, int images, int first, int last, dn_error *err) {
    ON_DEVICE(owner_of(program), dn_cuda_run(program, addresses, images, first, last, err));
}

static dn_status profile(dn_program *program, void *const *addresses, int images, int first, int last, dn_profile *into,
                         dn_error *err) {
    ON_DEVICE(owner_of(program), dn_cuda_profile(program, addresses, images, first, last, into, err));
}

static dn_status snapshot(dn_program *program, int tensor, int images, dn_block **out, dn_error *err) {
    ON_DEVICE(owner_of(program), dn_cuda_snapshot(program, tensor, images, out, err));
}

const dn_backend_type dn_backend_cuda = {
    .name = "cuda",
    .device = 0,
    .open = dn_cuda_open,
    .close = dn_cuda_close,
    .supports = supports,
    .compile = compile,
    .reserve = reserve,
    .release = release,
    .refresh = refresh,
    .run = run,
    .profile = profile,
    .devices = dn_cuda_devices,
    .look = dn_cuda_look,
    .snapshot = snapshot,
    .read = dn_cuda_read,
    .wait = dn_cuda_wait,
    .whose = dn_cuda_whose,
};

DN_API const dn_backend_library dn_cuda_library;
const dn_backend_library dn_cuda_library = {DN_VERSION, sizeof(dn_op), sizeof(dn_tensor_info), sizeof(dn_backend_type),
                                            &dn_backend_cuda};
