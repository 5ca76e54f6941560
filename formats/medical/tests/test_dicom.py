"""DICOM series and segmentations made on the spot; SimpleITK is the other reader."""

from __future__ import annotations

import pickle
import sys
import warnings

import highdicom as hd
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk  # noqa: N813 - its usual name
from nifti_files import voxels
from pydicom.sr.codedict import codes
from pydicom.uid import CTImageStorage, EnhancedCTImageStorage, ExplicitVRLittleEndian

from dsk import Dataset, DatasetItem
from dsk.annotations import Mask3d
from dsk.errors import DskWarning, InputError, PluginError, RecordError
from dsk.media import Volume
from dsk.testing import FormatSuite
from dsk_medical.volume.arrays import open_volume

ROWS, COLUMNS, DEPTH = 7, 9, 5


def uid(*numbers):
    return "1.2.826.0.1.3680043.8.498." + ".".join(map(str, numbers))


def write_slice(folder, k, pixels, series=1, **changes):
    d = pydicom.Dataset()
    d.file_meta = pydicom.dataset.FileMetaDataset()
    d.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    d.SOPClassUID = d.file_meta.MediaStorageSOPClassUID = CTImageStorage
    d.SOPInstanceUID = d.file_meta.MediaStorageSOPInstanceUID = uid(1, series, k + 1)
    d.PatientID, d.PatientName, d.PatientBirthDate, d.PatientSex = "P1", "Doe^Jane", "", ""
    d.StudyInstanceUID, d.SeriesInstanceUID, d.FrameOfReferenceUID = uid(2), uid(3, series), uid(4)
    d.StudyDate, d.StudyTime, d.AccessionNumber, d.StudyID = "20200101", "", "", ""
    d.ReferringPhysicianName, d.Manufacturer, d.PositionReferenceIndicator = "", "", ""
    d.Modality, d.SeriesNumber, d.InstanceNumber = "CT", series, 100 - k
    d.Rows, d.Columns, d.PixelSpacing, d.SliceThickness = ROWS, COLUMNS, [0.8, 0.7], 2.5
    d.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    d.ImagePositionPatient = [-10, -20, 30 + 2.5 * k]
    d.SamplesPerPixel, d.PhotometricInterpretation = 1, "MONOCHROME2"
    d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 16, 12, 11, 0
    d.RescaleSlope, d.RescaleIntercept = 1, -1024
    for name, value in changes.items():
        setattr(d, name, value)
    d.PixelData = pixels.tobytes()
    folder.mkdir(parents=True, exist_ok=True)
    d.save_as(folder / f"{(k * 3) % 7:02d}{series}.dcm", enforce_file_format=True)
    return d


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 4096, (DEPTH, ROWS, COLUMNS)).astype(np.uint16)


class TestDicom(FormatSuite):
    format = "dicom"

    def make(self, folder):
        for number, case in enumerate(("a", "b"), 1):
            series = [
                write_slice(folder / case, k, np.full((ROWS, COLUMNS), k, np.uint16), number)
                for k in range(DEPTH)
            ]
            write_segmentation(folder / case / "seg.dcm", series, masks())


@pytest.fixture
def series(tmp_path, pixels):
    return [write_slice(tmp_path / "data" / "case", k, pixels[k]) for k in range(DEPTH)]


def masks():
    array = np.zeros((DEPTH, ROWS, COLUMNS, 2), np.uint8)
    array[1:3, 2:5, 3:8, 0] = 1
    array[2:4, 3:6, 4:9, 1] = 1  # overlaps
    return array


def write_segmentation(path, series, array, kind="BINARY"):
    algorithm = hd.AlgorithmIdentificationSequence("x", codes.DCM.ArtificialIntelligence, "1")
    descriptions = [
        hd.seg.SegmentDescription(
            number,
            label,
            codes.SCT.Tissue,
            codes.SCT.Liver,
            hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
            algorithm,
            display_color=hd.color.CIELabColor.from_rgb(200, 30, 40),
        )
        for number, label in ((1, "liver"), (2, "tumor"))
    ]
    made = hd.seg.Segmentation(
        series, array, kind, descriptions, uid(9), 2, uid(9, 1), 1, "m", "mm", "1", "sn"
    )
    made.save_as(path)


