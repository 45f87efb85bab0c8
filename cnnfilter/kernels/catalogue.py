"""The named kernels, as data.

All are stated for cross-correlation, as every CNN framework computes it: sobel-x
answers to values that grow from left to right. Integers stay integers; only the
smoothing kernels are normalised, to sum 1.
"""

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.arrays.arguments import number, pair
from cnnfilter.errors import ArgumentError, brief

#: A set of kernels by name, as a compass has one for each direction.
KernelSet = dict[str, Array]

MAX_SIZE = 999
#: Numbers of a row or column that could have been a square, and its side.
SQUARES = {side**2: side for side in range(3, 32, 2)}
#: exp(-x) is 0 from here on.
FAR = 1e6

IMAGEMAGICK = "ImageMagick, Morphology: kernel list"
SCIKIT_IMAGE = "scikit-image, skimage.filters.edges"
SCIPY = "SciPy, scipy.ndimage"
SETOSA = "Powell, Image Kernels Explained Visually (setosa.io)"
WIKIPEDIA = "Wikipedia, Kernel (image processing)"


def _size(value: float | str) -> tuple[int, int]:
    height, width = pair("size", value)
    if max(height, width) > MAX_SIZE:
        raise ArgumentError(f"size {height}x{width} is too large; the most is {MAX_SIZE}")
    return height, width


def _positive(name: str, value: float | str) -> float:
    result = number(name, value)
    if result <= 0:
        raise ArgumentError(f"{name} is {result:g}; it must be above 0")
    return result


def _grid(height: int, width: int) -> tuple[Array, Array]:
    """Return distances from the centre, y and x."""
    y = np.arange(height)[:, np.newaxis] - (height - 1) / 2
    x = np.arange(width)[np.newaxis, :] - (width - 1) / 2
    return y, x


def _direction(degrees: float) -> tuple[float, float]:
    """Return an angle's cosine and sine, exact for quarter turns.

    Examples
    --------
    >>> _direction(90.0), _direction(36000000180.0)
    ((0.0, 1.0), (-1.0, 0.0))
    """
    degrees = math.fmod(degrees, 360)  # exact, which radians of large angles are not
    quarters = round(degrees / 90)
    rest = math.radians(degrees - 90 * quarters)
    cosine, sine = math.cos(rest), math.sin(rest)
    turned = ((cosine, sine), (0.0 - sine, cosine), (-cosine, 0.0 - sine), (sine, -cosine))
    return turned[quarters % 4]


def _normalised(weights: Array) -> Array:
    return weights / weights.sum()


