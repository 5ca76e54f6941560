"""FormatSuite on a toy format, and each of its checks on the same format with one thing wrong."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from dsk import registry as registry_module
from dsk.hooks import ENTRY_POINT_GROUP
from dsk.testing import FormatSuite

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
            if check in WITHOUT_FOLDER:
                getattr(suite, check)(*args)
            else:
                getattr(suite, check)(*args, tmp_path=tmp_path)
    finally:
        lines.fault = ""
    return str(caught.value)


WITHOUT_FOLDER = frozenset(
    {"test_is_described", "test_options_are_described", "test_options_equal_parameters", "test_aliases"}
)


@pytest.mark.parametrize(
    ("fault", "check", "args", "says"),
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
        ("media-lost", "test_round_trip_of_media_in_files", (), ""),
        ("media-bytes", "test_media_are_copied_exactly", (), "other bytes"),
        ("flat-ids", "test_ids", ("nested",), "item: is missing"),
        ("labels", "test_broken_labels", (), "label"),
        ("unlabelled", "test_unlabelled_annotations", (), "expected None"),
        ("once", "test_source_contract", (), "reading it twice"),
        ("header", "test_source_contract", (), "99"),
        ("label-range", "test_source_contract", (), "label"),
        ("parts", "test_same_bytes_for_any_jobs", (), ""),
        ("dates", "test_same_bytes_twice", (), ""),
        ("dry-writes", "test_dry_run_forecasts", (), "a dry run wrote something"),
        ("detect-none", "test_detection_of_own_output", (), ""),
        ("detect-all", "test_detection_of_nothing", (), "is taken for lines"),
        ("writes", "test_import_from_zip", (), "reading changed files"),
        ("writes", "test_missing_files", (), "changed files"),
        ("leak", "test_truncated_files", (), "DecodeError"),
        ("leak", "test_wrong_values", (), "DecodeError"),
        ("never-skips", "test_garbage_files", (), "skipping raises RecordError"),
        ("nan", "test_hostile", ("not-numbers",), ""),
        ("path", "test_hostile", ("climbing-names",), "is no clean name"),
        ("pickle", "test_hostile", ("code",), "code of the dataset was run"),
    ],
)
def test_faults_are_found(lines, tmp_path, fault, check, args, says):
    if fault in ("media-lost", "nan", "detect-none"):
        pytest.skip("see the tests below")
    assert says in _fails(lines, fault, check, tmp_path, *args)
