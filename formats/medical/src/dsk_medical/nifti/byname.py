"""Masks by volume name: beside ``X.nii.gz`` the folder ``X`` with a file for each class.

TotalSegmentator calls the folder ``segmentations``; it is that of the only volume beside it.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from dsk.errors import RecordError
from dsk.item import DEFAULT_SUBSET
from dsk.media import Media
from dsk.names import clean_name
from dsk_medical.nifti.filenames import SEGMENTATIONS, facts, parse
from dsk_medical.volume.names import stem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dsk.files import InputRoot
    from dsk.loss import Ledger
    from dsk_medical.nifti.layout import Files, Study

__all__ = ["MaskFolders", "mask_folders", "studies"]


class MaskFolders(NamedTuple):
    """Which folders hold masks.

    Attributes:
        owner: The volume's file by folder.
        ambiguous: Folders that could belong to several volumes, with those.
    """

    owner: dict[str, str]
    ambiguous: dict[str, list[str]]


def mask_folders(names: list[str]) -> MaskFolders:
    """Tell which folders hold the masks of which volume.

    A folder belongs to the volume of its name beside it, one called ``segmentations`` to the only
    volume beside it, others to the only volume of their name anywhere else.

    Args:
        names: All NIfTI files.
    """
    folders: dict[str, list[str]] = defaultdict(list)
    beside: dict[str, str] = {}
    for name in names:
        folders[name.rpartition("/")[0]].append(name)
        beside.setdefault(stem(name), name)
    owner: dict[str, str] = {}
    for folder in sorted(folders, key=lambda f: f.count("/")):
        volume = beside.get(folder)
        if volume is not None and volume.rpartition("/")[0] not in owner:
            owner[folder] = volume
    for folder in folders:
        parent = folder.rpartition("/")[0]
        if _is_segmentations(folder) and folder not in owner and parent not in owner:
            volumes = folders.get(parent, [])
            if len(volumes) == 1:
                owner[folder] = volumes[0]
    elsewhere: dict[str, list[str]] = defaultdict(list)
    for name in names:
        if name.rpartition("/")[0] not in owner:
            elsewhere[stem(name).rpartition("/")[2]].append(name)
    ambiguous: dict[str, list[str]] = {}
    for folder in sorted(folders):
        base = folder.rpartition("/")[2]
        found = elsewhere.get(base, []) if folder and folder not in owner else []
        if any(name.startswith(f"{folder}/") for name in found):
            continue  # a folder that is named like a volume in it
        if len(found) == 1:
            owner[folder] = found[0]
        elif found:
            ambiguous[folder] = found
    return MaskFolders(owner, ambiguous)


def _is_segmentations(folder: str) -> bool:
    return folder.rpartition("/")[2].lower() == SEGMENTATIONS


def studies(root: InputRoot, files: Files, folders: MaskFolders, ledger: Ledger) -> Iterator[Study]:
    """Yield a study for each volume.

    Args:
        root: Where the files are.
        files: Their names.
        folders: Which folders hold masks.
        ledger: Where folders of masks go that could belong to several volumes.
    """
    from dsk_medical.nifti.layout import MaskFile, Study

    tables = set(files.tables)
    masks: dict[str, list[MaskFile]] = defaultdict(list)
    volumes = []
    for name in files.volumes:
        folder, _, base = name.rpartition("/")
        if folder in folders.owner:
            scores = (f"{stem(name)}{end}.csv" for end in ("_score", "_scores"))
            table = next((table for table in scores if table in tables), "")
            mask = MaskFile(Media(name, root.locate(name)), stem(base), scores=table)
            masks[folders.owner[folder]].append(mask)
        elif folder not in folders.ambiguous:
            volumes.append(name)
    for folder, owners in folders.ambiguous.items():
        what = f"ambiguous_annotation_dir: the folder {folder!r} fits {' and '.join(owners[:3])}"
        hint = "put it beside its volume"
        ledger.bad_record(RecordError(what, where=root.show(folder), hint=hint))
    strays = sorted({f for n in volumes if _is_segmentations(f := n.rpartition("/")[0])})
    if strays:
        what = "hold masks of no single volume: their files are read as volumes"
        ledger.warn(f"{len(strays)} folders, the first is {strays[0]!r}, {what}")
    for name in volumes:
        media = Media(name, root.locate(name))
        parsed = parse(name)
        said = facts(parsed) if parsed and parsed.sure and parsed.role == "volume" else {}
        own = tuple(masks.get(name, ()))
        yield Study(clean_name(stem(name)), DEFAULT_SUBSET, media, own, said)
