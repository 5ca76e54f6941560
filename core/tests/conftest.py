"""A toy format that stands in for a plugin, and images made on the spot."""

from __future__ import annotations

import io
import os
import signal
import sys
from importlib.metadata import EntryPoint
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from PIL import Image as PilImage

from dsk import registry as registry_module
from dsk.annotations import Bbox, Label
from dsk.categories import Categories
from dsk.descriptors import Capabilities, ExporterInfo, ImporterInfo, Option, TransformInfo
from dsk.errors import RecordError
from dsk.flow import Detection, Exporter, Header, Importer, Source, Transform
from dsk.hooks import ENTRY_POINT_GROUP
from dsk.item import DatasetItem
from dsk.names import stem_of

PART = 2


class ToySource(Source):
    """One text file per item, ``x y w h label`` per line; a line "bad" is a bad record."""

    def __init__(self, root, shift, ledger):
        self.root = root
        self.shift = shift
        self.reads = 0
        self.names = root.files(suffixes={".toy"})
        if root.is_file("oddity"):
            ledger.warn("there is an oddity")
        self.header = Header(
            categories=Categories.from_names(["cat", "dog"]), items=len(self.names)
        )

    def partitions(self):
        return [(start, start + PART) for start in range(0, len(self.names), PART)]

    def read(self, partition, ledger):
        start, stop = partition
        for name in self.names[start:stop]:
            self.reads += 1
            boxes = []
            for number, line in enumerate(self.root.text(name).splitlines(), 1):
                if line == "bad":
                    ledger.bad_record(
                        RecordError("no box", where=f"{name}:{number}", item=stem_of(name))
                    )
                    continue
                x, y, w, h, label = line.split()
                boxes.append(
                    Bbox(float(x) + self.shift, float(y), float(w), float(h), label=int(label))
                )
            yield DatasetItem(stem_of(name), annotations=boxes)


class ToyImporter(Importer):
    def __init__(self, *, shift=0):
        self.shift = shift

    def open(self, root, ledger):
        return ToySource(root, self.shift, ledger)


class ToyExporter(Exporter):
    """Writes each item to a file of its own, and one list of all."""

    def __init__(self, *, mark="", die_at="", die_how="raise"):
        self.mark = mark
        self.die_at = die_at
        self.die_how = die_how

    def begin(self, header, ctx):
        ctx.write("labels.txt", "\n".join(header.categories.names).encode())

    def write(self, items, ctx):
        count = 0
        with ctx.fragment("list.txt") as listing:
            for item in items:
                if self.die_at and item.id == self.die_at:
                    self._die(item)
                lines = [f"{self.mark}{a.kind} {a.bbox} {a.label}\n" for a in item.annotations]
                ctx.write(f"{item.subset}/{item.id}.txt", "".join(lines).encode())
                if item.media is not None:
                    ctx.save_image(item, f"{item.subset}/" + ctx.image_name(item))
                listing.write(f"{item.subset} {item.id}\n".encode())
                count += 1
        return count

    def _die(self, item):
        if self.die_how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.die_how == "interrupt":
            raise KeyboardInterrupt
        if self.die_how == "os":
            raise OSError(28, "No space left on device", "some/file")
        raise RecordError(
            "this item is cursed", where="here:7", hint="pray", item=item.id, annotation=3
        )

    def finish(self, states, ctx):
        ctx.out.join(
            "list.txt", ctx.out.fragments("list.txt"), tail=f"total {sum(states)}\n".encode()
        )


class Shift(Transform):
    """Moves boxes."""

    def __init__(self, *, by=1):
        self.by = by

    def apply(self, item, ledger):
        moved = [Bbox(a.x + self.by, a.y, a.w, a.h, label=a.label) for a in item.annotations]
        return item.replace(annotations=moved)


