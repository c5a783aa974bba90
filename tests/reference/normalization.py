"""[normalization]: local response normalisation, in the steps of the reference."""

import numpy as np

from .types import Array


def local_response(x: Array, size: int, alpha: float, beta: float, kappa: float) -> Array:
    """y[c] = x[c] · energy[c]^−beta.

    energy[0] = kappa + alpha · Σ x[k]² over k < size/2 (so channel size/2 is missing); from channel to channel one
    square enters, of channel c + size/2, and one leaves, of channel c − (size − 1)/2 − 1, where there are such.
    """
    y: Array = x * energies(x, size, alpha, kappa) ** -beta
    return y


def local_response_back(delta: Array, x: Array, size: int, alpha: float, beta: float, kappa: float) -> Array:
    """delta · energy^−beta. Not the derivative: the reference takes the energies for constants."""
    dx: Array = delta * energies(x, size, alpha, kappa) ** -beta
    return dx


def energies(x: Array, size: int, alpha: float, kappa: float) -> Array:
    """What the channels of a window add up to; see `local_response`."""
    squares, channels = x * x, x.shape[1]
    energy = np.zeros_like(x)
    energy[:, 0] = kappa + alpha * squares[:, : size // 2].sum(axis=1)
    for c in range(1, channels):
        entering, leaving = c + size // 2, c - (size - 1) // 2 - 1
        energy[:, c] = energy[:, c - 1]
        if entering < channels:
            energy[:, c] += alpha * squares[:, entering]
        if leaving >= 0:
            energy[:, c] -= alpha * squares[:, leaving]
    return energy
