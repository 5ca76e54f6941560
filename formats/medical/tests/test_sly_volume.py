"""Supervisely's volume projects."""

from __future__ import annotations

import base64
import gzip
import json

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its usual name
from nifti_files import voxels

from dsk import Dataset
from dsk.errors import DskWarning, InputError
from dsk.loss import Ledger
from dsk.testing import FormatSuite
from dsk_medical.volume.arrays import open_volume

SHAPE = (4, 6, 5)
"""Slices, rows, columns: ITK's order."""

ARRAY = np.arange(120).reshape(SHAPE).astype(np.int16)


def image(array):
    made = sitk.GetImageFromArray(array)
    made.SetSpacing((0.5, 0.75, 2))
    made.SetOrigin((-3, 10, 25))
    return made


def mask(number):
    array = np.zeros(SHAPE, np.uint8)
    array[number : number + 2, 1:4, number : number + 2] = 1
    return array


def project(root, **changes):
    """Two volumes in two datasets; the first has two objects of one class and a cut-out mask."""
    root.mkdir(exist_ok=True)
    meta = {
        "classes": [
            {"title": "lung", "shape": "mask_3d", "color": "#0F8A62"},
            {"title": "tumor", "shape": "any", "color": "bad"},
        ],
        "tags": [],
        "projectType": "volumes",
    }
    (root / "meta.json").write_text(json.dumps(meta))
    for folder in ("ds0/volume", "ds0/ann", "ds0/mask/a.nrrd", "ds1/volume", "ds1/ann"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(image(ARRAY), root / "ds0/volume/a.nrrd")
    sitk.WriteImage(image(ARRAY + 1), root / "ds1/volume/b.nrrd")
    for n in range(2):
        sitk.WriteImage(image(mask(n)), root / f"ds0/mask/a.nrrd/f{n}.nrrd")
    sitk.WriteImage(image(mask(2))[2:4, 1:4, 2:4], root / "ds0/mask/a.nrrd/f2.nrrd")
    found = {
        "volumeMeta": {"ACS": "RAS", "windowWidth": 400},
        "key": "v",
        "tags": [{"name": "site", "value": "north"}, {"name": "checked", "value": None}],
        "objects": [
            {"key": "o1", "classTitle": "lung", "tags": [{"name": "sure", "value": 0.5}]},
            {"key": "o2", "classTitle": "lung", "tags": []},
            {"key": "o3", "classTitle": "tumor", "tags": []},
        ],
        "planes": [],
        "spatialFigures": [
            {"key": f"f{n}", "objectKey": f"o{n + 1}", "geometryType": "mask_3d"} for n in range(3)
        ],
    }
    (root / "ds0/ann/a.nrrd.json").write_text(json.dumps(found | changes))
    (root / "ds1/ann/b.nrrd.json").write_text(json.dumps({"objects": [], "spatialFigures": []}))
    return root


class TestSlyVolume(FormatSuite):
    format = "sly_volume"

    def make(self, folder):
        project(folder)


@pytest.mark.parametrize("folder", ["", "project"])
def test_objects_are_masks_of_the_volume(tmp_path, folder):
    project(tmp_path / folder)
    dataset = Dataset.import_from(tmp_path)
    assert dataset.format == "sly_volume"
    categories = dataset.categories()
    assert [label.name for label in categories.labels] == ["lung", "tumor"]
    assert categories.colors == {0: (15, 138, 98)}
    first, second = dataset
    assert (first.id, second.id, second.annotations) == ("ds0/a", "ds1/b", [])
    assert first.attributes == {"site": "north", "checked": True}
    assert np.array_equal(open_volume(first.media)[...], ARRAY.T)
    for n, a in enumerate(first.annotations):
        assert np.array_equal(voxels(a), mask(n).T == 1)
    assert [(a.label, a.object_id) for a in first.annotations] == [(0, 1), (0, 2), (1, 3)]
    assert [a.attributes for a in first.annotations] == [{"sure": 0.5}, {}, {}]
    assert [a.affine for a in first.annotations] == [None] * 3


def test_volumes_without_annotations_and_the_way_around(tmp_path):
    project(tmp_path / "in")
    (tmp_path / "in/ds1/ann/b.nrrd.json").unlink()
    assert len(list(Dataset.import_from(tmp_path / "in"))) == 2
    (tmp_path / "in/ds1/ann/c.nrrd.json").write_text("{}")
    with pytest.raises(InputError, match=r"c\.nrrd\.json.*its volume is missing"):
        Dataset.import_from(tmp_path / "in")


def inside(array, **place):
    """A figure's geometry as Supervisely's tools write it; the array is (x, y, z)."""
    sizes = ",".join(map(str, array.shape)).encode()
    data = base64.b64encode(gzip.compress(sizes + b"|" + array.astype(np.uint8).tobytes()))
    return {"mask_3d": {"data": data.decode(), **place}, "shape": "mask_3d"}


def embedding(root, geometry):
    figure = {"key": "f9", "objectKey": "o1", "geometryType": "mask_3d", "geometry": geometry}
    return project(root, spatialFigures=[figure])


def test_masks_inside_the_annotation(tmp_path):
    embedding(tmp_path, inside(mask(1).T))
    first, _ = Dataset.import_from(tmp_path)
    (a,) = first.annotations
    assert np.array_equal(voxels(a), mask(1).T == 1)
    assert a.affine is None


def test_a_part_of_the_volume_inside_the_annotation(tmp_path):
    part = image(mask(2))[2:4, 1:4, 2:4]
    place = {
        "space": "left-posterior-superior",
        "space_directions": np.diag([0.5, 0.75, 2]).tolist(),
        "space_origin": list(part.GetOrigin()),
    }
    array = sitk.GetArrayFromImage(part).T
    embedding(tmp_path, inside(array, **place))
    first, _ = Dataset.import_from(tmp_path)
    assert np.array_equal(voxels(first.annotations[0]), mask(2).T == 1)
    embedding(tmp_path, inside(array))  # no word of where it lies
    with pytest.raises(InputError, match="f9"):
        list(Dataset.import_from(tmp_path))


@pytest.mark.parametrize(
    "data",
    [
        "no base64",
        base64.b64encode(b"no gzip").decode(),
        base64.b64encode(gzip.compress(b"\1" * 120)).decode(),
        base64.b64encode(gzip.compress(b"5,6,4|" + b"\1" * 119)).decode(),
        base64.b64encode(gzip.compress(b"5,6,4|" + b"\1" * 120)[:-12]).decode(),
        base64.b64encode(gzip.compress(b"0,6,4|")).decode(),
        base64.b64encode(gzip.compress(b"999999,999999,999|" + bytes(1 << 20))).decode(),
    ],
    ids=["base64", "gzip", "sizes", "short", "cut", "empty", "large"],
)
def test_damaged_masks_inside_the_annotation(tmp_path, data):
    embedding(tmp_path, {"mask_3d": {"data": data}})
    with pytest.raises(InputError, match="voxels cannot be read"):
        list(Dataset.import_from(tmp_path))


@pytest.mark.filterwarnings("ignore:.*turned round")
@pytest.mark.parametrize("turned", [False, True])
def test_origins_that_were_rounded(tmp_path, turned):
    """Supervisely's tools keep a mask's origin in whole numbers."""
    project(tmp_path)
    volume, found = image(ARRAY), image(mask(1))
    for one in (volume, found):
        one.SetOrigin((-3.4, 10.3, 25.5))
    if turned:
        found = sitk.DICOMOrient(found, "RAS")
    exact = found.GetOrigin()
    sitk.WriteImage(volume, tmp_path / "ds0/volume/a.nrrd")
    figure = {"key": "f1", "objectKey": "o1", "geometryType": "mask_3d"}
    (tmp_path / "ds0/ann/a.nrrd.json").write_text(
        json.dumps(
            {"objects": [{"key": "o1", "classTitle": "lung"}], "spatialFigures": [figure]},
        )
    )
    found.SetOrigin([round(n) for n in exact])
    sitk.WriteImage(found, tmp_path / "ds0/mask/a.nrrd/f1.nrrd")
    with pytest.warns(DskWarning, match="origin was rounded"):
        first, _ = Dataset.import_from(tmp_path)
    assert np.array_equal(voxels(first.annotations[0]), mask(1).T == 1)
    assert first.annotations[0].affine is None
    found.SetOrigin([round(n) + 1 for n in exact])  # not rounded: it lies elsewhere
    sitk.WriteImage(found, tmp_path / "ds0/mask/a.nrrd/f1.nrrd")
    with pytest.warns(DskWarning, match="spatial_mismatch"):
        first, _ = Dataset.import_from(tmp_path)


@pytest.mark.parametrize("steps", [[1, 2, 3], [["a", 0, 0]] * 3, {"x": 1}])
def test_places_that_are_none_inside_the_annotation(tmp_path, steps):
    place = {"space": "LPS", "space_directions": steps, "space_origin": [0, 0, 0]}
    embedding(tmp_path, inside(mask(1).T, **place))
    with pytest.raises(InputError, match="voxels cannot be read"):
        list(Dataset.import_from(tmp_path))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"objectKey": "o9"}, "belongs to no object"),
        ({"geometryType": "polygon"}, "'polygon' are not read"),
        ({"key": "f9"}, r"there is no file .*f9\.nrrd"),
        ({"key": "../f1"}, "no key of a figure"),
        ({"key": ".."}, r"spatialFigures/0"),
        ({"key": None}, "no key of a figure"),
    ],
)
def test_bad_figures_are_named_and_left_out(tmp_path, change, text):
    figure = {"key": "f0", "objectKey": "o1", "geometryType": "mask_3d"}
    good = {"key": "f1", "objectKey": "o2", "geometryType": "mask_3d"}
    project(tmp_path, spatialFigures=[figure | change, good])
    with pytest.raises(InputError, match=text):
        list(Dataset.import_from(tmp_path, "sly_volume"))
    dataset = Dataset.import_from(tmp_path, "sly_volume", on_error="skip")
    first, _ = dataset
    assert [a.object_id for a in first.annotations] == [2]


