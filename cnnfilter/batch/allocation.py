"""How the C library keeps what is freed: process-wide, and told once."""

import sys

# Of <malloc.h>.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
#: Arrays from this size on are given back at once; of smaller ones so much is kept for the next.
_LARGE, _KEPT = 4 * 2**20, 4 * 2**20


def return_freed_memory() -> None:
    """Let the C library return large arrays to the system as soon as they are freed.

    glibc by itself learns from an image that its arrays come again, and keeps up to 32 MiB of
    each kind, in each thread: the next one then takes a third more than the first. Where the
    library is another, nothing is done.
    """
    if sys.platform != "linux":
        return
    import ctypes

    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt") and hasattr(library, "gnu_get_libc_version"):
        library.mallopt(_MMAP_THRESHOLD, _LARGE)
        library.mallopt(_TRIM_THRESHOLD, _KEPT)
