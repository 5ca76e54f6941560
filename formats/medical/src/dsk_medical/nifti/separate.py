"""Annotations that come without their volumes: matched by mapping.json or by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from dsk.item import DEFAULT_SUBSET
from dsk.jsonerrors import UNDECODABLE
from dsk.names import clean_name
from dsk_medical.nifti.filenames import parse, prefix
from dsk_medical.nifti.layout import MaskFile, Study
from dsk_medical.volume.names import stem

if TYPE_CHECKING:
    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = ["join_volumes", "read_mapping", "resolve_mapping"]

Target = int | str
VOLUME_ID = "volume_id"
"""Attribute of an item: the number of its volume in mapping.json."""


def read_mapping(root: InputRoot, names: list[str], ledger: Ledger) -> dict[str, Target]:
    """Read which file belongs to which volume.

    Args:
        root: Where the files are.
        names: JSON files; those that hold something else are left out with a warning.
        ledger: Where warnings go.
    """
    found: dict[str, Target] = {}
    for name in names:
        try:
            found |= msgspec.json.decode(root.text_bytes(name), type=dict[str, Target])
        except UNDECODABLE as error:
            ledger.warn(f"{root.show(name)} maps no files to volumes and is left out: {error}")
    return found


def resolve_mapping(
    root: InputRoot,
    studies: list[Study],
    mapping: dict[str, Target],
    registry: dict[str, str],
    ledger: Ledger,
) -> list[Study]:
    """Group masks by the volume that a mapping names; those it does not name stay as they are.

    Args:
        root: Where the masks are.
        studies: Masks without volumes.
        mapping: Volume by file, with or without folder.
        registry: Path of a volume by its number; if empty, numbers stay attributes of items.
        ledger: Where unknown volumes go.
    """
    rest: list[Study] = []
    mapped: dict[Target, Study] = {}
    for study in studies:
        own = []
        for mask in study.masks:
            path = mask.media.path
            target = _mapped(mapping, path)
            if isinstance(target, int) and registry:
                target = registry.get(str(number := target), "")
                if not target:
                    ledger.warn(f"{root.show(path)}: there is no volume {number}: it is left out")
                    continue
            if target is None:
                own.append(mask)
                continue
            known = mapped.setdefault(target, _for_target(study, target))
            mapped[target] = known._replace(masks=(*known.masks, mask))
        if own:
            rest.append(study._replace(masks=tuple(own)))
    return _distinct([*mapped.values(), *rest])


def _mapped(mapping: dict[str, Target], path: str) -> Target | None:
    """Return what a mapping says of a file, by the longest end of its path that is there."""
    while path not in mapping and "/" in path:
        path = path.partition("/")[2]
    return mapping.get(path)


def _for_target(study: Study, target: Target) -> Study:
    if isinstance(target, int):
        return study._replace(masks=(), attributes={**study.attributes, VOLUME_ID: target})
    path = clean_name(stem(target), where="mapping.json")
    name = path if study.subset == DEFAULT_SUBSET else path.removeprefix(f"{study.subset}/")
    return study._replace(id=name, masks=(), target=path)


def _distinct(studies: list[Study]) -> list[Study]:
    """Give studies of one id the number of their volume."""
    seen: set[tuple[str, str]] = set()
    done = []
    for study in studies:
        if (study.id, study.subset) in seen:
            number = study.attributes.get(VOLUME_ID, len(seen))
            study = study._replace(id=f"{study.id}_{number}")  # noqa: PLW2901
        seen.add((study.id, study.subset))
        done.append(study)
    return sorted(done, key=lambda s: (s.subset, s.id))


def join_volumes(studies: list[Study], volumes: list[Study], ledger: Ledger) -> list[Study]:
    """Give masks to the volumes they belong to.

    Args:
        studies: Masks, from ``resolve_mapping``.
        volumes: All volumes.
        ledger: Where masks without a volume go.
    """
    masks: dict[int, list[MaskFile]] = {}
    facts: dict[int, dict[str, str | int]] = {}
    for study in studies:
        place = _match(study, volumes)
        if place is None:
            names = ", ".join(mask.media.path for mask in study.masks[:3])
            ledger.warn(f"no volume, or several, fit the annotations {names}: they are left out")
            continue
        masks.setdefault(place, []).extend(study.masks)
        facts[place] = study.attributes
    return [
        volume._replace(
            masks=tuple(masks.get(n, ())), attributes={**volume.attributes, **facts.get(n, {})}
        )
        for n, volume in enumerate(volumes)
    ]


def _full(study: Study) -> str:
    return study.id if study.subset == DEFAULT_SUBSET else f"{study.subset}/{study.id}"


def _match(study: Study, volumes: list[Study]) -> int | None:
    """Return the place of the volume, or None if there is none or not just one."""
    places = list(range(len(volumes)))
    if study.target:
        paths = (study.target, f"{study.subset}/{study.target}")
        fits = [[n for n in places if path in _paths(volumes[n])] for path in paths]
        fits += [[n for n in places if volumes[n].id == path] for path in paths]
        return next((among[0] for among in fits if len(among) == 1), None)
    near = [n for n in places if volumes[n].subset == study.subset]
    own = parse(study.volume.path)
    rules: list[Callable[[Study], bool]] = [
        lambda v: prefix(_full(v)) == prefix(_full(study)),
        lambda v: _ends(prefix(_full(v)), prefix(_full(study))),
        lambda v: _last(prefix(_full(v))) == _last(prefix(_full(study))),
    ]
    if own is not None:
        rules.append(lambda v: (p := parse(v.volume.path)) is not None and p.key == own.key)
        if not own.case:
            rules.append(lambda v: v.attributes.get("plane") == own.plane)
    for rule in rules:
        for among in (near, places):
            found = _only([n for n in among if rule(volumes[n])])
            if found is not None:
                return found
    return None


def _paths(volume: Study) -> tuple[str, str]:
    return _full(volume), stem(volume.volume.path)


def _ends(one: str, other: str) -> bool:
    """Whether one path is the other one's end: either may lie in a further folder."""
    return f"/{one}".endswith(f"/{other}") or f"/{other}".endswith(f"/{one}")


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def _only(places: list[int]) -> int | None:
    return places[0] if len(places) == 1 else None
