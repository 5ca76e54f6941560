"""Further traps of volume formats, each with its promised outcome."""

from __future__ import annotations

import json

import nibabel as nib
import numpy as np
import pydicom
import pytest
import test_bids_seg as bids
import test_brats as brats
import test_dicom as dicom
import test_msd as msd
import test_nnunet as nnunet
from nifti_files import AFFINE, SHAPE, blocks, save, scan, voxels
from PIL import Image
from test_dicom import pixels, series  # noqa: F401 - fixtures

from dsk import Dataset, DatasetItem
from dsk.annotations import Mask3d
from dsk.errors import DskWarning, InputError, RecordError
from dsk.media import Volume

FOREIGN = b"\0\5\x16\7 what macOS keeps beside files"

# --- NIfTI ----------------------------------------------------------------------------------------


def test_annotations_of_a_plane_without_a_volume_are_left_out(tmp_path):
    save(tmp_path / "masks" / "axl_inference.nii", blocks(1))
    save(tmp_path / "masks" / "cor_inference.nii", blocks(2))
    save(tmp_path / "volumes" / "axl_anatomic.nii", scan())
    options = {"volumes": str(tmp_path / "volumes")}
    dataset = Dataset.import_from(tmp_path / "masks", "nifti", **options)
    assert [(i.id, len(i.annotations)) for i in dataset] == [("axl_anatomic", 1)]
    (told,) = [w for w in dataset.opening_ledger.warnings if "no volume, or several" in w]
    assert "cor_inference.nii" in told


def test_annotations_that_fit_several_volumes_are_left_out(tmp_path):
    save(tmp_path / "masks" / "axl_inference.nii", blocks(1))
    for name in ("p1", "p2"):
        save(tmp_path / "volumes" / name / "axl_anatomic.nii", scan())
    options = {"volumes": str(tmp_path / "volumes")}
    dataset = Dataset.import_from(tmp_path / "masks", "nifti", **options)
    assert [len(i.annotations) for i in dataset] == [0, 0]
    assert any("no volume, or several" in w for w in dataset.opening_ledger.warnings)


def test_annotations_of_another_shape_than_their_volume_are_refused(tmp_path):
    save(tmp_path / "masks" / "axl_inference.nii", blocks(1))
    save(tmp_path / "volumes" / "axl_anatomic.nii", scan((9, 8, 6)))
    options = {"volumes": str(tmp_path / "volumes")}
    with pytest.raises(RecordError, match="shape_mismatch"):
        list(Dataset.import_from(tmp_path / "masks", "nifti", **options))


def test_a_mapping_to_a_path_that_is_not_there(tmp_path):
    save(tmp_path / "masks" / "axl_inference.nii", blocks(1))
    (tmp_path / "masks" / "mapping.json").write_text('{"axl_inference.nii": "nowhere.nii"}')
    save(tmp_path / "volumes" / "axl_anatomic.nii", scan())
    options = {"volumes": str(tmp_path / "volumes")}
    dataset = Dataset.import_from(tmp_path / "masks", "nifti", **options)
    assert [len(i.annotations) for i in dataset] == [0]
    assert any("no volume, or several" in w for w in dataset.opening_ledger.warnings)


def test_turning_four_axes_moves_the_first_three(tmp_path):
    psl = np.array([[0, 0, -2.0, 9], [-3, 0, 0, 8], [0, 4, 0, 7], [0, 0, 0, 1]])
    array = scan((4, 5, 6, 2))
    save(tmp_path / "in" / "a.nii.gz", array, psl)
    assert nib.aff2axcodes(psl) == ("P", "S", "L")
    Dataset.import_from(tmp_path / "in").export(tmp_path / "out", "nifti", orientation="ras")
    after = nib.load(tmp_path / "out" / "a.nii.gz")
    assert after.shape == (6, 4, 5, 2)
    assert np.allclose(after.header.get_zooms()[:3], (2, 3, 4))
    expected = nib.as_closest_canonical(nib.load(tmp_path / "in" / "a.nii.gz"))
    assert np.array_equal(after.dataobj, expected.dataobj)
    assert np.allclose(after.affine, expected.affine)


