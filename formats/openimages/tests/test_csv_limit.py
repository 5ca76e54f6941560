"""What a parser of long rows leaves to the rest of the process."""

from __future__ import annotations

import csv

import pytest

from dsk_openimages.csvindex import parse_rows


def test_long_fields_are_read_and_the_limit_of_the_process_stays() -> None:
    """Another package of the same process must still be told of an unclosed quote."""
    before = csv.field_size_limit()
    long = "x" * (before + 1)
    assert parse_rows(f"a,{long}\n".encode()) == [["a", long]]
    assert csv.field_size_limit() == before
    with pytest.raises(csv.Error):
        next(csv.reader([long]))
