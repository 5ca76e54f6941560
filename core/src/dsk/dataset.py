"""The user's view: a source with lazy steps, iterable as often as wanted, exportable."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Literal

from dsk.categories import Categories, LabelCategory
from dsk.errors import DskWarning, OpeningWarning, UsageError
from dsk.flow import Header, ListSource, Source, Transform
from dsk.item import DEFAULT_SUBSET, DatasetItem
from dsk.loss import Ledger
from dsk.steps import FunctionTransform, SelectTransform, headers, iterate, plan

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from dsk.loss import Report

__all__ = ["Dataset"]


class Dataset:
    """A lazy sequence of ``DatasetItem``.

    Args:
        source: Where the items come from.
        steps: Transforms that items go through.
        format: Name of the source's format, "" if it has none.
        on_error: "raise" at a bad record, or "skip" it.
    """

    def __init__(
        self,
        source: Source,
        steps: tuple[Transform, ...] = (),
        *,
        format: str = "",  # noqa: A002 - the field's word
        on_error: Literal["raise", "skip"] = "raise",
    ) -> None:
        self.source = source
        self.steps = steps
        self.format = format
        self.on_error = on_error
        self._planned: tuple[Source, tuple[Transform, ...]] | None = None
        self._length: int | None = None
        self._edited: dict[tuple[str, str], DatasetItem] | None = None
        self.opening_ledger = Ledger(on_error)
        """Bad records and warnings met while the source was opened."""
        self.planning_ledger = Ledger(on_error)
        """What was counted while steps that change the order of items were prepared."""
        self.places: tuple[str, ...] = ()
        """Absolute paths that it is read from; an export never replaces them."""

    @classmethod
    def import_from(
        cls,
        path: str | os.PathLike[str],
        format: str | None = None,  # noqa: A002
        *,
        on_error: Literal["raise", "skip"] = "raise",
        **options: Any,
    ) -> Dataset:
        """Open a dataset; nothing but its header and index is read.

        What is odd about it stands in ``opening_ledger``; who iterates over the items is told, too,
        by an ``OpeningWarning`` for each oddity.

        Args:
            path: Folder, archive or annotation file.
            format: Its format; found out when not given.
            on_error: What to do about bad records.
            options: Importer options.

        Raises:
            InputError: It cannot be read.
            UsageError: The format or an option is unknown.
        """
        from dsk.opening import open_dataset

        return open_dataset(path, format, options, on_error)

    @classmethod
    def from_iterable(
        cls,
        items: Iterable[DatasetItem],
        categories: Categories | Iterable[str | LabelCategory] = (),
        *,
        info: dict[str, Any] | None = None,
    ) -> Dataset:
        """Make a dataset of items in memory.

        Args:
            items: The items; ids become text with slashes, a missing subset is "default".
            categories: Categories, or label names in the order of the labels' indices.
            info: Facts about the whole dataset, by format family.

        Raises:
            UsageError: Two items have the same id and subset.
        """
        if not isinstance(categories, Categories):
            labels = [c if isinstance(c, LabelCategory) else LabelCategory(c) for c in categories]
            categories = Categories(labels=tuple(labels))
        source = ListSource(items, Header(categories=categories, info=info or {}))
        seen: set[tuple[str, str]] = set()
        for item in source.items:
            key = (item.id, item.subset)
            if key in seen:
                raise UsageError(f"two items are {item.id!r} in subset {item.subset!r}")
            seen.add(key)
        return cls(source)

    @property
    def header(self) -> Header:
        """What is known before any item is read, after all steps."""
        source, steps = self.planned()
        return headers(source.header, steps)

    def categories(self) -> Categories:
        """Return the labels and what belongs to them."""
        return self.header.categories

    def planned(self) -> tuple[Source, tuple[Transform, ...]]:
        """Let the steps that need it look at the whole dataset; return what is left to do.

        Returns:
            Where to read from, and the steps its items go through.
        """
        if self._planned is None:
            self._planned = plan(self.source, self.steps, self.planning_ledger)
        return self._planned

    def read(self, ledger: Ledger) -> Iterator[DatasetItem]:
        """Yield all items, counting in a ledger."""
        source, steps = self.planned()
        ledger.merge(self.planning_ledger)
        headers(source.header, steps)
        for partition in source.partitions():
            yield from iterate(source, partition, steps, ledger)

    def __iter__(self) -> Iterator[DatasetItem]:
        ledger = Ledger(self.on_error)
        yield from self.read(ledger)
        for message in self.opening_ledger.warnings:
            warnings.warn(message, OpeningWarning, stacklevel=2)
        for message in ledger.warnings:
            warnings.warn(message, DskWarning, stacklevel=2)

    def __len__(self) -> int:
        known = self.source.header.items
        if known is not None and not self.steps:
            return known
        if self._length is None:  # list() asks too, before it iterates
            self._length = sum(1 for _ in self.read(Ledger(self.on_error)))
        return self._length

    def __repr__(self) -> str:
        where = self.format or type(self.source).__name__
        return f"<Dataset {where}, {len(self.source.header.categories.labels)} labels>"

    def _with(self, step: Transform) -> Dataset:
        steps = (*self.steps, step)
        grown = Dataset(self.source, steps, format=self.format, on_error=self.on_error)
        grown.opening_ledger, grown.places = self.opening_ledger, self.places
        return grown

    def transform(
        self,
        method: str | Transform | type[Transform] | Callable[[DatasetItem], Any],
        /,
        *values: Any,
        **options: Any,
    ) -> Dataset:
        """Return a dataset with one more step; nothing is computed yet.

        Args:
            method: A transform's name, class or object, or a function of an item.
            values: For a name: of its first options, in the order of ``dsk transforms NAME``.
            options: For a name or a class.

        Raises:
            UsageError: The transform or an option is unknown.
            PluginError: The package that brings it is not installed.
        """
        if isinstance(method, str):
            from dsk.opening import make_transform

            return self._with(make_transform(method, options, values))
        if values:
            raise UsageError("options are named, but for a transform's that is given by its name")
        if isinstance(method, type):
            return self._with(method(**options))
        return self._with(method if isinstance(method, Transform) else FunctionTransform(method))

    def filter(self, expression: str, /, **options: Any) -> Dataset:
        """Return the items (or annotations) that an expression selects.

        Raises:
            PluginError: dsk-transforms, which brings the expressions, is not installed.
        """
        return self.transform("filter", expression=expression, **options)

    def select(self, predicate: Callable[[DatasetItem], Any]) -> Dataset:
        """Return the items for which a function is true."""
        return self._with(SelectTransform(predicate))

    def subsets(self) -> Mapping[str, Dataset]:
        """Return a view of each subset, in the order of their first items."""
        names = self.source.header.subsets
        if not names or self.steps:
            names = tuple(dict.fromkeys(item.subset for item in self.read(Ledger(self.on_error))))
        return {name: self.get_subset(name) for name in names}

    def get_subset(self, name: str) -> Dataset:
        """Return a view of one subset."""
        return self.select(lambda item: item.subset == name)

    def materialize(self) -> Dataset:
        """Read everything into memory, in place; media stay references."""
        if self._edited is None:
            header = self.header
            items = list(iter(self))  # without iter, list asks for the length and reads twice
            self._edited = {(item.id, item.subset): item for item in items}
            self.source, self.steps, self._planned = ListSource(items, header), (), None
            self.planning_ledger = Ledger(self.on_error)
        return self

    def _changed(self) -> None:
        self._length = None
        if self._edited is not None:
            self.source = ListSource(self._edited.values(), self.source.header)
            self._planned = None

    def get(self, id: str, subset: str = DEFAULT_SUBSET) -> DatasetItem | None:  # noqa: A002
        """Return one item, or None; reads everything into memory."""
        self.materialize()
        return (self._edited or {}).get((id, subset))

    def put(self, item: DatasetItem) -> None:
        """Add or replace an item, in place; reads everything into memory."""
        self.materialize()
        if self._edited is not None:
            self._edited[item.id, item.subset] = item
            self._changed()

    def remove(self, id: str, subset: str = DEFAULT_SUBSET) -> None:  # noqa: A002
        """Remove an item if it is there, in place; reads everything into memory."""
        self.materialize()
        if self._edited is not None:
            self._edited.pop((id, subset), None)
            self._changed()

    def export(
        self,
        path: str | os.PathLike[str],
        format: str,  # noqa: A002
        *,
        save_media: bool = False,
        **settings: Any,
    ) -> Report:
        """Write the dataset.

        Args:
            path: A new or empty folder, or a ``.zip`` file.
            format: The target format.
            save_media: Whether images and other media are written too.
            settings: ``overwrite``, ``image_ext``, ``media``, ``jobs``, ``engine``, ``strict``,
                ``dry_run`` (see ``dsk.exporting.ExportSettings``), and the exporter's own options.

        Returns:
            What was written and what was lost.

        Raises:
            OutputError: It cannot be written.
            LossError: ``strict`` was given and something would be lost.
        """
        from dsk.exporting import export_dataset

        return export_dataset(self, path, format, {"save_media": save_media, **settings})
