"""Checks that data come back as they went in, and that nothing is lost in silence."""

from __future__ import annotations

import pickle
import warnings
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from dsk.categories import Categories
from dsk.dataset import Dataset
from dsk.errors import DskError, DskWarning, InputError, OutputError
from dsk.loss import Ledger
from dsk.names import clean_name
from dsk.testing import samples
from dsk.testing.base import SuiteBase, touch
from dsk.testing.compare import differences, listing

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["RoundTripChecks"]

_META = "save_dataset_meta"
_FOLDERS = ("annotations", "images", "labels", "masks")
"""What folders of datasets are called."""


class RoundTripChecks(SuiteBase):
    """Export, import, compare."""

    def test_round_trip(self, kind: str, tmp_path: Path) -> None:
        """Each kind alone comes back as it went in, and no loss is reported."""
        self.needs()
        self.assert_survives(self.sample(kind), tmp_path / "out")

    def test_round_trip_mixed(self, tmp_path: Path) -> None:
        """All kinds together, in several subsets."""
        self.needs()
        self.assert_survives(self.sample(subsets=self.sample_subsets()), tmp_path / "out")

    def test_round_trip_of_media_in_files(self, tmp_path: Path) -> None:
        """Media that are files elsewhere."""
        self.needs()
        dataset = self.sample(media="file", folder=tmp_path / "media")
        self.assert_survives(dataset, tmp_path / "out")

    def test_empty_dataset(self, tmp_path: Path) -> None:
        """No items: a valid output, or one that is said to hold nothing."""
        self.needs()
        empty = Dataset.from_iterable([], samples.categories(self.recipe()))
        report = self.write(empty, tmp_path / "out")
        assert report.items == {"in": 0, "out": 0}
        try:
            back = list(self.read(tmp_path / "out"))
        except InputError:
            return
        assert back == []

    def test_items_without_annotations(self, tmp_path: Path) -> None:
        """Items with media only."""
        self.needs()
        dataset = self.sample()
        bare = [
            item.replace(annotations=()) if number % 2 else item
            for number, item in enumerate(dataset)
        ]
        self.assert_reported(_like(dataset, bare), tmp_path / "out")

    def test_items_without_media(self, tmp_path: Path) -> None:
        """Items with annotations only."""
        self.needs()
        self.assert_reported(self.sample(media="none"), tmp_path / "out")

    def test_bare_items(self, tmp_path: Path) -> None:
        """An item with neither media nor annotations, beside others."""
        self.needs()
        dataset = self.sample()
        nothing: dict[str, Any] = {"media": None, "annotations": (), "attributes": {}}
        items = [i if number else i.replace(**nothing) for number, i in enumerate(dataset)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DskWarning)  # readers may say what is not there
            self.assert_reported(_like(dataset, items), tmp_path / "out")

    def test_media_that_are_only_named(self, tmp_path: Path) -> None:
        """Media whose files are elsewhere; the import may say that it lacks them."""
        self.needs()
        self._reads_or_says_why(self.sample(media="named"), tmp_path / "out")

    def test_media_not_saved(self, tmp_path: Path) -> None:
        """Without media the annotations still come back, or the import says what it lacks."""
        self.needs()
        self._reads_or_says_why(self.sample(), tmp_path / "out", save_media=False)

    def test_ids(self, ids: str, tmp_path: Path) -> None:
        """Unicode, nested, dotted … ids come back letter by letter."""
        self.needs()
        dataset = self.sample(ids=samples.IDS[ids])
        if ids in self.unheld_ids:
            self._reported_or_refused(dataset, tmp_path / "out")
        else:
            self.assert_survives(dataset, tmp_path / "out")

    def test_same_id_in_two_subsets(self, tmp_path: Path) -> None:
        """Items of one id are told apart by their subsets, or refused, never mixed up."""
        self.needs()
        dataset = self.sample(ids=("a", "b"), subsets=self.subsets[:2], same_ids=True)
        self._reported_or_refused(dataset, tmp_path / "out")

    def test_default_subset(self, tmp_path: Path) -> None:
        """Items of no particular subset."""
        self.needs()
        self.assert_reported(self.sample(subsets=("default",)), tmp_path / "out")

    def test_odd_subsets(self, subsets: str, tmp_path: Path) -> None:
        """Subsets whose names are no folder's are kept, renamed and told, or refused."""
        self.needs()
        self._keeps_subsets(samples.ODD_SUBSETS[subsets], tmp_path / "out")

    def test_subsets_called_like_files(self, tmp_path: Path) -> None:
        """A subset may be called like any folder or file of the layout, alone or beside another."""
        self.needs()
        first, other = self.subsets[0], self.subsets[-1]
        self.write(self.sample(), tmp_path / "plain")
        stems = {p.name.strip("_.").partition(".")[0] for p in (tmp_path / "plain").rglob("*")}
        names = stems.union(_FOLDERS) - {"", first, other}
        for number, name in enumerate(sorted(names)):
            self._keeps_subsets((name,), tmp_path / f"one{number}")
            self._keeps_subsets((other, name), tmp_path / f"two{number}")

    def _keeps_subsets(self, subsets: tuple[str, ...], folder: Path) -> None:
        dataset = self.sample(subsets=subsets)
        try:
            report = self.write(dataset, folder)
        except DskError:
            assert not folder.exists(), "it was refused, yet something is there"
            return
        back = list(self.read(folder))
        assert len(back) == report.items["out"] == report.items["in"], (
            f"items of {subsets} are gone"
        )
        found = self.count_annotations(self.read(folder), report)
        assert found == report.annotations["out"], f"annotations of {subsets}"
        if {item.subset for item in back} != {item.subset for item in dataset}:
            told = {event.code for event in report.events}
            assert "DSK-L012" in told, f"subsets {subsets} changed"

    def test_odd_labels(self, names: str, tmp_path: Path) -> None:
        """Label names with spaces, punctuation, other scripts, or that look like values."""
        self.needs()
        self._needs_labels()
        dataset = self.sample(labels=samples.ODD_LABELS[names])
        if names in self.unheld_labels:
            self._reported_or_refused(dataset, tmp_path / "out")
        else:
            self.assert_survives(dataset, tmp_path / "out")

    def test_broken_labels(self, tmp_path: Path) -> None:
        """Labels with line breaks or without a name are kept, reported or refused."""
        self.needs()
        self._needs_labels()
        for number, name in enumerate(samples.BROKEN_LABELS):
            dataset = self.sample(labels=("good", name, "fine"))
            self._reported_or_refused(dataset, tmp_path / f"out{number}")

    def test_unlabelled_annotations(self, tmp_path: Path) -> None:
        """Annotations without a label are kept or reported."""
        self.needs()
        self.assert_reported(self.sample(unlabelled=True), tmp_path / "out")

    def test_nothing_lost_in_silence(self, tmp_path: Path) -> None:
        """A dataset with something of everything: each difference is in the report."""
        self.needs()
        self.assert_reported(self.rich_sample(), tmp_path / "out")

    def test_losses_add_up(self, tmp_path: Path) -> None:
        """It holds that in + split = out + dropped + merged + removed, and out is what is there."""
        self.needs()
        dataset = self.rich_sample()
        count = sum(len(item.annotations) for item in dataset)
        report = self.write(dataset, tmp_path / "out")
        numbers = report.annotations
        assert numbers["in"] == count
        assert report.items["in"] == len(list(dataset))
        gone = sum(numbers[effect] for effect in ("dropped", "merged", "removed"))
        assert numbers["in"] + numbers["split"] == numbers["out"] + gone
        assert numbers["out"] == self.count_annotations(self.read(tmp_path / "out"), report), (
            f"the report says {numbers}, with {[(e.code, e.what, e.count) for e in report.events]}"
        )

    def test_facts_of_labels(self, tmp_path: Path) -> None:
        """What is said to be lost of labels is lost, and nothing else; with a label file, too."""
        self.needs()
        self._needs_labels()
        info = self.exporter()
        assert info is not None
        made = self.sample()
        cats = _with_all_facts(made.categories())
        for settings in ({}, {_META: True}):
            if settings and not any(option.name == _META for option in info.options):
                continue
            source = samples.SmallParts(list(made), replace(made.header, categories=cats))
            report = self.write(Dataset(source), tmp_path / f"out{len(settings)}", **settings)
            told = {event.what for event in report.events if event.code == "DSK-L010"}
            back = _of_labels(self.read(tmp_path / f"out{len(settings)}").categories())
            for field, had in _of_labels(cats).items():
                kept = had.items() <= back[field].items()  # a background may have come in
                assert kept != (f"label {field}" in told), (field, settings, back[field], told)

    def test_labels_of_one_name(self, tmp_path: Path) -> None:
        """Labels that only their parents tell apart come back as two, are told or refused."""
        self.needs()
        self._needs_labels()
        made = self.sample()
        cats = made.categories()
        first, last = cats.labels[0], cats.labels[-1]
        twin = replace(last, name=first.name, parent=last.name if first.parent else first.name)
        cats = cats.with_labels((*cats.labels[:-1], twin))
        source = samples.SmallParts(list(made), replace(made.header, categories=cats))
        try:
            report = self.write(Dataset(source), tmp_path / "out")
        except OutputError:
            return
        back = {(a.name, a.parent) for a in self.read(tmp_path / "out").categories().labels}
        told = any(event.code == "DSK-L010" for event in report.events)
        assert told or {(a.name, a.parent) for a in (first, twin)} <= back, report.events

    def test_source_contract(self, tmp_path: Path) -> None:
        """An opened dataset can be read again, in parts and out of order; its header is true."""
        self.needs()
        self.write(self.sample(subsets=self.sample_subsets()[:2]), tmp_path / "out")
        dataset = self.read(tmp_path / "out")
        source = dataset.source
        header, items = source.header, list(iter(dataset))  # list() alone would ask for its length
        assert items, "nothing was read"
        assert _keys(items) == _keys(dataset), "reading it twice gives different items"
        assert not differences(items, list(dataset))
        parts = list(source.partitions())
        copies = pickle.loads(pickle.dumps(parts))  # noqa: S301 - our own
        backwards = [list(source.read(part, Ledger())) for part in reversed(copies)]
        assert _keys(i for part in reversed(backwards) for i in part) == _keys(items)
        assert len(set(_keys(items))) == len(items), "an item is there twice"
        light = [i for part in parts for i in source.index(part, Ledger())]
        assert _keys(light) == _keys(items), "index() gives other items than read()"
        assert [i.attributes for i in light] == [i.attributes for i in items]
        source.partition_items = 1
        small = [i for part in source.partitions() for i in source.read(part, Ledger())]
        assert _keys(small) == _keys(items), "small partitions give other items"
        assert not differences(small, items)
        assert header.items in (None, len(items)), f"the header says {header.items} items"
        if header.subsets:
            assert {i.subset for i in items} <= set(header.subsets)
        self._items_keep_promises(items, len(header.categories.labels))
        source.close()

    def _items_keep_promises(self, items: list[Any], labels: int) -> None:
        importer = self.importer()
        assert importer is not None
        for item in items:
            assert clean_name(item.id) == item.id, f"{item.id!r} is no clean name"
            touch(item)
            for a in item.annotations:
                assert a.kind in importer.kinds, f"{a.kind} is not among the importer's kinds"
                assert a.label is None or 0 <= a.label < labels, f"label {a.label} of {labels}"
            if item.media is not None:
                assert item.media.kind in importer.media, f"{item.media.kind} is not declared"

    def _needs_labels(self) -> None:
        if not self.recipe().labels:
            import pytest

            pytest.skip(f"{self.format} holds no labels")

    def _reads_or_says_why(self, dataset: Dataset, folder: Path, **settings: Any) -> None:
        report = self.write(dataset, folder, **settings)
        try:
            found = self.compare(dataset, self.read(folder))
        except DskError:
            return
        silent = self.unexplained([d for d in found if d.part != "media"], report)
        assert not silent, listing(silent)

    def _reported_or_refused(self, dataset: Dataset, folder: Path) -> None:
        try:
            self.write(dataset, folder)
        except DskError:
            assert not folder.exists(), "it was refused, yet something is there"
            return
        self.assert_reported(dataset, folder, overwrite=True)


def _with_all_facts(cats: Categories) -> Categories:
    first, last = cats.names[0], len(cats.labels) - 1
    labels = [
        replace(label, parent=first if 0 < n < last else "", attributes=("fact",))
        for n, label in enumerate(cats.labels)
    ]
    colors = {n: samples.COLORS[n % 3] for n in range(len(labels))}
    return replace(cats, labels=tuple(labels), colors=colors, points={last: samples.POINTS})


def _of_labels(cats: Categories) -> dict[str, dict[str, Any]]:
    names = cats.names
    return {
        "parent": {label.name: label.parent for label in cats.labels if label.parent},
        "attributes": {label.name: label.attributes for label in cats.labels if label.attributes},
        "colors": {names[n]: color for n, color in cats.colors.items()},
        "points": {names[n]: points for n, points in cats.points.items()},
    }


def _like(dataset: Dataset, items: list[Any]) -> Dataset:
    categories: Categories = dataset.categories()
    return (
        Dataset(samples.SmallParts(items, dataset.header))
        if items
        else Dataset.from_iterable([], categories)
    )


def _keys(items: Any) -> list[tuple[str, str]]:
    return [(item.id, item.subset) for item in items]
