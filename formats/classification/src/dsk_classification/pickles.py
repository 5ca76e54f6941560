"""Pickles of arrays, read without running anything they name, and written as every reader knows.

Everything a pickle may name is answered by an inert stand-in; arrays are put together here from the
parts a pickle states, after its sizes have been compared.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dsk.errors import InputError, LimitError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["array_head", "is_pickle", "load_dict", "load_pixels", "pickled", "text_of"]

MAX_BYTES = 4 << 30
"""CIFAR-100's largest file has 155 MB."""

_TYPES = frozenset({"u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8", "b1", "O8", "O"})


def is_pickle(head: bytes) -> bool:
    """Tell by its first bytes whether a file is a pickle, of a dict or of protocol 2 and later."""
    return head[:3] == b"(dp" or (
        head[:1] == b"\x80" and head[1:2] in b"\2\3\4\5" and len(head) > 2
    )


def text_of(value: Any) -> str:
    """Return a text that Python 2 may have pickled as bytes.

    Raises:
        ValueError: It is neither text nor bytes.
    """
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, str):
        return value
    raise ValueError(f"a text is expected, not {type(value).__name__}")


class _Type:
    """Stands for ``numpy.dtype``."""

    def __init__(self, text: object = "", *_: object) -> None:
        self.text = text_of(text)
        if self.text not in _TYPES:
            raise pickle.UnpicklingError(f"arrays of type {self.text!r} are not expected")
        self.order = "<"

    def __setstate__(self, state: Any) -> None:
        self.order = text_of(state[1])
        if self.order not in ("<", ">", "|", "="):
            raise pickle.UnpicklingError(f"byte order {self.order!r}")

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(self.text if self.text[0] == "O" else self.order + self.text)


class _Array:
    """Stands for an array whose state follows; ``value`` is an array, or a list of objects."""

    def __init__(self) -> None:
        self.value: Any = None

    def __setstate__(self, state: Any) -> None:
        _, shape, kind, fortran, data = state
        self.value = _build(shape, kind, data, "F" if fortran else "C")


class _NdarrayName:
    """Stands for ``numpy.ndarray``, which a pickle only names; calling it would allocate."""

    def __init__(self, *_: object) -> None:
        raise pickle.UnpicklingError("it makes an array of its own")


def _build(shape: Any, kind: Any, data: Any, order: Any) -> Any:
    if not isinstance(kind, _Type) or not isinstance(shape, tuple):
        raise pickle.UnpicklingError("an array's state is malformed")
    if not all(type(n) is int and n >= 0 for n in shape):
        raise pickle.UnpicklingError(f"an array's shape is {shape}")
    dtype, count = kind.dtype, math.prod(shape)
    if dtype.kind == "O":
        if not isinstance(data, list) or len(data) != count:
            raise pickle.UnpicklingError("an array's content does not fit its shape")
        values = [v.value if isinstance(v, _Array) else v for v in data]
        if count and all(type(v) is int for v in values):
            return np.array(values, dtype=np.int64).reshape(shape)
        return values
    raw = data.encode("latin-1") if isinstance(data, str) else data
    if len(raw) != dtype.itemsize * count:
        raise pickle.UnpicklingError("an array's content does not fit its shape")
    return np.frombuffer(raw, dtype).reshape(shape, order="F" if order == "F" else "C")


def _reconstruct(cls: object, shape: object, kind: object) -> _Array:
    if cls is not _NdarrayName or shape != (0,) or kind not in (b"b", "b"):
        raise pickle.UnpicklingError("an array is made in an unusual way")
    return _Array()


def _frombuffer(data: Any, kind: Any, shape: Any, order: Any) -> _Array:
    made = _Array()
    made.value = _build(shape, kind, data, text_of(order))
    return made


def _encode(text: Any, encoding: Any = "") -> bytes:
    if text_of(encoding) not in ("latin1", "latin-1") or not isinstance(text, str):
        raise pickle.UnpicklingError("text is encoded in an unusual way")
    return text.encode("latin-1")


