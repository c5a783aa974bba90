"""`TrainingNetwork`: a network in training form, over weights that it changes."""
from collections import namedtuple

cimport cython
from libc.stdint cimport uint64_t
from libc.string cimport memset

from pydn._core cimport libdarknet as c
from pydn._core.errors cimport check
from pydn._core.libdarknet cimport (
    dn_clock_time,
    dn_error,
    dn_network,
    dn_network_options,
    dn_options,
    dn_status,
    dn_tensor,
    dn_update,
)
from pydn._core.network cimport Network, fill_network_options
from pydn._core.plan cimport Plan
from pydn._core.threads cimport fill_options
from pydn._core.view cimport Floats, as_array, read_floats, view_of

Figures = namedtuple(
    "Figures",
    "cost matched iou giou objectness recall_50 recall_75 class_count class_score boxes no_objectness class_loss "
    "iou_loss objectness_loss rewritten assigned skipped",
)
Figures.__doc__ = """What one layer's loss reports about a mini-batch: sums, so that they may be added up.

Over the `matched` boxes that a truth was matched with: `iou`, `giou`, `objectness`, `recall_50` and `recall_75` (boxes of
a larger IoU); over the `class_count` of them that have a class: `class_score`; over all `boxes`: `no_objectness`. The
parts `class_loss`, `iou_loss`, `objectness_loss` as the reference prints them; `cost` is the layer's share of the loss;
`rewritten`: boxes that a second truth took over, of all `assigned`; `skipped`: truths that cannot be used (a class that
the head does not have, a place outside of the image, no size).
"""


cdef enum:
    _DELTA
    _GRADIENT
    _MOMENTS
    _INPUT


def measure(Plan plan, *, str device="cpu", str precision="fp32", str outputs="heads", str prepare="fuse", isa=None):
    """Bytes of memory that a network made from a plan would take, without taking them.

    Parameters
    ----------
    plan : Plan
        With `training`, gradients are counted; the parameters themselves are not.
    device, precision, outputs, prepare, isa
        As for `Network`.

    Returns
    -------
    int
        Without what is packed later and the moments of Adam.
    """
    cdef dn_network_options network_options
    cdef dn_options options
    cdef dn_error err
    cdef dn_status status
    cdef uint64_t bytes_needed = 0
    fill_network_options(&network_options, device, precision, outputs, prepare)
    fill_options(&options, isa)
    with nogil:
        status = c.dn_network_measure(&bytes_needed, plan.ptr, &network_options, &options, &err)
    check(status, &err, plan.file)
    return bytes_needed


