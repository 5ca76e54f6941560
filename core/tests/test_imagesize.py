from __future__ import annotations

import io
import struct

import pytest
from PIL import Image as PilImage

from dsk.errors import MediaError
from dsk.imagesize import HEAD, is_turned, read_size, size_of_bytes

FORMATS = [
    ("JPEG", {}),
    ("JPEG", {"progressive": True}),
    ("JPEG", {"exif": b"Exif\0\0" + b"x" * 3000}),
    ("JPEG", {"exif": b"Exif\0\0" + b"x" * 60_000}),
    ("JPEG", {"icc_profile": b"i" * 400_000}),
    ("JPEG", {"comment": b"\xff\xc0" * 3000}),
    ("PNG", {}),
    ("GIF", {}),
    ("BMP", {}),
    ("WEBP", {}),
    ("WEBP", {"lossless": True}),
    ("TIFF", {}),
    ("TIFF", {"compression": "tiff_lzw"}),
    ("PPM", {}),
    ("TGA", {}),
    ("JPEG2000", {}),
]


@pytest.mark.parametrize(("fmt", "options"), FORMATS, ids=str)
@pytest.mark.parametrize(("width", "height"), [(7, 5), (1, 300), (400, 2)])
def test_size_is_height_and_width(encoded, fmt, options, width, height):
    data = encoded(fmt, width, height, **options)
    assert read_size(io.BytesIO(data)) == (height, width)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "LA", "I;16", "CMYK", "F", "I"])
def test_any_pixel_type(encoded, mode):
    fmt = "TIFF" if mode in {"CMYK", "F", "I"} else "PNG"
    assert read_size(io.BytesIO(encoded(fmt, mode=mode))) == (5, 7)


def tiff(order, bands, *, big=False, entries=None):
    """Return a TIFF of one row: its directory, without pixels."""
    numbers = {256: 300, 257: 5, 277: bands} if entries is None else entries
    count, entry = ("Q", "HHQHxxxxxx") if big else ("H", "HHIHxx")
    head = (43, 8, 0, 16) if big else (42, 8)
    data = struct.pack(f"{order}{'HHHQ' if big else 'HI'}", *head)
    data += struct.pack(order + count, len(numbers))
    data += b"".join(struct.pack(order + entry, tag, 3, 1, n) for tag, n in numbers.items())
    return (b"II" if order == "<" else b"MM") + data + bytes(8)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("bands", [2, 12])
@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_tiff_that_pillow_cannot_read(order, big, bands, caplog):
    data = tiff(order, bands, big=big)
    assert read_size(io.BytesIO(data)) == (5, 300)
    assert not caplog.records
    for end in (9, 20, 30):
        with pytest.raises(MediaError, match="no readable image"):
            read_size(io.BytesIO(data[:end]))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("place", [(1 << 64) - 1, (1 << 63) - 1, 1 << 40])
def test_tiff_whose_directory_is_nowhere(place, tmp_path):
    data = tiff("<", 12, big=True)
    data = data[:8] + struct.pack("<Q", place) + data[16:]
    (tmp_path / "a.tif").write_bytes(data)
    for file in (io.BytesIO(data), (tmp_path / "a.tif").open("rb")):
        with file, pytest.raises(MediaError, match="no readable image"):
            read_size(file)


@pytest.mark.parametrize("entries", [{}, {256: 5}, {256: 0, 257: 5, 277: 12}])
def test_tiff_without_a_size(entries):
    with pytest.raises(MediaError, match="no readable image"):
        read_size(io.BytesIO(tiff("<", 12, entries=entries)))


def test_common_formats_need_only_the_first_bytes(encoded):
    for fmt in ("JPEG", "PNG", "GIF", "BMP"):
        assert size_of_bytes(encoded(fmt)[:HEAD]) == (5, 7)


