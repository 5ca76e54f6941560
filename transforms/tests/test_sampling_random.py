"""Random samples: the right number, every choice equally likely, the same everywhere."""

from __future__ import annotations

from collections import Counter

import pytest

from dsk.annotations import Bbox, Label
from dsk.categories import Categories, LabelCategory, PointsCategory
from dsk.dataset import Dataset
from dsk.errors import OptionError, UsageError
from dsk.item import DatasetItem
from dsk.loss import Ledger
from dsk.opening import make_transform
from dsk.options import parse_dashed
from dsk.registry import registry
from dsk_transforms.sampling.draws import ALL, Draws, waiting_time


def numbered(count, subset="train"):
    return [DatasetItem(f"i{n}", subset) for n in range(count)]


def labelled(*labels, subset="train"):
    """One item for each tuple of labels."""
    return [
        DatasetItem(f"{subset}{n}", subset, annotations=[Label(label=x) for x in of])
        for n, of in enumerate(labels)
    ]


def taken(items, name, categories=("a", "b", "c"), **options):
    """Return ids, annotations' labels and the ledger of a sample."""
    ledger = Ledger()
    data = Dataset.from_iterable(items, categories).transform(name, **options)
    found = list(data.read(ledger))
    return [item.id for item in found], found, ledger


def dashed(name, *words):
    """Make a transform from words as they stand behind ``--``."""
    info = registry().transform(name)
    return make_transform(name, parse_dashed(words, info.options))


class TestDraws:
    def test_known_numbers(self):
        """A change here gives every user another sample: it must be on purpose."""
        draw = Draws(0)
        assert draw(DatasetItem("a", "train")) == 0xB2BF529C6C3B62D5CCF101DCB94C7D1A
        assert Draws(1)(DatasetItem("a", "train")) != draw(DatasetItem("a", "train"))

    def test_subset_and_id_count_apart(self):
        draw = Draws(0)
        numbers = {draw(DatasetItem(i, s)) for i, s in (("a", "bc"), ("ab", "c"), ("a", "b"))}
        assert len(numbers) == 3

    def test_odd_names(self):
        assert 0 <= Draws(-(10**90))(DatasetItem("\ud800 画像", "🙂")) <= ALL

    def test_waiting_time_is_finite(self):
        assert 0 < waiting_time(ALL, 1.0) < waiting_time(0, 1.0) < 100
        assert waiting_time(5, 0.5) == pytest.approx(2 * waiting_time(5, 1.0))


class TestRandomSampler:
    def test_number_and_order(self):
        ids, _, ledger = taken(numbered(100), "random_sampler", count=17)
        assert len(ids) == 17
        assert ids == sorted(ids, key=lambda i: int(i[1:]))
        assert ledger.report().events[0].code == "DSK-L020"
        assert ledger.report().events[0].count == 83

    def test_other_subsets_stay(self):
        items = numbered(10) + numbered(6, "val")
        _, found, _ = taken(items, "random_sampler", count=4, subset="train")
        assert Counter(i.subset for i in found) == {"train": 4, "val": 6}

    def test_seed(self):
        samples = {tuple(taken(numbered(50), "random_sampler", count=5, seed=s)[0]) for s in "012"}
        assert len(samples) == 3

    def test_larger_sample_holds_the_smaller(self):
        small, *_ = taken(numbered(50), "random_sampler", count=5)
        large, *_ = taken(numbered(50), "random_sampler", count=20)
        assert set(small) < set(large)

    def test_order_of_items_does_not_matter(self):
        forth, *_ = taken(numbered(50), "random_sampler", count=5)
        back, *_ = taken(numbered(50)[::-1], "random_sampler", count=5)
        assert set(forth) == set(back)

    def test_every_item_equally_likely(self):
        counts = Counter()
        for seed in range(600):
            counts.update(taken(numbered(20), "random_sampler", count=5, seed=seed)[0])
        # 600 draws with probability 1/4: 150, standard deviation 10.6.
        assert len(counts) == 20
        assert max(abs(n - 150) for n in counts.values()) < 45

    @pytest.mark.parametrize(("count", "left"), [(0, 0), (6, 6), (7, 6)])
    def test_edges(self, count, left):
        ids, _, ledger = taken(numbered(6), "random_sampler", count=count)
        assert len(ids) == left
        assert bool(ledger.warnings) == (count == 7)

    def test_words(self):
        step = dashed("random_sampler", "-k", "20", "-s", "train", "--seed", "3")
        assert (step._count, step._subset) == (20, "train")

    def test_refusals(self):
        with pytest.raises(OptionError, match="count is not given"):
            make_transform("random_sampler", {})
        with pytest.raises(OptionError, match="0 or more, not -1"):
            make_transform("random_sampler", {"count": -1})
        with pytest.raises(UsageError, match=r"no subset 'trian' \(did you mean 'train'"):
            taken(numbered(3), "random_sampler", count=1, subset="trian")


