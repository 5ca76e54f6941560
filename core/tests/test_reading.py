"""What a command reads: a dataset that was named, a project, or the project one stands in."""

from __future__ import annotations

from types import ModuleType

import pytest

from dsk.cli.convert import ConvertRequest, run_convert
from dsk.cli.reading import chosen, with_source
from dsk.descriptors import ExporterInfo, ImporterInfo, Option
from dsk.errors import PluginError, UsageError
from dsk.flow import Detection, Exporter, Header, Importer, ListSource
from dsk.item import DatasetItem


class ParcelImporter(Importer):
    """Stands for dsk-project: a folder with a parcel is one."""

    def __init__(self, *, outside=False):
        self.outside = outside

    def open(self, root, ledger):
        source = ListSource([DatasetItem("a")], Header())
        source.written_as = root.text("parcel").strip()
        return source


class PlainExporter(Exporter):
    def write(self, items, ctx):
        for item in items:
            ctx.write(item.id, b"")


@pytest.fixture
def parcels(only_plugins, tmp_path, monkeypatch):
    module = ModuleType("parcel_plugin")
    module.DSK_API = (1, 0)
    module.ParcelImporter, module.PlainExporter = ParcelImporter, PlainExporter
    module.detect = lambda root: Detection(90, "a parcel") if root.is_file("parcel") else None
    module.dsk_importers = lambda: [
        ImporterInfo(
            name="project",
            target="parcel_plugin:ParcelImporter",
            detector="parcel_plugin:detect",
            options=(Option(name="outside", type=bool, default=False),),
        )
    ]
    module.dsk_exporters = lambda: [
        ExporterInfo(name="plain", target="parcel_plugin:PlainExporter")
    ]
    only_plugins(project=module)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_dataset_stays_what_it_is(parcels):
    assert chosen("x", None, "coco", ["a=1"]) == ("x", "coco", ["a=1"])


def test_a_project_is_trusted(parcels):
    assert chosen(None, "x", None, ["a=1"]) == ("x", "project", ["a=1", "outside=true"])


def test_a_dataset_may_stand_in_the_place_of_a_project(parcels):
    (parcels / "x").mkdir()
    assert chosen(None, "x", "coco", ["a=1"]) == ("x", "coco", ["a=1"])
    (parcels / "x/parcel").write_text("")
    assert chosen(None, "x", None, []) == ("x", "project", ["outside=true"])


def test_the_folder_one_stands_in_counts_if_it_is_a_project(parcels):
    with pytest.raises(UsageError, match=r"no project in this folder.*-i PATH.*-p DIR"):
        chosen(None, None, None, None)
    (parcels / "parcel").write_text("")
    assert chosen(None, None, None, None) == (".", "project", ["outside=true"])


@pytest.mark.parametrize(
    ("given", "said"),
    [(("x", "y", None, ()), "PATH and -p"), ((None, "y", "coco", ()), "formats of its own")],
)
def test_contradictions(parcels, given, said):
    with pytest.raises(UsageError, match=said):
        chosen(*given, word="PATH")


def test_projects_need_their_package(only_plugins, tmp_path, monkeypatch):
    only_plugins()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PluginError, match="pip install dsk-project"):
        chosen(None, "x", None, None)
    with pytest.raises(UsageError, match="nothing to read"):
        chosen(None, None, None, None)


@pytest.mark.parametrize("what", ["plain", ""])
def test_what_cannot_be_written_is_written_as_what_it_is_made_of(parcels, what):
    (parcels / "parcel").write_text(what)
    given = {"project": ".", "source": None, "source_format": None, "import_options": None}
    request = ConvertRequest(**with_source({**given, "output": "out"}))
    if what:
        assert run_convert(request) == 0
        assert (parcels / "out/a").is_file()
        return
    with pytest.raises(UsageError, match="read but not written"):
        run_convert(request)
