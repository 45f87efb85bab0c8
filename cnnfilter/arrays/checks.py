"""Checks of images, features and numbers."""

import numpy as np
from numpy.typing import ArrayLike

from cnnfilter.arrays import Array
from cnnfilter.arrays.arguments import number
from cnnfilter.arrays.geometry import Shape
from cnnfilter.errors import ArgumentError, NotFiniteError, ShapeError


def as_array(what: str, values: object) -> Array:
    """Convert to an array without ragged rows."""
    try:
        return np.asarray(values)
    except ValueError:
        raise ShapeError(f"{what} has rows that are not equally long") from None


def as_image(image: ArrayLike) -> Array:
    """Check an image, and convert it to an array.

    Parameters
    ----------
    image : array_like
        Shape (H, W) or (H, W, C), of any real type.

    Returns
    -------
    ndarray
        The same array, not copied; bool becomes uint8 with 0 and 255.

    Raises
    ------
    ShapeError
        If it has not two or three axes, or an empty one.

    Examples
    --------
    >>> as_image([[True, False]])
    array([[255,   0]], dtype=uint8)
    """
    array = as_array("an image", image)
    if array.ndim not in (2, 3) or array.size == 0:
        raise ShapeError(
            f"an image has the shape (height, width) or (height, width, channels), "
            f"each at least 1, not {array.shape}"
        )
    return _as_numbers(array)


def as_features(features: ArrayLike) -> Array:
    """Check an image, a feature map or a vector of features.

    As `as_image`, but the shape may be (N,), too.

    Examples
    --------
    >>> as_features([1.5, 2])
    array([1.5, 2. ])
    """
    array = as_array("features", features)
    return _as_numbers(array) if array.ndim == 1 and array.size else as_image(array)


#: NumPy's kinds that are not real numbers, in words.
_WORDS = {
    "b": "true or false",
    "c": "complex numbers",
    "O": "other things",
    "S": "text",
    "U": "text",
}


def _as_numbers(array: Array) -> Array:
    if array.dtype == bool:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype.kind not in "iuf":
        raise ArgumentError(f"an image holds real numbers, not {array.dtype}")
    return array


def as_numbers(name: str, values: object) -> Array:
    """Read numbers: one, an array, or text.

    Raises
    ------
    ArgumentError
        If they are not finite real numbers.

    Examples
    --------
    >>> as_numbers("mean", "1/2, 0.25")
    array([0.5 , 0.25])
    """
    if isinstance(values, str):
        words = [number(name, word.strip()) for word in values.split(",")]
        return np.array(words if len(words) > 1 else words[0])
    array = as_array(name, values)
    if array.dtype.kind not in "iuf":
        held = _WORDS.get(array.dtype.kind, array.dtype)
        raise ArgumentError(f"{name} holds {held}, not real numbers")
    if array.size == 0:
        raise ArgumentError(f"{name} holds no number")
    if problem := not_finite(array):
        raise ArgumentError(f"{name} {problem}")
    return array if array.dtype == np.float32 else array.astype(np.float64)


def per_channel(name: str, values: Array, shape: Shape) -> Array:
    """Insert a number, or one per channel, into a shape.

    Returns
    -------
    ndarray
        A view of that shape.

    Raises
    ------
    ShapeError
        If there are neither one nor as many as channels.

    Examples
    --------
    >>> per_channel("mean", np.array([1.0, 2.0, 3.0]), (4, 4, 3))[0, 0]
    array([1., 2., 3.])
    """
    try:
        if len(shape) == 2:
            return np.broadcast_to(values, (*shape, 1))[:, :, 0]
        return np.broadcast_to(values, shape)
    except ValueError:
        channels = 1 if len(shape) == 2 else shape[-1]
        raise ShapeError(
            f"{name} has the shape {values.shape}, its input {shape}: give one number, or one "
            f"for each of {channels} channel(s)"
        ) from None


def check_finite(array: Array, what: str) -> None:
    """Raise NotFiniteError for NaN and infinity."""
    if problem := not_finite(array):
        raise NotFiniteError(f"{what} {problem}")


def is_finite(values: Array) -> bool:
    """Return whether all values are finite.

    Examples
    --------
    >>> is_finite(np.array([0, 1])), is_finite(np.array([0, np.inf]))
    (True, False)
    """
    # NaN is the minimum of any array that holds it; infinity is a minimum or maximum.
    return (
        values.dtype.kind != "f"
        or not values.size
        or bool(np.isfinite([values.min(), values.max()]).all())
    )


def not_finite(array: Array) -> str:
    """Return the problem with values that are not finite.

    Examples
    --------
    >>> not_finite(np.array([[0, np.nan]]))
    'holds 1 value(s) that are NaN or infinite, the first at 0,1; replace them by numbers'
    >>> not_finite(np.array([[[0], [np.nan]]]))  # a grey picture's place has two numbers
    'holds 1 value(s) that are NaN or infinite, the first at 0,1; replace them by numbers'
    """
    if is_finite(array):
        return ""
    bad = np.argwhere(~np.isfinite(array))
    is_gray = array.ndim == 3 and array.shape[2] == 1
    first = ",".join(str(index) for index in (bad[0, :2] if is_gray else bad[0]))
    place = f", the first at {first}" if first else ""
    return f"holds {len(bad)} value(s) that are NaN or infinite{place}; replace them by numbers"
