"""What is collected, and what tests share: ways to run the installed command, and images."""

import functools
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image, ImageCms

REPOSITORY = Path(__file__).resolve().parents[1]
SAMPLES = REPOSITORY / "sample_images"

# Scripts are not collected, nor what needs torch where there is none.
collect_ignore_glob = ["training/*", "benchmarks/[!t]*", "fuzz/[!t]*"]
if find_spec("torch") is None:
    collect_ignore_glob.append("networks/networks.py")

Argument = str | bytes | os.PathLike[str]

# What a terminal, a CI service or a developer's shell may say about colours and widths.
_LEFT_OUT = (
    "NO_COLOR",
    "FORCE_COLOR",
    "CLICOLOR",
    "CLICOLOR_FORCE",
    "PY_COLORS",
    "GITHUB_ACTIONS",
    "TTY_COMPATIBLE",
    "TERMINAL_WIDTH",
    "LINES",
)


class Result(NamedTuple):
    """What one run of the command left."""

    status: int
    stdout: bytes
    stderr: str

    @property
    def text(self) -> str:
        """Standard output as text."""
        return self.stdout.decode()

    @property
    def line(self) -> str:
        """The one line on standard error."""
        assert self.stderr.endswith("\n"), self.stderr
        assert self.stderr.count("\n") == 1, self.stderr
        return self.stderr[:-1]

    def numbers(self) -> np.ndarray:
        """Tab-separated output as ``(H, W)``, or ``(H, W, C)`` for several channels."""
        blocks = [
            np.array([[float(cell) for cell in row.split("\t")] for row in block.splitlines()])
            for block in self.text.rstrip("\n").split("\n\n")
        ]
        return blocks[0] if len(blocks) == 1 else np.stack(blocks, axis=-1)


def _snapshot(folder: Path) -> dict[bytes, object]:
    """Every name under a folder, with what it is and holds."""
    found: dict[bytes, object] = {}
    for root, folders, files in os.walk(os.fsencode(folder)):
        for name in folders:
            found[os.path.join(root, name)] = "folder"  # noqa: PTH118 - bytes
        for name in files:
            path = os.path.join(root, name)  # noqa: PTH118 - bytes
            if os.path.islink(path):  # noqa: PTH114 - bytes
                found[path] = ("link", os.readlink(path))  # noqa: PTH115 - bytes
            else:
                with open(path, "rb") as file:  # noqa: PTH123 - bytes
                    found[path] = file.read()
    return found


