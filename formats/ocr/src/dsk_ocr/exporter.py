"""Writing ICDAR's tasks of words and of their places."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dsk.annotations import Bbox, Caption, Polygon
from dsk.flow import Exporter
from dsk_ocr.grammar import SCRIPTS, is_number, parse_word
from dsk_ocr.homes import IMAGES
from dsk_ocr.plugin import LINES_2015, localization
from dsk_ocr.quoting import one_line, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dsk.annotations import Annotation
    from dsk.descriptors import Capabilities
    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.loss import Ledger
    from dsk.output import WriteContext

__all__ = ["LocalizationExporter", "RecognitionExporter", "lose_labels", "make_folders", "text_of"]

EXT = ".png"
_QUAD = 8


def lose_labels(header: Header, ledger: Ledger) -> None:
    """Report that the format has no labels."""
    if header.categories.labels:
        ledger.add("DSK-L010", "labels", count=len(header.categories.labels))


def make_folders(states: Iterable[Iterable[str]], ctx: WriteContext) -> None:
    """Make the folders of images, which tell where a subset begins even if they are empty."""
    for subset in dict.fromkeys(name for state in states for name in state):
        ctx.out.make_folder(f"{subset}/{IMAGES}")


def text_of(a: Annotation, item: DatasetItem, ledger: Ledger, name: str = "text") -> str:
    """Return an attribute as text that one line can hold; what that changes is reported."""
    value = a.attributes.get(name, "")
    text = one_line(value if isinstance(value, str) else str(value))
    if text != value:
        ledger.add_at("DSK-L004", f"value of {name}, which becomes a line of text", item, a)
    return text


class RecognitionExporter(Exporter):
    """Writes word recognition datasets; it has no options."""

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``."""
        lose_labels(header, ctx.ledger)

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> list[str]:
        """See ``Exporter.write``."""
        lines: dict[str, list[str]] = {}
        for item in items:
            name = ctx.image_name(item, EXT)
            ctx.save_image(item, f"{item.subset}/{IMAGES}/{name}")
            own = lines.setdefault(item.subset, [])
            found = [a for a in item.annotations if isinstance(a, Caption)]
            if not _is_held(name):
                what = "item whose name a list cannot hold"
                where: dict[str, Any] = {"item": item.id, "subset": item.subset}
                ctx.ledger.add("DSK-L008", what, **where)
                for a in found:
                    ctx.ledger.add("DSK-L017", what, kind=a.kind, annotation=a.id, **where)
                continue
            own += [f"{name}, {self._text(a, item, ctx.ledger)}\n" for a in found]
            if not found:
                own.append(f"{name}, \n")
        for subset, text in lines.items():
            with ctx.fragment(f"{subset}/gt.txt") as file:
                file.write("".join(text).encode("utf-8", "surrogateescape"))
        return list(lines)

    @staticmethod
    def _text(a: Caption, item: DatasetItem, ledger: Ledger) -> str:
        text = one_line(a.caption)
        if text != a.caption:
            ledger.add_at("DSK-L007", "line breaks in captions", item, a)
        return quoted(text)

    def finish(self, states: list[Any], ctx: WriteContext) -> None:
        """See ``Exporter.finish``."""
        make_folders(states, ctx)
        for name in ctx.out.fragment_names():
            ctx.out.join(name, ctx.out.fragments(name))


class LocalizationExporter(Exporter):
    """Writes text localization datasets; see the descriptor for the options."""

    def __init__(self, *, lines: str = "2013") -> None:
        self.lines = lines

    def capabilities(self, header: Header) -> Capabilities:  # noqa: ARG002
        """See ``Exporter.capabilities``."""
        return localization(self.lines)

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``."""
        lose_labels(header, ctx.ledger)

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> list[str]:
        """See ``Exporter.write``."""
        subsets: dict[str, None] = {}
        write = self._line_2015 if self.lines == LINES_2015 else self._line_2013
        for item in items:
            subsets[item.subset] = None
            ctx.save_image(item, f"{item.subset}/{IMAGES}/{ctx.image_name(item, EXT)}")
            lines = [write(a, item, ctx.ledger) for a in item.annotations]
            folder, slash, base = item.id.rpartition("/")
            text = "".join(lines).encode("utf-8", "surrogateescape")
            ctx.write(f"{item.subset}/{folder}{slash}gt_{base}.txt", text)
        return list(subsets)

    @staticmethod
    def _line_2013(a: Annotation, item: DatasetItem, ledger: Ledger) -> str:
        text = text_of(a, item, ledger)
        if isinstance(a, Bbox):
            numbers = " ".join(map(_plain, (a.x, a.y, a.x + a.w, a.y + a.h)))
            return f"{numbers} {quoted(text)}\n" if text else f"{numbers}\n"
        assert isinstance(a, Polygon)
        ring = _corners(a)
        numbers = ",".join(map(_plain, ring))
        # Quotes tell further corners from text.
        return f"{numbers},{quoted(text)}\n" if text or len(ring) != _QUAD else f"{numbers}\n"

    @staticmethod
    def _line_2015(a: Annotation, item: DatasetItem, ledger: Ledger) -> str:
        assert isinstance(a, Polygon)
        text, script = text_of(a, item, ledger), text_of(a, item, ledger, "script")
        if script and script not in SCRIPTS:
            what = "script that is none of MLT's"
            ledger.add("DSK-L004", what, kind=a.kind, item=item.id, subset=item.subset)
            script = ""
        ring = _corners(a)
        numbers = ",".join(map(_plain, ring))
        if len(ring) != _QUAD or text != text.strip() or _looks_else(text):
            text = quoted(text)
        return f"{numbers},{script},{text}\n" if script else f"{numbers},{text}\n"

    def finish(self, states: list[Any], ctx: WriteContext) -> None:
        """See ``Exporter.finish``."""
        make_folders(states, ctx)


def _is_held(name: str) -> bool:
    """Tell whether an image's name comes back from a line of its own."""
    return one_line(name) == name and parse_word(f'{name}, ""')[0] == name


def _looks_else(text: str) -> bool:
    """Tell whether plain text would be taken for quotes, numbers or a script."""
    head, comma, _ = text.partition(",")
    return text.startswith('"') or (bool(comma) and (head.strip() in SCRIPTS or is_number(head)))


def _corners(a: Polygon) -> Sequence[float]:
    """Return a ring of at least four corners: fewer would be read as a box."""
    (ring,) = a.rings
    return [*ring, *list(ring[-2:]) * ((_QUAD - len(ring)) // 2)]


def _plain(value: float) -> str:
    return repr(int(value)) if value == int(value) else repr(float(value))
