"""nnU-Net datasets of MetaImage, PNG and TIFF files."""

from __future__ import annotations

import json

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its usual name
from nifti_files import voxels
from PIL import Image

from dsk import Dataset
from dsk.errors import DskWarning, InputError, MediaError
from dsk.media import Media
from dsk_medical.volume.arrays import open_volume
from dsk_medical.volume.metaimage import open_metaimage

SHAPE = (5, 6, 4)
"""Pages, rows, columns: ITK's order."""

LABELS = np.zeros(SHAPE, np.uint8)
LABELS[1:3, 2:5, 1:3] = 1
LABELS[3, 2:5, 1:3] = 2


def dataset(folder, ending, channels=("CT",), **more):
    for name in ("imagesTr", "labelsTr"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    facts = {
        "channel_names": dict(enumerate(channels)),
        "labels": {"background": 0, "a": 1, "b": 2},
        "numTraining": 1,
        "file_ending": ending,
    }
    (folder / "dataset.json").write_text(json.dumps(facts | more))
    return folder


def image(array, kind=sitk.sitkInt16):
    made = sitk.Cast(sitk.GetImageFromArray(array), kind)
    made.SetSpacing((0.5, 0.75, 2))
    made.SetOrigin((-3, 10, 25))
    made.SetDirection((0.8, -0.6, 0, 0.6, 0.8, 0, 0, 0, -1))
    return made


def scan(kind=np.int16):
    return (np.arange(np.prod(SHAPE)).reshape(SHAPE) - 40).astype(kind)


def facts(folder):
    """What SimpleITK says of each label: voxels, and the centroid in RAS."""
    labels = sitk.ReadImage(folder / "labelsTr" / "x.mha")
    found = sitk.LabelShapeStatisticsImageFilter()
    found.Execute(labels)
    return {
        n: (found.GetNumberOfPixels(n), np.array(found.GetCentroid(n)) * (-1, -1, 1))
        for n in found.GetLabels()
    }


@pytest.mark.parametrize("packed", [True, False])
def test_metaimage_lies_where_itk_says(tmp_path, packed):
    folder = dataset(tmp_path, ".mha")
    sitk.WriteImage(image(scan()), folder / "imagesTr/x_0000.mha", packed)
    sitk.WriteImage(image(LABELS, sitk.sitkUInt8), folder / "labelsTr/x.mha", packed)
    read = Dataset.import_from(folder)
    assert read.format == "nnunet"
    (item,) = read
    assert np.array_equal(open_volume(item.media)[...], scan().T)
    assert item.media.dtype == "int16"
    affine = np.reshape(item.media.affine, (4, 4))
    known = facts(folder)
    assert sorted(known) == [a.value for a in item.annotations]
    for a in item.annotations:
        places = np.argwhere(voxels(a))
        count, centroid = known[a.value]
        assert len(places) == count
        assert np.allclose((affine @ [*places.mean(axis=0), 1])[:3], centroid)


@pytest.mark.parametrize("kind", ["uint8", "int8", "uint16", "int32", "float32", "float64"])
def test_metaimage_types_and_parts(tmp_path, kind):
    path = tmp_path / "x.mha"
    sitk.WriteImage(sitk.GetImageFromArray(scan(kind)), path, True)
    file = open_metaimage(Media("x.mha", str(path)))
    assert file.dtype == np.dtype(kind)
    for k in (4, 0, 3, 1):  # back and forth
        assert np.array_equal(file.array[:, :, k], scan(kind)[k].T)


def test_metaimage_channels_and_two_axes(tmp_path):
    path = tmp_path / "x.mha"
    both = np.stack([scan(), scan() + 7], axis=-1)
    sitk.WriteImage(sitk.GetImageFromArray(both, isVector=True), path, True)
    file = open_metaimage(Media("x.mha", str(path)))
    assert np.array_equal(file.array[...], both.transpose(2, 1, 0, 3))
    sitk.WriteImage(sitk.GetImageFromArray(scan()[0]), path)
    assert np.array_equal(open_metaimage(Media("x.mha", str(path))).array[:, :, 0], scan()[0].T)


def test_one_file_may_hold_all_channels(tmp_path):
    folder = dataset(tmp_path, ".mha", channels=("T1", "T2"))
    both = np.stack([scan(), scan() + 7], axis=-1)
    made = sitk.GetImageFromArray(both, isVector=True)
    sitk.WriteImage(made, folder / "imagesTr/x_0000.mha")
    sitk.WriteImage(sitk.GetImageFromArray(LABELS), folder / "labelsTr/x.mha")
    (item,) = Dataset.import_from(folder)
    assert item.media.channels == ("T1", "T2")
    assert np.array_equal(open_volume(item.media)[..., 1], scan().T + 7)
    sitk.WriteImage(sitk.GetImageFromArray(scan()), folder / "imagesTr/x_0000.mha")
    with pytest.raises(InputError, match=r"the case has the channels \[0\]"):
        list(Dataset.import_from(folder, "nnunet"))


def header(**changes):
    fields = {
        "ObjectType": "Image",
        "NDims": "3",
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": "False",
        "CompressedData": "False",
        "TransformMatrix": "1 0 0 0 1 0 0 0 1",
        "Offset": "0 0 0",
        "ElementSpacing": "1 1 1",
        "DimSize": "2 3 4",
        "ElementType": "MET_SHORT",
        "ElementDataFile": "LOCAL",
    }
    fields = {k: v for k, v in (fields | changes).items() if v is not None}
    last = fields.pop("ElementDataFile", None)
    lines = [f"{k} = {v}" for k, v in fields.items()]
    lines += [f"ElementDataFile = {last}"] if last else []
    return "\n".join(lines).encode() + b"\n"


VOXELS = np.arange(24, dtype="<i2").tobytes()


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"ElementDataFile": None}, "no MetaImage file"),
        ({"ElementDataFile": "x.raw"}, r"another file \(x\.raw\) are not read"),
        ({"ElementDataFile": "LIST"}, "another file"),
        ({"ObjectType": "Tube"}, "kind Tube"),
        ({"BinaryData": "False"}, "as text"),
        ({"HeaderSize": "99"}, "stated size"),
        ({"ElementToIntensityFunctionSlope": "10"}, "scale factors"),
        ({"ElementType": "MET_STRING"}, "MET_STRING"),
        ({"DimSize": "2 3"}, "make no volume"),
        ({"DimSize": "2 3 0"}, "make no volume"),
        ({"DimSize": "2 x 4"}, "no numbers"),
        ({"DimSize": "2000000 300000 400000"}, "the header claims"),
        ({"DimSize": "2 3 5"}, "the header claims 60 bytes, the file has 48"),
        ({"ElementNumberOfChannels": "0"}, "channels"),
        ({"ElementSpacing": "1 nan 1"}, "no numbers"),
        ({"CompressedData": "True", "CompressedDataSize": "4000"}, "the header claims 4000"),
    ],
)
def test_metaimages_that_are_not_read(changes, text):
    media = Media("x.mha", header(**changes) + VOXELS)
    with pytest.raises(MediaError, match=text):
        open_metaimage(media)


