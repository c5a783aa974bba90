from pydn._core.libdarknet cimport dn_network_options

# Backend and number of a device such as "cpu" or "cuda:1". Of a CUDA device the library is loaded, and it is looked
# whether the device can be used.
cdef int choose_device(dn_network_options *options, str device) except -1
