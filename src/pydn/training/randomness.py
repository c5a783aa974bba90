"""Random numbers that depend on what they are for and on nothing else."""

from __future__ import annotations

from numpy.random import Generator, Philox

_MASK = (1 << 64) - 1


def generator(seed: int, iteration: int, image: int, stream: int = 0) -> Generator:
    """Return a generator for one image of one iteration.

    It is counter-based (Philox 4x64, Salmon et al. 2011): the same arguments give the same numbers, in any order, on
    any number of threads, and there is no state to save.

    Parameters
    ----------
    seed, iteration, image
        Of the run; of the training; the image's place in the iteration.
    stream
        Tells choices of different kinds apart.
    """
    return Generator(Philox(key=seed & _MASK, counter=[0, stream & _MASK, image & _MASK, iteration & _MASK]))
