"""What people wear before their faces, and what comparisons of two such faces are called."""

MASKED, UNMASKED, SUNGLASSES = "masked", "unmasked", "sunglasses"


def compared(first: str, second: str) -> str:
    """Return the condition of a comparison, whichever of the two comes first.

    Example:
        >>> compared(UNMASKED, MASKED), compared(MASKED, MASKED)
        ('masked-unmasked', 'masked-masked')
    """
    return "-".join(sorted((first, second)))
