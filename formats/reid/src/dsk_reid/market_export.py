"""Writing Market-1501."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from dsk.annotations import is_on
from dsk.flow import Exporter
from dsk.item import DEFAULT_SUBSET
from dsk_reid.market import BOXES, LIST, NAME, QUERY, relative_facts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.output import WriteContext

__all__ = ["MarketExporter"]

_PERSON = re.compile(r"-?\d{1,18}", re.ASCII)
_NUMBERS = {"camera_id": 0, "track_id": 1, "frame_id": 0, "bbox_id": 0}
"""The numbers in a name, and what is taken for a missing one."""

_DIGITS = 9


class MarketExporter(Exporter):
    """Writes images by subset, and lists of them."""

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``; core reports lost annotations, lost labels are reported here."""
        if header.categories.labels:
            ctx.ledger.add("DSK-L010", "labels", count=len(header.categories.labels))

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> None:
        """See ``Exporter.write``."""
        lists: dict[str, list[str]] = {}
        for item in items:
            ending = ctx.image_name(item)[len(item.id) :]
            asked = is_on(item.attributes.get("query", item.subset == QUERY))
            folder = QUERY if asked else BOXES + item.subset
            path = f"{folder}/{_name(item, ctx)}{ending}"
            if "\n" in path or "\r" in path:
                what = "line breaks in an id"
                ctx.ledger.add_at("DSK-L008", what, item)
                continue
            lists.setdefault(item.subset, []).append(path)
            if item.media is not None:
                ctx.save_image(item, path)
        for subset, paths in lists.items():
            with ctx.fragment(f"{LIST}{subset}.txt") as file:
                file.write("".join(f"{path}\n" for path in paths).encode())

    def finish(self, states: list[Any], ctx: WriteContext) -> None:  # noqa: ARG002
        """See ``Exporter.finish``."""
        names = ctx.out.fragment_names()
        if not names:  # it shall be known for what it is all the same
            ctx.write(f"{LIST}{DEFAULT_SUBSET}.txt", b"")
        for name in names:
            ctx.out.join(name, ctx.out.fragments(name))


def _name(item: DatasetItem, ctx: WriteContext) -> str:
    """Return an image's name without ending: from its attributes, with its id behind them."""
    folder, slash, base = item.id.rpartition("/")
    given = item.attributes
    match = NAME.fullmatch(base)
    if match is not None:
        own = {"person_id": match[1]}
        own |= {n: int(match[k + 2]) - (n == "camera_id") for k, n in enumerate(_NUMBERS)}
        _report(
            item, [n for n, value in own.items() if str(given.get(n, value)) != str(value)], ctx
        )
        if match[6]:
            what = "ids that begin as names of Market-1501 lose that part"
            ctx.ledger.add_at("DSK-L008", what, item)
        return item.id
    known = relative_facts(base)
    if not given or (known and all(given.get(n) == value for n, value in known.items())):
        lost = [n for n in _NUMBERS if n in given and n not in known]
        _report(item, lost, ctx)
        return item.id
    numbers = {n: _whole(given.get(n, other)) for n, other in _NUMBERS.items()}
    person = given.get("person_id")
    person = f"{person:04d}" if type(person) is int else str(person or "")
    bad = [n for n, value in numbers.items() if value is None]
    if not _PERSON.fullmatch(person) or bad:
        lost = [n for n in ("person_id", *_NUMBERS) if n in given]
        _report(item, lost + (["query"] if is_on(given.get("query")) else []), ctx)
        return item.id
    made = (
        f"{person}_c{(numbers['camera_id'] or 0) + 1}s{numbers['track_id']}"
        f"_{numbers['frame_id']:06d}_{numbers['bbox_id']:02d}"
    )
    if base[0].isdecimal():
        what = "ids that begin with a digit get an underscore"
        ctx.ledger.add_at("DSK-L008", what, item)
        base = f"_{base}"
    return f"{folder}{slash}{made}{base}"


def _report(item: DatasetItem, names: list[str], ctx: WriteContext) -> None:
    for name in names:
        what = f"item attribute {name}"
        hint = "an image's name needs a person_id and whole numbers, and an id agrees with them"
        ctx.ledger.add_at("DSK-L009", what, item, hint=hint)


def _whole(value: Any) -> int | None:
    text = str(value)
    return int(text) if text.isdecimal() and len(text) <= _DIGITS else None
