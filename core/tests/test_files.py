from __future__ import annotations

import contextlib
import mmap
import multiprocessing
import os
import resource

import pytest

from dsk import files
from dsk.errors import InputError, MediaError, UnsafePathError
from dsk.files import DirectoryRoot, open_root
from dsk.folderreader import _CHUNK
from dsk.jsonindex import scan
from dsk.listings import Listing, ending_of, levels
from dsk.loss import Ledger
from dsk.media import Image
from dsk.pixels import decode_labels
from dsk.strays import BROKEN, OUTSIDE, SPECIAL


@pytest.fixture
def root(tmp_path):
    base = tmp_path / "data"
    for name in ("b.txt", "a.txt", "sub/c.TXT", "sub/deep/d.jpg", "sub2/e.txt", ".DS_Store"):
        path = base / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    (base / "__MACOSX").mkdir()
    (base / "__MACOSX" / "junk.txt").write_text("junk")
    return DirectoryRoot(str(base))


@pytest.fixture
def secret(tmp_path):
    """A file beside the root."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret.txt").write_text("secret")
    return folder


def base(root):
    return os.path.abspath(root.path)


def test_entries_are_sorted_and_without_junk(root):
    assert root.entries() == (["sub", "sub2"], ["a.txt", "b.txt"])
    assert root.entries("sub") == (["deep"], ["c.TXT"])


def test_a_missing_folder_and_a_file_have_no_entries(root):
    assert root.entries("nothing") == ([], [])
    assert root.entries("a.txt") == ([], [])


def test_walk_goes_files_first(root):
    assert list(root.walk()) == ["a.txt", "b.txt", "sub/c.TXT", "sub/deep/d.jpg", "sub2/e.txt"]


def test_walk_stops_at_a_depth(root):
    assert list(root.walk(depth=0)) == ["a.txt", "b.txt"]
    assert list(root.walk("sub", depth=1)) == ["sub/c.TXT", "sub/deep/d.jpg"]


def test_files_filters_by_lower_cased_ending(root):
    assert root.files(suffixes={".txt"}) == ["a.txt", "b.txt", "sub/c.TXT", "sub2/e.txt"]
    assert root.files("sub", {".jpg"}) == ["sub/deep/d.jpg"]
    assert root.files("sub2") == ["sub2/e.txt"]


def test_names_are_case_sensitive(root):
    assert root.is_file("a.txt")
    assert not root.is_file("A.txt")


def test_is_file_and_is_dir(root):
    assert root.is_dir("sub")
    assert root.is_dir("")
    assert not root.is_dir("a.txt")
    assert not root.is_file("sub")


def test_read_whole_and_in_part(root):
    assert root.read("sub/deep/d.jpg") == b"sub/deep/d.jpg"
    assert root.read("sub/deep/d.jpg", 3) == b"sub"
    assert root.size("a.txt") == 5


@pytest.mark.parametrize("method", ["read", "open", "buffer", "text", "size"])
def test_a_missing_file_is_an_input_error_that_names_it(root, method):
    with pytest.raises(InputError, match=r"data/no\.txt: there is no such file"):
        getattr(root, method)("no.txt")


def test_reading_a_folder_says_that_it_is_one(root):
    with pytest.raises(InputError, match="folder, not a file"):
        root.read("sub")


@pytest.mark.parametrize(
    "method", ["read", "open", "buffer", "text", "size", "is_file", "is_dir", "locate", "entries"]
)
@pytest.mark.parametrize("name", ["../outside/secret.txt", "/etc/passwd", "a/../../x", "a\0b"])
def test_no_method_takes_a_name_that_leads_out(root, method, name):
    with pytest.raises(UnsafePathError):
        getattr(root, method)(name)


def test_the_reader_takes_no_name_that_leads_out(root):
    read = root.reader("sub")
    for name in ("../a.txt", "/etc/passwd", "deep/../../a.txt"):
        with pytest.raises(UnsafePathError):
            read(name)


@pytest.fixture
def odd_files(root):
    """Return names in the root: plain, empty, large, linked, missing, of folders and pipes."""
    there = base(root)
    open(f"{there}/empty", "wb").close()
    with open(f"{there}/large", "wb") as file:
        file.write(bytes(range(256)) * (2 * _CHUNK // 256) + b"end")
    os.symlink("a.txt", f"{there}/link")
    os.symlink("gone", f"{there}/dangling")
    os.mkfifo(f"{there}/pipe")
    return ["a.txt", "missing", "empty", "large", "link", "dangling", "sub", "pipe", "b.txt"]


@pytest.mark.parametrize("limit", [None, 3, _CHUNK])
@pytest.mark.parametrize("more", [[], ["sub/c.TXT"], ["./b.txt"]], ids=["here", "below", "odd"])
def test_contents_are_those_that_the_reader_gives(root, odd_files, limit, more):
    read = root.reader("", limit)
    names = [*odd_files, *more]
    assert list(root.contents("", names, limit)) == [read(name) for name in names]


@pytest.mark.parametrize("limit", [None, 3, 3 * _CHUNK])
def test_small_and_large_files_are_read_alike(root, odd_files, limit):
    for name in ("a.txt", "empty", "large", "link"):
        with root.open(name) as file:
            assert root.read(name, limit) == file.read(-1 if limit is None else limit)
    for name in ("missing", "dangling", "sub", "pipe"):
        with pytest.raises(InputError):
            root.read(name, limit)


def test_contents_of_a_missing_folder_are_missing(root):
    assert list(root.contents("nowhere", ["a", "b"])) == [None, None]


def test_contents_hold_no_file_that_is_linked_from_outside(root, secret):
    os.symlink(secret / "secret.txt", f"{base(root)}/link.txt")
    found = root.contents("", ["a.txt", "link.txt"])
    assert next(found) == b"a.txt"
    with pytest.raises(UnsafePathError, match="symbolic link leads out"):
        next(found)


def test_text_drops_a_byte_order_mark(root):
    with open(f"{base(root)}/bom.txt", "wb") as file:
        file.write(b"\xef\xbb\xbfh\xc3\xa9")
    assert root.text("bom.txt") == "hé"


def test_text_of_another_encoding_is_an_input_error(root):
    with open(f"{base(root)}/latin.txt", "wb") as file:
        file.write(b"h\xe9")
    with pytest.raises(InputError, match=r"latin\.txt: not UTF-8"):
        root.text("latin.txt")


def test_buffer_maps_and_an_empty_file_is_empty(root):
    assert bytes(root.buffer("a.txt")) == b"a.txt"
    open(f"{base(root)}/empty", "wb").close()
    assert bytes(root.buffer("empty")) == b""


def test_buffer_maps_large_files(root):
    with open(f"{base(root)}/large", "wb") as file:
        file.truncate(files._SMALL + 1)
    assert isinstance(root.buffer("large").obj, mmap.mmap)


def test_small_buffers_keep_no_files_open(root, few_files):
    for number in range(2 * few_files):
        with open(f"{base(root)}/{number}.json", "wb") as file:
            file.write(b"%d" % number)
    held = [root.buffer(f"{number}.json") for number in range(2 * few_files)]
    assert [int(bytes(view)) for view in held] == list(range(2 * few_files))


def test_locate_does_not_ask_whether_the_file_is_there(root):
    assert root.locate("no/where.jpg") == f"{base(root)}/no/where.jpg"


# --- links ---------------------------------------------------------------------------------------


def test_a_link_inside_the_root_works_everywhere(root):
    os.symlink("a.txt", f"{base(root)}/link.txt")
    os.symlink("sub", f"{base(root)}/linked")
    assert root.read("link.txt") == b"a.txt"
    assert root.reader()("link.txt") == b"a.txt"
    assert root.read("linked/c.TXT") == b"sub/c.TXT"
    assert root.reader("linked")("c.TXT") == b"sub/c.TXT"
    assert root.reader()("linked/c.TXT") == b"sub/c.TXT"
    assert "linked/deep/d.jpg" in root.files()


@pytest.mark.parametrize("method", ["read", "open", "buffer", "text"])
def test_a_linked_file_outside_is_refused(root, secret, method):
    os.symlink(secret / "secret.txt", f"{base(root)}/link.txt")
    with pytest.raises(UnsafePathError, match="symbolic link leads out"):
        getattr(root, method)("link.txt")
    with pytest.raises(UnsafePathError, match="symbolic link leads out"):
        root.reader()("link.txt")


def test_a_linked_folder_outside_is_refused(root, secret):
    os.symlink(secret, f"{base(root)}/out")
    assert root.files() == ["a.txt", "b.txt", "sub/c.TXT", "sub/deep/d.jpg", "sub2/e.txt"]
    with pytest.raises(UnsafePathError):
        root.read("out/secret.txt")
    with pytest.raises(UnsafePathError):
        root.reader("out")
    with pytest.raises(UnsafePathError):
        root.reader()("out/secret.txt")


def test_a_chain_of_links_that_ends_outside_is_refused(root, secret):
    os.symlink(secret, f"{base(root)}/sub/first")
    os.symlink("sub/first/secret.txt", f"{base(root)}/second")
    with pytest.raises(UnsafePathError):
        root.read("second")


def test_a_folder_whose_name_begins_like_the_root_is_outside(tmp_path, root):
    twin = tmp_path / "data-twin"
    twin.mkdir()
    (twin / "x").write_text("x")
    os.symlink(twin / "x", f"{base(root)}/link")
    with pytest.raises(UnsafePathError):
        root.read("link")


def test_a_root_that_is_itself_a_link_is_fine(tmp_path, root):
    os.symlink(base(root), tmp_path / "alias")
    alias = DirectoryRoot(str(tmp_path / "alias"))
    assert alias.read("a.txt") == b"a.txt"
    assert alias.reader("sub")("c.TXT") == b"sub/c.TXT"


def test_a_dangling_link_is_a_missing_file(root):
    os.symlink("gone", f"{base(root)}/dangling")
    assert not root.is_file("dangling")
    assert root.reader()("dangling") is None
    with pytest.raises(InputError, match="no such file"):
        root.read("dangling")


def test_loops_of_links_end(root):
    os.symlink(".", f"{base(root)}/self")
    os.symlink("..", f"{base(root)}/sub/up")
    names = root.files()
    assert names.count("sub/deep/d.jpg") == 1
    assert not [n for n in names if n.startswith("self")]


def test_two_folders_linked_into_one_another_end(root):
    os.symlink("../sub2", f"{base(root)}/sub/over")
    os.symlink("../sub", f"{base(root)}/sub2/back")
    names = root.files()
    assert "sub/over/e.txt" in names
    assert "sub2/back/c.TXT" in names
    assert max(name.count("/") for name in names) <= 3


def test_a_link_to_a_sibling_whose_name_is_a_beginning_is_no_loop(tmp_path):
    for name in ("a", "ab"):
        (tmp_path / name).mkdir()
    (tmp_path / "a" / "x").write_text("x")
    os.symlink("../a", tmp_path / "ab" / "link")
    assert DirectoryRoot(str(tmp_path)).files() == ["a/x", "ab/link/x"]


def test_a_link_given_by_the_user_is_trusted(tmp_path, secret):
    folder = tmp_path / "links"
    folder.mkdir()
    os.symlink(secret / "secret.txt", folder / "ann.txt")
    root = open_root(folder / "ann.txt")
    assert root.focus == "ann.txt"
    assert root.read("ann.txt") == b"secret"


def test_a_pipe_is_no_file_of_a_dataset(root):
    os.mkfifo(f"{base(root)}/pipe.txt")
    assert "pipe.txt" not in root.files()
    assert not root.is_file("pipe.txt")


def test_a_pipe_that_a_dataset_names_is_not_waited_for(root):
    os.mkfifo(f"{base(root)}/pipe.txt")
    with pytest.raises(InputError, match=r"pipe\.txt: this is a pipe"):
        root.read("pipe.txt")
    with pytest.raises(MediaError, match="this is a pipe"):
        Image(path="pipe.txt", source=root.locate("pipe.txt")).read_bytes()
    assert root.reader()("pipe.txt") is None


# --- the fast reader -----------------------------------------------------------------------------


def test_the_reader_reads_below_its_folder(root):
    read = root.reader("sub")
    assert read("c.TXT") == b"sub/c.TXT"
    assert read("deep/d.jpg") == b"sub/deep/d.jpg"


@pytest.mark.parametrize("name", ["no.txt", "deep", "c.TXT/x", "no/x"])
def test_the_reader_gives_none_for_what_is_no_file(root, name):
    assert root.reader("sub")(name) is None


def test_the_reader_of_a_missing_folder_finds_nothing(root):
    assert root.reader("nowhere")("x") is None


@pytest.mark.parametrize("size", [0, _CHUNK - 1, _CHUNK, _CHUNK + 1, 3_000_001])
def test_the_reader_reads_files_of_any_size(root, size):
    data = bytes(range(251)) * (size // 251 + 1)
    with open(f"{base(root)}/large", "wb") as file:
        file.write(data[:size])
    assert root.reader()("large") == data[:size]


@pytest.fixture
def few_files():
    """As many files as may be open in a test."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, limit[1]))
    yield 256
    resource.setrlimit(resource.RLIMIT_NOFILE, limit)


