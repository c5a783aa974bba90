from pydn._core.libdarknet cimport dn_error, dn_log_level, dn_status

# Logs what the engine reported during the call, then raises unless `status` is DN_OK. `file` names what was read.
cdef int check(dn_status status, const dn_error *err, str file) except -1

# The engine's log callback: keeps the message until `check`, because a handler must not run while a lock is held.
cdef void collect(void *user, dn_log_level level, const char *message) noexcept nogil

# UTF-8 of the engine, or what it repeats of a file in any encoding.
cdef str text(const char *bytes)
