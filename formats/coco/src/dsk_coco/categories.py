"""Categories as COCO's JSON, both ways."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Raw, Struct

from dsk.categories import Categories, LabelCategory, PointsCategory
from dsk.errors import InputError
from dsk.jsonerrors import UNDECODABLE
from dsk.loss import Ledger
from dsk_coco.textids import ID, field_values, is_text_id, text_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from dsk.jsonindex import Records

__all__ = [
    "FAMILY",
    "Labels",
    "category_ids",
    "category_records",
    "numbered_categories",
    "read_categories",
]

FAMILY = "coco"
"""Key of the extra fields that this package writes back."""

MAX_DUMMIES = 100_000
"""The greatest category id for which gaps are filled with dummy labels."""


class _Category(Struct, gc=False):
    id: int
    name: str
    supercategory: str | None = None
    keypoints: list[str] | None = None
    skeleton: list[tuple[int, int]] | None = None


class Labels(Struct, frozen=True):
    """The categories of one file.

    Attributes:
        categories: As dsk has them.
        index: Label index by category id; None for ids that stand for no label.
    """

    categories: Categories
    index: dict[int | None, int | None]

    @property
    def signature(self) -> frozenset[tuple[int | None, str, str]]:
        """What two files must have in common to describe the same set of labels."""
        return frozenset((c.source_id, c.name, c.parent) for c in self.categories.labels)


def read_categories(
    raw: Raw | None, where: str, warn: Callable[[str], None], *, keep_ids: bool = False
) -> Labels:
    """Read the list of categories; labels are numbered by ascending category id.

    Args:
        raw: The JSON of the list, or None when there is none.
        where: The file, for messages.
        warn: Takes notes on what was repaired.
        keep_ids: Make label numbers equal category ids; gaps get labels ``class-<number>``.

    Raises:
        InputError: They are malformed, or an id is there twice.
    """
    rows, texts = _rows(raw, where)
    names: dict[tuple[str, str], int] = {}
    labels: list[LabelCategory] = []
    points: dict[int, PointsCategory] = {}
    index: dict[int | None, int | None] = {}
    before: _Category | None = None
    if keep_ids and rows and not 0 <= rows[0][0].id <= rows[-1][0].id <= MAX_DUMMIES:
        raise InputError("these category ids cannot be label numbers", where=where)
    for category, extra in rows:
        if category.id in index:
            if category != before:
                place = f"{where}#/categories"
                raise InputError(f"category id {category.id} is there twice", where=place)
            warn(f"category {category.id} is there twice")
            continue
        before = category
        while keep_ids and len(labels) < category.id:
            labels.append(LabelCategory(f"class-{len(labels)}"))
        name, parent = category.name, category.supercategory or ""
        if (name, parent) in names:
            name = f"{name} ({category.id})"
            warn(f"several categories have one name; one is called {name!r} now")
        names[name, parent] = number = len(labels)
        index[category.id] = number
        source_id = None if texts else category.id
        labels.append(
            LabelCategory(name, parent, (), source_id, {FAMILY: extra} if extra else None)
        )
        if category.keypoints or category.skeleton:
            points[number] = PointsCategory(
                tuple(category.keypoints or ()), tuple(category.skeleton or ())
            )
    index.setdefault(0, None)  # Datumaro's category of what has no label
    index[None] = None
    return Labels(Categories(labels=tuple(labels), points=points), index)


class _Classified(Struct, gc=False):
    category_id: int | float | str | None = None


_decode_classified = msgspec.json.Decoder(list[_Classified]).decode


def numbered_categories(annotations: Records, where: str, ledger: Ledger) -> Labels | None:
    """Return labels called by the category ids of a file that lists no categories.

    None when no annotation has one, or all have 0, which without categories is "no label".
    """
    aside = Ledger("skip")  # bad records are reported when they are read
    found = field_values(annotations, _decode_classified, "category_id", where, aside)
    ids = {number for v in found if v is not None and (number := _category_number(v)) is not None}
    if not ids or ids == {0}:
        return None
    ledger.warn(f"{where}: there are no categories; they are called by their ids")
    numbers = sorted(ids)
    labels = tuple(LabelCategory(f"class_{n}", "", (), n) for n in numbers)
    index: dict[int | None, int | None] = {n: at for at, n in enumerate(numbers)}
    index.setdefault(0, None)
    return Labels(Categories(labels=labels), {**index, None: None})


def _category_number(value: float | str) -> int | None:
    if isinstance(value, str):
        return text_number(value) if is_text_id(value) else int(value)
    return int(value) if isinstance(value, int) or value.is_integer() else None


_Rows = list[tuple[_Category, dict[str, Any]]]


def _rows(raw: Raw | None, where: str) -> tuple[_Rows, bool]:
    """Return the categories with their unknown fields, and whether their ids are texts.

    Texts get numbers, and stay in the order of the file.
    """
    if raw is None or bytes(raw) == b"null":
        return [], False
    place = f"{where}#/categories"
    try:
        fields = msgspec.json.decode(raw, type=list[dict[str, Any]])
        texts = any(is_text_id(row.get("id")) for row in fields)
        for row in fields if texts else ():
            if is_text_id(row.get("id")):
                row[ID] = row["id"]
                row["id"] = text_number(row[ID])
        for row in fields:
            if isinstance(row.get("name"), int | float):  # digits are called 0 to 9
                row["name"] = str(row["name"])
        categories = msgspec.convert(fields, list[_Category], strict=False)
    except UNDECODABLE as error:
        raise InputError(str(error).replace("$", ""), where=place) from error
    known = _Category.__struct_fields__
    rows = [
        (category, {k: v for k, v in row.items() if k not in known})
        for category, row in zip(categories, fields, strict=True)
    ]
    return rows if texts else sorted(rows, key=lambda row: row[0].id), texts


def category_ids(labels: Iterable[LabelCategory], *, keep: bool) -> dict[int | None, int | None]:
    """Return the category id of each label, and that of no label.

    Args:
        labels: The labels.
        keep: Use the ids the labels had in COCO, where they had one; else number from 1.
    """
    labels = list(labels)
    given = [label.source_id for label in labels] if keep else []
    known = [i for i in given if i is not None]
    if not known or len(set(known)) < len(known):
        numbered: dict[int | None, int | None] = {n: n + 1 for n in range(len(labels))}
        return numbered | {None: 0}
    following = max(known)
    ids: dict[int | None, int | None] = {}
    for number, own in enumerate(given):
        if own is None:
            following += 1
            own = following  # noqa: PLW2901 - the id of a label that has none
        ids[number] = own
    ids[None] = None if 0 in known else 0
    return ids


def category_records(
    categories: Categories, ids: Mapping[int | None, int | None], task: str
) -> list[dict[str, Any]]:
    """Return the JSON of the categories for a task's file."""
    records = []
    for number, label in enumerate(categories.labels):
        record: dict[str, Any] = {
            "id": ids[number],
            "name": label.name,
            "supercategory": label.parent,
        }
        if task == "person_keypoints" or number in categories.points:
            points = categories.points.get(number, PointsCategory())
            record["keypoints"] = list(points.labels)
            record["skeleton"] = [list(joint) for joint in points.joints]
        extra = (label.extra or {}).get(FAMILY, {})
        if task == "panoptic":
            record["isthing"] = 0
        records.append(record | extra)
    return records
