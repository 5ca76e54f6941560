from __future__ import annotations

import json

import pytest

from dsk.errors import RecordError, UsageError
from dsk.loss import CODES, LOSING, MAX_BAD, MAX_SORTS, SAMPLES, Ledger


def test_labels_that_nothing_has():
    ledger = Ledger()
    ledger.unused_labels(3, [{0}, set(), {2, 0}], "box", "an option")
    ledger.unused_labels(2, [{0}, {1}], "image")
    (event,) = ledger.events.values()
    assert (event.code, event.what, event.count) == ("DSK-L010", "labels that no box has", 1)
    assert event.hint == "an option"


def filled(count=1, item="a", warning="odd"):
    ledger = Ledger("skip")
    ledger.items_in = ledger.items_out = 3
    ledger.annotations_in = 10
    ledger.media_saved = 2
    ledger.media_named = 3
    ledger.add("DSK-L001", "label not held", kind="label", count=count, item=item, subset="train")
    ledger.bad_record(RecordError("broken", where="f:1", item=item))
    ledger.warn(warning)
    return ledger


def test_every_code_has_an_effect_that_is_known():
    known = LOSING | {"split", "merged", "note", "removed"}
    assert {effect for effect, _ in CODES.values()} <= known
    assert sorted(CODES) == list(CODES)


def test_events_are_counted_by_code_what_and_kind():
    ledger = Ledger()
    for _ in range(3):
        ledger.add("DSK-L003", "polygon→bbox", kind="polygon")
    ledger.add("DSK-L003", "mask→bbox", kind="mask", count=5)
    counts = {(e.what, e.kind): e.count for e in ledger.events.values()}
    assert counts == {("polygon→bbox", "polygon"): 3, ("mask→bbox", "mask"): 5}
    assert ledger.total("changed") == 8


def test_only_a_few_places_are_kept():
    ledger = Ledger()
    for n in range(SAMPLES + 10):
        ledger.add("DSK-L001", "x", item=f"i{n}", annotation=n)
    (event,) = ledger.events.values()
    assert event.count == SAMPLES + 10
    assert [s.item for s in event.samples] == [f"i{n}" for n in range(SAMPLES)]


def test_an_unknown_code_is_noticed():
    ledger = Ledger()
    ledger.add("DSK-L999", "x")
    with pytest.raises(KeyError):
        ledger.report()


def test_a_bad_record_is_raised_or_counted():
    error = RecordError("broken", where="f:1", item="a", annotation=4)
    with pytest.raises(RecordError) as caught:
        Ledger().bad_record(error)
    assert caught.value is error
    ledger = Ledger("skip")
    ledger.bad_record(error)
    report = ledger.report()
    assert (report.errors, report.bad[0].where, report.bad[0].annotation) == (1, "f:1", 4)
    assert [e.code for e in report.losses] == ["DSK-L021"]


def test_adding_up_shares_gives_what_one_ledger_would_have():
    total = Ledger("skip")
    total.merge(filled(2, "a"))
    total.merge(filled(3, "b", "strange"))
    (event,) = [e for e in total.events.values() if e.code == "DSK-L001"]
    assert (event.count, [s.item for s in event.samples]) == (5, ["a", "b"])
    assert (total.items_in, total.items_out, total.annotations_in, total.media_saved) == (
        6,
        6,
        20,
        4,
    )
    assert total.media_named == 6
    assert total.warnings == {"odd": 1, "strange": 1}
    assert (total.bad_count, [b.item for b in total.bad]) == (2, ["a", "b"])


def test_sorts_and_warnings_without_end_are_counted_only():
    shares = [Ledger("skip"), Ledger("skip")]
    for number in range(MAX_SORTS + 5):
        share = shares[number % 2]
        share.warn(f"file {number} is odd")
        share.bad_record(RecordError(f"{number} is no number", item="a"))
    total = Ledger("skip")
    for share in shares:
        total.merge(share)
    assert len(total.events) == len(total.warnings) == MAX_SORTS + 1
    assert total.warnings["further ones"] == 5
    further = total.events["DSK-L021", "further ones", ""]
    assert (further.count, len(further.samples)) == (5, SAMPLES)
    assert sum(e.count for e in total.events.values()) == MAX_SORTS + 5


