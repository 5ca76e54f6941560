"""Errors about files of which only Git LFS's pointers are there."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from dsk.dataset import Dataset
from dsk.errors import InputError, MediaError, RecordError
from dsk.flow import Header, Source
from dsk.item import DatasetItem
from dsk.lfs import HINT, MESSAGE, explained, explaining
from dsk.loss import Ledger
from dsk.opening import open_dataset
from dsk.steps import iterate

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


@pytest.fixture
def pointer(tmp_path: Path) -> Path:
    (tmp_path / "a.txt").write_bytes(POINTER)
    (tmp_path / "b.txt").write_bytes(b"1 2 3")
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        archive.writestr("deep/a.txt", POINTER)
    return tmp_path


@pytest.mark.parametrize(
    ("where", "file"),
    [
        ("a.txt", "a.txt"),
        ("a.txt:3", "a.txt"),
        ("a.txt:3:7", "a.txt"),
        ("a.txt#/images/0", "a.txt"),
        ("a.txt at byte 0", "a.txt"),
        ("c.zip/deep/a.txt:1", "c.zip/deep/a.txt"),
    ],
)
def test_errors_about_pointers_say_so(pointer: Path, where: str, file: str) -> None:
    error = MediaError("no number", where=f"{pointer}/{where}", hint="look there")
    told = explained(error)
    assert type(told) is MediaError
    assert (told.message, told.where, told.hint) == (MESSAGE, f"{pointer}/{file}", HINT)
    assert str(told).startswith(f"{pointer}/{file}: {MESSAGE}")


@pytest.mark.parametrize("where", ["", "b.txt", "b.txt:1", ".", "none/x:1", "b.txt/x", "c.zip/x"])
def test_other_errors_stay_what_they_are(pointer: Path, where: str) -> None:
    error = InputError("no number", where=where and f"{pointer}/{where}")
    assert explained(error) is error
    with pytest.raises(InputError) as caught, explaining():
        raise error
    assert caught.value is error


def test_bad_records_of_pointers_say_so(pointer: Path) -> None:
    error = RecordError("no number", where=f"{pointer}/a.txt:1", item="a", annotation=3)
    with pytest.raises(RecordError, match="not fetched"):
        Ledger().bad_record(error)
    ledger = Ledger("skip")
    ledger.bad_record(error)
    (bad,) = ledger.bad
    assert (bad.message, bad.item, bad.annotation) == (MESSAGE, "a", 3)


class _Failing(Source):
    header = Header()

    def __init__(self, where: str) -> None:
        self._where = where

    def partitions(self) -> list[int]:
        return [0]

    def read(self, partition: int, ledger: Ledger):
        yield DatasetItem("a")
        raise InputError("no number", where=self._where)


def test_errors_while_items_are_read_say_so(pointer: Path) -> None:
    found = iterate(_Failing(f"{pointer}/a.txt"), 0, (), Ledger())
    assert next(found).id == "a"
    with pytest.raises(InputError, match="not fetched"):
        next(found)


def test_a_dataset_that_is_not_known_may_not_have_been_fetched(pointer: Path) -> None:
    with pytest.raises(InputError) as caught:
        Dataset.import_from(pointer)
    assert f"a.txt was not fetched, here is only its Git LFS pointer: {HINT}" in caught.value.hint
    (pointer / "a.txt").unlink()
    with pytest.raises(InputError) as caught:
        open_dataset(pointer, None, {})
    assert "LFS" not in caught.value.hint
