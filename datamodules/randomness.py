"""Randomness as a pure function of (seed, epoch, sample index)."""

from zlib import crc32

import numpy as np


def sample_generator(seed: int, epoch: int, index: int, *, stream: str) -> np.random.Generator:
    """Return the random generator that belongs to one use of one sample.

    No worker or global state enters: a run does not depend on the number of workers, on the world size
    or on having been resumed.

    Args:
        seed: The run's seed, not negative.
        epoch: Training epoch from 0; evaluation uses 0.
        index: Index of the sample in its source.
        stream: What the numbers are for (``"occluder"``, ``"augmentation"``): streams are independent.

    Example:
        >>> a = sample_generator(0, 1, 2, stream="occluder").integers(1000)
        >>> b = sample_generator(0, 1, 2, stream="occluder").integers(1000)
        >>> bool(a == b)
        True
    """
    return np.random.default_rng((crc32(stream.encode()), seed, epoch, index))
