"""Metadata go, pixels stay; damaged files give one error; independent readers are the oracle."""

from __future__ import annotations

import functools
import gzip
import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PilImage
from PIL import PngImagePlugin, TiffImagePlugin

from dsk.annotations import Bbox
from dsk.dataset import Dataset
from dsk.errors import MediaError, OptionError, PluginError, RecordError
from dsk.item import DatasetItem
from dsk.loss import Ledger
from dsk.media import Image, MediaElement, PointCloud, VideoFrame, Volume
from dsk_transforms.privacy import dicom
from dsk_transforms.privacy.cleaned import rewritten
from dsk_transforms.privacy.exif import DamagedError

SECRET = b"Jane Doe"


def picture(mode="RGB", size=(40, 24)):
    values = np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3)).astype(np.uint8)
    return PilImage.fromarray(values).convert(mode)


def exif(orientation=1):
    block = PilImage.Exif()
    block[0x010E] = SECRET.decode()
    block[0x013B] = SECRET.decode()
    block[0x0112] = orientation
    block.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    return block.tobytes()


def saved(picture, fmt, **options):
    buffer = io.BytesIO()
    picture.save(buffer, fmt, **options)
    return buffer.getvalue()


@functools.cache
def profile():
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@functools.cache
def jpeg(orientation=1, **options):
    data = saved(
        picture(),
        "JPEG",
        exif=exif(orientation),
        comment=SECRET,
        quality=90,
        icc_profile=profile(),
        xmp=b"<x>" + SECRET,
        **options,
    )
    iptc = b"Photoshop 3.0\0" + SECRET
    return data[:2] + b"\xff\xed" + struct.pack(">H", len(iptc) + 2) + iptc + data[2:] + SECRET


@functools.cache
def png(orientation=1, mode="RGB"):
    text = PngImagePlugin.PngInfo()
    text.add_text("Author", SECRET.decode())
    text.add_text("Zipped", SECRET.decode() * 9, zip=True)
    text.add_itxt("Title", SECRET.decode(), "en")
    return (
        saved(picture(mode), "PNG", pnginfo=text, exif=exif(orientation), icc_profile=profile())
        + SECRET
    )


@functools.cache
def webp(orientation=1):
    return saved(
        picture(), "WEBP", exif=exif(orientation), xmp=SECRET, lossless=True, icc_profile=profile()
    )


@functools.cache
def tiff(orientation=1, **options):
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[270], tags[315], tags[700] = SECRET.decode(), SECRET.decode(), SECRET
    tags[274] = orientation
    return saved(picture(), "TIFF", tiffinfo=tags, icc_profile=profile(), **options) + SECRET


def gif():
    return saved(
        picture("P"),
        "GIF",
        comment=SECRET,
        save_all=True,
        loop=3,
        append_images=[picture("P").rotate(180)],
    )


FILES = {
    "jpeg": jpeg,
    "progressive": lambda **o: jpeg(progressive=True, **o),
    "restarts": lambda **o: jpeg(restart_marker_rows=1, **o),
    "png": png,
    "palette": lambda **o: png(mode="P", **o),
    "webp": webp,
    "tiff": tiff,
    "lzw": lambda **o: tiff(compression="tiff_lzw", **o),
    "jpeg in tiff": lambda **o: tiff(compression="jpeg", **o),
    "big tiff": lambda **o: tiff(big_tiff=True, **o),
}


def pixels(data):
    with PilImage.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGBA"))


def strip(data, name="a.jpg", orientation="keep"):
    return rewritten(data, name, keep_orientation=orientation == "keep")


@pytest.mark.parametrize("name", FILES)
def test_images_keep_their_pixels_and_nothing_else(name):
    data = FILES[name]()
    assert SECRET in data
    clean = strip(data)
    assert SECRET not in clean
    assert np.array_equal(pixels(clean), pixels(data))
    with PilImage.open(io.BytesIO(clean)) as image:
        assert image.info.get("icc_profile"), "the colour profile belongs to the pixels"
        assert image.getexif().get_ifd(0x8825) == {}
    assert strip(clean) == clean


@pytest.mark.parametrize("name", FILES)
def test_orientation_is_kept_or_dropped(name):
    data = FILES[name](orientation=6)
    for how, expected in (("keep", 6), ("drop", None)):
        clean = strip(data, orientation=how)
        assert SECRET not in clean
        with PilImage.open(io.BytesIO(clean)) as image:
            found = image.getexif().get(0x0112)
            assert found in ((expected,) if expected else (None, 1))