def test_readers_do_not_use_up_the_open_files(root, few_files):
    for _ in range(2 * few_files):
        assert root.reader("sub")("c.TXT") == b"sub/c.TXT"


def test_too_many_open_files_are_called_so(root, few_files):
    def open_all():
        with contextlib.ExitStack() as held:
            for _ in range(few_files):
                held.enter_context(root.open("a.txt"))

    with pytest.raises(InputError, match="too many files are open at once"):
        open_all()


def test_an_unreadable_file_is_an_error_not_a_missing_one(root, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    read = root.reader()
    monkeypatch.setattr(files.os, "open", refuse)
    monkeypatch.setattr(files, "open", refuse, raising=False)
    with pytest.raises(InputError, match=r"a\.txt: Permission denied"):
        read("a.txt")


def test_an_unreadable_folder_is_an_error_not_an_empty_one(root, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(files.os, "scandir", refuse)
    with pytest.raises(InputError, match="sub: Permission denied"):
        root.entries("sub")


def _read_in_child(read, names, queue):
    queue.put([read(name) for name in names])


def test_a_reader_made_before_a_fork_works_in_both(root):
    context = multiprocessing.get_context("fork")
    read, queue = root.reader(), context.Queue()
    child = context.Process(target=_read_in_child, args=(read, ["a.txt", "sub/c.TXT"], queue))
    child.start()
    assert queue.get(timeout=30) == [b"a.txt", b"sub/c.TXT"]
    child.join()
    assert read("b.txt") == b"b.txt"


def test_a_name_that_is_no_utf8_can_be_read(root):
    raw = os.fsencode(base(root)) + b"/caf\xe9.txt"
    with open(raw, "wb") as file:
        file.write(b"latin")
    name = next(n for n in root.files() if n.startswith("caf"))
    assert root.read(name) == root.reader()(name) == b"latin"


# --- what the user gives -------------------------------------------------------------------------


def test_a_folder_gives_a_root_without_focus(root):
    opened = open_root(base(root))
    assert opened.focus is None
    assert opened.name == "data"
    assert opened.up() is opened


def test_a_file_gives_its_folder_with_focus(root):
    opened = open_root(f"{base(root)}/sub/deep/d.jpg")
    assert (opened.name, opened.focus) == ("deep", "d.jpg")
    assert opened.read(opened.focus) == b"sub/deep/d.jpg"
    above = opened.up()
    assert (above.name, above.focus) == ("sub", "deep/d.jpg")
    assert above.read(above.focus) == b"sub/deep/d.jpg"
    assert above.is_file("c.TXT")


def test_a_relative_path_is_kept_for_messages(root, monkeypatch):
    monkeypatch.chdir(base(root))
    opened = open_root("sub")
    assert opened.show("c.TXT") == "sub/c.TXT"
    assert opened.read("c.TXT") == b"sub/c.TXT"


def test_changing_the_working_folder_later_does_no_harm(root, monkeypatch):
    monkeypatch.chdir(base(root))
    opened = open_root("sub")
    monkeypatch.chdir("/")
    assert opened.read("c.TXT") == b"sub/c.TXT"
    assert opened.files() == ["c.TXT", "deep/d.jpg"]


def test_nothing_at_the_path_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="no such file or folder"):
        open_root(tmp_path / "nothing")
    os.symlink("gone", tmp_path / "dangling")
    with pytest.raises(InputError):
        open_root(tmp_path / "dangling")


def test_listings_are_remembered_while_asked_to(root):
    before = root.entries("sub")
    with root.remembering():
        with root.remembering():
            root.entries("sub")[1].append("mine")
        os.unlink(os.path.join(base(root), "sub", "c.TXT"))
        assert root.entries("sub") == before
    assert root.entries("sub") == (["deep"], [])


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


def test_files_that_were_not_fetched_are_told(tmp_path):
    """A clone without Git LFS has pointers in the place of images and tables."""
    for name in ("a.json", "a.txt", "a.png"):
        (tmp_path / name).write_bytes(POINTER)
    root = open_root(tmp_path)
    image = Image("a.png", root.locate("a.png"))
    for read in (
        lambda: root.text("a.txt"),
        lambda: root.text_bytes("a.txt"),
        lambda: scan(root.buffer("a.json"), {"images": ["id"]}, "a.json", Ledger()),
        image.get_size,
        lambda: image.data,
        lambda: decode_labels(image),
    ):
        with pytest.raises(InputError, match="Git LFS pointer") as caught:
            read()
        assert "git lfs pull" in caught.value.hint
    assert root.text_bytes("a.txt", 7) == b"version"


def test_names_of_large_folders_are_packed(root, monkeypatch):
    monkeypatch.setattr(files, "REMEMBERED", 1)
    with root.remembering():
        before = root.entries("sub"), root.entries("sub2")
        listing = root.listing("sub")
        assert listing is root.listing("sub")
        assert listing._packed == "c.TXT"
        assert (root.entries("sub"), root.entries("sub2")) == before
        assert root.files("sub", (".csv",)) == []
        assert root.files("sub", (".txt",), words=("c", "x")) == ["sub/c.TXT"]
        assert root.files("sub", words=("q",)) == []
        assert root.files("", (".jpg",)) == ["sub/deep/d.jpg"]


def test_each_folder_is_listed_once_while_remembered(root, monkeypatch):
    asked = []
    scan = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: asked.append(path) or scan(path))
    with root.remembering():
        for _ in range(3):
            assert root.files("", (".txt",), words=("a", "e")) == ["a.txt", "sub2/e.txt"]
            assert root.files("", (".csv",)) == []
    assert len(asked) == len(set(asked)) == 4


