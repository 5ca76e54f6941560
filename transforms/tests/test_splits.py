"""Splits: nothing is lost, everything is balanced, groups stay whole, and seeds decide."""

from __future__ import annotations

import sys
import types
from collections import Counter, defaultdict
from fractions import Fraction
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsk.annotations import Bbox, Label, Polygon
from dsk.dataset import Dataset
from dsk.errors import DskError, OptionError, UsageError
from dsk.item import DatasetItem
from dsk.loss import Ledger
from dsk.media import Image, MultiframeImage, VideoFrame
from dsk.opening import make_transform
from dsk.options import parse_dashed
from dsk.registry import registry
from dsk.testing import TransformSuite, samples
from dsk_transforms.splits.ratios import largest_remainder


class TestRandomSplit(TransformSuite):
    name = "random_split"
    options: ClassVar = {"subset": {"train": "0.5", "val": "0.25", "test": "0.25"}, "seed": 3}


class TestRandomSplitByGroup(TransformSuite):
    name = "random_split"
    options: ClassVar = {"group_by": r"id:(\w)"}


class TestSplitClassification(TransformSuite):
    name = "split"


class TestSplitDetection(TransformSuite):
    name = "split"
    options: ClassVar = {"task": "detection", "subset": {"a": 0.5, "b": 0.5}}


class TestSplitSegmentation(TransformSuite):
    name = "split"
    options: ClassVar = {"task": "segmentation", "group_by": "image"}


class TestSplitReid(TransformSuite):
    name = "split"
    kinds = ("label",)  # more kinds would bring more labels, hence no identity
    options: ClassVar = {"task": "reid", "query": 0.3, "subset": {"train": 0.625, "test": 0.375}}


class TestKFold(TransformSuite):
    name = "kfold"
    options: ClassVar = {"k": 3}


class TestOneFold(TransformSuite):
    name = "kfold"
    options: ClassVar = {"k": 3, "fold": 1, "stratify": False}


class TestCheckLeakage(TransformSuite):
    name = "check_leakage"
    options: ClassVar = {"group_by": "image"}


def items_of(count, labels=(), **attributes):
    """Items with labels given in turn."""
    return [
        DatasetItem(
            f"i{n}",
            annotations=[Label(label=labels[n % len(labels)])] if labels else (),
            attributes=attributes,
        )
        for n in range(count)
    ]


def dataset(items):
    return Dataset.from_iterable(items, ["a", "b", "c", "d"])


def subsets(data):
    return {item.id: item.subset for item in data.read(Ledger())}


def sizes(data):
    return dict(Counter(subsets(data).values()))


def warned(data):
    ledger = Ledger()
    list(data.read(ledger))
    return ledger.warnings


def words(name, *text):
    return parse_dashed(text, registry().transform(name).options)


class TestRatios:
    @given(st.integers(0, 10_000), st.lists(st.integers(1, 50), min_size=1, max_size=7))
    def test_nothing_is_lost_and_all_are_near(self, total, weights):
        ratios = [w / sum(weights) for w in weights]
        shares = largest_remainder(total, ratios)
        assert sum(shares) == total
        for share, weight in zip(shares, weights, strict=True):
            assert abs(share - Fraction(total * weight, sum(weights))) < 1

    def test_by_hand(self):
        assert largest_remainder(10, [0.67, 0.33]) == [7, 3]
        assert largest_remainder(3, [0.5, 0.5]) == [2, 1]  # equal rests: the first
        assert largest_remainder(10, [0.7, 0.2, 0.1]) == [7, 2, 1]
        assert largest_remainder(1, [0.2, 0.5, 0.3]) == [0, 1, 0]

    @pytest.mark.parametrize(
        ("subset", "says"),
        [
            ({"train": "0.5", "test": "0.4"}, "sum up to 0.9"),
            ({"train": "1.5", "test": "-0.5"}, "train:1.5"),
            ({"train": "half"}, "train:half"),
            ({"train": "nan"}, "train:nan"),
            ({"": "1"}, "no part of a split"),
            ({"train": "0"}, "sum up to 0"),
        ],
    )
    @pytest.mark.parametrize("name", ["random_split", "split"])
    def test_ratios_that_make_no_sense(self, name, subset, says):
        with pytest.raises(OptionError, match=says):
            make_transform(name, {"subset": subset})


