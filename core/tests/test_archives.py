from __future__ import annotations

import io
import multiprocessing
import random
import shutil
import tarfile
import zipfile

import pytest

from dsk import archives
from dsk.archives import cached_root
from dsk.errors import DskWarning, InputError, LimitError, MediaError, UnsafePathError
from dsk.files import DirectoryRoot, open_member, open_root
from dsk.media import ArchiveMember, Image
from dsk.strays import LINKS, SPECIAL

FILES = {"b.txt": b"bee", "a.txt": b"ay", "sub/c.txt": b"sea", "sub/deep/d.jpg": b"\x00" * 3000}


def make_zip(path, files=FILES, **options):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def make_tar(path, files=FILES, mode="w"):
    with tarfile.open(path, mode) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def make_folder(path, files=FILES):
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


KINDS = ["folder", "zip", "tar", "tar.gz", "tgz", "tar.bz2", "tar.xz"]


def make(tmp_path, kind, files=FILES):
    if kind == "folder":
        return make_folder(tmp_path / "folder", files)
    if kind == "zip":
        return make_zip(tmp_path / "x.zip", files)
    mode = {"tar": "w", "tar.gz": "w:gz", "tgz": "w:gz", "tar.bz2": "w:bz2", "tar.xz": "w:xz"}
    return make_tar(tmp_path / f"x.{kind}", files, mode[kind])


@pytest.fixture(params=KINDS)
def root(request, tmp_path):
    return open_root(make(tmp_path, request.param))


@pytest.fixture(params=["zip", "tar", "tar.gz"])
def packed(request, tmp_path):
    return open_root(make(tmp_path, request.param))


# --- an archive is like a folder -----------------------------------------------------------------


def test_names_and_content_are_those_of_a_folder(root):
    assert root.entries() == (["sub"], ["a.txt", "b.txt"])
    assert root.entries("sub") == (["deep"], ["c.txt"])
    assert root.entries("nothing") == ([], [])
    assert root.files() == ["a.txt", "b.txt", "sub/c.txt", "sub/deep/d.jpg"]
    assert {name: root.read(name) for name in root.files()} == FILES
    assert bytes(root.buffer("a.txt")) == b"ay"
    assert root.read("b.txt", 2) == b"be"
    assert root.size("sub/deep/d.jpg") == 3000


def test_kinds_of_names_are_those_of_a_folder(root):
    assert root.is_dir("sub")
    assert root.is_dir("")
    assert root.is_file("sub/c.txt")
    assert not root.is_file("sub")
    assert not root.is_dir("a.txt")
    assert not root.is_dir("nothing")


@pytest.mark.parametrize("name", ["sub//c.txt", "./sub/c.txt", "sub\\c.txt"])
def test_other_spellings_of_names_work_as_in_a_folder(root, name):
    assert root.is_file(name)
    assert root.read(name) == b"sea"
    assert root.size(name) == 3
    assert root.reader()(name) == b"sea"
    assert root.entries("./sub/") == (["deep"], ["c.txt"])
    assert root.is_dir("./sub/")


def test_the_reader_is_that_of_a_folder(root):
    read = root.reader("sub")
    assert read("c.txt") == b"sea"
    assert read("deep/d.jpg") == FILES["sub/deep/d.jpg"]
    assert read("no.txt") is None
    assert read("deep") is None
    assert root.reader("sub", 2)("c.txt") == b"se"


@pytest.mark.parametrize("method", ["read", "open", "size", "text", "buffer"])
def test_a_missing_file_is_an_input_error(root, method):
    with pytest.raises(InputError, match=r"no\.txt"):
        getattr(root, method)("no.txt")


@pytest.mark.parametrize("method", ["read", "is_file", "size", "locate", "is_dir", "entries"])
def test_names_that_lead_out_are_refused(root, method):
    with pytest.raises(UnsafePathError):
        getattr(root, method)("../x")


def test_junk_is_not_shown(tmp_path):
    files = {"a.txt": b"", "__MACOSX/a.txt": b"", "sub/.DS_Store": b"", "Thumbs.db": b""}
    for kind in ("folder", "zip", "tar"):
        assert open_root(make(tmp_path, kind, files)).files() == ["a.txt"]


