"""The modules that have layers, once."""

from . import activations as activations
from . import channels as channels
from . import convolution as convolution
from . import dense as dense
from . import inverting as inverting
from . import pooling as pooling
from . import resizing as resizing
from . import scaling as scaling
