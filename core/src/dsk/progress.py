"""Showing how far long work is: a line on a terminal after the first second, nothing in pipes."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import TextIO

__all__ = ["Progress", "waiting"]

T = TypeVar("T")

SILENT_FIRST = 1.0
EVERY = 0.1
WIDTH = 24
_CLEAR = "\r\x1b[K"

TICK = 64
"""Items between two looks at the clock."""


class Progress:
    """Counts items; silent unless made by ``Progress.on_terminal``.

    Args:
        total: How many items there will be, or None.
        what: What is being done.
        stream: Where to show it, or None for nowhere.
    """

    def __init__(
        self, total: int | None = None, what: str = "", stream: TextIO | None = None
    ) -> None:
        self.total = total
        self.what = what
        self.done = 0
        self._stream = stream
        self._start = self._last = time.monotonic()
        self._shown = False

    @classmethod
    def on_terminal(cls, total: int | None, what: str) -> Progress:
        """Show on standard error if that is a terminal."""
        return cls(total, what, sys.stderr if sys.stderr.isatty() else None)

    def advance(self, count: int) -> None:
        """Count some more items."""
        self.done += count
        if self._stream is None:
            return
        now = time.monotonic()
        if now - self._start >= SILENT_FIRST and now - self._last >= EVERY:
            self._last = now
            self._show(now - self._start)

    def over(self, items: Iterable[T]) -> Iterator[T]:
        """Yield the same, and count them, some at a time."""
        count = 0
        for item in items:
            yield item
            count += 1
            if count == TICK:
                self.advance(count)
                count = 0
        self.advance(count)

    def _show(self, seconds: float) -> None:
        rate = self.done / seconds
        if self.total:
            share = min(self.done / self.total, 1.0)
            bar = "█" * int(share * WIDTH) + "░" * (WIDTH - int(share * WIDTH))
            left = (self.total - self.done) / rate if rate else 0
            count = f"{self.done:,}/{self.total:,}"
            text = f"{self.what} {bar} {share:4.0%} {count} {rate:,.0f}/s {left:,.0f} s left"
        else:
            text = f"{self.what} {self.done:,} items {rate:,.0f}/s"
        print(f"{_CLEAR}{text}", end="", file=self._stream, flush=True)
        self._shown = True

    def close(self) -> None:
        """Remove the line."""
        if self._shown and self._stream is not None:
            print(_CLEAR, end="", file=self._stream, flush=True)


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Show on standard error, if that is a terminal, what takes long and cannot be counted.

    Args:
        what: What is being done, with nothing in it that steers a terminal.
    """
    stream = sys.stderr
    if not stream.isatty():
        yield
        return
    done = threading.Event()
    clock = threading.Thread(target=_tell_seconds, args=(what, stream, done), daemon=True)
    clock.start()
    try:
        yield
    finally:
        done.set()
        clock.join()  # before anybody forks, or writes to the terminal


def _tell_seconds(what: str, stream: TextIO, done: threading.Event) -> None:
    started = time.monotonic()
    if done.wait(SILENT_FIRST):
        return
    while True:
        seconds = time.monotonic() - started
        print(f"{_CLEAR}{what} {seconds:.0f} s", end="", file=stream, flush=True)
        if done.wait(1.0):
            break
    print(_CLEAR, end="", file=stream, flush=True)
