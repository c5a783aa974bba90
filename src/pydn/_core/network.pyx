"""`Network`: a cfg and weights made ready to run."""
from operator import index

cimport cython
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memset

from pydn._core cimport libdarknet as c
from pydn._core.devices cimport choose_device
from pydn._core.errors cimport check
from pydn._core.libdarknet cimport (
    dn_error,
    dn_network,
    dn_network_options,
    dn_options,
    dn_status,
    dn_tensor,
)
from pydn._core.plan cimport Plan, Planned, choose, plan_again
from pydn._core.results cimport Results, boxes_wanted, heads_wanted
from pydn._core.tensor cimport DeviceFloats, device_floats, is_on_device
from pydn._core.threads cimport RunLock, fill_options
from pydn._core.view cimport Floats, as_array, read_floats, view_of
from pydn._core.weights cimport Weights

from pydn.errors import UnsupportedError

cdef dict _PRECISIONS = {
    "fp32": c.DN_PRECISION_F32,
    "bf16": c.DN_PRECISION_BF16,
    "int8": c.DN_PRECISION_INT8,
    "fp16": c.DN_PRECISION_F16,
    "tf32": c.DN_PRECISION_TF32,
}
cdef dict _KNOWN = {"cpu": ("fp32", "bf16", "int8"), "ref": ("fp32", "bf16", "int8"),
                    "cuda": ("fp32", "tf32", "fp16", "bf16")}  # the engine says which of these "ref" has
cdef dict _OUTPUTS = {"heads": c.DN_OUTPUTS_HEADS, "all": c.DN_OUTPUTS_ALL}
cdef dict _PREPARE = {"none": c.DN_PREPARE_NONE, "fuse": c.DN_PREPARE_FUSE, "binary": c.DN_PREPARE_BINARY}
cdef int _THE_INPUT = -1


cdef int fill_network_options(
    dn_network_options *options, str device, str precision, str outputs, str prepare
) except -1:
    memset(options, 0, sizeof(dn_network_options))
    options.struct_size = sizeof(dn_network_options)
    options.precision = <c.dn_precision><int>choose(_PRECISIONS, precision, "precision")
    options.outputs = <c.dn_outputs><int>choose(_OUTPUTS, outputs, "outputs")
    options.prepare = <c.dn_prepare><int>choose(_PREPARE, prepare, "prepare")
    known = _KNOWN.get(device.partition(":")[0], _PRECISIONS)
    if precision not in known:
        raise UnsupportedError(f"precision {precision} is not for {device}: use {', '.join(known)}")
    return choose_device(options, device)


cdef int check_images(tuple shape, Plan plan) except -1:
    cdef tuple wanted = (plan.channels, plan.height, plan.width)
    cdef int inputs = plan.net().inputs
    flat = plan.height * plan.width <= 1 and shape[1:] in ((inputs,), (inputs, 1, 1))
    if not (flat or shape[1:] == wanted) or not 1 <= shape[0] <= 0x7FFFFFFF:
        wanted = wanted if plan.width else (inputs,)
        raise ValueError(
            f"the network takes (n, {', '.join(map(str, wanted))}), n at least 1; an array of {shape} was given"
        )
    return 0


# What a forward reads. Its memory is held until the object dies or is released.
@cython.final
cdef class Images:
    cdef Floats floats         # one of these two, or none: what is in the network's own input
    cdef DeviceFloats remote
    cdef const float *data
    cdef int64_t count         # of floats; -1: the network's own input
    cdef int images

    cdef int release(self) except -1:
        return 0 if self.floats is None else self.floats.release()


cdef Images images_of(object x, Network network):
    cdef Images given = Images.__new__(Images)
    cdef tuple shape
    given.count = -1
    if x is None:
        return given
    if is_on_device(x):
        kind, _, which = network.device.partition(":")
        if kind != "cuda":
            raise TypeError(f"forward: the array is on a CUDA device, the network on {kind}: give a host copy")
        given.remote = device_floats(x, int(which or 0), "forward")
        shape, given.data, given.count = given.remote.shape, given.remote.data, given.remote.count
    else:
        given.floats = read_floats(x, "forward")
        shape, given.data, given.count = given.floats.shape, given.floats.data, given.floats.count
    check_images(shape, network.plan)
    given.images = shape[0]
    return given


