"""FormatSuite on a toy format, and each of its checks on the same format with one thing wrong."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from msgspec.structs import replace

from dsk import exporting, staging
from dsk import registry as registry_module
from dsk.descriptors import Capabilities, Option
from dsk.errors import DetectionError
from dsk.hooks import ENTRY_POINT_GROUP
from dsk.testing import FormatSuite, sandbox

TOYS = str(Path(__file__).parent / "toys")


@pytest.fixture(scope="module", autouse=True)
def lines():
    """The toy package, installed as the only one."""
    patch = pytest.MonkeyPatch()
    patch.syspath_prepend(TOYS)
    point = EntryPoint("lines", "dsk_lines_plugin", ENTRY_POINT_GROUP)
    patch.setattr(registry_module, "entry_points", lambda group: [point])
    registry_module.registry.cache_clear()
    import dsk_lines_code

    yield dsk_lines_code
    patch.undo()
    registry_module.registry.cache_clear()
    for name in ("dsk_lines_code", "dsk_lines_plugin"):
        sys.modules.pop(name, None)


class TestLines(FormatSuite):
    format = "lines"
    kinds = ("bbox", "caption", "label", "mask", "polygon")


def _fails(lines, fault, check, tmp_path, *args):
    """Tell what a check of a fault finds; a check that finds nothing fails the test."""
    suite = TestLines()
    lines.fault = fault
    try:
        with pytest.raises(AssertionError) as caught:
            getattr(suite, check)(*args, tmp_path=tmp_path)
    finally:
        lines.fault = ""
    return str(caught.value)


@pytest.mark.parametrize(
    "case",
    [
        ("rounding", "test_round_trip", ("bbox",), "geometry"),
        ("groups", "test_round_trip", ("bbox",), "group"),
        ("attributes", "test_round_trip_mixed", (), "colour='red' is missing"),
        ("item-attributes", "test_round_trip_mixed", (), "weather='rain' is missing"),
        ("drop-item", "test_round_trip", ("label",), "item 'b' of 'train': item: is missing"),
        ("drop-annotation", "test_round_trip", ("mask",), "is missing"),
        ("drop-annotation", "test_nothing_lost_in_silence", (), "not in the report"),
        ("drop-annotation", "test_losses_add_up", (), "the report says"),
        ("drop-annotation", "test_media_not_saved", (), "is missing"),
        ("misreport", "test_losses_add_up", (), "the report says"),
        ("misreport", "test_round_trip", ("bbox",), "nothing was lost, but"),
        ("media-bytes", "test_round_trip_of_media_in_files", (), "content changed"),
        ("media-gone", "test_round_trip_of_media_in_files", (), "is missing"),
        ("media-bytes", "test_media_are_copied_exactly", (), "other bytes"),
        ("flat-ids", "test_ids", ("nested",), "item: is missing"),
        ("labels", "test_broken_labels", (), "label"),
        ("unlabelled", "test_unlabelled_annotations", (), "expected None"),
        ("once", "test_source_contract", (), "reading it twice"),
        ("header", "test_source_contract", (), "header says"),
        ("label-range", "test_source_contract", (), "label 77"),
        ("parts", "test_same_bytes_for_any_jobs", (), ""),
        ("dates", "test_same_bytes_twice", (), ""),
        ("dry-writes", "test_dry_run_forecasts", (), "a dry run wrote something"),
        ("detect-all", "test_detection_of_nothing", (), "is taken for lines"),
        ("writes", "test_import_from_zip", (), "reading changed files"),
        ("writes", "test_missing_files", (), "changed files"),
        ("leak", "test_truncated_files", (), "DecodeError"),
        ("leak", "test_wrong_values", (), "ValidationError"),
        ("never-skips", "test_garbage_files", (), "skipping raises RecordError"),
        ("nan", "test_hostile", ("not-numbers",), "coordinates that are no numbers"),
        ("path", "test_hostile", ("climbing-names",), "is no clean name"),
        ("pickle", "test_hostile", ("code",), "code of the dataset was run"),
    ],
    ids=lambda case: f"{case[0]}-{case[1].removeprefix('test_')}",
)
def test_faults_are_found(lines, tmp_path, case):
    fault, check, args, says = case
    assert says in _fails(lines, fault, check, tmp_path, *args)


def test_undetected_output_is_found(lines, tmp_path):
    lines.fault = "detect-none"
    try:
        with pytest.raises(DetectionError):
            TestLines().test_detection_of_own_output(tmp_path)
    finally:
        lines.fault = ""


def test_hang_is_found(lines, tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox, "SECONDS", 2.0)
    assert "hangs" in _fails(lines, "hang", "test_truncated_files", tmp_path)


@pytest.mark.parametrize(
    ("change", "check", "says"),
    [
        ({"summary": ""}, "test_is_described", "no summary"),
        ({"layout": ""}, "test_is_described", "no layout"),
        (
            {"options": (Option(name="spaces", type=int, default=0),)},
            "test_options_are_described",
            "help",
        ),
        (
            {"options": (Option(name="spaces", type=int, default="0", help="x"),)},
            "test_options_are_described",
            "is no",
        ),
        (
            {"options": (Option(name="overwrite", type=bool, help="x"),)},
            "test_options_are_described",
            "core handles",
        ),
        ({"options": ()}, "test_options_equal_parameters", ""),
        (
            {"options": (Option(name="spaces", type=int, default=1, help="x"),)},
            "test_options_equal_parameters",
            "",
        ),
        ({"alias_options": {"lines_indented": {"nope": 1}}}, "test_aliases", "no option"),
        ({"alias_options": {"other": {}}}, "test_aliases", "not declared"),
        (
            {"capabilities": Capabilities(annotations=frozenset({"box"}))},
            "test_is_described",
            "box",
        ),
    ],
)
def test_wrong_descriptions_are_found(lines, monkeypatch, change, check, says):
    info = replace(TestLines.exporter(), **change)
    monkeypatch.setattr(TestLines, "exporter", classmethod(lambda cls: info))
    with pytest.raises(AssertionError) as caught:
        getattr(TestLines(), check)()
    assert says in str(caught.value)


def test_heavy_plugin_module_is_found(lines, monkeypatch, tmp_path):
    (tmp_path / "dsk_heavy_plugin.py").write_text("import numpy\nfrom dsk_lines_plugin import *\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    plugin = registry_module.registry().importers.plugins["lines"]
    monkeypatch.setattr(plugin, "module", "dsk_heavy_plugin")
    with pytest.raises(AssertionError, match="numpy"):
        TestLines().test_plugin_module_is_light()


def test_overwriting_without_being_asked_is_found(lines, monkeypatch, tmp_path):
    monkeypatch.setattr(staging.Output, "_check_free", lambda self: None)
    with pytest.raises(AssertionError, match="was overwritten"):
        TestLines().test_existing_output(tmp_path)


def test_weak_strict_is_found(lines, monkeypatch, tmp_path):
    monkeypatch.setattr(exporting, "_refuse_losses", lambda *_: None)
    with pytest.raises(AssertionError, match="strict let losses pass"):
        TestLines().test_strict_refuses_losses(tmp_path)