def test_nothing_more_than_needed_is_read(encoded):
    class Counting(io.BytesIO):
        total = 0

        def read(self, size=-1, /):
            data = super().read(size)
            self.total += len(data)
            return data

    file = Counting(encoded("JPEG", 2000, 2000) + b"\0" * 1_000_000)
    assert read_size(file) == (2000, 2000)
    assert file.total <= HEAD


def test_size_is_as_stored_whatever_exif_says(encoded):
    exif = PilImage.Exif()
    exif[0x0112] = 6
    assert read_size(io.BytesIO(encoded("JPEG", exif=exif))) == (5, 7)


def test_a_bitmap_stored_from_top_to_bottom(encoded):
    data = bytearray(encoded("BMP"))
    struct.pack_into("<i", data, 22, -5)
    assert read_size(io.BytesIO(bytes(data))) == (5, 7)


def test_an_old_bitmap_with_a_short_header():
    header = b"BM" + struct.pack("<IHHI", 26 + 8, 0, 0, 26) + struct.pack("<IHHHH", 12, 2, 1, 1, 24)
    assert read_size(io.BytesIO(header + b"\0" * 8)) == (1, 2)


def test_fill_bytes_before_a_jpeg_marker(encoded):
    data = encoded("JPEG")
    filled = data[:2] + b"\xff\xff\xff" + data[2:]
    assert size_of_bytes(filled) == (5, 7)


def test_sixteen_bit_images(pattern):
    for fmt in ("PNG", "TIFF"):
        buffer = io.BytesIO()
        PilImage.fromarray(pattern.deep).save(buffer, fmt)
        assert read_size(io.BytesIO(buffer.getvalue())) == (5, 7)


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow warns before it raises
@pytest.mark.parametrize("fmt", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM"])
def test_a_file_cut_off_anywhere_gives_its_size_or_a_media_error(encoded, fmt):
    data = encoded(fmt)
    for size in range(min(len(data), 700)):
        try:
            assert read_size(io.BytesIO(data[:size]), "a.img") == (5, 7)
        except MediaError as error:
            assert error.where == "a.img"  # noqa: PT017 - both outcomes are right


@pytest.mark.parametrize(
    "data", [b"", b"\0", b"text, not an image", b"\xff\xd8", b"BM", b"\0" * 5000]
)
def test_what_is_no_image_is_a_media_error(data):
    with pytest.raises(MediaError, match="no readable image"):
        read_size(io.BytesIO(data), "a.jpg")


def test_html_in_place_of_an_image_is_a_media_error():
    with pytest.raises(MediaError):
        read_size(io.BytesIO(b"<!DOCTYPE html><title>404</title>"), "a.jpg")


@pytest.mark.parametrize("fmt", ["PNG", "GIF", "BMP", "JPEG"])
def test_an_image_without_extent_is_a_media_error(encoded, fmt):
    data = bytearray(encoded(fmt))
    at = data.index(b"\xff\xc0") + 5 if fmt == "JPEG" else {"PNG": 16, "GIF": 6, "BMP": 18}[fmt]
    data[at : at + 4] = bytes(4)
    with pytest.raises(MediaError):
        read_size(io.BytesIO(bytes(data)), "a")


def test_formats_that_are_not_allowed_are_not_tried():
    postscript = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 7 5\n%%EndComments\n"
    with pytest.raises(MediaError):
        read_size(io.BytesIO(postscript), "a.jpg")


@pytest.mark.parametrize("ext", ["jpeg", "png", "webp", "tiff"])
@pytest.mark.parametrize(
    ("orientation", "turned"), [(None, False), (3, False), (5, True), (8, True)]
)
def test_images_that_exif_turns_by_a_quarter(ext, orientation, turned):
    file, exif = io.BytesIO(), PilImage.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    PilImage.new("RGB", (30, 20)).save(file, ext, exif=exif)
    file.seek(0)
    assert is_turned(file) is turned
    assert is_turned(io.BytesIO(b"no image")) is False
