"""Pictures in the terminal: by its own graphics where it has them, else by half blocks."""

from typing import TYPE_CHECKING, Any

from cnnfilter.cli.printing import print_text
from cnnfilter.files.source import printable

if TYPE_CHECKING:
    from cnnfilter.core.arrays import Array

#: Rows of the terminal that are left to the title and the prompt.
_SPARED = 3


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
    drawn = _drawn(pixels, console.width, height)
    if drawn is None:
        coloured = console.color_system is not None and not console.no_color
        drawn = half_blocks(pixels, console.width, height, colours=coloured)
    console.print(drawn)


def _drawn(pixels: "Array", width: int, height: int) -> Any:
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