@cython.no_gc_clear
cdef class TrainingNetwork(Network):
    """TrainingNetwork(cfg, weights=None, **options)

    A network in training form: batch norm by the mini-batch's own statistics, dropout that drops. It takes exactly the
    cfg's mini-batch. Deltas and gradients are minus the derivative of the loss, summed over images, as in darknet.

    Parameters
    ----------
    cfg, weights, options
        As for `Network`; `batch=0` takes the cfg's mini-batch.
    """

    def __cinit__(self, *args, **kwargs):
        if not self.plan.net().training:
            raise ValueError("a TrainingNetwork is made with training=True")

    cdef int stay_open(self, bint is_open) except -1:
        if not is_open:
            raise ValueError("the network is closed")
        return 0

    @property
    def trainer(self):
        """Itself."""
        return self

    def set_clock(self, *, seed=0, iteration=0, seen=0, image=0):
        """Say what random choices and the phases of losses depend on.

        Parameters
        ----------
        seed, iteration, seen, image : int
            Of the run; updates so far; images seen, this mini-batch included; number of its first image in the batch.
        """
        cdef dn_clock_time time
        cdef dn_error err
        cdef dn_status status = c.DN_OK
        cdef bint is_open
        time.seed, time.iteration, time.seen, time.image = seed, iteration, seen, image
        self.lock.enter()
        is_open = self.ptr != NULL
        if is_open:
            status = c.dn_network_set_clock(self.ptr, &time, &err)
        self.lock.leave()
        self.stay_open(is_open)
        check(status, &err, self.plan.file)

    @property
    def truths(self):
        """Values of truth for one image; 0 without a loss."""
        return self.plan.net().truths

    cdef Floats read_truth(self, object truth):
        cdef Floats floats = read_floats(truth, "truth")
        shape = (self.plan.batch * self.plan.steps, self.truths)
        if floats.count != shape[0] * shape[1]:
            floats.release()
            raise ValueError(f"an array of {floats.shape} was given, {shape} was expected")
        return floats

    def set_truth(self, truth):
        """Hand in the truth before a forward: layers with ``assisted_excitation=`` read it then.

        Parameters
        ----------
        truth : (images, truths) float32
            As for `loss`, which needs none after it.
        """
        cdef Floats floats = self.read_truth(truth)
        cdef dn_error err
        cdef dn_status status = c.DN_OK
        cdef dn_network *network
        self.lock.enter()
        network = self.ptr
        if network != NULL:
            status = c.dn_network_set_truth(network, floats.data, &err)
        self.lock.leave()
        floats.release()
        self.stay_open(network != NULL)
        check(status, &err, self.plan.file)

    def loss(self, truth=None):
        """Compare what the last forward computed with the truth; fills the deltas of the heads.

        Parameters
        ----------
        truth : (images, truths) float32, optional
            None: that of the last call.

        Returns
        -------
        float
            Mean over the layers that have a cost, of the sums over the mini-batch.
        """
        cdef Floats floats = None if truth is None else self.read_truth(truth)
        cdef const float *data = NULL if floats is None else floats.data
        cdef double value = 0
        cdef dn_error err
        cdef dn_status status = c.DN_OK
        cdef dn_network *network
        if not self.ran:
            raise ValueError("there are no results yet; call forward first")
        self.lock.enter()
        network = self.ptr
        if network != NULL:
            with nogil:
                status = c.dn_network_loss(network, data, &value, &err)
        self.lock.leave()
        if floats is not None:
            floats.release()
        self.stay_open(network != NULL)
        check(status, &err, self.plan.file)
        return value

    def figures(self, int layer):
        """What the layer's loss reports about the last mini-batch: `Figures`, or None where it has no loss."""
        cdef double values[32]
        cdef int count = 0
        cdef bint is_open
        self.lock.enter()
        is_open = self.ptr != NULL
        if is_open:
            count = c.dn_network_figures(self.ptr, layer, values, 32)
        self.lock.leave()
        self.stay_open(is_open)
        return Figures(*[values[i] for i in range(<int>c.DN_FIGURES)]) if count else None

    def backward(self, int first=0, last=None):
        """Carry the deltas back through layers `last` - 1 down to `first`; parameters' gradients are added to.

        Parameters
        ----------
        first : int
            Where to end.
        last : int, optional
            None: the number of layers. Slices are run last layers first.
        """
        cdef int end = len(self.plan) if last is None else last
        cdef dn_error err
        cdef dn_status status = c.DN_OK
        cdef dn_network *network
        if not self.ran:
            raise ValueError("there are no results yet; call forward first")
        self.lock.enter()
        network = self.ptr
        if network != NULL:
            with nogil:
                status = c.dn_network_backward(network, first, end, &err)
        self.lock.leave()
        self.stay_open(network != NULL)
        check(status, &err, self.plan.file)

    def stop_layer(self, iteration=0):
        """Return the last layer at which `stopbackward=` ends backward in this iteration, -1 when there is none."""
        cdef uint64_t number = iteration
        cdef int layer = -1
        cdef bint is_open
        self.lock.enter()
        is_open = self.ptr != NULL
        if is_open:
            layer = c.dn_network_stop_layer(self.ptr, number)
        self.lock.leave()
        self.stay_open(is_open)
        return layer

    def update(
        self, *, float learning_rate, int images, float momentum=0.9, float decay=0.0, iteration=1,
        int burn_in=0, bint adam=False, float b1=0.9, float b2=0.999,
        float eps=1e-7,
    ):
        """Change the parameters by their gradients.

        Parameters
        ----------
        learning_rate, momentum, decay : float
            As darknet means them.
        images : int
            Whose gradients were summed.
        iteration : int
            Number of this update, from 1.
        burn_in : int
            Of the cfg: layers with `burnin_update=` wait for so many times as many iterations.
        adam : bool
            Adam with `b1`, `b2`, `eps` in place of momentum.
        """
        cdef dn_update settings
        cdef dn_error err
        cdef dn_status status = c.DN_OK
        cdef dn_network *network
        memset(&settings, 0, sizeof(settings))
        settings.struct_size = sizeof(settings)
        settings.learning_rate, settings.momentum, settings.decay = learning_rate, momentum, decay
        settings.images, settings.iteration, settings.adam = images, iteration, adam
        settings.burn_in = burn_in
        settings.b1, settings.b2, settings.eps = b1, b2, eps
        self.lock.enter()
        network = self.ptr
        if network != NULL:
            with nogil:
                status = c.dn_network_update(network, &settings, &err)
        self.lock.leave()
        self.stay_open(network != NULL)
        check(status, &err, self.plan.file)

    def start_adam(self):
        """Make the moments of Adam, all 0; the first update by Adam does it otherwise."""
        cdef dn_error err
        cdef dn_status status = c.DN_OK
        cdef dn_network *network
        self.lock.enter()
        network = self.ptr
        if network != NULL:
            with nogil:
                status = c.dn_network_start_adam(network, &err)
        self.lock.leave()
        self.stay_open(network != NULL)
        check(status, &err, self.plan.file)

    cdef object look_at(self, int index, int what):
        cdef dn_tensor tensor
        cdef bint is_open
        memset(&tensor, 0, sizeof(tensor))
        self.lock.enter()
        is_open = self.ptr != NULL
        if is_open:
            if what == _DELTA:
                tensor = c.dn_network_delta(self.ptr, index)
            elif what == _GRADIENT:
                tensor = c.dn_network_gradient(self.ptr, index)
            elif what == _INPUT:
                tensor = c.dn_network_input_delta(self.ptr)
            else:
                tensor = c.dn_network_moments(self.ptr, index)
            if tensor.block != NULL:
                c.dn_block_retain(tensor.block)
        self.lock.leave()
        try:
            self.stay_open(is_open)
            return None if tensor.data == NULL else as_array(view_of(&tensor, True))
        finally:
            c.dn_block_release(tensor.block)

    def delta(self, int layer):
        """Delta of a layer, writable, live; None where it has none or `outputs="heads"` did not keep it."""
        return self.look_at(layer, _DELTA)

    @property
    def input_delta(self):
        """Delta of the network's input after a backward down to layer 0, live; made with `input_delta=True` only."""
        found = self.look_at(0, _INPUT)
        if found is None:
            raise ValueError("nothing carries a delta to the input: make the network with input_delta=True")
        return found

    def gradient(self, int layer, str name):
        """Gradient of a parameter, in its shape, writable, live; None where nothing trains it."""
        cdef int slot = c.dn_plan_find_slot(self.plan.ptr, layer, name.encode())
        return None if slot < 0 else self.look_at(slot, _GRADIENT)

    def moments(self, int layer, str name):
        """(2, values): the first and the second moment of a parameter, writable, live; None before the first use."""
        cdef int slot = c.dn_plan_find_slot(self.plan.ptr, layer, name.encode())
        return None if slot < 0 else self.look_at(slot, _MOMENTS)
