from __future__ import annotations

import os
import pickle
import pickletools
import subprocess

import numpy as np
import pytest

from dsk.errors import InputError, LimitError
from dsk.pickles import array_head, load, pickled, text_of


def read(data, **rest):
    return load(data, "x.p", **{"what": "numbers", "limit": 1 << 20, **rest})


class Payload:
    def __init__(self, call, *words):
        self.call, self.words = call, words

    def __reduce__(self):
        return self.call, self.words


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype="<i8").reshape(2, 3),
        np.arange(6, dtype=">u2").reshape(3, 2),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.array(["a", "bc"]),
        np.array([b"a", b"bc"]),
        np.zeros((0, 3), np.uint8),
        np.array([True, False]),
    ],
)
def test_arrays_of_every_protocol(array, protocol):
    found = read(pickle.dumps(array, protocol=protocol))
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


def test_objects_are_lists_or_whole_numbers():
    assert read(pickle.dumps(np.array(["a", None], object))) == ["a", None]
    found = read(pickle.dumps({"n": np.array([[1, 2], [3, 4]], object)}))
    assert found["n"].tolist() == [[1, 2], [3, 4]]


def test_texts_of_python_2():
    data = b"\x80\x02}q\x00U\x01kq\x01U\x01\xe9q\x02s."
    assert read(data) == {"k": "é"}
    assert read(data, encoding="bytes") == {b"k": b"\xe9"}
    assert (text_of(b"\xe9"), text_of("é")) == ("é", "é")
    with pytest.raises(ValueError, match="int"):
        text_of(3)


@pytest.mark.parametrize("call", [os.system, subprocess.check_output, eval, print, np.zeros])
def test_nothing_is_called(call, tmp_path, capsys):
    word = f"touch {tmp_path}/called" if call is not np.zeros else 1 << 40
    with pytest.raises(InputError, match="refused"):
        read(pickle.dumps(Payload(call, word)))
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x04",
        b"not a pickle",
        b"\x80\x02Pabc\n.",
        b"\x80\x02K\x01r\xff\xff\xff\x7f.",
        pickle.dumps(np.arange(9, dtype=np.int64))[:-20],
        b"\x80\x03" + array_head((1 << 40,), "<i8", 8) + b"\0" * 8 + b"tb.",
        b"\x80\x03" + array_head((-1,), "<i8", 0) + b"tb.",
    ],
)
def test_damaged_ones_are_refused(data):
    with pytest.raises(InputError, match=r"x\.p|nothing in it was run"):
        read(data)


def test_a_size_that_is_too_large():
    with pytest.raises(LimitError):
        read(pickle.dumps(list(range(100))), limit=10)


@pytest.mark.parametrize("kind", ["<i8", "|u1", "<f4"])
def test_what_is_written_numpy_reads(kind):
    array = np.arange(6).astype(kind).reshape(2, 3)
    data = array.tobytes()
    made = b"\x80\x03" + array_head(array.shape, kind, len(data)) + data + b"tb."
    np.testing.assert_array_equal(pickle.loads(made), array)
    np.testing.assert_array_equal(read(made), array)
    names = {a for op, a, _ in pickletools.genops(made) if op.name == "GLOBAL"}
    assert names == {"numpy.core.multiarray _reconstruct", "numpy ndarray", "numpy dtype"}


def test_plain_values_are_opcodes():
    assert pickle.loads(b"\x80\x03" + pickled([1, "a"]) + b".") == [1, "a"]
