"""Finding out what format a path holds, and saying why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from dsk.errors import DetectionError, DskError
from dsk.registry import registry, resolve
from dsk.splits import is_subset_name
from dsk.wrapping import is_named_alike, only_folder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dsk.descriptors import ImporterInfo
    from dsk.files import InputRoot

__all__ = ["Candidate", "best_of", "choose", "detect", "look"]

ENOUGH = 5
"""Answers with a lower score are shown as near misses and never chosen."""

SURE = 50
"""Answers with a lower score are about pictures of any sort."""

DEEPEST = 4
"""How many folders that hold nothing but a folder are entered."""


class Candidate(Struct, frozen=True):
    """One format's answer for a path."""

    format: str
    score: int
    reason: str
    options: dict[str, Any] = {}


def detect(root: InputRoot, format: str | None = None) -> list[Candidate]:  # noqa: A002
    """Ask the detectors of all installed importers, or of one; best answers first.

    Args:
        root: What to look at.
        format: Name of the one importer to ask.

    Raises:
        UnknownNameError: There is no importer of this name.
    """
    asked = registry().importers if format is None else [registry().importer(format)]
    with root.remembering():
        found = _answers(root, asked)
    return sorted(found, key=lambda c: (-c.score, c.format))


def look(
    root: InputRoot,
    format: str | None = None,  # noqa: A002
) -> tuple[InputRoot, list[Candidate]]:
    """Ask the detectors about what was given, and about the folder that holds all of it, if any.

    That folder is what to read when it fits better, or as well if it only repeats an archive's
    name; unless it is a subset.

    Args:
        root: What was given.
        format: Name of the one importer to ask, which is then asked only if there is such a folder.

    Returns:
        What to read, and the answers about it.
    """
    inner = only_folder(root)
    if format is not None and inner is None:
        return root, []
    found = detect(root, format)
    best = found[0].score if found else 0
    wanted = ENOUGH
    if best >= ENOUGH:
        wanted = max(SURE, best if inner is not None and is_named_alike(root, inner) else best + 1)
        if inner is not None and is_subset_name(inner.name):
            inner = None
    for _ in range(DEEPEST):
        if inner is None:
            break
        inside = detect(inner, format)
        if inside and inside[0].score >= wanted:
            return inner, inside
        inner = only_folder(inner)
    return root, found


def _answers(root: InputRoot, asked: Iterable[ImporterInfo]) -> list[Candidate]:
    found = []
    for info in asked:
        if not info.detector:
            continue
        try:
            answer = resolve(info.detector)(root)
        except DskError as error:
            found.append(Candidate(info.name, 0, f"cannot look: {error}"))
            continue
        except Exception as error:  # noqa: BLE001 - one broken detector must not spoil the others
            reason = f"its detector failed: {type(error).__name__}: {error}"
            found.append(Candidate(info.name, 0, reason))
            continue
        if answer is not None:
            found.append(Candidate(info.name, answer.score, answer.reason, answer.options))
    return found


def choose(root: InputRoot) -> Candidate:
    """Return the one format that fits best, see ``best_of``."""
    return best_of(detect(root), root.path)


def best_of(found: list[Candidate], path: str) -> Candidate:
    """Return the best of the detectors' answers.

    Args:
        found: The answers, best first.
        path: What they are about, for messages.

    Raises:
        DetectionError: None fits, or several fit equally well.
    """
    good = [c for c in found if c.score >= ENOUGH]
    if not good:
        near = "; nearly: " + ", ".join(f"{c.format} ({c.reason})" for c in found) if found else ""
        raise DetectionError(
            f"no installed format fits {path}{near}",
            hint="name it with -if FORMAT; 'dsk formats' lists them",
        )
    best = [c for c in good if c.score == good[0].score]
    if len(best) > 1:
        names = [c.format for c in best]
        raise DetectionError(
            f"{path} fits {' and '.join(names)} equally well",
            candidates=names,
            hint=f"name one: -if {names[0]}",
        )
    return best[0]