class TestLabelRandomSampler:
    def test_each_subset_and_label(self):
        items = [
            *labelled(*[(n % 2,) for n in range(20)]),
            *labelled(*[(n % 2,) for n in range(10)], subset="val"),
        ]
        _, found, _ = taken(items, "label_random_sampler", ("a", "b"), count=3)
        counts = Counter((i.subset, a.label) for i in found for a in i.annotations)
        assert counts == {(s, n): 3 for s in ("train", "val") for n in (0, 1)}

    def test_unwanted_labels_go(self):
        items = labelled((0, 1, 2), (0, 2), (1,), (2,))
        ids, found, ledger = taken(items, "label_random_sampler", label_counts={"c": 9, "b": 9})
        data = Dataset.from_iterable(items, "abc")
        data = data.transform("label_random_sampler", label_counts={"c": 9, "b": 9})
        assert data.categories().names == ["b", "c"]
        assert ids == ["train0", "train1", "train2", "train3"]
        assert [[a.label for a in i.annotations] for i in found] == [[0, 1], [1], [0], [1]]
        assert ledger.report().annotations["removed"] == 2

    def test_number_of_a_label_overrides(self):
        items = labelled(*[(0,)] * 10, *[(1,)] * 10)
        _, found, _ = taken(
            items, "label_random_sampler", ("a", "b"), count=2, label_counts={"b": 5}
        )
        assert Counter(i.annotations[0].label for i in found) == {0: 2, 1: 5}

    def test_one_lot_for_all_labels(self):
        """Items that have all labels serve all of them: no more are kept than are needed."""
        ids, *_ = taken(labelled(*[(0, 1, 2)] * 30), "label_random_sampler", count=4)
        assert len(ids) == 4

    def test_several_annotations_are_one_item(self):
        boxes = [Bbox(0, 0, 1, 1, label=0)] * 5
        items = [DatasetItem(f"i{n}", annotations=boxes) for n in range(9)]
        ids, *_ = taken(items, "label_random_sampler", ("a",), count=4)
        assert len(ids) == 4

    def test_every_item_equally_likely(self):
        """Late items too, and those that stand behind items of other labels."""
        items = labelled(*[(1,)] * 15, *[(0,)] * 12, *[(1,)] * 15)
        counts = Counter()
        for seed in range(600):
            ids, *_ = taken(
                items, "label_random_sampler", ("a", "b"), label_counts={"a": 3}, seed=seed
            )
            assert len(ids) == 3
            counts.update(ids)
        # 600 draws with probability 1/4: 150, standard deviation 10.6.
        assert len(counts) == 12
        assert max(abs(n - 150) for n in counts.values()) < 45

    def test_too_few_are_told(self):
        items = labelled((0,), (0,), (1,))
        ids, _, ledger = taken(items, "label_random_sampler", ("a", "b"), count=2)
        assert len(ids) == 3
        assert list(ledger.warnings) == [
            "label_random_sampler: fewer items than wanted have 'b' in 'train': 1 of 2"
        ]

    def test_names_of_keypoints_stay_with_their_label(self):
        labels = (LabelCategory("cat"), LabelCategory("nose", parent="person"))
        labels = (*labels, LabelCategory("person"))
        categories = Categories(labels=labels, points={2: PointsCategory(labels=("nose",))})
        data = Dataset.from_iterable(labelled((2,), (0,)), categories)
        data = data.transform("label_random_sampler", label_counts={"person": 1})
        assert set(data.categories().names) == {"nose", "person"}
        assert [i.id for i in data] == ["train0"]

    def test_words(self):
        step = dashed("label_random_sampler", "-k", "1", "-l", "cat:10", "-l", "dog:3")
        assert step._named == {"cat": 10, "dog": 3}

    def test_refusals(self):
        with pytest.raises(OptionError, match="no item is wanted"):
            make_transform("label_random_sampler", {"count": 0})
        with pytest.raises(OptionError, match="'cat' has the number 'many'"):
            make_transform("label_random_sampler", {"label_counts": {"cat": "many"}})
        with pytest.raises(OptionError, match="'cat' has the number '-2'"):
            make_transform("label_random_sampler", {"label_counts": {"cat": -2}})
        with pytest.raises(UsageError, match="no label 'x'"):
            taken(labelled((0,)), "label_random_sampler", label_counts={"x": 1})
