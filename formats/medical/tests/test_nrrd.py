"""NRRD volumes and segmentations; pynrrd and SimpleITK are the other readers."""

from __future__ import annotations

import bz2
import gzip

import nibabel as nib
import nrrd
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its usual name
from nifti_files import AFFINE, OBLIQUE, SHAPE, blocks, save, scan, voxels

from dsk import Dataset, DatasetItem
from dsk.errors import DskWarning, OutputError, RecordError, UnsafePathError
from dsk.media import Volume
from dsk_medical.nrrd.header import parse_header
from dsk_medical.volume.arrays import open_volume

LPS = np.diag([-1.0, -1, 1, 1]) @ AFFINE


def header(sizes, kind="short", encoding="raw", more=(), directions=None):
    steps = directions or " ".join(f"({','.join(map(str, LPS[:3, n]))})" for n in range(3))
    lines = [
        "NRRD0004",
        "# a comment",
        f"type: {kind}",
        f"dimension: {len(sizes)}",
        "space: left-posterior-superior",
        f"sizes: {' '.join(map(str, sizes))}",
        f"space directions: {steps}",
        "endian: little",
        f"encoding: {encoding}",
        f"space origin: ({','.join(map(str, LPS[:3, 3]))})",
        *more,
    ]
    return ("\n".join(lines) + "\n\n").encode()


def media(path, **options):
    (item,) = Dataset.import_from(path, "nrrd", **options)
    return item


@pytest.mark.parametrize("encoding", ["raw", "gzip"])
def test_lines_and_bytes_before_the_voxels(tmp_path, encoding):
    """Lines are never compressed; bytes are what is unpacked; -1: the voxels are the end."""
    array = scan()
    pack = gzip.compress if encoding == "gzip" else bytes
    data = array.tobytes("F")
    for name, fields, content in (
        ("lines", ["line skip: 2"], b"one\ntwo\r\n" + pack(data)),
        ("both", ["lineskip: 1", "byteskip: 3"], b"one\n" + pack(b"abc" + data)),
        ("end", ["byte skip: -1"], pack(b"abcde" + data)),
    ):
        folder = tmp_path / name
        folder.mkdir()
        made = header(array.shape, encoding=encoding, more=fields) + content
        (folder / "a.nrrd").write_bytes(made)
        assert np.array_equal(np.asarray(open_volume(media(folder).media)), array), name


@pytest.mark.parametrize(
    ("field", "what"),
    [
        ("line skip: 2000", "lines less"),
        ("line skip: x", "no number"),
        ("byte skip: -5", "leads out"),
        ("byte skip: 9", "claims"),
    ],
)
def test_skips_that_lead_nowhere(tmp_path, field, what):
    array = scan()
    path = tmp_path / "a.nrrd"
    path.write_bytes(header(array.shape, more=[field]) + array.tobytes("F"))
    with pytest.raises(RecordError, match=what):
        media(tmp_path)


@pytest.mark.parametrize("encoding", ["raw", "gzip", "bz2", "ascii", "hex"])
def test_encodings(tmp_path, encoding):
    array = scan()
    data = array.tobytes("F")
    packed = {
        "raw": data,
        "gzip": gzip.compress(data),
        "bz2": bz2.compress(data),
        "ascii": " ".join(map(str, array.ravel("F").tolist())).encode(),
        "hex": data.hex().encode(),
    }[encoding]
    (tmp_path / "a.nrrd").write_bytes(header(array.shape, encoding=encoding) + packed)
    item = media(tmp_path)
    volume = open_volume(item.media)
    assert np.array_equal(np.asarray(volume), array)
    assert np.array_equal(volume[:, :, 3], array[:, :, 3])
    assert np.array_equal(volume[2, :, 1:3], array[2, :, 1:3])
    assert np.allclose(np.reshape(item.media.affine, (4, 4)), AFFINE)


@pytest.mark.parametrize("space", ["right-anterior-superior", "left-anterior-superior"])
def test_frames(tmp_path, space):
    text = header(scan().shape).replace(b"left-posterior-superior", space.encode())
    (tmp_path / "a.nrrd").write_bytes(text + scan().tobytes("F"))
    signs = (1, 1, 1) if space[0] == "r" else (-1, 1, 1)
    expected = np.diag([*signs, 1]) @ LPS
    assert np.allclose(np.reshape(media(tmp_path).media.affine, (4, 4)), expected)


def test_no_space_is_told(tmp_path):
    array = scan()
    nrrd.write(str(tmp_path / "a.nrrd"), array, {"spacings": [1.0, 2.0, 3.0]})
    with pytest.warns(DskWarning, match="states no space"):
        item = media(tmp_path)
    assert np.diag(np.reshape(item.media.affine, (4, 4))).tolist() == [-1, -2, 3, 1]


