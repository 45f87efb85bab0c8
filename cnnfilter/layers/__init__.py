"""The layers: each class declares its arguments, and computes and explains its values.

The modules are imported when they are first used: a run loads its own layers only.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
