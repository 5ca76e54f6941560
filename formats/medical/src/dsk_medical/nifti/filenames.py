"""File names of the plane structure: which plane, volume or annotation, which class.

``<anything>_<plane>_<anything>_<type>_<anything>[_<index>].nii.gz``; the order of the parts is
free, but for the index.
"""

from __future__ import annotations

import re
import uuid
from typing import Literal, NamedTuple

from dsk_medical.volume.names import stem

__all__ = ["PLANES", "SEGMENTATIONS", "PlaneName", "facts", "parse", "prefix", "score_name"]

PLANES = ("axl", "cor", "sag")

SEGMENTATIONS = "segmentations"
"""TotalSegmentator's name of the folder with the masks of the volume beside it."""

Role = Literal["volume", "annotation", "scores"]

_VOLUME = "anatomic"
_MASK_WORDS = ("inference", "label", "annotation", "mask", "segmentation")
_MASK_TOKENS = ("ann", "seg")
_SCORES = "score"
_SPLIT = re.compile(r"[_\-. ]+")
_UUID_CHARS = 36


class PlaneName(NamedTuple):
    """What a file name says.

    Attributes:
        plane: "axl", "cor" or "sag".
        role: What the file holds.
        number: The number at the end, or None.
        patient: The first UUID at the beginning, or "".
        case: The second one, or "".
        sure: The plane is a word of its own, not part of another.
    """

    plane: str
    role: Role
    number: int | None
    patient: str
    case: str
    sure: bool

    @property
    def key(self) -> tuple[str, str, str]:
        """What volume and annotations have in common: plane and, if any, UUIDs."""
        return self.plane, self.patient, self.case


def parse(name: str) -> PlaneName | None:
    """Return what a file's name says, or None if it lacks a plane or a type.

    Args:
        name: A NIfTI file's or a CSV file's path.
    """
    base = _base(name)
    lower = base.lower()
    words = _SPLIT.split(lower)
    role = _role(lower, words, csv=name.lower().endswith(".csv"))
    if role is None:
        return None
    planes = [word for word in words if word in PLANES]
    sure = bool(planes)
    if not sure:
        planes = [plane for plane in PLANES if plane in lower]
    if not planes:
        return None
    last = base.rpartition("_")[2]
    number = int(last) if last.isascii() and last.isdigit() and len(last) < 10 else None
    return PlaneName(planes[0], role, number, *_uuids(base), sure)


def _base(name: str) -> str:
    base = name.rpartition("/")[2]
    return base[:-4] if base.lower().endswith(".csv") else stem(base)


def _role(lower: str, words: list[str], *, csv: bool) -> Role | None:
    if csv:
        return "scores" if _SCORES in lower else None
    if _VOLUME in lower:
        return "volume"
    if any(word in lower for word in _MASK_WORDS) or any(t in words for t in _MASK_TOKENS):
        return "annotation"
    return None


def _uuids(base: str) -> tuple[str, str]:
    """Return the two UUIDs that a long name begins with, or two empty texts."""
    first, second = base[:_UUID_CHARS], base[_UUID_CHARS + 1 : 2 * _UUID_CHARS + 1]
    if len(base) < 2 * _UUID_CHARS + 1 or base[_UUID_CHARS] != "_":
        return "", ""
    try:
        return str(uuid.UUID(first)), str(uuid.UUID(second))
    except ValueError:
        return "", ""


def prefix(name: str) -> str:
    """Return what a file's name has in common with those of its volume: no type, no number."""
    folder, slash, base = name.rpartition("/")
    words = _SPLIT.split(_base(base).lower())
    kept = [w for w in words if not _is_type(w)]
    if kept and kept[-1].isdigit() and kept[-1] == words[-1]:
        kept.pop()
    return f"{folder}{slash}{'_'.join(kept)}"


def _is_type(word: str) -> bool:
    typed = (_VOLUME, _SCORES, *_MASK_WORDS)
    return any(t in word for t in typed) or word in _MASK_TOKENS


def score_name(annotation: str) -> str:
    """Return the name of an annotation file's CSV file: "score" in place of its type."""
    folder, slash, base = annotation.rpartition("/")
    parts = re.split(r"([_\-. ]+)", _base(base))
    at = next((n for n, part in enumerate(parts) if _is_type(part.lower())), None)
    if at is not None:
        parts[at] = _SCORES
    return f"{folder}{slash}{''.join(parts)}.csv"


def facts(parsed: PlaneName) -> dict[str, str | int]:
    """Return the attributes of an item by its file's name."""
    uuids = {"patient_uuid": parsed.patient, "case_uuid": parsed.case} if parsed.case else {}
    return {"plane": parsed.plane, **uuids}
