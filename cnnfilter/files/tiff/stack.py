"""Stacks of pages with axes, such as time, depth and channel: OME-TIFF, ImageJ, tifffile's own."""

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from cnnfilter.arrays import DType
from cnnfilter.files.metadata.parts import BROKEN

if TYPE_CHECKING:
    from tifffile import TiffFile

#: Numbers that ImageJ's stacks hold.
_IMAGEJ_TYPES = (np.uint8, np.uint16, np.float32)


class Stack(NamedTuple):
    """How the pages of a file are arranged.

    Attributes
    ----------
    kind : {"ome", "imagej", "shaped"}
        Who describes it.
    axes : str
        Of the pages, such as TZC.
    shape : tuple of int
        Their lengths.
    """

    kind: Literal["ome", "imagej", "shaped"]
    axes: str
    shape: tuple[int, ...]

    def fits(self, shapes: Sequence[tuple[int, ...]], dtype: DType) -> bool:
        """Return whether pages of these shapes make up the stack."""
        if len(shapes) != prod(self.shape) or len(set(shapes)) > 1:
            return False
        is_grey, is_rgb = len(shapes[0]) == 2, shapes[0][2:] == (3,)
        if self.kind == "imagej":
            return dtype in _IMAGEJ_TYPES and (is_grey or (is_rgb and dtype == np.uint8))
        return is_grey or is_rgb

    def description(self, page: tuple[int, ...], dtype: DType) -> str:
        """Return the description of pages of this shape."""
        from tifffile import OmeXml
        from tifffile.tifffile import imagej_description, shaped_description

        shape, axes = (*self.shape, *page), self.axes + "YXS"[: len(page)]
        if self.kind == "imagej":
            return imagej_description(shape, axes, rgb=len(page) == 3)
        if self.kind == "shaped":
            return shaped_description(shape, axes=axes)
        document, bands = OmeXml(), page[2] if len(page) == 3 else 1
        stored = (prod(self.shape), 1, 1, page[0], page[1], bands)
        document.addimage(dtype, shape, stored, axes=axes)
        return document.tostring(declaration=True)


def stack_of(tiff: "TiffFile") -> Stack | None:
    """Return how a file's pages are arranged, if it says so."""
    kinds: dict[Literal["ome", "imagej", "shaped"], bool] = {
        "ome": tiff.is_ome, "imagej": tiff.is_imagej, "shaped": tiff.is_shaped,
    }  # fmt: skip
    kind = next((kind for kind, is_it in kinds.items() if is_it), None)
    if kind is None:
        return None
    try:
        (series,) = tiff.series
        axes, shape = series.axes, series.shape
    except BROKEN:  # a description that is wrong, or several stacks
        return None
    leading = axes.find("Y")
    if leading < 1 or axes[leading:] not in ("YX", "YXS"):
        return None
    if series.size != prod(shape[:leading]) * prod(tiff.pages[0].shape):  # planes of a page
        return None
    return Stack(kind, axes[:leading], shape[:leading])
