"""The two layouts that are called BraTS, found by names alone.

``msd``: folders ``imagesTr``, ``imagesTs``, ``labelsTr`` as in the Medical Segmentation Decathlon,
which Datumaro reads. ``original``: the challenge's own, a folder per case with a file per sequence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from dsk_medical.volume.names import nifti_stem

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = [
    "CLASSIC",
    "MODERN",
    "SEG",
    "CaseFiles",
    "Home",
    "find_cases",
    "find_homes",
    "first_case",
    "subset_of",
]

CLASSIC = ("flair", "t1", "t1ce", "t2")
"""Sequences until 2021, in the order of the channels; joined to the case by ``_``."""

MODERN = ("t2f", "t1n", "t1c", "t2w")
"""The same sequences from 2023 on; joined to the case by ``-``."""

SEG = "seg"
DEPTH = 5
_SUBSETS = (
    (re.compile(r"(?:^|[_\W])train(?:ing)?(?=data|[_\W]|$)", re.IGNORECASE), "train"),
    (re.compile(r"(?:^|[_\W])valid(?:ation)?(?=data|[_\W]|$)", re.IGNORECASE), "validation"),
    (re.compile(r"(?:^|[_\W])test(?:ing)?(?=data|[_\W]|$)", re.IGNORECASE), "test"),
)


class Home(NamedTuple):
    """A dataset in the Decathlon's layout.

    Attributes:
        folder: Where it is, relative, "" for the root.
        images: Its image folders by subset.
        labels: Its label folders by subset.
    """

    folder: str
    images: dict[str, str]
    labels: dict[str, str]


_FOLDERS = {"Tr": "train", "Ts": "test", "Val": "validation", "": "default"}


def find_homes(root: InputRoot, under: str = "", depth: int = 2) -> list[Home]:
    """Return the folders that hold ``imagesTr`` or its like, the highest of each branch."""
    folders, _ = root.entries(under)
    prefix = f"{under}/" if under else ""
    images, labels = {}, {}
    for name in folders:
        for suffix, subset in _FOLDERS.items():
            if name == f"images{suffix}" and suffix:
                images[subset] = prefix + name
            elif name == f"labels{suffix}" and suffix:
                labels[subset] = prefix + name
    if images or labels:
        return [Home(under, images, labels)]
    found: list[Home] = []
    for name in folders if depth > 0 else ():
        found += find_homes(root, prefix + name, depth - 1)
    return found


class CaseFiles(NamedTuple):
    """The files of a case in the challenge's layout.

    Attributes:
        folder: The folder they are in.
        id: The case's name.
        modern: Whether the names are those from 2023 on.
        files: By sequence, and ``SEG``.
        rest: Further NIfTI files of the folder, if it holds this case alone.
    """

    folder: str
    id: str
    modern: bool
    files: dict[str, str]
    rest: tuple[str, ...] = ()


_TOKENS = {
    **{f"_{name}": (name, False) for name in (*CLASSIC, SEG)},
    **{f"-{name}": (name, True) for name in (*MODERN, SEG)},
}


_VERTEBRA = re.compile(r"[-_]([CTLS]\d{1,2})$", re.IGNORECASE)


def _token(stem: str) -> tuple[str, str, bool] | None:
    """Return (case, sequence, modern) of a file's name."""
    at = max(stem.rfind("_"), stem.rfind("-"))
    found = _TOKENS.get(stem[at:].lower()) if at > 0 else None
    return (stem[:at], *found) if found else None


def find_cases(names: Iterable[str]) -> Iterator[CaseFiles]:
    """Yield the cases among files; the files of a folder must follow one another.

    Files of one folder with the same beginning are a case if they are at least two, or if the
    folder has their name.
    """
    folder: str | None = None
    files: list[str] = []
    for name in names:
        here = name.rpartition("/")[0]
        if here != folder:
            yield from _cases_of(folder or "", files)
            folder = here
            files = []
        if nifti_stem(name) is not None:
            files.append(name)
    yield from _cases_of(folder or "", files)


def _cases_of(folder: str, files: Sequence[str]) -> Iterator[CaseFiles]:
    cases: dict[tuple[str, bool], dict[str, str]] = {}
    rest = []
    for name in files:
        found = _token(nifti_stem(name) or "")
        if found is None:
            rest.append(name)
            continue
        case, sequence, modern = found
        known = cases.setdefault((case, modern), {})
        if sequence in known:  # both .nii and .nii.gz: one is as good
            continue
        known[sequence] = name
    base = folder.rpartition("/")[2]
    kept = {key: f for key, f in cases.items() if len(f) > 1 or key[0] == base}
    for (case, modern), sequences in sorted(kept.items()):
        yield CaseFiles(folder, case, modern, sequences, tuple(rest) if len(kept) == 1 else ())


def first_case(names: Iterable[str]) -> CaseFiles | None:
    """Return the first case with several files, of the first folder that holds hardly other files.

    Vertebrae are called T1 and T2, too: folders with a mask for each organ have both.

    Args:
        names: As for ``find_cases``.
    """
    for _, group in groupby(names, key=lambda name: name.rpartition("/")[0]):
        volumes = [name for name in group if nifti_stem(name) is not None]
        cases = [case for case in find_cases(volumes) if len(case.files) > 1]
        begins = tuple(f"{case.folder}/{case.id}".lstrip("/") for case in cases)
        others = sum(not name.startswith(begins) or _is_vertebra(name) for name in volumes)
        known = [len(case.files) for case in cases]
        if cases and others <= (sum(known) if max(known) > 2 else 0):
            return cases[0]
    return None


def _is_vertebra(name: str) -> bool:
    """Tell whether a file is called like a vertebra that is no sequence: ``vertebrae_T3``."""
    found = _VERTEBRA.search(nifti_stem(name) or "")
    return found is not None and f"_{found[1]}".lower() not in _TOKENS


def subset_of(folder: str, case: str, above: str = "") -> str:
    """Return the subset that the names of a case, of its folders, or of the root speak of."""
    parts = [case, *reversed(folder.split("/")), above]
    for part in parts:
        for pattern, subset in _SUBSETS:
            if pattern.search(part):
                return subset
    return "default"