def test_media_of_an_archive_are_found_by_their_place(packed):
    place = packed.locate("sub/c.txt")
    assert isinstance(place, ArchiveMember)
    assert open_member(place).read() == b"sea"
    assert Image("c.txt", place).read_bytes() == b"sea"


def test_a_missing_medium_in_an_archive_is_a_media_error(packed):
    image = Image("no.jpg", packed.locate("no.jpg"))
    with pytest.raises(MediaError, match="no such member"):
        image.read_bytes()
    with pytest.raises(MediaError, match="no such member"):
        image.open()


def test_two_members_can_be_read_at_once(packed):
    with packed.open("a.txt") as first, packed.open("b.txt") as second:
        assert (first.read(1), second.read(1), first.read(), second.read()) == (
            b"a",
            b"b",
            b"y",
            b"ee",
        )


def _read_in_child(root, queue):
    queue.put([root.read(name) == FILES[name] for name in root.files() * 20])


def test_workers_do_not_disturb_one_another(packed):
    context = multiprocessing.get_context("fork")
    packed.read("a.txt")
    queue = context.Queue()
    children = [context.Process(target=_read_in_child, args=(packed, queue)) for _ in range(2)]
    for child in children:
        child.start()
    assert all(packed.read(name) == FILES[name] for name in packed.files() * 20)
    for _ in children:
        assert all(queue.get(timeout=30))
    for child in children:
        child.join()


# --- hostile and damaged archives ----------------------------------------------------------------


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "C:\\evil", "..\\evil"])
@pytest.mark.parametrize("pack", [make_zip, make_tar])
def test_names_that_slip_out_are_refused_at_once(tmp_path, name, pack):
    path = tmp_path / ("x.zip" if pack is make_zip else "x.tar")
    pack(path, {"good.txt": b"", name: b"evil"})
    with pytest.raises(UnsafePathError, match="evil"):
        open_root(path)


def test_a_member_that_grows_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "FREE", 1 << 16)
    path = make_zip(tmp_path / "x.zip", {"bomb": b"\0" * (1 << 20), "good": b"ok"})
    root = open_root(path)
    assert root.read("good") == b"ok"
    with pytest.raises(LimitError, match=r"grows 10.. times"):
        root.read("bomb")


def test_small_members_may_grow_as_they_like(tmp_path):
    root = open_root(make_zip(tmp_path / "x.zip", {"mask": b"\0" * (1 << 20)}))
    assert root.size("mask") == len(root.read("mask")) == 1 << 20


def test_a_compressed_tar_that_grows_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "FREE", 1 << 16)
    path = make_tar(tmp_path / "x.tar.gz", {"bomb": b"\0" * (1 << 22)}, "w:gz")
    with pytest.raises(LimitError, match="grows more than"):
        open_root(path)


def test_too_many_members_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_MEMBERS", 3)
    with pytest.raises(LimitError, match="more than 3 members"):
        open_root(make_zip(tmp_path / "x.zip"))


def test_an_encrypted_member_says_so(tmp_path):
    path = make_zip(tmp_path / "x.zip", {"a.txt": b"ay"})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\1\2") + 8] |= 1  # the flag in the central directory …
    data[6] |= 1  # … and in the local header
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"a\.txt: the member is encrypted"):
        open_root(path).read("a.txt")


def test_damaged_content_is_an_input_error_for_every_way_to_read(tmp_path):
    path = make_zip(tmp_path / "x.zip", {"a.bin": random.Random(1).randbytes(5000)})
    data = bytearray(path.read_bytes())
    data[2000] ^= 0xFF
    path.write_bytes(data)
    root = open_root(path)
    for read in (root.read, root.text, root.buffer, root.reader()):
        with pytest.raises(InputError, match=r"a\.bin"):
            read("a.bin")
    with pytest.raises(MediaError, match="damaged"):
        Image("a.bin", root.locate("a.bin")).read_bytes()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
