"""`Weights`: the parameters of a network, by layer and name, live."""
import logging
import os
import weakref
from collections import namedtuple
from collections.abc import ItemsView, KeysView, Mapping, ValuesView
from operator import index
from pathlib import Path

import numpy as np

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport uint64_t

from pydn._core cimport libdarknet as c
from pydn._core.errors cimport check
from pydn._core.libdarknet cimport (
    dn_error,
    dn_options,
    dn_status,
    dn_weights_header,
    dn_weights_report,
)
from pydn._core.plan cimport Plan
from pydn._core.threads cimport fill_options
from pydn._core.view cimport Floats, View, as_array, view_of_parameter, write_floats

from pydn.files import write_whole

_log = logging.getLogger("pydn")

cdef extern from "Python.h":
    bytes PyBytes_FromStringAndSize(const char *values, Py_ssize_t size)
    char *PyBytes_AsString(object values) except NULL

cdef object _ADOPT = object()  # the only way to make Weights without a plan; out of Python's reach

Header = namedtuple("Header", ["major", "minor", "revision", "seen"], module=__name__)
Header.__doc__ = "The head of a weights file: version of the format, and how many images were trained on."

LoadReport = namedtuple(
    "LoadReport", ["header", "layers_loaded", "complete", "bytes_used", "bytes_left"], module=__name__
)
LoadReport.__doc__ = "What was found in a weights file."


def ternarized(values):
    """The ternary form of all weights of a layer: a new array of float32."""
    new = np.array(values, np.float32, order="C")
    cdef Floats floats = write_floats(new, "ternarized")
    with nogil:
        c.dn_ternarize(floats.data, floats.count, floats.data)
    floats.release()
    return new


def _read(source):
    """Contents and name of a path; bytes are themselves and have no name."""
    if isinstance(source, (str, os.PathLike)):
        return Path(source).read_bytes(), os.fspath(source)
    return source, ""


