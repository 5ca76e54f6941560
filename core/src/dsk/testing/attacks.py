"""The attack corpus: what hostile datasets hold, and a helper that tries it on a format.

An attack takes a valid dataset and yields hostile variants of it. ``strike`` reads and converts
each variant in a child process that is bounded in memory and time, and tells what went wrong:
another exception than a DskError, a crash, a file touched outside of the output, code run, a secret
from beside the dataset in the items or in the output, or values that are no numbers.
"""

from __future__ import annotations

import math
import os
import shutil
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsk.errors import DskError
from dsk.names import clean_name
from dsk.testing import sandbox, variants
from dsk.testing.arena import POLICIES, SECRET, VICTIMS, Arena, Variants
from dsk.testing.mutations import DAMAGES, mutations

__all__ = [
    "ATTACKS",
    "DAMAGES",
    "SECRET",
    "VICTIMS",
    "Arena",
    "Attack",
    "mutations",
    "strike",
    "tell",
]


@dataclass(frozen=True, slots=True)
class Attack:
    """One way to attack.

    Attributes:
        summary: What it tries.
        variants: Makes hostile datasets in an arena and yields (what, path) for each; none when
            the format has no files of the sort.
    """

    summary: str
    variants: Callable[[Arena], Variants]


def strike(
    attack: Attack, good: Path, folder: Path, consume: Callable[[Path, Path, str], list[Any]]
) -> list[str]:
    """Try all variants of an attack and return what went wrong.

    Args:
        attack: One of ``ATTACKS``.
        good: A valid dataset with items named ``VICTIMS``.
        folder: A new folder to work in.
        consume: (path, output, on_error) → items: reads, uses and converts a dataset.
    """
    arena = Arena(folder, good)
    folder.mkdir(parents=True)
    arena.outside.mkdir()
    run = sandbox.run(lambda: _strike(attack, arena, consume))
    return [run.trouble] if run.trouble else list(run.value)


def _strike(
    attack: Attack, arena: Arena, consume: Callable[[Path, Path, str], list[Any]]
) -> list[str]:
    problems = []
    arena.reset()
    for what, path in attack.variants(arena):
        for policy in POLICIES:
            before, whole = _state(arena), False
            items: list[Any] = []
            try:
                items = consume(path, arena.converted, policy)
                whole = True
            except DskError:
                pass  # what an attack shall lead to
            except Exception as error:  # noqa: BLE001 - any other is what is looked for
                problems.append(f"{what}, {policy}: {tell(error)}")
            problems += [f"{what}, {policy}: {p}" for p in _harm(arena, items, before)]
            shutil.rmtree(arena.converted, ignore_errors=True)
            if whole:
                break  # nothing raised, so there is nothing to skip
        if path != arena.data:
            path.unlink(missing_ok=True)
        arena.reset()
    return problems


def tell(error: Exception) -> str:
    """Return an unexpected exception with the place it comes from."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    where = " < ".join(f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in reversed(frames))
    return f"{type(error).__name__}: {str(error)[:200]} ({where})"


def _state(arena: Arena) -> dict[str, tuple[int, int]]:
    state = {}
    for folder, _, files in os.walk(arena.folder):
        if Path(folder).is_relative_to(arena.converted):
            continue
        for name in files:
            info = os.lstat(os.path.join(folder, name))  # noqa: PTH118 - may be a bad link
            state[os.path.join(folder, name)] = (info.st_size, info.st_mtime_ns)  # noqa: PTH118
    return state


def _harm(arena: Arena, items: list[Any], before: dict[str, tuple[int, int]]) -> Iterator[str]:
    if arena.marker.exists():
        arena.marker.unlink()
        yield "code of the dataset was run"
    changed = {k for k, v in _state(arena).items() if before.get(k) != v}
    if changed or before.keys() - _state(arena).keys():
        yield f"files outside of the output changed: {sorted(changed)}"
    for path in sorted(arena.converted.rglob("*")):
        if path.is_symlink():
            yield f"the output holds a link: {path.name}"
        elif path.is_file() and SECRET.encode() in path.read_bytes():
            yield f"a secret is in the output: {path.name}"
    for item in items:
        yield from _unclean(arena, item)


def _unclean(arena: Arena, item: Any) -> Iterator[str]:
    if SECRET in repr(item):
        yield f"a secret is in item {item.id!r}"
    try:
        clean = clean_name(item.id) == item.id
    except DskError:
        clean = False
    if not clean:
        yield f"the id {item.id!r} is no clean name"
    source = getattr(item.media, "source", None)
    if isinstance(source, str) and not Path(os.path.abspath(source)).is_relative_to(arena.data):  # noqa: PTH100 - links stay as they are
        yield f"the medium of {item.id!r} lies outside: {source}"
    for a in item.annotations:
        if not all(map(math.isfinite, _numbers(a))):
            yield f"coordinates that are no numbers: {a}"


def _numbers(a: Any) -> Iterator[float]:
    for name in ("x", "y", "w", "h", "cx", "cy", "r", "points", "position", "scale", "rotation"):
        value = getattr(a, name, None)
        if isinstance(value, int | float):
            yield float(value)
        elif isinstance(value, list | tuple):
            yield from (float(v) for v in value if isinstance(v, int | float))


ATTACKS: dict[str, Attack] = {
    "climbing-names": Attack("ids and file names with ..", variants.renaming(variants.climbing)),
    "absolute-names": Attack(
        "absolute names, drives and shares", variants.renaming(variants.absolute)
    ),
    "impossible-names": Attack("names no file can have", variants.renaming(variants.impossible)),
    "links": Attack(
        "texts that are links, outwards or to themselves", variants.linking(media=False)
    ),
    "media-links": Attack("media that are links, likewise", variants.linking(media=True)),
    "zip-slip": Attack("zip members that climb or are absolute", variants.zip_slip),
    "zip-links": Attack("zip members that are links", variants.zip_link),
    "zip-bomb": Attack("zip members that grow, and very many members", variants.zip_bomb),
    "zip-lies": Attack("zip members that are damaged or encrypted", variants.zip_lies),
    "tar-links": Attack("tar members that are links or devices", variants.tar_links),
    "tar-slip": Attack("tar members that climb; a bomb", variants.tar_slip),
    "xml-entities": Attack("entity bombs, external entities, deep nesting", variants.xml_entities),
    "json-deep": Attack("nesting of 100 000 levels", variants.json_deep),
    "not-numbers": Attack(
        "NaN and infinity", variants.numbers_replaced((b"NaN", b"Infinity", b"-inf", b"1e999"))
    ),
    "huge-numbers": Attack(
        "numbers of many digits", variants.numbers_replaced((b"1" * 5000, b"9" * 30, b"1e300"))
    ),
    "huge-files": Attack("files that claim to be huge", variants.huge_files),
    "huge-sizes": Attack("image sizes that are huge, zero or negative", variants.huge_sizes),
    "code": Attack("pickles and YAML tags that would run code", variants.pickles),
}
"""All attacks by name."""
