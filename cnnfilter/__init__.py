"""What convolutional networks do to images: split, convolve, pool, chain, and show.

Images are arrays of shape (H, W) or (H, W, C), channels last. The public names are listed in
``__init__.pyi``; each is imported when it is first used, so that a command loads only what it
needs.
"""

import lazy_loader

__getattr__, __dir__, _names = lazy_loader.attach_stub(__name__, __file__)
__all__ = ["__version__", *_names]
__version__ = "0.1.0"
