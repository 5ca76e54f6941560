"""``TransformSuite``: what every transform of dsk must be able to do, as tests to inherit."""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING, Any, ClassVar

from dsk.arranging import ArrangedSource
from dsk.categories import Categories
from dsk.dataset import Dataset
from dsk.flow import Rearrangement
from dsk.loss import Ledger
from dsk.registry import registry, resolve
from dsk.steps import headers, iterate
from dsk.testing import samples
from dsk.testing.compare import differences, listing
from dsk.testing.described import check_option, parameters

if TYPE_CHECKING:
    from dsk.flow import Source, Transform
    from dsk.item import DatasetItem

__all__ = ["TransformSuite"]


class TransformSuite:
    """Tests of one transform with one set of options; inherit and name both.

    For instance::

    class TestRemap(TransformSuite):
        name = "remap_labels"
        options = {"mapping": {"cat": "dog"}}
    """

    name: ClassVar[str] = ""
    """Name of the transform under test."""

    options: ClassVar[dict[str, Any]] = {}
    """Its options."""

    kinds: ClassVar[tuple[str, ...]] = tuple(
        kind for kind in samples.MAKERS if kind not in samples.VOLUME_KINDS | samples.CLOUD_KINDS
    )
    """Annotation kinds of the sample."""

    multiplies: ClassVar[bool] = False
    """Whether one item or annotation may become several."""

    def sample(self, **changes: Any) -> Dataset:
        """Return the dataset that is transformed; override it for what the transform needs."""
        recipe = samples.Recipe(
            kinds=self.kinds,
            ids=("a", "b", "dir/c", "7"),
            subsets=("train", "val"),
            fields=samples.ALL_FIELDS,
            attributes=samples.ATTRIBUTES,
            item_attributes=samples.ITEM_ATTRIBUTES,
            label_fields=frozenset({"parent", "attributes", "colors", "points"}),
            multi_ring=True,
            holes=True,
        )
        return samples.make(recipe.but(**changes))

    def apply(self, dataset: Dataset) -> Dataset:
        """Return the transformed dataset."""
        return dataset.transform(self.name, **self.options)

    def run(self, dataset: Dataset) -> tuple[list[DatasetItem], Ledger]:
        """Return the transformed items and what was reported."""
        ledger = Ledger()
        return list(self.apply(dataset).read(ledger)), ledger

    def test_is_described(self) -> None:
        """The transform has a summary, and options with help that equal its parameters."""
        info = registry().transform(self.name)
        assert info.summary.strip(), "there is no summary"
        for option in info.options:
            check_option(option)
        declared = {option.name: option.default for option in info.options}
        assert parameters(resolve(info.target)) == declared

    def test_input_stays_as_it_is(self) -> None:
        """Neither items nor categories that go in are changed."""
        dataset = self.sample()
        before, header = copy.deepcopy((list(dataset), dataset.header))
        self.run(dataset)
        found = differences(before, list(dataset))
        assert not found, f"the transform changed its input; {listing(found)}"
        assert dataset.header == header, "the transform changed the header that went in"

    def test_same_result_twice(self) -> None:
        """Two transforms made alike give the same, and so does one that runs twice."""
        first, second = self.apply(self.sample()), self.apply(self.sample())
        found = differences(list(first), list(second))
        assert not found, listing(found)
        assert [i.id for i in first] == [i.id for i in second]
        found = differences(list(first), list(first))
        assert not found, listing(found)
        assert first.categories() == second.categories()

    def test_partitions_do_not_matter(self) -> None:
        """The result does not depend on how the dataset is cut, nor on the order of reading."""
        whole = self.sample()
        items = list(whole)
        uncut = Dataset(samples.SmallParts(items, whole.header, size=1000))
        expected, _ = self.run(uncut)
        transformed = self.apply(whole)
        assert transformed.header is not None  # plans
        source, steps = transformed.planned()
        headers(source.header, steps)
        backwards = [
            list(iterate(source, part, steps, Ledger())) for part in reversed(source.partitions())
        ]
        found = differences(expected, [i for part in reversed(backwards) for i in part])
        assert not found, listing(found)

    def test_works_in_another_process(self) -> None:
        """After planning its state pickles, and the copy works like the original."""
        dataset = self.apply(self.sample())
        expected = list(dataset)
        step: Transform = pickle.loads(pickle.dumps(dataset.steps[-1]))  # noqa: S301 - our own
        source: Source = dataset.source
        steps: tuple[Transform, ...] = (step,)
        if isinstance(step, Rearrangement):
            source, steps = ArrangedSource(source, (), step, Ledger()), ()
        copied = [
            item for part in source.partitions() for item in iterate(source, part, steps, Ledger())
        ]
        found = differences(expected, copied)
        assert not found, listing(found)

    def test_header_is_true(self) -> None:
        """Labels are in range of the new categories, subsets are among the named ones."""
        dataset = self.apply(self.sample())
        header, items = dataset.header, list(dataset)
        _check_labels(header.categories, items)
        if header.subsets:
            assert {item.subset for item in items} <= set(header.subsets)
        if header.items is not None:
            assert header.items == len(items), f"the header says {header.items} items"
        keys = [(item.id, item.subset) for item in items]
        assert len(set(keys)) == len(keys), "two items have the same id and subset"

    def test_no_items(self) -> None:
        """An empty dataset stays empty."""
        empty = Dataset.from_iterable([], self.sample().categories())
        items, _ = self.run(empty)
        assert items == []

    def test_items_without_annotations(self) -> None:
        """Items without annotations and without media do no harm."""
        dataset = self.sample(media="none")
        bare = [item.replace(annotations=()) for item in dataset]
        items, _ = self.run(Dataset(samples.SmallParts(bare, dataset.header)))
        assert len(items) <= len(bare) or self.multiplies

    def test_unlabelled_annotations(self) -> None:
        """Annotations without labels pass, or go and are reported."""
        self._accounts(self.sample(unlabelled=True))

    def test_without_labels(self) -> None:
        """A dataset that has no labels at all."""
        self._accounts(self.sample(labels=(), unlabelled=True))

    def test_annotations_are_accounted_for(self) -> None:
        """Annotations and items that go are reported, with their number."""
        self._accounts(self.sample())

    def test_each_kind(self) -> None:
        """Every annotation kind passes, changes or is reported, but never raises."""
        for kind in samples.MAKERS:
            self._accounts(self.sample(kinds=(kind,)))

    def _accounts(self, dataset: Dataset) -> None:
        items, ledger = self.run(dataset)
        _check_labels(self.apply(dataset).categories(), items)
        report = ledger.report()
        count = sum(len(item.annotations) for item in items)
        assert report.annotations["in"] == sum(len(i.annotations) for i in dataset)
        if not self.multiplies:
            assert count == report.annotations["out"], (
                f"{count} annotations are there, the report says {report.annotations}"
            )
        gone = ledger.total("item") + sum(e.count for e in report.events if e.code == "DSK-L020")
        before = len(list(dataset))
        if len(items) < before:
            assert gone == before - len(items), f"{before - len(items)} items went, {gone} reported"


def _check_labels(categories: Categories, items: list[DatasetItem]) -> None:
    count = len(categories.labels)
    for item in items:
        for a in item.annotations:
            assert a.label is None or 0 <= a.label < count, f"label {a.label} of {count}"
    for table in (categories.colors, categories.points):
        wrong = [n for n in table if not 0 <= n < count]
        assert not wrong, f"colours or keypoints of labels that are not there: {wrong}"
