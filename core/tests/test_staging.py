from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import sys
import zipfile

import pytest

from dsk import staging
from dsk.errors import OutputError, OutputExistsError
from dsk.staging import Output, write_whole

GONE = 2**22 + 1
"""A process number above Linux's largest."""


@pytest.fixture
def out(tmp_path):
    output = Output(tmp_path / "out")
    yield output
    output.discard()


def left(folder):
    """Names below a folder, hidden ones too."""
    return sorted(os.listdir(folder))


# --- appearing whole or not at all ---------------------------------------------------------------


def test_nothing_is_there_before_publish_and_everything_after(tmp_path, out, tree):
    out.write("a.txt", b"one")
    out.write("sub/deep/b.txt", b"two")
    assert not (tmp_path / "out").exists()
    assert out.publish() == str(tmp_path / "out")
    assert tree(tmp_path / "out") == {"a.txt": b"one", "sub/deep/b.txt": b"two"}
    assert left(tmp_path) == ["out"]


def test_a_file_gets_the_name_that_is_known_last(tmp_path, out, tree):
    out.write(".fragments/x/1", b"one")
    out.write("taken", b"two")
    with pytest.raises(OutputError, match="want the same file"):
        out.move(".fragments/x/1", "taken")
    with pytest.raises(OutputError):
        out.move(".fragments/x/1", "../a")
    out.move(".fragments/x/1", "sub/a")
    out.move("taken", "b")
    out.publish()
    assert tree(tmp_path / "out") == {"sub/a": b"one", "b": b"two"}


def test_discard_leaves_nothing(tmp_path, out):
    out.write("a.txt", b"one")
    out.discard()
    assert left(tmp_path) == []


def test_the_partial_folder_is_hidden_and_says_what_it_is(tmp_path, out):
    assert left(tmp_path) == [f".out.dsk-partial-{os.getpid()}"]


def test_missing_parents_are_made(tmp_path, tree):
    output = Output(tmp_path / "x/y/out")
    output.write("a", b"")
    output.publish()
    assert tree(tmp_path) == {"x/y/out/a": b""}


def test_the_output_has_the_usual_rights(tmp_path, out):
    out.write("sub/a", b"")
    out.publish()
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(os.stat(tmp_path / "out").st_mode) == 0o777 & ~mask
    assert stat.S_IMODE(os.stat(tmp_path / "out/sub/a").st_mode) == 0o666 & ~mask


def test_an_empty_folder_may_be_filled(tmp_path, tree):
    (tmp_path / "out").mkdir()
    output = Output(tmp_path / "out")
    output.write("a", b"1")
    output.publish()
    assert tree(tmp_path) == {"out/a": b"1"}


