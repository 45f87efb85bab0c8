"""Names of channels and feature maps."""

from collections.abc import Sequence

from cnnfilter.arrays.arguments import choice
from cnnfilter.arrays.spaces import SPACES
from cnnfilter.errors import ShapeError


def channel_names(channels: int, space: str = "rgb") -> tuple[str, ...]:
    """Name the channels of an image that has so many, in a colour space.

    Raises
    ------
    ShapeError
        If the colour space needs a colour image and this is none.

    Examples
    --------
    >>> channel_names(4)
    ('red', 'green', 'blue', 'alpha')
    >>> channel_names(1)
    ('gray',)
    """
    colours = tuple(channel.name for channel in SPACES[choice("space", space, SPACES)])
    if channels in (3, 4):
        return (*colours, "alpha")[:channels]
    if space != "rgb":
        raise ShapeError(f"{space} needs red, green and blue; the image has {channels} channel(s)")
    if channels in (1, 2):
        return ("gray", "alpha")[:channels]
    return tuple(str(number) for number in range(1, channels + 1))


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
