"""The text of an image's XML file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from dsk.errors import MediaError
from dsk.media import Image
from dsk.truth import truth_of
from dsk_voc.target import XML_REFUSES
from dsk_voc.tasks import BUILTIN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dsk.annotations import Bbox
    from dsk.item import DatasetItem
    from dsk.loss import Ledger
    from dsk_voc.target import Target

__all__ = ["BETWEEN", "ObjectWriter", "Text", "encoded", "escaped"]

BETWEEN = (
    "",
    "</xmin>\n\t\t\t<ymin>",
    "</ymin>\n\t\t\t<xmax>",
    "</xmax>\n\t\t\t<ymax>",
    "</ymax>\n\t\t</bndbox>\n",
)
"""What is before, between and behind xmin, ymin, xmax and ymax."""

_NUMBERS = "%.10g".join(BETWEEN)

_PART = (
    "\t\t<part>\n\t\t\t<name>%s</name>\n\t\t\t<bndbox>\n\t\t\t\t<xmin>%.10g</xmin>\n\t\t\t\t"
    "<ymin>%.10g</ymin>\n\t\t\t\t<xmax>%.10g</xmax>\n\t\t\t\t<ymax>%.10g</ymax>\n\t\t\t</bndbox>\n"
    "\t\t</part>\n"
)
_UNKNOWN = (
    "\t<source>\n\t\t<database>Unknown</database>\n\t\t<annotation>Unknown</annotation>\n"
    "\t\t<image>Unknown</image>\n\t</source>\n"
)
_END = "\t</object>\n"
_SPECIAL = re.compile(r"[&<>\r]|" + XML_REFUSES.pattern)
_XML_NAME = re.compile(r"[^\W\d][\w.-]*")

CACHE = 20_000  # different sets of attributes whose text is kept

TRUNCATED = 0.15
"""VOC calls an object truncated when so much of it lies outside of its box."""


class Text(Struct, frozen=True):
    """The text of objects that have the same label and attributes.

    Attributes:
        before: What precedes the numbers.
        behind: What follows them and the parts.
        template: All of it, to be filled with xmin, ymin, xmax, ymax; for objects without parts.
        lost: Code and name of what is lost.
    """

    before: str
    behind: str
    template: str
    lost: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, before: str, behind: str, lost: Sequence[tuple[str, str]] = ()) -> Text:
        """Make one, template and all."""
        ends = [text.replace("%", "%%") for text in (before, behind)]
        return cls(before, behind, f"{ends[0]}{_NUMBERS}{ends[1]}", tuple(lost))


def encoded(text: str) -> bytes:
    """Return the bytes of a file; names that are no UTF-8 come back as the bytes they were."""
    return text.encode("utf-8", "surrogateescape")


def escaped(text: str) -> str:
    """Return text for XML; characters that XML cannot hold become U+FFFD."""
    if _SPECIAL.search(text) is None:
        return text
    text = XML_REFUSES.sub("\ufffd", text)
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("\r", "&#13;")


class ObjectWriter:
    """Writes XML files.

    Args:
        target: The label map.
        one_based: Write 1-based pixel indices, xmax and ymax inclusive.
        attributes: Whether attributes that VOC does not know are written.
    """

    def __init__(self, target: Target, *, one_based: bool, attributes: bool) -> None:
        self._target = target
        self._attributes = attributes
        self.shift = 1.0 if one_based else 0.0
        self._known: dict[Any, Text] = {}
        self.plain: dict[int | None, str] = {
            n: Text.of(_opening(name, ""), _END).template
            for n, name in enumerate(target.names)
            if name is not None
        }

    def head(
        self, item: DatasetItem, image_name: str, ledger: Ledger, *, segmented: bool = False
    ) -> str:
        """Return the beginning of a file."""
        folder, cut, _ = item.id.partition("_")
        own = (item.extra or {}).get("voc")
        source = owner = ""
        if own:
            source, owner = _blocks(own)
        size = ""
        media = item.media
        if isinstance(media, Image):
            found = media.size or _size(media, ledger)
            if found is not None:
                height, width = found
                size = (
                    f"\t<size>\n\t\t<width>{width}</width>\n\t\t<height>{height}</height>\n"
                    "\t\t<depth>3</depth>\n\t</size>\n"
                )
        folder = folder if cut else ""
        if _SPECIAL.search(image_name) is not None:
            folder, image_name = escaped(folder), escaped(image_name)
        return (
            f"<annotation>\n\t<folder>{folder}</folder>\n\t<filename>{image_name}</filename>\n"
            f"{source or _UNKNOWN}{owner}{size}\t<segmented>{segmented:d}</segmented>\n"
        )

    def text(self, label: int | None, attributes: Mapping[str, Any]) -> Text:
        """Return the text before and behind an object's numbers, and what it leaves out.

        Raises:
            KeyError: The label is not in the label map.
        """
        values = attributes.values()
        key = (label, *attributes, *values, *map(type, values))
        try:
            return self._known[key]
        except KeyError:
            if len(self._known) > CACHE:
                self._known.clear()
            found = self._known[key] = self._text(label, attributes)
            return found
        except TypeError:  # a list among the values
            return self._text(label, attributes)

    def _text(self, label: int | None, attributes: Mapping[str, Any]) -> Text:
        name = self._target.names[label] if label is not None else None
        if name is None or label is None:
            raise KeyError(label)
        lost: list[tuple[str, str]] = []
        flags = {flag: _flag(flag, attributes, lost) for flag in BUILTIN}
        pose = (
            f"\t\t<pose>{escaped(str(attributes['pose']))}</pose>\n" if "pose" in attributes else ""
        )
        before = _opening(name, pose, flags)
        known = self._target.actions[label]
        point, actions, others = "", [], []
        for key, value in attributes.items():
            if key in flags or key == "pose":
                continue
            if key == "point" and (pair := _pair(value)) is not None:
                x, y = pair
                point = f"\t\t<point>\n\t\t\t<x>{x:.10g}</x>\n\t\t\t<y>{y:.10g}</y>\n\t\t</point>\n"
            elif key in known and isinstance(value, bool):
                actions.append(f"\t\t\t<{key}>{value:d}</{key}>\n")
            elif self._attributes and key.strip():
                others.append(_attribute(key, value))
                if XML_REFUSES.search(f"{key}{value}"):
                    lost.append(("DSK-L007", f"characters of {key!r} that XML cannot hold"))
                if not isinstance(value, str):
                    lost.append(("DSK-L004", f"type of {key}, which becomes text"))
            else:
                lost.append(("DSK-L004", key))
        behind = point
        if actions:
            behind += f"\t\t<actions>\n{''.join(actions)}\t\t</actions>\n"
        if others:
            behind += f"\t\t<attributes>{''.join(others)}</attributes>\n"
        return Text.of(before, behind + _END, lost)

    def part(self, box: Bbox) -> str:
        """Return the text of a part inside its object."""
        shift = self.shift
        name = self._target.names[box.label or 0] or ""
        numbers = (box.x + shift, box.y + shift, box.x + box.w, box.y + box.h)
        return _PART % (escaped(name), *numbers)

    def object(self, box: Bbox, parts: Sequence[Bbox], text: Text) -> str:
        """Return the text of an object, with parts and fields of the source format."""
        shift = self.shift
        numbers = (box.x + shift, box.y + shift, box.x + box.w, box.y + box.h)
        if not parts and not box.extra:
            return text.template % numbers
        within = "".join(map(self.part, parts))
        own = (box.extra or {}).get("voc")
        more = _elements(own, "\t\t") if isinstance(own, dict) else ""
        behind = text.behind[: -len(_END)]
        return f"{text.before}{_NUMBERS % numbers}{within}{behind}{more}{_END}"


def _opening(name: str, pose: str, flags: Mapping[str, int] | None = None) -> str:
    flags = flags or {}
    lines = "".join(
        f"\t\t<{flag}>{flags.get(flag, 0)}</{flag}>\n"
        for flag in ("truncated", "occluded", "difficult")
    )
    return f"\t<object>\n\t\t<name>{escaped(name)}</name>\n{pose}{lines}\t\t<bndbox>\n\t\t\t<xmin>"


def _flag(name: str, attributes: Mapping[str, Any], lost: list[tuple[str, str]]) -> int:
    """Return 0 or 1 for any value of a flag; other formats have shares and grades."""
    value = attributes.get(name, False)
    if isinstance(value, bool | int | float):
        if value not in (0, 1):
            lost.append(("DSK-L004", f"value of {name}, which becomes 0 or 1"))
        return int(value > (TRUNCATED if name == "truncated" else 0))
    truth = truth_of(value)
    if truth is None:
        lost.append(("DSK-L004", f"value of {name}, which becomes 0 or 1"))
    return int(bool(truth))


def _pair(value: Any) -> tuple[float, float] | None:
    if not isinstance(value, list | tuple) or len(value) != 2:
        return None
    x, y = value
    return (x, y) if isinstance(x, int | float) and isinstance(y, int | float) else None


def _attribute(name: str, value: Any) -> str:
    return (
        f"<attribute><name>{escaped(name)}</name><value>{escaped(str(value))}</value></attribute>"
    )


def _blocks(own: Mapping[str, Any]) -> tuple[str, str]:
    """Return the source block, or "", and all other fields of the source format."""
    source = own.get("source")
    block = ""
    if isinstance(source, dict):
        defaults = dict.fromkeys(("database", "annotation", "image"), "Unknown")
        block = _elements({"source": {**defaults, **source}}, "\t")
    return block, _elements({k: v for k, v in own.items() if k != "source"}, "\t")


def _elements(fields: Mapping[str, Any], indent: str) -> str:
    """Write a table of fields as elements; names that XML cannot hold are left out."""
    lines = []
    for name, value in fields.items():
        if not _XML_NAME.fullmatch(name):
            continue
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                inner = _elements(one, indent + "\t")
                lines.append(f"{indent}<{name}>\n{inner}{indent}</{name}>\n")
            else:
                lines.append(f"{indent}<{name}>{escaped(str(one))}</{name}>\n")
    return "".join(lines)


def _size(media: Image, ledger: Ledger) -> tuple[int, int] | None:
    try:
        return media.get_size()
    except MediaError as error:
        ledger.warn(f"an image has no readable size: {error.message}")
        return None
