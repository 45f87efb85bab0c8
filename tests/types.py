"""Types of what tests make up."""

from typing import Any

import numpy as np

#: Keyword arguments of different types.
Arguments = dict[str, Any]
#: A type of numbers, such as np.uint8.
Dtype = type[np.number]
#: A size, stride or dilation: of both axes, or vertical first.
Size = int | tuple[int, int]
