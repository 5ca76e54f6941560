"""Choosing by uncertainty: entropies computed by hand, ties, missing scores, the list."""

from __future__ import annotations

import csv
import math

import numpy as np
import pytest

from dsk.annotations import Bbox, Label
from dsk.dataset import Dataset
from dsk.errors import OptionError, OutputError, OutputExistsError, RecordError, UsageError
from dsk.item import DatasetItem
from dsk.loss import Ledger
from dsk.media import Image
from dsk.opening import make_transform
from dsk.options import parse_dashed
from dsk.registry import registry
from dsk_transforms.sampling.scores import uncertainty


def scored(name, *rows, subset="train", **fields):
    annotations = [Label(label=0, attributes={"scores": row}) for row in rows]
    return DatasetItem(name, subset, annotations=annotations, **fields)


# From certain to uncertain: 0, 0.325, 0.500, 0.611, 0.673, 0.693 nats.
SURE = [(1.0, 0.0), (0.9, 0.1), (0.8, 0.2), (0.7, 0.3), (0.6, 0.4), (0.5, 0.5)]
ITEMS = [scored(f"s{n}", row) for n, row in enumerate(SURE)]


def subsets(items, on_error="raise", **options):
    ledger = Ledger(on_error)
    data = Dataset.from_iterable(items, "ab").transform("sampler", **options)
    return {i.id: i.subset for i in data.read(ledger)}, ledger


def sampled(items, **options):
    return {i for i, s in subsets(items, **options)[0].items() if s == "sample"}


class TestUncertainty:
    def test_by_hand(self):
        assert uncertainty(scored("a", [0.5, 0.5])) == pytest.approx(math.log(2))
        assert uncertainty(scored("a", [0.25] * 4)) == pytest.approx(math.log(4))
        assert str(uncertainty(scored("a", [1.0, 0.0]))) == "0.0"

    def test_mean_over_annotations(self):
        assert uncertainty(scored("a", [1, 0], [0.5, 0.5])) == pytest.approx(math.log(2) / 2)

    def test_annotations_without_scores_do_not_count(self):
        item = scored("a", [0.5, 0.5])
        mixed = item.replace(annotations=[*item.annotations, Bbox(0, 0, 1, 1), Label(label=1)])
        assert uncertainty(mixed) == uncertainty(item)

    @pytest.mark.parametrize("value", ["0.5,0.5", "[0.5, 0.5]", (0.5, 0.5), np.array([0.5, 0.5])])
    def test_other_lists(self, value):
        assert uncertainty(scored("a", value)) == pytest.approx(math.log(2))

    @pytest.mark.parametrize("value", ["", "x", None, [], 0.5, [0.5, None]])
    def test_no_lists(self, value):
        with pytest.raises(RecordError, match="the scores of item 'a' are"):
            uncertainty(scored("a", value))

    @pytest.mark.parametrize("value", [1.5, -0.1, math.nan, math.inf])
    def test_no_probabilities(self, value):
        with pytest.raises(RecordError, match="no probability"):
            uncertainty(scored("a", [0.5, value]))


class TestMethods:
    def test_topk(self):
        assert sampled(ITEMS, count=2) == {"s5", "s4"}

    def test_lowk(self):
        assert sampled(ITEMS, count=2, sampling_method="lowk") == {"s0", "s1"}

    @pytest.mark.parametrize(("count", "ids"), [(2, {"s5", "s0"}), (3, {"s5", "s4", "s0"})])
    def test_mixk(self, count, ids):
        assert sampled(ITEMS, count=count, sampling_method="mixk") == ids

    def test_randk_needs_no_scores(self):
        bare = [DatasetItem(f"i{n}") for n in range(40)]
        found = {
            frozenset(sampled(bare, count=4, sampling_method="randk", seed=n)) for n in range(3)
        }
        assert {len(s) for s in found} == {4}
        assert len(found) == 3

    def test_randtopk_is_the_top_of_random_ones(self):
        items = [scored(f"i{n}", [0.5 + n / 100, 0.5 - n / 100]) for n in range(40)]
        drawn = sampled(items, count=12, sampling_method="randk", seed=1)
        top = sorted(drawn, key=lambda i: int(i[1:]))[:4]  # smaller numbers are less certain
        assert sampled(items, count=4, sampling_method="randtopk", seed=1) == set(top)

    def test_ties_do_not_depend_on_the_order(self):
        items = [scored(f"i{n}", [0.5, 0.5]) for n in range(20)]
        assert sampled(items, count=5) == sampled(items[::-1], count=5)
        assert not sampled(items, count=5) & sampled(items, count=5, sampling_method="lowk")

    @pytest.mark.parametrize("method", ["topk", "lowk", "randk", "mixk", "randtopk"])
    def test_more_than_there_are(self, method):
        found, ledger = subsets(ITEMS, count=7, sampling_method=method)
        assert set(found.values()) == {"sample"}
        assert list(ledger.warnings) == ["sampler: 7 items are wanted, all 6 are chosen"]


