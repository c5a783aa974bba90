/* program.h — a compiled graph on the device: what program.c, refresh.c and run.c share. */
#ifndef DN_BACKEND_CUDA_PROGRAM_H
#define DN_BACKEND_CUDA_PROGRAM_H

#include "backend/cuda/cuda.h"
#include "backend/ref/ref.h"

#define DN_CUDA_NONE      SIZE_MAX      /* offset of what has no place */
#define DN_CUDA_ALIGNMENT ((size_t)256) /* of cudaMalloc: what vector loads of libraries may assume */
#define DN_CUDA_GRAPHS    16            /* recorded ranges of ops that a program keeps */

typedef struct dn_cuda_backend {
    dn_backend_base base;
    int device;
    int process; /* that opened it: a forked one cannot use the device */
    cudaStream_t stream;
    cublasHandle_t blas;
    cudnnHandle_t dnn;
} dn_cuda_backend;

/* One op, or several that are computed together, at the place of the first one. */
typedef struct dn_cuda_step {
    bool absorbed;         /* part of an earlier step */
    int batchnorm;         /* op that is folded into the weights, or -1 */
    int biases;            /* tensor of the bias op that is computed with it, or -1 */
    int output;            /* tensor that it writes in place of the op's outputs[0], or -1 */
    dn_ref_state prepared; /* the parameters on the host, as prepare= wants them */
    dn_cuda_state state;
    size_t weights, folded_biases, coefficients, table; /* offsets on the device; DN_CUDA_NONE: none */
} dn_cuda_step;

/* Where a parameter lies on the device. */
typedef struct dn_cuda_slot {
    size_t floats, typed; /* offsets; DN_CUDA_NONE: nobody reads it so; equal where the type is float32 */
    size_t count;
    uint64_t seen; /* version that was uploaded, 0: none */
} dn_cuda_slot;

/* A range of ops without host ops, recorded. */
typedef struct dn_cuda_graph {
    int first, last, images, runs;
    cudaGraphExec_t exec; /* NULL: not recorded yet */
} dn_cuda_graph;

typedef struct dn_cuda_program {
    dn_program_base base;
    dn_graph graph;
    dn_cuda_context context;
    dn_cuda_step *steps; /* one per op */
    dn_cuda_slot *slots;
    int slot_count;
    const float *const *parameters; /* on the host, as of the last refresh: what host ops read */
    size_t *places;                 /* of tensors on the device; DN_CUDA_NONE: none */
    size_t *pinned; /* of tensors in `staging`; DN_CUDA_NONE: copied from and to where the caller has them */
    bool *kept;     /* as in dn_compile_options */
    int *touched;   /* number of the run that read or wrote a tensor last */
    int run_number;
    size_t bytes;   /* of the arena */
    char *arena;    /* device memory, NULL before it is reserved */
    size_t scratch; /* offset of float32 values on their way between types; DN_CUDA_NONE where types agree */
    size_t blas_workspace, workspace; /* offsets */
    char *staging;                    /* pinned host memory: inputs and results of inference, tensors of host ops */
    size_t staging_bytes, host_op_at; /* where those of the running host op begin */
    dn_host_tensor *hosted;           /* inputs and outputs of the host op that is running */
    dn_cuda_tensor *resolved;         /* … of the op that is being launched */
    dn_cuda_graph graphs[DN_CUDA_GRAPHS];
    int graph_count;
} dn_cuda_program;

#define DN_CUDA_BLAS_WORKSPACE ((size_t)32 << 20) /* what NVIDIA recommends for Hopper; less elsewhere */

static inline dn_cuda_program *dn_cuda_program_get(dn_program *program) { return (dn_cuda_program *)(void *)program; }
static inline dn_cuda_backend *dn_cuda_backend_get(dn_backend *backend) { return (dn_cuda_backend *)(void *)backend; }
static inline size_t dn_cuda_type_size(dn_cuda_type type) { return type == DN_CUDA_F32 ? 4 : 2; }
/* Activations are stored in the context's type, all else in 4 bytes. */
bool dn_cuda_is_typed(const dn_cuda_program *program, int tensor);
/* A parameter that is this input of the op is read in that type as well, else as float32. */
bool dn_cuda_reads_typed(const dn_op *op, int input);
static inline void *dn_cuda_at(const dn_cuda_program *program, size_t offset) {
    return offset == DN_CUDA_NONE ? NULL : program->arena + offset;
}

/* group.c: which ops are computed together. */
dn_status dn_cuda_group(dn_cuda_program *program, const dn_compile_options *options, dn_error *err);
/* place.c: offsets of everything on the device and in the staging memory, placements for the caller. */
dn_status dn_cuda_place(dn_cuda_program *program, const dn_allocator *allocator, dn_error *err);

/* backend.c */
dn_status dn_cuda_open(dn_backend **out, const dn_options *options, int device, dn_error *err);
void dn_cuda_close(dn_backend *backend);
dn_status dn_cuda_devices(int *count, dn_error *err);
dn_status dn_cuda_look(int device, dn_device *out, dn_error *err);
/* Makes the device current for the calling thread; fails in a forked process. dn_cuda_leave makes that of before current
 * again: other users of CUDA on the thread notice nothing. */
dn_status dn_cuda_enter(const dn_backend *backend, int *before, dn_error *err);
void dn_cuda_leave(int before);
/* A failure noted in the context becomes an error, and is forgotten. */
dn_status dn_cuda_check(dn_cuda_program *program, dn_error *err);

/* The functions below run between dn_cuda_enter and dn_cuda_leave: library.c. */

/* program.c */
dn_status dn_cuda_compile(dn_backend *backend, const dn_graph *graph, const dn_compile_options *options,
                          dn_program **out, dn_error *err);
dn_status dn_cuda_reserve(dn_program *program, dn_error *err);
void dn_cuda_release(dn_program *program, bool usable); /* usable: the device is current */
/* refresh.c, run.c */
dn_status dn_cuda_refresh(dn_program *program, const float *const *parameters, const uint64_t *versions, dn_error *err);
dn_status dn_cuda_run(dn_program *program, void *const *addresses, int images, int first, int last, dn_error *err);
dn_status dn_cuda_profile(dn_program *program, void *const *addresses, int images, int first, int last,
                          dn_profile *profile, dn_error *err);
dn_status dn_cuda_snapshot(dn_program *program, int tensor, int images, dn_block **out, dn_error *err);

extern const dn_backend_type dn_backend_cuda;

#endif
