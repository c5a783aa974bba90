"""Tools for weights: averages, other inputs, batch norm folded and added, surgery, dialects, ternary weights, figures.

No function changes what it is given: each returns new `Weights`, with the version that the dialect's program writes.

Several of darknet's verbs do something else than they are meant to. The functions here do what is meant;
``as_darknet=True`` gives the bytes that darknet's verb writes.
"""

from .averaging import average
from .dialects import convert_dialect, dialect_of_header
from .inputs import rescale, rgbgr
from .normalization import Rewritten, denormalize, normalize, reset
from .operations import LayerOperations, Operations, ops
from .statistics import Statistics, print_weights, statistics
from .surgery import oneoff, oneoff2
from .ternary import pack_ternary, ternarize, ternary_values, unpack_ternary
from .timing import Speed, speed

__all__ = [
    "LayerOperations",
    "Operations",
    "Rewritten",
    "Speed",
    "Statistics",
    "average",
    "convert_dialect",
    "denormalize",
    "dialect_of_header",
    "normalize",
    "oneoff",
    "oneoff2",
    "ops",
    "pack_ternary",
    "print_weights",
    "rescale",
    "reset",
    "rgbgr",
    "speed",
    "statistics",
    "ternarize",
    "ternary_values",
    "unpack_ternary",
]
