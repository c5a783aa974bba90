"""What the engine reports: a status becomes an exception, a log message goes to `logging` under "pydn"."""
import logging
from threading import get_ident

from pydn._core cimport libdarknet as c
from pydn._core.libdarknet cimport dn_error, dn_log_level, dn_status

from pydn.errors import (
    CfgError,
    DeviceError,
    OutOfMemoryError,
    ShapeError,
    UnsupportedError,
    WeightsError,
)

EXCEPTIONS = {
    <int>c.DN_E_NOMEM: OutOfMemoryError,
    <int>c.DN_E_ARGUMENT: ValueError,
    <int>c.DN_E_PARSE: CfgError,
    <int>c.DN_E_SHAPE: ShapeError,
    <int>c.DN_E_WEIGHTS: WeightsError,
    <int>c.DN_E_UNSUPPORTED: UnsupportedError,
    <int>c.DN_E_DEVICE: DeviceError,
}

_logger = logging.getLogger("pydn")
_pending = {}  # thread → [(level, message)]


cdef str text(const char *bytes):
    # What a cfg says is repeated in messages, and an old cfg may be in any encoding.
    return bytes.decode("utf-8", "replace")


cdef void collect(void *user, dn_log_level level, const char *message) noexcept nogil:
    with gil:
        try:
            _pending.setdefault(get_ident(), []).append((<int>level, text(message)))
        except Exception:
            pass  # no memory for a message: the work itself goes on


cdef int report(str file) except -1:
    for level, message in _pending.pop(get_ident(), ()):
        _logger.log(level, "%s", f"{file}: {message}" if file else message)
    return 0


def _leading_number(words):
    number = words.partition(" ")[0]
    return int(number) if number.isdecimal() else None


def _exception(kind, message, file, line, layer, section, key, expected, found, needed, available):
    if issubclass(kind, ShapeError):
        return kind(message, layer=layer, file=file, line=line, section=section, key=key, expected=expected, found=found)
    if issubclass(kind, CfgError):
        return kind(message, file=file, line=line, section=section, key=key, expected=expected, found=found)
    if issubclass(kind, WeightsError):
        return kind(message, file=file, layer=layer, needed=needed, found=_leading_number(found))
    if issubclass(kind, UnsupportedError):
        return kind(message, file=file, line=line, layer=layer)
    if issubclass(kind, OutOfMemoryError):
        return kind(message, needed=needed, free=available)
    return kind(message)


cdef int check(dn_status status, const dn_error *err, str file) except -1:
    if _pending:
        report(file)
    if status == c.DN_OK:
        return 0
    raise _exception(
        EXCEPTIONS[<int>status],
        text(err.message) or text(c.dn_status_name(status)),
        file,
        err.line,
        err.layer if err.layer >= 0 else None,
        text(err.section),
        text(err.key),
        text(err.expected),
        text(err.found),
        err.needed or None,
        err.available or None,
    )
