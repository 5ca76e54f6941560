"""Opening Supervisely's volume projects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsk.errors import InputError, RecordError
from dsk.flow import Importer
from dsk.names import clean_name
from dsk_medical.sly_volume.project import META, categories_of, find_project, iter_places
from dsk_medical.sly_volume.source import SlyVolumeSource

if TYPE_CHECKING:
    from dsk.files import InputRoot
    from dsk.flow import Source
    from dsk.loss import Ledger

__all__ = ["SlyVolumeImporter"]


class SlyVolumeImporter(Importer):
    """Opens a project.

    Args:
        spatial_mismatch: See ``align.POLICIES``.
    """

    def __init__(self, *, spatial_mismatch: str = "warn") -> None:
        self._policy = spatial_mismatch

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        if root.focus is not None:
            root = root.up()
        project = find_project(root)
        if project is None:
            raise InputError(
                f"no {META} of a Supervisely project of volumes",
                where=root.path,
                hint="give the project's folder: its datasets have a folder called volume",
            )
        places = []
        for place in iter_places(root, project):
            clean_name(place.id)
            if place.volume:
                places.append(place)
                continue
            where = root.show(place.annotations)
            ledger.bad_record(RecordError("its volume is missing", where=where, item=place.id))
        return SlyVolumeSource(root, places, categories_of(root, project), policy=self._policy)
