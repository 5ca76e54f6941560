"""What must survive bit by bit, and what happens to masks that lie elsewhere."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its usual name
from nifti_files import AFFINE, OBLIQUE, blocks, label_facts, save, scan, voxels

from dsk import Dataset
from dsk.errors import DskWarning, RecordError
from dsk_medical.volume.arrays import open_volume
from dsk_medical.volume.reader import ByteReader


def convert(folder, out, **options):
    Dataset.import_from(folder, "nifti").export(out, "nifti", **options)
    return out


NUMBERS = {
    "cal_min": 10,
    "cal_max": 90,
    "toffset": 0.5,
    "intent_code": 3,
    "intent_p1": 12,
    "dim_info": 57,
    "slice_code": 1,
    "slice_start": 1,
    "slice_end": 3,
    "slice_duration": 0.25,
}


@pytest.mark.parametrize("orientation", ["keep", "ras"])
def test_time_and_what_values_mean_survive(tmp_path, orientation):
    """Free texts are left out, so that the file is no copy."""
    array = scan((4, 5, 6, 3))
    path = save(tmp_path / "in" / "a.nii.gz", array, descrip=b"Jane Doe", **NUMBERS)
    image = nib.load(path)
    image.header.set_zooms((*image.header.get_zooms()[:3], 2.5))
    image.header.set_xyzt_units("mm", "sec")
    nib.save(nib.Nifti1Image(array, None, image.header), path)
    out = convert(tmp_path / "in", tmp_path / "out", orientation=orientation)
    header = nib.load(out / "a.nii.gz").header
    assert bytes(header["descrip"].item()) == b""
    assert header.get_zooms()[3] == 2.5
    turned = orientation == "ras"  # then axes mean something else
    for name, value in NUMBERS.items():
        wanted = 0 if turned and name.startswith(("dim", "slice")) else value
        assert float(header[name]) == pytest.approx(wanted), name
    labels = tmp_path / "in" / "a" / "x.nii.gz"
    save(labels, blocks(1, shape=(4, 5, 6)))
    out = convert(tmp_path / "in", tmp_path / "more", orientation=orientation)
    assert float(nib.load(out / "a" / "x.nii.gz").header["cal_max"]) == 0


@pytest.mark.parametrize("ext", ["nii.gz", "nii"])
@pytest.mark.parametrize("codes", [(1, 1), (2, 0), (0, 1), (4, 2), (0, 0)])
@pytest.mark.parametrize("privacy", ["drop", "keep"])
def test_header_and_voxels_survive(tmp_path, ext, codes, privacy):
    save(tmp_path / "in" / "a.nii.gz", scan(), OBLIQUE, codes, descrip=b"Jane Doe", xyzt_units=10)
    out = convert(tmp_path / "in", tmp_path / "out", ext=ext, privacy=privacy)
    before, after = nib.load(tmp_path / "in" / "a.nii.gz"), nib.load(out / f"a.{ext}")
    assert np.array_equal(np.asarray(before.dataobj), np.asarray(after.dataobj))
    assert before.affine.tobytes() == after.affine.tobytes()
    assert before.get_data_dtype() == after.get_data_dtype()
    for name in (
        "sform_code",
        "qform_code",
        "srow_x",
        "quatern_b",
        "qoffset_x",
        "pixdim",
        "xyzt_units",
    ):
        assert before.header[name].tobytes() == after.header[name].tobytes(), name
    assert bytes(after.header["descrip"]).strip(b"\0") == (
        b"Jane Doe" if privacy == "keep" else b""
    )


def test_scale_factors_are_kept_not_applied(tmp_path):
    image = nib.Nifti1Image(scan(), AFFINE)
    image.header.set_slope_inter(0.5, -1024)
    (tmp_path / "in").mkdir()
    nib.save(image, tmp_path / "in" / "a.nii")
    raw = (tmp_path / "in" / "a.nii").read_bytes()[352:]
    out = convert(tmp_path / "in", tmp_path / "out")
    after = nib.load(out / "a.nii.gz")
    assert (after.dataobj.slope, after.dataobj.inter) == (0.5, -1024)
    assert after.get_data_dtype() == np.int16
    assert np.asarray(after.dataobj.get_unscaled()).tobytes("F") == raw


def test_channels_and_big_endian(tmp_path):
    array = scan((4, 5, 6, 3)).astype(">i2")
    image = nib.Nifti1Image(array, AFFINE, nib.Nifti1Header(endianness=">"))
    (tmp_path / "in").mkdir()
    nib.save(image, tmp_path / "in" / "a.nii")
    (item,) = Dataset.import_from(tmp_path / "in", "nifti")
    assert item.media.shape == (4, 5, 6, 3)
    assert np.array_equal(np.asarray(open_volume(item.media)), array)
    out = convert(tmp_path / "in", tmp_path / "out")
    assert np.array_equal(np.asarray(nib.load(out / "a.nii.gz").dataobj), array)


@pytest.mark.parametrize("ext", ["nii", "nii.gz"])
@pytest.mark.parametrize("target", ["nifti", "nrrd"])
def test_never_more_than_a_plane_is_read(tmp_path, monkeypatch, ext, target):
    save(tmp_path / "in" / f"a.{ext}", scan((30, 20, 4, 7)))
    sizes = []
    read_at = ByteReader.read_at

    def recorded(reader, offset, size):
        sizes.append(size)
        return read_at(reader, offset, size)

    monkeypatch.setattr(ByteReader, "read_at", recorded)
    dataset = Dataset.import_from(tmp_path / "in", "nifti")
    options = {"ext": "nii" if ext == "nii.gz" else "nii.gz"} if target == "nifti" else {}
    dataset.export(tmp_path / "out", target, jobs=1, **options)
    assert sizes.count(30 * 20 * 2) == 4 * 7
    assert max(sizes) == 30 * 20 * 2


@pytest.mark.parametrize("fields", ["RGB", "RGBA"])
@pytest.mark.parametrize("ext", ["nii", "nii.gz"])
def test_colours_are_channels(tmp_path, fields, ext):
    array = np.random.default_rng(0).integers(0, 256, (4, 5, 6, len(fields))).astype(np.uint8)
    packed = array.view([(name, np.uint8) for name in fields])[..., 0]
    save(tmp_path / "in" / f"a.{ext}", packed)
    dataset = Dataset.import_from(tmp_path / "in", "nifti")
    (item,) = dataset
    assert item.media.shape == array.shape
    assert item.media.channels == ("red", "green", "blue", "alpha")[: len(fields)]
    volume = open_volume(item.media)
    assert np.array_equal(np.asarray(volume), array)
    assert np.array_equal(list(volume.slices())[2], array[:, :, 2])
    slices = list(dataset.transform("volumes_to_slices"))
    assert np.array_equal(slices[3].media.data, array[:, :, 3, :3])
    dataset.export(tmp_path / "nrrd", "nrrd")
    image = sitk.ReadImage(tmp_path / "nrrd" / "a.nrrd")
    stored = sitk.GetArrayFromImage(image).transpose(3, 2, 1, 0)
    assert np.array_equal(stored.transpose(3, 2, 1, 0).transpose(2, 1, 0, 3), array)
    (back,) = Dataset.import_from(tmp_path / "nrrd", "nrrd")
    assert back.media.channels == item.media.channels
    assert np.array_equal(np.asarray(open_volume(back.media)), array)
    out = convert(tmp_path / "in", tmp_path / "out", orientation="ras")
    turned = np.asarray(nib.load(out / "a.nii.gz").dataobj)
    assert turned.shape[3] == len(fields)


def test_turning_to_ras_is_exact_and_reversible(tmp_path):
    save(tmp_path / "in" / "a.nii.gz", scan(), OBLIQUE)
    save(tmp_path / "in" / "a" / "x.nii.gz", blocks(1, 5), OBLIQUE)
    out = convert(tmp_path / "in", tmp_path / "out", orientation="ras")
    before, after = nib.load(tmp_path / "in" / "a.nii.gz"), nib.load(out / "a.nii.gz")
    turned = nib.as_closest_canonical(before)
    assert np.array_equal(np.asarray(after.dataobj), np.asarray(turned.dataobj))
    assert np.allclose(after.affine, turned.affine, atol=1e-5)
    mask = nib.load(out / "a" / "x.nii.gz")
    expected = nib.as_closest_canonical(nib.load(tmp_path / "in" / "a" / "x.nii.gz"))
    assert np.array_equal(np.asarray(mask.dataobj), np.asarray(expected.dataobj))
    back = nib.orientations.ornt_transform(
        nib.io_orientation(after.affine), nib.io_orientation(before.affine)
    )
    assert np.array_equal(np.asarray(after.as_reoriented(back).dataobj), np.asarray(before.dataobj))


@pytest.mark.parametrize("affine", [AFFINE, OBLIQUE], ids=["straight", "oblique"])
def test_label_facts_are_those_of_simpleitk(tmp_path, affine):
    save(tmp_path / "in" / "a.nii.gz", scan(), affine)
    save(tmp_path / "in" / "a" / "x.nii.gz", blocks(1, 5), affine)
    out = convert(tmp_path / "in", tmp_path / "out")
    for path in (tmp_path / "in" / "a" / "x.nii.gz", out / "a" / "x.nii.gz"):
        stats = sitk.LabelShapeStatisticsImageFilter()
        stats.Execute(sitk.ReadImage(str(path)))
        (item,) = Dataset.import_from(path.parent.parent, "nifti")
        for a in item.annotations:
            count, volume, centre = label_facts(
                voxels(a), np.array(item.media.affine).reshape(4, 4)
            )
            assert count == stats.GetNumberOfPixels(a.value)
            assert volume == pytest.approx(stats.GetPhysicalSize(a.value), rel=1e-4)
            x, y, z = stats.GetCentroid(a.value)
            assert centre == pytest.approx((-x, -y, z), abs=1e-3)


def test_turned_mask_is_turned_back(tmp_path):
    save(tmp_path / "a.nii.gz", scan())
    mask = nib.Nifti1Image(blocks(1, 5), AFFINE)
    (tmp_path / "a").mkdir()
    nib.save(nib.as_closest_canonical(mask), tmp_path / "a" / "x.nii.gz")
    with pytest.warns(DskWarning, match="turned round"):
        (item,) = Dataset.import_from(tmp_path, "nifti")
    assert np.array_equal(voxels(item.annotations[1]), blocks(1, 5) == 5)


def moved(mm):
    affine = AFFINE.copy()
    affine[0, 3] += mm
    return affine


def test_mask_elsewhere_is_named_in_mm(tmp_path):
    save(tmp_path / "a.nii.gz", scan())
    save(tmp_path / "a" / "x.nii.gz", blocks(1), moved(-3))
    with pytest.warns(DskWarning, match="spatial_mismatch.* 3 mm"):
        (item,) = Dataset.import_from(tmp_path, "nifti")
    assert item.annotations[0].affine == pytest.approx(moved(-3).ravel().tolist(), abs=1e-5)
    with pytest.raises(RecordError, match="3 mm"):
        list(Dataset.import_from(tmp_path, "nifti", spatial_mismatch="error"))
    with pytest.warns(DskWarning, match="volume's affine is taken"):
        (item,) = Dataset.import_from(tmp_path, "nifti", spatial_mismatch="use-volume-affine")
    assert np.array_equal(voxels(item.annotations[0]), blocks(1) == 1)
    with pytest.warns(DskWarning, match="resampled"):
        (item,) = Dataset.import_from(tmp_path, "nifti", spatial_mismatch="resample-nearest")
    assert np.array_equal(voxels(item.annotations[0])[4:], (blocks(1) == 1)[:-4])


def test_mask_within_a_micrometre_is_on_the_grid(tmp_path):
    save(tmp_path / "a.nii.gz", scan())
    save(tmp_path / "a" / "x.nii.gz", blocks(1), moved(0.0005))
    (item,) = Dataset.import_from(tmp_path, "nifti", spatial_mismatch="error")
    assert item.annotations[0].affine is None


def test_mask_of_another_shape(tmp_path):
    save(tmp_path / "a.nii.gz", scan())
    save(tmp_path / "a" / "x.nii.gz", blocks(1, shape=(9, 8, 6)))
    with pytest.raises(RecordError, match="shape_mismatch"):
        list(Dataset.import_from(tmp_path, "nifti"))


def test_mask_without_affine_lies_on_its_volume(tmp_path):
    save(tmp_path / "a.nii.gz", scan())
    save(tmp_path / "a" / "x.nii.gz", blocks(1), np.eye(4), (0, 0))
    with pytest.warns(DskWarning, match="no_affine"):
        (item,) = Dataset.import_from(tmp_path, "nifti", spatial_mismatch="error")
    assert np.array_equal(voxels(item.annotations[0]), blocks(1) == 1)


def test_forms_that_differ_are_told(tmp_path):
    image = nib.Nifti1Image(scan(), AFFINE)
    image.set_sform(AFFINE, 2)
    image.set_qform(moved(5), 1)
    nib.save(image, tmp_path / "a.nii.gz")
    with pytest.warns(DskWarning, match="sform_qform_conflict.* 5 mm"):
        (item,) = Dataset.import_from(tmp_path, "nifti")
    assert np.allclose(np.reshape(item.media.affine, (4, 4)), AFFINE)


@pytest.mark.parametrize(("codes", "what"), [((2, 1), "qform"), ((0, 1), "affine")])
def test_voxels_of_negative_size_are_told(tmp_path, codes, what):
    path = save(tmp_path / "a.nii", scan(), AFFINE, codes)
    data = bytearray(path.read_bytes())
    data[80:84] = np.float32(-1).tobytes()  # pixdim[1]
    path.write_bytes(data)
    with pytest.warns(DskWarning, match=rf"the {what} of a\.nii cannot be used"):
        (item,) = Dataset.import_from(tmp_path, "nifti")
    assert (item.media.affine is None) == (what == "affine")


def test_overlapping_objects_of_a_class_are_reported(tmp_path):
    from dsk import DatasetItem
    from dsk.annotations import Mask3d
    from dsk.media import Volume

    one = blocks(1)
    volume = Volume("a", scan(), shape=one.shape, affine=tuple(AFFINE.ravel().tolist()))
    masks = [Mask3d(one, 1, label=0), Mask3d(one.copy(), 1, label=0)]
    item = DatasetItem("a", media=volume, annotations=masks)
    dataset = Dataset.from_iterable([item], categories=["x"])
    report = dataset.export(tmp_path / "out", "nifti")
    assert [e.code for e in report.losses] == ["DSK-L006"]
