"""Tensors in files of weights: .safetensors, .npz and .npy. Never a pickle."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.errors import MAX_NAMES, ArgumentError, ContentError, FileError, brief
from cnnfilter.files.opening import opened, regular
from cnnfilter.text import shown

#: How a file orders the axes of filter banks and dense weights: outputs first, as PyTorch
#: and ONNX have them, or inputs first, as Keras has them.
LAYOUTS = ("OIHW", "HWIO")
#: Suffixes of weights that are not opened: pickles can run programs.
UNREADABLE_WEIGHTS = (".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".h5", ".hdf5", ".keras")

_SUFFIXES = "|".join([r"\.safetensors", r"\.npz", r"\.npy", *map(re.escape, UNREADABLE_WEIGHTS)])
_REFERENCE = re.compile(rf"(.+?(?:{_SUFFIXES}))(?::(.*))?", re.DOTALL | re.IGNORECASE)


class _Tensors(Protocol):
    """An open file of tensors."""

    names: list[str]
    #: Bytes of all that it unfolds to; 0 where it unfolds nothing.
    size: int

    def read(self, name: str) -> Array:
        """Read one."""


def tensor_reference(text: str) -> tuple[str, str | None] | None:
    """Take ``weights.npz:conv1.weight`` apart; None if the text names no file of weights.

    Examples
    --------
    >>> tensor_reference("weights.safetensors:conv1.weight")
    ('weights.safetensors', 'conv1.weight')
    >>> tensor_reference("bank.npy"), tensor_reference("0.5,1")
    (('bank.npy', None), None)
    """
    found = _REFERENCE.fullmatch(text)
    return (found[1], found[2]) if found else None


def read_tensor(path: str | Path, name: str | None) -> Array:
    """Read one tensor, as it is stored.

    Parameters
    ----------
    path : str or Path
    name : str or None
        None where the file holds only one.

    Raises
    ------
    ArgumentError
        If the file cannot be read, or has no such tensor (it names the nearest).
    """
    with _open(path) as tensors:
        if name is None and len(tensors.names) == 1:
            (name,) = tensors.names
        if name is None:
            raise ContentError(
                f"holds {len(tensors.names)} tensors; name one, such as "
                f"{Path(path).name}:{brief(tensors.names[0])}"
            )
        if name not in tensors.names:
            raise ContentError(_missing(name, tensors.names))
        return tensors.read(name)


def read_tensors(path: str | Path) -> dict[str, Array]:
    """Read all tensors, in the file's order; that of .safetensors is by name.

    Raises
    ------
    ArgumentError
        If the file cannot be read.
    """
    from cnnfilter.files.matrices import MAX_BYTES

    with _open(path) as tensors:
        if tensors.size > MAX_BYTES:
            raise ContentError(f"unfolds to more than {MAX_BYTES} bytes")
        return {name: tensors.read(name) for name in tensors.names}


def to_hwio(tensor: Array) -> Array:
    """Return weights in our order from PyTorch's, inputs before outputs.

    Examples
    --------
    >>> to_hwio(np.zeros((16, 3, 5, 5))).shape, to_hwio(np.zeros((10, 64))).shape
    ((5, 5, 3, 16), (64, 10))
    """
    return np.ascontiguousarray(tensor.transpose((2, 3, 1, 0) if tensor.ndim == 4 else (1, 0)))


def to_oihw(weights: Array) -> Array:
    """Return weights in PyTorch's order from ours, outputs first.

    Examples
    --------
    >>> to_oihw(np.zeros((5, 5, 3, 16))).shape, to_oihw(np.zeros((64, 10))).shape
    ((16, 3, 5, 5), (10, 64))
    """
    return weights.transpose((3, 2, 0, 1) if weights.ndim == 4 else (1, 0))


def write_tensors(file: BinaryIO, tensors: dict[str, Array]) -> None:
    """Write a .safetensors file."""
    from safetensors.numpy import save

    file.write(save({name: np.ascontiguousarray(each) for name, each in tensors.items()}))


def _missing(name: str, names: list[str]) -> str:
    """Word the error for a tensor that is not there: those there are, the nearest first."""
    from difflib import SequenceMatcher

    name, kept = brief(name), [brief(each) for each in names[:MAX_NAMES]]
    nearest = sorted(kept, key=lambda each: -SequenceMatcher(None, name, each).ratio())
    listed = ", ".join(nearest[:8]) + (f", ... ({len(names)} in all)" if len(names) > 8 else "")
    return f"there is no tensor '{name}'; there are {listed}"


@contextmanager
def _open(path: str | Path) -> Iterator[_Tensors]:
    """Open a file of tensors; its errors name it."""
    try:
        with opened(regular(Path(path))) as file:
            kind = Path(path).suffix.lower()
            openers: dict[str, Callable[[BinaryIO, Path], _Tensors]]
            openers = {".npz": _Archive, ".npy": _Single, ".safetensors": _Safetensors}
            if kind not in openers:
                raise ContentError(f"is not opened; save the tensors as {' or '.join(openers)}")
            yield openers[kind](file, Path(path))
    except ContentError as error:
        raise ArgumentError(f"{shown(path)}: {error}") from None
    except FileError as error:
        raise ArgumentError(str(error)) from None


class _Single:
    """A .npy file."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self.file, self.names, self.size = file, [path.stem], 0

    def read(self, name: str) -> Array:
        from cnnfilter.files.matrices import read_array

        return widened(read_array(self.file))


