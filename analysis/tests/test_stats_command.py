"""``dsk stats`` with a small format of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from types import ModuleType

import pytest

from dsk.annotations import Bbox, Cuboid3d
from dsk.categories import Categories
from dsk.cli.app import run
from dsk.descriptors import ImporterInfo, Option
from dsk.errors import (
    OptionError,
    OutputError,
    OutputExistsError,
    PluginError,
    RecordError,
    UnknownNameError,
    UsageError,
)
from dsk.flow import Detection, Header, Importer, Source
from dsk.item import DatasetItem
from dsk.media import Image
from dsk.pixels import encode

LABELS = ["cat", "dog", "bird"]
ODD = b"odd\xff".decode("utf-8", "surrogateescape")


class LinesSource(Source):
    """One item per line: ``id subset label,x,y,w,h …``; three-dimensional with six numbers."""

    def __init__(self, lines):
        self.lines = lines
        self.header = Header(categories=Categories.from_names(LABELS), items=len(lines))

    def partitions(self):
        return list(range(len(self.lines)))

    def read(self, partition, ledger):
        import numpy as np

        name, subset, *boxes = self.lines[partition].split()
        if name == "bad":
            ledger.bad_record(RecordError("a bad line", where=f"lines.txt:{partition + 1}"))
            return
        made = []
        for number, box in enumerate(boxes, 1):
            label, *sides = box.split(",")
            numbers = tuple(map(float, sides))
            more = {"label": LABELS.index(label), "id": number, "attributes": {"of": name[:1]}}
            if len(numbers) == 6:
                solid = Cuboid3d(position=numbers[:3], scale=numbers[3:], object_id=number, **more)
                made.append(solid)
            else:
                made.append(Bbox(*numbers, **more))
        data = encode(np.full((2, 3, 3), (255, 51, 0), np.uint8), ".png")
        media = Image(path=f"{name}.png", source=data, size=(2, 3))
        yield DatasetItem(ODD if name == "odd" else name, subset, media=media, annotations=made)


class LinesImporter(Importer):
    def __init__(self, *, skip=0):
        self.skip = skip

    def open(self, root, ledger):
        return LinesSource(root.text("lines.txt").splitlines()[self.skip :])


class ProjectImporter(Importer):
    """Stands for the importer of another package."""

    def __init__(self, *, outside=False):
        self.outside = outside

    def open(self, root, ledger):
        assert self.outside
        return LinesSource(root.text("source/lines.txt").splitlines())


def plugin():
    module = ModuleType("lines_format")
    module.DSK_API = (1, 0)
    module.dsk_importers = lambda: [
        ImporterInfo(
            name="lines",
            target="lines_format:LinesImporter",
            detector="lines_format:detect",
            options=(Option(name="skip", type=int, default=0),),
        ),
        ImporterInfo(
            name="project",
            target="lines_format:ProjectImporter",
            detector="lines_format:detect_project",
            options=(Option(name="outside", type=bool, default=False),),
        ),
    ]
    module.detect = lambda root: Detection(70, "x") if root.is_file("lines.txt") else None
    module.detect_project = lambda root: (
        Detection(90, "x") if root.is_file("source/lines.txt") else None
    )
    module.LinesImporter, module.ProjectImporter = LinesImporter, ProjectImporter
    return module


@pytest.fixture
def source(tmp_path, only_plugins):
    """A dataset of four items in the small format, which is installed beside this package."""
    only_plugins(lines=plugin(), analysis="dsk_analysis.plugin")
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "lines.txt").write_text(
        "a train cat,0,0,10,10 dog,1,1,2,3\nb train dog,0,0,20,10\nc val cat,5,5,1,1\nd val\n"
    )
    return folder


def dsk(*words):
    return run(["stats", *[str(word) for word in words]])


def stats(capsys, *words):
    """Return what --json prints."""
    assert dsk(*words, "--json") == 0
    out, err = capsys.readouterr()
    assert not err
    return json.loads(out)


def test_json_holds_the_statistics(source, capsys):
    found = stats(capsys, source)
    assert found["format"] == "lines"
    assert found["images count"] == 4
    assert found["annotations"]["labels"]["distribution"]["cat"] == [2, 0.5]
    assert found["annotations"]["segments"]["avg. area"] == (100 + 6 + 200 + 1) / 4
    assert list(found["subsets"]) == ["train", "val"]
    assert found["image mean"] is None
    assert found["warnings"] == {}


def test_text_says_it_in_short(source, capsys):
    assert dsk(source) == 0
    out, err = capsys.readouterr()
    assert not err
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[0] == "lines: 4 items, 4 annotations, 2 subsets"
    assert "train 2 3 0" in lines
    assert "val 2 1 1" in lines
    assert "kinds bbox 4" in lines
    assert "labels 3, 1 of them unused" in lines
    assert "cat 2 50.0% " + "█" * 24 in lines
    assert "of 4 a: 2, b: 1, c: 1" in lines
    assert "area, px² 4 segments, mean 76.75, median 53; small 4, medium 0, large 0" in lines
    assert "1 – 20.9 2 50.0% " + "█" * 24 in lines
    assert "cat 2 5.5 (1 – 10) 5.5 (1 – 10) 50.5 (1 – 100) 1" in lines
    assert "image sizes 3×2 4" in lines
    assert "unannotated 1 item" in lines
    assert "next --pixels: mean and deviation of the images, repeated images" in lines


def test_terminals_without_blocks_get_plain_signs(source, capsys, monkeypatch):
    monkeypatch.setattr("dsk_analysis.stats.text.glyph", lambda char, plain: plain)
    assert dsk(source) == 0
    out = capsys.readouterr().out
    assert "#" * 24 in out
    assert "3x2 4" in out
    assert out.isascii()


def test_long_lists_are_cut_in_text_and_whole_in_json(source, capsys):
    lines = [f"i{n} s{n} bird,0,0,{n},{n}" for n in range(1, 30)]
    (source / "lines.txt").write_text("\n".join([*lines, *(f"e{n} s1" for n in range(15))]))
    assert dsk(source) == 0
    out = capsys.readouterr().out
    assert "  … and 19 more subsets" in out
    assert "  … and 5 more items" in out
    assert "  e9\n" in out
    assert "  e10\n" not in out
    assert len(stats(capsys, source)["unannotated images"]) == 15


def test_values_and_attributes_that_are_not_told_apart_are_said(source, capsys, monkeypatch):
    monkeypatch.setattr("dsk_analysis.stats.attributes.MOST_VALUES", 6)
    (source / "lines.txt").write_text("\n".join(f"{c} s cat,0,0,1,1" for c in "aabcdefgh"))
    assert dsk(source) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    others = "others: 2 (further values are not told apart)"
    assert f"of 9 a: 2, b: 1, c: 1, d: 1, e: 1, … 1 more values, {others}" in lines


def test_boxes_in_space_and_tracks_as_text(source, capsys):
    (source / "lines.txt").write_text("a s cat,3,4,1,4,2,1.5\nb s cat,6,8,1,4,2,1.5\n")
    assert dsk(source) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "boxes 3d, m 2, frame lidar 2" in lines
    assert "cat 2 4 2 1.5 7.5 (5 – 10) 1" in lines
    assert "tracks 1 with 2 annotations; each 2" in lines
    assert "lines: 2 items, 2 annotations, 1 subset" in lines


def test_values_that_are_not_finite_are_told(source, capsys):
    (source / "lines.txt").write_text("a s cat,nan,0,1,1 cat,0,0,2,2\n")
    assert dsk(source) == 0
    assert "not finite  bbox 1: left out of areas and sizes" in capsys.readouterr().out
    assert stats(capsys, source)["not finite"] == {"bbox": 1}


def test_an_empty_dataset(source, capsys):
    (source / "lines.txt").write_text("")
    assert dsk(source) == 0
    assert capsys.readouterr().out.startswith("lines: 0 items, 0 annotations, 0 subsets\n")


def test_pixels(source, capsys):
    assert dsk(source, "--pixels") == 0
    out = capsys.readouterr().out
    assert "image mean  255.00, 51.00, 0.00 (red, green, blue; 0 to 255)" in out
    assert "repeated    1 group of equal images; 1 different\n  train/a, train/b, val/c" in out
    assert "--pixels:" not in out
    found = stats(capsys, source, "--pixels")
    assert found["dataset"]["image mean"] == [255, 51, 0]
    assert found["repeating images count"] == 1
    assert stats(capsys, source, "--pixels", "--jobs", "2") == found
    with pytest.raises(UsageError, match="--jobs is of use with --pixels"):
        dsk(source, "--jobs", "auto" if len(os.sched_getaffinity(0)) > 1 else "2")
    with pytest.raises(OptionError, match="a number from 1 or 'auto'"):
        dsk(source, "--pixels", "-j", "many")


def test_one_subset(source, capsys):
    found = stats(capsys, source, "--subset", "val")
    assert list(found["subsets"]) == ["val"]
    assert found["annotations count"] == 1
    with pytest.raises(UnknownNameError, match=r"no subset 'vall'.*'val'"):
        dsk(source, "-s", "vall")


def test_format_and_importer_options(source, capsys):
    assert stats(capsys, source, "-if", "lines", "-I", "skip=3")["images count"] == 1
    with pytest.raises(OptionError):
        dsk(source, "-I", "skips=3")


def test_bad_records(source, capsys):
    with (source / "lines.txt").open("a") as file:
        file.write("bad val\n")
    with pytest.raises(RecordError, match="a bad line"):
        dsk(source)
    assert dsk(source, "--on-error", "skip") == 1
    assert "1 bad record skipped" in capsys.readouterr().err
    assert dsk(source, "--on-error", "skip", "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["bad records"], found["images count"]) == (1, 4)


def test_project(source, tmp_path, capsys):
    project = tmp_path / "project"
    project.mkdir()
    source.rename(project / "source")
    assert stats(capsys, "-p", project)["images count"] == 4
    with pytest.raises(UsageError, match="formats of its own"):
        dsk("-p", project, "-if", "lines")


def test_a_project_needs_its_importer(source, monkeypatch):
    module = sys.modules["lines_format"]
    infos = [info for info in module.dsk_importers() if info.name != "project"]
    monkeypatch.setattr(module, "dsk_importers", lambda: infos)
    with pytest.raises((PluginError, UnknownNameError), match="project"):
        dsk("-p", source)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "nothing to read.*PATH.*-p DIR"),
        (["x", "-p", "x"], "PATH and -p"),
        (["x", "--on-error", "never"], "'raise' or 'skip'"),
        (["x", "--overwrite"], "needs -o"),
        (["x", "--", "--skip", "1"], "no options behind --"),
    ],
)
def test_usage(source, words, message):
    with pytest.raises(UsageError, match=message):
        dsk(*words)


def test_the_file_holds_what_json_prints(source, tmp_path, capsys):
    place = tmp_path / "out.json"
    assert dsk(source, "-o", place) == 0
    out, err = capsys.readouterr()
    assert "lines: 4 items" in out
    assert f"written to {place}" in err
    assert "-o FILE" not in out
    assert json.loads(place.read_text("utf-8")) == stats(capsys, source)
    assert sorted(os.listdir(tmp_path)) == ["in", "out.json"]


def test_a_file_is_replaced_only_on_demand(source, tmp_path):
    place = tmp_path / "out.json"
    place.write_text("mine")
    with pytest.raises(OutputExistsError) as caught:
        dsk(source, "-o", place)
    assert caught.value.exit_code == 4
    assert place.read_text() == "mine"
    assert dsk(source, "-o", place, "--overwrite") == 0
    assert json.loads(place.read_text("utf-8"))["images count"] == 4


def test_a_failure_leaves_the_old_file_and_nothing_else(source, tmp_path, monkeypatch):
    place = tmp_path / "out.json"
    place.write_text("mine")

    def full(*names):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OutputError, match="the disk is full"):
        dsk(source, "-o", place, "--overwrite")
    assert place.read_text() == "mine"
    assert sorted(os.listdir(tmp_path)) == ["in", "out.json"]


def test_what_is_no_file_needs_no_permission(source, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(os.devnull)
    assert dsk(source, "-o", link) == 0
    assert link.is_symlink()


def test_places_that_cannot_be_written_are_refused_first(tmp_path, source):
    (source / "lines.txt").write_text("this would fail")
    with pytest.raises(OutputError, match="a folder"):
        dsk(source, "-o", tmp_path, "--overwrite")
    with pytest.raises(OutputError, match="no folder"):
        dsk(source, "-o", tmp_path / "no" / "out.json")


def test_ids_that_are_no_text_do_not_break_the_json(source, tmp_path, capsys):
    (source / "lines.txt").write_text("odd s\n")
    place = tmp_path / "out.json"
    assert dsk(source, "-o", place) == 0
    assert "  odd\\udcff\n" in capsys.readouterr().out
    assert json.loads(place.read_text("utf-8"))["unannotated images"] == [ODD]


def test_start_up_imports_nothing_heavy():
    code = (
        "import sys, dsk_analysis.plugin, dsk_analysis.commands; "
        "assert not {'numpy', 'PIL', 'dsk.dataset'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
