"""[connected]: every output reads every input."""

from .types import Array


def connect(x: Array, weights: Array) -> Array:
    """y[o] = Σ_i w[o,i] · x[i], with x flattened per image; (n, outputs, 1, 1)."""
    return (x.reshape(len(x), -1) @ weights.T)[:, :, None, None]
