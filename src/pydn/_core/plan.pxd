from pydn._core.libdarknet cimport dn_cfg, dn_layer_facts, dn_net_facts, dn_plan, dn_plan_options


# A parsed cfg with its shapes; never changes, so it may be read while its network runs.
cdef class Plan:
    cdef dn_plan *ptr
    cdef dn_cfg *cfg
    cdef readonly str file
    cdef readonly bytes text   # of the cfg
    cdef readonly dict files   # what it refers to, by name
    cdef dn_net_facts net(self) noexcept
    cdef int layer(self, int index, dn_layer_facts *out) except -1
    cdef dict options_of(self, int section)


    cdef int parse(self, object source) except -1
    cdef int create(self, dn_plan_options *plan_options, object files) except -1


# For the same cfg; the caller sets `ptr`, with a reference of its own.
cdef Plan plan_again(Plan before)

# The number that a name stands for, or a ValueError that lists the names.
cdef int choose(dict choices, object name, str what) except? -1


cdef class Planned:
    cdef readonly Plan plan  # as of the last resize