@cython.final
@cython.no_gc_clear
cdef class Weights:
    """Weights(plan, data=None, *, strict=True, layer_limit=-1, seed=0, file="")

    Parameters of a network: a mapping from (layer index, name) to a float32 array, in the order of a weights file.

    The arrays are the engine's own memory. A write takes effect at the next forward of every network that uses them.

    Parameters
    ----------
    plan : Plan
        What the cfg says.
    data : bytes-like, optional
        A weights file, or its first layers; without it, start values as darknet gives them.
    strict : bool
        Bytes left over after the last layer are an error.
    layer_limit : int
        Read at most so many layers; negative: all.
    seed : int
        For the start values.
    file : str
        Name of the weights file, for messages.
    """

    def __cinit__(self, plan, data=None, *, bint strict=True, int layer_limit=-1, seed=0, str file=""):
        self.file = file
        self.views = weakref.WeakSet()
        if plan is _ADOPT:
            return
        if not isinstance(plan, Plan):
            raise TypeError(f"a Plan was expected, not {type(plan).__name__}")
        self.plan = plan
        self.layers = len(plan)
        self.create(data, strict, layer_limit, seed)

    def __dealloc__(self):
        c.dn_weights_release(self.ptr)

    cdef int create(self, object data, bint strict, int layer_limit, object seed) except -1:
        cdef dn_options options
        cdef dn_error err
        cdef dn_status status
        cdef dn_weights_report report
        cdef Py_buffer buffer
        cdef uint64_t start = seed
        cdef Plan plan = self.plan
        fill_options(&options, None)
        if data is None:
            with nogil:
                status = c.dn_weights_create(&self.ptr, plan.ptr, start, &options, &err)
            return check(status, &err, plan.file)
        PyObject_GetBuffer(data, &buffer, PyBUF_SIMPLE)
        with nogil:
            status = c.dn_weights_load(
                &self.ptr, plan.ptr, buffer.buf, <size_t>buffer.len, strict, layer_limit, start, &report, &options, &err
            )
        PyBuffer_Release(&buffer)
        check(status, &err, self.file)
        head = Header(report.header.major, report.header.minor, report.header.revision, report.header.seen)
        self.report = LoadReport(
            head, report.layers_loaded, bool(report.complete), report.bytes_used, report.bytes_left
        )
        return 0

    @classmethod
    def load(cls, path, cfg, *, dialect="alexeyab", files=None, strict=True, layer_limit=-1, seed=0):
        """Read a weights file, or the first layers of one.

        Parameters
        ----------
        path : path or bytes-like
            The weights.
        cfg : path, bytes-like or Plan
            What they belong to.
        dialect, files
            As for `Plan`.
        strict, layer_limit, seed
            As for `Weights`.
        """
        if not isinstance(cfg, Plan):
            contents, name = _read(cfg)
            cfg = Plan(contents, dialect=dialect, files=files, file=name)
        contents, name = _read(path)
        return cls(cfg, contents, strict=strict, layer_limit=layer_limit, seed=seed, file=name)

    # ---- as a mapping

    cdef object slot_array(self, int slot):
        cdef Weights whole = self if self.whole is None else self.whole
        cdef View view = view_of_parameter(self.ptr, slot, not whole.fixed)
        array = as_array(view)
        if view.writable:
            whole.views.add(view)
        return array

    cdef object layer_array(self, int layer, str name):
        cdef bytes wanted = name.encode()
        cdef int slot = c.dn_plan_find_slot(self.plan.ptr, layer, wanted)
        return None if slot < 0 else self.slot_array(slot)

    def _keys(self):
        return [(layer, name) for layer, name, _, _ in self.plan.slots() if layer < self.layers]

    def __len__(self):
        return len(self._keys())

    def __iter__(self):
        return iter(self._keys())

    def __contains__(self, key):
        try:
            layer, name = key
            found = 0 <= layer < self.layers and c.dn_plan_find_slot(self.plan.ptr, layer, name.encode()) >= 0
        except (TypeError, ValueError, AttributeError):
            return False
        return found

    def __getitem__(self, key):
        if key not in self:
            raise KeyError(key)
        layer, name = key
        return self.layer_array(layer, name)

    def get(self, key, default=None):
        """The array of a parameter, or `default`."""
        return self[key] if key in self else default

    def keys(self):
        """All (layer index, name), in file order. A layer also answers to parameters that it shares with another."""
        return KeysView(self)

    def values(self):
        """All arrays, in file order."""
        return ValuesView(self)

    def items(self):
        """All keys with their arrays, in file order."""
        return ItemsView(self)

    def __repr__(self):
        return f"<Weights of {self.layers} layers, {self.nbytes} bytes>"

    # ---- as a file

    cdef dn_weights_header file_header(self) noexcept:
        cdef dn_weights_header header = c.dn_weights_get_header(self.ptr)
        if self.whole is not None:
            header.seen = 0  # what starts from the first layers of another network counts its images from 0
        return header

    @property
    def header(self):
        """Version of the format, and images trained on (0 for the first layers only): a `Header`."""
        cdef dn_weights_header header = self.file_header()
        return Header(header.major, header.minor, header.revision, header.seen)

    @header.setter
    def header(self, value):
        cdef dn_weights_header header
        header.major, header.minor, header.revision, header.seen = value
        if self.whole is not None:
            raise ValueError("the header of the first layers cannot be set; set that of the whole weights")
        c.dn_weights_set_header(self.ptr, header)

    @property
    def nbytes(self):
        """Size of `tobytes`."""
        cdef uint64_t size
        cdef dn_error err
        check(c.dn_weights_file_size(self.ptr, self.layers, &size, &err), &err, self.file)
        return size

    cdef object contents(self, bint saved):
        cdef dn_weights_header header = self.file_header()
        cdef uint64_t size
        cdef bytes found
        cdef char *into
        cdef dn_error err
        cdef dn_status status
        if saved:
            check(c.dn_weights_saved_size(self.ptr, self.layers, &size, &err), &err, self.file)
        else:
            size = self.nbytes
        found = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>size)
        into = PyBytes_AsString(found)
        with nogil:
            if saved:
                status = c.dn_weights_write_saved(self.ptr, self.layers, header, into, size, &err)
            else:
                status = c.dn_weights_write(self.ptr, self.layers, header, into, size, &err)
        check(status, &err, self.file)
        return found

    def tobytes(self):
        """A weights file of all parameters: what `save` writes, and layers with ``dontsave=1`` as well."""
        return self.contents(False)

    def save(self, path):
        """Write a weights file, whole or not at all; as darknet's, without layers that have ``dontsave=1``.

        Parameters
        ----------
        path : path
            A file of this name is replaced once the new one is safely on disk.
        """
        write_whole(path, self.contents(True))
        cdef Weights whole = self if self.whole is None else self.whole
        missing = [str(layer) for layer in self.plan.unsaved() if layer < self.layers]
        if missing and not whole.told:
            whole.told = True
            _log.warning(
                "%s: layers with dontsave=1 are left out (%s); darknet reads such files by a cfg that has dontload=1 there "
                "too, and tobytes() has all layers",
                os.fspath(path),
                ", ".join(missing),
            )

    def partial(self, n):
        """The first `n` layers, with no images seen: the same memory, not a copy.

        Parameters
        ----------
        n : int
            0 up to the number of layers.
        """
        cdef Weights part
        n = index(n)
        if not 0 <= n <= self.layers:
            raise ValueError(f"{n} layers were asked for, there are {self.layers}")
        part = Weights.__new__(Weights, _ADOPT, file=self.file)
        part.plan = self.plan
        part.layers = n
        part.whole = self if self.whole is None else self.whole
        part.report = self.report
        part.ptr = self.ptr
        c.dn_weights_retain(part.ptr)
        return part

    @property
    def shadow(self):
        """Whether layers with ``ternary=1`` have weights of full precision, for networks and files to make ternary.

        Training begins it: the arrays are then what it moves, while every network that uses these weights computes
        with ternary ones and `save` writes these. False after loading: weights are computed with as they are.
        """
        return bool(c.dn_weights_get_shadow(self.ptr))

    @shadow.setter
    def shadow(self, bint value):
        c.dn_weights_set_shadow(self.ptr, value)

    def checksum(self):
        """A number that changes when a parameter does; of all layers, also of those that `partial` leaves out."""
        cdef uint64_t sum
        with nogil:
            sum = c.dn_weights_checksum(self.ptr)
        return sum

    # ---- writing

    @property
    def frozen(self):
        """Whether all arrays are read-only."""
        return bool(self.fixed if self.whole is None else self.whole.fixed)

    def freeze(self):
        """Make all arrays of parameters read-only, also those that were handed out.

        From then on no parameter is compared before a forward. A slice that was cut from such an array before is
        numpy's: it stays writable, but what is written through it may take no effect.
        """
        cdef Weights whole = self if self.whole is None else self.whole
        cdef View view
        whole.fixed = True
        for view in list(whole.views):
            view.freeze()
        whole.views.clear()


Mapping.register(Weights)
