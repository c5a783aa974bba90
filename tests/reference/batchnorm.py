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


def statistics(x: Array) -> tuple[Array, Array]:
    """Mean and variance of every channel of a mini-batch, as in training: over N − 1 where there are several values."""
    count = x.size // x.shape[1]
    return x.mean(axis=(0, 2, 3)), x.var(axis=(0, 2, 3)) * (count / max(count - 1, 1))


def normalize_back(
    delta: Array, x: Array, scales: Array, pjreddie: bool = False, as_darknet: bool = False
) -> tuple[Array, Array, Array]:
    """Deltas of x, of the scales and of the biases, when mean and variance are those of `statistics`.

    With d the spread that forward divides by and g = scale · delta: Σ g reaches x through the mean, Σ g · (x − mean)
    through the variance. as_darknet: what its code computes, which is not the derivative: another d for g itself, N in
    place of N − 1, and 1e-5 in the root whatever forward has.
    """
    mean, variance = statistics(x)
    count = x.size // x.shape[1]
    spread = np.sqrt(variance) + 1e-6 if pjreddie else np.sqrt(variance + 1e-5)
    dx, centred = np.zeros_like(x), x - mean[:, None, None]
    for c in range(x.shape[1]):
        g, from_mean = scales[c] * delta[:, c], centred[:, c]
        direct, divisor, values = spread[c], spread[c], max(count - 1, 1)
        by_variance = 0.5 / np.sqrt(variance[c]) if pjreddie else 0.5 / spread[c]
        if as_darknet:
            root = np.sqrt(variance[c] + 1e-5)
            direct, divisor, values = root if pjreddie else np.sqrt(variance[c]) + 1e-5, root, count
            by_variance = 0.5 / root
        to_variance = -(g * from_mean).sum() / divisor**2 * by_variance
        dx[:, c] = g / direct + to_variance * 2 * from_mean / values - g.sum() / divisor / count
    dscales = (delta * centred).sum(axis=(0, 2, 3)) / spread
    return dx, np.asarray(dscales), np.asarray(delta.sum(axis=(0, 2, 3)))
