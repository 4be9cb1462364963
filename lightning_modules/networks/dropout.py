"""Dropout that leaves something."""

from torch import nn


def dropout_layer(dropout: float) -> nn.Dropout:
    """Return a layer of dropout.

    Args:
        dropout: Probability in [0, 1); at 1 nothing would be left to train on.

    Raises:
        ValueError: If it is out of range.

    Example:
        >>> dropout_layer(0.5)
        Dropout(p=0.5, inplace=False)
    """
    if not 0.0 <= dropout < 1.0:
        raise ValueError(f"Expected `dropout` in [0, 1), got {dropout}")
    return nn.Dropout(dropout)
