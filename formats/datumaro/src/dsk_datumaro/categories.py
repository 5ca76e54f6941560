"""Categories as Datumaro's JSON, both ways."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from msgspec import Raw, Struct

from dsk.categories import Categories, LabelCategory, LabelGroup, PointsCategory
from dsk.errors import InputError
from dsk.jsonerrors import UNDECODABLE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dsk.categories import Color
    from dsk.loss import Ledger

__all__ = ["from_json", "joint_labels", "to_json"]

T = TypeVar("T")


def joint_labels(categories: Categories, owners: Iterable[int]) -> list[LabelCategory]:
    """Return the labels that Datumaro wants for the joints of skeletons and that are missing.

    Datumaro 0.x finds the name of a skeleton's joint through a label whose parent is the
    skeleton's label.

    Args:
        categories: The dataset's categories.
        owners: Indices of the labels that skeletons have.
    """
    known = {(label.parent, label.name) for label in categories.labels}
    missing = []
    if any(n in categories.points for n in owners):
        for owner, points in sorted(categories.points.items()):
            parent = categories.labels[owner].name
            for name in points.labels:
                if (parent, name) not in known:
                    known.add((parent, name))
                    missing.append(LabelCategory(name, parent))
    return missing


def to_json(categories: Categories, added: Iterable[LabelCategory] = ()) -> dict[str, Any]:
    """Return the value of ``categories``; a part that says nothing is left out.

    Args:
        categories: What to write.
        added: Labels to append, see ``joint_labels``.
    """
    label: dict[str, Any] = {
        "labels": [_label(one) for one in (*categories.labels, *added)],
        "attributes": list(categories.attributes),
    }
    if categories.groups:
        label["label_groups"] = [
            {"name": g.name, "group_type": g.group_type, "labels": list(g.labels)}
            for g in categories.groups
        ]
    result: dict[str, Any] = {"label": label}
    if categories.colors:
        result["mask"] = {
            "colormap": [
                {"label_id": n, "r": r, "g": g, "b": b}
                for n, (r, g, b) in categories.colors.items()
            ]
        }
    if categories.points:
        result["points"] = {"items": [_points(n, p) for n, p in categories.points.items()]}
    return result


def _label(label: LabelCategory) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "name": label.name,
        "parent": label.parent,
        "attributes": list(label.attributes),
    }
    extra = dict(label.extra or {})
    plain |= extra.pop("datumaro", {})
    more: dict[str, Any] = {}
    if label.source_id is not None:
        more["source_id"] = label.source_id
    if extra:
        more["extra"] = extra
    if more:
        plain["dsk"] = more
    return plain


def _points(label: int, points: PointsCategory) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "label_id": label,
        "labels": list(points.labels),
        "joints": [list(joint) for joint in points.joints],
    }
    if points.positions:
        plain["positions"] = list(points.positions)
    return plain


class _Label(Struct, gc=False):
    name: str
    parent: str | None = ""
    attributes: list[Any] | None = None
    dsk: dict[str, Any] | None = None


class _Group(Struct, gc=False):
    name: str
    group_type: str = "exclusive"
    labels: list[str] = []


class _Labels(Struct, gc=False):
    labels: list[dict[str, Any]] = []
    attributes: list[Any] | None = None
    label_groups: list[_Group] | None = None


class _Color(Struct, gc=False):
    label_id: int
    r: int
    g: int
    b: int


class _Mask(Struct, gc=False):
    colormap: list[_Color] = []


class _Keypoints(Struct, gc=False):
    label_id: int
    labels: list[str] | None = None
    joints: list[tuple[int, int]] | None = None
    positions: list[float] | None = None


class _Points(Struct, gc=False):
    items: list[_Keypoints] = []


class _Categories(Struct, gc=False):
    label: _Labels | None = None
    mask: _Mask | None = None
    points: _Points | None = None


def from_json(raw: Raw, where: str, ledger: Ledger, joints: int = 0) -> Categories:
    """Read the value of ``categories``.

    Args:
        raw: Its JSON.
        where: The file, for messages.
        ledger: Is told about keypoints and colours of labels that are not there.
        joints: How many of the last labels ``joint_labels`` had added; they are dropped again;
            a number that cannot be is passed over.

    Raises:
        InputError: It is malformed, or a colour is not of 0 to 255.
    """
    try:
        parsed = msgspec.json.decode(raw, type=_Categories, strict=False)
        part = parsed.label or _Labels()
        labels = [_label_from(one) for one in part.labels]
    except UNDECODABLE as error:
        raise InputError(str(error), where=f"{where}#/categories") from error
    if 0 <= joints <= len(labels):
        labels = labels[: len(labels) - joints]
    points = {
        one.label_id: PointsCategory(
            tuple(one.labels or ()), tuple(one.joints or ()), tuple(one.positions or ())
        )
        for one in (parsed.points.items if parsed.points is not None else ())
    }
    return Categories(
        labels=tuple(labels),
        attributes=tuple(map(str, part.attributes or ())),
        colors=_labelled(_colors(parsed.mask, where), len(labels), "colours", ledger),
        points=_labelled(points, len(labels), "keypoints", ledger),
        groups=tuple(
            LabelGroup(g.name, g.group_type, tuple(g.labels)) for g in part.label_groups or ()
        ),
    )


def _colors(mask: _Mask | None, where: str) -> dict[int, Color]:
    colors = {one.label_id: (one.r, one.g, one.b) for one in (mask.colormap if mask else ())}
    for color in colors.values():
        if not 0 <= min(color) <= max(color) <= 255:
            raise InputError(f"{color} is no colour of 0 to 255", where=f"{where}#/categories/mask")
    return colors


def _labelled(values: dict[int, T], labels: int, kind: str, ledger: Ledger) -> dict[int, T]:
    """Return what belongs to labels that are there."""
    kept = {number: value for number, value in values.items() if 0 <= number < labels}
    if len(kept) < len(values):
        ledger.warn(f"{kind} of a label_id that no label has are left out")
    return kept


def _label_from(plain: dict[str, Any]) -> LabelCategory:
    known = msgspec.convert(plain, _Label, strict=False)
    more = known.dsk or {}
    extra = msgspec.convert(more.get("extra") or {}, dict[str, dict[str, Any]])
    unknown = {k: v for k, v in plain.items() if k not in _Label.__struct_fields__}
    if unknown:
        extra["datumaro"] = unknown
    source_id = more.get("source_id")
    return LabelCategory(
        known.name,
        known.parent or "",
        tuple(map(str, known.attributes or ())),
        source_id if isinstance(source_id, int) else None,
        extra or None,
    )