@pytest.mark.parametrize(
    ("kind", "written"), [("bool", "uint8"), ("int64", "int64"), ("float16", "float32")]
)
def test_types_that_nibabel_refuses(tmp_path, kind, written):
    array = (scan() % 3).astype(kind)
    media = Volume("a", array, None, SHAPE, tuple(AFFINE.ravel()), kind)
    masks = [Mask3d(array.astype(bool), label=0)]
    given = Dataset.from_iterable([DatasetItem("a", media=media, annotations=masks)], ["x"])
    given.export(tmp_path / "out", "nifti")
    volume, mask = nib.load(tmp_path / "out/a.nii.gz"), nib.load(tmp_path / "out/a/x.nii.gz")
    assert volume.get_data_dtype() == written
    assert np.array_equal(volume.dataobj, array)
    assert mask.get_data_dtype() == np.uint8
    assert np.array_equal(mask.dataobj, array != 0)


# --- Files that macOS leaves ----------------------------------------------------------------------


def test_hidden_files_of_msd(tmp_path):
    folder = msd.make(tmp_path)
    for place in ("imagesTr", "labelsTr", "imagesTs"):
        for path in list((folder / place).iterdir()):
            path.with_name("._" + path.name).write_bytes(FOREIGN)
    dataset = Dataset.import_from(folder, "msd")
    assert not any("._" in item.id for item in dataset)
    assert not any("._" in text for text in dataset.opening_ledger.warnings)


def test_hidden_files_of_brats(tmp_path):
    brats.original(tmp_path)
    before = [item.id for item in Dataset.import_from(tmp_path, "brats")]
    for path in list(tmp_path.rglob("*.nii*")):
        path.with_name("._" + path.name).write_bytes(FOREIGN)
    assert [item.id for item in Dataset.import_from(tmp_path, "brats")] == before


def test_hidden_files_of_bids_and_nifti(tmp_path):
    bids.make(tmp_path / "bids")
    save(tmp_path / "nifti" / "a.nii.gz", scan())
    save(tmp_path / "nifti" / "a" / "x.nii.gz", blocks(1))
    for fmt in ("nifti", "bids"):
        folder = tmp_path / fmt
        name = {"bids": "bids_seg"}.get(fmt, fmt)
        before = [(i.id, len(i.annotations)) for i in Dataset.import_from(folder, name)]
        for path in list(folder.rglob("*.nii*")):
            path.with_name("._" + path.name).write_bytes(FOREIGN)
        after = [(i.id, len(i.annotations)) for i in Dataset.import_from(folder, name)]
        assert after == before


# --- MSD and nnU-Net ------------------------------------------------------------------------------


def test_forms_of_a_task_that_differ_are_told(tmp_path):
    folder = msd.make(tmp_path)
    path = next((folder / "imagesTr").glob("*.nii.gz"))
    image = nib.load(path)
    moved = image.affine.copy()
    moved[0, 3] += 5
    changed = nib.Nifti1Image(np.asanyarray(image.dataobj), image.affine)
    changed.set_sform(image.affine, 1)
    changed.set_qform(moved, 1)
    nib.save(changed, path)
    with pytest.warns(DskWarning, match="sform_qform_conflict"):
        list(Dataset.import_from(folder, "msd"))


def test_labels_in_colour_are_refused(tmp_path):
    for name in ("imagesTr", "labelsTr"):
        (tmp_path / name).mkdir()
    picture = Image.fromarray(np.zeros((6, 4, 3), np.uint8))
    picture.save(tmp_path / "imagesTr/x_0000.png")
    picture.save(tmp_path / "labelsTr/x.png")
    facts = {"channel_names": {"0": "R", "1": "G", "2": "B"}, "labels": {"background": 0, "a": 1}}
    (tmp_path / "dataset.json").write_text(
        json.dumps({**facts, "numTraining": 1, "file_ending": ".png"})
    )
    with pytest.raises(InputError, match=r"label map has three axes, this one 4"):
        list(Dataset.import_from(tmp_path, "nnunet"))