class TestAtRandom:
    def test_the_manuals_words(self):
        given = words("random_split", "--subset", "train:.67", "--subset", "test:.33")
        assert sizes(dataset(items_of(100)).transform("random_split", **given)) == {
            "train": 67,
            "test": 33,
        }
        given = words("random_split", "-s", "train:.8", "-s", "val:.2")
        assert sizes(dataset(items_of(10)).transform("random_split", **given)) == {
            "train": 8,
            "val": 2,
        }

    def test_old_subsets_are_joined(self):
        items = [i.replace(subset=f"s{n % 3}") for n, i in enumerate(items_of(9))]
        data = dataset(items).transform("random_split")
        assert sizes(data) == {"train": 6, "test": 3}
        assert data.header.subsets == ("train", "test")

    def test_a_part_of_nothing_gets_nothing(self):
        data = dataset(items_of(5)).transform("random_split", subset="train:1,test:0")
        assert sizes(data) == {"train": 5}
        assert data.header.subsets == ("train",)

    def test_is_the_same_everywhere(self):
        """These come from BLAKE2b and integers; no platform may change them."""
        data = dataset(items_of(8)).transform("random_split", subset="a:.5,b:.5", seed=7)
        assert "".join(subsets(data).values()) == "aabaabbb"

    def test_seeds_differ_and_the_order_of_items_does_not_matter(self):
        items = items_of(60)
        one = subsets(dataset(items).transform("random_split", seed=1))
        assert one == subsets(dataset(items[::-1]).transform("random_split", seed=1))
        assert one != subsets(dataset(items).transform("random_split", seed=2))

    def test_every_place_is_equally_likely(self):
        hits = Counter()
        for seed in range(400):
            found = subsets(dataset(items_of(6)).transform("random_split", seed=seed))
            hits.update(name for name, subset in found.items() if subset == "test")
        assert sum(hits.values()) == 800  # 2 of 6
        assert all(90 < hits[f"i{n}"] < 180 for n in range(6))  # 133 ± 9.4

    def test_one_id_in_two_subsets(self):
        items = [DatasetItem("a", subset="x"), DatasetItem("a", subset="y")]
        with pytest.raises(UsageError, match=r"two items 'a': one in subset 'x', one in .*'y'"):
            list(dataset(items).transform("random_split"))

    def test_plans_on_ids_when_that_is_enough(self):
        assert make_transform("random_split", {}).plan_on == "ids"
        assert make_transform("random_split", {"group_by": "video"}).plan_on == "ids"
        assert make_transform("random_split", {"group_by": "image"}).plan_on == "ids"
        assert make_transform("kfold", {"stratify": False}).plan_on == "ids"
        assert make_transform("kfold", {}).plan_on == "items"

    def test_is_no_loss(self):
        ledger = Ledger()
        list(dataset(items_of(4)).transform("random_split").read(ledger))
        assert not ledger.losses()


def shares(data, keys_of):
    """{key: {subset: how often}}."""
    found = defaultdict(Counter)
    for item in data.read(Ledger()):
        for key in keys_of(item):
            found[key][item.subset] += 1
    return found


def labels_of(item):
    return [a.label for a in item.annotations if a.label is not None]


