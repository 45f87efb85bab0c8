"""Pictures in the terminal: by its own graphics where it has them, else by half blocks."""

from typing import TYPE_CHECKING, Any

from cnnfilter.cli.printing import print_text
from cnnfilter.text import printable

if TYPE_CHECKING:
    from cnnfilter.arrays import Array
    from cnnfilter.arrays.geometry import Shape

#: Rows of the terminal that are left to the title and the prompt.
_SPARED = 3


#: Pixels along a picture: at least as many as terminals draw.
_ALONG = 2048


def preview_size(shape: "Shape") -> tuple[int, int]:
    """Return how large a picture has to be for any terminal, given a map's shape.

    Examples
    --------
    >>> preview_size((4000, 6000, 3)), preview_size((30, 40))
    ((1365, 2048), (30, 40))
    """
    height, width = shape[:2]
    factor = min(1, _ALONG / max(height, width))
    return max(1, round(height * factor)), max(1, round(width * factor))


def print_picture(title: str, pixels: "Array") -> None:
    """Show a picture, fitted to the window.

    Parameters
    ----------
    title : str
    pixels : ndarray of uint8
        Shape (H, W, 3).
    """
    from rich.console import Console

    from cnnfilter.view.preview import half_blocks

    console = Console(highlight=False, markup=False)
    height = max(4, console.height - _SPARED)
    print_text(printable(title))
    drawn = drawn_on(pixels, console.width, height)
    if drawn is None:
        coloured = console.color_system is not None and not console.no_color
        drawn = half_blocks(pixels, console.width, height, colours=coloured)
    console.print(drawn)


def drawn_on(pixels: "Array", width: int, height: int) -> Any:
    """Draw by kitty's or sixel graphics; None where the terminal, or the library, has none."""
    try:
        # It asks the terminal what it can do when it is imported.
        from textual_image.renderable import Image, SixelImage, TGPImage
    except ImportError:
        return None
    if Image not in (SixelImage, TGPImage):
        return None
    from cnnfilter.view.canvas import as_pillow

    rows, columns = pixels.shape[:2]
    # A cell is about twice as high as it is wide.
    factor = min(width / columns, 2 * height / rows)
    return Image(as_pillow(pixels), width=max(1, int(columns * factor)), height="auto")
