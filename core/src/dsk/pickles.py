"""Pickles of arrays and plain values, read without running anything they name, and written plainly.

Everything a pickle may name is answered by an inert stand-in; arrays are put together here from the
parts a pickle states, after its sizes have been compared.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import re
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from dsk.errors import InputError, LimitError

__all__ = ["array_head", "load", "pickled", "text_of"]

_DTYPE = re.compile(r"[<>=|]?(?:[iu][1248]|f[248]|b1|O8?|U\d{1,6}|S\d{1,6})")


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
        if not _DTYPE.fullmatch(self.text):
            raise pickle.UnpicklingError(f"arrays of type {self.text!r} are not expected")
        self.order = ""

    def __setstate__(self, state: Any) -> None:
        self.order = text_of(state[1])
        if self.order not in ("<", ">", "|", "="):
            raise pickle.UnpicklingError(f"byte order {self.order!r}")

    @property
    def dtype(self) -> np.dtype[Any]:
        plain = self.text.lstrip("<>=|")
        return np.dtype(self.order + plain if self.order and plain[0] != "O" else self.text)


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
        values = [_plain(value) for value in data]
        if count and all(type(value) is int for value in values):
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


def _scalar(kind: Any, data: Any) -> Any:
    return _build((1,), kind, data, "C")[0].item()


def _encode(text: Any, encoding: Any = "") -> bytes:
    if text_of(encoding) not in ("latin1", "latin-1") or not isinstance(text, str):
        raise pickle.UnpicklingError("text is encoded in an unusual way")
    return text.encode("latin-1")


def _no_bytes(*given: Any) -> bytes:
    """Stand for ``bytes``, which old protocols call for empty ones."""
    if given:
        raise pickle.UnpicklingError("bytes are made in an unusual way")
    return b""


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, _Array) else value


_NAMES: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _NdarrayName,
    ("numpy", "dtype"): _Type,
    ("_codecs", "encode"): _encode,
    ("__builtin__", "bytes"): _no_bytes,
    ("builtins", "bytes"): _no_bytes,
    **{
        (f"numpy.{core}.{module}", name): stand_in
        for core in ("core", "_core")
        for module, name, stand_in in (
            ("multiarray", "_reconstruct", _reconstruct),
            ("multiarray", "scalar", _scalar),
            ("numeric", "_frombuffer", _frombuffer),
        )
    },
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


def load(
    data: bytes,
    where: str,
    *,
    what: str,
    limit: int,
    encoding: Literal["latin1", "bytes"] = "latin1",
) -> Any:
    """Return what a pickle of plain values and arrays holds.

    Args:
        data: The pickle.
        where: The file, for messages.
        what: What it should hold, for messages: "ids or boxes".
        limit: The largest size in bytes.
        encoding: What Python 2's texts become.

    Returns:
        Plain values. An array at the top, or as a value of a dict at the top, is a numpy array; one
        of objects is a list, or an int64 array when all of them are whole numbers.

    Raises:
        InputError: It is damaged or names anything but arrays.
        LimitError: It is too large.
    """
    if len(data) > limit:
        raise LimitError(f"{len(data)} bytes are too many for {what}", where=where)
    try:
        for opcode, argument, _ in pickletools.genops(data):
            # a number for the memo reserves that much memory
            if opcode.name.endswith("PUT") and int(argument or 0) > len(data):
                raise pickle.UnpicklingError("it numbers what it remembers absurdly")
        value = _plain(_Unpickler(io.BytesIO(data), encoding=encoding).load())
        return {k: _plain(v) for k, v in value.items()} if isinstance(value, dict) else value
    except _FAULTS as error:
        raise InputError(
            f"no pickle of {what}: {error}", where=where, hint="nothing in it was run"
        ) from error


def pickled(value: Any) -> bytes:
    """Return the opcodes that put plain values (lists, texts, numbers) on the stack."""
    return pickle.dumps(value, protocol=3)[2:-1]


_HEAD = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85C\x01b\x87R"
_KIND = b"cnumpy\ndtype\n%s\x89\x88\x87R(K\x03%sNNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK%ctb"


def array_head(shape: Sequence[int], kind: str, size: int | None = None) -> bytes:
    """Return the opcodes before an array's content; after it come ``tb``.

    They are spelled as every numpy can read it: numpy 2 writes a name of its own, which others
    refuse.

    Args:
        shape: Its shape.
        kind: Byte order and type, as "<i8" or "|u1"; "|O8" for objects, whose content is a list.
        size: The number of bytes that follow; None for objects.
    """
    spelled = _KIND % (pickled(kind[1:]), pickled(kind[0]), 63 if size is None else 0)
    head = _HEAD + b"(K\x01" + pickled(tuple(shape)) + spelled + b"\x89"
    if size is None:
        return head
    if size < 1 << 32:
        return head + b"B" + size.to_bytes(4, "little")
    return head + b"\x8e" + size.to_bytes(8, "little")
