"""Tensors in files of weights: .safetensors, .npz and .npy. Never a pickle."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, cast

import numpy as np

from cnnfilter.arrays import Array
from cnnfilter.errors import MAX_NAMES, ArgumentError, ContentError, brief, naming
from cnnfilter.files.opening import opened, regular

#: How a file orders the axes of filter banks and dense weights: outputs first, as PyTorch
#: and ONNX have them, or inputs first, as Keras has them.
LAYOUTS = ("OIHW", "HWIO")
#: Suffixes of weights that are not opened: pickles can run programs.
UNREADABLE_WEIGHTS = (".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".h5", ".hdf5", ".keras")
#: Suffixes of files of weights.
TENSOR_SUFFIXES = (".safetensors", ".npz", ".npy", *UNREADABLE_WEIGHTS)

_REFERENCE = rf"(?si)(.+?(?:{'|'.join(map(re.escape, TENSOR_SUFFIXES))}))(?::(.*))?"


@dataclass(frozen=True)
class WeightsRef:
    """A file that an argument names, and the tensor in it.

    Attributes
    ----------
    path : Path
    tensor : str or None
        None where the file holds only one.

    Examples
    --------
    >>> reference = WeightsRef.parse("net.safetensors:conv1.weight")
    >>> str(reference.path), reference.tensor
    ('net.safetensors', 'conv1.weight')
    >>> WeightsRef.parse("bank.npy").label, WeightsRef.parse("0.5,1")
    ('bank', None)
    """

    path: Path
    tensor: str | None = None

    @classmethod
    def parse(cls, text: str, folder: Path | None = None) -> "WeightsRef | None":
        """Return the tensor that a text names, or None."""
        # A kernel's name has no dot, which spares a start the pattern.
        found = re.fullmatch(_REFERENCE, text) if "." in text else None
        return cls((folder or Path()) / found[1], found[2]) if found else None

    @property
    def label(self) -> str:
        """The tensor's name, or its file's."""
        return self.tensor or self.path.stem

    @property
    def is_tensor(self) -> bool:
        """Test whether the file holds tensors, not a matrix as text."""
        return self.path.suffix.lower() in TENSOR_SUFFIXES

    def absolute(self) -> "WeightsRef":
        """Return the same, to be found from any folder."""
        return WeightsRef(self.path.absolute(), self.tensor)

    def __str__(self) -> str:
        return str(self.path) if self.tensor is None else f"{self.path}:{self.tensor}"


class _Tensors(Protocol):
    """An open file of tensors."""

    names: list[str]
    #: Bytes of all that it unfolds to; 0 where it unfolds nothing.
    size: int

    def read(self, name: str) -> Array:
        """Read one."""


class _SafeTensors(Protocol):
    """What is used of the library's open file."""

    def keys(self) -> list[str]: ...
    def get_tensor(self, name: str) -> Array: ...
    def get_slice(self, name: str) -> "_Slice": ...


class _Slice(Protocol):
    def get_dtype(self) -> str: ...


def read_tensor(path: Path, name: str | None) -> Array:
    """Read one tensor, as it is stored.

    Parameters
    ----------
    path : Path
    name : str or None
        None where the file holds only one.

    Raises
    ------
    ArgumentError
        If the file cannot be read or has no such tensor (it names the nearest).
    """
    with naming(path, ArgumentError):
        return find_tensor(path, name)


def find_tensor(path: Path, name: str | None) -> Array:
    """Read one tensor; `ContentError` lacks the file's name."""
    with _open(path) as tensors:
        if name is None and len(tensors.names) == 1:
            (name,) = tensors.names
        if name is None:
            raise ContentError(
                f"holds {len(tensors.names)} tensors; name one, such as "
                f"{path.name}:{brief(tensors.names[0])}"
            )
        if name not in tensors.names:
            raise ContentError(_missing(name, tensors.names))
        return tensors.read(name)


def read_tensors(path: Path) -> dict[str, Array]:
    """Read all tensors, in the file's order.

    The order of .safetensors is by name.

    Raises
    ------
    ArgumentError
        If the file cannot be read.
    """
    from cnnfilter.files.numbers.matrices import MAX_BYTES

    with naming(path, ArgumentError), _open(path) as tensors:
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

    file.write(save({name: np.ascontiguousarray(array) for name, array in tensors.items()}))


