"""Writing AVA."""

from __future__ import annotations

import csv
import functools
import io
import re
import shlex
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from dsk.annotations import Bbox
from dsk.flow import Exporter
from dsk.metafile import SIZES_NAME
from dsk_ava.actions import FAMILY, actions_text
from dsk_ava.detect import OTHERS
from dsk_ava.frames import ANNOTATIONS, FRAMES, frame_name
from dsk_ava.tables import LARGEST, NONE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dsk.categories import LabelCategory
    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.loss import Ledger
    from dsk.output import WriteContext

__all__ = ["AvaExporter"]

_LIST = f"{ANNOTATIONS}/ava_action_list_v2.2.pbtxt"


def _table(subset: str, more: str = "") -> str:
    return f"{ANNOTATIONS}/ava_{subset}{more}_v2.2.csv"


class AvaExporter(Exporter):
    """Writes AVA; it has no options."""

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``."""
        self._numbers = _numbers(header.categories.labels)
        self._none = NONE if 0 in self._numbers else 0  # 0 as Datumaro has it for no action
        self._labels = []
        for number, label in zip(self._numbers, header.categories.labels, strict=True):
            name = label.name or f"action-{number}"
            if name != label.name:
                ctx.ledger.add("DSK-L010", f"a label without a name, which becomes {name!r}")
            self._labels.append(replace(label, name=name))

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> list[str]:
        """See ``Exporter.write``."""
        rows: dict[str, list[list[Any]]] = {}
        sizes: list[str] = []
        subsets: dict[str, None] = {}
        for item in items:
            subsets[item.subset] = None
            video, slash, time = item.id.rpartition("/")
            if not slash:
                video, time = time, ""
            subset = _subset(item, ctx.ledger)
            own = rows.setdefault(_table(subset), [])
            size = ctx.image_size(item)
            if size is not None and min(size) <= 0:
                size = None
            if size is not None and "\n" not in item.id and "\r" not in item.id:
                sizes.append(shlex.join([item.id, str(size[0]), str(size[1])]))
            boxes = self._boxes(item, size, ctx.ledger)
            own += [[video, time, *box] for box in boxes]
            if item.attributes.get("excluded"):
                name = _table(subset, "_excluded_timestamps")
                rows.setdefault(name, []).append([video, time])
            elif not boxes:
                own.append([video, time])
            name = ctx.image_name(item)
            ctx.save_image(item, f"{FRAMES}/{frame_name(video, time)}{name[len(item.id) :]}")
        for name, found in rows.items():
            with ctx.fragment(name) as file:
                file.write(_csv(found))
        with ctx.fragment(f"{ANNOTATIONS}/{SIZES_NAME}") as file:
            file.write("".join(f"{line}\n" for line in sizes).encode("utf-8", "surrogateescape"))
        return list(subsets)

    def _boxes(
        self, item: DatasetItem, size: tuple[int, int] | None, ledger: Ledger
    ) -> list[list[Any]]:
        """Return the rows of an item, without film and time."""
        where = {"kind": "bbox", "item": item.id, "subset": item.subset}
        found = [a for a in item.annotations if isinstance(a, Bbox)]
        good = [a for a in found if a.w >= 0 and a.h >= 0]
        if len(good) < len(found):
            what = "boxes of negative extent"
            ledger.add("DSK-L018", what, count=len(found) - len(good), **where)
        found = good
        if size is None:
            if found:
                ledger.add("DSK-L018", "image size not known", count=len(found), **where)
            return []
        _check_groups(found, ledger, where)
        height, width = size
        rows = []
        for a in found:
            corners = [a.x / width, a.y / height, (a.x + a.w) / width, (a.y + a.h) / height]
            number = self._none if a.label is None else self._numbers[a.label]
            rows.append([*map(_share, corners), number, _person(a, ledger, where)])
        return rows

    def finish(self, states: list[Any], ctx: WriteContext) -> None:
        """See ``Exporter.finish``."""
        for name in ctx.out.fragment_names():
            ctx.out.join(name, ctx.out.fragments(name))
        if not any(states):
            ctx.write(_table("default"), b"")
        text = actions_text(zip(self._numbers, self._labels, strict=True))
        ctx.write(_LIST, text.encode("utf-8", "surrogateescape"))


def _subset(item: DatasetItem, ledger: Ledger) -> str:
    """Return a subset's name as a table's name can hold it."""
    name = _fitting(item.subset)
    if name != item.subset:
        ledger.add_at("DSK-L012", f"subset {item.subset} is {name}", item)
    return name


@functools.lru_cache(maxsize=64)
def _fitting(name: str) -> str:
    for other in OTHERS:
        name = re.sub(re.escape(other), f"{other[0]}-{other[1:]}", name, flags=re.IGNORECASE)
    return name


def _numbers(labels: Sequence[LabelCategory]) -> list[int]:
    """Return the numbers of the actions: AVA's own, else from 1."""
    own = [label.source_id for label in labels if label.extra and FAMILY in label.extra]
    numbers = [number for number in own if number is not None]
    if len(set(numbers)) == len(labels):
        return numbers
    return list(range(1, len(labels) + 1))


def _person(box: Bbox, ledger: Ledger, where: dict[str, Any]) -> int:
    """Return the number of a box's person: its ``track_id``, as Datumaro has it, or its object."""
    number = box.attributes.get("track_id", box.object_id)
    if type(number) is not int or number > LARGEST or box.object_id not in (number, NONE):
        ledger.add("DSK-L004", "track_id, which is not the person's number", **where)
        number = box.object_id
    return max(number, NONE)


def _check_groups(boxes: Sequence[Bbox], ledger: Ledger, where: dict[str, Any]) -> None:
    """Report groups that are not the actions of one person's box: only those come back."""
    places: dict[tuple[Any, ...], set[int]] = {}
    groups: dict[int, set[tuple[Any, ...]]] = {}
    for a in boxes:
        key = (*a.bbox, a.object_id)
        places.setdefault(key, set()).add(a.group)
        if a.group:
            groups.setdefault(a.group, set()).add(key)
    lost = sum(len(keys) > 1 for keys in groups.values())
    lost += sum(len(found) > 1 for found in places.values())
    if lost:
        ledger.add("DSK-L005", "group", count=lost, **where)


def _csv(rows: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode("utf-8", "surrogateescape")


def _share(value: float) -> str:
    """Return a share of the image; twelve digits tell a hundred-millionth of a pixel."""
    return f"{value:.12g}"
