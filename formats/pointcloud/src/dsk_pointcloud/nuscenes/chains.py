"""Rows that follow one another: boxes of an object, files of a sensor."""

from __future__ import annotations

from array import array

import numpy as np

__all__ = ["Chains"]


class Chains:
    """Tells which rows come before and after each in its chain.

    Rows are told of twice in the same order, frame by frame: first all of them, by ``frame`` and
    ``add``, then one by one, by ``next_row``. Each takes 4 bytes at first and 8 more after
    ``close``.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._count = 0
        self._chains = array("i")
        self._starts = array("q")
        self._row = -1

    def frame(self) -> None:
        """Begin a frame."""
        self._starts.append(len(self._chains))

    def add(self, chain: str | None) -> None:
        """Add a row to a chain; None is a chain of its own."""
        number = self._numbers.get(chain) if chain is not None else None
        if number is None:
            number, self._count = self._count, self._count + 1
            if chain is not None:
                self._numbers[chain] = number
        self._chains.append(number)

    def close(self) -> None:
        """Find the neighbours: no more rows come."""
        chains = np.frombuffer(self._chains, np.int32)
        order = np.argsort(chains, kind="stable").astype(np.int32)
        same = chains[order[1:]] == chains[order[:-1]]
        self._before = np.full(len(chains), -1, np.int32)
        self._after = self._before.copy()
        self._before[order[1:][same]] = order[:-1][same]
        self._after[order[:-1][same]] = order[1:][same]
        self._numbers.clear()

    def next_row(self) -> tuple[tuple[int, int] | None, tuple[int, int] | None]:
        """Return the rows before and after the next one: the frame's number, that in the frame."""
        self._row += 1
        return self._place(self._before[self._row]), self._place(self._after[self._row])

    def _place(self, row: np.int32) -> tuple[int, int] | None:
        if row < 0:
            return None
        frame = int(np.searchsorted(self._starts, row, side="right")) - 1
        return frame, int(row) - self._starts[frame]