class Images:
    """Makes small images of every kind in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @staticmethod
    def coffee() -> Image.Image:
        """Return a piece of 48x36 pixels from the colour photograph."""
        with Image.open(SAMPLES / "coffee.png") as whole:
            return whole.convert("RGB").resize((48, 36), Image.Resampling.BOX)

    def save(self, name: str | bytes, image: Image.Image, **options: Any) -> Path:
        path = Path(os.fsdecode(os.path.join(os.fsencode(self.folder), os.fsencode(name))))  # noqa: PTH118
        path.parent.mkdir(parents=True, exist_ok=True)
        buffer = io.BytesIO()
        kind = options.pop("format", None) or Image.registered_extensions()[path.suffix]
        image.save(buffer, kind, **options)
        path.write_bytes(buffer.getvalue())
        return path

    def photo(self, name: str | bytes = "img.png", **options: Any) -> Path:
        return self.save(name, self.coffee(), **options)

    def rgba(self, name: str = "img.png") -> Path:
        with Image.open(SAMPLES / "cat-alpha.png") as whole:
            return self.save(name, whole.resize((37, 30)))

    def grey16(self, name: str = "img.png") -> Path:
        with Image.open(SAMPLES / "galaxies-16bit.png") as whole:
            return self.save(name, whole.crop((100, 100, 130, 120)))

    def palette(self, name: str = "img.png") -> Path:
        return self.save(name, self.coffee().quantize(16))

    def cmyk(self, name: str = "img.jpg") -> Path:
        return self.save(name, self.coffee().convert("CMYK"), quality=95)

    def bits(self, name: str = "img.png") -> Path:
        return self.save(name, self.coffee().convert("1"))

    def turned(self, name: str = "img.jpg") -> Path:
        """Save a photograph that EXIF says is to be turned, with a colour profile."""
        exif = Image.Exif()
        exif[0x0112] = 6
        exif[0x010E] = "A cup of coffee"
        return self.photo(name, exif=exif, icc_profile=self.profile(), quality=95)

    @staticmethod
    @functools.cache  # it holds the second in which it was made
    def profile() -> bytes:
        return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    def padlock(self, name: str = "padlock.png") -> Path:
        return Path(shutil.copy(SAMPLES / "padlock-16x16.png", self.folder / name))

    def matrix(self, values: Any, name: str = "m.npy") -> Path:
        path = self.folder / name
        np.save(path, np.asarray(values))
        return path

    def table(self, rows: Any, name: str = "m.csv") -> Path:
        path = self.folder / name
        path.write_text("".join(",".join(map(str, row)) + "\n" for row in rows))
        return path


@pytest.fixture(scope="session")
def command() -> str:
    """The installed command."""
    beside = Path(sys.executable).with_name("cnnfilter")
    found = str(beside) if beside.exists() else shutil.which("cnnfilter")
    assert found, "cnnfilter is not installed in this environment"
    return found


@pytest.fixture(scope="session")
def environment(command: str) -> dict[str, str]:
    """The environment that the command runs in."""
    kept = {name: value for name, value in os.environ.items() if name not in _LEFT_OUT}
    folder = str(Path(command).parent)
    return {
        **kept,
        "PATH": folder + os.pathsep + kept.get("PATH", ""),
        "PYTHONWARNINGS": "error",
        "COLUMNS": "80",
    }


@pytest.fixture
def run(command: str, environment: dict[str, str], tmp_path: Path) -> Callable[..., Result]:
    """Run the command in a fresh folder, off a terminal."""

    def run(
        *arguments: Argument,
        stdin: bytes = b"",
        cwd: Path = tmp_path,
        program: tuple[str, ...] = (command,),
        columns: int = 80,
    ) -> Result:
        done = subprocess.run(
            [*program, *arguments],
            input=stdin,
            capture_output=True,
            cwd=cwd,
            env={**environment, "COLUMNS": str(columns)},
            timeout=60,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr.decode())

    return run


@pytest.fixture
def works(run: Callable[..., Result]) -> Callable[..., Result]:
    """Run the command and insist that it succeeds and says one line."""

    def works(*arguments: Argument, **options: Any) -> Result:
        result = run(*arguments, **options)
        assert result.status == 0, result.stderr
        assert result.line.startswith("cnnfilter: ")
        return result

    return works


@pytest.fixture
def snapshot(tmp_path: Path) -> Callable[[], dict[bytes, object]]:
    """Everything in the test's folder."""
    return lambda: _snapshot(tmp_path)


@pytest.fixture
def refused(
    run: Callable[..., Result], snapshot: Callable[[], dict[bytes, object]]
) -> Callable[..., str]:
    """Run the command and insist on all that holds for every refusal; return its line."""

    def refused(*arguments: Argument, status: int, **options: Any) -> str:
        before = snapshot()
        result = run(*arguments, **options)
        assert "Traceback" not in result.stderr, result.stderr
        assert result.line.startswith("cnnfilter: ")
        assert result.status == status, result.line
        assert result.stdout == b""
        assert snapshot() == before
        return result.line

    return refused


@pytest.fixture
def images(tmp_path: Path) -> Images:
    """A maker of images in the test's folder."""
    return Images(tmp_path)


@pytest.fixture
def pixels() -> Callable[[Path | bytes], np.ndarray]:
    """Read a file (or its bytes) with Pillow, as it is stored."""

    def pixels(file: Path | bytes) -> np.ndarray:
        with Image.open(io.BytesIO(file) if isinstance(file, bytes) else file) as image:
            return np.asarray(image)

    return pixels
