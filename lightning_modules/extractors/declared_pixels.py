"""What an ONNX file says of its pixels: written by an export, kept to by who runs it."""

from collections.abc import Mapping

from lightning_modules.networks import Normalize

PIXEL_RANGE, CHANNEL_ORDER = "pixel_range", "channel_order"
"""Keys of a file's metadata."""
RANGES = {"0-255": 1.0, "0-1": 255.0}
"""Ranges of pixels, and what pixels of 0 to 255 are divided by for them."""
RGB = "RGB"


def declared_normalize(declared: Mapping[str, str], given: Normalize | None, path: str) -> Normalize | None:
    """Return what turns raw pixels into a file's input: as it declares them, or what was given where it does not.

    Args:
        declared: What the file says of itself, by key.
        given: What was asked for; ``None`` leaves it to the file.
        path: The file, for messages.

    Raises:
        ValueError: If both are there and differ, or the file declares what nobody knows.
    """
    said = declared.get(PIXEL_RANGE)
    if said is None:
        return given
    if said not in RANGES:
        raise ValueError(f"Expected a `{PIXEL_RANGE}` among {', '.join(RANGES)}, as {path} declares one, got {said}")
    own = Normalize([0.0] * 3, [RANGES[said]] * 3)
    if given is not None and given.extra_repr() != own.extra_repr():
        raise ValueError(
            f"Expected `normalize` of {own.extra_repr()}, as {path} declares pixels of {said}, got {given.extra_repr()}"
        )
    return own
