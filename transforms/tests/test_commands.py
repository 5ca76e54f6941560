"""``dsk transform`` and ``dsk filter`` with a small format of their own."""

from __future__ import annotations

import json
from types import ModuleType

import pytest
from lxml import etree

from dsk.annotations import Bbox
from dsk.categories import Categories
from dsk.cli.app import run
from dsk.descriptors import Capabilities, ExporterInfo, ImporterInfo, Option, TransformInfo
from dsk.errors import (
    DskError,
    OptionError,
    OutputExistsError,
    RecordError,
    UnknownNameError,
    UsageError,
)
from dsk.flow import Detection, Exporter, Header, Importer, Source, Transform
from dsk.item import DatasetItem
from dsk_transforms.filtering.errors import ExpressionError

LABELS = ["cat", "dog"]


class LinesSource(Source):
    """One item per line: ``id subset label,x,y,w,h …``."""

    def __init__(self, lines):
        self.lines = lines
        self.header = Header(categories=Categories.from_names(LABELS), items=len(lines))

    def partitions(self):
        return list(range(len(self.lines)))

    def read(self, partition, ledger):
        name, subset, *boxes = self.lines[partition].split()
        if name == "bad":
            ledger.bad_record(RecordError("a bad line", where=f"lines.txt:{partition + 1}"))
            return
        made = []
        for number, box in enumerate(boxes, 1):
            label, *sides = box.split(",")
            attributes = {"occluded": label.isupper()}
            index = LABELS.index(label.lower())
            made.append(Bbox(*map(float, sides), label=index, id=number, attributes=attributes))
        yield DatasetItem(name, subset, annotations=made)


class LinesImporter(Importer):
    def open(self, root, ledger):
        return LinesSource(root.text("lines.txt").splitlines())


class LinesExporter(Exporter):
    def __init__(self, *, mark=""):
        self.mark = mark

    def write(self, items, ctx):
        with ctx.fragment("lines.txt") as out:
            for item in items:
                boxes = [
                    f"{LABELS[a.label]},{a.x:g},{a.y:g},{a.w:g},{a.h:g}" for a in item.annotations
                ]
                out.write(" ".join([self.mark + item.id, item.subset, *boxes]).encode() + b"\n")

    def finish(self, states, ctx):
        ctx.out.join("lines.txt", ctx.out.fragments("lines.txt"))


class Stretch(Transform):
    def __init__(self, *, by=1.0, labels=None):
        self.by = by
        self.labels = labels or {}

    def apply(self, item, ledger):
        boxes = [
            Bbox(
                a.x,
                a.y,
                a.w * self.by,
                a.h * float(self.labels.get(LABELS[a.label], 1)),
                label=a.label,
            )
            for a in item.annotations
        ]
        return item.replace(annotations=boxes)


def plugin():
    module = ModuleType("lines_format")
    module.DSK_API = (1, 0)
    module.dsk_importers = lambda: [
        ImporterInfo(
            name="lines",
            target="lines_format:LinesImporter",
            detector="lines_format:detect",
            aliases=("lines_too",),
        ),
        ImporterInfo(name="read_only", target="lines_format:LinesImporter"),
    ]
    holds = Capabilities(annotations=frozenset({"bbox"}), needs_label=frozenset({"bbox"}))
    module.dsk_exporters = lambda: [
        ExporterInfo(
            name="lines",
            target="lines_format:LinesExporter",
            capabilities=holds,
            options=(Option(name="mark", default=""),),
        )
    ]
    module.dsk_transforms = lambda: [
        TransformInfo(
            name="stretch",
            target="lines_format:Stretch",
            options=(
                Option(name="by", type=float, default=1.0, short="k"),
                Option(name="labels", type="mapping", short="l"),
            ),
        )
    ]
    module.detect = lambda root: Detection(70, "x") if root.is_file("lines.txt") else None
    for cls in (LinesImporter, LinesExporter, Stretch):
        setattr(module, cls.__name__, cls)
    return module


@pytest.fixture
def source(tmp_path, only_plugins):
    """A dataset of four items in the small format, which is installed beside the transforms."""
    only_plugins(lines=plugin(), transforms="dsk_transforms.plugin")
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "lines.txt").write_text(
        "a train cat,0,0,10,10 DOG,1,1,2,3\nb train dog,0,0,20,10\nc val CAT,5,5,1,1\nd val\n"
    )
    return folder


def lines(folder):
    return (folder / "lines.txt").read_text().splitlines()


def dsk(*words):
    return run([str(word) for word in words])