def test_animations_keep_their_frames():
    data = gif()
    clean = strip(data)
    assert SECRET in data
    assert SECRET not in clean
    with PilImage.open(io.BytesIO(clean)) as new, PilImage.open(io.BytesIO(data)) as old:
        assert new.n_frames == old.n_frames == 2
        assert new.info["loop"] == 3
        for n in range(2):
            new.seek(n)
            old.seek(n)
            assert np.array_equal(np.asarray(new.convert("RGB")), np.asarray(old.convert("RGB")))


def test_jpeg_previews_go():
    data = jpeg()
    thumb = b"JFIF\0\x01\x01\0\0\x01\0\x01\x02\x02" + SECRET[:8] + b"\0" * 4
    head = b"\xff\xd8\xff\xe0" + struct.pack(">H", len(thumb) + 2) + thumb
    clean = strip(head + data[2:])
    assert SECRET not in clean
    assert np.array_equal(pixels(clean), pixels(data))


def nifti(version=1, order="<", single=True):
    head = bytearray(348 if version == 1 else 540)
    struct.pack_into(f"{order}i", head, 0, len(head))
    if version == 1:
        struct.pack_into(f"{order}8h", head, 40, 3, 2, 3, 4, 1, 1, 1, 1)
        struct.pack_into(f"{order}hh", head, 70, 4, 16)
        struct.pack_into(f"{order}f", head, 108, 352 + 32)
        head[344:348] = b"n+1\0" if single else b"ni1\0"
        places = (4, 14, 148, 228, 328)
    else:
        head[4:12] = b"n+2\0\r\n\x1a\n"
        struct.pack_into(f"{order}hh", head, 12, 4, 16)
        struct.pack_into(f"{order}8q", head, 16, 3, 2, 3, 4, 1, 1, 1, 1)
        struct.pack_into(f"{order}q", head, 168, 544 + 32)
        places = (240, 320, 508)
    for place in places:
        head[place : place + 8] = SECRET
    extension = struct.pack(f"{order}ii", 32, 6) + SECRET.ljust(24, b"\0")
    voxels = np.arange(24, dtype=f"{order}i2").tobytes()
    return bytes(head) + b"\x01\0\0\0" + extension + (voxels if single else b"")


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("packed", [False, True])
def test_nifti(version, order, packed, tmp_path):
    nibabel = pytest.importorskip("nibabel")
    data = nifti(version, order)
    name = "v.nii.gz" if packed else "v.nii"
    given = gzip.compress(data) if packed else data
    clean = strip(given, name)
    plain = gzip.decompress(clean) if packed else clean
    assert SECRET in data
    assert SECRET not in plain
    assert len(plain) == len(data)
    assert plain[-48:] == data[-48:]
    (tmp_path / name).write_bytes(clean)
    volume = nibabel.load(tmp_path / name)
    assert np.array_equal(np.asarray(volume.dataobj).ravel(order="F"), np.arange(24))
    assert not volume.header.extensions
    assert strip(clean, name) == clean


def test_nifti_bombs_and_lies():
    bomb = bytearray(nifti())
    packed = zlib.compressobj(9, zlib.DEFLATED, 31)
    data = packed.compress(bytes(bomb) + bytes(30_000_000)) + packed.flush()
    with pytest.raises(DamagedError, match="longer than its header"):
        strip(data, "a.nii.gz")
    struct.pack_into("<8h", bomb, 40, 3, 32000, 32000, 32000, 1, 1, 1, 1)
    with pytest.raises(DamagedError, match="packed bytes"):
        strip(gzip.compress(bytes(bomb)), "a.nii.gz")
    with pytest.raises(DamagedError, match="bytes"):
        strip(bytes(bomb), "a.nii")
    struct.pack_into("<f", bomb, 108, float("nan"))
    with pytest.raises(DamagedError):
        strip(bytes(bomb), "a.nii")


