"""`Plan`: what a cfg says, as Python values. Needs neither weights nor memory for a network."""
import numpy as np

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.mem cimport PyMem_Calloc, PyMem_Free
from libc.stdint cimport int64_t
from libc.string cimport memset

from pydn._core cimport libdarknet as c
from pydn._core.errors cimport check, text
from pydn._core.libdarknet cimport (
    dn_error,
    dn_fact,
    dn_layer_facts,
    dn_net_facts,
    dn_options,
    dn_plan,
    dn_plan_options,
    dn_resource,
    dn_slot_facts,
    dn_status,
    dn_unused_option,
)
from pydn._core.threads cimport fill_options

cdef object _ADOPT = object()  # the only way to make a Plan without a cfg; out of Python's reach
cdef dict _DIALECTS = {"alexeyab": c.DN_ALEXEYAB, "pjreddie": c.DN_PJREDDIE}


cdef int choose(dict choices, object name, str what) except? -1:
    try:
        return choices[name]
    except (KeyError, TypeError):
        raise ValueError(f"{what} is {name!r}; one of {', '.join(map(repr, choices))} was expected") from None


cdef tuple shape4(const int64_t *shape):
    return (shape[0], shape[1], shape[2], shape[3])


# A number as the cfg writes it: 0.1 was read as a float32, and is not 0.10000000149.
cdef object number(double value):
    if abs(value) < 1e15 and value == <int64_t>value:
        return <int64_t>value
    return float(str(np.float32(value))) if value == <float>value else value


cdef object fact_value(dn_fact fact):
    if fact.count < 0:
        return text(fact.text)
    if fact.count == 1:
        return number(fact.numbers[0])
    return tuple([number(fact.numbers[i]) for i in range(fact.count)])


cdef dict facts_of(const dn_plan *plan, int layer):
    cdef dict facts = {}
    cdef int i = 0
    cdef dn_fact fact = c.dn_plan_fact(plan, layer, 0)
    while fact.name != NULL:
        facts[text(fact.name)] = fact_value(fact)
        i += 1
        fact = c.dn_plan_fact(plan, layer, i)
    return facts


