"""What the checks of ``FormatSuite`` share: the attributes and hooks a package may override."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, ClassVar

from msgspec.structs import replace

from dsk.annotations import Polygon
from dsk.dataset import Dataset
from dsk.descriptors import Capabilities
from dsk.errors import DskError, InputError
from dsk.exporting import held
from dsk.flow import Header
from dsk.item import DEFAULT_SUBSET
from dsk.registry import registry, resolve
from dsk.testing import samples
from dsk.testing.compare import Difference, differences, listing

if TYPE_CHECKING:
    from pathlib import Path

    from dsk.annotations import Annotation
    from dsk.descriptors import ExporterInfo, ImporterInfo
    from dsk.item import DatasetItem
    from dsk.loss import Report
    from dsk.testing.samples import Recipe

__all__ = ["SuiteBase"]

EXPLAINS: dict[str, frozenset[str]] = {
    part: frozenset(f"DSK-L0{code}" for code in codes.split())
    for part, codes in {
        "item": "08 12 16 20 21",
        "subset": "12",
        "item_attributes": "09",
        "item_extra": "11",
        "media": "16 08",
        "annotation": "01 02 03 08 13 14 16 17 18 19 20 21",
        "label": "10 12 17",
        "geometry": "03 05 06 07 13 14",
        "attributes": "03 04",
        "id": "05 13 14 15",
        "group": "05 13 14 15",
        "object_id": "05 15",
        "z_order": "05 07",
        "extra": "11",
        "stated": "03 05 06 07 13 14",
        "labels": "10",
        "label_order": "10 15",
        "label_parent": "10",
        "label_attributes": "10",
        "label_colors": "10",
        "label_points": "10",
    }.items()
}
"""The loss codes that account for a difference in a part of a dataset."""

WITH_KIND = frozenset({"annotation", "geometry", "attributes", "extra"})
"""Parts whose events must be about the same annotation kind."""


MAKING = frozenset({"DSK-L003", "DSK-L013", "DSK-L014"})
"""Codes of events that make new annotations, of another kind maybe."""

TAKING_ITEMS = frozenset({"DSK-L008", "DSK-L012", "DSK-L016", "DSK-L020", "DSK-L021"})
"""Codes of events that may take items with all their annotations."""

NOTHING_LEFT = frozenset({"DSK-L008", "DSK-L016"})
"""Codes after which an output may hold nothing that could be read."""


class SuiteBase:
    """Attributes and hooks of ``FormatSuite``; see there."""

    format: ClassVar[str] = ""
    """Name of the format under test."""

    export_options: ClassVar[dict[str, Any]] = {}
    """Options of the exporter in all checks."""

    import_options: ClassVar[dict[str, Any]] = {}
    """Options of the importer in all checks."""

    kinds: ClassVar[tuple[str, ...] | None] = None
    """Kinds that survive a round trip; None: those that the exporter holds and the importer
    produces."""

    tolerance: ClassVar[float] = 1e-6
    """How far coordinates may be off after a round trip, in pixels."""

    mask_iou: ClassVar[float] = 1.0
    """The least IoU of masks after a round trip."""

    grid: ClassVar[float] = 0.25
    """Coordinates of the samples are multiples of it; 1.0 for formats of whole pixels."""

    ignore: ClassVar[frozenset[str]] = frozenset()
    """Parts of a dataset that round trips do not compare, see ``dsk.testing.compare.PARTS``."""

    attributes: ClassVar[dict[str, Any] | None] = None
    """Attributes of the samples' annotations; None: some of each type if the format holds any."""

    item_attributes: ClassVar[dict[str, Any] | None] = None
    """Attributes of the samples' items, likewise."""

    added_attributes: ClassVar[dict[str, Any]] = {}
    """Attributes that the importer gives to annotations that had none of that name."""

    added_item_attributes: ClassVar[tuple[str, ...]] = ("id",)
    """Names of attributes that the importer may give to items."""

    added_labels: ClassVar[tuple[str, ...]] = ()
    """Labels that the format always has, such as a background."""

    labels: ClassVar[tuple[str, ...]] = samples.LABELS
    """Labels of the samples."""

    subsets: ClassVar[tuple[str, ...]] = ("train", "val", "test")
    """Subset names that the format keeps."""

    unheld_ids: ClassVar[frozenset[str]] = frozenset()
    """Groups of ``samples.IDS`` that the format cannot hold: it must refuse or report them."""

    unheld_labels: ClassVar[frozenset[str]] = frozenset()
    """Groups of ``samples.ODD_LABELS`` that the format cannot hold, likewise."""

    expected_losses: ClassVar[frozenset[str]] = frozenset()
    """Loss codes that may occur even if nothing but what the format holds goes in."""

    detected: ClassVar[bool] = True
    """Whether detection recognises the exporter's output."""

    # hooks

    def prepare(self, dataset: Dataset) -> Dataset:
        """Fit a sample to rules of the format that capabilities cannot say.

        For instance one label per item. Called for every sample that is exported.
        """
        return dataset

    def expected(self, dataset: Dataset) -> Dataset:
        """Return what a round trip must give, for formats that expand or change what they hold."""
        return dataset

    def found(self, dataset: Dataset) -> Dataset:
        """Return what was imported as it shall be compared with ``expected``."""
        return dataset

    def count_annotations(self, dataset: Dataset, report: Report) -> int:  # noqa: ARG002 - for overriders
        """Return how many annotations of an import correspond to ``report.annotations["out"]``."""
        return sum(len(item.annotations) for item in dataset)

    # what the format says about itself

    @classmethod
    def importer(cls) -> ImporterInfo | None:
        """Return the importer's descriptor, or None when the format is only written."""
        return registry().importers.find(cls.format)

    @classmethod
    def exporter(cls) -> ExporterInfo | None:
        """Return the exporter's descriptor, or None when the format is only read."""
        return registry().exporters.find(cls.format)

    @classmethod
    def needs(cls, *, reading: bool = True, writing: bool = True) -> None:
        """Skip a check of a direction that the format does not have."""
        import pytest

        if writing and cls.exporter() is None:
            pytest.skip(f"{cls.format} is not written")
        if reading and cls.importer() is None:
            pytest.skip(f"{cls.format} is not read")

    @classmethod
    @functools.cache
    def holds(cls) -> Capabilities:
        """Return what the exporter holds with ``export_options``."""
        info = cls.exporter()
        if info is None:
            return Capabilities()
        options = {**info.alias_options.get(cls.format, {}), **cls.export_options}
        header = Header(categories=samples.categories(samples.Recipe(kinds=("skeleton",))))
        return held(resolve(info.target)(**options), info, options, header)

    @classmethod
    def round_trip_kinds(cls) -> tuple[str, ...]:
        """Return the kinds that must survive a round trip."""
        if cls.kinds is not None:
            return tuple(cls.kinds)
        importer, exporter = cls.importer(), cls.exporter()
        if importer is None or exporter is None:
            return ()
        return tuple(sorted(importer.kinds & cls.holds().annotations))

    @classmethod
    def pytest_generate_tests(cls, metafunc: Any) -> None:
        """Give each check over kinds, ids or labels one test per case."""
        for name, cases in (
            ("kind", cls.round_trip_kinds),
            ("ids", lambda: tuple(samples.IDS)),
            ("names", lambda: tuple(samples.ODD_LABELS)),
            ("subsets", lambda: tuple(samples.ODD_SUBSETS)),
        ):
            if name in metafunc.fixturenames:
                try:
                    values = cases()
                except DskError:  # other checks fail and say what is broken
                    values = ()
                metafunc.parametrize(name, values)

    # samples

    def recipe(self, *kinds: str, **changes: Any) -> Recipe:
        """Return a recipe of which the format can hold everything."""
        caps = self.holds()
        free = "attributes" in caps.fields
        attributes = self.attributes if self.attributes is not None else {}
        if free and self.attributes is None:
            attributes = samples.ATTRIBUTES
        items: dict[str, Any] = self.item_attributes or {}
        if self.item_attributes is None and caps.item_attributes is True:
            items = samples.ITEM_ATTRIBUTES
        recipe = samples.Recipe(
            kinds=kinds or self.mixed(),
            subsets=self.sample_subsets()[:1],
            fields=caps.fields,
            attributes=attributes,
            item_attributes=items,
            labels=self.labels if caps.annotations - {"caption"} else (),
            label_fields=caps.label_fields,
            media_kinds=tuple(k for k in ("image", "volume", "point_cloud") if k in caps.media),
            grid=self.grid,
            multi_ring=caps.multi_ring,
            holes=caps.holes,
        )
        return recipe.but(**changes)

    def mixed(self) -> tuple[str, ...]:
        """Return the kinds of a sample that mixes them: those that share a medium."""
        kinds = self.round_trip_kinds()
        flat = tuple(k for k in kinds if k not in samples.VOLUME_KINDS | samples.CLOUD_KINDS)
        return flat or kinds[:1]

    def sample_subsets(self) -> tuple[str, ...]:
        """Return the subsets of samples: one, if the format knows none."""
        return self.subsets if self.holds().subsets else (DEFAULT_SUBSET,)

    def sample(self, *kinds: str, **changes: Any) -> Dataset:
        """Return a dataset of which the format can hold everything."""
        return self.prepare(samples.make(self.recipe(*kinds, **changes)))

    def rich_sample(self, **changes: Any) -> Dataset:
        """Return a dataset that has something of everything, as no format but a few can hold it."""
        recipe = samples.Recipe(
            kinds=tuple(k for k in samples.MAKERS if k not in ("mask_3d", "cuboid_3d")),
            subsets=self.subsets[:2],
            fields=samples.ALL_FIELDS,
            attributes=samples.ATTRIBUTES,
            item_attributes=samples.ITEM_ATTRIBUTES,
            labels=(*self.labels, "unused"),
            label_fields=frozenset({"parent", "attributes", "colors", "points"}),
            grid=0.25,
            multi_ring=True,
            holes=True,
        )
        return self.prepare(samples.make(recipe.but(**changes)))

    # going there and back

    def write(self, dataset: Dataset, folder: Path, **settings: Any) -> Report:
        """Export with the suite's options; media are saved unless said otherwise."""
        given = {"save_media": True, **self.export_options, **settings}
        return dataset.export(folder, self.format, **given)

    def read(self, folder: Path, **settings: Any) -> Dataset:
        """Import with the suite's options."""
        return Dataset.import_from(folder, self.format, **{**self.import_options, **settings})

    def trip(
        self, dataset: Dataset, folder: Path, **settings: Any
    ) -> tuple[Report, list[Difference]]:
        """Export and import, and return the report and what is different after it."""
        report = self.write(dataset, folder, **settings)
        return report, self.compare(dataset, self.read(folder))

    def compare(self, dataset: Dataset, back: Dataset) -> list[Difference]:
        """Return what is different after a round trip, but for what the format never holds."""
        caps = self.holds()
        ignore = set(self.ignore)
        ignore |= {name for name in ("id", "object_id", "z_order") if name not in caps.fields}
        ignore |= {"group"} if "group" not in caps.fields else set()
        given, kept = self.expected(dataset), self.found(_without_additions(self, back))
        found = differences(
            given, kept, tolerance=self.tolerance, ignore=ignore, mask_iou=self.mask_iou
        )
        return [d for d in found if not self._always_there(d)]

    def _always_there(self, difference: Difference) -> bool:
        if difference.part in ("extra", "item_extra"):  # what an importer notes of its own accord
            return difference.text.startswith(("expected None", "expected {}"))
        return difference.part == "labels" and difference.where in {
            f"label {name!r}" for name in self.added_labels
        }

    def assert_survives(self, dataset: Dataset, folder: Path, **settings: Any) -> Report:
        """Assert that a round trip changes nothing and reports no loss."""
        report, found = self.trip(dataset, folder, **settings)
        assert not found, listing(found)
        losses = [e for e in report.losses if e.code not in self.expected_losses]
        assert not losses, f"nothing was lost, but the report says: {losses}"
        return report

    def unexplained(self, found: list[Difference], report: Report) -> list[Difference]:
        """Return the differences that no event of a report accounts for."""
        silent = [d for d in found if not _explained(d, report)]
        return silent + _beyond_count([d for d in found if d not in silent], report)

    def assert_reported(self, dataset: Dataset, folder: Path, **settings: Any) -> Report:
        """Assert that whatever a round trip changes is in its report.

        Output that says in its report that items or media are missing may be unreadable.
        """
        report = self.write(dataset, folder, **settings)
        try:
            back = self.read(folder)
        except InputError:
            if not any(event.code in NOTHING_LEFT for event in report.events):
                raise
            back = Dataset.from_iterable([], dataset.categories())
        silent = self.unexplained(self.compare(dataset, back), report)
        codes = sorted({e.code for e in report.events})
        assert not silent, f"not in the report (it has {codes}); {listing(silent)}"
        return report


