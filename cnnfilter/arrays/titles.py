"""Titles of an array's channels: names of feature maps, and of an image's channels."""

from collections.abc import Sequence

from cnnfilter.arrays.spaces import channel_names


def titles_of(maps: Sequence[str], channels: int) -> tuple[str, ...]:
    """Name every channel of an array: by its feature maps, or as an image's.

    Parameters
    ----------
    maps : sequence of str
        Names of its channels or, if fewer, of equal groups of them; empty for an image.
    channels : int

    Examples
    --------
    >>> titles_of((), 3)
    ('red', 'green', 'blue')
    >>> titles_of(("sobel-x", "sobel-y"), 2)
    ('sobel-x', 'sobel-y')
    >>> titles_of(("edge",), 3)
    ('edge, red', 'edge, green', 'edge, blue')
    """
    if not maps:
        return channel_names(channels)
    each = channels // len(maps)
    parts = [f", {one}" for one in channel_names(each)] if each > 1 else [""]
    return tuple(f"{name}{part}" for name in maps for part in parts)