@pytest.mark.parametrize("key", ["objects", "spatialFigures", "planes", "tags", "volumeMeta"])
@pytest.mark.parametrize(
    "value", [None, 3, "x", [3], [[]], {"a": 1}, [{"key": [], "objectKey": {}, "classTitle": []}]]
)
@pytest.mark.filterwarnings("ignore")
def test_other_json_than_expected(tmp_path, key, value):
    project(tmp_path, **{key: value})
    found = list(Dataset.import_from(tmp_path, "sly_volume", on_error="skip"))
    assert [item.id for item in found] == ["ds0/a", "ds1/b"]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"classes": 3}', '{"classes": [{"title": 3}]}'])
def test_a_damaged_meta_is_named(tmp_path, text):
    project(tmp_path)
    (tmp_path / "meta.json").write_text(text)
    with pytest.raises(InputError, match=r"meta\.json"):
        Dataset.import_from(tmp_path, "sly_volume")


def test_a_damaged_volume_leaves_the_others(tmp_path):
    project(tmp_path)
    data = (tmp_path / "ds0/volume/a.nrrd").read_bytes()
    (tmp_path / "ds0/volume/a.nrrd").write_bytes(data[:-20])
    with pytest.raises(InputError, match=r"a\.nrrd"):
        list(Dataset.import_from(tmp_path, "sly_volume"))
    (item,) = Dataset.import_from(tmp_path, "sly_volume", on_error="skip")
    assert item.id == "ds1/b"


