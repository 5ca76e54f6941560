"""Checks that a dataset reads the same after people and their programs have touched its files."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from dsk.detect import look
from dsk.files import open_root
from dsk.testing.base import SuiteBase
from dsk.testing.compare import differences, listing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["EditChecks"]

_TEXTS = frozenset({".txt", ".csv", ".json", ".jsonl", ".xml", ".yaml", ".names", ".data"})
_MARK = b"\xef\xbb\xbf"
_FORK = b"\0\5\x16\7\0\2\0\0Mac OS X        \0\2"
_FOR_PEOPLE = {
    "README.md": b"# A dataset\n\nIt shows things.\n",
    "LICENSE.txt": b"CC BY 4.0\nDo with it what you like.\n",
    "README.dataset.txt": b"# things > 2024-01-01\nhttps://example.org/things\n",
    ".DS_Store": b"\0\0\0\1Bud1\0\0",
    "Thumbs.db": b"\xd0\xcf\x11\xe0\0\0",
}


def _texts(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix.lower() in _TEXTS and not path.name.startswith("."):
            yield path


def _with_marks(folder: Path) -> None:
    for path in _texts(folder):
        data = path.read_bytes()
        if not data.startswith(_MARK):
            path.write_bytes(_MARK + data)


def _with_lines_of_windows(folder: Path) -> None:
    for path in _texts(folder):
        path.write_bytes(path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))


def _with_files_for_people(folder: Path) -> None:
    for name, content in _FOR_PEOPLE.items():
        if not (folder / name).exists():
            (folder / name).write_bytes(content)


def _with_forks_of_macos(folder: Path) -> None:
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        path.with_name(f"._{path.name}").write_bytes(_FORK)


_EDITS: dict[str, Callable[[Path], None]] = {
    "byte-order marks": _with_marks,
    "lines of Windows": _with_lines_of_windows,
    "files for people": _with_files_for_people,
    "forks of macOS": _with_forks_of_macos,
}


class EditChecks(SuiteBase):
    """Editors mark files and end lines in their way, and people put files beside a dataset."""

    @pytest.mark.parametrize("edit", _EDITS)
    def test_edited_by_people(self, edit: str, tmp_path: Path) -> None:
        """Byte-order marks, other ends of lines and a manual change nothing."""
        self.needs()
        folder, edited = tmp_path / "out", tmp_path / "edited" / "out"
        self.write(self.sample(subsets=self.sample_subsets()[:2]), folder)
        shutil.copytree(folder, edited)
        _EDITS[edit](edited)
        assert not (found := differences(self.read(folder), self.read(edited))), listing(found)
        if self.detected:
            known, seen = look(open_root(folder))[1], look(open_root(edited))[1]
            assert seen[:1] == known[:1]
