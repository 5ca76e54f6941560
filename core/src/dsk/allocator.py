"""Keeping the memory of one image for the next."""

from __future__ import annotations

import functools
from contextlib import suppress

__all__ = ["keep_freed_memory"]

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # mallopt(3), glibc
_KEPT = 64 << 20
_LARGEST = 32 << 20  # the most that glibc takes


@functools.cache
def keep_freed_memory() -> None:
    """Let the allocator keep what was freed, once per process.

    It gives large blocks back to the system at once, and every page of the next image then costs a
    fault: a third of the time of reading label maps. Other allocators than glibc's are left alone.
    """
    import ctypes

    with suppress(OSError, AttributeError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_THRESHOLD, _LARGEST)
        mallopt(_TRIM_THRESHOLD, _KEPT)
