"""Reading a project as one dataset."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dsk.errors import DskError, InputError, UnsafePathError
from dsk.flow import Importer
from dsk.opening import open_dataset
from dsk.registry import registry
from dsk_project.config import FILE, NAME, SourceEntry, decode, lies_outside
from dsk_project.joining import joined

if TYPE_CHECKING:
    from dsk.files import InputRoot
    from dsk.flow import Source
    from dsk.loss import Ledger

__all__ = ["ProjectImporter"]


class ProjectImporter(Importer):
    """Opens projects.

    Args:
        outside: Read sources that lie outside of the project's folder, too. Whoever names a
            project with ``-p`` trusts it; a project that came with other files has no say about
            what else is read.
    """

    def __init__(self, *, outside: bool = False) -> None:
        self._outside = outside

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        config = decode(root.read(FILE), root.show(FILE))
        place = root.locate(FILE)
        if not isinstance(place, str):
            raise InputError("a project in an archive", where=root.path, hint="unpack it")
        folder = os.path.dirname(place)  # noqa: PTH120
        alone = len(config.sources) == 1
        sources = [self._opened(one, folder, ledger, alone=alone) for one in config.sources]
        source = joined(sources, ledger, updates=[one.updates for one in config.sources])
        source.other_places = tuple(one.place(folder) for one in config.sources)
        formats = {registry().importer(one.format).name for one in config.sources}
        source.written_as = formats.pop() if len(formats) == 1 else ""
        return source

    def _opened(self, entry: SourceEntry, folder: str, ledger: Ledger, *, alone: bool) -> Source:
        place = entry.place(folder)
        try:
            self._check(entry, folder, place)
            dataset = open_dataset(
                place,
                entry.format,
                entry.options,
                ledger.on_error,
                only_columns=alone and self.only_columns,
            )
        except DskError as error:
            error.message = f"source {entry.name!r}: {error.message}"
            raise
        ledger.merge(dataset.opening_ledger)
        return dataset.source

    def _check(self, entry: SourceEntry, folder: str, place: str) -> None:
        """Refuse what no source may be."""
        if registry().importer(entry.format).name == NAME:
            raise InputError("a project cannot be part of another one", where=place)
        if "\0" in place:
            raise InputError("its path holds a NUL", where=os.path.join(folder, FILE))  # noqa: PTH118
        if not self._outside and lies_outside(folder, place):
            raise UnsafePathError(
                "it lies outside of the project",
                where=place,
                hint="if you trust the project: -p DIR in place of its path, or -I outside=true",
            )
