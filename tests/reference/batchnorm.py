"""[batchnorm], and the same step inside other layers."""

import numpy as np

from .types import Array


def normalize(x: Array, scales: Array, mean: Array, variance: Array, biases: Array | None) -> Array:
    """y = scale · (x − mean) / sqrt(variance + 1e-5) + bias, channel by channel; x is (n, c, h, w)."""
    return _scaled(x, scales, mean, np.sqrt(variance + 1e-5), biases)


def normalize_pjreddie(x: Array, scales: Array, mean: Array, variance: Array, biases: Array | None) -> Array:
    """y = scale · (x − mean) / (sqrt(variance) + 1e-6) + bias, channel by channel."""
    return _scaled(x, scales, mean, np.sqrt(variance) + 1e-6, biases)


def _scaled(x: Array, scales: Array, mean: Array, spread: Array, biases: Array | None) -> Array:
    y = np.zeros_like(x)
    for c in range(x.shape[1]):
        y[:, c] = scales[c] * (x[:, c] - mean[c]) / spread[c] + (0 if biases is None else biases[c])
    return y