def test_series_is_what_simpleitk_reads(tmp_path, series, pixels):
    (item,) = Dataset.import_from(tmp_path / "data")
    assert item.id == "case"
    assert item.media.dtype == "int16"
    volume = np.asarray(open_volume(item.media))
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(tmp_path / "data" / "case")))
    image = reader.Execute()
    assert np.array_equal(volume.transpose(2, 1, 0), sitk.GetArrayFromImage(image))
    assert np.array_equal(volume.transpose(2, 1, 0), pixels.astype(np.int32) - 1024)
    affine = np.reshape(item.media.affine, (4, 4))
    lps = image.TransformIndexToPhysicalPoint((3, 2, 4))
    assert (affine @ [3, 2, 4, 1])[:3] == pytest.approx((-lps[0], -lps[1], lps[2]))


def test_slices_of_more_bits_than_the_first_keep_their_values(tmp_path):
    pixels = np.full((ROWS, COLUMNS), 200, np.uint16)
    for k, bits in enumerate((8, 16, 12)):
        more = {"BitsStored": bits, "HighBit": bits - 1, "RescaleIntercept": 0}
        write_slice(tmp_path, k, pixels if k != 1 else pixels * 300, **more)
    (item,) = Dataset.import_from(tmp_path, "dicom")
    assert item.media.dtype == "uint16"
    assert np.unique(np.asarray(open_volume(item.media))).tolist() == [200, 60000]


def test_empty_scale_factors_count_as_none(tmp_path, pixels):
    write_slice(tmp_path, 0, pixels[0], RescaleSlope=None, RescaleIntercept=None)
    (item,) = Dataset.import_from(tmp_path, "dicom")
    assert np.array_equal(np.asarray(open_volume(item.media))[:, :, 0], pixels[0].T)


def test_identifiers_are_dropped_unless_kept(tmp_path, series):
    (item,) = Dataset.import_from(tmp_path / "data", "dicom")
    assert item.attributes == {"modality": "CT"}
    (item,) = Dataset.import_from(tmp_path / "data", "dicom", identifiers="keep")
    assert item.attributes["patient_id"] == "P1"
    Dataset.import_from(tmp_path / "data", "dicom").export(tmp_path / "out", "nifti", ext="nii")
    assert b"P1" not in (tmp_path / "out" / "case.nii").read_bytes()[:352]


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
def test_segmentation(tmp_path, series, kind):
    array = masks()
    if kind == "LABELMAP":
        array[..., 1] &= 1 - array[..., 0]
    write_segmentation(tmp_path / "data" / "seg.dcm", series, array, kind)
    dataset = Dataset.import_from(tmp_path / "data", "dicom")
    (item,) = dataset
    assert dataset.categories().names == ["liver", "tumor"]
    assert np.abs(np.subtract(dataset.categories().colors[0], (200, 30, 40))).max() <= 2
    for n, a in enumerate(item.annotations):
        assert np.array_equal(voxels(a), array[..., n].transpose(2, 1, 0) == 1)
    codes_kept = item.annotations[0].extra["dicom"]["type"]
    assert codes_kept[2] == "Liver"


def test_fractional_segmentation_needs_a_threshold(tmp_path, series):
    array = masks().astype(np.float32) * 0.6
    write_segmentation(tmp_path / "data" / "seg.dcm", series, array, "FRACTIONAL")
    with pytest.raises(RecordError, match=r"threshold=0\.5"):
        list(Dataset.import_from(tmp_path / "data", "dicom"))
    (item,) = Dataset.import_from(tmp_path / "data", "dicom", threshold=0.5)
    assert np.array_equal(voxels(item.annotations[0]), masks()[..., 0].transpose(2, 1, 0) == 1)
    (item,) = Dataset.import_from(tmp_path / "data", "dicom", threshold=0.9)
    assert not voxels(item.annotations[0]).any()


def test_segmentation_alone(tmp_path, series):
    (tmp_path / "seg").mkdir()
    write_segmentation(tmp_path / "seg" / "s.dcm", series, masks())
    (item,) = Dataset.import_from(tmp_path / "seg", "dicom")
    assert item.media.source is None
    assert sum(int(voxels(a).sum()) for a in item.annotations) == int(masks().sum())


