"""Ids and subsets: other names, numbers, order; no two items become one."""

from __future__ import annotations

from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsk.annotations import Bbox, Label
from dsk.dataset import Dataset
from dsk.errors import OptionError, UsageError
from dsk.item import DatasetItem
from dsk.loss import Ledger
from dsk.media import Image, PointCloud, VideoFrame, Volume
from dsk.options import parse_dashed
from dsk.registry import registry
from dsk.testing import TransformSuite, samples
from dsk_transforms.ids.sort import natural


class TestRename(TransformSuite):
    name = "rename"
    options: ClassVar = {"regex": r"|([ab])$|item_\1|"}


class TestIdFromImageName(TransformSuite):
    name = "id_from_image_name"
    options: ClassVar = {"ensure_unique": True}


class TestReindex(TransformSuite):
    name = "reindex"
    options: ClassVar = {"start": 5}


class TestReindexAnnotations(TransformSuite):
    name = "reindex_annotations"
    options: ClassVar = {"start": 3}


class TestReindexAnnotationsOfEachItem(TransformSuite):
    name = "reindex_annotations"
    options: ClassVar = {"reindex_each_item": True}


class TestMapSubsets(TransformSuite):
    name = "map_subsets"
    options: ClassVar = {"mapping": {"val": "valid"}}


class TestJoinSubsets(TransformSuite):
    name = "map_subsets"
    options: ClassVar = {"mapping": {"*": "all"}}


class TestSort(TransformSuite):
    name = "sort"
    options: ClassVar = {"key": ["subset", "attribute:frame", "id"], "reverse": True}


class TestFlattenIds(TransformSuite):
    name = "flatten_ids"


class TestUnflattenIds(TransformSuite):
    name = "unflatten_ids"
    options: ClassVar = {"separator": "~"}


def dataset(*ids, **attributes):
    """Items by "id" or "subset:id"."""
    items = []
    for text in ids:
        subset, _, name = text.rpartition(":")
        items.append(DatasetItem(name, subset=subset or "default", attributes=attributes))
    return Dataset.from_iterable(items)


def keys(data):
    return [f"{item.subset}:{item.id}" for item in data]


def ids(data):
    return [item.id for item in data]


def words(name, *text):
    """The options that words behind -- stand for."""
    return parse_dashed(text, registry().transform(name).options)


class TestRenaming:
    @pytest.mark.parametrize(
        ("regex", "new"),
        [
            (r"|frame_(\d+)|\\1|", "dir/0012_x"),  # as Datumaro's manual writes it
            (r"|frame_(\d+)|\1|", "dir/0012_x"),
            ("|frame_||", "dir/0012_x"),
            ("/frame_/f/", "dir/f0012_x"),
            ("#dir/#d-#", "d-frame_0012_x"),
            (r"/dir\//d-/", "d-frame_0012_x"),  # the delimiter itself
            ("|FRAME|f|i", "dir/f_0012_x"),
            ("|frame|f|g", "dir/f_0012_x"),
            ("|frame|f", "dir/f_0012_x"),  # the last delimiter may be missing
            (r"|(?P<n>\d+)|<\g<n>>|", "dir/frame_<0012>_x"),
            ("|[0-9]|n|", "dir/frame_nnnn_x"),  # all occurrences
            ("|(?i)FRAME_|{item.subset}-|", "dir/s-0012_x"),
            ("|^.*$|{item.attributes[cam]}/{item.id}|", "left\\1/dir/frame_0012_x"),
            ("|x|{other}|", "dir/frame_0012_{other}"),
        ],
    )
    def test_substitutions(self, regex, new):
        data = dataset("s:dir/frame_0012_x", cam="left\\1")
        if "\\" in new:
            with pytest.raises(UsageError, match="no plain relative name"):
                ids(data.transform("rename", regex=regex))
        else:
            assert ids(data.transform("rename", regex=regex)) == [new]

    def test_the_manuals_words(self):
        given = words("rename", "-e", r"|frame_(\d+)|\\1|")
        assert ids(dataset("frame_7").transform("rename", **given)) == ["7"]

    def test_a_pipe_as_delimiter_is_literal_when_escaped(self):
        assert ids(dataset("a|b").transform("rename", regex=r"|a\|b|c|")) == ["c"]

    @pytest.mark.parametrize(
        ("regex", "says"),
        [
            ("", "delimiter"),
            ("pattern", "delimiter"),
            ("s/a/b/", "leave out the s"),
            ("||b|", "no substitution"),
            ("|a", "no substitution"),
            ("|a|b|x", "no substitution"),
            ("|(|b|", "no regular expression"),
            (r"|a|\3|", "no regular expression"),
            (r"|a|\g<name>|", "no regular expression"),
        ],
    )
    def test_what_is_no_substitution(self, regex, says):
        with pytest.raises(OptionError, match=says):
            dataset("a").transform("rename", regex=regex)

    def test_a_clash_names_both_items(self):
        data = dataset("train:a1", "train:a2", "val:a1").transform("rename", regex=r"|\d||")
        with pytest.raises(UsageError, match="'a1' of subset 'train' and 'a2' of subset 'train'"):
            list(data)

    def test_equal_ids_in_two_subsets_are_no_clash(self):
        data = dataset("train:a1", "val:a2").transform("rename", regex=r"|\d||")
        assert keys(data) == ["train:a", "val:a"]

    @pytest.mark.parametrize("regex", ["|a||", "|a|../b|", "|a|/b|", "|a|b//c|"])
    def test_ids_that_are_no_names(self, regex):
        with pytest.raises(UsageError, match="was to be the id of 'a'"):
            list(dataset("a").transform("rename", regex=regex))

    def test_an_attribute_that_is_not_there(self):
        with pytest.raises(UsageError, match="'a' has no attribute 'cam'"):
            list(dataset("a").transform("rename", regex="|a|{item.attributes[cam]}|"))

    def test_is_noted_but_no_loss(self):
        ledger = Ledger()
        list(dataset("a", "b").transform("rename", regex="|a|c|").read(ledger))
        assert [(e.what, e.count) for e in ledger.events.values()] == [("ids changed by rename", 1)]
        assert not ledger.losses()

    def test_items_that_stay_are_the_same_objects(self):
        item = DatasetItem("b")
        assert next(iter(Dataset.from_iterable([item]).transform("rename", regex="|a|c|"))) is item


