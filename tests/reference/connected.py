"""[connected]: every output reads every input."""

from .types import Array


def connect(x: Array, weights: Array) -> Array:
    """y[o] = Σ_i w[o,i] · x[i], with x flattened per image; (n, outputs, 1, 1)."""
    return (x.reshape(len(x), -1) @ weights.T)[:, :, None, None]


def connect_back(delta: Array, x: Array, weights: Array) -> tuple[Array, Array]:
    """Deltas of x and of the weights."""
    rows = delta.reshape(len(x), -1)
    return (rows @ weights).reshape(x.shape), rows.T @ x.reshape(len(x), -1)