def test_several_series_in_a_folder(tmp_path, series, pixels):
    for k in range(2):
        write_slice(tmp_path / "data" / "case", k, pixels[k], series=2)
    found = {i.id: i.media.shape for i in Dataset.import_from(tmp_path / "data", "dicom")}
    assert found == {
        "case/series_1": (COLUMNS, ROWS, DEPTH),
        "case/series_2": (COLUMNS, ROWS, 2),
    }


def test_missing_slice_is_told(tmp_path, pixels):
    for k in (0, 1, 3, 4):
        write_slice(tmp_path / "case", k, pixels[k])
    with pytest.warns(DskWarning, match=r"from 2\.5 to 5 mm"):
        list(Dataset.import_from(tmp_path, "dicom"))


def test_several_slices_at_a_place_are_channels(tmp_path, pixels):
    for k in range(2):
        write_slice(tmp_path, k, pixels[k])
        place = {"ImagePositionPatient": [-10, -20, 30 + 2.5 * k], "InstanceNumber": 200 - k}
        write_slice(tmp_path, k + 2, pixels[k + 2], **place)
    (item,) = Dataset.import_from(tmp_path, "dicom")
    volume = open_volume(item.media)
    assert volume.shape == (COLUMNS, ROWS, 2, 2)
    assert np.array_equal(volume[:, :, 1, 1], pixels[3].T.astype(np.int32) - 1024)


@pytest.mark.parametrize("cut", [140, 400, 900])
def test_truncated_file(tmp_path, pixels, cut):
    write_slice(tmp_path, 0, pixels[0])
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(InputError):
        Dataset.import_from(tmp_path, "dicom").export(tmp_path / "out", "nifti")
    assert not (tmp_path / "out").exists()


def test_install_line_when_the_library_is_missing(tmp_path, series, monkeypatch):
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(PluginError, match=r"pip install 'dsk-medical\[dicom\]'"):
        Dataset.import_from(tmp_path / "data", "dicom")


def test_segmentation_is_written_for_its_series(tmp_path, series):
    write_segmentation(tmp_path / "data" / "seg.dcm", series, masks())
    source = Dataset.import_from(tmp_path / "data", "dicom")
    report = source.export(tmp_path / "out", "dicom_seg")
    assert [e.what for e in report.losses] == ["item attribute modality"]
    source.export(tmp_path / "again", "dicom_seg", jobs=2)
    name = "case.seg.dcm"
    assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    made = hd.seg.segread(tmp_path / "out" / name)
    assert [d.SegmentLabel for d in made.SegmentSequence] == ["liver", "tumor"]
    (tmp_path / "data" / "seg.dcm").write_bytes((tmp_path / "out" / name).read_bytes())
    (before,), (after,) = source, Dataset.import_from(tmp_path / "data", "dicom")
    for n, a in enumerate(after.annotations):
        assert np.array_equal(voxels(a), masks()[..., n].transpose(2, 1, 0) == 1)
        assert a.extra == before.annotations[n].extra


def enhanced(path, pixels, order, **changes):
    """Write slices as the frames of one file."""
    d = write_slice(path.parent, 0, pixels[list(order)], InstanceNumber=1, **changes)
    (path.parent / "001.dcm").unlink()
    d.SOPClassUID = d.file_meta.MediaStorageSOPClassUID = EnhancedCTImageStorage
    d.NumberOfFrames = len(order)
    shared, item = pydicom.Dataset(), pydicom.Dataset()
    item.PixelSpacing, item.SliceThickness = d.PixelSpacing, d.SliceThickness
    shared.PixelMeasuresSequence = [item]
    item = pydicom.Dataset()
    item.ImageOrientationPatient = d.ImageOrientationPatient
    shared.PlaneOrientationSequence = [item]
    item = pydicom.Dataset()
    item.RescaleSlope, item.RescaleIntercept, item.RescaleType = 1, -1024, "HU"
    shared.PixelValueTransformationSequence = [item]
    d.SharedFunctionalGroupsSequence = [shared]
    groups = []
    for k in order:
        group, item = pydicom.Dataset(), pydicom.Dataset()
        item.ImagePositionPatient = [-10, -20, 30 + 2.5 * k]
        group.PlanePositionSequence = [item]
        groups.append(group)
    d.PerFrameFunctionalGroupsSequence = groups
    for name in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
        delattr(d, name)
    del d.RescaleSlope, d.RescaleIntercept, d.SliceThickness
    d.save_as(path, enforce_file_format=True)
    return d