@pytest.mark.parametrize(
    "words",
    [
        ["-t", "stretch", "--", "-k", "2", "-l", "cat:3", "-l", "dog:1"],
        ["-t", "stretch", "--", "--by", "2", "--labels", "cat:3,dog:1"],
        ["-t", "stretch by=2 labels=cat:3 labels=dog:1"],
        ["-t", "stretch -k 2", "--", "--labels=cat:3"],
        ["-t", "stretch by=2", "-t", "stretch labels=cat:3"],
    ],
)
def test_transform_writes_the_format_that_it_read(source, tmp_path, words):
    cut = words.index("--") if "--" in words else len(words)
    own, behind = words[:cut], words[cut:]
    assert dsk("transform", "-i", source, *own, "-o", tmp_path / "out", *behind) == 0
    assert lines(tmp_path / "out") == [
        "a train cat,0,0,20,30 dog,1,1,4,3",
        "b train dog,0,0,40,10",
        "c val cat,5,5,2,3",
        "d val",
    ]


def test_transform_takes_what_convert_takes(source, tmp_path, capsys):
    report, out = tmp_path / "report.json", tmp_path / "out"
    words = ["-i", source, "-if", "lines_too", "-t", "stretch", "-f", "lines", "-O", "mark=#"]
    assert dsk("transform", *words, "-o", out, "--report", report, "--json", "--jobs", "2") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts == json.loads(report.read_text())
    assert facts["annotations"]["in"] == 4
    assert lines(out)[3] == "#d val"
    assert dsk("transform", *words, "-o", out, "--overwrite", "--dry-run") == 0
    assert "nothing was written" in capsys.readouterr().err


def test_an_alias_of_the_input_is_written_as_its_format(source, tmp_path):
    words = ["-i", source, "-if", "lines_too", "-t", "stretch", "-o", tmp_path / "out"]
    assert dsk("transform", *words) == 0
    assert len(lines(tmp_path / "out")) == 4


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        (["-t", "stretch", "-t", "stretch", "--", "-k", "2"], UsageError, "-t 'NAME option=value"),
        (["-t", "strech"], UnknownNameError, "did you mean 'stretch'"),
        (["-t", "stretch", "--", "--bye", "2"], OptionError, "did you mean by"),
        (["-t", "stretch", "--", "-x", "2"], OptionError, "'-x' is no option"),
        (["-t", "stretch", "--", "-k"], OptionError, "-k needs a value"),
        (["-t", "stretch", "--", "-l", "cat"], OptionError, "write a:b"),
        (["-t", "stretch", "--", "--save-media"], OptionError, "write it before --"),
        (["-t", "stretch", "-if", "read_only"], UsageError, "can be read but not written.*-f"),
        (["-t", "stretch", "-f", "nothing"], UnknownNameError, "no format 'nothing'"),
    ],
)
def test_transforms_that_make_no_sense(source, tmp_path, words, error, message):
    cut = words.index("--") if "--" in words else len(words)
    with pytest.raises(error, match=message):
        dsk("transform", "-i", source, *words[:cut], "-o", tmp_path / "out", *words[cut:])
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "place"),
    [
        (["transform", "-t", "stretch"], "in-stretch"),
        (["transform", "-t", "stretch -k 2", "-t", "stretch by=3"], "in-stretch-stretch"),
        (["filter", "-e", "area > 0"], "in-filter"),
    ],
)
def test_without_a_place_the_input_and_the_change_name_one(
    source, tmp_path, monkeypatch, words, place
):
    monkeypatch.chdir(tmp_path)
    assert dsk(*words, "-i", "in") == 0
    assert len(lines(tmp_path / place)) == 4
    with pytest.raises(OutputExistsError):
        dsk(*words, "-i", "in")


def test_looking_writes_nothing(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert dsk("filter", "-i", "in", "-e", "area > 0", "--explain") == 0
    assert dsk("filter", "-i", "in", "-e", "area > 0", "--dry-run") == 0
    assert [place.name for place in tmp_path.iterdir()] == ["in"]


@pytest.mark.parametrize(
    "words", [["transform", "-t", "stretch"], ["filter", "-e", 'subset == "val"']]
)
def test_something_must_be_named_to_read(source, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"nothing to read.*-i PATH"):
        dsk(*words, "-o", "out")
    with pytest.raises(UsageError, match="-i PATH and -p were given"):
        dsk(*words, "-i", "in", "-p", "in", "-o", "out")


def test_the_output_has_datumaros_long_name(source, tmp_path):
    assert dsk("filter", "-i", source, "-e", "area > 0", "--output-dir", tmp_path / "out") == 0
    assert len(lines(tmp_path / "out")) == 4


def test_transform_needs_a_transform(source, tmp_path, capsys):
    assert dsk("transform", "-i", source, "-o", tmp_path / "out") == 2
    assert "-t" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "left"),
    [
        (["-e", '/item[subset="train"]'], ["a cat dog", "b dog"]),
        (["-e", '/item[subset="train" or subset="val"]'], ["a cat dog", "b dog", "c cat", "d"]),
        (["-e", '/item[annotation/label="cat"]'], ["a cat dog", "c cat"]),
        (["-m", "i+a", "-e", '/item/annotation[occluded="True"]'], ["a dog", "c cat"]),
        (["--mode", "items+anno", "-e", '/item/annotation[occluded="False"]'], ["a cat", "b dog"]),
        (["-m", "i+a", "-e", '/item/annotation[label!="cat"]'], ["a dog", "b dog"]),
        (
            [
                *("--mode", "annotations", "-e"),
                '/item/annotation[(label="cat" and area > 99.5) or label!="cat"]',
            ],
            ["a cat dog", "b dog", "c", "d"],
        ),
        (["-e", 'label == "cat" and area > 99.5'], ["a cat", "b", "c", "d"]),
        (["-e", "occluded", "-m", "a+i"], ["a dog", "c cat"]),
        (["-e", 'count(label == "dog") >= 1'], ["a cat dog", "b dog"]),
    ],
)
def test_filter(source, tmp_path, words, left):
    assert dsk("filter", "-i", source, *words, "-o", tmp_path / "out") == 0
    found = []
    for line in lines(tmp_path / "out"):
        name, _, *boxes = line.split()
        found.append(" ".join([name, *(box.partition(",")[0] for box in boxes)]))
    assert found == left


