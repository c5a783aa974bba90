/* library.h — what the separately loaded library shows to the engine: one symbol, dn_cuda_library. */
#ifndef DN_BACKEND_LIBRARY_H
#define DN_BACKEND_LIBRARY_H

#include "backend/backend.h"

#define DN_LIBRARY_SYMBOL "dn_cuda_library"

typedef struct dn_backend_library {
    const char *version;                    /* of the engine it was built with: DN_VERSION; another one is refused */
    size_t op_size, tensor_size, type_size; /* of dn_op, dn_tensor_info, dn_backend_type: must be the engine's */
    const dn_backend_type *type;
} dn_backend_library;

#endif
