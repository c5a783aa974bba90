/* registry.c — backend name → type: those built in, and those that were loaded. */
#include <dlfcn.h>
#include <stdatomic.h>
#include <string.h>

#include "backend/backend.h"
#include "backend/library.h"

#define DN_BACKEND(id) extern const dn_backend_type dn_backend_##id;
#include "backend/registry.inc"
#undef DN_BACKEND

/* The one backend that is not built in. As libraries are opened for the process, so is it known to all of it: the
 * engine's only mutable datum, written once. */
static _Atomic(const dn_backend_type *) loaded_backend;

const dn_backend_type *dn_backend_find(const char *name) {
    static const dn_backend_type *const types[] = {
#define DN_BACKEND(id) &dn_backend_##id,
#include "backend/registry.inc"
#undef DN_BACKEND
    };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(types[i]->name, name) == 0) return types[i];
    }
    const dn_backend_type *type = atomic_load(&loaded_backend);
    return type && strcmp(type->name, name) == 0 ? type : NULL;
}

bool dn_backend_loaded(const char *name) { return dn_backend_find(name) != NULL; }

/* ---- loading ---- */

static dn_status check_library(const char *path, const dn_backend_library *library, dn_error *err) {
    if (strcmp(library->version, DN_VERSION) != 0) {
        return dn_fail(err, DN_E_DEVICE, "%s is of version %s, the engine of %s: install both from one package", path,
                       library->version, DN_VERSION);
    }
    if (library->op_size == sizeof(dn_op) && library->tensor_size == sizeof(dn_tensor_info) &&
        library->type_size == sizeof(dn_backend_type)) {
        return DN_OK;
    }
    return dn_fail(err, DN_E_DEVICE, "%s was built from other sources than the engine: build both together", path);
}

static dn_status open_library(const char *path, const dn_backend_type **out, dn_error *err) {
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL); /* never closed: networks may outlive whoever loaded it */
    if (!handle) return dn_fail(err, DN_E_DEVICE, "%s", dlerror());
    const dn_backend_library *library = dlsym(handle, DN_LIBRARY_SYMBOL);
    if (!library) return dn_fail(err, DN_E_DEVICE, "%s has no symbol %s", path, DN_LIBRARY_SYMBOL);
    DN_TRY(check_library(path, library, err));
    *out = library->type;
    return DN_OK;
}

dn_status dn_backend_load(const char *path, dn_error *err) {
    if (atomic_load(&loaded_backend)) return DN_OK;
    const dn_backend_type *type = NULL;
    DN_TRY(open_library(path, &type, err));
    const dn_backend_type *none = NULL; /* the first of two threads wins */
    (void)atomic_compare_exchange_strong(&loaded_backend, &none, type);
    return DN_OK;
}

/* ---- devices ---- */

static dn_status type_with_devices(const char *name, const dn_backend_type **out, dn_error *err) {
    *out = dn_backend_find(name);
    if (*out && (*out)->devices) return DN_OK;
    return dn_fail(err, DN_E_DEVICE, *out ? "the backend \"%s\" has no devices" : "there is no backend \"%s\"", name);
}

dn_status dn_device_count(const char *backend, int *out, dn_error *err) {
    const dn_backend_type *type = NULL;
    *out = 0;
    DN_TRY(type_with_devices(backend, &type, err));
    return type->devices(out, err);
}

dn_status dn_device_look(const char *backend, int device, dn_device *out, dn_error *err) {
    const dn_backend_type *type = NULL;
    memset(out, 0, sizeof *out);
    DN_TRY(type_with_devices(backend, &type, err));
    return type->look(device, out, err);
}

dn_status dn_device_read(const char *backend, int device, void *into, const void *from, size_t bytes, dn_error *err) {
    const dn_backend_type *type = NULL;
    DN_TRY(type_with_devices(backend, &type, err));
    return type->read(device, into, from, bytes, err);
}

dn_status dn_device_wait(const char *backend, int device, uintptr_t stream, dn_error *err) {
    const dn_backend_type *type = NULL;
    DN_TRY(type_with_devices(backend, &type, err));
    return type->wait(device, stream, err);
}

dn_status dn_device_of(const char *backend, const void *data, int *out, dn_error *err) {
    const dn_backend_type *type = NULL;
    DN_TRY(type_with_devices(backend, &type, err));
    *out = type->whose(data);
    return DN_OK;
}
