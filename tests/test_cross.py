"""Every format to every other: what comes back is what the report says was written.

And what a format writes is told from all other formats: no ties, no strangers.
"""

from __future__ import annotations

import functools

import pytest

from dsk import Dataset
from dsk.detect import best_of, look
from dsk.errors import DskError, OutputError
from dsk.files import open_root
from dsk.registry import registry
from dsk.testing import samples

FLAT = tuple(
    kind for kind in samples.MAKERS if kind not in samples.VOLUME_KINDS | samples.CLOUD_KINDS
)

JOINED = {"datumaro": "DSK-L013"}
"""Formats that split what they read back as one, and the code they count the parts by."""

READ_AS = dict.fromkeys(("mvtec_classification", "mvtec_detection", "mvtec_segmentation"), "mvtec")
"""Formats whose importers read a part of what the exporters write, and what reads all of it."""

MORE = frozenset({"mvtec", "brats", "brats_numpy"})
"""Formats that are read with more than was written: labels of folders, boxes around masks, or a
mask for each slice."""

DENSE = frozenset(
    {"camvid", "cityscapes", "common_semantic_segmentation", "kitti", "kitti_segmentation"}
)
"""Formats whose maps say something of each pixel: what nothing covers is read as a mask, too."""

NEEDS = {"kitti3d": {"calib": "identity"}, "kitti_raw": {"reindex": True}}
"""Options without which a format refuses the samples."""

ONLY_TO = frozenset({"nyu_depth_v2"})
"""Formats that hold nothing of the samples; this one's package has samples with depth maps."""

FOUND_AS = READ_AS | {
    "kitti_detection": "kitti",
    "kitti_segmentation": "kitti",
    "common_super_resolution": "image_dir",
    **{
        f"voc_{part}": "voc"
        for part in (
            "action",
            "classification",
            "detection",
            "instance_segmentation",
            "layout",
            "segmentation",
        )
    },
}
"""Parts of formats, which are read with the whole format; images without a sharper version."""


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
        item_attributes={"weather": "rain"},
        label_fields=frozenset({"parent", "attributes", "colors", "points"}),
        multi_ring=True,
        holes=True,
    )
    return samples.make(recipe)


def suited(name: str) -> Dataset:
    """Return a sample that a format can hold something of."""
    media = registry().exporter(name).capabilities.media
    if "image" in media:
        return source()
    kind = "mask_3d" if "volume" in media else "cuboid_3d"
    return samples.make(kinds=(kind,), fields=samples.ALL_FIELDS - {"object_id"})


def counted(report) -> str:
    tally = report.annotations
    came = tally["in"] + tally["split"]
    went = tally["out"] + tally["dropped"] + tally["merged"] + tally["removed"]
    return "" if came == went else f"{came} came, {went} went: {report.events}"


def problem(dataset: Dataset, target: str, out) -> str:
    """Convert a dataset and return what the report does not account for."""
    count = sum(len(item.annotations) for item in dataset)
    try:
        report = dataset.export(out, target, save_media=True)
    except OutputError as error:  # refused: the user is told what to change
        return "" if error.hint else f"refused without advice: {error}"
    if wrong := counted(report):
        return wrong
    if report.annotations["in"] != count:
        return f"{report.annotations['in']} of {count} came in"
    written = report.annotations["out"]
    reader = READ_AS.get(target, target)
    try:
        back = Dataset.import_from(out, reader)
    except DskError as error:
        return f"{written} written, nothing to be read: {error}" if written else ""
    found = sum(len(item.annotations) for item in back)
    found += sum(e.count for e in report.events if e.code == JOINED.get(target))
    highest = written + (len(dataset) if reader in DENSE else 0)
    fits = written <= found and (found <= highest or reader in MORE)
    return "" if fits else f"{written} written, {found} found: {report.events}"


@pytest.mark.parametrize("first", [name for name in both_ways() if name not in ONLY_TO])
def test_every_pair_accounts_for_its_annotations(first, tmp_path):
    suited(first).export(tmp_path / "first", first, save_media=True, **NEEDS.get(first, {}))
    dataset = Dataset.import_from(tmp_path / "first", first)
    problems = {t: problem(dataset, t, tmp_path / "out" / t) for t in both_ways()}
    assert not {target: text for target, text in problems.items() if text}


@pytest.mark.parametrize("kind", sorted(samples.VOLUME_KINDS | samples.CLOUD_KINDS))
@pytest.mark.parametrize("target", both_ways())
def test_volumes_and_clouds_go_everywhere(kind, target, tmp_path):
    dataset = samples.make(kinds=(kind,), fields=samples.ALL_FIELDS, attributes=samples.ATTRIBUTES)
    assert not problem(dataset, target, tmp_path / "out")


def kinds_for(name: str) -> list[str]:
    media = registry().exporter(name).capabilities.media
    return [
        kind
        for kind in sorted(samples.MAKERS)
        if (kind in samples.VOLUME_KINDS) == ("volume" in media)
        and (kind in samples.CLOUD_KINDS) == ("point_cloud" in media)
    ]


@pytest.mark.parametrize("name", [name for name in both_ways() if name not in ONLY_TO])
def test_own_output_is_found_out(name, tmp_path):
    expected = FOUND_AS.get(name, name)
    found = {}
    for kind in kinds_for(name):
        dataset = samples.make(kinds=(kind,), fields=samples.ALL_FIELDS - {"object_id"})
        report = dataset.export(tmp_path / kind, name, save_media=True, **NEEDS.get(name, {}))
        if report.annotations["out"]:
            found[kind] = best_of(look(open_root(str(tmp_path / kind)))[1], kind).format
    assert set(found.values()) <= {expected}, found