def dicom_file():
    pydicom = pytest.importorskip("pydicom")
    from pydicom.dataset import FileMetaDataset
    from pydicom.sequence import Sequence
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    ds = pydicom.Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    ds.file_meta.MediaStorageSOPInstanceUID = uid = generate_uid()
    ds.SOPClassUID, ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPClassUID, uid
    ds.PatientName, ds.PatientID, ds.PatientBirthDate = "Jane Doe", "Jane Doe", "19700101"
    ds.StudyDescription, ds.ImageComments = "Jane Doe", "Jane Doe"
    ds.Manufacturer, ds.Modality, ds.PatientSex = "ACME", "CT", "F"
    ds.RequestAttributesSequence = Sequence([pydicom.Dataset()])
    ds.RequestAttributesSequence[0].ScheduledProcedureStepDescription = "Jane Doe"
    block = ds.private_block(0x11, "ACME", create=True)
    block.add_new(1, "LO", "Jane Doe")
    block.add_new(2, "OB", SECRET)  # of a type that is no text: only its being private tells
    ds.RequestAttributesSequence[0].private_block(0x11, "ACME", create=True).add_new(
        1, "OB", SECRET
    )
    ds.Rows, ds.Columns, ds.BitsAllocated, ds.BitsStored = 2, 2, 16, 16
    ds.SamplesPerPixel, ds.PixelRepresentation, ds.HighBit = 1, 0, 15
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.PixelData = np.arange(4, dtype="<u2").tobytes()
    buffer = io.BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def test_dicom():
    data = dicom_file()
    clean = strip(data, "a.dcm")
    assert SECRET in data
    assert SECRET not in clean
    import pydicom

    found = pydicom.dcmread(io.BytesIO(clean))
    assert (found.Manufacturer, found.Modality, found.Rows) == ("ACME", "CT", 2)
    assert found.PixelData == np.arange(4, dtype="<u2").tobytes()
    assert found.PatientBirthDate == ""
    assert found.PatientIdentityRemoved == "YES"
    assert not [element.tag for element in found.iterall() if element.tag.is_private]
    with pytest.raises(DamagedError):
        strip(data[:200], "a.dcm")


def test_dicom_without_pydicom(monkeypatch):
    monkeypatch.setattr(dicom.importlib.util, "find_spec", lambda name: None)
    item = DatasetItem("a", media=MediaElement(path="a.dcm", source=b"x"))
    with pytest.raises(PluginError) as caught:
        list(Dataset.from_iterable([item]).transform("strip_metadata"))
    assert caught.value.hint == "pip install 'dsk-transforms[dicom]'"


SAMPLES = {
    "a.jpg": jpeg,
    "a.png": png,
    "a.webp": webp,
    "a.tif": tiff,
    "a.gif": gif,
    "a.nii": nifti,
    "a.nii.gz": lambda: gzip.compress(nifti(), mtime=0),
}


@pytest.mark.parametrize("name", SAMPLES)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_hostile_files(name, data):
    """Any change of any byte gives a file or the one error, and never a longer file."""
    content = bytearray(SAMPLES[name]())
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content))) :]
    for _ in range(data.draw(st.integers(0, 6))):
        if content:
            content[data.draw(st.integers(0, min(len(content), 700) - 1))] = data.draw(
                st.integers(0, 255)
            )
    try:
        clean = strip(bytes(content), name)
    except DamagedError:
        return
    assert len(clean) <= len(content) + 5000


def run(item, on_error="raise", **options):
    ledger = Ledger(on_error)
    dataset = Dataset.from_iterable([item], ["x"]).transform("strip_metadata", **options)
    return list(dataset.read(ledger)), ledger


def test_apply_turns_pixels_and_annotations():
    box = Bbox(2, 3, 10, 5, label=0)
    for orientation in range(1, 9):
        data = png(orientation)
        item = DatasetItem("a", media=Image(path="a.png", source=data), annotations=[box])
        (made,), _ = run(item, orientation="apply")
        with PilImage.open(io.BytesIO(data)) as image:
            from PIL import ImageOps

            shown = np.asarray(ImageOps.exif_transpose(image))
            marked = PilImage.new("1", image.size)
            marked.paste(1, (2, 3, 12, 8))
            exif_block = image.getexif()
            marked.info["exif"] = exif_block.tobytes()
            turned = np.asarray(ImageOps.exif_transpose(_with_exif(marked, exif_block)))
        assert np.array_equal(made.media.data, shown)
        assert made.media.get_size() == shown.shape[:2]
        rows, columns = np.flatnonzero(turned.any(1)), np.flatnonzero(turned.any(0))
        (found,) = made.annotations
        assert found.bbox == (columns[0], rows[0], len(columns), len(rows)), orientation


def _with_exif(image, block):
    data = saved(image, "PNG", exif=block)
    return PilImage.open(io.BytesIO(data))


