"""Arrays: checks, types, geometry, colour, and how values become pixels.

An image is an array of shape (H, W) or (H, W, C), channels last.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: An array of any number type; docstrings say which.
Array = NDArray[Any]
#: The type of an array's numbers.
DType = np.dtype[Any]
