"""Values that JSON has no form for."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from dsk.errors import OutputError
from dsk.jsonvalues import plain_value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.int64(3), b"3"),
        (np.float32(1.5), b"1.5"),
        (np.arange(4).reshape(2, 2), b"[[0,1],[2,3]]"),
        (frozenset({"b", "a"}), b'["a","b"]'),
    ],
)
def test_what_has_a_plain_form(value, text):
    assert msgspec.json.encode(plain_value(value), enc_hook=plain_value) == text


@pytest.mark.parametrize("value", [object(), 1j])
def test_what_has_none(value):
    with pytest.raises(OutputError, match="has no place in JSON"):
        msgspec.json.encode({"x": value}, enc_hook=plain_value)
