"""True accept rate at a false accept rate, never guessed."""

from collections.abc import Sequence

from torch import Tensor

from callbacks.metrics.metric_checks import acceptance_bounds, check_measurable, check_pairs

FARS = (1e-4, 1e-3, 1e-2, 1e-1)


def tar_at_far(scores: Tensor, same: Tensor, fars: Sequence[float] = FARS) -> Tensor:
    """Return the share of genuine pairs accepted where impostor pairs are accepted as often as allowed, no more.

    Of all thresholds whose false accept rate does not exceed what is asked for, the one that accepts most is taken.
    Nothing is interpolated, and a rate below one in all impostor pairs is refused: it was not measured.

    Args:
        scores: Similarities, ``(N,)``, larger for more alike.
        same: Whether the pair shows one identity, ``(N,)`` bool.
        fars: Largest false accept rates, ``F`` of them in ``(0, 1]``.

    Returns:
        True accept rates, ``(F,)``, float64.

    Raises:
        ValueError: If shapes differ, scores are not finite, there are no genuine or no impostor pairs, or a rate lies
            below 1 / number of impostor pairs.

    Example:
        >>> import torch
        >>> scores, same = torch.tensor([0.9, 0.6, 0.4, 0.7, 0.2]), torch.tensor([True, True, True, False, False])
        >>> tar_at_far(scores, same, (0.5, 1.0))
        tensor([1., 1.], dtype=torch.float64)
        >>> tar_at_far(scores, same, (0.1,))
        Traceback (most recent call last):
        ValueError: Expected `fars` of at least 1/2, one of 2 impostor pairs, got 0.1
    """
    check_pairs(scores, same)
    same = same.bool()
    impostor = scores[~same]
    check_measurable("fars", fars, len(impostor), "impostor pairs")
    bounds = acceptance_bounds(impostor, fars)  # (F,)
    return (scores[same] > bounds[:, None]).double().mean(1)