def test_objects_of_unknown_classes_are_refused(tmp_path):
    project(tmp_path, objects=[{"key": "o1", "classTitle": "heart"}])
    with pytest.raises(InputError, match=r"class 'heart' is not in meta\.json"):
        list(Dataset.import_from(tmp_path, "sly_volume"))


def test_figures_on_slices_are_told(tmp_path):
    cut = {"index": 3, "figures": [{"key": "x", "geometryType": "bitmap"}, {"key": "y"}]}
    project(tmp_path, planes=[{"name": "axial", "slices": [cut]}])
    with pytest.warns(DskWarning, match="2 figures drawn on single slices are not read"):
        list(Dataset.import_from(tmp_path, "sly_volume"))


def test_a_mask_elsewhere_is_told(tmp_path):
    project(tmp_path)
    moved = image(mask(0))
    moved.SetOrigin((-2.8, 10, 25))
    sitk.WriteImage(moved, tmp_path / "ds0/mask/a.nrrd/f0.nrrd")
    with pytest.warns(DskWarning, match=r"spatial_mismatch: .*f0\.nrrd.* 0\.2 mm"):
        list(Dataset.import_from(tmp_path, "sly_volume"))


def test_the_matrix_of_a_header_without_one(tmp_path):
    matrix = [0.5, 0, 0, 3, 0, 0.75, 0, -10, 0, 0, 2, 25, 0, 0, 0, 1]
    project(tmp_path, volumeMeta={"ACS": "RAS", "IJK2WorldMatrix": matrix}, spatialFigures=[])
    head = "NRRD0004\ntype: short\ndimension: 3\nsizes: 5 6 4\nendian: little\nencoding: raw\n\n"
    (tmp_path / "ds0/volume/a.nrrd").write_bytes(head.encode() + ARRAY.tobytes())
    first = next(iter(Dataset.import_from(tmp_path, "sly_volume")))
    assert list(first.media.affine) == matrix


@pytest.mark.parametrize("kind", ["images", "point_clouds"])
def test_other_projects_are_not_taken(tmp_path, kind):
    project(tmp_path)
    meta = json.loads((tmp_path / "meta.json").read_text())
    (tmp_path / "meta.json").write_text(json.dumps(meta | {"projectType": kind}))
    with pytest.raises(InputError, match=r"no meta\.json of a Supervisely project of volumes"):
        Dataset.import_from(tmp_path, "sly_volume")
    del meta["projectType"]
    (tmp_path / "meta.json").write_text(json.dumps(meta))
    assert Dataset.import_from(tmp_path).format == "sly_volume"


@pytest.mark.parametrize("shape", [(*SHAPE, 2), SHAPE[:2]])
def test_masks_of_other_shapes_are_told(tmp_path, shape):
    project(tmp_path)
    name = tmp_path / "ds0/mask/a.nrrd/f0.nrrd"
    sizes = " ".join(map(str, shape))
    head = f"NRRD0004\ntype: uint8\ndimension: {len(shape)}\nsizes: {sizes}\nencoding: raw\n\n"
    name.write_bytes(head.encode() + bytes(np.prod(shape)))
    data = Dataset.import_from(tmp_path, "sly_volume", on_error="skip")
    ledger = Ledger("skip")
    assert sum(len(item.annotations) for item in data.read(ledger)) == 2
    assert ("axes" if len(shape) > 3 else "shape_mismatch") in ledger.bad[0].message
