"""The ledger: what was read, written, changed, dropped; nothing is lost without an entry here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct, field

from dsk.errors import RecordError, UsageError, printable, shortened
from dsk.lfs import explained

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from dsk.annotations import Annotation
    from dsk.item import DatasetItem

__all__ = ["CODES", "BadRecord", "Event", "Ledger", "Report", "Sample"]

SAMPLES = 5
"""How many places are named per sort of event."""

MAX_BAD = 100_000
"""How many bad records are kept in full; further ones are counted only."""

_WHOLE = 80
"""Letters of a bad record's message that a report has: longer ones are whole in ``bad`` only."""

_EXPLAINED = 1000
"""Bad records of which the file is looked at once more, which takes longer than reading most."""

MAX_SORTS = 2_000
"""How many sorts of events, and how many warnings, are told apart; further ones are counted only:
messages often name a file or a value, and there may be millions of those."""

FURTHER = "further ones"

CODES: dict[str, tuple[str, str]] = {
    "DSK-L001": ("dropped", "annotations of a kind that the target cannot hold"),
    "DSK-L002": ("dropped", "annotations without a label, which the target needs"),
    "DSK-L003": ("changed", "annotations converted to another kind"),
    "DSK-L004": ("field", "attributes of annotations that the target cannot hold"),
    "DSK-L005": ("field", "fields of annotations that the target cannot hold"),
    "DSK-L006": ("changed", "masks whose hidden pixels the target cannot hold"),
    "DSK-L007": ("changed", "values rounded or clipped for the target"),
    "DSK-L008": ("item", "items that the target cannot hold"),
    "DSK-L009": ("field", "attributes of items that the target cannot hold"),
    "DSK-L010": ("field", "facts about labels that the target cannot hold"),
    "DSK-L011": ("field", "fields of the source format that the target does not know"),
    "DSK-L012": ("field", "subset names changed or joined"),
    "DSK-L013": ("split", "annotations split into several"),
    "DSK-L014": ("merged", "annotations merged into one"),
    "DSK-L015": ("note", "ids numbered anew"),
    "DSK-L016": ("media", "media that could not be saved, or were re-encoded"),
    "DSK-L017": ("dropped", "annotations that the target's rules leave out"),
    "DSK-L018": ("dropped", "annotations that could not be converted"),
    "DSK-L019": ("removed", "annotations removed on request by a transform"),
    "DSK-L020": ("note", "items removed on request by a transform"),
    "DSK-L021": ("bad", "bad records skipped"),
    "DSK-L022": ("note", "what a transform changed on request"),
}
"""Effect and meaning of each code. Effects: dropped, changed, split, merged and removed count
annotations; field, item, media, note and bad do not change their number."""

LOSING = frozenset({"dropped", "changed", "field", "item", "media", "bad"})
"""Effects that ``--strict`` refuses."""


class Sample(Struct, frozen=True):
    """A place where something happened."""

    item: str = ""
    subset: str = ""
    annotation: int | str = 0


class Event(Struct):
    """All happenings of one sort."""

    code: str
    what: str
    kind: str = ""
    count: int = 0
    samples: list[Sample] = field(default_factory=list)
    hint: str = ""

    @property
    def effect(self) -> str:
        """What it means for the data, see ``CODES``."""
        return CODES[self.code][0]


class BadRecord(Struct, frozen=True):
    """A record that was skipped."""

    message: str
    where: str = ""
    item: str = ""
    annotation: int | str | None = None


