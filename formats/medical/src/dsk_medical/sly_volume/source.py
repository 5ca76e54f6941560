"""The items of a Supervisely volume project."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec.structs import replace

from dsk.annotations import Annotation, Mask3d
from dsk.errors import InputError, MediaError, RecordError, UnsafePathError
from dsk.flow import Header, Source, spans
from dsk.item import DatasetItem
from dsk.media import Media, Volume
from dsk.names import clean_name
from dsk_medical.cases.datasets import load_json
from dsk_medical.nrrd.header import NrrdFile, open_nrrd
from dsk_medical.nrrd.source import volume_of
from dsk_medical.slices.stacks import ObjectView
from dsk_medical.sly_volume.embedded import embedded_mask
from dsk_medical.sly_volume.origins import unrounded
from dsk_medical.volume import geometry
from dsk_medical.volume.align import place
from dsk_medical.volume.arrays import PARTITION_VOLUMES
from dsk_medical.volume.labels import LabelVolume

if TYPE_CHECKING:
    from dsk.categories import Categories
    from dsk.files import InputRoot
    from dsk.loss import Ledger
    from dsk_medical.sly_volume.project import Place

__all__ = ["SlyVolumeSource"]

FAMILY = "sly"


class SlyVolumeSource(Source):
    """See ``dsk.flow.Source``.

    Args:
        root: Where the project is.
        places: The volumes.
        categories: The classes.
        policy: What to do with masks on other grids, see ``align.POLICIES``.
    """

    partition_items = PARTITION_VOLUMES

    def __init__(
        self, root: InputRoot, places: Sequence[Place], categories: Categories, *, policy: str
    ) -> None:
        self._root = root
        self._places = places
        self._policy = policy
        self._by_title = {label.name: n for n, label in enumerate(categories.labels)}
        self.header = Header(categories=categories, media=frozenset({"volume"}), items=len(places))

    def partitions(self) -> Sequence[tuple[int, int]]:
        """See ``Source.partitions``."""
        return spans(len(self._places), self.partition_items)

    def read(self, partition: Any, ledger: Ledger) -> Iterator[DatasetItem]:
        """See ``Source.read``."""
        start, stop = partition
        for at in self._places[start:stop]:
            try:
                media = self._open(at.volume, ledger)
                found = load_json(self._root, at.annotations) if at.annotations else {}
                media = _placed(media, found)
                annotations = list(self._figures(at, media, found, ledger))
            except InputError as error:
                ledger.bad_record(
                    RecordError(error.message, where=error.where, hint=error.hint, item=at.id)
                )
                continue
            yield DatasetItem(at.id, media=media, annotations=annotations, attributes=_tags(found))

    def _open(self, name: str, ledger: Ledger) -> Volume:
        media = Media(name, self._root.locate(name))
        file = open_nrrd(replace(media, path=self._root.show(name)))
        for warning in file.warnings:
            ledger.warn(warning)
        return volume_of(file, media)

    def _figures(
        self, at: Place, media: Volume, found: dict[str, Any], ledger: Ledger
    ) -> Iterator[Annotation]:
        flat = sum(
            len(_list(cut, "figures"))
            for plane in _list(found, "planes")
            for cut in _list(plane, "slices")
        )
        if flat:
            ledger.warn(
                f"{self._root.show(at.annotations)}: {flat} figures drawn on single slices are not "
                "read, only masks in the volume are"
            )
        objects = {_text(o, "key"): (n, o) for n, o in enumerate(_list(found, "objects"), 1)}
        for n, figure in enumerate(_list(found, "spatialFigures")):
            where = f"{self._root.show(at.annotations)}#/spatialFigures/{n}"
            try:
                own = objects.get(_text(figure, "objectKey"))
                if own is None:
                    raise RecordError("the figure belongs to no object", where=where)
                yield self._mask(at, media, figure, own, ledger)
            except InputError as error:
                ledger.bad_record(
                    RecordError(error.message, where=error.where or where, item=at.id)
                )

    def _mask(
        self,
        at: Place,
        media: Volume,
        figure: dict[str, Any],
        numbered: tuple[int, dict[str, Any]],
        ledger: Ledger,
    ) -> Annotation:
        number, of = numbered
        kind, title = figure.get("geometryType"), _text(of, "classTitle")
        if kind != "mask_3d":
            raise RecordError(f"figures of the type {kind!r} are not read")
        if title not in self._by_title:
            raise RecordError(f"the class {title!r} is not in meta.json")
        name = f"{at.masks}/{_clean(figure.get('key'))}.nrrd"
        shown = self._root.show(name)
        target = geometry.matrix(media.affine)
        file, affine = self._mask_file(name, figure, media, target)
        for warning in file.warnings:
            ledger.warn(warning)
        if len(file.array.shape) != 3:
            raise MediaError(f"a mask of {len(file.array.shape)} axes, not three", where=shown)
        if affine is not None and target is not None:
            exact = unrounded(affine, file.array.shape, target, media.shape or ())
            if exact is not None:
                ledger.warn("masks whose origin was rounded to whole mm lie where their volumes do")
                affine = exact
        fitted = place(file.array, affine, target, media.shape, policy=self._policy, name=shown)
        if fitted.warning:
            ledger.warn(fitted.warning)
        return Mask3d(
            LabelVolume(ObjectView(fitted.array), shown),
            1,
            geometry.flat(fitted.affine),
            label=self._by_title[title],
            object_id=number,
            attributes=_tags(of),
            extra={FAMILY: {"key": figure["key"], "object_key": figure["objectKey"]}},
        )

    def _mask_file(
        self, name: str, figure: dict[str, Any], media: Volume, target: geometry.Affine | None
    ) -> tuple[NrrdFile, geometry.Affine | None]:
        """Return a mask's file, or what its figure holds instead, and where it lies."""
        shown = self._root.show(name)
        if self._root.is_file(name):
            file = open_nrrd(Media(shown, self._root.locate(name)))
            return file, file.affine
        inside = embedded_mask(figure, media.shape or (), shown)
        if inside is None:
            raise RecordError(f"there is no file {shown}")
        file = open_nrrd(inside)
        whole = file.affine is None and file.array.shape == tuple(media.shape or ())[:3]
        return file, target if whole else file.affine


