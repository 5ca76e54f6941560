from __future__ import annotations

import os
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsk.descriptors import ANY_SUBSET, SUBSET_FOLDER, SUBSET_PATH, reserving
from dsk.errors import UnsafePathError
from dsk.loss import Ledger
from dsk.names import NO_LINE, SubsetNames, all_clean, clean_name, fit_labels, fitting, stem_of


@pytest.mark.parametrize(
    "name",
    [
        "a.jpg",
        "a/b/c.jpg",
        ".hidden",
        "...",
        "a/...",
        "..a/b..",
        "a..b",
        "a/.hidden/b",
        "aa:b",
        "dir/a:b",
        "über/日本語.jpg",
        "👩‍👩‍👧/x",
        "e\u0301",
        "a b",
        "-rf",
        "~/x",
        "$HOME",
        "a\nb",
        "trailing ",
        "trailing.",
        "con",
        "a" * 255,
        "\udcff.jpg",  # how Python shows a byte of a file name that is no UTF-8
    ],
)
def test_plain_names_stay_as_they_are(name):
    assert clean_name(name) == name


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("./a", "a"),
        ("a/./b", "a/b"),
        ("a//b", "a/b"),
        ("a/", "a"),
        ("a\\b", "a/b"),
        (".\\a\\\\b\\", "a/b"),
        ("a/.", "a"),
        ("././a", "a"),
    ],
)
def test_other_spellings_are_made_plain(name, clean):
    assert clean_name(name) == clean


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "./",
        "././.",
        "..",
        "../a",
        "a/..",
        "a/../b",
        "a/../../b",
        "..\\a",
        "a\\..\\..\\b",
        "a/..\\b",
        "./..",
        "/",
        "/etc/passwd",
        "//server/share",
        "\\windows",
        "\\\\server\\share",
        "C:",
        "C:\\x",
        "c:/x",
        "c:x",
        "./c:/x",
        "a\0b",
        "\0",
        "../a\0",
        "\ud800.jpg",  # half a character: no file system takes it
    ],
)
def test_names_that_lead_out_are_refused(name):
    with pytest.raises(UnsafePathError):
        clean_name(name)


def test_error_says_where_the_name_was_found():
    with pytest.raises(UnsafePathError, match=r"^ann\.json#/images/3: .*'\.\./x'"):
        clean_name("../x", "ann.json#/images/3")


PIECES = st.sampled_from(["/", "\\", ".", "..", "a", "C:", "é", " ", "\n", "\0", "b.jpg", "~"])
NAMES = st.one_of(st.text(max_size=12), st.lists(PIECES, max_size=8).map("".join))


@given(st.lists(NAMES, max_size=4))
def test_names_that_are_clean_together_are_clean_each(names):
    if all_clean(names):
        assert [clean_name(name) for name in names] == names


def test_usual_names_are_clean_together():
    assert all_clean([])
    assert all_clean(["000001.jpg", "a-b_c (1).png", "sub/x.txt", ".hidden"])


@given(NAMES)
def test_what_passes_stays_below_its_root(name):
    try:
        clean = clean_name(name)
    except UnsafePathError:
        return
    assert clean_name(clean) == clean
    assert "\0" not in clean
    assert os.path.normpath(f"/root/{clean}") == f"/root/{clean}"


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("a.jpg", "a"),
        ("a/b.c/d.jpg", "a/b.c/d"),
        ("a.tar.gz", "a.tar"),
        ("noext", "noext"),
        ("a.b/noext", "a.b/noext"),
        (".jpg", ".jpg"),
        ("a/.jpg", "a/.jpg"),
        ("a.", "a"),
        ("日本.本.png", "日本.本"),
        ("a/", "a/"),
        ("..jpg", "."),
    ],
)
def test_stem(name, stem):
    assert stem_of(name) == stem


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("a b", "a b"),
        ("  padded", "padded"),
        ("two\nlines\r\n", "two_lines"),
        ("", "_"),
        ("\n", "_"),
        ("a\u2028b", "a_b"),
    ],
)
def test_names_of_lines(name, fits):
    assert fitting(name, NO_LINE) == fits


def test_fitting_names_stay_apart():
    assert fitting(" a", NO_LINE, {"a", "a_2"}) == "a_3"
    assert fitting("a", NO_LINE, {"a"}) == "a_2"


def test_labels_that_fit_keep_their_names():
    ledger = Ledger()
    names = [" cat", "cat", "dog\n", " cat", "dog"]
    assert fit_labels(names, NO_LINE, ledger) == ["cat_2", "cat", "dog_2", "cat_2", "dog"]
    assert [event.what for event in ledger.events.values()] == [
        "label name ' cat' becomes 'cat_2'",
        "label name 'dog\\n' becomes 'dog_2'",
    ]


@pytest.mark.parametrize(
    ("name", "folder", "path"),
    [
        ("a", "a", "a"),
        ("a/b", "a_b", "a/b"),
        ("/a//b/", "_a__b_", "_a/_b_"),
        ("a/.b", "a_.b", "a/_b"),
        (".a", "_a", "_a"),
        ("..", "_.", "_."),
        ("", "_", "_"),
        ("C:x", "C_x", "C_x"),
        ("ab:c", "ab:c", "ab:c"),
        ("a\\b", "a_b", "a_b"),
        ("a\tb\n", "a_b", "a_b"),
    ],
)
def test_subsets_get_names_that_targets_hold(name: str, folder: str, path: str) -> None:
    assert SubsetNames(SUBSET_FOLDER, [name])[name] == folder
    assert SubsetNames(SUBSET_PATH, [])[name] == path
    assert SubsetNames(ANY_SUBSET, [name])[name] == name


def test_subsets_stay_apart() -> None:
    names = SubsetNames(SUBSET_FOLDER, ["a/b", "a_b", "a\\b"])
    assert names == {"a/b": "a_b_2", "a_b": "a_b", "a\\b": "a_b_3"}
    assert pickle.loads(pickle.dumps(names))["x/y"] == "x_y"


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("images", "images_"),
        ("Images", "Images_"),
        ("my.txt", "my.txt_"),
        ("myXtxt", "myXtxt"),
        ("images2", "images2"),
        ("an images", "an images"),
        ("a/images", "a_images"),
        ("images/", "images_"),
        ("images\n", "images_"),
    ],
)
def test_reserved_names_of_subsets(name: str, kept: str) -> None:
    assert SubsetNames(reserving("images", "my.txt"), [name])[name] == kept


def test_reserved_names_beside_the_name_they_get() -> None:
    names = SubsetNames(reserving("images"), ["images", "images_", "train"])
    assert len({names[name] for name in ("images", "images_", "train")}) == 3


def test_reserved_names_in_paths() -> None:
    names = SubsetNames(reserving("LR", grammar=SUBSET_PATH), ["LR", "LR/x", "lr"])
    assert [names[name] for name in ("LR", "LR/x")] == ["LR_", "LR/x"]
