"""Opening files that a dataset names: one that is a pipe would be waited for without end."""

from __future__ import annotations

import errno
import os
import stat

__all__ = ["plain_file"]

_FLAGS = (
    getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
)  # O_NONBLOCK changes nothing for plain files


def plain_file(path: str, flags: int = os.O_RDONLY) -> int:
    """Open a file for reading; an opener for ``open``, too.

    Returns:
        Its descriptor.

    Raises:
        OSError: It cannot be opened, or is no plain file.
    """
    descriptor = os.open(path, flags | _FLAGS)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    raise OSError(errno.EINVAL, "this is a pipe or a device, not a file", path)
