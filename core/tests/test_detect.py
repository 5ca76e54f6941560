from __future__ import annotations

import sys
import zipfile

import pytest

from dsk.descriptors import ImporterInfo
from dsk.detect import choose, detect, look
from dsk.errors import DetectionError, InputError, UnsafePathError
from dsk.files import open_root
from dsk.flow import Detection


@pytest.fixture
def answers(toy, tmp_path):
    """A function that makes importers whose detectors answer as told; returns a root."""

    def make(**wanted):
        infos = []
        for name, answer in wanted.items():
            if answer is not None:
                setattr(
                    toy, f"detect_{name}", answer if callable(answer) else lambda root, a=answer: a
                )
            detector = "" if answer is None else f"toy_format:detect_{name}"
            infos.append(
                ImporterInfo(name=name, target="toy_format:ToyImporter", detector=detector)
            )
        toy.dsk_importers = lambda: infos
        return open_root(tmp_path)

    return make


def fail(error):
    def detector(root):
        raise error

    return detector


def test_answers_come_best_first(answers):
    root = answers(
        a=Detection(10, "anything"),
        b=Detection(90, "proof", {"x": 1}),
        c=None,
        d=lambda root: None,
        e=Detection(10, "so"),
    )
    found = detect(root)
    assert [(c.format, c.score) for c in found] == [("b", 90), ("a", 10), ("e", 10)]
    assert (found[0].reason, found[0].options) == ("proof", {"x": 1})
    assert choose(root).format == "b"


def test_a_detector_that_cannot_look_is_a_near_miss(answers):
    root = answers(a=fail(InputError("it is torn")), b=Detection(70, "fits"))
    assert [(c.format, c.score) for c in detect(root)] == [("b", 70), ("a", 0)]
    assert "it is torn" in detect(root)[1].reason
    assert choose(root).format == "b"


@pytest.mark.parametrize(
    "error",
    [KeyError("x"), ValueError("x"), RecursionError(), UnicodeDecodeError("utf-8", b"", 0, 1, "x")],
)
def test_a_broken_detector_does_not_spoil_the_others(answers, error):
    root = answers(a=fail(error), b=Detection(70, "fits"))
    assert choose(root).format == "b"
    assert type(error).__name__ in detect(root)[1].reason


def test_a_detector_that_does_not_exist_does_not_spoil_the_others(answers, toy):
    root = answers(a=Detection(90, "x"), b=Detection(70, "fits"))
    del toy.detect_a
    assert choose(root).format == "b"


def test_nothing_fits(answers):
    root = answers(a=Detection(3, "a bit"), b=lambda root: None)
    with pytest.raises(
        DetectionError, match=r"no installed format fits .*nearly: a \(a bit\)"
    ) as caught:
        choose(root)
    assert caught.value.exit_code == 3
    with pytest.raises(DetectionError, match="no installed format fits"):
        choose(answers(a=lambda root: None))


def test_two_that_fit_equally_well_are_named(answers):
    root = answers(a=Detection(70, "x"), b=Detection(70, "y"), c=Detection(10, "z"))
    with pytest.raises(DetectionError, match="fits a and b equally well") as caught:
        choose(root)
    assert caught.value.candidates == ("a", "b")


def test_importers_are_not_imported_to_detect(toy, tmp_path, monkeypatch):
    (tmp_path / "x.toy").write_text("")
    toy.dsk_importers = lambda: [
        ImporterInfo(name="toy", target="no_such_module_here:X", detector="toy_format:detect")
    ]
    assert choose(open_root(tmp_path)).reason == "1 .toy files"
    assert "no_such_module_here" not in sys.modules


# --- folders that hold everything ----------------------------------------------------------------


def by_folder(scores):
    """Return a detector that answers by the name of the folder it is shown."""

    def detector(root):
        score = scores.get(root.name)
        return None if score is None else Detection(score, "so")

    return detector


def packed(path, folder, *more):
    with zipfile.ZipFile(path, "w") as archive:
        for name in (f"{folder}/a.txt", f"{folder}/sub/b.txt", *more):
            archive.writestr(name, name)
    return open_root(path)


@pytest.mark.parametrize(
    ("folder", "scores", "entered"),
    [
        ("whole", (None, 10), True),  # nothing else fits
        ("whole", (60, 90), True),  # it fits better
        ("whole", (60, 60), False),
        ("data", (60, 60), True),  # it repeats the archive's name
        ("data", (60, 50), False),
        ("data", (10, 10), False),  # any pictures fit so well
        ("train", (60, 90), False),  # a subset
        ("train", (None, 90), True),
        ("whole", (60, None), False),
        ("whole", (None, None), False),
    ],
)
def test_the_folder_that_holds_everything_is_entered_where_it_fits(
    answers, tmp_path, folder, scores, entered
):
    outer, inner = scores
    answers(a=by_folder({"data.zip": outer, folder: inner}))
    given = packed(tmp_path / "data.zip", folder, "__MACOSX/x/._a.txt", ".hidden")
    for name in (None, "a"):
        root, found = look(given, name)
        assert (root.name == folder) is entered
        assert [c.score for c in found] == [s for s in [inner if entered else outer] if s]
        if entered:
            assert root.entries() == (["sub"], ["a.txt"])
            assert root.read("sub/b.txt") == f"{folder}/sub/b.txt".encode()
            assert root.locate("a.txt") == given.locate(f"{folder}/a.txt")
            assert root.size("a.txt") == given.size(f"{folder}/a.txt")
            assert root.is_file("a.txt")
            assert root.is_dir("sub")
            assert root.show("a.txt").endswith(f"data.zip/{folder}/a.txt")
            with pytest.raises(UnsafePathError):
                root.read("../../a.txt")


@pytest.mark.parametrize("more", ["other/c.txt", "c.txt"])
def test_a_folder_beside_something_else_is_not_entered(answers, tmp_path, more):
    answers(a=by_folder({"whole": 90}))
    given = packed(tmp_path / "data.zip", "whole", more)
    assert look(given)[0] is given


def test_folders_of_folders_are_entered(answers, tmp_path):
    (tmp_path / "a" / "b" / "c").mkdir(parents=True)
    answers(a=by_folder({"c": 90}))
    root, _ = look(open_root(tmp_path / "a"))
    assert (root.name, root.path) == ("c", str(tmp_path / "a" / "b" / "c"))