@pytest.mark.parametrize(
    "use",
    [
        lambda file: file.read(),
        list,
        lambda file: (file.seek(0, 2), file.seek(0), file.read()),
        lambda file: file.readinto(bytearray(60_000)),
        zipfile.ZipFile,
        lambda file: shutil.copyfileobj(file, io.BytesIO(), 1000),
    ],
)
def test_damage_met_while_a_member_is_read_names_it(tmp_path, method, use):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("a/b.bin", random.Random(1).randbytes(5000) + bytes(50_000))
    data = bytearray(path.read_bytes())
    data[2000] ^= 0xFF
    path.write_bytes(data)
    root = open_root(path)
    with (
        root.open("a/b.bin") as file,
        pytest.raises(InputError, match=r"x\.zip/a/b\.bin: .*damaged"),
    ):
        use(file)
    image = Image("b.bin", root.locate("a/b.bin"))
    with image.open() as file, pytest.raises(MediaError, match=r"x\.zip/a/b\.bin: .*damaged"):
        use(file)


def test_a_cut_tar_is_an_input_error_while_it_is_read(tmp_path):
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo("a.bin")
        info.size = 30_000
        archive.addfile(info, io.BytesIO(bytes(30_000)))
    root = open_root(path)
    with path.open("r+b") as file:
        file.truncate(9000)
    with root.open("a.bin") as file, pytest.raises(InputError, match=r"a\.bin: .*damaged"):
        file.read()


def test_members_are_read_like_files(tmp_path):
    path = make_zip(tmp_path / "x.zip", {"a.txt": b"one\ntwo\nthree"})
    with open_root(path).open("a.txt") as file:
        assert file.name.endswith("x.zip/a.txt")
        assert file.seekable()
        assert file.readline() == b"one\n"
        assert file.seek(0, 2) == file.tell() == 13
        assert (file.seek(4), file.read(3)) == (4, b"two")
        assert file.read() == b"\nthree"


def test_a_member_without_its_local_header_is_an_input_error(tmp_path):
    path = make_zip(tmp_path / "x.zip", {"a.txt": b"ay"})
    path.write_bytes(b"XXXX" + path.read_bytes()[4:])
    with pytest.raises(InputError, match=r"a\.txt"):
        open_root(path).read("a.txt")


def test_names_in_utf_8_that_do_not_say_so(tmp_path):
    """As Info-ZIP packs on Linux; Python shows them in cp437."""
    path = make_zip(tmp_path / "x.zip", {"кот.jpg": b"cat", "a.txt": b"", "Ö/ü.txt": b"two"})
    # Of a local header the flags are 6 bytes on, of an entry of the directory 8.
    data = path.read_bytes()
    for mark, at in ((b"PK\x03\x04", 6 - 4), (b"PK\x01\x02", 8 - 4)):
        parts = data.split(mark)
        cleared = [p[:at] + bytes([p[at], p[at + 1] & ~8]) + p[at + 2 :] for p in parts[1:]]
        data = mark.join([parts[0], *cleared])
    path.write_bytes(data)
    with zipfile.ZipFile(path) as archive:
        assert "кот.jpg" not in archive.namelist()
    root = open_root(path)
    assert set(root.walk()) == {"кот.jpg", "a.txt", "Ö/ü.txt"}
    assert root.read("кот.jpg") == b"cat"
    assert root.text("Ö/ü.txt") == "two"


def test_names_of_old_zips_are_cp437(tmp_path):
    path = make_zip(tmp_path / "x.zip", {"f\xfc.txt": b"x"})
    data = path.read_bytes().replace("f\xfc.txt".encode(), b"fu\x81.txt"[:2] + b"\x81.txt"[:5])
    for at in (6, data.index(b"PK\1\2") + 8):
        data = data[: at + 1] + b"\0" + data[at + 2 :]  # clear the flag for UTF-8
    path.write_bytes(data)
    assert open_root(path).files() == ["fu\xfc.txt"]