def test_metaimage_without_geometry():
    media = Media("x.mha", header(ElementSpacing=None) + VOXELS)
    file = open_metaimage(media)
    assert file.affine is None
    assert np.array_equal(file.array[...].ravel(order="F"), np.arange(24))
    flat = open_metaimage(Media("x.mha", header(TransformMatrix="1 0 0 1 0 0 0 0 1") + VOXELS))
    assert flat.affine is None
    assert "make no grid" in flat.warnings[0]
    old = header(ElementSpacing=None, ElementSize="1 2 3", Offset=None, Position="5 6 7")
    named = open_metaimage(Media("x.mha", old + VOXELS))
    assert np.array_equal(named.affine[:3], [[-1, 0, 0, -5], [0, -2, 0, -6], [0, 0, 3, 7]])


@pytest.mark.parametrize("damage", ["cut", "changed"])
def test_damaged_compressed_metaimages(tmp_path, damage):
    path = tmp_path / "x.mha"
    noise = np.random.default_rng(0).integers(0, 999, (40, 50, 60)).astype(np.int16)
    sitk.WriteImage(sitk.GetImageFromArray(noise), path, True)
    data = bytearray(path.read_bytes())
    if damage == "cut":
        text = bytes(data).replace(b"CompressedDataSize", b"SomethingDifferent")
        data = bytearray(text[:-1000])
    else:
        data[-3] ^= 255
    with pytest.raises(MediaError, match=r"damaged|claims"):
        np.asarray(open_metaimage(Media("x.mha", bytes(data))).array)