def test_walk_picks_by_ending_and_word(root):
    assert root.files("", (".txt",), 0) == ["a.txt", "b.txt"]
    assert root.files(words=("c.t", "b.")) == ["b.txt", "sub/c.TXT"]
    assert root.files("", (".jpg", ".csv"), words=("d",)) == ["sub/deep/d.jpg"]
    assert root.files("", (".jpg",), words=("a",)) == []


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("a.TXT", ".txt"),
        ("a.nii.gz", ".gz"),
        ("a", ""),
        (".txt", ""),
        ("a.", "."),
        ("a.tfrecord", ".tfrecord"),
        ("a.b.jpegs", ".jpegs"),
        ("a.b c", ".b c"),
    ],
)
def test_endings(name, ending):
    assert ending_of(name) == ending
    listing = Listing([], [name, "other.jpg"])
    assert listing.endings == {ending, ".jpg"}
    assert listing.pick((ending,)) == [name]


def test_names_whose_lower_case_is_longer_are_found():
    listing = Listing([], ["\u0130.txt", "b.txt", "B\n.txt"])
    assert listing.pick(words=("b",)) == ["B\n.txt", "b.txt"]
    assert listing.pick((".txt",), ("i",)) == ["\u0130.txt"]


def test_a_locator_of_clean_names_says_the_same(root):
    plain, clean = root.locator("sub"), root.locator("sub", clean=True)
    assert plain("c.TXT") == clean("c.TXT") == root.locate("sub/c.TXT")
    assert clean("c.TXT").root is root
    with pytest.raises(UnsafePathError):
        plain("../a.txt")