def _identity_like(weights: Array) -> Array:
    """Return the identity kernel of the same size."""
    result = np.zeros(weights.shape)
    result[(weights.shape[0] - 1) // 2, (weights.shape[1] - 1) // 2] = 1
    return result


def _box(size: str = "3") -> Array:
    height, width = _size(size)
    return np.full((height, width), 1 / (height * width))


#: OpenCV's gaussians of small sizes, by their sums.
_SMALL = {
    3: (4, [1, 2, 1]),
    5: (16, [1, 4, 6, 4, 1]),
    7: (64, [2, 7, 14, 18, 14, 7, 2]),
    9: (256, [4, 13, 30, 51, 60, 51, 30, 13, 4]),
}


def _gaussian(size: str = "5", sigma: str = "auto") -> Array:
    return np.multiply.outer(*(_profile(length, sigma) for length in _size(size)))


def _profile(length: int, sigma: str) -> Array:
    """Return a gaussian's row, of sum 1."""
    if sigma == "auto" and length in _SMALL:
        total, weights = _SMALL[length]
        return np.array(weights) / total
    width = 0.3 * ((length - 1) * 0.5 - 1) + 0.8 if sigma == "auto" else _positive("sigma", sigma)
    return _bell(np.arange(length) - (length - 1) / 2, width)


def _bell(distances: Array, sigma: float) -> Array:
    """Return samples of a gaussian, divided by their sum.

    They are relative to the samples nearest to the centre, which may be half a pixel away:
    these remain as sigma goes to 0.
    """
    squares = distances**2 - np.min(distances**2)
    return _normalised(np.exp(-squares / sigma / sigma / 2))


def _binomial(size: str = "3") -> Array:
    height, width = _size(size)
    rows = np.array([[math.comb(height - 1, k) / 2 ** (height - 1)] for k in range(height)])
    columns = np.array([[math.comb(width - 1, k) / 2 ** (width - 1) for k in range(width)]])
    return rows * columns


def _motion(length: str = "9", angle: str = "0") -> Array:
    reach = (_positive("length", length) - 1) / 2
    cosine, sine = _direction(number("angle", angle))
    if not 0 <= reach <= MAX_SIZE / 2:
        raise ArgumentError(f"length {brief(length)} is not from 1 to {MAX_SIZE}")
    side = 2 * math.ceil(reach) + 1
    y, x = _grid(side, side)
    along = x * cosine - y * sine
    aside = x * sine + y * cosine
    past_the_end = np.maximum(np.abs(along) - reach, 0)
    weights = np.maximum(0, 1 - np.hypot(past_the_end, aside))
    weights[weights < 1e-9] = 0
    rows, columns = weights.any(axis=1), weights.any(axis=0)
    return _normalised(weights[rows][:, columns])


def _unsharp(size: str = "5", sigma: str = "auto", amount: str = "1") -> Array:
    smooth, strength = _gaussian(size, sigma), number("amount", amount)
    return (1 + strength) * _identity_like(smooth) - strength * smooth


def _high_pass(size: str = "3") -> Array:
    smooth = _box(size)
    return _identity_like(smooth) - smooth


def _log(size: str = "9", sigma: str = "1.4") -> Array:
    y, x = _grid(*_size(size))
    width = _positive("sigma", sigma)
    # (1 - u) exp(-u) / (pi sigma^4) of u = r^2 / (2 sigma^2), as the difference from its
    # largest value: a wide one is so flat that rounding would leave nothing else.
    powers = np.minimum((y**2 + x**2) / width / width / 2, FAR)
    nearest = powers.min()
    beyond = powers - nearest
    fall = (1 - nearest) * np.expm1(-beyond) - beyond * np.exp(-beyond)
    weights = (fall - fall.mean()) * np.exp(-nearest)
    return weights / width / width / width / width / math.pi


def _dog(size: str = "9", inner: str = "1", outer: str = "1.6") -> Array:
    return _gaussian(size, inner) - _gaussian(size, outer)


def _gabor(
    size: str = "11",
    angle: str = "0",
    wavelength: str = "5",
    sigma: str = "auto",
    aspect: str = "0.5",
    phase: str = "0",
) -> Array:
    y, x = _grid(*_size(size))
    cosine, sine = _direction(number("angle", angle))
    wave = _positive("wavelength", wavelength)
    width = 0.56 * wave if sigma == "auto" else _positive("sigma", sigma)
    across = x * cosine + y * sine
    along = -x * sine + y * cosine
    flatness = _positive("aspect", aspect) / width
    ellipse = (across / width) ** 2 + np.where(along == 0, 0, along * flatness) ** 2
    # The remainder is exact, however many waves there are to a pixel.
    waves = np.fmod(across, wave) / wave
    shift = math.radians(math.fmod(number("phase", phase), 360))
    return np.exp(-ellipse / 2) * np.cos(2 * math.pi * waves - shift)  # as OpenCV has it


def _gradients(name: str, smooth: list[float], difference: list[float]) -> KernelSet:
    """Return a smoothing column times a difference row, transposed too."""
    across = np.multiply.outer(smooth, difference)
    return {f"{name}-x": across, f"{name}-y": across.T}


def _compass(name: str, north: list[list[int]]) -> KernelSet:
    """Turn a 3x3 kernel's ring by 45 degrees, seven times."""
    ring = ([0, 0, 0, 1, 2, 2, 2, 1], [0, 1, 2, 2, 2, 1, 0, 0])
    result = {}
    for turns, direction in enumerate(("n", "nw", "w", "sw", "s", "se", "e", "ne")):
        result[f"{name}-{direction}"] = turned = np.array(north)
        turned[ring] = np.roll(turned[ring], -turns)
    return result


@dataclass(frozen=True, eq=False)
class NamedKernel:
    """An entry of the catalogue.

    Attributes
    ----------
    description : str
        Its effect, its parameters and how it is sampled.
    source : str
        The source of its weights; empty where they are common knowledge.
    weights : array, dict or function
        One kernel, a set of kernels by name, or a function of its parameters.
    """

    description: str
    source: str
    weights: Array | KernelSet | Callable[..., Array]

    @property
    def parameters(self) -> dict[str, str]:
        """Parameters after the colon, with their defaults."""
        if not callable(self.weights):
            return {}
        signature = inspect.signature(self.weights)
        return {name: str(one.default) for name, one in signature.parameters.items()}


_ROBERTS = {
    "roberts-pos": np.array([[1, 0], [0, -1]]),
    "roberts-neg": np.array([[0, 1], [-1, 0]]),
}
_LINES = {
    "line-horizontal": np.array([[-1, -1, -1], [2, 2, 2], [-1, -1, -1]]),
    "line-vertical": np.array([[-1, 2, -1], [-1, 2, -1], [-1, 2, -1]]),
    "line-rising": np.array([[-1, -1, 2], [-1, 2, -1], [2, -1, -1]]),
    "line-falling": np.array([[2, -1, -1], [-1, 2, -1], [-1, -1, 2]]),
}
_FARID_SMOOTH = [
    0.0376593171958126, 0.249153396177344, 0.426374573253687,
    0.249153396177344, 0.0376593171958126,
]  # fmt: skip
_FARID_RISE = [-0.109603762960254, -0.276690988455557, 0, 0.276690988455557, 0.109603762960254]

_SETS = {
    "sobel": (
        _gradients("sobel", [1, 2, 1], [-1, 0, 1]),
        "Sobel gradient",
        f"{SCIPY}.sobel; OpenCV, Sobel",
    ),
    "prewitt": (
        _gradients("prewitt", [1, 1, 1], [-1, 0, 1]),
        "Prewitt gradient",
        f"{SCIPY}.prewitt",
    ),
    "scharr": (
        _gradients("scharr", [3, 10, 3], [-1, 0, 1]),
        "Scharr gradient, nearly alike in all directions",
        "OpenCV, Scharr",
    ),
    "farid": (
        _gradients("farid", _FARID_SMOOTH, _FARID_RISE),
        "5x5 gradient of Farid and Simoncelli",
        SCIKIT_IMAGE,
    ),
    "frei-chen": (
        _gradients("frei-chen", [1, math.sqrt(2), 1], [-1, 0, 1]),
        "Frei-Chen gradient, isotropic",
        IMAGEMAGICK,
    ),
    "roberts": (_ROBERTS, "Roberts cross, differences along diagonals", SCIKIT_IMAGE),
    "lines": (_LINES, "thin bright lines", "Gonzalez and Woods, Digital Image Processing"),
    "kirsch": (
        _compass("kirsch", [[5, 5, 5], [-3, 0, -3], [-3, -3, -3]]),
        "Kirsch compass, edges bright on the side named",
        f"Kirsch 1971; {IMAGEMAGICK}",
    ),
    "robinson": (
        _compass("robinson", [[1, 2, 1], [0, 0, 0], [-1, -2, -1]]),
        "Robinson compass, sobel turned by 45 degrees",
        "Robinson 1977",
    ),
    "compass": (
        _compass("compass", [[1, 1, 1], [1, -2, 1], [-1, -1, -1]]),
        "Prewitt compass, eight directions",
        IMAGEMAGICK,
    ),
}
_MEMBERS = {
    "x": "from left to right",
    "y": "from top to bottom",
    "pos": "top left minus bottom right",
    "neg": "top right minus bottom left",
}


def _catalogue_of_sets() -> dict[str, NamedKernel]:
    """List every set after its members."""
    result = {}
    for name, (members, description, source) in _SETS.items():
        for member, weights in members.items():
            way = member.rpartition("-")[2]
            text = f"{description}: {_MEMBERS.get(way, way)}"
            result[member] = NamedKernel(text, source, weights)
        text = f"{description}: the {len(members)} maps {', '.join(members)}"
        result[name] = NamedKernel(text, source, members)
    return result


#: Every named kernel: name to description, source and weights.
KERNELS: Mapping[str, NamedKernel] = {
    "identity": NamedKernel(
        "changes nothing", WIKIPEDIA, np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]])
    ),
    "sharpen": NamedKernel(
        "sharpens: the pixel against its four neighbours",
        WIKIPEDIA,
        np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
    ),
    "sharpen-8": NamedKernel(
        "sharpens more: the pixel against its eight neighbours",
        "",
        np.array([[-1, -1, -1], [-1, 9, -1], [-1, -1, -1]]),
    ),
    "unsharp": NamedKernel(
        "unsharp mask: adds amount times what a gaussian takes away",
        WIKIPEDIA,
        _unsharp,
    ),
    "edge": NamedKernel(
        "edges in all directions: the pixel against its eight neighbours",
        WIKIPEDIA,
        np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]),
    ),
    "outline": NamedKernel(
        "the same matrix as edge, by its other name",
        SETOSA,
        np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]),
    ),
    "high-pass": NamedKernel("the pixel minus the mean of its box", "", _high_pass),
    "emboss": NamedKernel(
        "relief lit from the top left", SETOSA, np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]])
    ),
    "box": NamedKernel("mean of size x size pixels", WIKIPEDIA, _box),
    "gaussian": NamedKernel(
        "gaussian blur, sampled at pixel centres, sum 1; sigma auto is OpenCV's table for "
        "size 3 (1 2 1), 5 (1 4 6 4 1), 7 and 9, else its rule 0.3*((size-1)/2 - 1) + 0.8",
        "OpenCV, getGaussianKernel",
        _gaussian,
    ),
    "binomial": NamedKernel(
        "binomial blur: Pascal's triangle divided by its sum, near to a gaussian", "", _binomial
    ),
    "blur": NamedKernel("binomial blur of 3x3", SETOSA, np.outer([1, 2, 1], [1, 2, 1]) / 16),
    "motion": NamedKernel(
        "motion blur along a line, angle in degrees counter-clockwise from the right; "
        "a pixel weighs 1 minus its distance from the line",
        "",
        _motion,
    ),
    "laplacian": NamedKernel(
        "Laplacian, four neighbours, centre positive",
        SCIKIT_IMAGE,
        np.array([[0, -1, 0], [-1, 4, -1], [0, -1, 0]]),
    ),
    "laplacian-8": NamedKernel(
        "Laplacian, eight neighbours (the same matrix as edge)",
        IMAGEMAGICK,
        np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]),
    ),
    "laplacian-corners": NamedKernel(
        "Laplacian that weighs the corners most",
        IMAGEMAGICK,
        np.array([[-2, 1, -2], [1, 4, 1], [-2, 1, -2]]),
    ),
    "log-5": NamedKernel(
        "Laplacian of gaussian in integers, 5x5, centre positive (Mexican hat)",
        IMAGEMAGICK,
        np.array(
            [
                [0, 0, -1, 0, 0],
                [0, -1, -2, -1, 0],
                [-1, -2, 16, -2, -1],
                [0, -1, -2, -1, 0],
                [0, 0, -1, 0, 0],
            ]
        ),
    ),
    "log": NamedKernel(
        "Laplacian of gaussian: (1 - u) exp(-u) / (pi sigma^4) of u = r^2 / (2 sigma^2) at pixel "
        "centres, mean taken off so that the sum is 0, centre positive",
        "",
        _log,
    ),
    "dog": NamedKernel("difference of two gaussians with the sigmas inner and outer", "", _dog),
    "gabor": NamedKernel(
        "Gabor: a cosine wave under a gaussian; angle 0 answers to vertical stripes and "
        "turns clockwise, "
        "wavelength in pixels, sigma auto is 0.56 wavelengths, phase in degrees",
        "OpenCV, getGaborKernel",
        _gabor,
    ),
    **_catalogue_of_sets(),
}