class TestBalanced:
    def test_the_manuals_words(self):
        for task in ("classification", "detection", "segmentation"):
            given = words(
                *("split", "-t", task),
                *("--subset", "train:.5", "--subset", "val:.2", "--subset", "test:.3"),
            )
            data = dataset(items_of(10, (0, 1))).transform("split", **given)
            assert Counter(subsets(data).values()) == {"train": 5, "val": 2, "test": 3}

    def test_classes_exactly_where_that_is_possible(self):
        data = dataset(items_of(80, (0, 0, 1, 2))).transform("split")
        found = shares(data, labels_of)
        assert found[0] == {"train": 20, "val": 8, "test": 12}
        assert found[1] == found[2] == {"train": 10, "val": 4, "test": 6}

    @pytest.mark.parametrize("bare_first", [True, False])
    def test_unlabelled_items_do_not_shift_the_others(self, bare_first):
        """Datumaro takes the number among labelled items for the number of the item."""
        bare = [DatasetItem(f"bare{n}") for n in range(50)]
        labelled = items_of(50, (0, 1))
        items = bare + labelled if bare_first else labelled + bare
        data = dataset(items).transform("split", subset="train:.8,test:.2")
        assert shares(data, labels_of)[0] == {"train": 20, "test": 5}
        assert shares(data, labels_of)[1] == {"train": 20, "test": 5}
        assert sizes(data) == {"train": 80, "test": 20}

    def test_attributes(self):
        items = [
            DatasetItem(
                f"i{n}",
                attributes={"weather": "rain" if n % 10 == 0 else "sun"},
                annotations=[
                    Label(
                        label=0,
                        attributes={"colour": "red" if n % 5 == 0 else "blue", "score": n / 7},
                    )
                ],
            )
            for n in range(100)
        ]
        data = dataset(items).transform("split", subset="train:.6,test:.4")
        colours = shares(data, lambda i: [a.attributes["colour"] for a in i.annotations])
        assert colours["red"] == {"train": 12, "test": 8}
        weather = shares(data, lambda i: [i.attributes["weather"]])
        assert weather["rain"] == {"train": 6, "test": 4}

    def test_attributes_that_only_name_things(self):
        """Each value stands once, so nothing can be shared out; labels must not suffer."""
        items = [
            item.replace(
                annotations=[Label(label=n % 2, attributes={"track": n, "tags": [n], "no": None})]
            )
            for n, item in enumerate(items_of(40))
        ]
        found = shares(dataset(items).transform("split"), labels_of)
        assert found[0] == found[1] == {"train": 10, "val": 4, "test": 6}

    def test_annotations_count_for_detection(self):
        rng = np.random.Generator(np.random.PCG64(5))
        items = []
        for n in range(300):
            some = rng.integers(0, 4, rng.integers(0, 9)).tolist()
            boxes = [Bbox(0, 0, 1, 1, label=label) for label in some if label or n % 9 == 0]
            items.append(DatasetItem(f"i{n}", annotations=boxes))
        data = dataset(items).transform("split", task="detection")
        assert sizes(data) == {"train": 150, "val": 60, "test": 90}
        for label, found in shares(data, labels_of).items():
            total = sum(found.values())
            for subset, ratio in (("train", 0.5), ("val", 0.2), ("test", 0.3)):
                assert abs(found[subset] - ratio * total) <= 3, (label, found)

    def test_kinds_that_count(self):
        ring = [0, 0, 9, 0, 9, 9]
        items = [
            item.replace(annotations=[Bbox(0, 0, 1, 1, label=0), Polygon(ring, label=1 + n % 2)])
            for n, item in enumerate(items_of(20))
        ]
        found = shares(dataset(items).transform("split", task="segmentation"), labels_of)
        assert found[1] == found[2] == {"train": 5, "val": 2, "test": 3}
        (message,) = warned(dataset(items).transform("split", task="classification"))
        assert "random" in message

    def test_one_image_per_class(self):
        """A thousand classes of one image each must leave room in train for the others."""
        items = [DatasetItem(f"r{n}", annotations=[Label(label=n)]) for n in range(100)]
        items += [DatasetItem(f"c{n}", annotations=[Label(label=100)]) for n in range(100)]
        data = Dataset.from_iterable(items, [f"l{n}" for n in range(101)])
        found = shares(data.transform("split"), labels_of)
        assert all(
            abs(found[100][s] - n) <= 4
            for s, n in zip(("train", "val", "test"), (50, 20, 30), strict=True)
        )

    @pytest.mark.parametrize(
        ("options", "says"),
        [
            ({"task": "reid", "query": 1.5}, "query"),
            ({"query": 0.2}, "belong to task=reid"),
            ({"attr_for_id": "x"}, "belong to task=reid"),
            ({"task": "reid", "subset": "train:.5,dev:.5"}, "no subset 'dev'"),
            ({"task": "pose"}, "pose"),
            ({"group_by": "id:("}, "no regular expression"),
            ({"group_by": "attribute:"}, "names nothing"),
            ({"group_by": "image", "threshold": 65}, "threshold"),
        ],
    )
    def test_options_that_make_no_sense(self, options, says):
        with pytest.raises(OptionError, match=says):
            make_transform("split", options)


