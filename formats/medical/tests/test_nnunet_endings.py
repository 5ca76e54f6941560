"""nnU-Net datasets written as NRRD, MetaImage, TIFF, PNG; SimpleITK is the other reader."""

from __future__ import annotations

import json

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its usual name
from test_nnunet import AFFINE, BRATS, SHAPE, case

from dsk import Dataset
from dsk.annotations import Mask3d
from dsk.errors import DskWarning, InputError
from dsk.item import DatasetItem
from dsk.media import Volume
from dsk_medical.volume.arrays import open_volume

OBLIQUE = AFFINE.copy()
OBLIQUE[:3, :3] = AFFINE[:3, :3] @ np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]])
ENDINGS = (".nrrd", ".mha")


def lps(affine):
    return np.diag([-1.0, -1, 1, 1]) @ affine


def world(image, index):
    return np.array(image.TransformContinuousIndexToPhysicalPoint([float(n) for n in index]))


def given(kind="int16", affine=OBLIQUE, masks=None):
    item = case("a")
    array = np.asarray(item.media.source).astype(kind)
    media = Volume(
        "a",
        array,
        None,
        array.shape,
        None if affine is None else tuple(affine.ravel()),
        channels=("T1", "T2"),
    )
    item = item.replace(media=media)
    return item.replace(annotations=masks) if masks is not None else item


def write(out, ending, item, **options):
    report = Dataset.from_iterable([item], BRATS).export(
        out, "nnunet", file_ending=ending, **options
    )
    return report, out / "Dataset999_dsk"


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(
    "kind", ["uint8", "int8", "int16", "uint16", "int32", "uint32", "float32", "float64"]
)
def test_simpleitk_reads_what_was_written(tmp_path, ending, kind):
    item = given(kind)
    report, folder = write(tmp_path, ending, item)
    assert {path.name for path in folder.rglob(f"*{ending}")} == {
        *(f"a_0000{ending}", f"a_0001{ending}", f"a{ending}")
    }
    assert json.loads((folder / "dataset.json").read_text())["file_ending"] == ending
    for n in (0, 1):
        image = sitk.ReadImage(folder / f"imagesTr/a_{n:04d}{ending}")
        array = sitk.GetArrayFromImage(image)
        assert array.dtype == kind
        assert np.array_equal(array.T, np.asarray(item.media.source)[..., n])
        for index in ((0, 0, 0), (6, 5, 3), (1, 0, 2)):
            assert np.allclose(world(image, index), (lps(OBLIQUE) @ [*index, 1])[:3], atol=1e-9)
    labels = sitk.ReadImage(folder / f"labelsTr/a{ending}")
    assert labels.GetDirection() == image.GetDirection()
    assert labels.GetOrigin() == image.GetOrigin()
    assert labels.GetSpacing() == image.GetSpacing()
    assert set(np.unique(sitk.GetArrayFromImage(labels))) == {0, 1, 2, 3}
    assert not [e for e in report.losses if e.code == "DSK-L016"]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("affine", [OBLIQUE, AFFINE, None])
def test_nothing_changes_on_the_way_back(tmp_path, ending, affine):
    item = given(affine=affine)
    _, folder = write(tmp_path, ending, item)
    (back,) = Dataset.import_from(folder)
    assert np.array_equal(np.asarray(open_volume(back.media)), np.asarray(item.media.source))
    assert back.media.dtype == "int16"
    if affine is None:
        assert back.media.affine is None
    else:
        assert np.allclose(np.reshape(back.media.affine, (4, 4)), affine, atol=1e-12)
    assert len(back.annotations) == 3


def _back(tmp_path):
    Dataset.import_from(tmp_path / "out").export(tmp_path / "back", "nnunet")
    return tmp_path / "back/Dataset999_dsk/imagesTr/a_0000.nii.gz"


@pytest.mark.parametrize("ending", ENDINGS)
def test_scale_factors_are_applied_and_told(tmp_path, ending):
    source = nib.Nifti1Image(np.arange(168, dtype=np.int16).reshape(SHAPE), AFFINE)
    source.header.set_slope_inter(1, 0)
    nib.save(source, tmp_path / "a.nii")
    data = bytearray((tmp_path / "a.nii").read_bytes())
    data[112:120] = np.array([0.5, -1024], np.float32).tobytes()
    (tmp_path / "a.nii").write_bytes(data)
    dataset = Dataset.import_from(tmp_path / "a.nii")
    report = dataset.export(tmp_path / "out", "nnunet", file_ending=ending)
    path = tmp_path / f"out/Dataset999_dsk/imagesTr/a_0000{ending}"
    array = sitk.GetArrayFromImage(sitk.ReadImage(path)).T
    assert np.array_equal(array, np.arange(168).reshape(SHAPE) * 0.5 - 1024)
    assert any("scale factors applied" in event.what for event in report.losses)
    codes = any("form codes" in event.what for event in report.losses)
    assert codes == (ending == ".mha")  # the other one keeps them
    header = nib.load(_back(tmp_path)).header
    assert (int(header["sform_code"]) == int(source.header["sform_code"])) or codes


