"""The head of a CVAT file: labels and what their attributes may be."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from dsk_cvat.meta import BUILTIN, written_name
from dsk_cvat.svg import drawn_joints, svg_of
from dsk_cvat.writing import element_text, own_fields, stated_attributes

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from dsk.annotations import Annotation
    from dsk.categories import Categories, PointsCategory
    from dsk.item import DatasetItem
    from dsk.loss import Ledger

__all__ = ["Seen", "Values", "head_text", "label_text", "merge_values"]

_MOST = 1.7e308  # larger numbers are no floats


class Values(Struct):
    """What values an attribute of a label has.

    Attributes:
        flags: How many are true or false.
        numbers: How many are numbers.
        texts: How many are other texts.
        numerals: How many are texts that look like numbers.
        least, most: The range of the numbers.
    """

    flags: int = 0
    numbers: int = 0
    texts: int = 0
    numerals: int = 0
    least: float = 0.0
    most: float = 0.0


def merge_values(
    into: dict[tuple[int, str], Values], more: Mapping[tuple[int, str], Values]
) -> None:
    """Add another partition's counts."""
    for key, new in more.items():
        old = into.get(key)
        if old is None:
            into[key] = new
            continue
        if new.numbers:
            old.least = min(old.least, new.least) if old.numbers else new.least
            old.most = max(old.most, new.most) if old.numbers else new.most
        old.flags += new.flags
        old.numbers += new.numbers
        old.texts += new.texts
        old.numerals += new.numerals


class Seen(Struct):
    """What a partition has seen of attributes; losses go to the ledger.

    Attributes:
        ledger: Where losses go.
        item: The item being written.
        values: Counts by number of the label and name of the attribute.
        skeletons: Labels of the skeletons.
    """

    ledger: Ledger
    item: DatasetItem
    values: dict[tuple[int, str], Values] = field(default_factory=dict)
    skeletons: set[int] = field(default_factory=set)

    def lose(self, what: str, a: Annotation, hint: str = "", code: str = "DSK-L004") -> None:
        """Report an attribute, or what else the code is of, that is lost or changed."""
        item = self.item
        self.ledger.add_at(code, what, item, a, hint=hint)

    def value(self, label: int, name: str, value: Any, a: Annotation) -> None:
        """Count a value that is written."""
        known = self.values.get((label, name))
        if known is None:
            known = self.values[label, name] = Values()
        if isinstance(value, bool):
            known.flags += 1
        elif isinstance(value, int | float) and abs(value) <= _MOST:  # neither inf nor nan
            if not known.numbers:
                known.least = known.most = value
            known.least, known.most = min(known.least, value), max(known.most, value)
            known.numbers += 1
        else:
            if not isinstance(value, str):
                self.lose(f"type of {name}, which becomes text", a)
            elif value in ("true", "false"):
                self.lose(f"type of {name}: the text {value!r} becomes a flag", a)
            elif _is_number(value):
                known.numerals += 1
            known.texts += 1


def _is_number(text: str) -> bool:
    try:
        return isfinite(float(text))
    except ValueError:
        return False


def head_text(
    subset: str,
    count: int,
    frames: tuple[int, int, int],
    labels: str,
    *,
    video: bool,
    size: tuple[int, int] | None,
) -> str:
    """Return everything before the first image or track.

    Args:
        subset: The subset's name.
        count: How many items there are.
        frames: The first and the last frame, and the distance of frames.
        labels: The labels, see ``label_text``.
        video: Whether tracks follow.
        size: (height, width) of the video, if known.
    """
    mode = "interpolation" if video else "annotation"
    original = ""
    if video and size is not None:
        original = (
            f"\n      <original_size>\n        <width>{size[1]}</width>\n"
            f"        <height>{size[0]}</height>\n      </original_size>"
        )
    name = element_text(subset)
    step = f"step={frames[2]}" if frames[2] > 1 else ""
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n'
        f"  <meta>\n    <task>\n      <id></id>\n      <name>{name}</name>\n"
        f"      <size>{count}</size>\n      <mode>{mode}</mode>\n      <overlap></overlap>\n"
        f"      <start_frame>{frames[0]}</start_frame>\n"
        f"      <stop_frame>{frames[1]}</stop_frame>\n"
        f"      <frame_filter>{step}</frame_filter>\n      <z_order>True</z_order>\n"
        f"      <labels>\n{labels}      </labels>{original}\n    </task>\n  </meta>\n"
    )