class Halve(Transform):
    """Gives the first half of all items one subset and the rest another; needs to see them all."""

    needs_plan = True

    def __init__(self):
        self.plans = 0
        self.first = frozenset()

    def header(self, header):
        return Header(categories=header.categories, subsets=("one", "two"), items=header.items)

    def plan(self, items):
        self.plans += 1
        ids = [item.id for item in items]
        self.first = frozenset(ids[: len(ids) // 2])

    def apply(self, item, ledger):
        return item.replace(subset="one" if item.id in self.first else "two")


def toy_detect(root):
    found = root.files(suffixes={".toy"})
    return Detection(70, f"{len(found)} .toy files") if found else None


CAPABILITIES = Capabilities(
    annotations=frozenset({"bbox"}), needs_label=frozenset({"bbox"}), media=frozenset({"image"})
)
TOY_OPTIONS = (
    Option(name="mark"),
    Option(name="die_at"),
    Option(name="die_how", choices=("raise", "kill", "interrupt", "os"), default="raise"),
)


def toy_module():
    """Return a fresh plugin module that brings the toy format."""
    module = ModuleType("toy_format")
    module.DSK_API = (1, 0)
    module.dsk_importers = lambda: [
        ImporterInfo(
            name="toy",
            target="toy_format:ToyImporter",
            detector="toy_format:detect",
            aliases=("toy_shifted",),
            alias_options={"toy_shifted": {"shift": 100}},
            options=(Option(name="shift", type=int, default=0),),
        )
    ]
    module.dsk_exporters = lambda: [
        ExporterInfo(
            name="toy",
            target="toy_format:ToyExporter",
            aliases=("toy_marked",),
            alias_options={"toy_marked": {"mark": "*"}},
            capabilities=CAPABILITIES,
            options=TOY_OPTIONS,
        )
    ]
    module.dsk_transforms = lambda: [
        TransformInfo(
            name="shift",
            target="toy_format:Shift",
            options=(Option(name="by", type=int, default=1),),
        ),
        TransformInfo(name="halve", target="toy_format:Halve"),
    ]
    module.detect = toy_detect
    for cls in (ToyImporter, ToyExporter, ToySource, Shift, Halve):
        setattr(module, cls.__name__, cls)
    return module


@pytest.fixture
def toy(monkeypatch):
    """The toy plugin, installed as the only one."""
    module = toy_module()
    monkeypatch.setitem(sys.modules, "toy_format", module)
    point = EntryPoint("toy", "toy_format", ENTRY_POINT_GROUP)
    monkeypatch.setattr(registry_module, "entry_points", lambda group: [point])
    registry_module.registry.cache_clear()
    yield module
    registry_module.registry.cache_clear()


@pytest.fixture
def boxed():
    """Seven items, two subsets, one or two boxes each."""
    return [
        DatasetItem(
            f"dir/item{n}",
            subset="train" if n < 4 else "val",
            annotations=[Bbox(n, 2, 3, 4, label=n % 2), Bbox(n, 5, 6, 7, label=0)][: 1 + n % 2],
        )
        for n in range(7)
    ]


@pytest.fixture
def labelled():
    """One item with a box and a label of the whole item, which the toy format cannot hold."""
    return [DatasetItem("a", annotations=[Bbox(1, 2, 3, 4, label=0, id=7), Label(label=1, id=8)])]


@pytest.fixture
def encoded():
    """A function that encodes an image of a size in a format."""

    def make(fmt="PNG", width=7, height=5, mode="RGB", **options):
        buffer = io.BytesIO()
        PilImage.new(mode, (width, height)).save(buffer, fmt, **options)
        return buffer.getvalue()

    return make


@pytest.fixture
def tree():
    """A function that tells all files below a folder with their content."""

    def read(folder):
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }

    return read


@pytest.fixture
def pattern():
    """A 16-bit image in which no two pixels are equal."""
    return SimpleNamespace(deep=(np.arange(35, dtype=np.uint16) * 1500).reshape(5, 7))