@pytest.mark.parametrize("ending", ENDINGS)
def test_regions(tmp_path, ending):
    one, two = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    one[:4], two[2:6] = True, True
    item = given(masks=[Mask3d(one, label=0), Mask3d(two, label=1)])
    _, folder = write(tmp_path, ending, item, overlaps="regions")
    labels = json.loads((folder / "dataset.json").read_text())["labels"]
    array = sitk.GetArrayFromImage(sitk.ReadImage(folder / f"labelsTr/a{ending}")).T
    assert np.array_equal(np.isin(array, labels["NCR/NET"]), one)
    assert np.array_equal(np.isin(array, labels["ED"]), two)


@pytest.mark.parametrize(
    ("reader", "ending", "kept"),
    [
        ("NaturalImage2DIO", ".nii.gz", False),
        ("NibabelIO", ".nii.gz", True),
        ("NibabelIOWithReorient", ".mha", False),
        ("SimpleITKIO", ".mha", True),
        ("MyOwnIO", ".nrrd", True),
    ],
)
def test_a_reader_of_other_files_is_left_out(tmp_path, reader, ending, kept):
    _, folder = write(tmp_path / "a", ".nii.gz", given())
    facts = json.loads((folder / "dataset.json").read_text())
    facts["overwrite_image_reader_writer"] = reader
    (folder / "dataset.json").write_text(json.dumps(facts))
    source = Dataset.import_from(folder)
    report = source.export(tmp_path / "b", "nnunet", file_ending=ending)
    found = json.loads((tmp_path / "b/Dataset999_dsk/dataset.json").read_text())
    assert ("overwrite_image_reader_writer" in found) is kept
    assert any(reader in event.what for event in report.losses) is not kept


# --- Pictures -------------------------------------------------------------------------------------

TURNED = np.array([[0, 0, -2.0, 4], [-1.5, 0, 0, 9], [0, 3.0, 0, -7], [0, 0, 0, 1]])
"""Rows go back, columns up, slices to the left."""


def read_tiff(folder):
    """The only item; readers tell that they guess how TIFF files lie."""
    with pytest.warns(DskWarning, match="TIFF files"):
        (item,) = Dataset.import_from(folder)
    return item


def whats(report):
    return {event.what for event in report.losses if event.code == "DSK-L016"}


def positions(array, affine):
    """Values by place, up to where the first voxel lies."""
    places = np.argwhere(np.ones(array.shape)) @ affine[:3, :3].T
    places -= places.min(axis=0)
    return {tuple(np.round(p, 6)): v for p, v in zip(places.tolist(), array.ravel(), strict=True)}


@pytest.mark.parametrize("affine", [AFFINE, TURNED, np.diag([1.5, 1, 2, 1])])
@pytest.mark.parametrize("kind", ["uint8", "uint16", "int32", "float32"])
def test_tiff_pages_lie_where_readers_take_them_to_lie(tmp_path, affine, kind):
    item = given(kind, affine)
    report, folder = write(tmp_path, ".tif", item)
    assert whats(report) == {"geometry: TIFF files hold spacing alone"}
    back = read_tiff(folder)
    found = np.asarray(open_volume(back.media))
    assert found.dtype == kind
    own = np.reshape(back.media.affine, (4, 4))
    for n in (0, 1):
        before = positions(np.asarray(item.media.source)[..., n], affine)
        assert positions(found[..., n], own) == before
        image = sitk.ReadImage(folder / f"imagesTr/a_{n:04d}.tif")
        assert np.array_equal(sitk.GetArrayFromImage(image), found[..., n].transpose(2, 0, 1))
    spacing = [json.loads((folder / f"{x}Tr/a.json").read_text()) for x in ("images", "labels")]
    pages, rows, columns = (abs(own[n, k]) for n, k in ((2, 2), (1, 0), (0, 1)))
    assert spacing == [{"spacing": [pages, rows, columns]}] * 2
    values = json.loads((folder / "dataset.json").read_text())["labels"]
    masks = {b.value: b for b in back.annotations}
    for a in item.annotations:
        before = positions(np.asarray(a.source) == a.value, affine)
        b = masks[values[BRATS.labels[a.label].name]]
        assert positions(np.asarray(b.source[:, :, :]) == b.value, own) == before