def test_explicit_files_with_variables(tmp_path, monkeypatch):
    _, folder, _ = nnunet.write(tmp_path, nnunet.case("a"))
    images = [f"${{SCANS}}/imagesTr/a_{n:04d}.nii.gz" for n in (0, 1)]
    nnunet.change(folder, dataset={"a": {"images": images, "label": "labelsTr/a.nii.gz"}})
    monkeypatch.setenv("SCANS", str(folder))
    assert len(nnunet.read(folder)["a"].annotations) == 3
    monkeypatch.setenv("SCANS", str(tmp_path.parent))
    with pytest.raises(InputError, match=r"'\$\{SCANS\}/\S+' leads out of the input"):
        nnunet.read(folder)


# --- DICOM segmentations --------------------------------------------------------------------------


def _padded(path):
    """Pad each frame to whole bytes, as old writers did."""
    found = pydicom.dcmread(path)
    size, frames = found.Rows * found.Columns, int(found.NumberOfFrames)
    bits = np.unpackbits(np.frombuffer(found.PixelData, np.uint8), bitorder="little")
    rows = bits[: size * frames].reshape(frames, size)
    data = np.packbits(rows, axis=1, bitorder="little").tobytes()
    found.PixelData = data + bytes(len(data) % 2)
    return found


def test_frames_padded_to_whole_bytes_are_put_right(tmp_path):
    """Frames of 25 pixels, so that the size tells."""
    path = tmp_path / "data" / "seg.dcm"
    empty, size = np.zeros((5, 5), np.uint16), {"Rows": 5, "Columns": 5}
    small = [dicom.write_slice(tmp_path / "data" / "case", k, empty, **size) for k in range(5)]
    array = dicom.masks()[:, 1:6, 2:7]
    dicom.write_segmentation(path, small, array)
    _padded(path).save_as(path)
    with pytest.warns(DskWarning, match="padded to whole bytes"):
        (item,) = Dataset.import_from(tmp_path / "data", "dicom")
    for n, a in enumerate(item.annotations):
        assert np.array_equal(voxels(a), array[..., n].transpose(2, 1, 0) == 1)


def test_pixels_of_another_size_are_refused(tmp_path, series):  # noqa: F811
    path = tmp_path / "data" / "seg.dcm"
    dicom.write_segmentation(path, series, dicom.masks())
    found = pydicom.dcmread(path)
    found.PixelData += bytes(20)
    found.save_as(path)
    with pytest.raises(RecordError, match="bytes of pixels are expected"):
        list(Dataset.import_from(tmp_path / "data", "dicom"))


def test_frames_of_segments_come_in_any_order(tmp_path, series):  # noqa: F811
    path = tmp_path / "data" / "seg.dcm"
    dicom.write_segmentation(path, series, dicom.masks())
    found = pydicom.dcmread(path)
    size, frames = found.Rows * found.Columns, int(found.NumberOfFrames)
    bits = np.unpackbits(np.frombuffer(found.PixelData, np.uint8), bitorder="little")
    rows = bits[: size * frames].reshape(frames, size)[::-1]
    data = np.packbits(rows.ravel(), bitorder="little").tobytes()
    found.PixelData = data + bytes(len(data) % 2)
    groups = found.PerFrameFunctionalGroupsSequence
    found.PerFrameFunctionalGroupsSequence = pydicom.Sequence(list(groups)[::-1])
    found.save_as(path)
    (item,) = Dataset.import_from(tmp_path / "data", "dicom")
    for n, a in enumerate(item.annotations):
        assert np.array_equal(voxels(a), dicom.masks()[..., n].transpose(2, 1, 0) == 1)