def test_of_equal_names_the_last_counts(tmp_path):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", b"old")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a", b"newer")
    with pytest.warns(DskWarning, match="several members of one name"):
        root = open_root(path)
    assert (root.files(), root.read("a"), root.size("a")) == (["a"], b"newer", 5)
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w") as archive:
        for data in (b"old", b"newer"):
            info = tarfile.TarInfo("a")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    root = open_root(path)
    assert (root.files(), root.read("a"), root.size("a")) == (["a"], b"newer", 5)


def test_a_tar_with_hard_links_has_all_its_files(tmp_path):
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo("first")
        info.size = 3
        archive.addfile(info, io.BytesIO(b"abc"))
        link = tarfile.TarInfo("second")
        link.type, link.linkname = tarfile.LNKTYPE, "./first"
        archive.addfile(link)
    root = open_root(path)
    assert root.files() == ["first", "second"]
    assert (root.read("second"), root.size("second")) == (b"abc", 3)


def test_links_and_devices_in_a_tar_are_no_files(tmp_path):
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w") as archive:
        for name, kind in (("link", tarfile.SYMTYPE), ("dev", tarfile.CHRTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    root = open_root(path)
    assert root.files() == []
    assert sorted(root.strays()) == [f"{LINKS}: link", f"{SPECIAL}: dev"]


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar.bz2", "tar.xz", "tar"])
def test_cut_off_archives_never_show_anything_but_input_errors(tmp_path, kind):
    path = make(tmp_path, kind)
    data = path.read_bytes()
    for size in sorted({*range(0, len(data), max(1, len(data) // 60)), len(data) - 1}):
        path.write_bytes(data[:size])
        try:
            root = open_root(path)
            for name in root.files():
                assert root.read(name) == FILES[name]
        except InputError:
            continue


def test_a_cut_off_zip_is_an_input_error(tmp_path):
    path = make_zip(tmp_path / "x.zip")
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(InputError, match=r"x\.zip: not a readable archive"):
        open_root(path)


@pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tar.gz", "x.tgz"])
def test_something_else_under_an_archives_name_is_an_input_error(tmp_path, name):
    (tmp_path / name).write_bytes(b"this is no archive at all" * 50)
    with pytest.raises(InputError, match="not a readable archive"):
        open_root(tmp_path / name)


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_any_changed_byte_gives_data_or_a_dsk_error(tmp_path, kind):
    path = make(tmp_path, kind, {"ä/b.txt": b"bee", "c.txt": b"sea" * 20})
    data = path.read_bytes()
    end = len(data) if kind == "zip" else 512
    for at in range(0, end, 1 if kind == "zip" else 3):
        for value in {0, 0xFF, data[at] ^ 0x80} - {data[at]}:
            path.write_bytes(data[:at] + bytes([value]) + data[at + 1 :])
            try:
                root = open_root(path)
                for name in root.files():
                    root.read(name)
            except (InputError, LimitError):
                continue


def test_an_archive_by_content_under_another_name_is_opened(tmp_path):
    make_zip(tmp_path / "x.bin")
    assert open_root(tmp_path / "x.bin").read("a.txt") == b"ay"


def test_a_plain_file_is_no_archive(tmp_path):
    (tmp_path / "a.json").write_text("{}")
    root = open_root(tmp_path / "a.json")
    assert isinstance(root, DirectoryRoot)
    assert root.focus == "a.json"


def test_opened_archives_are_kept_for_their_media(tmp_path):
    path = str(make_zip(tmp_path / "x.zip"))
    assert cached_root(path) is cached_root(path)
    (tmp_path / "plain").write_text("x")
    with pytest.raises(InputError, match="not an archive"):
        cached_root(str(tmp_path / "plain"))


def test_folders_with_backslashes_are_no_files(tmp_path):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("a\\", "a\\b\\", "a\\b\\c.txt"):
            archive.writestr(name, b"x" if name.endswith("t") else b"")
    root = open_root(path)
    assert (root.files(), root.is_file("a"), root.is_dir("a/b")) == (["a/b/c.txt"], False, True)


@pytest.mark.parametrize("name", ["x.7z", "x.RAR", "x.tar.zst"])
def test_other_archives_are_told(tmp_path, name):
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(InputError, match=r"not read .unpack it"):
        open_root(tmp_path / name)