def test_apply_leaves_annotations_made_on_the_turned_image():
    box = Bbox(2, 3, 10, 5, label=0)
    media = Image(path="a.jpg", source=jpeg(6), size=(40, 24))  # as shown, not as stored
    (made,), _ = run(DatasetItem("a", media=media, annotations=[box]), orientation="apply")
    assert list(made.annotations) == [box]
    assert made.media.size == made.media.data.shape[:2] == (40, 24)


def test_files_are_cleaned_when_saved(tmp_path):
    pytest.importorskip("dsk_images", reason="a format package; here in env all")
    (tmp_path / "a.jpg").write_bytes(jpeg())
    items = [
        DatasetItem("a", media=Image(path="a.jpg", source=str(tmp_path / "a.jpg"))),
        DatasetItem("b", media=Image(path="b.png", source=png())),
        DatasetItem("c", media=Image(path="c.jpg", source=str(tmp_path / "missing.jpg"))),
    ]
    dataset = Dataset.from_iterable(items).transform("strip_metadata")
    for jobs in (1, 2):
        report = dataset.export(tmp_path / f"{jobs}", "image_dir", save_media=True, jobs=jobs)
        assert report.media_saved == 2
        assert [e.code for e in report.losses] == ["DSK-L016"]
        files = {p.name: p.read_bytes() for p in (tmp_path / f"{jobs}").rglob("*") if p.is_file()}
        assert files["a.jpg"] == strip(jpeg())
        assert files["b.png"] == strip(png())


def test_damaged_files_end_the_work_or_are_left_out(tmp_path):
    pytest.importorskip("dsk_images", reason="a format package; here in env all")
    items = [
        DatasetItem("a", media=Image(path="a.jpg", source=jpeg()[:500])),
        DatasetItem("b", media=Image(path="b.jpg", source=jpeg())),
    ]
    dataset = Dataset.from_iterable(items).transform("strip_metadata")
    with pytest.raises(RecordError, match=r"a\.jpg: its metadata cannot be removed"):
        dataset.export(tmp_path / "x", "image_dir", save_media=True)
    dataset.on_error = "skip"
    report = dataset.export(tmp_path / "y", "image_dir", save_media=True)
    assert report.media_saved == 1
    assert report.losses


def test_other_media():
    cloud = PointCloud(
        path="a.pcd", source=b"x", extra_images=(Image(path="f.jpg", source=jpeg()),)
    )
    (made,), _ = run(DatasetItem("a", media=cloud))
    assert SECRET not in made.media.extra_images[0].read_bytes()
    volume = Volume(path="a.nii.gz", source=gzip.compress(nifti()), shape=(2, 3, 4))
    (made,), _ = run(DatasetItem("a", media=volume))
    assert isinstance(made.media, Volume)
    assert SECRET not in gzip.decompress(made.media.read_bytes())
    frame = VideoFrame(path="f.jpg", source=jpeg(), video="v.mp4")
    (made,), ledger = run(DatasetItem("a", media=frame))
    assert made.media.video is None
    assert ledger.losses()
    (made,), ledger = run(DatasetItem("a", media=MediaElement(path="a.xyz", source=b"x")))
    assert ledger.warnings
    old = Image(path="a.jp2", source=saved(picture(), "JPEG2000"))
    (made,), ledger = run(DatasetItem("a", media=old))
    assert made.media.path == "a.png"
    assert ledger.losses()


def test_volume_headers_are_blanked():
    nibabel = pytest.importorskip("nibabel")
    header = nibabel.Nifti1Header()
    header["descrip"] = SECRET
    volume = Volume(path="a.nii", source=np.zeros((1, 1, 1)), shape=(1, 1, 1), header=header)
    (made,), _ = run(DatasetItem("a", media=volume))
    assert made.media.header["descrip"] == b""
    assert header["descrip"] == SECRET


def test_wrong_orientation_option():
    with pytest.raises(OptionError):
        run(DatasetItem("a"), orientation="up")


def test_a_second_cleaning_changes_nothing():
    item = DatasetItem("a", media=Image(path="a.jpg", source=jpeg()))
    dataset = Dataset.from_iterable([item]).transform("strip_metadata").transform("strip_metadata")
    (made,) = dataset
    assert made.media.read_bytes() == strip(jpeg())
    bad = DatasetItem("a", media=Image(path="a.jpg", source=b"\xff\xd8"))
    (made,), _ = run(bad, on_error="skip")
    with pytest.raises(MediaError):
        made.media.read_bytes()
