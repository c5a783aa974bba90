"""Devices, and the libraries of backends that are not built in."""
from os import fsencode

from pydn._core cimport libdarknet as c
from pydn._core.errors cimport check, text
from pydn._core.libdarknet cimport dn_device, dn_error, dn_network_options, dn_status

cdef const char *_CUDA = "cuda"
cdef const char *_CPU = "cpu"
cdef const char *_REF = "ref"


def load_library(path):
    """Load the library of the backend "cuda", once for the process: a second call, with any path, changes nothing.

    Parameters
    ----------
    path : str or os.PathLike
        Of the library.

    Raises
    ------
    DeviceError
        If it, or a library that it needs, cannot be opened, or if it was built for another version of the engine.
    """
    cdef dn_error err
    cdef dn_status status
    cdef bytes name = fsencode(path)
    cdef const char *file = name
    with nogil:
        status = c.dn_backend_load(file, &err)
    check(status, &err, "")


def library_loaded():
    """Whether `load_library` has succeeded."""
    return bool(c.dn_backend_loaded(_CUDA))


def device_count():
    """How many CUDA devices there are.

    Raises
    ------
    DeviceError
        If the driver does not say.
    """
    cdef dn_error err
    cdef dn_status status
    cdef int count = 0
    with nogil:
        status = c.dn_device_count(_CUDA, &count, &err)
    check(status, &err, "")
    return count


def look(int device):
    """What is known of a CUDA device, also where it cannot be used.

    Returns
    -------
    name : str
    major, minor : int
        What it can compute: 9, 0.
    memory, free : int
        Bytes; 0 where not known.
    problem : str
        Why it cannot be used; "" where it can.
    """
    cdef dn_error err
    cdef dn_status status
    cdef dn_device found
    with nogil:
        status = c.dn_device_look(_CUDA, device, &found, &err)
    problem = "" if status == c.DN_OK else text(err.message) or text(c.dn_status_name(status))
    return text(found.name), found.major, found.minor, found.memory, found.available, problem


cdef int choose_device(dn_network_options *options, str device) except -1:
    kind, colon, which = device.partition(":")
    numbered = kind == "cuda" and which.isascii() and which.isdecimal()
    if kind not in ("cpu", "ref", "cuda") or (colon and not numbered):
        raise ValueError(f"device is {device!r}; 'cpu', 'ref', 'cuda' or 'cuda:1' was expected")
    options.device = min(int(which or 0), 0x7FFFFFFF)
    options.backend = _CPU if kind == "cpu" else _REF
    if kind == "cuda":
        options.backend = _CUDA
        from pydn.device import use_cuda  # which needs this module; only who asks for a device loads anything

        use_cuda(options.device)
    return 0