def _explained(difference: Difference, report: Report) -> bool:
    """Whether a report has an event for a sort of difference, about the same annotation kind."""
    codes = EXPLAINS[difference.part]
    added = difference.text.endswith("was added")
    for event in report.events:
        if event.code not in codes or not event.count:
            continue
        strict = difference.part in WITH_KIND and event.kind and difference.kind
        if not strict or event.kind == difference.kind or (added and event.code in MAKING):
            return True
    return False


def _beyond_count(found: list[Difference], report: Report) -> list[Difference]:
    """Return annotations that are missing beyond the number that the report admits."""
    missing: dict[str, list[Difference]] = {}
    for d in found:
        if d.part == "annotation" and d.kind and not d.text.endswith("was added"):
            missing.setdefault(d.kind, []).append(d)
    if any(event.code in TAKING_ITEMS for event in report.events):
        return []
    beyond = []
    for kind, gone in missing.items():
        codes = EXPLAINS["annotation"]
        events = [e for e in report.events if e.code in codes and e.kind in (kind, "")]
        # a merge of n takes n away and counts n - 1; a split of one takes it and counts the parts
        admitted = sum(e.count * (2 if e.code in MAKING else 1) for e in events)
        beyond += gone[admitted:]
    return beyond


def _without_additions(suite: SuiteBase, back: Dataset) -> Dataset:
    """Return an import without the attributes that this format's importer adds to everything."""
    added, names = suite.added_attributes, suite.added_item_attributes
    if not added and not names:
        return back

    def plain(a: Annotation) -> Annotation:
        kept = {k: v for k, v in a.attributes.items() if k not in added or v != added[k]}
        return a if len(kept) == len(a.attributes) else replace(a, attributes=kept)

    def bare(item: DatasetItem) -> DatasetItem:
        kept = {k: v for k, v in item.attributes.items() if k not in names}
        annotations = [plain(a) for a in item.annotations]
        return item.replace(attributes=kept, annotations=annotations)

    return back.transform(bare)


def touch(item: DatasetItem) -> None:
    """Use everything of an item that is decoded on demand.

    Raises:
        ValueError: Undecoded geometry is malformed.
        DskError: A medium is damaged.
    """
    from dsk.annotations import Mask
    from dsk.media import Image

    for a in item.annotations:
        if isinstance(a, Polygon):
            list(a.rings)
        elif isinstance(a, Mask):
            from dsk.rle import counts_of

            counts_of(a.rle)
    if isinstance(item.media, Image):
        item.media.get_size()
