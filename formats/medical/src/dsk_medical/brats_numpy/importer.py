"""Reading brats_numpy."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dsk.annotations import Cuboid3d
from dsk.errors import InputError, RecordError, UnsafePathError
from dsk.flow import Header, Importer
from dsk.item import DatasetItem
from dsk.media import Media, Volume
from dsk.names import clean_name
from dsk_medical.brats_numpy.arrays import open_npy
from dsk_medical.brats_numpy.detect import BOXES, DATA, IDS, LABEL, find_folders
from dsk_medical.cases.reading import Case, CaseSource, Reading, located, scan_labels
from dsk_medical.volume import geometry, pickles
from dsk_medical.volume.labels import LabelVolume
from dsk_medical.volume.tables import Labels, read_label_list

if TYPE_CHECKING:
    from dsk.files import InputRoot
    from dsk.flow import Source
    from dsk.loss import Ledger

__all__ = ["BratsNumpyImporter"]

FAMILY = "brats_numpy"
_LARGEST = 4096


class BratsNumpyImporter(Importer):
    """Opens brats_numpy datasets.

    Args:
        bbox_as: "corners": position and rotation of cuboids are the corners of the box, as in
            Datumaro; "cuboid": centre and size. Both count voxels of the uncropped arrays, in the
            order of the files' axes.
        background: "masks" or "skip": whether value 0 gets masks in slices.
        masks: "slices" or "volume".
    """

    def __init__(
        self, *, bbox_as: str = "corners", background: str = "masks", masks: str = "slices"
    ) -> None:
        self._corners = bbox_as == "corners"
        self._reading = Reading(masks=masks, background=background == "masks")

    def open(self, root: InputRoot, ledger: Ledger) -> Source:
        """See ``Importer.open``."""
        folders = find_folders(root)
        if root.focus is not None:
            folders = [root.focus.rpartition("/")[0]]
        if not folders:
            raise InputError(
                f"no {IDS}", where=root.path, hint="it lists the cases, nothing is read without it"
            )
        cases: list[Case] = []
        boxes: dict[tuple[str, str], NDArray[Any]] = {}
        for folder in folders:
            ids = _ids(root, f"{folder}/{IDS}".strip("/"), ledger)
            found = _cases(root, folder, ids, ledger, prefix=folder if len(folders) > 1 else "")
            every = _boxes(root, f"{folder}/{BOXES}".strip("/"), len(ids), ledger)
            for number, case in found:
                cases.append(case)
                if every is not None:
                    boxes[case.id, case.subset] = every[number]
        labels, known = self._labels(root, folders, cases, ledger)
        header = Header(categories=labels.categories())
        return _NumpySource(
            root,
            header,
            cases,
            labels,
            self._reading,
            known=known,
            boxes=boxes,
            corners=self._corners,
        )

    def _labels(
        self, root: InputRoot, folders: list[str], cases: list[Case], ledger: Ledger
    ) -> tuple[Labels, dict[str, LabelVolume]]:
        lists = [f"{folder}/labels".strip("/") for folder in folders]
        name = next((n for n in lists if root.is_file(n)), None)
        labels = read_label_list(root, name, ledger) if name else Labels({})
        values, known = scan_labels(root, cases, ledger, lambda media: open_npy(media, 4))
        if name is None and max(values, default=0) < _LARGEST:
            values = set(range(max(values, default=-1) + 1))
        for value in sorted(values):
            label = f"class_{value}" if value or name else "background"
            if labels.add(value, label) and name is not None:
                ledger.warn(f"{root.show(name)} has no name for value {value}: it is {label}")
        return labels, known


def _ids(root: InputRoot, name: str, ledger: Ledger) -> list[str | None]:
    """Return the ids in order; None where one is refused."""
    ids: list[str | None] = []
    seen: Counter[str] = Counter()
    where = root.show(name)
    for number, text in enumerate(pickles.load_texts(root.read(name), where)):
        place = f"{where}#/{number}"
        try:
            case = clean_name(text, place)
        except UnsafePathError as error:
            ledger.bad_record(RecordError(error.message, where=place))
            ids.append(None)
            continue
        seen[case] += 1
        if seen[case] > 1:
            ledger.bad_record(RecordError("the id is there twice", where=place, item=case))
            ids.append(None)
            continue
        ids.append(case)
    return ids


def _boxes(root: InputRoot, name: str, count: int, ledger: Ledger) -> NDArray[Any] | None:
    if not root.is_file(name):
        return None
    where = root.show(name)
    try:
        boxes = pickles.load_array(root.read(name), where)
    except InputError as error:
        ledger.bad_record(RecordError(error.message, where=where, hint=error.hint))
        return None
    if boxes.shape != (count, 2, 3):
        ledger.bad_record(
            RecordError(
                f"bbox_count_mismatch: boxes of shape {boxes.shape} for {count} ids",
                where=where,
                hint=f"{(count, 2, 3)} is expected; with --on-error skip there are no boxes",
            )
        )
        return None
    return boxes


def _cases(
    root: InputRoot, folder: str, ids: list[str | None], ledger: Ledger, *, prefix: str
) -> list[tuple[int, Case]]:
    base = f"{folder}/" if folder else ""
    there = {n for n in root.walk(folder) if n.endswith((DATA, LABEL))}
    cases = []
    for number, case in enumerate(ids):
        if case is None:
            continue
        data, label = f"{base}{case}{DATA}", f"{base}{case}{LABEL}"
        if data not in there and label not in there:
            ledger.warn(f"{root.show(base + case)}: there are no arrays of this case")
        channels = (("", data),) if data in there else ()
        there -= {data} if data in there else set()
        name = f"{prefix}/{case}" if prefix else case
        cases.append((number, Case(name, "default", channels, label if label in there else "")))
        there.discard(label)
    for name in sorted(there):
        ledger.warn(f"{root.show(name)} is of no case in {IDS} and left out")
    return cases


class _NumpySource(CaseSource):
    """Cases of arrays; see ``CaseSource``."""

    def __init__(
        self,
        *args: Any,
        boxes: dict[tuple[str, str], NDArray[Any]],
        corners: bool,
        **more: Any,
    ) -> None:
        super().__init__(*args, **more)
        self.boxes = boxes
        self.corners = corners

    def open_file(self, file: str, ledger: Ledger) -> Volume:  # noqa: ARG002 - as in CaseSource
        """See ``CaseSource.open_file``."""
        media = located(self.root, file)
        shown = Media(self.root.show(file), media.source)
        array = open_npy(shown, 4 if file.endswith(LABEL) else 5)
        return Volume(file, array, None, array.shape, None, array.dtype.name)

    def aligned(
        self, case: Case, media: Volume | None, ledger: Ledger
    ) -> tuple[LabelVolume, geometry.Affine | None]:
        """See ``CaseSource.aligned``; data may be cropped and resized, labels not."""
        known = self.known.get(case.label)
        if known is None:
            own = self.open_file(case.label, ledger)
            known = LabelVolume(own.source, self.root.show(case.label))
        if media is not None and known.shape != media.shape[:3]:
            ledger.warn(
                f"{known.name} has the shape {known.shape}, its data {media.shape[:3]}: "
                "both are kept as they are"
            )
        return known, None

    def item(self, case: Case, ledger: Ledger, *, annotated: bool) -> DatasetItem | None:
        """See ``CaseSource.item``."""
        item = super().item(case, ledger, annotated=annotated)
        box = self.boxes.get((case.id, case.subset))
        if item is None or box is None or not annotated:
            return item
        cuboid = self._cuboid(box)
        if cuboid is None:
            ledger.bad_record(
                RecordError("the box is no numbers", where=self.root.show(BOXES), item=case.id)
            )
            return item
        return item.replace(annotations=[*item.annotations, cuboid])

    def _cuboid(self, box: NDArray[Any]) -> Cuboid3d | None:
        low, high = np.asarray(box, np.float64).tolist()
        if not all(map(math.isfinite, (*low, *high))):
            return None
        if self.corners:
            return Cuboid3d(position=tuple(low), rotation=tuple(high), frame="voxel")
        centre = [(a + b) / 2 for a, b in zip(low, high, strict=True)]
        size = [b - a for a, b in zip(low, high, strict=True)]
        return Cuboid3d(position=tuple(centre), scale=tuple(size), frame="voxel")
