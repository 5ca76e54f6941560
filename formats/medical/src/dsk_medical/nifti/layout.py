"""From the files of a folder to studies: one volume, its masks, their scores."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from dsk.errors import InputError, RecordError
from dsk.item import DEFAULT_SUBSET
from dsk.media import Media
from dsk_medical.nifti import byname, planes
from dsk_medical.volume.names import is_nifti_name, stem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = [
    "SUBSETS",
    "Layout",
    "MaskFile",
    "Study",
    "discover",
    "list_files",
    "tell_odd_subsets",
    "unique_studies",
    "with_subsets",
]

SUBSETS = frozenset(
    {"train", "training", "val", "valid", "validation", "test", "testing", "dev", "default"}
)
"""Names, lower case, of folders at the top that are taken for subsets."""

SKIPPED_FOLDER = "converted"
"""What Supervisely's own import leaves behind."""


class MaskFile(NamedTuple):
    """One file of masks.

    Attributes:
        media: The file.
        label: Name of its class; "" if its values, or its number, are classes.
        number: Class id that its number in the name says; None: its values are classes.
        scores: Its CSV file, or "".
        by_class: The CSV file's columns are class ids though the values are objects.
    """

    media: Media
    label: str = ""
    number: int | None = None
    scores: str = ""
    by_class: bool = False


class Study(NamedTuple):
    """What becomes one item.

    Attributes:
        id: Its id.
        subset: Its subset.
        volume: The volume; without a source when there are only masks.
        masks: Its masks.
        attributes: Attributes of the item.
        target: Path of the volume that a mapping.json names, without ending, or "".
    """

    id: str
    subset: str
    volume: Media
    masks: tuple[MaskFile, ...] = ()
    attributes: dict[str, str | int] = {}  # noqa: RUF012 - never changed
    target: str = ""


class Layout(NamedTuple):
    """What was found.

    Attributes:
        studies: All studies, ids ascending.
        structure: "by-name", "planes", or "annotations" for planes without volumes.
        color_map: Name of the class colour map, or "".
        mappings: Names of JSON files.
    """

    studies: list[Study]
    structure: str
    color_map: str
    mappings: list[str]


class Files(NamedTuple):
    """The files that matter.

    Attributes:
        volumes: NIfTI files.
        tables: CSV files whose names speak of scores.
        texts: Text files.
        mappings: JSON files.
    """

    volumes: list[str]
    tables: list[str]
    texts: list[str]
    mappings: list[str]


def list_files(root: InputRoot, ledger: Ledger | None = None) -> Files:
    """Return the names of all files that matter, sorted as walked."""
    found = Files([], [], [], [])
    skipped = 0
    names = [root.focus] if root.focus is not None else root.walk()
    for name in names:
        lower = name.lower()
        if f"/{SKIPPED_FOLDER}/" in f"/{lower}":
            skipped += is_nifti_name(name)
        elif is_nifti_name(name) and (not lower.endswith((".hdr", ".hdr.gz")) or _pair(root, name)):
            found.volumes.append(name)
        elif lower.endswith(".csv") and "score" in lower.rpartition("/")[2]:
            found.tables.append(name)
        elif lower.endswith(".txt"):
            found.texts.append(name)
        elif lower.endswith(".json"):
            found.mappings.append(name)
    if skipped and ledger is not None:
        ledger.warn(f"{skipped} files in folders named {SKIPPED_FOLDER!r} are left out")
    return found


def _pair(root: InputRoot, name: str) -> bool:
    """Whether the data half of a header file is there; other formats have .hdr files too."""
    base = stem(name)
    return any(root.is_file(base + ext) for ext in (".img", ".img.gz", ".IMG"))


