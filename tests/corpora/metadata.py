"""What exiftool reads of a picture and of what was written from it."""

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

#: Tags that say something of a picture, and that a new file of another size keeps.
TAGS = (
    "EXIF:Make", "EXIF:Model", "EXIF:Artist", "EXIF:Copyright", "EXIF:DateTimeOriginal",
    "EXIF:ExposureTime", "EXIF:FNumber", "EXIF:ISO", "EXIF:FocalLength", "EXIF:LensModel",
    "EXIF:GPSLatitude", "EXIF:GPSLongitude", "EXIF:GPSAltitude", "ICC_Profile:ProfileDescription",
    "XMP:Title", "XMP:Creator", "XMP:Rating",
)  # fmt: skip
_SPACE = "ICC_Profile:ColorSpaceData"
#: Which of them a file of a suffix holds.
_HELD = {
    ".png": ("EXIF", "ICC_Profile", "XMP"), ".jpg": ("EXIF", "ICC_Profile", "XMP"),
    ".webp": ("EXIF", "ICC_Profile", "XMP"), ".tif": ("EXIF", "ICC_Profile"),
    ".avif": ("EXIF", "ICC_Profile", "XMP"),
}  # fmt: skip


def _told(paths: Sequence[Path], *options: str) -> Mapping[Path, Mapping[str, object]]:
    """Ask exiftool about files, in one run."""
    if not shutil.which("exiftool") or not paths:
        return {}
    command = ["exiftool", "-json", "-n", "-G0", "-q", "-q", *options, "-@", "-"]
    names = "".join(f"{path}\n" for path in paths).encode()
    done = subprocess.run(command, input=names, capture_output=True, check=False)
    lines = json.loads(done.stdout or b"[]")
    return {Path(line["SourceFile"]): line for line in lines}


def orientations(paths: Sequence[Path]) -> Mapping[Path, int]:
    """Return the orientation that the files' own EXIF states."""
    told = _told(paths, "-EXIF:Orientation")
    turns = {path: line.get("EXIF:Orientation", 1) for path, line in told.items()}
    return {path: turn for path, turn in turns.items() if isinstance(turn, int) and 1 <= turn <= 8}


def unlike(
    made: Sequence[tuple[Path, Path, str]],
) -> Iterator[tuple[Path, Path, str]]:
    """Find what files that were made from others do not say any more.

    Parameters
    ----------
    made : sequence of (Path, Path, str)
        Sources, results, and what was said of them.

    Yields
    ------
    (Path, Path, str)
        Both, and the tags.
    """
    wanted = [f"-{tag}" for tag in (*TAGS, _SPACE)]
    before = _told(list(dict.fromkeys(source for source, _, _ in made)), *wanted)
    after = _told([result for _, result, _ in made], *wanted)
    for source, result, notes in made:
        own, kept = before.get(source, {}), after.get(result, {})
        held = set(_HELD.get(result.suffix, ()))
        if own.get(_SPACE) == "CMYK":  # which is RGB now
            held.discard("ICC_Profile")
        changed = [
            f"{tag}: {own[tag]!r} became {kept.get(tag)!r}"
            for tag in TAGS
            if str(own.get(tag, "")).strip()  # a blank one says nothing
            and tag.split(":")[0] in held
            and not _same(own[tag], kept.get(tag))
            and not _is_said(tag, notes)
        ]
        if changed:
            yield source, result, "; ".join(changed)


def _same(one: object, other: object) -> bool:
    if isinstance(one, float | int) and isinstance(other, float | int):
        return abs(one - other) <= 1e-6 * max(1, abs(one))
    return str(one).strip() == str(other).strip()


def _is_said(tag: str, notes: str) -> bool:
    word = {"EXIF": "EXIF", "ICC_Profile": "profile", "XMP": "XMP"}[tag.split(":")[0]]
    return word in notes or "metadata" in notes