def test_detached_data(tmp_path):
    array = scan()
    (tmp_path / "a.nhdr").write_bytes(header(array.shape, more=["data file: a.raw"]))
    (tmp_path / "a.raw").write_bytes(array.tobytes("F"))
    assert np.array_equal(np.asarray(open_volume(media(tmp_path).media)), array)
    (tmp_path / "a.nhdr").write_bytes(header(array.shape, more=["data file: ../a.raw"]))
    with pytest.raises((RecordError, UnsafePathError), match="leads out"):
        media(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ((b"sizes: 9 8 5", b"sizes: 9 8 5000000"), "claims"),
        ((b"sizes: 9 8 5", b"sizes: 9 8"), "make no volume"),
        ((b"type: short", b"type: block"), "not supported"),
        ((b"encoding: raw", b"encoding: zstd"), "not supported"),
        ((b"NRRD0004", b"NRRX0004"), "no NRRD file"),
    ],
)
def test_damaged_headers(tmp_path, change, message):
    data = header(scan().shape) + scan().tobytes("F")
    (tmp_path / "a.nrrd").write_bytes(data.replace(*change))
    with pytest.raises(RecordError, match=message):
        media(tmp_path)


def test_layers_keep_overlapping_segments(tmp_path):
    first, second = blocks(1), np.roll(blocks(1), 1, axis=0)
    save(tmp_path / "in" / "a.nii.gz", scan())
    save(tmp_path / "in" / "a" / "x.nii.gz", first)
    save(tmp_path / "in" / "a" / "y.nii.gz", second)
    Dataset.import_from(tmp_path / "in", "nifti").export(tmp_path / "out", "nrrd")
    data, head = nrrd.read(str(tmp_path / "out" / "a.seg.nrrd"))
    assert data.shape == (2, 9, 8, 5)
    assert np.array_equal(data[0], first)
    assert np.array_equal(data[1], second)
    assert [head[f"Segment{n}_Layer"] for n in range(2)] == ["0", "1"]
    item = media(tmp_path / "out")
    assert [
        np.array_equal(voxels(a), b == 1)
        for a, b in zip(item.annotations, (first, second), strict=True)
    ] == [True, True]
    report = Dataset.import_from(tmp_path / "out", "nrrd").export(
        tmp_path / "again", "nrrd", strict=True
    )
    assert not report.losses
    assert (tmp_path / "again" / "a.seg.nrrd").read_bytes() == (
        tmp_path / "out" / "a.seg.nrrd"
    ).read_bytes()


def test_segments_that_do_not_overlap_share_a_layer(tmp_path):
    save(tmp_path / "in" / "a.nii.gz", scan())
    save(tmp_path / "in" / "a" / "x.nii.gz", blocks(1))
    save(tmp_path / "in" / "a" / "y.nii.gz", blocks(0, 1))
    Dataset.import_from(tmp_path / "in", "nifti").export(tmp_path / "out", "nrrd")
    data, _ = nrrd.read(str(tmp_path / "out" / "a.seg.nrrd"))
    assert data.shape == (9, 8, 5)
    assert len(media(tmp_path / "out").annotations) == 2


def test_volume_lies_where_simpleitk_finds_it(tmp_path):
    path = save(tmp_path / "in" / "a.nii.gz", scan())
    Dataset.import_from(tmp_path / "in", "nifti").export(tmp_path / "out", "nrrd")
    one, two = (sitk.ReadImage(str(p)) for p in (path, tmp_path / "out" / "a.nrrd"))
    assert np.array_equal(sitk.GetArrayFromImage(one), sitk.GetArrayFromImage(two))
    for name in ("GetOrigin", "GetSpacing", "GetDirection"):
        assert getattr(one, name)() == pytest.approx(getattr(two, name)(), abs=1e-5)


def segmentation(array, origin, more):
    text = header(array.shape, "unsigned char", more=more)
    place = LPS[:3, :3] @ np.array(origin) + LPS[:3, 3]
    old = f"space origin: ({','.join(map(str, LPS[:3, 3]))})"
    return text.replace(
        old.encode(), f"space origin: ({','.join(map(str, place))})".encode()
    ) + array.tobytes("F")


