"""Masks by plane: ``axl_anatomic.nii`` with ``axl_inference.nii`` or ``axl_inference_1.nii`` …."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from dsk.errors import RecordError
from dsk.item import DEFAULT_SUBSET
from dsk.media import Media
from dsk.names import clean_name
from dsk_medical.nifti.filenames import PlaneName, facts, parse, prefix
from dsk_medical.volume.names import stem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dsk.files import InputRoot
    from dsk.loss import Ledger
    from dsk_medical.nifti.layout import Files, MaskFile, Study

__all__ = ["is_plane_structure", "mask_files", "plane_names", "studies", "volume_id"]


def plane_names(names: list[str], owner: dict[str, str]) -> dict[str, PlaneName]:
    """Return what the names say of those files whose names speak of planes.

    A plane within a word counts only if no name has one as a word, and a volume is among them:
    ``cortex_mask`` speaks of no plane.

    Args:
        names: All NIfTI files.
        owner: Folders of masks by volume name, whose files are classes whatever they are called.
    """
    parsed = {name: parse(name) for name in names if name.rpartition("/")[0] not in owner}
    found = {name: p for name, p in parsed.items() if p is not None}
    sure = {name: p for name, p in found.items() if p.sure}
    if sure or not any(p.role == "volume" for p in found.values()):
        return sure
    return found


def is_plane_structure(named: dict[str, PlaneName], owner: dict[str, str]) -> bool:
    """Tell whether a dataset is one of planes: masks by plane, or volumes and no other masks."""
    masks = any(p.role == "annotation" for p in named.values())
    return masks or bool(named and not owner)


def studies(
    root: InputRoot,
    files: Files,
    named: dict[str, PlaneName],
    ledger: Ledger,
    *,
    mode: str,
) -> Iterator[Study]:
    """Yield a study for each volume or, if there is none, for the masks of one.

    Args:
        root: Where the files are.
        files: Their names.
        named: What the names of the NIfTI files say.
        ledger: Where masks without a volume go.
        mode: "auto", "semantic" or "instance".
    """
    from dsk_medical.nifti.layout import Study

    _tell_left_out(files.volumes, named, ledger)
    volumes = [name for name, p in named.items() if p.role == "volume"]
    owners = _Owners(volumes, named) if volumes else None
    masks = _masks_by_volume(root, named, owners, ledger)
    tables = _tables_by_volume(root, files.tables, owners, ledger)
    for owner in volumes or masks:
        about = parse(owner)
        media = Media(owner, root.locate(owner)) if volumes else Media(f"{owner}.nii.gz")
        found = mask_files(root, masks.get(owner, []), tables.get(owner, []), mode)
        yield Study(
            clean_name(stem(owner)),
            DEFAULT_SUBSET,
            media,
            tuple(found),
            facts(about) if about else {},
        )


def _masks_by_volume(
    root: InputRoot, named: dict[str, PlaneName], owners: _Owners | None, ledger: Ledger
) -> dict[str, list[str]]:
    masks: dict[str, list[str]] = defaultdict(list)
    for name, parsed in named.items():
        if parsed.role != "annotation":
            continue
        owner = owners.of(name, parsed) if owners else volume_id(name)
        if owner is None:
            what = "the mask fits no volume, or several"
            hint = "with several volumes of one plane, masks lie beside theirs"
            ledger.bad_record(RecordError(what, where=root.show(name), hint=hint))
        else:
            masks[owner].append(name)
    return masks


def _tables_by_volume(
    root: InputRoot, names: list[str], owners: _Owners | None, ledger: Ledger
) -> dict[str, list[str]]:
    tables: dict[str, list[str]] = defaultdict(list)
    for name in names:
        parsed = parse(name)
        owner = (owners.of(name, parsed) if owners else volume_id(name)) if parsed else None
        if owner is None:
            ledger.warn(f"{root.show(name)} fits no volume: its scores are left out")
        else:
            tables[owner].append(name)
    return tables


def volume_id(name: str) -> str:
    """Return the id that the volume of a mask has if its name differs only by its type."""
    folder, slash, _ = name.rpartition("/")
    return f"{folder}{slash}{prefix(name).rpartition('/')[2]}_anatomic"


def _tell_left_out(names: list[str], named: dict[str, PlaneName], ledger: Ledger) -> None:
    left = [name for name in names if name not in named]
    if left:
        what = "NIfTI files without a plane and a type in their names are left out"
        ledger.warn(f"{len(left)} {what}: {', '.join(left[:3])}")
    unsure = [name for name, p in named.items() if not p.sure]
    if unsure:
        ledger.warn(f"the plane is part of a word in {len(unsure)} names: {', '.join(unsure[:3])}")


class _Owners:
    """Which volume a mask or a table belongs to."""

    def __init__(self, volumes: list[str], named: dict[str, PlaneName]) -> None:
        self._by_key: dict[tuple[str, str, str], list[str]] = defaultdict(list)
        for name in volumes:
            self._by_key[named[name].key].append(name)

    def of(self, name: str, parsed: PlaneName) -> str | None:
        """Return the volume, or None if there is none or not just one."""
        found = self._by_key.get(parsed.key, [])
        if len(found) == 1:
            return found[0]
        folder = name.rpartition("/")[0]
        beside = [v for v in found if v.rpartition("/")[0] == folder]
        if len(beside) > 1:
            beside = [v for v in beside if prefix(v) == prefix(name)]
        return beside[0] if len(beside) == 1 else None


def mask_files(
    root: InputRoot, names: list[str], tables: list[str], mode: str
) -> Iterator[MaskFile]:
    """Yield the files of masks of one volume, ascending by class id.

    Args:
        root: Where they are.
        names: The files of masks.
        tables: The files of scores.
        mode: "auto", "semantic" or "instance".
    """
    from dsk_medical.nifti.layout import MaskFile

    numbers = {name: _index(name) for name in names}
    scores = {_index(name): name for name in tables}
    ordered = sorted(names, key=lambda n: (numbers[n] is None, numbers[n] or 0, n))
    for place, name in enumerate(ordered, 1):
        number = numbers[name]
        instance = mode == "instance" or (mode == "auto" and number is not None)
        index = (number if number is not None else place) if instance else None
        table = scores.get(number) or scores.get(None, "")
        by_class = instance and number not in scores
        media = Media(name, root.locate(name))
        yield MaskFile(media, "", index, table, by_class)


def _index(name: str) -> int | None:
    parsed = parse(name)
    return parsed.number if parsed else None
