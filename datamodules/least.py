"""Settings that must not be too small."""


def check_least(least: int, **settings: int) -> None:
    """Refuse settings below the least that makes sense.

    Raises:
        ValueError: If one is; the message has its name.

    Example:
        >>> check_least(2, images=1)
        Traceback (most recent call last):
        ValueError: Expected `images` of at least 2, got 1
    """
    for name, value in settings.items():
        if value < least:
            raise ValueError(f"Expected `{name}` of at least {least}, got {value}")