def test_smaller_segmentation_is_placed_by_world_coordinates(tmp_path):
    (tmp_path / "a.nrrd").write_bytes(header(scan().shape) + scan().tobytes("F"))
    small = np.full((3, 2, 2), 5, np.uint8)
    keys = [
        "Segment0_ID:=s",
        "Segment0_Name:=liver",
        "Segment0_Color:=1 0.5 0",
        "Segment0_LabelValue:=5",
        "Segment0_Layer:=0",
    ]
    (tmp_path / "Segmentation.seg.nrrd").write_bytes(segmentation(small, (4, 3, 1), keys))
    item = media(tmp_path)
    expected = np.zeros((9, 8, 5), bool)
    expected[4:7, 3:5, 1:3] = True
    assert np.array_equal(voxels(item.annotations[0]), expected)
    categories = Dataset.import_from(tmp_path, "nrrd").categories()
    assert (categories.names, categories.colors) == (["liver"], {0: (255, 128, 0)})


def test_files_of_old_slicers(tmp_path):
    layers = np.stack([blocks(1), np.roll(blocks(1), 1, axis=0)])
    steps = "none " + " ".join(f"({','.join(map(str, LPS[:3, n]))})" for n in range(3))
    keys = ["Segment0_ID:=s0", "Segment0_Name:=x", "Segment1_ID:=s1", "Segment1_Name:=x"]
    data = header(
        layers.shape,
        "unsigned char",
        more=["kinds: list domain domain domain", *keys],
        directions=steps,
    )
    (tmp_path / "a.seg.nrrd").write_bytes(data + layers.tobytes("F"))
    item = media(tmp_path)
    assert [a.label for a in item.annotations] == [0, 0]
    assert np.array_equal(voxels(item.annotations[1]), layers[1] == 1)


def test_single_voxel_means_no_data(tmp_path):
    keys = ["Segment0_ID:=s", "Segment0_Name:=x"]
    data = header((1, 1, 1), "unsigned char", more=keys) + b"\0"
    (tmp_path / "a.seg.nrrd").write_bytes(data)
    assert media(tmp_path).annotations == []


@pytest.mark.parametrize("text", ["C:\\new", "a\nb", "\\\\n\n\\", "plain"])
def test_escaped_texts_read_back_the_same(text):
    written = text.replace("\\", "\\\\").replace("\n", "\\n")
    data = f"NRRD0004\ntype: short\nkey:={written}\n\n".encode()
    assert parse_header(data, "x").pairs == {"key": text}


def test_texts_are_dropped_unless_kept(tmp_path):
    data = header(scan().shape, more=["PatientName:=Jane"]) + scan().tobytes("F")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.nrrd").write_bytes(data)
    dataset = Dataset.import_from(tmp_path / "in", "nrrd")
    dataset.export(tmp_path / "drop", "nrrd")
    dataset.export(tmp_path / "keep", "nrrd", privacy="keep")
    assert b"Jane" not in (tmp_path / "drop" / "a.nrrd").read_bytes()
    assert (tmp_path / "keep" / "a.nrrd").read_bytes() == data


@pytest.mark.parametrize("codes", [(1, 1), (2, 0), (0, 1), (4, 3), (0, 0)])
def test_form_codes_of_nifti_survive(tmp_path, codes):
    save(tmp_path / "in" / "a.nii.gz", scan(), OBLIQUE, codes=codes)
    before = nib.load(tmp_path / "in" / "a.nii.gz")
    Dataset.import_from(tmp_path / "in", "nifti").export(tmp_path / "nrrd", "nrrd")
    Dataset.import_from(tmp_path / "nrrd", "nrrd").export(tmp_path / "again", "nrrd")
    again = (tmp_path / "again" / "a.nrrd").read_bytes()
    assert again == (tmp_path / "nrrd" / "a.nrrd").read_bytes()
    Dataset.import_from(tmp_path / "nrrd", "nrrd").export(tmp_path / "out", "nifti")
    after = nib.load(tmp_path / "out" / "a.nii.gz")
    for field in ("sform_code", "qform_code", "srow_x", "quatern_b", "qoffset_z", "xyzt_units"):
        assert np.array_equal(before.header[field], after.header[field]), field
    assert before.affine.tobytes() == after.affine.tobytes()
    assert after.get_data_dtype() == before.get_data_dtype()


@pytest.mark.parametrize(
    "pairs",
    [
        {"sform_code": "x"},
        {"srow_x": "1 2"},
        {"qform_code": "1e99"},
        {"xyzt_units": "300"},
        {"pixdim[1]": "nan"},
    ],
)
def test_damaged_form_codes_are_left(tmp_path, pairs):
    save(tmp_path / "in" / "a.nii.gz", scan())
    Dataset.import_from(tmp_path / "in", "nifti").export(tmp_path / "nrrd", "nrrd", encoding="raw")
    path = tmp_path / "nrrd" / "a.nrrd"
    head, _, data = path.read_bytes().partition(b"\n\n")
    lines = head.decode().split("\n")
    for key, text in pairs.items():
        lines = [f"{key}:={text}" if line.startswith(f"{key}:=") else line for line in lines]
    path.write_bytes("\n".join(lines).encode() + b"\n\n" + data)
    assert set(media(tmp_path / "nrrd").media.header) == {"nrrd"}


