"""Refusals that the metrics share."""

from collections.abc import Sequence

import torch
from torch import Tensor


def check_pairs(scores: Tensor, same: Tensor) -> None:
    """Refuse shapes other than ``(N,)`` and ``(N,)``, scores that are not finite, and pairs of one kind only.

    Example:
        >>> check_pairs(torch.tensor([0.3, float("nan")]), torch.tensor([True, False]))
        Traceback (most recent call last):
        ValueError: Expected finite scores, got NaN or infinity in 1 of 2, first at 1
    """
    check_kinds(scores, same)
    check_finite("scores", scores.isfinite())


def check_kinds(scores: Tensor, same: Tensor) -> None:
    """Refuse shapes other than ``(N,)`` and ``(N,)``, and pairs of one kind only."""
    if scores.ndim != 1 or scores.shape != same.shape:
        raise ValueError(
            f"Expected scores and same of one shape (N,), got {tuple(scores.shape)} and {tuple(same.shape)}"
        )
    genuine = int(same.bool().sum())
    if not 0 < genuine < len(same):
        raise ValueError(f"Expected genuine and impostor pairs, got {genuine} and {len(same) - genuine}")


def check_finite(name: str, finite: Tensor) -> None:
    """Refuse ``(N,)`` bool with a ``False`` among it, saying how many, and where the first is."""
    if bad := int((~finite).sum()):
        first = int(finite.int().argmin())
        raise ValueError(f"Expected finite {name}, got NaN or infinity in {bad:,} of {len(finite):,}, first at {first}")


def check_faces(name: str, embeddings: Tensor, identities: Tensor) -> None:
    """Refuse anything but one or more embeddings ``(N, D)`` with ``N`` identities."""
    if embeddings.ndim != 2 or not embeddings.numel() or identities.shape != embeddings.shape[:1]:
        raise ValueError(
            f"Expected {name} of shape (N, D), N > 0, and N identities, "
            f"got {tuple(embeddings.shape)} and {tuple(identities.shape)}"
        )


def check_search(gallery: Tensor, gallery_identities: Tensor, probes: Tensor, probe_identities: Tensor) -> None:
    """Refuse a gallery or probes that are empty, of shapes that do not match, or not finite."""
    check_faces("gallery", gallery, gallery_identities)
    check_faces("probes", probes, probe_identities)
    for name, embeddings in (("gallery", gallery), ("probe", probes)):
        check_finite(f"{name} embeddings", finite_rows(embeddings))


def finite_rows(values: Tensor) -> Tensor:
    """Return which rows of ``(N, …)`` are finite, ``(N,)`` bool, without a copy of them.

    Example:
        >>> finite_rows(torch.tensor([[1.0, 2.0], [3.0, torch.nan]]))
        tensor([ True, False])
    """
    if not values.is_floating_point() or not values.numel():
        return torch.ones(len(values), dtype=torch.bool, device=values.device)
    largest: Tensor = torch.linalg.vector_norm(values.reshape(len(values), -1), torch.inf, dim=1)
    return largest.isfinite()


def check_rates(name: str, rates: Sequence[float]) -> None:
    """Refuse anything but one or more rates in ``(0, 1]``."""
    if not rates or not all(0 < rate <= 1 for rate in rates):
        raise ValueError(f"Expected `{name}` in (0, 1], got {list(rates)}")


def measurable(rates: Sequence[float], number: int) -> list[bool]:
    """Return which rates a number of trials can measure: those of at least one error among them.

    Example:
        >>> measurable((1e-4, 1e-3), 3000)
        [False, True]
    """
    return [number > 0 and rate >= 1 / number for rate in rates]


def check_measurable(name: str, rates: Sequence[float], number: int, trials: str) -> None:
    """Refuse rates that a number of trials cannot measure."""
    check_rates(name, rates)
    for rate, possible in zip(rates, measurable(rates, number), strict=True):
        if not possible:
            raise ValueError(f"Expected `{name}` of at least 1/{number}, one of {number:,} {trials}, got {rate:g}")


def acceptance_bounds(impostor: Tensor, rates: Sequence[float]) -> Tensor:
    """Return for each rate the bound above which the most scores are accepted, of impostors no more than the rate.

    Args:
        impostor: Scores that should be refused, ``(N,)``.
        rates: Largest share of them that may be accepted, ``R`` of them.

    Returns:
        The largest refused score, ``(R,)``; minus infinity where all may be accepted.

    Example:
        >>> acceptance_bounds(torch.tensor([0.1, 0.5, 0.5, 0.9]), (0.25, 0.5, 1.0))  # 2 of 4 would part a tie
        tensor([0.5000, 0.5000,   -inf])
    """
    return bounds_of_ordered(impostor.sort(descending=True).values, rates)


def bounds_of_ordered(impostor: Tensor, rates: Sequence[float]) -> Tensor:
    """Return :func:`acceptance_bounds` of scores in descending order."""
    allowed = [allowed_errors(rate, len(impostor)) for rate in rates]
    ends = torch.cat([impostor, impostor.new_tensor([-torch.inf])])  # (N + 1,)
    return ends[allowed]


def allowed_errors(rate: float, number: int) -> int:
    """Return the most errors among a number of trials whose share does not exceed a rate.

    Example:
        >>> allowed_errors(0.29, 100), allowed_errors(0.1, 19)  # 0.29 * 100 is 28.999999999999996
        (29, 1)
    """
    return max(k for k in (int(rate * number) + step for step in (-1, 0, 1)) if k <= number and k / number <= rate)