def discover(root: InputRoot, ledger: Ledger, *, structure: str, mode: str, subsets: str) -> Layout:
    """Find out how the files belong together.

    Args:
        root: Where they are.
        ledger: Where oddities go.
        structure: "auto", "by-name" or "planes".
        mode: "auto", "semantic" or "instance", of masks by plane.
        subsets: "auto", "folders" or "none".

    Raises:
        InputError: There is no NIfTI file.
    """
    files = list_files(root, ledger)
    if not files.volumes:
        hint = "volumes end with .nii or .nii.gz"
        raise InputError("there is no NIfTI file", where=root.path, hint=hint)
    folders = byname.mask_folders(files.volumes)
    named = planes.plane_names(files.volumes, folders.owner)
    if structure == "auto":
        structure = "planes" if planes.is_plane_structure(named, folders.owner) else "by-name"
    if structure == "planes":
        named = named or planes.plane_names(files.volumes, {})
        studies = list(planes.studies(root, files, named, ledger, mode=mode))
        alone = not any(n.role == "volume" for n in named.values())
        structure = "annotations" if alone else structure
    else:
        studies = list(byname.studies(root, files, folders, ledger))
    studies = with_subsets(studies, subsets, alone=structure == "annotations")
    unique = list(unique_studies(studies, root, ledger))
    color_map = _color_map(root, files.texts, ledger)
    return Layout(unique, structure, color_map, files.mappings)


def with_subsets(studies: list[Study], subsets: str, *, alone: bool) -> list[Study]:
    """Take the folders at the top for subsets if they are, or those in the one folder there."""
    tops = {s.id.partition("/")[0] if "/" in s.id else "" for s in studies}
    known = all(top.lower() in SUBSETS for top in tops) or alone
    if subsets == "auto" and not known and len(tops) == 1 and "" not in tops:
        inner = [s._replace(id=s.id.partition("/")[2]) for s in studies]
        parted = with_subsets(inner, subsets, alone=alone)
        return studies if parted is inner else parted
    if subsets == "none" or "" in tops or (subsets == "auto" and not known):
        return studies
    return [
        s._replace(subset=s.id.partition("/")[0], id=s.id.partition("/")[2] or s.id)
        for s in studies
    ]


def tell_odd_subsets(subsets: Iterable[str], ledger: Ledger) -> None:
    """Tell which subsets that are written as folders are not read back as subsets by default."""
    for subset in subsets:
        if subset.lower() not in SUBSETS:
            what = f"subset {subset!r} becomes a folder"
            hint = "-I subsets=folders reads it back"
            ledger.add("DSK-L012", what, subset=subset, hint=hint)


def unique_studies(studies: list[Study], root: InputRoot, ledger: Ledger) -> Iterator[Study]:
    """Yield the studies in order; of those of one id the first, others are bad records."""
    seen: dict[tuple[str, str], Study] = {}
    order = sorted(studies, key=lambda s: (s.subset != DEFAULT_SUBSET, s.subset, s.id))
    for study in order:
        first = seen.setdefault((study.id, study.subset), study)
        if first is study:
            yield study
            continue
        where = root.show(study.volume.path)
        what = f"{study.volume.path} and {first.volume.path} are both item {study.id}"
        ledger.bad_record(RecordError(what, where=where, item=study.id))


_COLOR_MAP = re.compile(r"colou?r[_\- ]?map", re.IGNORECASE)


def _color_map(root: InputRoot, texts: list[str], ledger: Ledger) -> str:
    """Return the name of the class colour map.

    It is the text file that is called so, whatever its lines are, else one whose first line fits.
    """
    ordered = sorted(texts, key=lambda n: (n.count("/"), n))
    called = [name for name in ordered if _COLOR_MAP.search(name.rpartition("/")[2])]
    found = called or [name for name in ordered if _looks_like_map(root, name)]
    if len(found) > 1:
        ledger.warn(f"several files look like class colour maps: {', '.join(found[:4])}; the first")
    return found[0] if found else ""


def _looks_like_map(root: InputRoot, name: str) -> bool:
    head = root.read(name, 4096).decode("utf-8-sig", "replace")
    lines = (line.split() for line in head.splitlines() if not line.lstrip().startswith("#"))
    words = next((words for words in lines if words), [])
    return len(words) > 1 and words[0].isascii() and words[0].isdigit()