def test_filter_of_convert(source, tmp_path, capsys):
    words = ["-i", source, "-f", "lines", "-e", "/item/annotation[occluded='True']"]
    assert dsk("convert", *words, "--filter-mode", "i+a", "-o", tmp_path / "out") == 0
    assert lines(tmp_path / "out") == ["a train dog,1,1,2,3", "c val cat,5,5,1,1"]
    assert "annotations removed by the filter" in capsys.readouterr().err
    assert dsk("convert", *words, "-o", tmp_path / "two", "--", "--mark", "+") == 0
    assert [line[:2] for line in lines(tmp_path / "two")] == ["+a", "+c"]


def test_dry_run_shows_the_selected_as_xml(source, capsys):
    assert dsk("filter", "-i", source, "-e", 'label == "dog"', "-m", "i+a", "--dry-run") == 0
    shown, said = capsys.readouterr()
    items = etree.fromstring(f"<all>{shown}</all>")
    assert [e.text for e in items.findall("item/id")] == ["a", "b"]
    assert [e.text for e in items.findall("item/annotation/label")] == ["dog", "dog"]
    assert items.findtext("item/annotation/occluded") == "True"
    assert "2 items with 2 annotations, of 4 items with 4 annotations" in said
    assert "nothing was written" in said


def test_dry_run_of_all(source, capsys):
    assert dsk("filter", "-i", source, "--dry-run", "-e", "/item") == 0
    assert capsys.readouterr().out.count("<item>") == 4


def test_explain_counts(source, tmp_path, capsys):
    words = ["-i", source, "-e", 'label == "cat" and not occluded', "--explain"]
    assert dsk("filter", *words) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [row[0] for row in rows] == ["1", "2", "2", "2", "left:"]
    assert rows[0][3:] == ["annotations", "label", "==", '"cat"', "and", "not", "occluded"]
    assert dsk("filter", *words, "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["in"] == {"items": 4, "annotations": 4}
    assert facts["out"] == {"items": 4, "annotations": 1}
    assert facts["clauses"][1] == {
        "text": 'label == "cat"',
        "depth": 1,
        "of": "annotations",
        "true": 2,
        "total": 4,
    }
    assert dsk("filter", *words, "-o", tmp_path / "out") == 0
    assert lines(tmp_path / "out")[0] == "a train cat,0,0,10,10"


def test_bad_records_are_counted_in_a_dry_run(source, capsys):
    (source / "lines.txt").write_text("bad x\na train cat,0,0,1,1\n")
    assert dsk("filter", "-i", source, "-e", "area > 0", "--dry-run", "--on-error", "skip") == 1
    assert capsys.readouterr().out.count("<item>") == 1


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        (["-e", "area > 0", "--dry-run", "--json"], UsageError, "--dry-run shows XML"),
        (["-e", "area > 0", "--dry-run", "--explain"], UsageError, "--dry-run shows XML"),
        (["-e", "aera > 0", "--dry-run"], ExpressionError, "column 1:.*did you mean area"),
        (["-e", "area > 0", "-m", "x", "--explain"], OptionError, "no filter mode"),
        (["-e", "/item", "-m", "a", "--explain"], ExpressionError, "selects no annotations"),
    ],
)
def test_filters_that_make_no_sense(source, words, error, message):
    with pytest.raises(error, match=message):
        dsk("filter", "-i", source, *words)


def test_the_place_of_an_error_is_shown(source, capsys):
    with pytest.raises(DskError):
        dsk("filter", "-i", source, "-e", 'label = "cat"', "--dry-run")
    assert capsys.readouterr().err == '  label = "cat"\n' + " " * 8 + "^\n"


def test_any_number_of_jobs_gives_the_same(source, tmp_path):
    for jobs in (1, 2):
        out = tmp_path / str(jobs)
        assert dsk("filter", "-i", source, "-e", "area < 100", "-o", out, "-j", jobs) == 0
    assert lines(tmp_path / "1") == lines(tmp_path / "2")