def test_frames_of_one_file(tmp_path, series, pixels):
    (tmp_path / "many").mkdir()
    enhanced(tmp_path / "many" / "e.dcm", pixels, (3, 0, 4, 1, 2))
    (one,), (many,) = (Dataset.import_from(tmp_path / n, "dicom") for n in ("data", "many"))
    assert many.media.affine == one.media.affine
    assert many.media.dtype == "int16"
    volume = np.asarray(open_volume(many.media))
    assert np.array_equal(volume, np.asarray(open_volume(one.media)))
    image = sitk.ReadImage(tmp_path / "many" / "e.dcm")
    assert np.array_equal(open_volume(many.media)[:, :, 2].T + 1024, pixels[2])
    assert image.GetSize()[:2] == volume.shape[:2]


def test_segmentation_of_frames_of_one_file(tmp_path, pixels):
    (tmp_path / "many").mkdir()
    enhanced(tmp_path / "many" / "e.dcm", pixels, (3, 0, 4, 1, 2))
    (item,) = Dataset.import_from(tmp_path / "many", "dicom")
    found = [Mask3d(masks()[..., n].transpose(2, 1, 0).copy(), 1, label=n) for n in range(2)]
    dataset = Dataset.from_iterable([item.replace(annotations=found)], categories=["a", "b"])
    dataset.export(tmp_path / "out", "dicom_seg")
    (seg,) = (tmp_path / "out").glob("*.seg.dcm")
    (tmp_path / "many" / "seg.dcm").write_bytes(seg.read_bytes())
    (back,) = Dataset.import_from(tmp_path / "many", "dicom")
    for n, a in enumerate(back.annotations):
        assert np.array_equal(voxels(a), masks()[..., n].transpose(2, 1, 0) == 1)


def test_frames_without_positions(tmp_path, pixels):
    (tmp_path / "many").mkdir()
    d = enhanced(tmp_path / "many" / "e.dcm", pixels, range(DEPTH))
    del d.PerFrameFunctionalGroupsSequence[2].PlanePositionSequence
    d.save_as(tmp_path / "many" / "e.dcm", enforce_file_format=True)
    with pytest.raises(RecordError, match="does not say where it lies"):
        Dataset.import_from(tmp_path / "many", "dicom")


def test_more_frames_than_are_described(tmp_path, pixels):
    (tmp_path / "many").mkdir()
    d = enhanced(tmp_path / "many" / "e.dcm", pixels, range(DEPTH))
    d.NumberOfFrames = 2_000_000_000
    d.save_as(tmp_path / "many" / "e.dcm", enforce_file_format=True)
    with pytest.raises(RecordError, match="tells of 5"):
        Dataset.import_from(tmp_path / "many", "dicom")


@pytest.mark.parametrize("cut", [200, 700])
def test_truncated_frames(tmp_path, pixels, cut):
    (tmp_path / "many").mkdir()
    path = tmp_path / "many" / "e.dcm"
    enhanced(path, pixels, range(DEPTH))
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(InputError):
        Dataset.import_from(tmp_path / "many", "dicom").export(tmp_path / "out", "nifti")
    assert not (tmp_path / "out").exists()


def test_masks_are_kept_as_large_as_what_is_in_them(tmp_path):
    size = {"Rows": 64, "Columns": 64}
    empty = np.zeros((DEPTH, 64, 64), np.uint16)
    series = [write_slice(tmp_path, k, empty[k], **size) for k in range(DEPTH)]
    array = np.zeros((DEPTH, 64, 64, 2), np.uint8)
    array[1:3, 5:9, 7:10, 0] = array[2:4, 30:33, 40:44, 1] = 1
    write_segmentation(tmp_path / "seg.dcm", series, array)
    (item,) = Dataset.import_from(tmp_path, "dicom")
    for n, a in enumerate(item.annotations):
        assert np.array_equal(voxels(a), array[..., n].transpose(2, 1, 0) == 1)
        assert len(pickle.dumps(a)) < 64 * 64


