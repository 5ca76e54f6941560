"""Keeping the memory of one image, or of one piece of a file, for the next."""

from __future__ import annotations

from contextlib import suppress

__all__ = ["keep_freed_memory"]

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # mallopt(3), glibc
_KEPT = 64 << 20
_LARGEST = 32 << 20  # the most that glibc takes

_largest = 0


def keep_freed_memory(largest: int = _LARGEST) -> None:
    """Let the allocator keep what was freed, from now on in this process.

    It gives large blocks back to the system at once, and every page of the next image then costs a
    fault: a third of the time of reading label maps. Other allocators than glibc's are left alone.

    Args:
        largest: Size of the largest blocks that are kept, in bytes. Larger ones are given back as
            before: between blocks that stay, they would leave gaps. The most that was asked for
            counts.
    """
    global _largest  # noqa: PLW0603 - the allocator is one, too
    if largest <= _largest:
        return
    _largest = largest
    import ctypes

    with suppress(OSError, AttributeError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_THRESHOLD, largest)
        mallopt(_TRIM_THRESHOLD, _KEPT)