@cython.final
@cython.no_gc_clear
cdef class Plan:
    """Plan(cfg, *, dialect="alexeyab", batch=0, width=0, height=0, files=None, file="", time_steps=0, \
training=False, input_delta=False, frozen=False)

    A parsed cfg with the shapes of its layers.

    Parameters
    ----------
    cfg : bytes-like
        The text.
    dialect : {"alexeyab", "pjreddie"}
        Whose definitions hold where they differ.
    batch, width, height : int
        Images per forward (0: 1) and size of the input (0: the cfg's).
    files : mapping of str to bytes, optional
        What the cfg refers to, under the names it uses.
    file : str
        Name of the cfg, for messages.
    time_steps : int
        Of recurrent networks, per forward (0: the cfg's).
    training : bool
        For a `TrainingNetwork`; `batch=0` is then the cfg's mini-batch.
    input_delta : bool
        With `training`: backward reaches the network's input.
    frozen : bool
        With `input_delta`: backward is for the input alone. Parameters have no gradients, and batch norm computes by the
        rolling statistics, which stay.
    """

    def __cinit__(
        self, cfg, *, dialect="alexeyab", int batch=0, int width=0, int height=0, files=None, str file="",
        int time_steps=0, bint training=False, bint input_delta=False, bint frozen=False,
    ):
        cdef dn_plan_options plan_options
        self.file = file
        if cfg is _ADOPT:
            return
        memset(&plan_options, 0, sizeof(plan_options))
        plan_options.struct_size = sizeof(plan_options)
        plan_options.dialect = <c.dn_dialect>choose(_DIALECTS, dialect, "dialect")
        plan_options.batch = batch
        plan_options.width = width
        plan_options.height = height
        plan_options.time_steps = time_steps
        plan_options.training = training
        plan_options.input_delta, plan_options.frozen = input_delta, frozen
        self.text, self.files = bytes(memoryview(cfg)), {name: bytes(contents) for name, contents in (files or {}).items()}
        self.parse(self.text)
        self.create(&plan_options, self.files)

    def __dealloc__(self):
        c.dn_plan_release(self.ptr)
        c.dn_cfg_release(self.cfg)

    cdef int parse(self, object source) except -1:
        cdef dn_options options
        cdef dn_error err
        cdef dn_status status
        cdef Py_buffer buffer
        fill_options(&options, None)
        PyObject_GetBuffer(source, &buffer, PyBUF_SIMPLE)
        with nogil:
            status = c.dn_cfg_parse(&self.cfg, <const char *>buffer.buf, <size_t>buffer.len, &options, &err)
        PyBuffer_Release(&buffer)
        return check(status, &err, self.file)

    cdef int create(self, dn_plan_options *plan_options, object files) except -1:
        cdef dn_options options
        cdef dn_error err
        cdef dn_status status
        cdef Py_ssize_t i
        cdef list held = [(name.encode(), bytes(contents)) for name, contents in files.items()]
        cdef dn_resource *resources = <dn_resource *>PyMem_Calloc(len(held) + 1, sizeof(dn_resource))
        if resources == NULL:
            raise MemoryError
        try:
            for i in range(len(held)):
                resources[i].name = <const char *><bytes>held[i][0]
                resources[i].bytes = <const char *><bytes>held[i][1]
                resources[i].size = len(held[i][1])
            plan_options.resources = resources
            plan_options.resource_count = <int>len(held)
            fill_options(&options, None)
            with nogil:
                status = c.dn_plan_create(&self.ptr, self.cfg, plan_options, &options, &err)
        finally:
            PyMem_Free(resources)
        return check(status, &err, self.file)

    cdef dn_net_facts net(self) noexcept:
        cdef dn_net_facts facts
        c.dn_plan_net(self.ptr, &facts)
        return facts

    cdef int layer(self, int index, dn_layer_facts *out) except -1:
        cdef dn_error err
        return check(c.dn_plan_layer(self.ptr, index, out, &err), &err, self.file)

    cdef dict options_of(self, int section):
        cdef dict options = {}
        cdef int i
        for i in range(c.dn_cfg_options(self.cfg, section)):
            # As in darknet, the first of two equal keys counts.
            options.setdefault(
                text(c.dn_cfg_option_key(self.cfg, section, i)), text(c.dn_cfg_option_value(self.cfg, section, i))
            )
        return options

    def __len__(self):
        """Number of layers."""
        return self.net().layers

    @property
    def width(self):
        """Columns of the input."""
        return self.net().width

    @property
    def height(self):
        """Rows of the input."""
        return self.net().height

    @property
    def channels(self):
        """Channels of the input."""
        return self.net().channels

    @property
    def batch(self):
        """Images per forward of this plan."""
        return self.net().batch

    @property
    def cfg_batch(self):
        """``batch=`` of the cfg."""
        return self.net().cfg_batch

    @property
    def subdivisions(self):
        """``subdivisions=`` of the cfg."""
        return self.net().subdivisions

    @property
    def time_steps(self):
        """``time_steps=`` of the cfg."""
        return self.net().time_steps

    @property
    def steps(self):
        """Time steps per forward; 1 without a recurrent layer."""
        return self.net().steps

    @property
    def parameters(self):
        """Number of float32 values in a weights file."""
        return self.net().parameters

    @property
    def flops(self):
        """Operations for one image; a multiplication and an addition are two."""
        return self.net().flops

    @property
    def dialect(self):
        """Whose definitions hold where they differ: "alexeyab" or "pjreddie"."""
        return "pjreddie" if self.net().dialect == c.DN_PJREDDIE else "alexeyab"

    @property
    def letter_box(self):
        """Whether the cfg asks for letterboxed input."""
        return bool(self.net().letter_box)

    @property
    def options(self):
        """[net] as the cfg has it."""
        return self.options_of(0)

    @property
    def unused_options(self):
        """(section, key, value, line) of all options that nothing reads."""
        cdef list unused = []
        cdef int i = 0
        cdef dn_unused_option option = c.dn_plan_unused_option(self.ptr, 0)
        while option.section >= 0:
            unused.append((
                text(c.dn_cfg_section_name(self.cfg, option.section)),
                text(c.dn_cfg_option_key(self.cfg, option.section, option.option)),
                text(c.dn_cfg_option_value(self.cfg, option.section, option.option)),
                c.dn_cfg_option_line(self.cfg, option.section, option.option),
            ))
            i += 1
            option = c.dn_plan_unused_option(self.ptr, i)
        return unused

    @property
    def classes(self):
        """Classes of the last detection head; 0 where there is none."""
        cdef dn_layer_facts facts
        cdef int i
        for i in range(len(self) - 1, -1, -1):
            self.layer(i, &facts)
            if facts.detector:
                return facts_of(self.ptr, i).get("classes", 0)
        return 0

    @property
    def anchors(self):
        """(n, 2) float32: width and height of the anchors of the last head that has them; empty where none has."""
        cdef int i
        for i in range(len(self) - 1, -1, -1):
            found = facts_of(self.ptr, i).get("anchors", ())
            if isinstance(found, tuple) and found:
                return np.array(found, np.float32)[:len(found) // 2 * 2].reshape(-1, 2)
        return np.zeros((0, 2), np.float32)

    @property
    def heads(self):
        """Indexes of the layers whose outputs leave the network."""
        cdef dn_layer_facts facts
        cdef list heads = []
        cdef int i
        for i in range(len(self)):
            self.layer(i, &facts)
            if facts.head:
                heads.append(i)
        return tuple(heads)

    @property
    def kinds(self):
        """Names of the layers' sections, in order."""
        cdef dn_layer_facts facts
        cdef int i
        cdef list kinds = []
        for i in range(len(self)):
            self.layer(i, &facts)
            kinds.append(text(facts.kind))
        return tuple(kinds)

    def facts(self, int layer):
        """What the engine read of a layer (-1: of [net]), defaults filled in: numbers, tuples of numbers, texts."""
        if not -1 <= layer < len(self):
            raise IndexError(f"layer {layer}: there are {len(self)}")
        return facts_of(self.ptr, layer)

    def slots(self):
        """(layer, name, shape, stored) of all parameters, in the order of a weights file."""
        cdef dn_slot_facts slot
        cdef dn_error err
        cdef list slots = []
        cdef int i
        for i in range(c.dn_plan_slots(self.ptr)):
            check(c.dn_plan_slot(self.ptr, i, &slot, &err), &err, self.file)
            shape = tuple([slot.shape[k] for k in range(slot.dimensions)])
            slots.append((slot.layer, text(slot.name), shape, bool(slot.stored)))
        return slots

    def unsaved(self):
        """Layers that ``dontsave=1`` keeps out of a weights file from which they would be filled again, in order."""
        cdef dn_slot_facts slot
        cdef dn_error err
        cdef list found = []
        cdef int i
        for i in range(c.dn_plan_slots(self.ptr)):
            check(c.dn_plan_slot(self.ptr, i, &slot, &err), &err, self.file)
            if slot.stored and not slot.saved and slot.layer not in found[-1:]:
                found.append(slot.layer)
        return found


cdef Plan plan_again(Plan before):
    cdef Plan plan = Plan.__new__(Plan, _ADOPT, file=before.file)
    plan.cfg = before.cfg
    plan.text, plan.files = before.text, before.files
    c.dn_cfg_retain(plan.cfg)
    return plan


cdef class Planned:
    """What is known of a network from its plan alone. Made as a part of a `Network` only."""

    def facts(self, int layer):
        """What the engine read of a layer (-1: of [net]), defaults filled in: numbers, tuples of numbers, texts."""
        return self.plan.facts(layer)

    @property
    def width(self):
        """Columns of the input."""
        return self.plan.width

    @property
    def height(self):
        """Rows of the input."""
        return self.plan.height

    @property
    def channels(self):
        """Channels of the input."""
        return self.plan.channels

    @property
    def batch(self):
        """Images per forward (a call with more runs in slices of so many); in recurrent networks sequences."""
        return self.plan.batch

    @property
    def cfg_batch(self):
        """``batch=`` of the cfg: images per training iteration."""
        return self.plan.cfg_batch

    @property
    def subdivisions(self):
        """``subdivisions=`` of the cfg."""
        return self.plan.subdivisions

    @property
    def time_steps(self):
        """``time_steps=`` of the cfg."""
        return self.plan.time_steps

    @property
    def steps(self):
        """Time steps per forward: the cfg's or what was asked for; 1 without a recurrent layer."""
        return self.plan.steps

    @property
    def classes(self):
        """Classes of the detection heads; 0 where there are none."""
        return self.plan.classes

    @property
    def anchors(self):
        """(n, 2) float32: width and height of the anchors of the detection heads; empty where there are none."""
        return self.plan.anchors

    @property
    def head_layers(self):
        """Indexes of the layers whose outputs `forward` returns."""
        return self.plan.heads

    @property
    def dialect(self):
        """Whose definitions hold where they differ: "alexeyab" or "pjreddie"."""
        return self.plan.dialect

    @property
    def letter_box(self):
        """Whether the cfg asks for letterboxed input."""
        return self.plan.letter_box

    @property
    def options(self):
        """[net] as the cfg has it."""
        return self.plan.options

    @property
    def unused_options(self):
        """(section, key, value, line) of all options that nothing reads."""
        return self.plan.unused_options

    @property
    def flops(self):
        """Operations for one image; a multiplication and an addition are two."""
        return self.plan.flops

    @property
    def parameters(self):
        """Number of float32 values in a weights file."""
        return self.plan.parameters