def test_levels_are_the_folders_of_one_depth(tmp_path):
    for name in ("a.json", "b.txt", "x/c.JSON", "y/d.json", "x/z/e.json", "x/z/w/f.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    found = list(levels(open_root(tmp_path), (".json",), 2))
    assert found == [["a.json"], ["x/c.JSON", "y/d.json"], ["x/z/e.json"]]
    assert list(levels(open_root(tmp_path / "x/c.JSON"), (".json",), 2)) == [["c.JSON"]]
    assert list(levels(open_root(tmp_path / "b.txt"), (".json",), 2)) == [[]]


def test_what_is_no_file_is_told_by_kind(root, secret):
    top = base(root)
    os.symlink("gone", f"{top}/sub/z.json")
    os.symlink("gone", f"{top}/sub/y.json")
    os.symlink("gone", f"{top}/Thumbs.db")
    os.symlink(secret, f"{top}/images")
    os.symlink("..", f"{top}/sub/up")
    os.mkfifo(f"{top}/labels.txt")
    os.mkdir(f"{top}/boxes.xml")
    os.mkdir(f"{top}/v1.0")
    assert list(root.strays()) == []  # nothing was listed yet
    root.files()
    root.files()  # what is listed again counts once
    assert sorted(root.strays()) == [
        "folders are called like files: boxes.xml",
        f"{BROKEN}: sub/y.json and 1 more",
        f"{OUTSIDE}: images and 1 more",
        f"{SPECIAL}: labels.txt",
    ]
    assert root.is_stray("sub/z.json")
    assert root.is_stray("labels.txt")
    assert not root.is_stray("a.txt")
    assert not root.is_stray("missing.txt")


def test_what_lies_beside_a_given_file_is_not_told(root):
    os.symlink("gone", f"{base(root)}/dangling")
    beside = DirectoryRoot(base(root), "a.txt")
    beside.listing()
    assert list(beside.strays()) == []
