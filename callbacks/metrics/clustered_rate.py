"""How far a rate over pairs may be from the truth, where pairs share identities."""

from statistics import NormalDist

import torch
from torch import Tensor

CELLS = 4
"""Dyads counted in a table of all, for each pair: sorting millions takes longer."""


class SharedIdentities:
    """Pairs of faces, and which of them share an identity.

    Args:
        first: Identity of each pair's first face, ``(N,)`` integers from 0; memory is that of the largest.
        second: Of its second face; the same where the pair is of one.

    Raises:
        ValueError: If shapes differ.
    """

    def __init__(self, first: Tensor, second: Tensor) -> None:
        if first.ndim != 1 or first.shape != second.shape:
            raise ValueError(f"Expected identities (N,) of both faces, got {tuple(first.shape)}, {tuple(second.shape)}")
        low, high = torch.minimum(first, second), torch.maximum(first, second)
        self._two = low != high
        self._low, self._high, self._number = low, high[self._two], int(high.max()) + 1
        self._dyad = low[self._two] * self._number + self._high
        self._dyads = self._number**2
        if self._dyads > CELLS * len(low):  # few of all dyads occur
            dyads, self._dyad = torch.unique(self._dyad, return_inverse=True)
            self._dyads = len(dyads)

    def __len__(self) -> int:
        return len(self._low)

    def variance(self, errors: Tensor) -> float:
        r"""Return the variance of a share of pairs, of which those that share an identity are not independent.

        .. math::
            \frac{1}{N^2} \sum_{p, q \text{ share an identity}} (e_p - \bar e)(e_q - \bar e)

        Source: Aronow, Samii and Assenova 2015, "Cluster-robust variance estimation for dyadic data"; for error rates
        of verification Fogliato, Patil and Perona 2024, "Confidence intervals for error rates in 1:1 matching tasks".

        Args:
            errors: Whether a pair counts, ``(N,)`` bool.

        Example:
            >>> errors, alone, twice = torch.tensor([True, False, True, False]), torch.arange(4), torch.arange(4) % 2
            >>> SharedIdentities(alone, alone).variance(errors)  # of a binomial
            0.0625
            >>> SharedIdentities(twice, twice).variance(errors)  # two pairs, each listed twice
            0.125
        """
        residual = errors.double() - errors.double().mean()
        both = residual[self._two]
        of_identity = torch.bincount(self._low, residual, self._number)
        of_identity += torch.bincount(self._high, both, self._number)
        of_dyad = torch.bincount(self._dyad, both, self._dyads)  # each of its two identities has counted it
        return float(of_identity.square().sum() - of_dyad.square().sum()) / len(errors) ** 2

    def trials(self, errors: Tensor) -> float:
        """Return how many independent pairs would tell as much of a rate as these: N at most."""
        rate, variance = float(errors.double().mean()), self.variance(errors)
        return min(len(self), rate * (1 - rate) / variance) if variance > 0 else float(len(self))


def wilson_interval(rate: float, trials: float, confidence: float = 0.95) -> tuple[float, float]:
    """Return the bounds of a rate that was found in a number of independent trials, which need not be whole.

    Source: Wilson 1927, the score interval.

    Example:
        >>> low, high = wilson_interval(0.001, 3000)
        >>> round(low, 6), round(high, 6)
        (0.00034, 0.002936)
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    scale, centre = 1 + z**2 / trials, rate + z**2 / (2 * trials)
    half = z * (rate * (1 - rate) / trials + z**2 / (4 * trials**2)) ** 0.5
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)