def people(counts, **fields):
    """Items of people: as many as counted of each."""
    return [
        DatasetItem(f"p{who}_{n}", annotations=[Label(label=who)], **fields)
        for who, count in enumerate(counts)
        for n in range(count)
    ]


def by_person(data):
    return shares(data, labels_of)


class TestReid:
    def split(self, items, **options):
        data = Dataset.from_iterable(items, [f"l{n}" for n in range(60)])
        return data.transform("split", task="reid", **options)

    def test_the_manuals_words(self):
        given = words(
            *("split", "-t", "reid", "--subset", "train:.5", "--subset", "val:.2"),
            *("--subset", "test:.3", "--query", ".5"),
        )
        given.pop("task")
        data = self.split(people([10] * 20), **given)
        assert sizes(data) == {"train": 100, "val": 40, "test-query": 30, "test-gallery": 30}
        tested = 0
        for found in by_person(data).values():
            test = found["test-query"] + found["test-gallery"]
            assert test in {0, 10}
            tested += test > 0
            if test:
                assert found["test-query"] == found["test-gallery"] == 5
            else:
                assert abs(found["train"] - 50 / 7) < 1.01
        assert tested == 6
        assert data.header.subsets == ("train", "val", "test-query", "test-gallery")

    def test_whoever_is_seen_twice_can_be_found(self):
        data = self.split(people([2, 3, 1, 5] * 10), subset="test:1", query=0.1)
        for who, found in by_person(data).items():
            count = (2, 3, 1, 5)[who % 4]
            assert found["test-gallery"] >= 1
            assert (found["test-query"] >= 1) == (count > 1)

    @pytest.mark.parametrize(("query", "name"), [(0, "test-gallery"), (1, "test-query")])
    def test_queries_only_or_none(self, query, name):
        data = self.split(people([3, 1, 2]), subset="test:1", query=query)
        assert sizes(data) == {name: 6}

    def test_items_without_one_identity(self):
        several = DatasetItem("two", annotations=[Label(label=0), Label(label=1)])
        items = [DatasetItem("none"), several, *people([4] * 6)]
        data = self.split(items)
        found = subsets(data)
        assert found["none"] == found["two"] == "not-supported"
        assert Counter(found.values())["not-supported"] == 2
        (message,) = [m for m in warned(data) if "not-supported" in m]
        assert "2 of 26" in message
        assert "not-supported" in data.header.subsets

    def test_identity_by_attribute(self):
        items = [
            DatasetItem(f"i{n}", annotations=[Label(label=0, attributes={"person": n % 10})])
            for n in range(100)
        ]
        data = self.split(items, **words("split", "--attr-for-id", "person"))
        found = shares(data, lambda i: [a.attributes["person"] for a in i.annotations])
        tests = [c for c in found.values() if c["test-query"] or c["test-gallery"]]
        assert len(tests) == 3
        assert all(not c["train"] and not c["val"] for c in tests)

    def test_identity_of_the_item(self):
        """Market-1501 has it there."""
        items = [DatasetItem(f"i{n}", attributes={"person_id": n % 10}) for n in range(40)]
        data = self.split(items, attr_for_id="person_id")
        assert "not-supported" not in sizes(data)

    def test_without_test(self):
        assert sizes(self.split(people([5] * 4), subset="train:.6,val:.4")) == {
            "train": 12,
            "val": 8,
        }

    def test_groups_hold_people_together(self):
        items = [
            item.replace(attributes={"clip": n // 7}) for n, item in enumerate(people([5] * 28))
        ]
        data = self.split(items, group_by="clip")
        side = {"test-query": "test", "test-gallery": "test"}
        sides = defaultdict(set)
        for item in data.read(Ledger()):
            sides[item.attributes["clip"]].add(side.get(item.subset, item.subset))
            sides["who", item.annotations[0].label].add(item.subset[:4] == "test")
        clips = {k: v for k, v in sides.items() if isinstance(k, int)}
        assert all(len(v) == 1 for v in clips.values())
        assert all(len(v) == 1 for k, v in sides.items() if not isinstance(k, int))


class TestFolds:
    def test_names_and_sizes(self):
        data = dataset(items_of(23, (0, 1))).transform("kfold")
        assert sorted(sizes(data).items()) == [
            ("fold0", 5), ("fold1", 5), ("fold2", 5), ("fold3", 4), ("fold4", 4),
        ]  # fmt: skip
        assert data.header.subsets == ("fold0", "fold1", "fold2", "fold3", "fold4")

    def test_one_fold_is_one_of_them(self):
        items = items_of(30, (0, 1, 2))
        folds = subsets(dataset(items).transform("kfold", k=3, seed=4))
        for n in range(3):
            data = dataset(items).transform("kfold", k=3, seed=4, fold=n)
            vals = {name for name, subset in subsets(data).items() if subset == "val"}
            assert vals == {name for name, subset in folds.items() if subset == f"fold{n}"}
            assert set(sizes(data)) == {"train", "val"}

    def test_labels_are_shared_out(self):
        found = shares(dataset(items_of(40, (0, 0, 0, 1))).transform("kfold"), labels_of)
        assert set(found[0].values()) == {6}
        assert set(found[1].values()) == {2}

    def test_other_names(self):
        data = dataset(items_of(4)).transform("kfold", k=2, names="odd,even", stratify=False)
        assert set(sizes(data)) == {"odd", "even"}
        data = dataset(items_of(4)).transform("kfold", k=2, fold=0, names="dev,rest")
        assert sizes(data) == {"dev": 2, "rest": 2}

    @pytest.mark.parametrize(
        "options",
        [{"k": 1}, {"fold": 5}, {"fold": -1}, {"names": "a,b"}, {"k": 2, "names": "a,a"}],
    )
    def test_options_that_make_no_sense(self, options):
        with pytest.raises(OptionError, match="kfold"):
            make_transform("kfold", options)


def grouped(sizes_of_groups):
    return [
        DatasetItem(f"v{g}/f{n}", attributes={"video": f"v{g}"}, annotations=[Label(label=g % 3)])
        for g, size in enumerate(sizes_of_groups)
        for n in range(size)
    ]


ALL = [
    ("random_split", {}),
    ("split", {}),
    ("kfold", {"k": 3}),
    ("kfold", {"k": 3, "stratify": False}),
    ("kfold", {"k": 3, "fold": 2}),
]


class TestGroups:
    @pytest.mark.parametrize(("name", "options"), ALL)
    @pytest.mark.parametrize("by", ["video", "attribute:video", r"^(v\d+)/", r"id:^v\d+"])
    def test_stay_together(self, name, options, by):
        items = grouped([1, 9, 4, 4, 7, 2, 3, 8, 5, 5, 6, 2] * 3)
        found = subsets(dataset(items).transform(name, group_by=by, **options))
        sides = defaultdict(set)
        for item in items:
            sides[item.attributes["video"]].add(found[item.id])
        assert all(len(side) == 1 for side in sides.values())
        assert len(found) == len(items)
        assert len(set(found.values())) > 1

    def test_ratios_are_kept_as_groups_allow(self):
        data = dataset(grouped([3, 1, 2, 4] * 25)).transform(
            "random_split", group_by="video", subset="train:.6,test:.4"
        )
        assert sizes(data) == {"train": 150, "test": 100}

    def test_a_group_too_large_for_its_ratio_is_told(self):
        data = dataset(grouped([18, 1, 1])).transform("random_split", group_by="video")
        assert 18 in {n - extra for n in sizes(data).values() for extra in (0, 1, 2)}
        assert any("groups stay together" in message for message in warned(data))

    def test_items_without_the_attribute_stand_alone(self):
        items = [DatasetItem("x", attributes={"video": 1}), *items_of(9)]
        assert sizes(dataset(items).transform("random_split", group_by="video")) == {
            "train": 7,
            "test": 3,
        }

    @pytest.mark.parametrize("by", ["viedo", "id:^none"])
    def test_an_attribute_or_pattern_that_nothing_has(self, by):
        with pytest.raises(UsageError, match="no item has"):
            list(dataset(grouped([2])).transform("random_split", group_by=by))

    @pytest.mark.parametrize(("name", "options"), ALL)
    def test_equal_files(self, name, options, tmp_path):
        items = []
        for n in range(30):
            path = tmp_path / f"{n}.jpg"
            path.write_bytes(b"%03d" % (n // 3))
            items.append(DatasetItem(f"i{n}", media=Image.from_file(path)))
        found = subsets(dataset(items).transform(name, group_by="image", **options))
        for n in range(0, 30, 3):
            assert found[f"i{n}"] == found[f"i{n + 1}"] == found[f"i{n + 2}"]
        assert len(set(found.values())) > 1

    def test_what_equal_media_are(self, tmp_path):
        pixels, other = samples.pixels(0), samples.pixels(1)
        one = tmp_path / "a.png"
        one.write_bytes(samples.encoded_image(0))
        media = {
            "file": Image.from_file(one),
            "same bytes": Image.from_bytes(samples.encoded_image(0)),
            "other bytes": Image.from_bytes(samples.encoded_image(1)),
            "array": Image.from_array(pixels),
            "function": Image.from_array(lambda: samples.pixels(0)),
            "other array": Image.from_array(other),
            "frames": MultiframeImage(frames=(Image.from_array(pixels), Image.from_array(other))),
            "same frames": MultiframeImage(
                frames=(Image.from_array(pixels), Image.from_array(other))
            ),
            "frame 1": VideoFrame(video="v.mp4", index=1),
            "frame 2": VideoFrame(video="v.mp4", index=2),
            "again frame 2": VideoFrame(video="v.mp4", index=2),
            "missing": Image(path="b.png", source=str(tmp_path / "none.png")),
            "also missing": Image(path="c.png", source=str(tmp_path / "none2.png")),
            "named only": Image(path="d.png"),
            "nothing": None,
        }
        items = [DatasetItem(name, subset=name, media=m) for name, m in media.items()]
        data = Dataset.from_iterable(items).transform("check_leakage", group_by="image")
        text = "\n".join(warned(data))
        assert "4 groups (8 items)" in text
        assert "'file' in file, 'same bytes' in same bytes" in text
        assert "'array' in array, 'function' in function" in text
        assert "'frames' in frames, 'same frames' in same frames" in text
        assert "'again frame 2' in again frame 2, 'frame 2' in frame 2" in text
        assert "missing" not in text
        assert "other" not in text


class TestNearDuplicates:
    def test_are_asked_for_in_order_without_annotations(self, monkeypatch):
        """The contract with ``sampling.similarity``: one number per item, in order."""
        asked = []

        def near_duplicate_groups(items, *, threshold):
            found = []
            for item in items:
                asked.append((item.id, threshold, len(item.annotations)))
                found.append(int(item.id[1:]) // 4)
            return found

        name = "dsk_transforms.sampling.similarity"
        module = types.ModuleType(name)
        module.near_duplicate_groups = near_duplicate_groups
        monkeypatch.setitem(sys.modules, name, module)
        items = items_of(40, (0, 1))
        for method in ("random_split", "split", "kfold"):
            asked.clear()
            data = dataset(items).transform(method, group_by="near_duplicates", threshold=9)
            found = subsets(data)
            assert asked == [(item.id, 9, 0) for item in items]
            for n in range(0, 40, 4):
                assert len({found[f"i{m}"] for m in range(n, n + 4)}) == 1
            leaks = data.transform("check_leakage", on_leak="error")
            assert not [m for m in warned(leaks) if m.startswith("check_leakage")]

    def test_of_real_pictures(self):
        pytest.importorskip("dsk_transforms.sampling.similarity")
        y, x = np.mgrid[:64, :64]
        items = []
        for n in range(8):
            rng = np.random.Generator(np.random.PCG64(n))
            coarse = rng.integers(0, 256, (8, 8)).astype(np.uint8)
            picture = np.repeat(coarse[y // 8, x // 8][..., None], 3, axis=2)
            brighter = np.clip(picture.astype(int) + 2, 0, 255).astype(np.uint8)
            items += [
                DatasetItem(f"a{n}", subset="train", media=Image.from_array(picture)),
                DatasetItem(f"b{n}", subset="val", media=Image.from_array(brighter)),
            ]
        leaks = warned(dataset(items).transform("check_leakage"))
        assert any("8 groups (16 items)" in message for message in leaks)
        split = dataset(items).transform("random_split", group_by="near_duplicates")
        found = subsets(split)
        assert all(found[f"a{n}"] == found[f"b{n}"] for n in range(8))


class TestLeaks:
    def data(self):
        rows = [("v1/a", "train"), ("v1/b", "val"), ("v2/a", "train"), ("v2/b", "train")]
        return Dataset.from_iterable(DatasetItem(i, subset=s) for i, s in rows)

    def test_warns(self):
        data = self.data().transform("check_leakage", group_by="id:^[^/]+")
        assert warned(data) == {
            "check_leakage: 1 groups (2 items) by id:^[^/]+ stand in more than one subset": 1,
            "check_leakage: 'v1/a' in train, 'v1/b' in val": 1,
        }

    def test_stops(self):
        data = self.data().transform("check_leakage", group_by="id:^[^/]+", on_leak="error")
        with pytest.raises(DskError, match=r"'v1/a' in train, 'v1/b' in val") as caught:
            list(data)
        assert caught.value.exit_code == 1

    def test_nothing_found(self):
        data = self.data().transform("check_leakage", group_by=r"id:.*", on_leak="error")
        assert not warned(data)

    def test_passes_items_as_they_are(self):
        items = list(self.data())
        data = Dataset.from_iterable(items).transform("check_leakage", group_by="id:.*")
        assert all(a is b for a, b in zip(items, data, strict=True))

    @pytest.mark.parametrize("name", ["random_split", "kfold"])
    def test_group_aware_splits_have_none(self, name):
        split = dataset(grouped([3] * 15)).transform(name, group_by="video")
        assert not warned(split.transform("check_leakage", group_by="video", on_leak="error"))

    def test_options_that_make_no_sense(self):
        with pytest.raises(OptionError):
            make_transform("check_leakage", {"on_leak": "panic"})
        with pytest.raises(OptionError):
            make_transform("check_leakage", {"group_by": ""})