class Ledger:
    """Counts of one run or of one worker's share of it; shares are added up by ``merge``.

    Args:
        on_error: What ``bad_record`` does: "raise" it, or "skip" and count it.
    """

    def __init__(self, on_error: Literal["raise", "skip"] = "raise") -> None:
        if on_error not in ("raise", "skip"):
            raise UsageError(f"on_error is 'raise' or 'skip', not {on_error!r}")
        self.on_error = on_error
        self.items_in = 0
        self.items_out = 0
        self.annotations_in = 0
        self.media_named = 0  # items that have a medium
        self.media_saved = 0
        self.events: dict[tuple[str, str, str], Event] = {}
        self.bad: list[BadRecord] = []
        self.bad_count = 0
        self.warnings: dict[str, int] = {}

    def add(
        self,
        code: str,
        what: str,
        *,
        kind: str = "",
        count: int = 1,
        item: str = "",
        subset: str = "",
        annotation: int | str = 0,
        hint: str = "",
    ) -> None:
        """Count an event.

        Args:
            code: One of ``CODES``.
            what: What it was, in few words ("polygon→bbox", an attribute's name …).
            kind: The annotation kind concerned, or "".
            count: How many.
            item: Id of the item, as a sample location.
            subset: Subset of the item.
            annotation: Id of the annotation.
            hint: What would have kept it (an option, a transform, another format).
        """
        event = self.sort(code, what, kind=kind, hint=hint)
        event.count += count
        if item and len(event.samples) < SAMPLES:
            event.samples.append(Sample(item, subset, annotation))

    def sort(self, code: str, what: str, *, kind: str = "", hint: str = "") -> Event:
        """Return the entry of a sort of events, for those who count by themselves; see ``add``.

        There is room for so many; what is further shares one entry for each code.
        """
        event = self.events.get((code, what, kind))
        if event is not None:
            return event
        if len(self.events) >= MAX_SORTS:
            what, kind, hint = FURTHER, "", ""
        return self.events.setdefault((code, what, kind), Event(code, what, kind, hint=hint))

    def add_at(
        self,
        code: str,
        what: str,
        item: DatasetItem,
        annotation: Annotation | None = None,
        *,
        count: int = 1,
        hint: str = "",
    ) -> None:
        """Count an event of an item, or of one of its annotations; see ``add``."""
        kind, number = ("", 0) if annotation is None else (annotation.kind, annotation.id)
        self.add(
            code,
            what,
            kind=kind,
            count=count,
            item=item.id,
            subset=item.subset,
            annotation=number,
            hint=hint,
        )

    def equal_names(self, names: Sequence[str]) -> None:
        """Report the labels that a target cannot tell apart, as it knows them by their names."""
        more = len(names) - len(set(names))
        if more:
            self.add("DSK-L010", "labels of equal names and other parents", count=more)

    def unused_labels(
        self, count: int, used: Iterable[Collection[int]], what: str, hint: str = ""
    ) -> None:
        """Report the labels that nothing has, for targets whose labels are those that occur.

        Args:
            count: How many labels there are.
            used: Indices of labels that were written, by partition.
            what: What has labels there: "object", "box", "image".
            hint: What would have kept them.
        """
        unused = count - len(set().union(*used))
        if unused:
            self.add("DSK-L010", f"labels that no {what} has", count=unused, hint=hint)

    def bad_record(self, error: RecordError) -> None:
        """Raise the error, or count it and go on, as the run's policy says."""
        if self.bad_count < _EXPLAINED:
            error = explained(error)
        if self.on_error == "raise":
            raise error
        self.bad_count += 1
        message = error.message
        what = message if len(message) < _WHOLE else f"{message[: _WHOLE - 2]} …"
        self.add("DSK-L021", what, item=error.item)
        if len(self.bad) < MAX_BAD:
            self.bad.append(BadRecord(error.message, error.where, error.item, error.annotation))

    def warn(self, message: str) -> None:
        """Note something a user should know; equal messages are counted."""
        self._warn(printable(shortened(message)), 1)

    def _warn(self, message: str, count: int) -> None:
        if message not in self.warnings and len(self.warnings) >= MAX_SORTS:
            message = FURTHER
        self.warnings[message] = self.warnings.get(message, 0) + count

    def merge(self, other: Ledger) -> None:
        """Add another worker's share; call in the order of partitions for stable samples."""
        self.items_in += other.items_in
        self.items_out += other.items_out
        self.annotations_in += other.annotations_in
        self.media_named += other.media_named
        self.media_saved += other.media_saved
        for event in other.events.values():
            mine = self.sort(event.code, event.what, kind=event.kind, hint=event.hint)
            mine.count += event.count
            mine.samples.extend(event.samples[: SAMPLES - len(mine.samples)])
        self.bad.extend(other.bad[: MAX_BAD - len(self.bad)])
        self.bad_count += other.bad_count
        for message, count in other.warnings.items():
            self._warn(message, count)

    def total(self, effect: str) -> int:
        """Sum the counts of all events with this effect."""
        return sum(e.count for e in self.events.values() if e.effect == effect)

    def losses(self) -> list[Event]:
        """Return the events that ``--strict`` refuses, most important first."""
        order = ["item", "dropped", "bad", "changed", "media", "field"]
        found = [e for e in self.events.values() if e.effect in LOSING]
        return sorted(found, key=lambda e: (order.index(e.effect), -e.count, e.what))

    def report(self, *, seconds: float = 0.0, output: str = "") -> Report:
        """Sum up.

        ``annotations["in"] + split == annotations["out"] + dropped + merged + removed`` holds.
        """
        dropped, merged = self.total("dropped"), self.total("merged")
        split, removed = self.total("split"), self.total("removed")
        annotations = {
            "in": self.annotations_in,
            "out": self.annotations_in + split - dropped - merged - removed,
            "changed": self.total("changed"),
            "dropped": dropped,
            "merged": merged,
            "split": split,
            "removed": removed,
        }
        return Report(
            items={"in": self.items_in, "out": self.items_out},
            annotations=annotations,
            events=sorted(self.events.values(), key=lambda e: (e.code, e.what, e.kind)),
            errors=self.bad_count,
            warnings=dict(self.warnings),
            seconds=round(seconds, 3),
            output=output,
            media_named=self.media_named,
            media_saved=self.media_saved,
            bad=self.bad,
        )


class Report(Struct):
    """The result of a conversion, as written by ``--report`` and ``--json``."""

    items: dict[str, int]
    annotations: dict[str, int]
    events: list[Event]
    errors: int = 0
    warnings: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    output: str = ""
    media_named: int = 0
    media_saved: int = 0
    bad: list[BadRecord] = field(default_factory=list)

    @property
    def losses(self) -> list[Event]:
        """The events that mean a loss."""
        return [e for e in self.events if e.effect in LOSING]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        import msgspec

        plain: dict[str, Any] = msgspec.to_builtins(self)
        del plain["bad"]
        for event, row in zip(self.events, plain["events"], strict=True):
            row["effect"] = event.effect
        return plain
