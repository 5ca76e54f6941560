"""Running a function on hostile input in a child process, bounded in memory and time."""

from __future__ import annotations

import faulthandler
import gc
import os
import pickle
import resource
import select
import signal
import sys
import time
import traceback
from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Outcome", "run"]

MEMORY = 1 << 30
"""How many bytes the child may take beyond what it has."""

SECONDS = 240.0
"""After so long, the function is taken to hang."""


class Outcome(Struct, frozen=True):
    """What became of a function.

    Attributes:
        value: What it returned.
        trouble: Why there is no value: a traceback, "hangs" or the signal that ended it; or "".
    """

    value: Any = None
    trouble: str = ""


def run(
    function: Callable[[], Any], *, memory: int = MEMORY, seconds: float | None = None
) -> Outcome:
    """Call a function in a forked child.

    Args:
        function: Must return something that pickles.
        memory: Bytes that the child may allocate.
        seconds: Time after which it is killed; None: ``SECONDS``.
    """
    seconds = SECONDS if seconds is None else seconds
    sys.stdout.flush()
    sys.stderr.flush()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _child(function, writing, memory)
    os.close(writing)
    try:
        data, hangs = _collect(reading, time.monotonic() + seconds)
    finally:
        os.close(reading)
    if hangs:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if hangs:
        return Outcome(trouble=f"it hangs (more than {seconds:g} s)")
    if os.WIFSIGNALED(status):
        return Outcome(trouble=f"the process died of {signal.Signals(os.WTERMSIG(status)).name}")
    outcome: Outcome = pickle.loads(data)  # noqa: S301 - written by our own child
    return outcome


def _collect(reading: int, deadline: float) -> tuple[bytes, bool]:
    parts: list[bytes] = []
    while True:
        ready, _, _ = select.select([reading], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return b"", True
        part = os.read(reading, 1 << 16)
        if not part:
            return b"".join(parts), False
        parts.append(part)


def _child(function: Callable[[], Any], writing: int, memory: int) -> None:
    """Run the function and leave without the parent's exit handlers."""
    faulthandler.disable()  # a crash is told by the parent
    gc.freeze()  # what the parent left in cycles is its own: codecs whose threads are not here
    try:
        _limit(memory)
        outcome = Outcome(function())
    except BaseException:  # noqa: BLE001 - whatever it is, the parent must hear of it
        outcome = Outcome(trouble=traceback.format_exc(limit=-8))
    with os.fdopen(writing, "wb") as pipe:
        pickle.dump(outcome, pipe)
    os._exit(0)


def _limit(memory: int) -> None:
    statm = "/proc/self/statm"
    if not os.path.exists(statm):  # noqa: PTH110 - elsewhere, the time limit must do
        return
    with open(statm, encoding="ascii") as file:  # noqa: PTH123
        now = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + memory, now + memory))