KILLED = """
import os, signal, sys
from dsk.staging import Output, write_whole
output = Output(sys.argv[1])
output.write("half.txt", b"half")
output.open("open.txt").write(b"lost")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("name", ["out", "out.zip"])
def test_a_killed_run_leaves_nothing_that_looks_complete_and_the_next_cleans_up(tmp_path, name):
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / name)], check=False)
    assert done.returncode == -9
    assert not (tmp_path / name).exists()
    (partial,) = left(tmp_path)
    assert partial.startswith(f".{name}.dsk-partial-")
    output = Output(tmp_path / name)
    output.write("a", b"")
    output.publish()
    assert left(tmp_path) == [name]


def test_the_half_packed_archive_of_a_killed_run_goes_too(tmp_path):
    (tmp_path / f".out.zip.dsk-partial-{GONE}.zip").write_bytes(b"half")
    (tmp_path / f".out.zip.dsk-partial-{GONE}").mkdir()
    Output(tmp_path / "out.zip").publish()
    assert left(tmp_path) == ["out.zip"]


def test_a_partial_folder_of_a_living_run_stays(tmp_path):
    other = tmp_path / ".out.dsk-partial-1"
    other.mkdir()
    Output(tmp_path / "out").publish()
    assert other.is_dir()


def test_partial_folders_of_other_outputs_stay(tmp_path):
    for name in (
        f".out2.dsk-partial-{GONE}",
        f"out.dsk-partial-{GONE}",
        f".out.dsk-partial-{GONE}x",
    ):
        (tmp_path / name).mkdir()
    Output(tmp_path / "out").publish()
    assert len(left(tmp_path)) == 4


def test_a_leftover_with_this_process_number_is_no_hindrance(tmp_path, tree):
    """In a container every run may have the same number."""
    stale = tmp_path / f".out.dsk-partial-{os.getpid()}"
    stale.mkdir()
    (stale / "stale").write_text("stale")
    output = Output(tmp_path / "out")
    output.write("a", b"")
    output.publish()
    assert tree(tmp_path) == {"out/a": b""}


def test_what_a_run_killed_while_swapping_had_moved_away_comes_back(tmp_path, tree):
    old = tmp_path / f".out.dsk-partial-{GONE}-old"
    old.mkdir()
    (old / "precious").write_text("data")
    with pytest.raises(OutputExistsError):
        Output(tmp_path / "out")
    assert tree(tmp_path) == {"out/precious": b"data"}


# --- what is there already -----------------------------------------------------------------------


def test_a_folder_that_is_not_empty_is_refused(tmp_path, tree):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("mine")
    with pytest.raises(OutputExistsError, match=r"not empty.*--overwrite"):
        Output(tmp_path / "out")
    assert tree(tmp_path) == {"out/mine": b"mine"}


@pytest.mark.parametrize("name", ["out", "out.zip"])
def test_a_file_or_link_at_the_destination_is_refused(tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(OutputExistsError, match="a file of this name"):
        Output(tmp_path / name)
    (tmp_path / name).unlink()
    (tmp_path / name).symlink_to("nowhere")
    with pytest.raises(OutputExistsError):
        Output(tmp_path / name)
    assert left(tmp_path) == [name]


@pytest.mark.parametrize("name", ["out", "out.zip"])
@pytest.mark.parametrize("what", ["folder", "file", "link"])
def test_overwrite_replaces_all_of_it(tmp_path, name, what, tree):
    place = tmp_path / name
    target = tmp_path / "target"
    target.mkdir()
    (target / "kept").write_text("kept")
    if what == "folder":
        place.mkdir()
        (place / "stale").write_text("stale")
    elif what == "file":
        place.write_text("stale")
    else:
        place.symlink_to(target)
    output = Output(place, overwrite=True)
    output.write("new", b"new")
    output.publish()
    if name == "out":
        assert tree(place) == {"new": b"new"}
    else:
        assert zipfile.ZipFile(place).namelist() == ["new"]
    assert not place.is_symlink()
    assert tree(target) == {"kept": b"kept"}
    assert left(tmp_path) == sorted([name, "target"])


@pytest.mark.parametrize("overwrite", [False, True])
def test_pipes_and_devices_are_never_replaced(tmp_path, overwrite):
    os.mkfifo(tmp_path / "out")
    with pytest.raises(OutputExistsError, match="a device, pipe or socket"):
        Output(tmp_path / "out", overwrite=overwrite)
    with pytest.raises(OutputExistsError, match="a device, pipe or socket"):
        Output("/dev/null", overwrite=overwrite, dry=True)


def test_overwrite_keeps_the_old_until_the_new_is_complete(tmp_path, tree):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").write_text("old")
    output = Output(tmp_path / "out", overwrite=True)
    output.write("new", b"new")
    assert tree(tmp_path / "out") == {"old": b"old"}
    output.discard()
    assert tree(tmp_path) == {"out/old": b"old"}


@pytest.mark.parametrize("error", [OSError(errno.EIO, "broken"), KeyboardInterrupt()])
def test_when_the_swap_fails_the_old_is_back(tmp_path, monkeypatch, tree, error):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").write_text("old")
    output = Output(tmp_path / "out", overwrite=True)
    output.write("new", b"new")
    rename = os.rename

    def fail_second(a, b):
        if a == output.path:
            raise error
        rename(a, b)

    monkeypatch.setattr(staging.os, "rename", fail_second)
    with pytest.raises((OutputError, KeyboardInterrupt)):
        output.publish()
    output.discard()
    assert tree(tmp_path) == {"out/old": b"old"}


def test_a_destination_filled_meanwhile_is_not_overwritten(tmp_path, tree):
    output = Output(tmp_path / "out")
    output.write("new", b"new")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "other").write_text("other")
    with pytest.raises(OutputExistsError):
        output.publish()
    assert tree(tmp_path) == {"out/other": b"other"}


# --- bad places and full disks -------------------------------------------------------------------


def test_a_parent_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError) as caught:
        Output(tmp_path / "file" / "out")
    assert "two items" not in str(caught.value)
    with pytest.raises(OutputError, match="Not a directory"):
        Output(tmp_path / "file" / "deep" / "out")


def test_a_read_only_parent_is_refused(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(staging.os, "mkdir", refuse)
    with pytest.raises(OutputError, match="out: Permission denied"):
        Output(tmp_path / "out")


def full_disk(*args, **kwargs):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("way", ["write", "copy", "join"])
def test_a_full_disk_is_named(tmp_path, out, monkeypatch, way):
    (tmp_path / "source").write_bytes(b"x" * 100)
    monkeypatch.setattr(staging.os, "write", full_disk)
    monkeypatch.setattr(staging.os, "copy_file_range", full_disk)
    with pytest.raises(OutputError, match="the disk is full"):  # noqa: PT012 - one of three ways
        if way == "write":
            out.write("a", b"x")
        elif way == "copy":
            out.copy(str(tmp_path / "source"), "a")
        else:
            out.join("a", [str(tmp_path / "source")], head=b"[")


def test_a_disk_that_fills_up_while_packing_keeps_nothing(tmp_path, monkeypatch):
    output = Output(tmp_path / "out.zip")
    output.write("a", b"x")
    monkeypatch.setattr(staging.shutil, "copyfileobj", full_disk)
    with pytest.raises(OutputError, match="the disk is full"):
        output.publish()
    assert left(tmp_path) == []


def test_short_writes_are_continued(tmp_path, out, monkeypatch, tree):
    write = os.write
    monkeypatch.setattr(staging.os, "write", lambda fd, data: write(fd, bytes(data[:3])))
    out.write("a", b"0123456789")
    out.write("b", memoryview(b"0123456789"))
    (tmp_path / "part").write_bytes(b"4567")
    out.join("c", [str(tmp_path / "part")], head=b"0123", tail=b"89abc")
    out.publish()
    whole = {"a": b"0123456789", "b": b"0123456789", "c": b"0123456789abc"}
    assert tree(tmp_path / "out") == whole


# --- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["../evil", "/evil", "a/../../evil", "C:/evil", "", "a\0b", "\ud800"]
)
@pytest.mark.parametrize(
    "way", ["write", "open", "copy", "link", "make_folder", "dry write", "dry copy"]
)
def test_unsafe_names_are_refused_however_they_are_written(tmp_path, name, way):
    (tmp_path / "source").write_bytes(b"x")
    source = str(tmp_path / "source")
    output = Output(tmp_path / "out", dry=way.startswith("dry"))
    with pytest.raises(OutputError):  # noqa: PT012 - one of several ways
        if way.endswith("write"):
            output.write(name, b"")
        elif way.endswith("copy"):
            output.copy(source, name)
        elif way == "link":
            output.copy(source, name, "link")
        else:
            getattr(output, way)(name)
    output.discard()
    assert left(tmp_path) == ["source"]


@pytest.mark.parametrize("way", ["write", "open", "copy", "link", "join"])
def test_two_items_that_want_one_file_are_told(tmp_path, out, way):
    (tmp_path / "source").write_bytes(b"x")
    out.write("a/b.txt", b"first")
    with pytest.raises(OutputError, match=r"a/b\.txt: two items want the same file"):  # noqa: PT012 - as above
        if way == "write":
            out.write("a/b.txt", b"")
        elif way == "open":
            out.open("a/b.txt")
        elif way == "join":
            out.join("a/b.txt", [])
        else:
            out.copy(str(tmp_path / "source"), "a/b.txt", way)


def test_a_file_where_another_item_needs_a_folder_is_told(out):
    out.write("a", b"")
    with pytest.raises(OutputError, match="two items want the same file"):
        out.write("a/b", b"")
    out.write("c/d", b"")
    with pytest.raises(OutputError, match="two items want the same file"):
        out.write("c", b"")


def test_a_name_that_is_too_long_is_told(out):
    with pytest.raises(OutputError, match="cannot hold this name"):
        out.write("x" * 300, b"")


@pytest.mark.parametrize("name", ["a/" * 1100 + "b", "x" * 5000])
def test_a_name_that_no_file_system_holds_is_told_briefly(tmp_path, out, name):
    with pytest.raises(OutputError, match="cannot hold this name") as caught:
        out.write(name, b"x")
    assert len(str(caught.value)) < 400
    out.discard()
    assert left(tmp_path) == []


def test_any_characters_may_be_in_names(tmp_path, out, tree):
    names = ["日本/é.txt", "e\u0301.txt", "-rf", "a b", "tail ", "...", "\udcff.txt", "new\nline"]
    for name in names:
        out.write(name, name.encode("utf-8", "surrogateescape"))
    out.publish()
    assert sorted(tree(tmp_path / "out")) == sorted(names)


def test_many_folders_do_not_use_up_the_open_files(tmp_path, out):
    for n in range(450):
        out.write(f"d{n}/x", b"")
    assert len(os.listdir("/proc/self/fd")) < 300
    out.write("d0/y", b"")
    out.publish()
    assert left(tmp_path / "out" / "d0") == ["x", "y"]


# --- copying and joining -------------------------------------------------------------------------


def test_copies_are_equal_and_independent(tmp_path, out):
    source = tmp_path / "source"
    source.write_bytes(os.urandom(300_000))
    out.copy(str(source), "a")
    out.publish()
    assert (tmp_path / "out" / "a").read_bytes() == source.read_bytes()
    assert (tmp_path / "out" / "a").stat().st_ino != source.stat().st_ino


def test_copying_works_where_the_kernel_cannot(tmp_path, out, monkeypatch):
    source = tmp_path / "source"
    source.write_bytes(b"x" * 100_000)

    def cannot(*args):
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(staging.os, "copy_file_range", cannot)
    out.copy(str(source), "a")
    out.copy("/proc/self/stat", "stat")
    out.publish()
    assert (tmp_path / "out" / "a").read_bytes() == source.read_bytes()
    assert (tmp_path / "out" / "stat").stat().st_size > 0


def test_links_share_the_file_and_follow_symbolic_links(tmp_path, out):
    source = tmp_path / "source"
    source.write_bytes(b"x")
    (tmp_path / "alias").symlink_to(source)
    out.copy(str(source), "sub/a", "link")
    out.copy(str(tmp_path / "alias"), "sub/b", "link")
    out.publish()
    for name in "ab":
        made = tmp_path / "out" / "sub" / name
        assert made.stat().st_ino == source.stat().st_ino
        assert not made.is_symlink()


@pytest.mark.parametrize("code", [errno.EXDEV, errno.EPERM, errno.EMLINK])
def test_where_links_are_not_possible_files_are_copied(tmp_path, out, monkeypatch, code):
    (tmp_path / "source").write_bytes(b"x")

    def cannot(*args, **kwargs):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(staging.os, "link", cannot)
    out.copy(str(tmp_path / "source"), "a", "link")
    out.publish()
    assert (tmp_path / "out" / "a").read_bytes() == b"x"


@pytest.mark.parametrize("dry", [False, True])
@pytest.mark.parametrize("mode", ["copy", "link"])
def test_a_pipe_is_neither_waited_for_nor_linked(tmp_path, mode, dry):
    os.mkfifo(tmp_path / "a.jpg")
    out = Output(tmp_path / "out", dry=dry)
    with pytest.raises(OSError, match="this is a pipe"):
        out.copy(str(tmp_path / "a.jpg"), "a.jpg", mode)
    out.discard()


@pytest.mark.parametrize("mode", ["copy", "link"])
@pytest.mark.parametrize("dry", [False, True])
def test_a_missing_source_is_no_error_of_the_output(tmp_path, mode, dry):
    output = Output(tmp_path / "out", dry=dry)
    with pytest.raises(FileNotFoundError):
        output.copy(str(tmp_path / "gone"), "a", mode)
    output.publish()
    assert left(tmp_path) == ([] if dry else ["out"])


def test_fragments_are_joined_in_order(tmp_path, out, tree):
    for part in (2, 10, 0, 1):
        with out.fragment("list.txt", part) as file:
            file.write(f"{part};".encode() if part != 1 else b"")
    out.join("list.txt", out.fragments("list.txt"), head=b"[", between=b",", tail=b"]")
    out.publish()
    assert tree(tmp_path / "out") == {"list.txt": b"[0;,2;,10;]"}


def test_fragments_of_nothing(tmp_path, out, tree):
    assert out.fragments("list.txt") == []
    assert out.fragment_names() == []
    out.join("list.txt", [], head=b"[", tail=b"]")
    out.publish()
    assert tree(tmp_path / "out") == {"list.txt": b"[]"}


def test_fragment_names_may_have_folders(out):
    for name in ("b.json", "sub/a.json"):
        out.fragment(name, 0).close()
    assert out.fragment_names() == ["b.json", "sub/a.json"]


def test_fragments_that_nobody_joined_are_not_published(tmp_path, out, tree):
    out.fragment("x", 0).close()
    out.publish()
    assert tree(tmp_path / "out") == {}


def test_empty_folders_are_made_on_request(tmp_path, out):
    out.make_folder("a/b")
    out.make_folder("a/b")
    out.publish()
    assert (tmp_path / "out" / "a" / "b").is_dir()


# --- archives and dry runs -----------------------------------------------------------------------


def test_equal_content_gives_equal_archives(tmp_path):
    made = []
    for order in (["b", "a/x.txt", "é.png", "a/c"], ["a/c", "é.png", "b", "a/x.txt"]):
        output = Output(tmp_path / "out.zip", overwrite=True)
        for name in order:
            output.write(name, name.encode() * 100)
        output.publish()
        made.append((tmp_path / "out.zip").read_bytes())
    assert made[0] == made[1]
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == ["a/c", "a/x.txt", "b", "é.png"]
        assert archive.getinfo("é.png").compress_type == zipfile.ZIP_STORED
        assert archive.getinfo("b").compress_type == zipfile.ZIP_DEFLATED


def test_a_dry_run_touches_nothing_and_checks_names(tmp_path):
    output = Output(tmp_path / "new" / "out", dry=True)
    output.write("a", b"x" * 10)
    with output.open("b") as file:
        file.write(b"x")
    with output.fragment("c", 0) as file:
        file.write(b"x")
    output.join("c", output.fragments("c"))
    output.make_folder("d")
    assert output.publish() == ""
    output.discard()
    assert left(tmp_path) == []


def test_a_dry_run_refuses_what_the_run_would_refuse(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("x")
    with pytest.raises(OutputExistsError):
        Output(tmp_path / "out", dry=True)


@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("mount") is None, reason="needs the right to mount"
)
def test_a_disk_that_is_really_full(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)],
        check=False,
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        output = Output(disk / "out")
        with pytest.raises(OutputError, match="the disk is full"):
            output.write("large", b"x" * 200_000)
        output.discard()
        assert left(disk) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_an_interrupt_before_anybody_holds_the_output(tmp_path, monkeypatch):
    mkdir = os.mkdir

    def interrupted(path, *rest):
        mkdir(path, *rest)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "mkdir", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Output(tmp_path / "out")
    assert left(tmp_path) == [f".out.dsk-partial-{os.getpid()}"]
    staging.discard_all()
    assert left(tmp_path) == []


@pytest.mark.parametrize("name", ["out.tar", "out.TAR.GZ", "out.7z"])
def test_other_archives_than_zip_are_refused(tmp_path, name):
    with pytest.raises(OutputError, match=r"\.zip"):
        Output(tmp_path / name)
    assert left(tmp_path) == []
    (tmp_path / name).mkdir()
    Output(tmp_path / name).discard()


def test_a_single_file_appears_whole_or_not_at_all(tmp_path, monkeypatch):
    place = tmp_path / "a.json"
    write_whole(str(place), b"one")
    write_whole(str(place), b"two")
    assert place.read_bytes() == b"two"
    umask = os.umask(0)
    os.umask(umask)
    assert place.stat().st_mode & 0o777 == 0o666 & ~umask

    def full(*_):
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OutputError, match="the disk is full"):
        write_whole(str(place), b"three")
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]
    assert place.read_bytes() == b"two"


def test_what_is_no_file_is_written_to(tmp_path):
    link = tmp_path / "link"  # replaced, it would be a file here
    link.symlink_to(os.devnull)
    write_whole(str(link), b"one")
    assert link.is_symlink()


def test_a_single_file_in_a_folder_that_is_none(tmp_path):
    with pytest.raises(OutputError):
        write_whole(str(tmp_path / "none/a.json"), b"")
