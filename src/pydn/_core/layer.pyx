"""`Layer`: a look at one layer of a network; `Layers`: the sequence of them."""
from collections.abc import Sequence

cimport cython

from pydn._core.libdarknet cimport dn_layer_facts
from pydn._core.network cimport Network
from pydn._core.weights cimport Weights


@cython.final
cdef class Layers:
    """The layers of a network, a sequence of `Layer`."""

    def __cinit__(self, Network network not None):
        self.network = network

    def __len__(self):
        return len(self.network.plan)

    def __getitem__(self, index):
        cdef Py_ssize_t count = len(self.network.plan)
        if isinstance(index, slice):
            return [Layer(self.network, i) for i in range(*index.indices(count))]
        i = index.__index__()
        if not -count <= i < count:
            raise IndexError(f"layer {i}: there are {count}")
        return Layer(self.network, i % count)

    def __iter__(self):
        return iter(self[:])

    def __repr__(self):
        return f"<{len(self)} layers>"


Sequence.register(Layers)


@cython.final
cdef class Layer:
    """Layer(network, index)

    A look at one layer of a network. Its arrays are the engine's own memory.
    """

    def __cinit__(self, Network network not None, int index):
        if not 0 <= index < len(network.plan):
            raise IndexError(f"layer {index}: there are {len(network.plan)}")
        self.network = network
        self.index = index

    # The index was checked when the Layer was made, and no plan of the network has another number of layers.
    cdef dn_layer_facts seen_by_plan(self):
        cdef dn_layer_facts facts
        self.network.plan.layer(self.index, &facts)
        return facts

    def __eq__(self, other):
        if not isinstance(other, Layer):
            return NotImplemented
        return self.network is (<Layer>other).network and self.index == (<Layer>other).index

    def __hash__(self):
        return hash((id(self.network), self.index))

    def __repr__(self):
        return f"<Layer {self.index} [{self.kind}] {self.input_shape} -> {self.output_shape}>"

    @property
    def kind(self):
        """Name of its section, without brackets."""
        return self.seen_by_plan().kind.decode()

    @property
    def options(self):
        """Its section as the cfg has it."""
        return self.network.plan.options_of(self.seen_by_plan().section)

    @property
    def facts(self):
        """What the engine read of its section, defaults filled in."""
        return self.network.plan.facts(self.index)

    @property
    def input_shape(self):
        """(n, c, h, w)."""
        cdef dn_layer_facts facts = self.seen_by_plan()
        return (facts.input[0], facts.input[1], facts.input[2], facts.input[3])

    @property
    def output_shape(self):
        """(n, c, h, w), or (n, c) where the output has no spatial shape."""
        cdef dn_layer_facts facts = self.seen_by_plan()
        if facts.flat:
            return (facts.output[0], facts.output[1] * facts.output[2] * facts.output[3])
        return (facts.output[0], facts.output[1], facts.output[2], facts.output[3])

    @property
    def activation(self):
        """Name of its activation; "linear" where it has none."""
        return self.seen_by_plan().activation.decode()

    @property
    def flops(self):
        """Operations for one image; a multiplication and an addition are two."""
        return self.seen_by_plan().flops

    @property
    def parameters(self):
        """Number of float32 values in a weights file."""
        return self.seen_by_plan().parameters

    @property
    def parameter_names(self):
        """Names under which its own parameters are found in `Network.weights`."""
        return tuple([name for layer, name, _, _ in self.network.plan.slots() if layer == self.index])

    @property
    def output(self):
        """Output of the last forward, read-only; the next forward may change it."""
        array = self.network.look(self.index)
        if array is None:
            stay = " and call forward without on_device" if self.network.device.startswith("cuda") else ""
            raise ValueError(f'the output of layer {self.index} was not kept; load the network with outputs="all"{stay}')
        if not self.network.ran:
            raise ValueError(f"layer {self.index} has no output yet; call forward first")
        return array

    cdef object parameter(self, str name):
        cdef Weights weights = self.network.open_weights()
        array = weights.layer_array(self.index, name)
        if array is None:
            raise AttributeError(f"layer {self.index} [{self.kind}] has no {name}")
        return array

    cdef object trainer(self):
        trainer = self.network.trainer
        if trainer is None:
            raise ValueError(f"layer {self.index} is not being trained; call train_step, or begin a session")
        return trainer

    @property
    def delta(self):
        """Minus the gradient of the loss, before activation and batch norm, of the last mini-batch; writable, live."""
        array = self.trainer().delta(self.index)
        if array is None:
            raise ValueError(
                f'the delta of layer {self.index} was not kept; begin the session with outputs="all", if it has one'
            )
        return array

    cdef object updates(self, str name):
        array = self.trainer().gradient(self.index, name)
        if array is None:
            raise AttributeError(f"layer {self.index} [{self.kind}] has no {name} that are trained")
        return array

    @property
    def weight_updates(self):
        """Gradient of its weights, and what momentum left of earlier ones; float32, writable, live."""
        return self.updates("weights")

    @property
    def bias_updates(self):
        """The same of its biases."""
        return self.updates("biases")

    @property
    def scale_updates(self):
        """The same of its batch norm scales."""
        return self.updates("scales")

    @property
    def weights(self):
        """Its weights, float32, live."""
        return self.parameter("weights")

    @property
    def biases(self):
        """Its biases, float32, live."""
        return self.parameter("biases")

    @property
    def scales(self):
        """Its batch norm scales, float32, live."""
        return self.parameter("scales")

    @property
    def rolling_mean(self):
        """Its batch norm mean, float32, live."""
        return self.parameter("rolling_mean")

    @property
    def rolling_variance(self):
        """Its batch norm variance, float32, live."""
        return self.parameter("rolling_variance")
