"""Text files of many rows, found by the row's first field without holding the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsk.categories import Categories
from dsk.errors import InputError
from dsk.metafile import read_meta

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from dsk.files import InputRoot

__all__ = ["LineIndex", "split_lines", "texts"]

_CHUNK, _NEAR = 1024, 64


def split_lines(root: InputRoot, name: str) -> list[str]:
    """Return a text's lines, cut at line ends only: names may hold exotic separators."""
    return root.text(name).replace("\r\n", "\n").replace("\r", "\n").split("\n")


def texts(root: InputRoot, home: str, name: str) -> Categories | None:
    """Return the labels of dataset_meta.json, or of a file with one a line; None without either."""
    found = read_meta(root, home)
    if found is not None:
        return found[0]
    path = f"{home}/{name}".lstrip("/")
    if not root.is_file(path):
        return None
    return Categories.from_names(line.strip() for line in split_lines(root, path) if line.strip())


class LineIndex:
    """Where the rows of a file begin, and a hash of each row's key.

    Args:
        root: The dataset.
        name: The file.
        key: Returns a row's key.
        skip: How many lines before the first row.
        seen: Called with each row's key, once.
    """

    def __init__(
        self,
        root: InputRoot,
        name: str,
        key: Callable[[str], str],
        skip: int = 0,
        seen: Callable[[str], object] | None = None,
    ) -> None:
        self.name = name
        self.where = root.show(name)
        self._text = root.buffer(name)
        self._key = key
        self._chunk: tuple[int, list[str]] = (0, [])
        self._last = -1
        self.head: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        numbers: list[int] = []
        hashes: list[int] = []
        place = 0
        with root.open(name) as file:
            for number, line in enumerate(file, 1):
                start, place = place, place + len(line)
                if len(self.head) < skip:
                    self.head.append(self._decode(line, number).strip())
                elif not line.isspace():
                    starts.append(start)
                    ends.append(place)
                    numbers.append(number)
                    found = key(self._decode(line, number))
                    hashes.append(hash(found))
                    if seen is not None:
                        seen(found)
        import numpy as np  # here, because detectors do not need it

        self._starts = np.array(starts, dtype=np.int64)
        self._ends = np.array(ends, dtype=np.int64)
        self._numbers = np.array(numbers, dtype=np.int64)
        self._hashes = np.array(hashes, dtype=np.int64)
        self._order = np.argsort(self._hashes, kind="stable")
        self._sorted = self._hashes[self._order]

    def __len__(self) -> int:
        return len(self._starts)

    def _decode(self, line: bytes, number: int) -> str:
        try:
            text = line.decode().rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise InputError(
                f"not UTF-8 text: {error.reason}", where=f"{self.where}:{number}"
            ) from error
        return text.removeprefix("\ufeff") if number == 1 else text

    def row(self, number: int) -> str:
        """Return a row's text; rows that are asked for in order are decoded together."""
        first, texts = self._chunk
        if first <= number < first + len(texts):
            self._last = number
            return texts[number - first]
        near, self._last = abs(number - self._last) <= _NEAR, number
        stop = min(len(self), number + _CHUNK) if near else number + 1
        start, end = int(self._starts[number]), int(self._ends[stop - 1])
        lines = bytes(self._text[start:end]).split(b"\n")
        numbers = self._numbers[number:stop].tolist()
        place = numbers[0]
        texts = [self._decode(lines[n - place], n) for n in numbers]
        if near:
            self._chunk = (number, texts)
        return texts[0]

    def key(self, number: int) -> str:
        """Return a row's key."""
        return self._key(self.row(number))

    def place(self, number: int) -> str:
        """Return where a row is, for messages."""
        return f"{self.where}:{int(self._numbers[number])}"

    def find(self, key: str, guess: int = -1) -> int:
        """Return the number of the first row with a key, or -1.

        Args:
            key: The key.
            guess: A row that may be it: files of one dataset are often in the same order.
        """
        wanted = hash(key)
        if 0 <= guess < len(self) and self._hashes[guess] == wanted and self.key(guess) == key:
            return guess
        place = int(self._sorted.searchsorted(wanted))
        while place < len(self) and self._sorted[place] == wanted:
            number = int(self._order[place])
            if self.key(number) == key:
                return number
            place += 1
        return -1

    def lacking(self, other: LineIndex) -> NDArray[np.int64]:
        """Return the rows whose key no row of another index has."""
        import numpy as np

        return np.flatnonzero(~np.isin(self._hashes, other._hashes))

    def repeated(self) -> NDArray[np.int64]:
        """Return the rows whose key an earlier row has."""
        import numpy as np

        again = np.flatnonzero(self._sorted[1:] == self._sorted[:-1]) + 1
        rows = sorted(self._order[again].tolist())
        return np.array([n for n in rows if self.find(self.key(n)) != n], dtype=np.int64)
