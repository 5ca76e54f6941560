from __future__ import annotations

import pytest

from dsk.errors import RecordError
from dsk.files import open_root
from dsk.loss import Ledger
from dsk.metafile import read_sizes


def sizes(folder, text, policy="raise"):
    (folder / "images.meta").write_bytes(text)
    ledger = Ledger(policy)
    return read_sizes(open_root(folder), "", ledger), ledger


def test_plain_and_quoted_lines(tmp_path):
    text = b'# id height width\r\na 3 4\n\n"two words" 5 6\nit\\\'s 7 8 more\n\xc2\xa0b 1 2 # c\n'
    found, _ = sizes(tmp_path, text)
    assert found == {"a": (3, 4), "two words": (5, 6), "it's": (7, 8), "\xa0b": (1, 2)}


def test_control_characters_belong_to_names(tmp_path):
    assert sizes(tmp_path, b"a\x1cb 1 2\n")[0] == {"a\x1cb": (1, 2)}


@pytest.mark.parametrize("line", [b"a 3", b"a b c", b'"open 1 2'])
def test_bad_lines_are_named(tmp_path, line):
    with pytest.raises(RecordError, match="height, width"):
        sizes(tmp_path, b"ok 1 2\n" + line)
    found, ledger = sizes(tmp_path, b"ok 1 2\n" + line, "skip")
    assert (found, ledger.bad_count) == ({"ok": (1, 2)}, 1)
