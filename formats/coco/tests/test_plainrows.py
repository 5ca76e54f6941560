"""Columns that are kept while a file is indexed: they say what reading the records says."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from dsk import jsonindex
from dsk.adapt import Adapter
from dsk.descriptors import Capabilities
from dsk.loss import Ledger
from dsk.opening import open_dataset
from dsk_coco import index

RING = [1.0, 1.0, 5.0, 1.0, 5.0, 5.5]
CROWD = {"counts": [0, 10, 190], "size": [10, 20]}
BOXES = Capabilities(annotations=frozenset({"bbox"}))


@pytest.fixture(params=[4 << 20, 512], ids=["window", "small-window"], autouse=True)
def window(request, monkeypatch):
    """Sizes of the window in which records are looked for."""
    monkeypatch.setattr(jsonindex, "WINDOW", request.param)


def plain_objects(make, count=40):
    """Objects of three images; those of the last one have all that columns cannot hold."""
    found = []
    for n in range(1, count + 1):
        image = n % 3 + 1
        more = {"segmentation": []} if n % 5 == 0 else {"segmentation": [RING]}
        if image == 3 and n % 2:
            more = {"segmentation": CROWD, "iscrowd": 1}
        found.append(make.obj(n, image, **more))
    return found


def document(make, objects):
    images = [make.image(n, f"{n}.png") for n in (1, 2, 3, 4)]
    return make.document(images, objects)


def boxes(path, *, only_columns, on_error="raise"):
    """What a target of boxes gets, and what it is told."""
    dataset = open_dataset(path, "coco", {}, on_error, only_columns=only_columns)
    source = dataset.source
    given = []
    ledger = Ledger(on_error)
    ledger.merge(dataset.opening_ledger)
    adapter = Adapter(BOXES, ledger)
    for partition in source.partitions():
        found = source.columns(partition, ledger, outlines=True, family="")
        items = source.read(partition, ledger) if found is None else None
        given += adapter.columns(found) if items is None else adapter(items)
    return given, ledger.report(seconds=0, output="")


def was_kept(path):
    source = open_dataset(path, "coco", {}, "skip", only_columns=True).source
    return source._subsets[0][1][0].plain is not None


def test_the_same_with_and_without(folder, make):
    folder.put("annotations/instances_x.json", document(make, plain_objects(make)))
    assert was_kept(folder.path)
    given = boxes(folder.path, only_columns=True)
    assert given == boxes(folder.path, only_columns=False)
    assert sum(len(item.annotations) for item in given[0]) == 40


@pytest.mark.parametrize(
    "odd",
    [
        {"caption": "a dog"},
        {"area": None},
        {"id": 2**70},
        {"category_id": "1"},
        {"bbox": [1, 2, 3]},
        {"note": 'a brace { in a "text"'},
    ],
    ids=str,
)
def test_one_odd_record_and_none_is_kept(folder, make, odd):
    """Neither is anything lost of the others, nor counted twice."""
    objects = plain_objects(make)
    objects[30].update(odd)
    folder.put("annotations/instances_x.json", document(make, objects))
    assert not was_kept(folder.path)
    one = boxes(folder.path, only_columns=True, on_error="skip")
    assert one == boxes(folder.path, only_columns=False, on_error="skip")


OWN = {"license": 3, "coco_url": "https://x.org/é.jpg", "flickr_url": None}


@pytest.mark.parametrize(
    ("odd", "quick"),
    [
        ({}, True),
        ({"width": 0}, True),
        ({"license": None}, True),
        ({"note": "more"}, False),
        ({"a note": "more"}, False),
        ({"license": [1]}, False),
        ({"file_name": "https://x.org/a/5.png"}, False),
        ({"file_name": "1.jpg"}, False),
        ({"file_name": "4.png"}, False),
        ({"id": "5"}, False),
        ({"width": "20"}, False),
        ({"flickr_url": "\ud800"}, True),
    ],
    ids=str,
)
def test_fields_of_images_are_told_without_being_read(folder, make, odd, quick):
    images = [make.image(n, f"{n}.png", **OWN) for n in (1, 2, 3, 4, 5)]
    images[4].update(odd)
    folder.put("annotations/instances_x.json", make.document(images, plain_objects(make)))
    source = open_dataset(folder.path, "coco", {}, "skip").source
    (partition,) = source.partitions()
    for family, unread in (("coco", False), ("*", False), ("", quick), ("voc", quick)):
        caps = replace(BOXES, family=family)
        ledgers = Ledger("skip"), Ledger("skip")
        found = source.columns(partition, ledgers[0], outlines=True, family=family)
        assert bool(found.unread) == unread
        short = list(Adapter(caps, ledgers[0]).columns(found))
        long = list(Adapter(caps, ledgers[1])(source.read(partition, ledgers[1])))
        long = [item.replace(extra=None) for item in long] if unread else long
        assert short == long
        assert ledgers[0].events == ledgers[1].events


def test_orphans_and_unknown_categories(folder, make):
    objects = plain_objects(make)
    objects[3]["image_id"] = 99
    objects[7]["category_id"] = 77
    folder.put("annotations/instances_x.json", document(make, objects))
    assert was_kept(folder.path)
    one = boxes(folder.path, only_columns=True, on_error="skip")
    assert one == boxes(folder.path, only_columns=False, on_error="skip")


def test_room_that_was_guessed_too_small(monkeypatch, folder, make):
    folder.put("annotations/instances_x.json", document(make, plain_objects(make)))
    before = boxes(folder.path, only_columns=True)
    monkeypatch.setattr(index, "Gathered", lambda size: _GATHERED(size // 8))
    assert was_kept(folder.path)
    assert boxes(folder.path, only_columns=True) == before


_GATHERED = index.Gathered