def _missing(name: str, names: list[str]) -> str:
    """Return an unknown tensor's message: the others, nearest first."""
    from difflib import SequenceMatcher

    name, kept = brief(name), [brief(other) for other in names[:MAX_NAMES]]
    nearest = sorted(kept, key=lambda other: -SequenceMatcher(None, name, other).ratio())
    listed = ", ".join(nearest[:8]) + (f", ... ({len(names)} in all)" if len(names) > 8 else "")
    return f"there is no tensor '{name}'; there are {listed}"


@contextmanager
def _open(path: Path) -> Iterator[_Tensors]:
    """Open a file of tensors; `ContentError` lacks its name."""
    openers: dict[str, Callable[[BinaryIO, Path], _Tensors]]
    openers = {".npz": _Archive, ".npy": _Single, ".safetensors": _Safetensors}
    with opened(regular(path)) as file:
        opener = openers.get(path.suffix.lower())
        if opener is None:
            raise ContentError(f"is not opened; save the tensors as {' or '.join(openers)}")
        yield opener(file, path)


class _Single:
    """A .npy file."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self.file, self.names, self.size = file, [path.stem], 0

    def read(self, name: str) -> Array:
        from cnnfilter.files.numbers.matrices import read_array

        return widened(read_array(self.file))


class _Archive:
    """A .npz file."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        import zipfile

        from cnnfilter.files.numbers.matrices import BROKEN

        try:
            self.archive = zipfile.ZipFile(file)
        except BROKEN as error:
            raise ContentError(f"not a readable .npz file ({brief(error)})") from None
        members = [name for name in self.archive.namelist() if name.endswith(".npy")]
        if not members:
            raise ContentError("holds no NumPy arrays; write it with numpy.savez")
        self.names = [name.removesuffix(".npy") for name in members]
        self.size = sum(member.file_size for member in self.archive.infolist())

    def read(self, name: str) -> Array:
        from cnnfilter.files.numbers.matrices import BROKEN, MAX_BYTES, read_array

        with naming(brief(name)):
            try:
                size = self.archive.getinfo(f"{name}.npy").file_size
                if size > MAX_BYTES:
                    raise ContentError(f"unfolds to more than {MAX_BYTES} bytes")
                with self.archive.open(f"{name}.npy") as member:
                    return widened(read_array(cast("BinaryIO", member), size=size))
            except BROKEN as error:
                raise ContentError(f"cannot be read ({brief(error, 120)})") from None


class _Safetensors:
    """A .safetensors file, read by the library of that name."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        try:
            from safetensors import SafetensorError, safe_open
        except ImportError:
            raise ContentError(
                "needs the extra weights: pip install 'cnnfilter[weights]'"
            ) from None
        # An AttributeError is about types that NumPy lacks, such as float8.
        self.broken = (
            SafetensorError, OSError, ValueError, TypeError, KeyError, AttributeError,
        )  # fmt: skip
        try:
            self.file, self.size = file, 0
            open_file = cast("Callable[..., _SafeTensors]", safe_open)
            self.tensors = open_file(path, framework="numpy")
            self.names = list(self.tensors.keys())
        except self.broken as error:
            raise ContentError(f"not a readable .safetensors file ({brief(error)})") from None

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
        """Read bfloat16, which NumPy lacks: the upper halves of float32."""
        import json

        self.file.seek(0)
        length = int.from_bytes(self.file.read(8), "little")
        entry = json.loads(self.file.read(length))[name]  # the library has checked all this
        first, last = entry["data_offsets"]
        self.file.seek(8 + length + first)
        halves = np.frombuffer(self.file.read(last - first), "<u2").astype(np.uint32)
        return (halves << np.uint32(16)).view(np.float32).reshape(entry["shape"])


def widened(tensor: Array) -> Array:
    """Return floats in 32 or 64 bits.

    Raises
    ------
    ContentError
        If it does not hold real numbers.
    """
    if tensor.dtype.kind not in "biuf":
        raise ContentError(f"holds {tensor.dtype}, not real numbers")
    if tensor.dtype.itemsize > 8:  # NumPy's longer floats; what is larger becomes infinite
        with np.errstate(over="ignore"):
            return tensor.astype(np.float64)
    return tensor.astype(np.float32) if tensor.dtype == np.float16 else tensor
