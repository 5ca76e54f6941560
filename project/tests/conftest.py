"""A small format of its own for projects to read and write: this package brings none."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from dsk.annotations import Bbox
from dsk.categories import Categories
from dsk.descriptors import Capabilities, ExporterInfo, ImporterInfo, Option
from dsk.errors import InputError, RecordError
from dsk.flow import Detection, Exporter, Header, Importer, Source
from dsk.item import DatasetItem
from dsk.jsonerrors import UNDECODABLE
from dsk.media import Image


class ToyItem(Struct):
    id: str
    boxes: list[tuple[int, float, float, float, float, int]]
    subset: str = "train"
    attributes: dict[str, Any] = {}
    extra: dict[str, Any] | None = None


class Toy(Struct):
    labels: list[str]
    items: list[ToyItem]
    subsets: tuple[str, ...] = ()
    info: dict[str, Any] = {}


class ToySource(Source):
    """``toy.json``: labels, and items with boxes ``[label, x, y, w, h, group]``."""

    def __init__(self, root, mark):
        self.root, self.mark = root, mark
        try:
            self.data = msgspec.json.decode(root.read("toy.json"), type=Toy)
            categories = Categories.from_names(self.data.labels)
        except (*UNDECODABLE, ValueError) as error:
            raise InputError(f"bad toys: {error}", where="toy.json") from error
        self.reads = 0
        self.header = Header(
            categories=categories,
            subsets=self.data.subsets,
            items=len(self.data.items),
            info=self.data.info,
        )

    def partitions(self):
        return [0]

    def read(self, partition, ledger):
        for entry in self.data.items:
            labels = range(len(self.data.labels))
            if entry.id == "bad" or not all(label in labels for label, *_ in entry.boxes):
                ledger.bad_record(RecordError("a bad item", where="toy.json"))
                continue
            boxes = [
                Bbox(*sides, label=label, group=group, id=number)
                for number, (label, *sides, group) in enumerate(entry.boxes, 1)
            ]
            name = f"{entry.id}.png"
            yield DatasetItem(
                self.mark + entry.id,
                entry.subset,
                Image(name, self.root.locate(name), None, (8, 9)),
                boxes,
                entry.attributes,
                entry.extra,
            )


class ToyImporter(Importer):
    def __init__(self, *, mark=""):
        self.mark = mark

    def open(self, root, ledger):
        return ToySource(root, self.mark)


class ToyExporter(Exporter):
    def begin(self, header, ctx):
        self.labels = header.categories.names

    def write(self, items, ctx):
        made = []
        for item in items:
            boxes = [[a.label, a.x, a.y, a.w, a.h, a.group] for a in item.annotations]
            entry = {"id": item.id, "subset": item.subset, "boxes": boxes}
            made.append({**entry, "attributes": item.attributes})
            ctx.save_image(item, f"{item.id}.png")
        return made

    def finish(self, states, ctx):
        items = [entry for state in states for entry in state]
        ctx.write("toy.json", json.dumps({"labels": self.labels, "items": items}).encode())


def toy_plugin():
    module = ModuleType("toy_format")
    module.DSK_API = (1, 0)
    kinds = frozenset({"bbox"})
    module.dsk_importers = lambda: [
        ImporterInfo(
            name="toy",
            target="toy_format:ToyImporter",
            detector="toy_format:detect",
            kinds=kinds,
            options=(Option(name="mark", default=""),),
        ),
        ImporterInfo(
            name="other_toy",
            target="toy_format:ToyImporter",
            detector="toy_format:never",
            kinds=kinds,
        ),
    ]
    holds = Capabilities(
        annotations=kinds, fields=frozenset({"group", "attributes"}), item_attributes=True
    )
    module.dsk_exporters = lambda: [
        ExporterInfo(name="toy", target="toy_format:ToyExporter", capabilities=holds)
    ]
    module.detect = lambda root: Detection(70, "x") if root.is_file("toy.json") else None
    module.never = lambda root: None
    module.ToyImporter, module.ToyExporter = ToyImporter, ToyExporter
    return module


@pytest.fixture
def toy(tmp_path, monkeypatch, only_plugins):
    """Return a function that writes a toy dataset; the format is installed, and tmp_path is cwd."""
    only_plugins(toy=toy_plugin(), project="dsk_project.plugin")
    monkeypatch.chdir(tmp_path)

    def write(name, items, labels=("cat", "dog"), **more):
        folder = tmp_path / name
        folder.mkdir(parents=True, exist_ok=True)
        data = {"labels": labels, "items": items, **more}
        (folder / "toy.json").write_text(json.dumps(data))
        return folder

    return write