class TestImageNames:
    @pytest.mark.parametrize(
        ("media", "new"),
        [
            (Image(path="dir/photo.v1.jpg"), "photo.v1"),
            (VideoFrame(path="clip.mp4", index=12), "clip_frame-12"),
            (PointCloud(path="velodyne/000.bin"), "000"),
            (Volume(path="sub/scan.nii.gz"), "scan"),
        ],
    )
    def test_names(self, media, new):
        data = Dataset.from_iterable([DatasetItem("old", media=media)])
        assert ids(data.transform("id_from_image_name")) == [new]

    def test_without_a_name_there_is_a_warning(self):
        ledger = Ledger()
        list(dataset("a", "b").transform("id_from_image_name").read(ledger))
        assert list(ledger.warnings.values()) == [2]

    def test_two_of_a_name(self):
        items = [DatasetItem(f"{n}/x", media=Image(path=f"{n}/x.jpg")) for n in range(3)]
        data = Dataset.from_iterable(items)
        with pytest.raises(UsageError, match=r"'0/x'.*and '1/x'.*ensure_unique"):
            list(data.transform("id_from_image_name"))
        found = ids(data.transform("id_from_image_name", ensure_unique=True, suffix_length=2))
        assert found[0] == "x"
        assert all(name.startswith("x__") and len(name) == 5 for name in found[1:])
        assert len(set(found)) == 3

    def test_suffixes_run_out(self):
        items = [DatasetItem(f"{n}/x", media=Image(path="x.jpg")) for n in range(40)]
        data = Dataset.from_iterable(items)
        with pytest.raises(UsageError, match=r"too many items .* 'x' .*suffix_length"):
            list(data.transform("id_from_image_name", ensure_unique=True, suffix_length=1))

    def test_length_of_suffixes(self):
        with pytest.raises(OptionError, match="at least 1"):
            dataset("a").transform("id_from_image_name", suffix_length=0)


class TestNumbers:
    def test_items_are_numbered_over_all_subsets(self):
        assert keys(dataset("b:x", "a:x", "b:y").transform("reindex")) == ["b:1", "a:2", "b:3"]
        assert ids(dataset("x", "y").transform("reindex", **words("reindex", "-s", "0"))) == [
            "0",
            "1",
        ]

    def test_annotations(self):
        boxes = [Bbox(0, 0, 1, 1, id=9), Bbox(0, 0, 2, 2, id=9)]
        data = Dataset.from_iterable(
            [
                DatasetItem("a", annotations=boxes),
                DatasetItem("b"),
                DatasetItem("c", annotations=[Label(label=0)]),
            ],
            ["x"],
        )

        def numbers(**options):
            found = data.transform("reindex_annotations", **options)
            return [[a.id for a in item.annotations] for item in found]

        assert numbers() == [[1, 2], [], [3]]
        assert numbers(start=10) == [[10, 11], [], [12]]
        assert numbers(**words("reindex_annotations", "-r")) == [[1, 2], [], [1]]

    def test_what_has_its_number_stays(self):
        item = DatasetItem("a", annotations=[Bbox(0, 0, 1, 1, id=1)])
        data = Dataset.from_iterable([item]).transform("reindex_annotations")
        ledger = Ledger()
        assert next(iter(data.read(ledger))) is item
        assert not ledger.events


