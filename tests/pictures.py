"""Small images of every kind, and how they are read back."""

import functools
import io
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageCms

SAMPLES = Path(__file__).resolve().parents[1] / "sample_images"


def pixels(file: Path | bytes) -> np.ndarray:
    """Read a file (or its bytes) with Pillow, as it is stored."""
    with Image.open(io.BytesIO(file) if isinstance(file, bytes) else file) as image:
        return np.asarray(image)


class Images:
    """Makes small images of every kind in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @staticmethod
    def coffee() -> Image.Image:
        """Return a piece of 48x36 pixels from the colour photograph."""
        with Image.open(SAMPLES / "coffee.png") as whole:
            return whole.convert("RGB").resize((48, 36), Image.Resampling.BOX)

    def save(
        self, name: str | bytes, image: Image.Image, format: str | None = None, **options: object
    ) -> Path:
        path = Path(os.fsdecode(os.path.join(os.fsencode(self.folder), os.fsencode(name))))  # noqa: PTH118
        path.parent.mkdir(parents=True, exist_ok=True)
        buffer = io.BytesIO()
        image.save(buffer, format or Image.registered_extensions()[path.suffix], **options)
        path.write_bytes(buffer.getvalue())
        return path

    def photo(
        self, name: str | bytes = "img.png", format: str | None = None, **options: object
    ) -> Path:
        return self.save(name, self.coffee(), format, **options)

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
        """Save a photograph with a colour profile, whose EXIF asks for a turn."""
        exif = Image.Exif()
        exif[0x0112] = 6
        exif[0x010E] = "A cup of coffee"
        return self.photo(name, exif=exif, icc_profile=self.profile(), quality=95)

    @staticmethod
    @functools.cache  # it holds the second in which it was made
    def profile() -> bytes:
        return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    def sample(self, name: str) -> Path:
        return Path(shutil.copy(SAMPLES / name, self.folder))

    def padlock(self, name: str = "padlock.png") -> Path:
        return Path(shutil.copy(SAMPLES / "padlock-16x16.png", self.folder / name))

    def matrix(self, values: ArrayLike, name: str = "m.npy") -> Path:
        path = self.folder / name
        np.save(path, np.asarray(values))
        return path

    def table(self, rows: Iterable[Iterable[object]], name: str = "m.csv") -> Path:
        path = self.folder / name
        path.write_text("".join(",".join(map(str, row)) + "\n" for row in rows))
        return path