@pytest.mark.parametrize(("overlap", "axes"), [(False, 3), (True, 4)])
def test_segments_are_stacked_only_if_they_overlap(tmp_path, series, monkeypatch, overlap, axes):
    array = masks()
    if not overlap:
        array[..., 1] &= 1 - array[..., 0]
    (item,) = Dataset.import_from(tmp_path / "data", "dicom")
    found = [Mask3d(array[..., n].transpose(2, 1, 0).copy(), 1, label=n) for n in range(2)]
    given = Dataset.from_iterable([item.replace(annotations=found)], categories=["a", "b"])
    shapes = []
    made = hd.seg.Segmentation

    def spy(images, pixels, *args, **options):
        shapes.append(pixels.ndim)
        return made(images, pixels, *args, **options)

    monkeypatch.setattr(hd.seg, "Segmentation", spy)
    given.export(tmp_path / "out", "dicom_seg")
    assert shapes == [axes]
    (path,) = (tmp_path / "out").glob("*.seg.dcm")
    (tmp_path / "data" / "seg.dcm").write_bytes(path.read_bytes())
    (back,) = Dataset.import_from(tmp_path / "data", "dicom")
    for n, a in enumerate(back.annotations):
        assert np.array_equal(voxels(a), array[..., n].transpose(2, 1, 0) == 1)


def test_large_segments_that_overlap_go_into_several_files(tmp_path, series, monkeypatch):
    monkeypatch.setattr("dsk_medical.dicom.exporter.MOST_STACKED", 100)
    both = masks()
    third = np.zeros_like(both[..., 0])
    third[0, 0, :2] = 1  # overlaps nothing
    arrays = [both[..., 0], both[..., 1], third]
    (item,) = Dataset.import_from(tmp_path / "data", "dicom")
    found = [Mask3d(a.transpose(2, 1, 0).copy(), 1, label=n) for n, a in enumerate(arrays)]
    given = Dataset.from_iterable([item.replace(annotations=found)], categories=["a", "b", "c"])
    report = given.export(tmp_path / "out", "dicom_seg")
    assert report.annotations["out"] == 3
    assert any("in several files" in text for text in report.warnings)
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["case.seg.2.dcm", "case.seg.dcm"]
    for name in names:
        (tmp_path / "data" / name).write_bytes((tmp_path / "out" / name).read_bytes())
    read = Dataset.import_from(tmp_path / "data", "dicom")
    labels = [label.name for label in read.categories().labels]
    (back,) = read
    assert sorted(labels[a.label] for a in back.annotations) == ["a", "b", "c"]
    for a in back.annotations:
        expected = arrays["abc".index(labels[a.label])].transpose(2, 1, 0)
        assert np.array_equal(voxels(a), expected == 1)


def test_a_scout_of_the_series_does_not_get_the_segmentation(tmp_path, series):
    """It lies across and sorts first: its folder is a."""
    scout = {"ImageOrientationPatient": [1, 0, 0, 0, 0, -1], "SeriesInstanceUID": uid(3, 1)}
    write_slice(tmp_path / "data" / "a", 0, np.zeros((ROWS, COLUMNS), np.uint16), 8, **scout)
    write_segmentation(tmp_path / "data" / "seg.dcm", series, masks())
    found = {i.id: i for i in Dataset.import_from(tmp_path / "data", "dicom")}
    assert {k: len(i.annotations) for k, i in found.items()} == {"a": 0, "case": 2}


def test_images_that_lie_nowhere_are_left_out(tmp_path, series):
    """Dose reports and screenshots are images without a position."""
    report = write_slice(tmp_path / "x", 0, np.zeros((ROWS, COLUMNS), np.uint16), series=7)
    del report.ImagePositionPatient, report.ImageOrientationPatient, report.PixelSpacing
    report.save_as(tmp_path / "data" / "report.dcm", enforce_file_format=True)
    dataset = Dataset.import_from(tmp_path / "data", "dicom")
    assert [i.id for i in dataset] == ["case"]
    assert any("1 DICOM files without" in w for w in dataset.opening_ledger.warnings)