def test_scale_factors_are_applied_and_told(tmp_path):
    image = nib.Nifti1Image(scan(), AFFINE)
    image.header.set_slope_inter(0.5, -1024)
    (tmp_path / "in").mkdir()
    nib.save(image, tmp_path / "in" / "a.nii")
    report = Dataset.import_from(tmp_path / "in", "nifti").export(tmp_path / "nrrd", "nrrd")
    assert [e.what for e in report.losses if e.code == "DSK-L016"] == [
        "scale factors applied: values are kept, their type is not"
    ]
    written, _ = nrrd.read(str(tmp_path / "nrrd" / "a.nrrd"))
    expected = np.asarray(nib.load(tmp_path / "in" / "a.nii").dataobj)
    assert np.array_equal(written, expected)


@pytest.mark.parametrize(("step", "told"), [(2.5, True), (1.0, False)])
def test_times_that_nrrd_does_not_hold_are_told(tmp_path, step, told):
    image = nib.Nifti1Image(np.zeros((3, 4, 2, 5), np.int16), np.eye(4))
    image.header.set_zooms((1, 1, 1, step))
    nib.save(image, tmp_path / "a.nii")
    report = Dataset.import_from(tmp_path / "a.nii").export(tmp_path / "out", "nrrd")
    assert any("time" in event.what for event in report.losses) is told


def test_subsets_that_are_not_read_back_are_told(tmp_path):
    def item(subset):
        media = Volume("a", scan(), None, SHAPE, tuple(AFFINE.ravel()), "int16")
        return DatasetItem("a", subset, media)

    def told(*subsets):
        dataset = Dataset.from_iterable(map(item, subsets), [])
        report = dataset.export(tmp_path / "-".join(subsets), "nrrd")
        return [event.what for event in report.events if "subset" in event.what]

    assert told("knees", "train") == ["subset 'knees' becomes a folder"]
    found = Dataset.import_from(tmp_path / "knees-train", subsets="folders")
    assert sorted(i.subset for i in found) == ["knees", "train"]
    assert not told("train", "val")


@pytest.mark.parametrize("encoding", ["raw", "gzip", "bzip2"])
@pytest.mark.parametrize("surplus", [0, 6])
def test_bytes_beyond_the_voxels_are_told(tmp_path, encoding, surplus):
    """They come first where a byte skip is missing, and nobody can tell where."""
    array = scan()
    pack = {"gzip": gzip.compress, "bzip2": bz2.compress}.get(encoding, bytes)
    content = pack(b"\0" * surplus + array.tobytes("F"))
    (tmp_path / "a.nrrd").write_bytes(header(array.shape, encoding=encoding) + content)
    if not surplus:
        media(tmp_path)
        return
    with pytest.warns(DskWarning, match="a.nrrd has 6 bytes more than its voxels"):
        media(tmp_path)


@pytest.mark.parametrize("ending", [".seg.nrrd", ".seg.nhdr", ".SEG.NRRD"])
@pytest.mark.parametrize("volume", [False, True])
def test_segmentations_have_the_id_of_what_they_segment(tmp_path, ending, volume):
    keys = ["Segment0_ID:=s", "Segment0_Name:=x", "Segment0_LabelValue:=1"]
    made = segmentation(blocks(1).astype(np.uint8), (0, 0, 0), keys)
    (tmp_path / f"a{ending}").write_bytes(made)
    if volume:
        for name in "ab":
            made = header(scan().shape) + scan().tobytes("F")
            (tmp_path / f"{name}.nrrd").write_bytes(made)
    items = {item.id: len(item.annotations) for item in Dataset.import_from(tmp_path, "nrrd")}
    assert items == ({"a": 1, "b": 0} if volume else {"a": 1})


def test_volumes_that_would_be_read_as_segmentations_are_refused(tmp_path):
    (tmp_path / "a.nrrd").write_bytes(header(scan().shape) + scan().tobytes("F"))
    item = media(tmp_path).replace(id="a.seg")
    with pytest.raises(OutputError, match=r"'a.seg.nrrd' would be read as a segmentation"):
        Dataset.from_iterable([item]).export(tmp_path / "out", "nrrd", save_media=True)
