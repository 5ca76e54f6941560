"""The pickles of ids and boxes beside BraTS arrays."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsk.errors import InputError
from dsk.pickles import array_head, load

__all__ = ["dump_array", "dump_list", "load_array", "load_texts"]

MAX_BYTES = 64 << 20
"""Ids and boxes are tiny; larger pickles hold something else."""


def _load(data: bytes, where: str) -> Any:
    return load(data, where, what="ids or boxes", limit=MAX_BYTES)


def load_texts(data: bytes, where: str) -> list[str]:
    """Return the texts of a pickled list or array.

    Args:
        data: The pickle.
        where: The file, for messages.

    Raises:
        InputError: It is damaged, names anything but arrays, or holds something else.
        LimitError: It is too large.
    """
    value = _load(data, where)
    if isinstance(value, np.ndarray):
        value = value.ravel().tolist()
    if not isinstance(value, list | tuple):
        raise InputError(f"a list of ids is expected, not {type(value).__name__}", where=where)
    texts = [v.decode("latin-1") if isinstance(v, bytes) else v for v in value]
    if not all(isinstance(text, str) for text in texts):
        raise InputError("the ids are not all texts", where=where)
    return texts


def load_array(data: bytes, where: str) -> NDArray[Any]:
    """Return a pickled array of numbers, or a pickled nested list as one; see ``load_texts``."""
    value = _load(data, where)
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise InputError(f"no array: {error}", where=where) from error
    if array.dtype.kind not in "iuf":
        raise InputError("an array of numbers is expected", where=where)
    return array


def dump_list(texts: list[str]) -> bytes:
    """Pickle a list of texts, protocol 4."""
    return pickle.dumps(texts, protocol=4)


def dump_array(array: NDArray[np.int64]) -> bytes:
    """Pickle an int64 array of any shape, spelled as every numpy can read it."""
    data = np.ascontiguousarray(array, dtype="<i8").tobytes()
    return b"\x80\x03" + array_head(array.shape, "<i8", len(data)) + data + b"tb."
