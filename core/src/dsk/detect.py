"""Finding out what format a path holds, and saying why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from dsk.errors import DetectionError, DskError
from dsk.registry import registry, resolve

if TYPE_CHECKING:
    from dsk.files import InputRoot

__all__ = ["Candidate", "choose", "detect"]

ENOUGH = 5
"""Answers with a lower score are shown as near misses and never chosen."""


class Candidate(Struct, frozen=True):
    """One format's answer for a path."""

    format: str
    score: int
    reason: str
    options: dict[str, Any] = {}


def detect(root: InputRoot) -> list[Candidate]:
    """Ask every installed importer's detector; best answers first, near misses last."""
    with root.remembering():
        found = _answers(root)
    return sorted(found, key=lambda c: (-c.score, c.format))


def _answers(root: InputRoot) -> list[Candidate]:
    found = []
    for info in registry().importers:
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
    """Return the one format that fits best.

    Raises:
        DetectionError: None fits, or several fit equally well.
    """
    found = detect(root)
    good = [c for c in found if c.score >= ENOUGH]
    if not good:
        near = "; nearly: " + ", ".join(f"{c.format} ({c.reason})" for c in found) if found else ""
        raise DetectionError(
            f"no installed format fits {root.path}{near}",
            hint="name it with -if FORMAT; 'dsk formats' lists them",
        )
    best = [c for c in good if c.score == good[0].score]
    if len(best) > 1:
        names = [c.format for c in best]
        raise DetectionError(
            f"{root.path} fits {' and '.join(names)} equally well",
            candidates=names,
            hint=f"name one: -if {names[0]}",
        )
    return best[0]