class TestSubsets:
    def test_as_in_the_manual(self):
        words = ["-a", "entropy", "-i", "train", "-o", "sampled", "-u", "unsampled"]
        words += ["-m", "topk", "-k", "2"]
        options = parse_dashed(words, registry().transform("sampler").options)
        items = [*ITEMS, scored("v", [0.5, 0.5], subset="val"), DatasetItem("w", "val")]
        found, ledger = subsets(items, **options)
        assert [i for i, s in found.items() if s == "sampled"] == ["s4", "s5"]
        assert [i for i, s in found.items() if s == "val"] == ["v", "w"]
        assert [(e.code, e.count) for e in ledger.report().events] == [
            ("DSK-L022", 2),
            ("DSK-L022", 4),
        ]
        assert not ledger.losses()

    def test_header(self):
        data = Dataset.from_iterable([*ITEMS, DatasetItem("v", "val")], "ab")
        part = data.transform("sampler", count=1, input_subset="train", unsampled_subset="train")
        assert part.header.subsets == ("val", "sample", "train")

    def test_two_items_of_one_name(self):
        items = [*ITEMS, scored("s0", [0.5, 0.5], subset="val")]
        with pytest.raises(UsageError, match="makes two items 's0' in subset 'sample'"):
            subsets(items, count=7)
        there = [*ITEMS, DatasetItem("s5", "sample")]
        with pytest.raises(UsageError, match="makes two items 's5' in subset 'sample'"):
            subsets(there, count=2, input_subset="train")


class TestBadScores:
    def test_none_at_all(self):
        with pytest.raises(UsageError, match="no annotation of item 'a' has an attribute 'scores'"):
            subsets([DatasetItem("a"), DatasetItem("b")], count=1)

    def test_missing_on_one_item(self):
        items = [*ITEMS, DatasetItem("bare", "train")]
        with pytest.raises(RecordError, match="sampler: no annotation of item 'bare'"):
            subsets(items, count=1)
        found, ledger = subsets(items, count=6, on_error="skip")
        assert found["bare"] == "unsampled"
        assert list(found.values()).count("sample") == 6
        assert [bad.item for bad in ledger.bad] == ["bare"]

    def test_other_subsets_need_none(self):
        items = [*ITEMS, DatasetItem("bare", "val")]
        assert sampled(items, count=1, input_subset="train") == {"s5"}


class TestList:
    def test_rows(self, tmp_path):
        place = tmp_path / "chosen.csv"
        image = Image(path="x/s9.png", size=(30, 40))
        items = [*ITEMS, scored("x/s9", [0.5, 0.5], [0.5, 0.5], media=image)]
        subsets(items, count=2, output_file=str(place))
        rows = {row["ImageID"]: row for row in csv.DictReader(place.read_text().splitlines())}
        assert set(rows) == {"s5", "x/s9"}
        row = rows["x/s9"]
        assert (row["Width"], row["Height"], row["ImagePath"]) == ("40", "30", "x/s9.png")
        assert (row["Subset"], row["Uncertainty"]) == ("train", "0.69314718056")
        assert (rows["s5"]["Width"], rows["s5"]["ImagePath"]) == ("", "")
        assert [p.name for p in tmp_path.iterdir()] == ["chosen.csv"]

    def test_random_ones_have_no_uncertainty(self, tmp_path):
        place = tmp_path / "chosen.csv"
        subsets([DatasetItem("a")], count=1, sampling_method="randk", output_file=str(place))
        assert place.read_text().splitlines()[1] == "a,,,,default,"

    def test_an_earlier_list_is_replaced_and_nothing_else(self, tmp_path):
        place = tmp_path / "chosen.csv"
        subsets(ITEMS, count=3, output_file=str(place))
        subsets(ITEMS, count=1, output_file=str(place))
        assert len(place.read_text().splitlines()) == 2
        place.write_text("my table\n")
        with pytest.raises(OutputExistsError, match="there is another file"):
            subsets(ITEMS, count=1, output_file=str(place))
        assert place.read_text() == "my table\n"

    def test_no_folder(self, tmp_path):
        with pytest.raises(OutputError):
            subsets(ITEMS, count=1, output_file=str(tmp_path / "no" / "chosen.csv"))


def test_refusals():
    with pytest.raises(OptionError, match="count is not given"):
        make_transform("sampler", {})
    with pytest.raises(OptionError, match="1 or more"):
        make_transform("sampler", {"count": 0})
    with pytest.raises(OptionError, match="need two subsets"):
        make_transform("sampler", {"count": 1, "sampled_subset": "unsampled"})
    with pytest.raises(OptionError, match=r"does not end in \.csv"):
        make_transform("sampler", {"count": 1, "output_file": "list.txt"})
    with pytest.raises(OptionError, match="cannot be"):
        make_transform("sampler", {"count": 1, "sampling_method": "best"})
    with pytest.raises(UsageError, match="no subset 'x'"):
        subsets(ITEMS, count=1, input_subset="x")