# Under the lock, without Python. `floats`: as many as `data` has, or -1 for what is in the network's own input.
cdef dn_status forward_images(dn_network *network, const float *data, bint remote, int images, int64_t floats,
                              dn_error *err) noexcept nogil:
    cdef dn_tensor own = c.dn_network_input(network)
    if floats < 0:
        return c.dn_network_forward(network, NULL, <int>own.shape[0], err)
    # Somebody may have resized the network since the shape was looked at.
    if floats != own.shape[1] * own.shape[2] * own.shape[3] * images:
        memset(err, 0, sizeof(dn_error))
        return c.DN_E_ARGUMENT
    if remote:
        return c.dn_network_forward_from_device(network, data, images, err)
    return c.dn_network_forward(network, data, images, err)


@cython.no_gc_clear
cdef class Network(Planned):
    """Network(cfg, weights=None, *, device="cpu", precision="fp32", outputs="heads", batch=1, dialect="alexeyab", \
prepare="fuse", files=None, isa=None, width=0, height=0, strict=True, seed=0, cfg_file="", weights_file="", layer_limit=-1, time_steps=0, \
training=False, input_delta=False, frozen=False, alone=False)

    A cfg and weights, made ready to run. Calls from several threads wait for each other.

    Parameters
    ----------
    cfg : bytes-like
        The text.
    weights : bytes-like or Weights, optional
        A weights file or its first layers; the weights of another network, to share them; None: start values.
    device : str
        "cpu", "ref", "cuda" or "cuda:1".
    precision : str
        "fp32", "bf16", "int8", "fp16" or "tf32", where the device has it.
    outputs : {"heads", "all"}
        Whether the outputs of inner layers stay readable.
    batch, width, height : int
        Images per forward, and size of the input; 0: the cfg's size.
    dialect : {"alexeyab", "pjreddie"}
        Whose definitions hold where they differ.
    prepare : {"none", "fuse", "binary"}
        Whether batch norm is folded into the convolutions, and whether xnor layers run on bits.
    files : mapping of str to bytes, optional
        What the cfg refers to.
    isa : str, optional
        The widest instruction set to use.
    strict, layer_limit, seed
        As for `Weights`.
    cfg_file, weights_file : str
        Names for messages.
    time_steps, training, input_delta, frozen
        As for `Plan`.
    alone : bool
        Calls run on the thread that makes them, without the shared pool: for several networks at a time.
    """

    def __cinit__(
        self, cfg, weights=None, *, str device="cpu", str precision="fp32", str outputs="heads", int batch=1,
        str dialect="alexeyab", str prepare="fuse", files=None, isa=None, int width=0, int height=0, bint strict=True,
        seed=0, str cfg_file="", str weights_file="", int layer_limit=-1, int time_steps=0,
        bint training=False, bint input_delta=False, bint frozen=False, bint alone=False,
    ):
        self.lock = RunLock()
        self.device, self.precision, self.outputs, self.prepare = device, precision, outputs, prepare
        self.isa, self.alone = isa, alone
        self.plan = Plan(
            cfg, dialect=dialect, batch=batch, width=width, height=height, files=files, file=cfg_file,
            time_steps=time_steps, training=training, input_delta=input_delta, frozen=frozen,
        )
        if not isinstance(weights, Weights):
            weights = Weights(
                self.plan, weights, strict=strict, layer_limit=layer_limit, seed=seed, file=weights_file
            )
        if (<Weights>weights).whole is not None:
            raise ValueError("the first layers of other weights cannot be shared; hand in their tobytes()")
        self.own_weights = weights
        self.create(isa)
        self.head_count = c.dn_network_heads(self.ptr)
        if self.precision == "int8":
            self.own_weights.freeze()  # quantised once: a later write would have no effect

    def __dealloc__(self):
        with nogil:  # a device's driver may wait for somebody who waits for the GIL
            c.dn_network_free(self.ptr)

    cdef int create(self, object isa) except -1:
        cdef dn_network_options network_options
        cdef dn_options options
        cdef dn_error err
        cdef dn_status status
        cdef Plan plan = self.plan
        cdef Weights weights = self.own_weights
        fill_network_options(&network_options, self.device, self.precision, self.outputs, self.prepare)
        fill_options(&options, isa)
        if self.alone:
            options.pool = NULL
        with nogil:
            status = c.dn_network_create(&self.ptr, plan.ptr, weights.ptr, &network_options, &options, &err)
        return check(status, &err, plan.file)

    # ---- running

    cdef int run(self, object x, bint forward, Results results) except -1:
        cdef Images given = images_of(x, self)
        cdef bint remote = given.remote is not None
        cdef int own = self.plan.batch * self.plan.steps
        cdef dn_error err
        cdef dn_status status = c.DN_OK
        cdef dn_network *network
        if forward and results.images > 0 and results.images != (given.images or own):
            raise ValueError(f"{given.images or own} images, but sizes of {results.images}")
        if not (forward or self.ran) and self.ptr != NULL:
            raise ValueError("there are no results yet; call forward first")
        self.lock.enter()
        network = self.ptr
        if network != NULL:
            with nogil:
                if forward:
                    c.dn_network_set_stay(network, results.on_device)
                    status = forward_images(network, given.data, remote, given.images, given.count, &err)
                    c.dn_network_set_stay(network, False)
                if status == c.DN_OK:
                    self.ran = True
                    status = results.take(network, &err)
                if status == c.DN_OK:
                    status = results.decode(network, &err)
        self.lock.leave()
        given.release()
        if network == NULL:
            raise ValueError("the network is closed")
        if status == c.DN_E_ARGUMENT and err.message[0] == 0:
            raise ValueError("the network was resized by another thread while its input was made")
        return check(status, &err, self.plan.file)

    def forward(self, x=None, *, bint on_device=False):
        """Run the network.

        Parameters
        ----------
        x : (n, channels, height, width) float32, optional
            Any number of images; without it, what is in `input`. A recurrent network takes a multiple of `steps`, at
            most `batch` · `steps`: the first image of every sequence, then the second of every sequence, and so on
            (row = step · sequences + sequence). It continues the sequences of the call before, see `reset_state`.
            A network on a CUDA device also takes an array that is there: a `Tensor`, or what has ``__dlpack__`` or
            ``__cuda_array_interface__``, C-contiguous. It is waited for, and read where it is.
        on_device : bool
            Leave the results on the device, for at most `batch` images: they are not brought to the host, so that
            `decode` and the heads' `layers[i].output` have nothing until the next forward.

        Returns
        -------
        tuple of numpy.ndarray, or of Tensor
            One a head, float32. Later calls never change them.
        """
        cdef Results results = heads_wanted(self.head_count, on_device)
        if on_device and not self.device.startswith("cuda"):
            raise ValueError(f"on_device=True needs a network on a CUDA device, this one is on {self.device}")
        self.run(x, True, results)
        return results.device_arrays() if on_device else results.arrays()

    def step_times(self):
        """Run the network on what is in `input`, and time the steps that the backend makes of the layers.

        Returns
        -------
        list of (layer, algorithm, seconds)
            In the order of running. A step may compute several layers together; it is listed with the first of them.
        """
        cdef int room = 64 + 32 * len(self.plan)
        cdef int count = 0
        cdef dn_error err
        cdef dn_status status = c.DN_OK
        cdef dn_network *network
        cdef c.dn_profile_step *steps = <c.dn_profile_step *>PyMem_Malloc(room * sizeof(c.dn_profile_step))
        if steps == NULL:
            raise MemoryError
        try:
            self.lock.enter()
            network = self.ptr
            if network != NULL:
                with nogil:
                    status = c.dn_network_profile(network, NULL, <int>c.dn_network_input(network).shape[0], steps,
                                                  room, &count, &err)
                self.ran = self.ran or status == c.DN_OK
            self.lock.leave()
            if network == NULL:
                raise ValueError("the network is closed")
            check(status, &err, self.plan.file)
            return [
                (steps[i].layer, steps[i].name.decode(), steps[i].nanoseconds * 1e-9)
                for i in range(min(count, room)) if steps[i].name != NULL
            ]
        finally:
            PyMem_Free(steps)

    def forward_decode(
        self, x, image_sizes, *, float thresh=0.25, float hier=0.5, bint letterbox=False, bint relative=False,
        nms=0.45, nms_method=None, nms_kind=None, nms_beta=None, bint unsuppressed=False,
    ):
        """`forward`, then `decode` for every image, with no other call on this network in between.

        Parameters
        ----------
        x : (n, channels, height, width) float32 or None
            As for `forward`.
        image_sizes : sequence of (width, height)
            Of the original images, one each.
        thresh, hier, letterbox, relative, nms, nms_method, nms_kind, nms_beta
            As for `decode`.
        unsuppressed : bool
            Return the probabilities before the suppression as well: the reference's order of boxes depends on them.

        Returns
        -------
        list of tuple
            What `decode` returns, one an image; with `unsuppressed` a fifth array, (n, classes) float32.
        """
        cdef tuple how = (thresh, hier, letterbox, relative, nms, nms_method, nms_kind, nms_beta)
        cdef bint pjreddie = self.plan.net().dialect == c.DN_PJREDDIE
        cdef Results results = boxes_wanted(0, list(image_sizes), how, pjreddie, unsuppressed)
        self.run(x, True, results)
        return [results.boxes(i) for i in range(results.images)]

    def embeddings(self, int image=0, *, float thresh=0.25):
        """Vectors that tell objects apart, of all boxes of one image of the last forward.

        A [yolo] with `embedding_layer=` has one for every anchor and cell of that layer's output, which therefore
        stays readable (`layers[i].output`) whatever `outputs` says.

        Parameters
        ----------
        image : int
            Number of the image.
        thresh : float
            As for `decode`.

        Returns
        -------
        (n, size) float32
            A row for each row of `decode` with the same `thresh`. Boxes of a head without embeddings have zeros; size
            is 0 where no head has any.
        """
        cdef tuple how = (thresh, 0.5, False, False, None, None, None, None)
        cdef Results results = boxes_wanted(image, [None], how, self.plan.net().dialect == c.DN_PJREDDIE)
        self.run(None, False, results)
        return results.embeddings(0)

    def decode(
        self, int image=0, *, float thresh=0.25, float hier=0.5, image_size=None, bint letterbox=False,
        bint relative=False, nms=0.45, nms_method=None, nms_kind=None, nms_beta=None,
    ):
        """Boxes of all detection heads for one image of the last forward.

        Parameters
        ----------
        image : int
            Number of the image.
        thresh, hier : float
            Lowest score, and in trees of classes how sure a node must be.
        image_size : (width, height), optional
            Of the original image; None: the network's input.
        letterbox : bool
            The input was letterboxed from that image.
        relative : bool
            Boxes in units of the image, else in pixels.
        nms : float or None
            Largest overlap of two boxes; 0 or None: no suppression.
        nms_method : {"sort", "obj", "kind"}, optional
            None: as the dialect's detector does.
        nms_kind : {"default", "greedynms", "diounms", "cornersnms"}, optional
            None: the head's.
        nms_beta : float, optional
            None: the head's.

        Returns
        -------
        boxes : (n, 4) float32
            Centre x, centre y, width, height.
        objectness : (n,) float32
        probabilities : (n, classes) float32
        uncertainty : (n, 4) float32 or None
        """
        cdef tuple how = (thresh, hier, letterbox, relative, nms, nms_method, nms_kind, nms_beta)
        cdef Results results = boxes_wanted(image, [image_size], how, self.plan.net().dialect == c.DN_PJREDDIE)
        self.run(None, False, results)
        return results.boxes(0)

    def reset_state(self):
        """Forget the state of recurrent layers: the next forward begins new sequences."""
        self.lock.enter()
        cdef bint is_open = self.ptr != NULL
        if is_open:
            with nogil:
                c.dn_network_reset_state(self.ptr)
        self.lock.leave()
        if not is_open:
            raise ValueError("the network is closed")

    def resize(self, width, height, *, batch=0):
        """Give the network another input size, or another number of images per forward.

        Views that were taken before stay valid; they show the memory of before. Recurrent layers begin anew.

        Parameters
        ----------
        width, height, batch : int
            0: as it is.
        """
        cdef int new_width = index(width), new_height = index(height), new_batch = index(batch)
        cdef Plan fresh = plan_again(self.plan)
        cdef Plan before  # dropped after the lock is
        cdef dn_error err
        cdef dn_status status = c.DN_OK
        cdef dn_network *network
        self.lock.enter()
        network = self.ptr
        if network != NULL:
            with nogil:
                status = c.dn_network_reshape(network, new_batch, new_width, new_height, &err)
                if status == c.DN_OK:
                    fresh.ptr = <c.dn_plan *>c.dn_network_plan(network)
                    c.dn_plan_retain(fresh.ptr)
            if status == c.DN_OK:
                before, self.plan = self.plan, fresh
                self.ran = False
        self.lock.leave()
        if network == NULL:
            raise ValueError("the network is closed")
        check(status, &err, fresh.file)

    def close(self):
        """Give the memory back, as far as no array stands on it. Facts stay readable; nothing else does."""
        cdef dn_network *network
        self.lock.enter()
        network = self.ptr
        self.ptr = NULL
        self.lock.leave()
        with nogil:
            c.dn_network_free(network)
        self.own_weights = None

    @property
    def closed(self):
        """Whether `close` was called."""
        return self.ptr == NULL

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    # ---- memory

    # The network's input, or the output of a layer; None where there is none.
    cdef object look(self, int layer):
        cdef dn_tensor tensor
        cdef bint is_open
        memset(&tensor, 0, sizeof(tensor))
        self.lock.enter()
        is_open = self.ptr != NULL
        if is_open:
            tensor = c.dn_network_input(self.ptr) if layer == _THE_INPUT else c.dn_network_output(self.ptr, layer)
            if tensor.block != NULL:
                c.dn_block_retain(tensor.block)
        self.lock.leave()
        try:
            if not is_open:
                raise ValueError("the network is closed")
            return None if tensor.data == NULL else as_array(view_of(&tensor, layer == _THE_INPUT))
        finally:
            c.dn_block_release(tensor.block)

    cdef Weights open_weights(self):
        if self.own_weights is None:
            raise ValueError("the network is closed")
        return self.own_weights

    @property
    def input(self):
        """(batch · steps, channels, height, width) float32: what `forward()` without an argument runs on."""
        return self.look(_THE_INPUT)

    @property
    def layers(self):
        """All layers: a sequence of `Layer`."""
        from pydn._core.layer import Layers  # which needs this module

        return Layers(self)

    @property
    def weights(self):
        """The live parameters: a `Weights`."""
        return self.open_weights()

    @property
    def report(self):
        """What was found in the weights file: a `LoadReport`, or None."""
        return self.open_weights().report

    @property
    def trainer(self):
        """The `TrainingNetwork` that trains the weights, None where nothing does."""
        return None

    @property
    def seen(self):
        """How many images the weights were trained on."""
        return self.open_weights().header.seen

    @seen.setter
    def seen(self, value):
        cdef Weights weights = self.open_weights()
        weights.header = weights.header._replace(seen=value)

    def freeze(self):
        """Make all arrays of parameters read-only; see `Weights.freeze`."""
        self.open_weights().freeze()

    @property
    def nbytes(self):
        """Bytes of activations, prepared parameters and workspace."""
        cdef uint64_t size = 0
        cdef bint is_open
        self.lock.enter()
        is_open = self.ptr != NULL
        if is_open:
            size = c.dn_network_bytes(self.ptr)
        self.lock.leave()
        if not is_open:
            raise ValueError("the network is closed")
        return size