class _Archive:
    """A .npz file."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        import zipfile

        from cnnfilter.files.matrices import BROKEN

        try:
            self.archive = zipfile.ZipFile(file)
        except BROKEN as error:
            raise ContentError(f"not an .npz file that can be read ({brief(error)})") from None
        members = [each for each in self.archive.namelist() if each.endswith(".npy")]
        if not members:
            raise ContentError("holds no arrays of NumPy's; write it with numpy.savez")
        self.names = [each.removesuffix(".npy") for each in members]
        self.size = sum(each.file_size for each in self.archive.infolist())

    def read(self, name: str) -> Array:
        from cnnfilter.files.matrices import BROKEN, MAX_BYTES, read_array

        try:
            size = self.archive.getinfo(f"{name}.npy").file_size
            if size > MAX_BYTES:
                raise ContentError(f"{brief(name)} unfolds to more than {MAX_BYTES} bytes")
            with self.archive.open(f"{name}.npy") as member:
                return widened(read_array(cast("BinaryIO", member), size=size))
        except ContentError as error:
            raise ContentError(f"{brief(name)}: {error}") from None
        except BROKEN as error:
            raise ContentError(f"{brief(name)} cannot be read ({str(error)[:120]})") from None


class _Safetensors:
    """A .safetensors file, read by the library of that name."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        try:
            from safetensors import SafetensorError, safe_open
        except ImportError:
            raise ContentError(
                "needs the extra weights: pip install 'cnnfilter[weights]'"
            ) from None
        # An AttributeError is about types that NumPy has not, such as float8.
        self.broken = (
            SafetensorError, OSError, ValueError, TypeError, KeyError, AttributeError,
        )  # fmt: skip
        try:
            self.file, self.size = file, 0
            self.tensors: Any = cast("Any", safe_open)(path, framework="numpy")
            self.names = list(self.tensors.keys())
        except self.broken as error:
            raise ContentError(
                f"not a .safetensors file that can be read ({brief(error)})"
            ) from None

    def read(self, name: str) -> Array:
        try:
            if self.tensors.get_slice(name).get_dtype() == "BF16":
                return self._read_bfloat16(name)
            return widened(self.tensors.get_tensor(name))
        except self.broken as error:
            raise ContentError(
                f"{brief(name)} cannot be read ({brief(error)}); save it as float32, float64 or "
                "integers"
            ) from None

    def _read_bfloat16(self, name: str) -> Array:
        """Read what NumPy has no type for: the upper halves of float32's."""
        import json

        self.file.seek(0)
        length = int.from_bytes(self.file.read(8), "little")
        entry = json.loads(self.file.read(length))[name]  # the library has checked all this
        first, last = entry["data_offsets"]
        self.file.seek(8 + length + first)
        halves = np.frombuffer(self.file.read(last - first), "<u2").astype(np.uint32)
        return (halves << np.uint32(16)).view(np.float32).reshape(entry["shape"])


def widened(tensor: Any) -> Array:
    """Widen float16 and shorten longer floats, which no network computes in here.

    Raises
    ------
    ContentError
        If it holds no real numbers.
    """
    if tensor.dtype.kind not in "biuf":
        raise ContentError(f"holds {tensor.dtype}, not real numbers")
    if tensor.dtype.itemsize > 8:  # NumPy's longer floats; what is larger becomes infinite
        with np.errstate(over="ignore"):
            return tensor.astype(np.float64)
    return tensor.astype(np.float32) if tensor.dtype == np.float16 else tensor