def _clean(key: Any) -> str:
    """Return a figure's key as the name of a file."""
    try:
        if isinstance(key, str) and key and "/" not in key:
            return clean_name(key)
    except UnsafePathError as error:
        raise RecordError(error.message) from error
    raise RecordError(f"{key!r} is no key of a figure")


def _text(found: dict[str, Any], key: str) -> str:
    """Return a text, "" if it is none."""
    value = found.get(key)
    return value if isinstance(value, str) else ""


def _list(found: Any, key: str) -> list[dict[str, Any]]:
    """Return the objects of a list, none if there is no such list."""
    several = found.get(key) if isinstance(found, dict) else None
    return [v for v in several if isinstance(v, dict)] if isinstance(several, list) else []


def _tags(found: dict[str, Any]) -> dict[str, Any]:
    """Return tags as attributes; one without a value is true."""
    done: dict[str, Any] = {}
    for tag in _list(found, "tags"):
        name, value = tag.get("name"), tag.get("value")
        if isinstance(name, str) and isinstance(value, str | int | float | None):
            done[name] = True if value is None else value
    return done


def _placed(media: Volume, found: dict[str, Any]) -> Volume:
    """Return a volume whose header does not say where it lies with the matrix of its JSON file."""
    about = found.get("volumeMeta")
    if media.affine is not None or not isinstance(about, dict) or about.get("ACS") != "RAS":
        return media
    numbers = about.get("IJK2WorldMatrix")
    try:
        matrix = np.array(numbers, np.float64).reshape(4, 4)
    except (TypeError, ValueError):
        return media
    good = np.isfinite(matrix).all() and np.linalg.det(matrix[:3, :3])
    return replace(media, affine=geometry.flat(matrix)) if good else media
