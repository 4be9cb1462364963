"""Of many comparisons some differ by chance: p-values that allow for how many there are."""

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    r"""Return Holm's adjusted p-values.

    With the i-th smallest of m p-values :math:`p_{(i)}`, it is :math:`\max_{j \le i} \min(1, (m - j + 1)\, p_{(j)})`.
    Rejecting what is below 0.05 rejects any true hypothesis with a probability of at most 0.05, however the tests
    depend on each other.

    Source: Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6.

    Args:
        p_values: One of each test, in [0, 1].

    Raises:
        ValueError: If one lies outside.

    Example:
        >>> [round(p, 3) for p in holm([0.04, 0.01, 0.03])]
        [0.06, 0.03, 0.06]
    """
    for p in p_values:
        if not 0 <= p <= 1:
            raise ValueError(f"Expected p-values in [0, 1], got {p}")
    adjusted, least = [0.0] * len(p_values), 0.0
    ascending = sorted(range(len(p_values)), key=lambda place: p_values[place])
    for rank, place in enumerate(ascending):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = least
    return adjusted