class TestSubsets:
    def test_the_manuals_words(self):
        given = words("map_subsets", "-s", "train:train", "-s", "val:valid")
        data = dataset("train:a", "val:b", "test:c").transform("map_subsets", **given)
        assert keys(data) == ["train:a", "valid:b", "test:c"]
        assert data.header.subsets == ("train", "valid", "test")

    def test_join(self):
        data = dataset("train:a", "val:b", "test:c")
        joined = data.transform("map_subsets", mapping={"test": "test", "*": "train"})
        assert keys(joined) == ["train:a", "train:b", "test:c"]
        assert joined.header.subsets == ("train", "test")

    def test_no_name_is_the_default(self):
        assert keys(dataset("x:a").transform("map_subsets", mapping="x:")) == ["default:a"]

    def test_swap(self):
        data = dataset("a:1", "b:1").transform("map_subsets", mapping="a:b,b:a")
        assert keys(data) == ["b:1", "a:1"]

    def test_a_clash_names_both_items(self):
        data = dataset("train:a", "val:a").transform("map_subsets", mapping="val:train")
        with pytest.raises(UsageError, match="'a' of subset 'train' and 'a' of subset 'val'"):
            list(data)

    def test_a_subset_that_is_not_there(self):
        ledger = Ledger()
        data = dataset("train:a", "train:b").transform("map_subsets", mapping="trian:val")
        assert [item.subset for item in data.read(ledger)] == ["train", "train"]
        (message,) = ledger.warnings
        assert "'trian'" in message
        assert "'train'" in message
        assert ledger.warnings[message] == 1

    def test_nothing_to_map(self):
        with pytest.raises(OptionError, match="old:new"):
            dataset("a").transform("map_subsets")


class TestOrder:
    def test_numbers_count_by_value(self):
        data = dataset("f10", "f9", "f2b", "f02a", "f2a", "e")
        assert ids(data.transform("sort")) == ["e", "f02a", "f2a", "f2b", "f9", "f10"]

    def test_reverse_keeps_the_order_of_equals(self):
        data = dataset("b:1", "a:1", "b:2", "a:2")
        assert keys(data.transform("sort", key="subset")) == ["a:1", "a:2", "b:1", "b:2"]
        back = data.transform("sort", key="subset", reverse=True)
        assert keys(back) == ["b:1", "b:2", "a:1", "a:2"]

    def test_attributes_of_any_type(self):
        values = ["t10", None, 2, "t9", True, 1.5, [1], float("nan"), -3]
        data = Dataset.from_iterable(
            DatasetItem(str(n), attributes={"v": v}) for n, v in enumerate(values)
        )
        found = [values[int(i)] for i in ids(data.transform("sort", key="attribute:v"))]
        assert found[:7] == [-3, True, 1.5, 2, "t9", "t10", [1]]
        assert found[7] is None
        assert found[8] != found[8]  # not a number, missing too, in the order they came

    @pytest.mark.parametrize("key", ["name", "attribute:", "lambda item: item.id"])
    def test_nothing_to_sort_by(self, key):
        with pytest.raises(OptionError, match="nothing to sort by"):
            dataset("a").transform("sort", key=[key])

    @given(st.lists(st.integers(0, 10**30), unique=True))
    def test_natural_order_is_that_of_numbers(self, numbers):
        found = sorted((f"a{n}.x" for n in numbers), key=natural)
        assert found == [f"a{n}.x" for n in sorted(numbers)]

    def test_thousands_of_digits(self):
        assert natural("1" * 5000) < natural("2" * 5000) < natural("1" * 5001)


class TestFolders:
    def test_there_and_back(self):
        data = dataset("a/b/c_d", "e", "a/b.c")
        flat = data.transform("flatten_ids")
        assert ids(flat) == ["a__b__c_d", "e", "a__b.c"]
        assert ids(flat.transform("unflatten_ids")) == ids(data)

    @pytest.mark.parametrize("name", ["a__b/c", "a_/b", "__a"])
    def test_what_would_not_come_back(self, name):
        with pytest.raises(UsageError, match=r"could not be found back.*another separator"):
            list(dataset(name).transform("flatten_ids"))

    @given(
        st.text("ab_~/", min_size=1).filter(lambda s: s == "/".join(filter(None, s.split("/")))),
        st.sampled_from(["_", "__", "~", "_~"]),
    )
    def test_either_refused_or_reversible(self, name, separator):
        data = dataset(name)
        try:
            flat = ids(data.transform("flatten_ids", separator=separator))
        except UsageError:
            assert separator[0] in name
            return
        assert "/" not in flat[0]
        back = dataset(*flat).transform("unflatten_ids", separator=separator)
        assert ids(back) == [name]

    @pytest.mark.parametrize("separator", ["", "/", "a/b", "\\", "\n"])
    def test_no_separator(self, separator):
        with pytest.raises(OptionError, match="cannot stand for a slash"):
            dataset("a").transform("flatten_ids", separator=separator)

    def test_a_clash_names_both_items(self):
        with pytest.raises(UsageError, match=r"'a/b'.*'a~b'"):
            list(dataset("a/b", "a~b").transform("unflatten_ids", separator="~"))

    @pytest.mark.parametrize("name", ["~a", "a~~b", "a~"])
    def test_ids_that_are_no_names(self, name):
        with pytest.raises(UsageError, match="was to be the id"):
            list(dataset(name).transform("unflatten_ids", separator="~"))


def test_media_and_annotations_stay():
    before = list(samples.make(subsets=("train", "val")))
    data = Dataset.from_iterable(before, samples.LABELS).transform("reindex")
    for old, new in zip(before, data, strict=True):
        assert new.media is old.media
        assert new.annotations is old.annotations
