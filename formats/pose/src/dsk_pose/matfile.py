"""Reading MATLAB files that may be damaged, even so that scipy's compiled reader crashes."""

from __future__ import annotations

import io
import multiprocessing
import pickle
import signal
from typing import Any

from dsk.errors import InputError

__all__ = ["load_variable"]


def load_variable(data: bytes, name: str, where: str) -> Any:
    """Return a variable of a MATLAB file, None if it is not there.

    Another process reads the file: what is wrong in it can end that process, not this one.

    Args:
        data: The file.
        name: The variable.
        where: The file's place, for messages.

    Raises:
        InputError: The file cannot be read.
    """
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    forks = "fork" in multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("fork" if forks else None)
    try:
        with ProcessPoolExecutor(1, context, _leave_interrupts) as pool:
            found, error = pool.submit(_pickled_variable, data, name).result()
    except BrokenProcessPool as broken:
        what = "no readable MATLAB file: it makes the reader crash"
        raise InputError(what, where=where, hint="it is damaged; get it again") from broken
    if error:
        raise InputError(f"no readable MATLAB file: {error}", where=where)
    return pickle.loads(found)  # noqa: S301 - made by this very program


def _leave_interrupts() -> None:
    """Let the main process answer Ctrl-C, which a terminal sends to both."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _pickled_variable(data: bytes, name: str) -> tuple[bytes, str]:
    """Return the variable, and what was wrong."""
    from scipy.io import loadmat  # type: ignore[import-untyped]

    try:
        found = loadmat(
            io.BytesIO(data), struct_as_record=False, squeeze_me=True, variable_names=[name]
        )
        return pickle.dumps(found.get(name), pickle.HIGHEST_PROTOCOL), ""
    except Exception as error:  # noqa: BLE001 - a damaged file makes scipy raise nearly anything
        return b"", str(error) or type(error).__name__
