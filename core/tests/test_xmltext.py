"""XML that is read without entities, in any encoding."""

from __future__ import annotations

import pytest

from dsk.errors import RecordError
from dsk.xmltext import declared_encoding, decode, has_declarations, parse_root


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (b"<a/>", ""),
        (b'<?xml version="1.0"?><a/>', ""),
        (b'<?xml version="1.0" encoding="ISO-8859-1"?><a/>', "iso-8859-1"),
        (b"\xef\xbb\xbf<?xml version='1.0' encoding='UTF-8'?><a/>", "utf-8"),
        ("<a/>".encode("utf-16"), "utf-16"),
        (b"", ""),
    ],
)
def test_declared_encoding(data, encoding):
    assert declared_encoding(data) == encoding
    assert declared_encoding(memoryview(data)) == encoding


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1", "cp1252"])
def test_text_in_any_encoding(encoding):
    data = f'<?xml version="1.0" encoding="{encoding}"?>\r\n<a>Käse</a>'.encode(encoding)
    assert parse_root(data, "a.xml").text == "Käse"


def test_encoding_that_nobody_names():
    data = "<a>Käse</a>".encode("latin-1")
    assert parse_root(data, "a.xml", fallback="latin-1").text == "Käse"
    with pytest.raises(RecordError, match="cannot be decoded"):
        parse_root(data, "a.xml")
    with pytest.raises(UnicodeDecodeError):
        decode(b'<?xml version="1.0" encoding="utf-8"?>' + data, fallback="latin-1")


def test_only_markup_declares():
    assert not has_declarations("<a><!-- <x> --><![CDATA[x < y]]></a>")
    assert has_declarations("<!DOCTYPE a><a/>")
    assert has_declarations("<a><!ENTITY x 'y'></a>")


BOMB = '<!DOCTYPE a [<!ENTITY x "{}"><!ENTITY y "&x;&x;&x;">]><a>&y;</a>'.format("x" * 100)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (BOMB.encode(), "document type declarations are refused"),
        (BOMB.encode("utf-16"), "document type declarations are refused"),
        (b'<?xml version="1.0" encoding="utf-7"?>+ADw-!DOCTYPE a+AD4-<a/>', "refused"),
        (b'<?xml version="1.0" encoding="no-such"?><a/>', "cannot be decoded"),
        (b"<a>&x;</a>", "no well-formed XML: undefined entity"),
        (b"<a><b></a>", "no well-formed XML: mismatched tag"),
        (b"", "no well-formed XML: no element found"),
        (b"<a>\x00</a>", "no well-formed XML"),
    ],
)
def test_what_is_refused(data, message):
    with pytest.raises(RecordError, match=message) as caught:
        parse_root(data, "x/a.xml", "a")
    assert caught.value.where == "x/a.xml"
    assert caught.value.item == "a"