def label_text(
    categories: Categories,
    values: Mapping[tuple[int, str], Values],
    used: Collection[int],
    ledger: Ledger,
) -> str:
    """Return the labels with their attributes, skeletons and colours.

    Args:
        categories: The labels.
        values: What values their attributes have.
        used: Labels that skeletons have; others need no labels for their points.
        ledger: For types of values that a declaration changes.
    """
    text = ""
    known = {(label.parent, label.name) for label in categories.labels}
    skeletons = {categories.labels[n].name: p for n, p in categories.points.items()}
    for number, label in enumerate(categories.labels):
        stated = own_fields(label.extra)
        own = {key: value for key, value in stated.items() if isinstance(value, str)}
        points = categories.points.get(number)
        kind = own.get("type") or "any"
        if points is not None and number in used:
            kind = "skeleton"
        elif label.parent in skeletons and label.name in skeletons[label.parent].labels:
            kind = "points"
        names = dict.fromkeys([*label.attributes, *categories.attributes])
        names |= dict.fromkeys(name for n, name in values if n == number)
        specs = stated_attributes(label.extra)
        attributes = "".join(
            _attribute(name, specs.get(name), values.get((number, name), Values()), ledger)
            for name in names
            if name not in BUILTIN
        )
        color = categories.colors.get(number)
        text += _label(
            label.name,
            label.parent,
            kind,
            color="#{:02x}{:02x}{:02x}".format(*color) if color else "",
            attributes=attributes,
            svg=(own.get("svg") or _picture(points, ledger)) if points is not None else "",
        )
        for name in points.labels if points is not None and number in used else ():
            if (label.name, name) not in known:
                text += _label(name, label.name, "points")
    return text


def _picture(points: PointsCategory, ledger: Ledger) -> str:
    """Return the picture of a skeleton; it connects points that have names."""
    lost = len(points.joints) - len(drawn_joints(points))
    if lost:
        ledger.add("DSK-L010", "joints of keypoints without names", count=lost)
    return svg_of(points)


def _label(
    name: str, parent: str, kind: str, *, color: str = "", attributes: str = "", svg: str = ""
) -> str:
    text = f"        <label>\n          <name>{element_text(name)}</name>\n"
    if color:
        text += f"          <color>{color}</color>\n"
    text += f"          <type>{element_text(kind)}</type>\n"
    text += f"          <attributes>\n{attributes}          </attributes>\n"
    if svg:
        text += f"          <svg>{element_text(svg)}</svg>\n"
    if parent:
        text += f"          <parent>{element_text(parent)}</parent>\n"
    return f"{text}        </label>\n"


def _attribute(name: str, spec: Mapping[str, str] | None, seen: Values, ledger: Ledger) -> str:
    """Return an attribute's declaration: the source's own, else one that fits the values."""
    mixed = seen.numbers if seen.texts else 0
    if spec is not None:
        declared = {**spec, "name": written_name(name, spec)}
        mixed = seen.numbers if declared.get("input_type", "text") == "text" else seen.numerals
    else:
        declared = {"name": name, "mutable": "True", **_input(seen)}
    if mixed:
        ledger.add("DSK-L004", f"type of {name}", count=mixed)
    fields = "".join(
        f"              <{key}>{element_text(str(value))}</{key}>\n"
        for key, value in declared.items()
        if key in ("name", "mutable", "input_type", "default_value", "values")
    )
    return f"            <attribute>\n{fields}            </attribute>\n"


def _input(seen: Values) -> dict[str, str]:
    if seen.numbers and not seen.texts:
        whole = float(seen.least).is_integer() and float(seen.most).is_integer()
        values = f"{seen.least:.10g}\n{seen.most:.10g}\n{1 if whole else 0.01}"
        return {
            "input_type": "number",
            "default_value": f"{seen.least:.10g}",
            "values": values,
        }
    if seen.flags and not seen.texts:
        return {"input_type": "checkbox", "default_value": "false", "values": "false\ntrue"}
    return {"input_type": "text", "default_value": "", "values": ""}