def test_adding_up_leaves_the_shares_as_they_are():
    share, other = filled(2, "a"), filled(3, "b")
    before = json.dumps(share.report().to_dict())
    total = Ledger("skip")
    total.merge(share)
    total.merge(other)
    assert json.dumps(share.report().to_dict()) == before


def test_adding_up_keeps_few_places_and_a_hint():
    total, first = Ledger(), Ledger()
    first.add("DSK-L001", "x", count=1, item="i")
    total.merge(first)
    for n in range(SAMPLES * 2):
        share = Ledger()
        share.add("DSK-L001", "x", item=f"i{n}")
        total.merge(share)
    (event,) = total.events.values()
    assert (event.count, len(event.samples)) == (1 + SAMPLES * 2, SAMPLES)


def test_bad_records_are_kept_up_to_a_limit(monkeypatch):
    monkeypatch.setattr("dsk.loss.MAX_BAD", 3)
    ledger = Ledger("skip")
    for n in range(5):
        ledger.bad_record(RecordError("broken", where=f"f:{n}"))
    total = Ledger("skip")
    total.merge(ledger)
    total.merge(ledger)
    assert (len(total.bad), total.bad_count) == (3, 10)
    assert MAX_BAD > 1000


def test_the_numbers_of_a_report_add_up():
    ledger = Ledger()
    ledger.annotations_in = 100
    for code, count in [
        ("DSK-L001", 5),
        ("DSK-L013", 7),
        ("DSK-L014", 3),
        ("DSK-L019", 2),
        ("DSK-L003", 50),
    ]:
        ledger.add(code, "x", count=count)
    numbers = ledger.report().annotations
    assert numbers == {
        "in": 100,
        "out": 97,
        "changed": 50,
        "dropped": 5,
        "merged": 3,
        "split": 7,
        "removed": 2,
    }


@pytest.mark.parametrize("code", CODES)
def test_losses_are_the_effects_that_strict_refuses(code):
    ledger = Ledger()
    ledger.add(code, "x")
    loses = CODES[code][0] in {"dropped", "changed", "field", "item", "media", "bad"}
    assert bool(ledger.losses()) == bool(ledger.report().losses) == loses


def test_losses_come_most_important_first():
    ledger = Ledger()
    for code, count in [
        ("DSK-L004", 99),
        ("DSK-L003", 50),
        ("DSK-L001", 1),
        ("DSK-L002", 2),
        ("DSK-L008", 1),
    ]:
        ledger.add(code, "x", count=count)
    assert [e.code for e in ledger.losses()] == [
        "DSK-L008",
        "DSK-L002",
        "DSK-L001",
        "DSK-L003",
        "DSK-L004",
    ]


def test_a_report_is_plain_json_with_effects():
    plain = filled().report(seconds=1.23456, output="/out").to_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert plain["seconds"] == 1.235
    assert plain["output"] == "/out"
    assert [e["effect"] for e in plain["events"]] == ["dropped", "bad"]
    assert plain["events"][0]["samples"] == [{"item": "a", "subset": "train", "annotation": 0}]
    assert "bad" not in plain


def test_the_policy_for_bad_records_is_one_of_two():
    with pytest.raises(UsageError, match="on_error"):
        Ledger("ignore")


def test_a_bad_record_with_a_long_message_is_told_by_its_beginning():
    ledger = Ledger("skip")
    ledger.bad_record(RecordError("the mask leaves its image " * 5, where="f:1", item="a"))
    (event,) = ledger.events.values()
    assert event.what.startswith("the mask leaves its image the mask")
    assert len(event.what) <= 80
    assert ledger.bad[0].message == "the mask leaves its image " * 5