@pytest.mark.parametrize(
    ("kind", "written", "told"),
    [
        ("int16", "int32", "type int16, written as int32"),
        ("int8", "int32", "type int8, written as int32"),
        ("float64", "float32", "type float64, written as float32"),
        ("uint32", None, ""),
        ("int64", None, ""),
    ],
)
def test_tiff_holds_few_types(tmp_path, kind, written, told):
    item = given(kind, affine=None)
    if written is None:
        with pytest.raises(InputError, match=f"type {kind} .* not written as TIFF"):
            write(tmp_path, ".tif", item)
        return
    report, folder = write(tmp_path, ".tif", item)
    back = read_tiff(folder)
    assert back.media.dtype == written
    assert np.array_equal(np.asarray(open_volume(back.media)), np.asarray(item.media.source))
    assert whats(report) == {told}
    assert not list(folder.rglob("a.json"))


def test_tiff_tells_of_rounded_values(tmp_path):
    item = given("float64", affine=None)
    item.media.source[0, 0, 0, 0] = 0.1
    report, _ = write(tmp_path, ".tif", item)
    assert "values rounded to 32 bits" in whats(report)


def flat(kind, channels=(), affine=None):
    shape = (6, 5, 1, len(channels)) if channels else (6, 5, 1)
    array = np.arange(np.prod(shape)).reshape(shape).astype(kind)
    media = Volume("x", array, None, shape, affine, channels=channels)
    labels = np.zeros((6, 5, 1), np.uint8)
    labels[1:3, 2:] = 1
    return DatasetItem("x", "train", media, [Mask3d(labels, 1, label=1)])


@pytest.mark.parametrize("kind", ["uint8", "uint16"])
@pytest.mark.parametrize("channels", [(), ("T1", "T2"), ("red", "green", "blue")])
def test_png(tmp_path, kind, channels):
    colors = "red" in channels
    item = flat("uint8" if colors else kind, channels)
    report, folder = write(tmp_path, ".png", item)
    assert not report.losses
    names = {path.name for path in folder.rglob("*.png")}
    count = 1 if colors else max(1, len(channels))
    assert names == {"x.png", *(f"x_{n:04d}.png" for n in range(count))}
    pixels = np.stack(
        [sitk.GetArrayFromImage(sitk.ReadImage(p)) for p in sorted(folder.glob("images*/*.png"))],
        axis=-1,
    )
    assert np.array_equal(pixels.reshape(6, 5, -1), item.media.source.reshape(6, 5, -1))
    labels = sitk.GetArrayFromImage(sitk.ReadImage(folder / "labelsTr/x.png"))
    assert np.array_equal(labels, np.asarray(item.annotations[0].source)[:, :, 0])
    (back,) = Dataset.import_from(folder)
    assert np.array_equal(np.asarray(open_volume(back.media)), item.media.source)
    assert len(back.annotations) == 1


def test_png_holds_no_geometry(tmp_path):
    report, _ = write(tmp_path, ".png", flat("uint8", affine=tuple(np.eye(4).ravel())))
    assert whats(report) == {"geometry: PNG files hold none"}


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (given("uint8"), "holds one slice, the volume has 4"),
        (flat("int16"), "8 or 16 bits, this is int16"),
        (flat("uint16", ("red", "green", "blue")), "cannot write a .png image from uint16"),
    ],
)
def test_png_refuses_what_it_does_not_hold(tmp_path, item, text):
    with pytest.raises(InputError, match=text):
        write(tmp_path, ".png", item)
    assert not list(tmp_path.iterdir())


def test_regions_in_pictures(tmp_path):
    item = flat("uint8")
    other = np.zeros((6, 5, 1), bool)
    other[2:5, 1:3] = True
    item = item.replace(annotations=[*item.annotations, Mask3d(other, label=0)])
    _, folder = write(tmp_path, ".png", item, overlaps="regions")
    labels = json.loads((folder / "dataset.json").read_text())["labels"]
    array = sitk.GetArrayFromImage(sitk.ReadImage(folder / "labelsTr/x.png"))
    assert np.array_equal(np.isin(array, labels["NCR/NET"]), other[:, :, 0])
