"""Files of points: every encoding, all columns, bad input."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest

from dsk.errors import MediaError
from dsk_pointcloud.clouds import files, lzf
from dsk_pointcloud.clouds.cloud import Cloud, cloud_of, packed_rgb
from dsk_pointcloud.clouds.pcd import read_header, read_pcd, write_pcd
from dsk_pointcloud.clouds.velodyne import read_bin, write_bin

ENCODINGS = ("ascii", "binary", "binary_compressed")
HEAD = (
    "VERSION {v}\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT 1 1 1\nWIDTH {w}\nHEIGHT 1\n"
    "POINTS {n}\nDATA {d}\n"
)


def head(n=2, w=None, d="ascii", v="0.7"):
    return HEAD.format(v=v, n=n, w=n if w is None else w, d=d).encode()


def rich(count=6):
    random = np.random.default_rng(1)
    points = np.empty(
        count,
        [
            ("x", "<f4"),
            ("y", "<f4"),
            ("z", "<f4"),
            ("time", "<f8"),
            ("ring", "<u2"),
            ("h", "<f4", 3),
        ],
    )
    for name in points.dtype.names:
        points[name] = (random.random(points[name].shape) * 1000).astype(points.dtype[name].base)
    points["x"][0] = np.nan
    points["time"] += 1.6e9
    return Cloud(points, 3, 2, (1.0, 2.0, 3.0, 0.5, 0.5, 0.5, 0.5))


def same(a, b):
    assert a.points.dtype.names == b.points.dtype.names
    for name in a.points.dtype.names:
        np.testing.assert_array_equal(a.points[name], b.points[name])
    assert (a.width, a.height, a.viewpoint) == (b.width, b.height, b.viewpoint)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("count", [0, 6])
def test_pcd_comes_back_whole(encoding, count):
    cloud = rich() if count else Cloud(rich().points[:0], 0)
    same(cloud, read_pcd(write_pcd(cloud, encoding)))


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_another_reader_agrees(encoding):
    pypcd4 = pytest.importorskip("pypcd4")
    cloud = cloud_of(x=np.arange(5, dtype="f4"), y=np.ones(5, "f4"), i=np.arange(5, dtype="u2"))
    cloud = Cloud(cloud.points, 5)
    read = pypcd4.PointCloud.from_fileobj(io.BytesIO(write_pcd(cloud, encoding)))
    assert tuple(read.fields) == cloud.names
    np.testing.assert_array_equal(read.numpy(("x",))[:, 0], cloud.points["x"])
    np.testing.assert_array_equal(read.numpy(("i",))[:, 0], cloud.points["i"])


@pytest.mark.parametrize("version", [".5", ".6", ".7", "0.7"])
def test_old_versions_line_ends_comments_and_defaults(version):
    lines = [
        "# c",
        f"VERSION {version}",
        "COLUMNS x y",
        "# more",
        "WIDTH 2",
        "HEIGHT 1",
        "DATA ascii",
    ]
    text = "".join(f"{line}\r\n" for line in lines)
    cloud = read_pcd((text + "1 2\r\nnan 4\r\n").encode())
    assert cloud.names == ("x", "y")
    assert cloud.points["y"].tolist() == [2, 4]
    assert np.isnan(cloud.points["x"][1])


@pytest.mark.parametrize("encoding", ["ascii", "binary"])
def test_padding_is_skipped(encoding):
    header = (
        "VERSION .7\nFIELDS x _ y\nSIZE 4 1 4\nTYPE F U F\nCOUNT 1 4 1\nWIDTH 2\nHEIGHT 1\n"
        f"POINTS 2\nDATA {encoding}\n"
    ).encode()
    if encoding == "ascii":
        body = b"1 0 0 0 0 2\n3 0 0 0 0 4\n"
    else:
        body = struct.pack("<f4xff4xf", 1, 2, 3, 4)
    cloud = read_pcd(header + body)
    assert cloud.points["x"].tolist() == [1, 3]
    assert cloud.points["y"].tolist() == [2, 4]


@pytest.mark.parametrize("encoding", ["ascii", "binary"])
def test_fields_of_no_elements_are_left_out(encoding):
    header = head(d=encoding).replace(b"x y z", b"x _ t").replace(b"COUNT 1 1 1", b"COUNT 1 0 0")
    body = b"1\n3\n" if encoding == "ascii" else struct.pack("<2f", 1, 3)
    cloud = read_pcd(header + body)
    assert cloud.names == ("x",)
    assert cloud.points["x"].tolist() == [1, 3]
    with pytest.raises(MediaError, match="no field"):
        read_pcd(header.replace(b"COUNT 1", b"COUNT 0"))


def test_64_bit_integers_are_exact_in_ascii():
    cloud = cloud_of(stamp=np.array([2**62 + 1, -5], dtype="i8"))
    assert read_pcd(write_pcd(cloud, "ascii")).points["stamp"].tolist() == [2**62 + 1, -5]


def test_packed_colours():
    bits = np.array([0x00FF8001], dtype="u4").view("f4")
    assert packed_rgb(bits).tolist() == [[255, 128, 1]]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"VERSION .7\nFIELDS x\n",
        head(n=2, w=3) + b"1 2 3\n4 5 6\n",
        head(n=3) + b"1 2 3\n4 5 6\n",
        head() + b"1 2 3\n4 five 6\n",
        head() + b"1 2 3\n4 5\n",
        head(d="binary") + b"\0" * 23,
        head(d="zip") + b"",
        head().replace(b"TYPE F", b"TYPE Q") + b"1 2 3\n4 5 6\n",
        head().replace(b"FIELDS x y", b"FIELDS x x") + b"1 2 3\n4 5 6\n",
        head().replace(b"SIZE 4 4 4", b"SIZE 4 4") + b"1 2 3\n4 5 6\n",
        head(n=-1) + b"",
        head(n=10**12, d="binary"),
        head(n=10**12, d="ascii") + b"1 2 3\n",
        head(n=10**9, d="binary_compressed") + struct.pack("<II", 4, 0xFFFFFFFF) + b"abcd",
        head(d="binary_compressed") + struct.pack("<II", 4, 24) + b"\x1f\x00\x00\x00",
        head(d="binary_compressed") + struct.pack("<II", 40, 24) + b"\x00",
        head(d="binary_compressed") + b"\x00",
        b"COLOUR red\n" + head() + b"1 2 3\n4 5 6\n",
        head().replace(b"COUNT 1 1 1", b"COUNT 1 1 999999999999") + b"1 2 3\n4 5 6\n",
        head().replace(b"COUNT 1 1 1", b"COUNT 1 1 0") + b"1 2 3\n4 5 6\n",
        head().replace(b"SIZE 4 4 4", b"SIZE 4 4 1000000000") + b"1 2 3\n4 5 6\n",
        head().replace(b"TYPE F F F", b"TYPE F F _") + b"1 2 3\n4 5 6\n",
        head(n=2**63, d="binary"),
        head(n="9" * 5000, d="binary"),
        head().replace(b"HEIGHT 1", b"HEIGHT -1") + b"1 2 3\n4 5 6\n",
        head().replace(b"DATA", b"VIEWPOINT 0 0 0 1 0 0\nDATA") + b"1 2 3\n4 5 6\n",
        head().replace(b"FIELDS x y z", b"FIELDS " + b"x " * 100_000) + b"1\n",
    ],
)
def test_damaged_pcd_is_refused(data):
    with pytest.raises(MediaError):
        read_pcd(data, "a.pcd")


def test_nothing_is_allocated_for_a_bomb():
    count = 300_000_000
    data = head(n=count, d="binary_compressed") + struct.pack("<II", 8, count * 12) + b"\0" * 8
    with pytest.raises(MediaError, match="cannot hold"):
        read_pcd(data)


def test_raw_blocks_of_compressed_files():
    plain = struct.pack("<6f", *range(6))
    cloud = read_pcd(head(d="binary_compressed") + struct.pack("<II", 24, 24) + plain)
    assert cloud.points["z"].tolist() == [4, 5]


def test_literal_streams():
    data = bytes(range(256)) + b"end"
    assert lzf.decompress(lzf.literal(data), len(data)) == data
    noise = np.random.default_rng(0).bytes(5000)
    assert lzf.decompress(lzf.compress(noise), 5000) == noise


def test_velodyne_and_nuscenes_files():
    points = np.arange(20, dtype="<f4").tobytes()
    assert read_bin(points).points["intensity"].tolist() == [3, 7, 11, 15, 19]
    assert read_bin(points, 5).points["ring"].tolist() == [4, 9, 14, 19]
    assert write_bin(read_bin(points)) == points
    with pytest.raises(MediaError, match="whole number"):
        read_bin(points[:-1])


def test_bin_becomes_binary_pcd_without_a_change():
    points = np.arange(16, dtype="<f4").tobytes()
    data = write_pcd(read_bin(points))
    assert data[read_header(data).start :] == points


@pytest.mark.parametrize("ext", [".pcd", ".ply", ".las", ".laz"])
def test_kinds_of_files_hold_coordinates(ext):
    if ext in (".las", ".laz"):
        pytest.importorskip("laspy")
    cloud = cloud_of(
        **{n: np.array([1.5, 2.25, -3.125]) for n in "xyz"}, ring=np.arange(3, dtype="u2")
    )
    back = files.decode(files.encode(cloud, ext), f"a{ext}")
    for name in "xyz":
        assert back.points[name].tolist() == pytest.approx([1.5, 2.25, -3.125], abs=0.001)
    assert back.points["ring"].tolist() == [0, 1, 2]


def test_ply_of_others():
    rows = (
        "ply\nformat ascii 1.0\ncomment hi\nelement vertex 2\nproperty float x\n"
        "property uchar red\n"
        "element face 1\nproperty list uchar int vertex_indices\nend_header\n1 2\n3 4\n3 0 1 1\n"
    )
    assert files.decode(rows.encode(), "a.ply").points["red"].tolist() == [2, 4]
    big = rows.replace("ascii", "binary_big_endian").split("end_header\n")[0] + "end_header\n"
    cloud = files.decode(big.encode() + struct.pack(">fBfB", 1, 2, 3, 4), "a.ply")
    assert cloud.points["x"].tolist() == [1, 3]
    flags = big.replace("uchar red", "bool red").encode() + struct.pack(">fBfB", 1, 1, 3, 0)
    assert files.decode(flags, "a.ply").points["red"].tolist() == [1, 0]


def faces_first(lists, rows, order="<", *, count=None, length="uchar", more=""):
    """Return a binary PLY whose faces, with lists of these lengths, lie before two vertices."""
    form = "binary_little_endian" if order == "<" else "binary_big_endian"
    head = (
        f"ply\nformat {form} 1.0\nelement edge 2\nproperty short a\nproperty uchar b\n"
        f"element face {len(lists) if count is None else count}\nproperty float q\n"
        f"property list {length} int vertex_indices\nproperty list int uchar flags\n{more}"
        "property ushort tail\nelement vertex 2\nproperty float x\nproperty uchar red\n"
        "element last 1\nproperty list uchar int a\nend_header\n"
    )
    letter = {"uchar": "B", "char": "b", "uint": "I"}[length]
    body = bytes(6)
    for number in lists:
        body += struct.pack(f"{order}f{letter}", 0.5, number) + bytes(max(number, 0) % 100 * 4)
        body += struct.pack(f"{order}i2BH", 2, 1, 1, 9)
    body += struct.pack(f"{order}fBfB", 1, 2, 3, 4)[: rows * 5]
    return head.encode() + body


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("length", ["uchar", "uint"])
@pytest.mark.parametrize("lists", [[], [3], [3, 3, 3], [3, 4, 0, 5], [0, 0]])
def test_binary_ply_whose_vertices_come_later(order, length, lists):
    cloud = files.decode(faces_first(lists, 2, order, length=length), "a.ply")
    assert cloud.points["x"].tolist() == [1, 3]
    assert cloud.points["red"].tolist() == [2, 4]


@pytest.mark.parametrize(
    "data",
    [
        faces_first([3, 3], 1),
        faces_first([3, 4], 0),
        faces_first([3], 2, count=10**15),
        faces_first([3], 2, count=4),
        faces_first([-1, -1], 2, length="char"),
        faces_first([3, -1], 2, length="char"),
        faces_first([2**32 - 100], 2, length="uint"),
        faces_first([3, 2**32 - 100], 2, length="uint"),
        faces_first([3], 2, more="property list float int w\n"),
        faces_first([3], 2, more="property quad w\n"),
        faces_first([3], 2, more="property list int\n"),
        faces_first([3], 2)[:-20],
    ],
)
def test_damaged_rows_before_the_vertices_are_refused(data):
    with pytest.raises(MediaError, match=r"before the vertices|damaged PLY|bytes of points"):
        files.decode(data, "a.ply")


SHORT = b"ply\nformat ascii 1.0\nelement vertex 9\nproperty float x\nend_header\n1\n"


HUGE = SHORT.replace(b"9", b"999999999999")


@pytest.mark.parametrize(
    "data",
    [
        b"ply\n",
        SHORT,
        HUGE,
        HUGE.replace(b"ascii", b"binary_little_endian"),
        SHORT.replace(b"9", b"-1"),
        SHORT.replace(b"float x", b"quad x"),
        SHORT.replace(b"float x", b"list uchar int x"),
        SHORT.replace(b"format ascii", b"format morse"),
        SHORT.replace(b"vertex 9", b"vertex 1").replace(b"\n1\n", b"\none\n"),
    ],
)
def test_damaged_ply_is_refused(data):
    with pytest.raises(MediaError):
        files.decode(data, "a.ply")


def test_more_rows_than_declared_are_left_out():
    cloud = read_pcd(head() + b"1 2 3\n4 5 6\n7 8 9\n")
    assert cloud.points["x"].tolist() == [1, 4]


def test_nan_is_a_legal_coordinate():
    points = np.array([[np.nan, 1, 2, 3], [4, 5, 6, 7]], "<f4")
    cloud = read_pcd(write_pcd(read_bin(points.tobytes())))
    np.testing.assert_array_equal(cloud.points["x"], points[:, 0])


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_rules_of_other_readers(encoding):
    """What Open3D and PCL count on: ten entries in order, then the points at once."""
    data = write_pcd(rich(), encoding)
    header, _, body = data.partition(f"DATA {encoding}\n".encode())
    words = [line.split() for line in header.decode().splitlines() if line[0] != "#"]
    entries = {word[0]: word[1:] for word in words}
    assert list(entries) == [
        *("VERSION", "FIELDS", "SIZE", "TYPE", "COUNT", "WIDTH", "HEIGHT", "VIEWPOINT", "POINTS")
    ]
    width = {len(entries[name]) for name in ("FIELDS", "SIZE", "TYPE", "COUNT")}
    assert width == {6}
    assert int(entries["WIDTH"][0]) * int(entries["HEIGHT"][0]) == int(entries["POINTS"][0]) == 6
    stride = sum(int(s) * int(c) for s, c in zip(entries["SIZE"], entries["COUNT"], strict=True))
    if encoding == "ascii":
        assert len(body.splitlines()) == 6
    elif encoding == "binary":
        assert len(body) == 6 * stride
    else:
        packed, plain = struct.unpack("<II", body[:8])
        assert (packed, plain) == (len(body) - 8, 6 * stride)


@pytest.mark.parametrize(
    "data", [b"LASF", b"LASF" + b"\0" * 400, b"LASF" + b"\xff" * 400], ids=["cut", "zeros", "ones"]
)
def test_damaged_las_is_refused(data):
    pytest.importorskip("laspy")
    with pytest.raises(MediaError):
        files.decode(data, "a.las")


@pytest.mark.parametrize("name", ["a.pcd", "a.bin", "a.pcd.bin", "a.ply"])
def test_pointers_of_git_lfs_are_told(name):
    text = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 16\n"
    with pytest.raises(MediaError, match="git lfs pull"):
        files.decode(text, name)


def test_laz_files_of_before_chunks_are_refused_before_the_decoder_panics(capfd):
    """What a decoder written in Rust says when it gives up would be beside dsk's own message."""
    pytest.importorskip("laspy")
    from dsk_pointcloud.clouds.las import write_las

    data = bytearray(write_las(cloud_of(x=[1.0], y=[2.0], z=[3.0]), packed=True))
    record = data.index(b"laszip encoded") + 52
    data[record] = 1  # point by point
    data[record + 12 : record + 16] = bytes(4)
    with pytest.raises(MediaError, match="packed point by point"):
        files.decode(bytes(data), "a.laz")
    assert capfd.readouterr().err == ""


class PanicException(BaseException):
    """Called as what the decoder raises."""


@pytest.mark.parametrize(
    ("raised", "seen"), [(PanicException, MediaError), (KeyboardInterrupt,) * 2]
)
def test_a_decoder_that_gives_up_is_a_damaged_file(monkeypatch, raised, seen):
    laspy = pytest.importorskip("laspy")
    from dsk_pointcloud.clouds.las import write_las

    def give_up(_):
        raise raised("no way")

    data = write_las(cloud_of(x=[1.0], y=[2.0], z=[3.0]))
    monkeypatch.setattr(laspy, "read", give_up)
    with pytest.raises(seen, match="no way"):
        files.decode(data, "a.las")


@pytest.mark.parametrize("place", [100, 243])
def test_las_files_that_declare_too_many_records(place):
    pytest.importorskip("laspy")
    from dsk_pointcloud.clouds.las import write_las

    data = bytearray(write_las(cloud_of(x=[1.0], y=[2.0], z=[3.0])))
    data[place : place + 4] = b"\xff" * 4
    with pytest.raises(MediaError, match="more records are declared"):
        files.decode(bytes(data), "a.las")
