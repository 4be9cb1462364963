"""Which pixels an occluder of a given size covers: the one place that says so."""


def occluder_window(
    centre: tuple[int, int], occluder_size: tuple[int, int], image_size: tuple[int, int]
) -> tuple[slice, slice]:
    """Return the rows and columns that an occluder of (h, w) pixels centred at (i, j) covers.

    Rows i − ⌊h/2⌋ to i − ⌊h/2⌋ + h − 1 and columns alike, cut at the image's border. Of an even side the
    larger half lies before the centre.

    Args:
        centre: (row, column) in pixels, as (i, j) of Sáez Trigueros et al., Eq. 3; it may lie outside the image.
        occluder_size: (height, width) in pixels, at least 1.
        image_size: (height, width) in pixels.

    Example:
        >>> occluder_window((2, 5), (4, 3), (10, 10))
        (slice(0, 4, None), slice(4, 7, None))
        >>> occluder_window((0, 9), (4, 3), (10, 10))
        (slice(0, 2, None), slice(8, 10, None))
    """
    rows, columns = (_span(*axis) for axis in zip(centre, occluder_size, image_size, strict=True))
    return rows, columns


def _span(centre: int, length: int, side: int) -> slice:
    start = centre - length // 2
    return slice(min(max(start, 0), side), min(max(start + length, 0), side))