@pytest.mark.parametrize("names", [("R", "G", "B"), ("red", "green", "blue")])
def test_pictures_in_colour(tmp_path, names):
    folder = dataset(tmp_path, ".png", channels=names)
    colors = np.random.default_rng(0).integers(0, 255, (6, 4, 3), np.uint8)
    Image.fromarray(colors).save(folder / "imagesTr/x_0000.png")
    Image.fromarray(LABELS[2]).save(folder / "labelsTr/x.png")
    read = Dataset.import_from(folder)
    assert read.format == "nnunet"
    (item,) = read
    assert item.media.shape == (6, 4, 1, 3)
    (flat,) = read.transform("volumes_to_slices")
    assert np.array_equal(flat.media.data, colors)
    (a,) = flat.annotations
    assert np.array_equal(a.image, LABELS[2] == 1)


def test_grey_pictures_of_several_channels(tmp_path):
    folder = dataset(tmp_path, ".png", channels=("day", "night"))
    for n in range(2):
        pixels = (scan()[n] + 100 + n).astype(np.uint16) * 100
        Image.fromarray(pixels).save(folder / f"imagesTr/x_000{n}.png")
    palette = Image.fromarray(LABELS[2]).convert("P")
    palette.putdata(LABELS[2].ravel().tolist())
    palette.putpalette([0, 0, 0, 255, 0, 0])
    palette.save(folder / "labelsTr/x.png")
    (item,) = Dataset.import_from(folder, "nnunet")
    assert item.media.channels == ("day", "night")
    assert item.media.dtype == "uint16"
    assert np.array_equal(open_volume(item.media)[:, :, 0, 1], (scan()[1] + 101) * 100)
    (a,) = item.annotations
    assert np.array_equal(voxels(a)[:, :, 0], LABELS[2] == 1)


def tiff(path, array):
    first, *rest = (Image.fromarray(page) for page in array)
    first.save(path, save_all=True, append_images=rest)


@pytest.mark.parametrize("ending", [".tif", ".tiff"])
def test_tiff_with_spacing(tmp_path, ending):
    folder = dataset(tmp_path, ending)
    tiff(folder / f"imagesTr/x_0000{ending}", scan(np.uint8))
    tiff(folder / f"labelsTr/x{ending}", LABELS)
    for name in ("imagesTr", "labelsTr"):
        (folder / name / "x.json").write_text(json.dumps({"spacing": [7.5, 0.5, 0.25]}))
    with pytest.warns(DskWarning, match="state their spacing alone"):
        (item,) = Dataset.import_from(folder, "nnunet")
    assert np.array_equal(open_volume(item.media)[...], scan(np.uint8).transpose(1, 2, 0))
    assert np.reshape(item.media.affine, (4, 4))[:3, :3].tolist() == [
        [0, -0.25, 0],
        [-0.5, 0, 0],
        [0, 0, 7.5],
    ]
    assert [a.affine for a in item.annotations] == [None, None]
    assert [int(voxels(a).sum()) for a in item.annotations] == [12, 6]


def test_tiff_without_spacing(tmp_path):
    folder = dataset(tmp_path, ".tif")
    tiff(folder / "imagesTr/x_0000.tif", scan(np.uint8))
    tiff(folder / "labelsTr/x.tif", LABELS)
    with pytest.warns(DskWarning, match="without a JSON file of their spacing"):
        (item,) = Dataset.import_from(folder, "nnunet")
    assert item.media.affine is None
    (folder / "imagesTr/x.json").write_text('{"spacing": [1, 2]}')
    with pytest.raises(InputError, match=r"x\.json#/spacing: three distances"):
        list(Dataset.import_from(folder, "nnunet"))


def test_pages_of_different_sizes_are_refused(tmp_path):
    folder = dataset(tmp_path, ".tif")
    pages = [Image.fromarray(np.zeros(size, np.uint8)) for size in ((6, 4), (5, 4))]
    pages[0].save(folder / "imagesTr/x_0000.tif", save_all=True, append_images=pages[1:])
    tiff(folder / "labelsTr/x.tif", LABELS[:2])
    for name in ("imagesTr", "labelsTr"):
        (folder / name / "x.json").write_text('{"spacing": [1, 1, 1]}')
    with pytest.warns(DskWarning, match="spacing alone"):
        (item,) = Dataset.import_from(folder, "nnunet")
    with pytest.raises(MediaError, match="page 1 is"):
        np.asarray(open_volume(item.media))


@pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n\x1a\n junk", b"II*\0\1\0"])
def test_damaged_pictures(tmp_path, data):
    folder = dataset(tmp_path, ".png")
    (folder / "imagesTr/x_0000.png").write_bytes(data)
    with pytest.raises(InputError, match=r"x_0000\.png: no readable image"):
        list(Dataset.import_from(folder, "nnunet"))
