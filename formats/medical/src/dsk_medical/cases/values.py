"""From labels to the values of label volumes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dsk_medical.cases.writing import background_labels

if TYPE_CHECKING:
    from dsk.annotations import Annotation
    from dsk.flow import Header
    from dsk.output import WriteContext

__all__ = ["Values"]

_MOST = 65535
_LINE_0, _EDEMA = "overall tumor", "edema"
"""What published lists of BraTS call the background, and a class that all of them have."""

_BRATS = {1, 2, 4}
_BACKGROUND = "background"


class Values:
    """The value of each label.

    Kept are the values the source had if they are whole, different and small; otherwise, and on
    request, labels are numbered from 1, the background being 0.

    Args:
        header: The dataset's header.
        consecutive: Number anew.
        ctx: Where renumbering is told.
        lines: The format lists labels by line, whose number is the value.
        last: Name of a label that gets the highest of new numbers.
        known: From names by label to the values that the format gives to these, None for others.

    Attributes:
        by_label: The value of each label.
        names: Names by value, ascending.
        lines: Names by value, gaps filled.
        moved: New values by old ones (as text), where any differ.
    """

    def __init__(
        self,
        header: Header,
        *,
        consecutive: bool,
        ctx: WriteContext,
        lines: bool = False,
        last: str = "",
        known: Callable[[dict[int, str]], dict[int, int] | None] | None = None,
    ) -> None:
        labels = header.categories.labels
        volumes = "volume" in header.media
        pairs = [(label.name, label.source_id) for label in labels]
        background = background_labels(pairs, volumes=volumes)
        if lines and {_LINE_0, _EDEMA} <= {name for name, _ in pairs}:
            background = {n for n, (name, _) in enumerate(pairs) if name == _LINE_0}
        stated = [value for _, value in pairs if value is not None and 0 <= value <= _MOST]
        kept = len(stated) == len(labels) == len(set(stated))
        kept = kept and all(bool(v) != (n in background) for n, (_, v) in enumerate(pairs))
        self.moved: dict[str, int] = {}
        fixed = (
            known({n: p[0] for n, p in enumerate(pairs) if n not in background}) if known else None
        )
        if fixed is not None:
            self.by_label = {**dict.fromkeys(background, 0), **fixed}
            self._tell(pairs, ctx)
        elif kept and not consecutive:
            self.by_label = {n: value or 0 for n, (_, value) in enumerate(pairs)}
        else:
            order = [n for n in range(len(labels)) if n not in background]
            if kept:
                brats = {pairs[n][1] for n in order} == _BRATS
                order.sort(key=lambda n: _rank(pairs[n][1], brats=brats))
            order.sort(key=lambda n: bool(last) and pairs[n][0] == last)
            self.by_label = dict.fromkeys(background, 0)
            self.by_label.update({n: value for value, n in enumerate(order, 1)})
            self._tell(pairs, ctx)
        names = {value: pairs[n][0] for n, value in sorted(self.by_label.items(), reverse=True)}
        self.names = dict(sorted(names.items()))
        highest = max(names, default=-1)
        self.lines = [self._line(names, v) for v in range(highest + 1)] if lines else []
        changed = sum(self.lines[v] != name for v, name in names.items()) if lines else 0
        if changed:
            ctx.ledger.add("DSK-L010", "white space in label names", count=changed)

    def _line(self, names: dict[int, str], value: int) -> str:
        name = names.get(value)
        if name is None:
            name = f"class_{value}" if value else _BACKGROUND
            while name in names.values():
                name += "_"
        return " ".join(name.split()) or f"class_{value}"

    def _tell(self, pairs: list[tuple[str, int | None]], ctx: WriteContext) -> None:
        table = {
            str(pairs[n][1]): value for n, value in self.by_label.items() if pairs[n][1] is not None
        }
        moved = {old: new for old, new in table.items() if old != str(new)}
        if moved:
            self.moved = table
            text = ", ".join(f"{old}→{new}" for old, new in list(moved.items())[:8])
            ctx.ledger.add("DSK-L015", f"label values: {text}", count=len(moved))

    def tell_background(self, header: Header, ctx: WriteContext) -> None:
        """Report the labels that become 0 where that is called background, whatever they are."""
        for n, label in enumerate(header.categories.labels):
            if self.by_label[n] == 0 and label.name != _BACKGROUND:
                what = f"label {label.name!r} is called {_BACKGROUND!r}"
                ctx.ledger.add("DSK-L010", what)

    def of(self, a: Annotation) -> int | None:
        """Return the value of an annotation's label; None for none."""
        return self.by_label.get(a.label) if a.label is not None else None


def _rank(value: int | None, *, brats: bool) -> int:
    if brats:  # edema first, as everybody who trains on BraTS numbers them
        return (2, 1, 4).index(value or 0)
    return _MOST if value is None else value
