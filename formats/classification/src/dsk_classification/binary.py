"""CIFAR's binary version: each image is a byte for each label and 3072 for its pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dsk.errors import InputError
from dsk_classification.batches import BINARY_10, BINARY_100

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dsk.files import InputRoot

__all__ = ["BinaryBatch", "read_names"]

_PIXELS = 3 * 32 * 32


class BinaryBatch:
    """One file; its attributes are those of a pickled batch.

    Args:
        root: The dataset.
        name: The file.
        fine: Whether rows begin with a coarse label and a fine one, as those of CIFAR-100.

    Raises:
        InputError: It is cut off.
    """

    def __init__(self, root: InputRoot, name: str, *, fine: bool) -> None:
        self.where = root.show(name)
        data = root.read(name)
        width = _PIXELS + 1 + fine
        if len(data) % width:
            message = f"{len(data)} bytes are no whole number of rows of {width}"
            raise InputError(message, where=self.where, hint="the file may be cut off")
        rows = np.frombuffer(data, np.uint8).reshape(-1, width)
        self.names: list[str] = []
        self.sizes: list[tuple[int, int]] = []
        self.fine = fine
        self.labels: list[int] = rows[:, int(fine)].tolist()
        self.coarse: list[int] = rows[:, 0].tolist() if fine else []
        self.pixels: NDArray[np.uint8] | None = rows[:, 1 + fine :]
        self.count = len(rows)
        self.size = rows.nbytes
        self.loaded = True

    def forget(self) -> None:
        """Let the pixels go."""
        self.pixels = None
        self.loaded = False


def read_names(root: InputRoot, home: str) -> tuple[list[str], list[str]]:
    """Return the labels that the text files of a folder name, and the coarse ones."""
    found = []
    for name in (BINARY_10, *BINARY_100):
        path = f"{home}/{name}".lstrip("/")
        lines = root.text(path).split("\n") if root.is_file(path) else []
        found.append([line.strip() for line in lines if line.strip()])
    ten, fine, coarse = found
    return fine or ten, coarse