def test_segmentations_of_radiographs_are_left_out(tmp_path, series):
    """They lie nowhere, like the images they are about."""
    path = tmp_path / "data" / "case" / "seg.dcm"
    write_segmentation(path, series, masks())
    made = pydicom.dcmread(path)
    del made.FrameOfReferenceUID
    for frame in made.PerFrameFunctionalGroupsSequence:
        del frame.PlanePositionSequence
    made.save_as(path)
    dataset = Dataset.import_from(tmp_path / "data", "dicom")
    assert [len(i.annotations) for i in dataset] == [0]
    assert any("left out: case/seg.dcm" in w for w in dataset.opening_ledger.warnings)


def test_segmentations_of_their_own_ending(tmp_path, series):
    write_segmentation(tmp_path / "data" / "case" / "label.seg", series, masks())
    (item,) = Dataset.import_from(tmp_path / "data", "dicom")
    assert len(item.annotations) == 2


def test_what_is_missing_is_named(tmp_path, series):
    del series[0].PixelSpacing
    series[0].save_as(tmp_path / "data" / "x.dcm", enforce_file_format=True)
    with pytest.raises(RecordError, match="PixelSpacing is missing"):
        Dataset.import_from(tmp_path / "data", "dicom")


def test_segmentation_needs_a_series(tmp_path):
    labels = np.ones((2, 3, 4), np.uint8)
    item = DatasetItem(
        "a", media=Volume("a", labels, shape=(2, 3, 4)), annotations=[Mask3d(labels, 1, label=0)]
    )
    report = Dataset.from_iterable([item], categories=["x"]).export(tmp_path / "out", "dicom_seg")
    assert report.annotations["dropped"] == 1
    assert {e.code for e in report.losses} == {"DSK-L008", "DSK-L010", "DSK-L017"}


@pytest.mark.parametrize(
    "odd",
    [
        {"PixelSpacing": 0.8},
        {"SeriesNumber": [1, 2]},
        {"InstanceNumber": [1, 2]},
        {"SliceThickness": [1.0, 2.0]},
        {"SamplesPerPixel": [1, 1]},
        {"NumberOfFrames": [1, 1]},
    ],
)
def test_headers_with_odd_values_are_bad_records(tmp_path, series, pixels, odd):
    write_slice(tmp_path / "data" / "case", 2, pixels[2], **odd)
    with pytest.raises(RecordError):
        Dataset.import_from(tmp_path / "data", "dicom")
    data = Dataset.import_from(tmp_path / "data", "dicom", on_error="skip")
    assert data.opening_ledger.bad_count == 1


def test_segmentations_with_odd_headers(tmp_path, series):
    place = tmp_path / "data" / "case" / "seg.dcm"
    write_segmentation(place, series, masks())
    made = pydicom.dcmread(place)
    del made.ReferencedSeriesSequence[0].SeriesInstanceUID
    made.save_as(place)
    data = Dataset.import_from(tmp_path / "data", "dicom")
    assert any("its series is not here" in text for text in data.opening_ledger.warnings)
    with pytest.raises(RecordError, match="no readable segmentation"):
        list(data)
    made.SegmentSequence[0].SegmentNumber = [1, 2]
    made.save_as(place)
    with pytest.raises(RecordError, match=r"seg\.dcm: a damaged DICOM file"):
        Dataset.import_from(tmp_path / "data", "dicom")


@pytest.mark.damage
def test_random_bytes_are_bad_records_or_nothing(tmp_path, series):
    """What this finds is often an exception of pydicom that no documentation names."""
    write_segmentation(tmp_path / "data" / "case" / "seg.dcm", series, masks())
    rng = np.random.default_rng(8)
    for place in sorted((tmp_path / "data" / "case").iterdir()):
        good = place.read_bytes()
        for _ in range(25):
            data = np.frombuffer(good, np.uint8).copy()
            where = rng.integers(132, len(data), rng.integers(1, 20))
            data[where] = rng.integers(0, 256, len(where))
            place.write_bytes(data.tobytes())
            for policy in ("raise", "skip"):
                try:
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        list(Dataset.import_from(tmp_path / "data", "dicom", on_error=policy))
                except InputError:
                    pass
        place.write_bytes(good)