_NAMES: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _NdarrayName,
    ("numpy", "dtype"): _Type,
    ("_codecs", "encode"): _encode,
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy.core.numeric", "_frombuffer"): _frombuffer,
    ("numpy._core.numeric", "_frombuffer"): _frombuffer,
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _NAMES[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which is refused") from None

    def persistent_load(self, pid: Any) -> Any:
        raise pickle.UnpicklingError(f"it refers to the object {pid!r} elsewhere")


_FAULTS = (
    pickle.UnpicklingError,
    *(EOFError, LookupError, ValueError, TypeError, AttributeError, ImportError),
    *(MemoryError, OverflowError, RecursionError),
)


def load_dict(data: bytes, where: str) -> dict[str, Any]:
    """Return a pickled dict with text keys; arrays of objects are lists.

    Args:
        data: The pickle.
        where: The file, for messages.

    Raises:
        InputError: It is damaged, names anything but arrays, or holds something else.
        LimitError: It is too large.
    """
    if len(data) > MAX_BYTES:
        raise LimitError(f"{len(data)} bytes are too much for a CIFAR file", where=where)
    try:
        for opcode, argument, _ in pickletools.genops(data):
            # a number for the memo reserves that much memory
            if opcode.name.endswith("PUT") and int(argument or 0) > len(data):
                raise pickle.UnpicklingError("it numbers what it remembers absurdly")
        value = _Unpickler(io.BytesIO(data), encoding="bytes").load()
        if not isinstance(value, dict):
            raise pickle.UnpicklingError(f"it holds no dict but {type(value).__name__}")
        return {text_of(k): v.value if isinstance(v, _Array) else v for k, v in value.items()}
    except _FAULTS as error:
        raise InputError(
            f"no CIFAR pickle: {error}", where=where, hint="nothing in it was run"
        ) from error


def pickled(value: Any) -> bytes:
    """Return the opcodes that put plain values (lists, texts, numbers) on the stack."""
    return pickle.dumps(value, protocol=3)[2:-1]


_ARRAY = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85C\x01b\x87R"
_DTYPE = b"cnumpy\ndtype\n%s\x89\x88\x87R(K\x03%sNNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK%ctb"


def array_head(shape: Sequence[int], size: int | None) -> bytes:
    """Return the opcodes before an array's content; after it come ``tb``.

    They are spelled as every numpy can read it: numpy 2 writes a name of its own, which others
    refuse.

    Args:
        shape: Its shape.
        size: The number of bytes that follow of uint8 values; None for an object array, whose
            content is a list.
    """
    if size is None:
        kind = _DTYPE % (pickled("O8"), pickled("|"), 63)
    else:
        kind = _DTYPE % (pickled("u1"), pickled("|"), 0)
    head = _ARRAY + b"(K\x01" + pickled(tuple(shape)) + kind + b"\x89"
    if size is None:
        return head
    if size < 1 << 32:
        return head + b"B" + size.to_bytes(4, "little")
    return head + b"\x8e" + size.to_bytes(8, "little")


def load_pixels(value: Any) -> NDArray[np.uint8] | list[Any] | None:
    """Return an array of rows, or a list of rows and None; None for no rows at all.

    Raises:
        TypeError: It holds something else.
        ValueError: It holds numbers that are no pixels.
    """
    if value is None or len(value) == 0:
        return None
    if isinstance(value, np.ndarray):
        return _bytes(value)
    if not isinstance(value, list):
        raise TypeError(f"data are rows of an array, not {type(value).__name__}")
    return [None if row is None else _bytes(np.asarray(row)) for row in value]


def _bytes(array: NDArray[Any]) -> NDArray[np.uint8]:
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind not in "iuf" or (array.size and not 0 <= array.min() <= array.max() <= 255):
        raise ValueError(f"pixels are 0 to 255, not of type {array.dtype}")
    return array.astype(np.uint8)
