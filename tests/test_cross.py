"""Every format to every other: what comes back is what the report says was written."""

from __future__ import annotations

import functools

import pytest

from dsk import Dataset
from dsk.errors import DskError
from dsk.registry import registry
from dsk.testing import samples

FLAT = tuple(
    kind for kind in samples.MAKERS if kind not in samples.VOLUME_KINDS | samples.CLOUD_KINDS
)

JOINED = {"datumaro": "DSK-L013"}
"""Formats that split what they read back as one, and the code they count the parts by."""

READ_AS = dict.fromkeys(("mvtec_classification", "mvtec_detection", "mvtec_segmentation"), "mvtec")
"""Formats whose importers read a part of what the exporters write, and what reads all of it."""

MORE = frozenset({"mvtec"})
"""Formats that are read with more than was written: labels of folders, boxes around masks."""


def both_ways() -> list[str]:
    table = registry()
    return sorted(info.name for info in table.exporters if table.importers.find(info.name))


@functools.cache
def source() -> Dataset:
    recipe = samples.Recipe(
        kinds=FLAT,
        ids=("a", "b2", "dir/c"),
        subsets=("train", "val"),
        fields=samples.ALL_FIELDS,
        attributes=samples.ATTRIBUTES,
        item_attributes=samples.ITEM_ATTRIBUTES,
        label_fields=frozenset({"parent", "attributes", "colors", "points"}),
        multi_ring=True,
        holes=True,
    )
    return samples.make(recipe)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cross")


@pytest.fixture(scope="module")
def written(folder):
    """A function that returns the sample as a format holds it; written once."""

    @functools.cache
    def dataset(name: str) -> Dataset:
        path = folder / name
        source().export(path, name, save_media=True)
        return Dataset.import_from(path, name)

    return dataset


def counted(report) -> None:
    tally = report.annotations
    assert tally["in"] + tally["split"] == (
        tally["out"] + tally["dropped"] + tally["merged"] + tally["removed"]
    ), report.events


@pytest.mark.parametrize("target", both_ways())
@pytest.mark.parametrize("first", both_ways())
def test_every_pair_accounts_for_its_annotations(written, tmp_path, first, target):
    dataset = written(first)
    count = sum(len(item.annotations) for item in dataset)
    report = dataset.export(tmp_path / "out", target, save_media=True)
    counted(report)
    assert report.annotations["in"] == count
    reader = READ_AS.get(target, target)
    try:
        back = Dataset.import_from(tmp_path / "out", reader)
    except DskError:
        assert report.annotations["out"] == 0, f"{report.annotations} written, nothing to be read"
        return
    found = sum(len(item.annotations) for item in back)
    found += sum(e.count for e in report.events if e.code == JOINED.get(target))
    out = report.annotations["out"]
    assert found >= out if reader in MORE else found == out, (found, out, report.events)
