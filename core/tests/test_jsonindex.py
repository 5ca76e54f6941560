from __future__ import annotations

import json

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsk import jsonindex
from dsk.errors import InputError, RecordError
from dsk.grouping import group_rows
from dsk.jsonindex import scan
from dsk.loss import Ledger

ARRAYS = {"images": ("id",), "annotations": ("id", "image_id")}
SMALL = {
    "info": {"year": 2020, "text": 'a "quoted" \\ {brace'},
    "images": [{"id": 1, "file_name": "a{.jpg"}, {"id": 2, "file_name": "b.jpg"}],
    "categories": [{"id": 7, "name": "cat"}],
    "annotations": [
        {"id": 10, "image_id": 1, "bbox": [1.5, 2, 3, 4], "attributes": {"deep": {"er": []}}},
        {"id": 11, "image_id": 2, "bbox": [0, 0, 1e3, 4], "note": "}],"},
        {"id": 12, "image_id": 1, "bbox": []},
    ],
}


@pytest.fixture(params=[4 << 20, 64, 1], ids=["window", "small-window", "tiny-window"])
def window(request, monkeypatch):
    """Sizes of the window in which records are looked for."""
    monkeypatch.setattr(jsonindex, "WINDOW", request.param)
    return request.param


def run(text, arrays=ARRAYS, on_error="raise"):
    data = text if isinstance(text, bytes) else text.encode()
    return scan(memoryview(data), arrays, "ann.json", Ledger(on_error))


def values(result):
    """All that a scan found, as plain values."""
    found = {key: json.loads(bytes(raw)) for key, raw in result.rest.items()}
    for key, records in result.records.items():
        found[key] = [json.loads(bytes(records.raw(row))) for row in range(len(records))]
    return found


def check_same(text, arrays=ARRAYS):
    """A scan finds exactly what the standard library reads, for several columns and one."""
    data = text if isinstance(text, bytes) else text.encode()
    check_found(data, arrays)
    for at in range(max(map(len, arrays.values()))):
        check_found(data, {key: fields[at : at + 1] for key, fields in arrays.items()})


def check_found(data, arrays):
    expected = json.loads(data.decode("utf-8-sig"))
    result = run(data, arrays)
    assert values(result) == expected
    for key, fields in arrays.items():
        if key in expected:
            records = result.records[key]
            for field in fields:
                wanted = [record.get(field, -1) for record in expected[key]]
                assert records.columns[field].tolist() == wanted
            rows = list(range(len(records)))
            assert json.loads(records.joined(rows)) == expected[key]
            assert json.loads(records.span(0, len(records))) == expected[key]
        else:
            assert key not in result.records


@pytest.mark.parametrize("indent", [None, 0, 2, "\t"])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_any_layout_of_a_file_is_read(window, indent, reverse, bom):
    content = dict(reversed(SMALL.items())) if reverse else SMALL
    check_same(bom + json.dumps(content, indent=indent).encode())
    check_same(bom + json.dumps(content, indent=indent, separators=(" ,\r\n", "\t: ")).encode())


@pytest.mark.parametrize(
    "records",
    [
        '{"id":1,"a":"x},y"},{"id":2}',
        '{"id":1,"a":"x},{y"},{"id":2}',
        '{"id":1,"a":"x}"},{"id":2}',
        '{"a":"x},{","id":1},{"id":2}',
        '{"a":"\\"id\\":5,","id":1},{"id":2}',
        '{"id":1,"id":7},{"a":2}',
        '{"a":{"id":4}},{"id":2}',
        '{"a":"{}","id":1},{"id":1e1}',
        '{"id":"1"},{"id":2}',
        '{"\\u0069d":3},{"id":2}',
    ],
)
def test_one_column_in_odd_text(window, records):
    text = f'{{"images":[{records}]}}'
    found = run(text, {"images": ("id",)}).records["images"]
    wanted = [int(record.get("id", -1)) for record in json.loads(text)["images"]]
    assert found.columns["id"].tolist() == wanted
    assert json.loads(found.span(0, len(found))) == json.loads(text)["images"]


KEYS = st.sampled_from(["id", "image_id", "images", "annotations", "x", 'q"', "{", "é", "\\"])
TEXTS = st.one_of(
    st.text(st.sampled_from('{}[],:"\\ \n\té日👍ab'), max_size=10),
    st.sampled_from(['"annotations": [', '},{"', '"}', "{", "}", '\\"', '"images":[{}]', "x},y"]),
    st.sampled_from(['"image_id": 5,', '{"id":1}', '"id":1},', ',"id" : 2 }, {']),
    st.text(max_size=5),
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
NUMBERS = st.integers(-(2**63), 2**63 - 1)
RECORDS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "id": NUMBERS,
            "image_id": NUMBERS,
            "text": TEXTS,
            "value": VALUES,
            'k}{"': VALUES,
        },
    ),
    max_size=6,
)
DOCUMENTS = st.tuples(
    st.fixed_dictionaries(
        {},
        optional={
            "info": VALUES,
            "images": RECORDS,
            "annotations": RECORDS,
            "x": VALUES,
            '"': VALUES,
        },
    ),
    st.sampled_from([None, 0, 1, "\t"]),
    st.booleans(),
    st.sampled_from([1, 20, 100, 4 << 20]),
    st.randoms(use_true_random=False),
)


@settings(
    max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(DOCUMENTS)
def test_any_document_is_read_as_the_standard_library_does(monkeypatch, document):
    content, indent, ascii_only, size, random = document
    keys = list(content)
    random.shuffle(keys)
    monkeypatch.setattr(jsonindex, "WINDOW", size)
    check_same(json.dumps({k: content[k] for k in keys}, indent=indent, ensure_ascii=ascii_only))


@pytest.mark.parametrize("name", ["images", "annotations"])
def test_a_nested_key_of_the_same_name_is_not_taken(window, name):
    for nested in ([1, 2], [{"id": 5}], [], "x", {"a": 1}, None):
        check_same(json.dumps({"info": {name: nested}, **SMALL}))
        check_same(json.dumps({"info": [{name: nested}], "x": f'"{name}": [', **SMALL}))
        check_same(json.dumps({**SMALL, "info": {name: nested}}))


@pytest.mark.parametrize("name", ["images", "annotations"])
def test_a_nested_key_is_not_taken_for_an_empty_array_either(window, name):
    for nested in ({name: [{"id": 5}]}, {name: []}):
        result = run(json.dumps({"info": nested, name: []}))
        assert len(result.records[name]) == 0
        assert json.loads(bytes(result.rest["info"])) == nested


def test_a_key_inside_a_record_is_not_taken(window):
    content = {"images": [{"id": 1, "annotations": [{"id": 2}]}], "annotations": [{"id": 3}]}
    check_same(json.dumps(content))
    del content["annotations"]
    check_same(json.dumps(content))


def test_a_key_spelt_with_escapes_is_found(window):
    text = json.dumps(SMALL).replace('"annotations"', '"\\u0061nnotations"')
    check_same(text)


def test_an_object_without_the_arrays_has_no_records(window):
    check_same('{"info": {}}')
    check_same("{}")


def test_braces_in_strings_never_mislead(window):
    texts = ["}", "{", "},{", '"}', '\\"},{\\"', "}}}", "{{{", "]", '},{"id":9},{']
    records = [{"id": n, "text": text} for n, text in enumerate(texts * 3)]
    check_same(json.dumps({"annotations": records}))


def test_braces_in_strings_that_balance_over_several_records_never_mislead():
    check_same('{"annotations": [{"a":"},{"},{"s":"{"},{"s":"}"}]}')


def test_records_over_the_border_of_windows(monkeypatch):
    records = [{"id": n, "image_id": n // 3, "pad": "x" * (n % 37)} for n in range(300)]
    text = json.dumps({"annotations": records, "images": [{"id": 1}]})
    for size in (2, 50, 51, 52, 53, 1000):
        monkeypatch.setattr(jsonindex, "WINDOW", size)
        check_same(text)


def test_the_result_refers_to_the_text_and_copies_nothing(window):
    data = json.dumps(SMALL).encode()
    records = run(data).records["annotations"]
    assert records.raw(0).obj is data
    assert records.starts.dtype == np.uint64


# --- damaged files -------------------------------------------------------------------------------


@pytest.mark.parametrize("indent", [None, 1])
def test_a_file_cut_off_anywhere_is_an_input_error(window, indent):
    data = json.dumps(SMALL, indent=indent, ensure_ascii=False).encode()
    for size in range(len(data)):
        with pytest.raises(InputError):
            run(data[:size])


def test_a_cut_off_file_says_so():
    with pytest.raises(InputError, match="ends early: the file is truncated"):
        run(json.dumps(SMALL)[:-40])


def test_any_changed_byte_gives_data_or_an_input_error(window):
    records = {"annotations": SMALL["annotations"][1:], "x": [1]}
    data = json.dumps(records).encode()
    for at in range(len(data)):
        for value in b'"{}],\\\xff':
            changed = data[:at] + bytes([value]) + data[at + 1 :]
            try:
                result = run(changed)
                values(result)
            except (InputError, UnicodeDecodeError):
                continue
            except json.JSONDecodeError as error:
                assert "control character" in str(error)  # noqa: PT017 - and nothing else


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "null",
        "[]",
        "5",
        '"x"',
        "{",
        "}",
        "nonsense",
        '{"annotations": [}',
        '{"annotations": [{]}',
        '{"annotations": [{}',
        '{"annotations": [{}]',
        '{"annotations": [{},]}',
        '{"annotations": [,{}]}',
        '{"annotations": [{}{}]}',
        '{"annotations": [{} {}]}',
        '{"annotations": [{};{}]}',
        '{"annotations": [1]}',
        '{"annotations": ["x"]}',
        '{"annotations": [null]}',
        '{"annotations": [[]]}',
        '{"annotations": [{}, 1]}',
        '{"annotations": [{}]}}',
        '{"annotations": [{}]} x',
        '{"annotations": [{"id": 1,}]}',
        '{"annotations": [{id: 1}]}',
        "{'annotations': []}",
        '{"annotations": [{"a": "\n"}]}',
        '{"info": NaN}',
        '{"annotations": [{}], "info": Infinity}',
    ],
)
def test_what_is_no_such_document_is_an_input_error(window, text):
    with pytest.raises(InputError, match=r"^ann\.json"):
        run(text)


@pytest.mark.parametrize(
    ("number", "where"),
    [("NaN", "#/info/years/1: "), ("-Infinity", "#/info/years/1: "), ("nan", "byte"), ("inf", "")],
)
def test_numbers_that_json_does_not_know_are_named(window, number, where):
    with pytest.raises(InputError, match="NaN and Infinity are no JSON numbers") as caught:
        run(f'{{"annotations": [{{}}], "info": {{"no": {{}}, "years": [[], {number}]}}}}')
    assert where in str(caught.value)


def test_a_number_that_json_does_not_know_is_found_in_its_record(window):
    """Texts may look like it."""
    with pytest.raises(InputError, match=r"one is in its a/b$") as caught:
        run('{"annotations": [{"t": "[NaN"}, {"t": "[NaN", "a": {"b": [[1], [2, NaN]]}}]}')
    assert caught.value.where.endswith("#/annotations/1")


def test_text_that_is_no_utf8_is_an_input_error(window):
    with pytest.raises(InputError):
        run(b'\xff\xfe{\0"\0')
    with pytest.raises(InputError):
        run(b'{"a\xff": 1}')


@pytest.mark.parametrize("place", ['{"info": %s}', '{"annotations": [{"a": %s}]}', "%s"])
def test_deep_nesting_is_an_input_error(window, place):
    for deep in ("[" * 100_000, "[" * 100_000 + "]" * 100_000, '{"a":' * 100_000):
        with pytest.raises(InputError):
            run(place % deep)


# --- bad records ---------------------------------------------------------------------------------

GOOD = ['{"id": 1, "image_id": 5}', '{"id": 2, "image_id": 6, "t": "}{"}', '{"id": 3}']
BAD = [
    '{"id": "x"}',
    '{"id": null}',
    '{"id": 1.5}',
    '{"id": []}',
    '{"id": NaN}',
    '{"score": NaN}',
    '{"a": [1, -Infinity]}',
    "5",
    "null",
    "[]",
    '"}, {"',
    '[{"id": 4}]',
]


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_record_is_an_error_with_its_place(window, bad):
    text = f'{{"annotations": [{GOOD[0]}, {bad}, {GOOD[1]}]}}'
    with pytest.raises(RecordError, match=r"ann\.json#/annotations/1"):
        run(text)


@pytest.mark.parametrize("bad", BAD)
def test_bad_records_are_skipped_and_counted_on_request(window, bad):
    text = f'{{"annotations": [{bad}, {GOOD[0]}, {bad}, {GOOD[1]}, {GOOD[2]}, {bad}]}}'
    ledger = Ledger("skip")
    result = scan(memoryview(text.encode()), ARRAYS, "ann.json", ledger)
    records = result.records["annotations"]
    assert records.columns["id"].tolist() == [1, 2, 3]
    assert records.columns["image_id"].tolist() == [5, 6, -1]
    assert [bytes(records.raw(n)).decode() for n in range(3)] == GOOD
    assert ledger.bad_count == 3
    assert [b.where for b in ledger.bad] == [f"ann.json#/annotations/{n}" for n in (0, 2, 5)]


def test_bad_records_of_a_document_that_is_scanned_twice_count_once():
    """A nested key of the same name makes the first scan worthless."""
    text = '{"info": {"annotations": [{"id": "x"}]}, "annotations": [{"id": "y"}, {"id": 1}]}'
    ledger = Ledger("skip")
    result = scan(memoryview(text.encode()), ARRAYS, "ann.json", ledger)
    assert result.records["annotations"].columns["id"].tolist() == [1]
    assert [b.where for b in ledger.bad] == ["ann.json#/annotations/0"]


@pytest.mark.parametrize(
    "bad", ['{"t": "\\ud83d"}', '{"id": "\\udc00"}', '{"t": 01}', '{"t": "\\x"}']
)
def test_records_that_only_one_parser_takes_are_not_lost_in_silence(window, bad):
    text = f'{{"annotations": [{GOOD[0]}, {bad}, {GOOD[2]}]}}'
    ledger = Ledger("skip")
    try:
        records = scan(memoryview(text.encode()), ARRAYS, "f", ledger).records["annotations"]
    except InputError:
        return
    assert len(records) + ledger.bad_count == 3
    assert len(records) >= 2


def test_all_records_bad(window):
    ledger = Ledger("skip")
    text = '{"annotations": [{"id": "x"}, {"id": "y"}]}'
    result = scan(memoryview(text.encode()), ARRAYS, "ann.json", ledger)
    assert len(result.records["annotations"]) == 0
    assert ledger.bad_count == 2


def test_numbers_as_text_and_whole_floats_are_numbers(window):
    records = run('{"annotations": [{"id": "17"}, {"id": 4.0}]}').records["annotations"]
    assert records.columns["id"].tolist() == [17, 4]


def test_ids_as_text_with_leading_zeros_are_numbers(window):
    ledger = Ledger()
    text = '{"images": [{"id": "000139"}, {"id": "12", "t": "}{"}, {"id": 4.0}, {}]}'
    records = scan(memoryview(text.encode()), {"images": ("id",)}, "f", ledger).records["images"]
    assert records.columns["id"].tolist() == [139, 12, 4, -1]
    assert list(ledger.warnings) == ["f: ids written as text are read as numbers"]


def test_a_number_too_large_for_the_index_is_an_input_error_with_its_place(window):
    ledger = Ledger("skip")
    text = '{"annotations": [{"id": "x"}, {"id": 1}, {"id": 99999999999999999999999}]}'
    with pytest.raises(InputError, match=r"ann\.json#/annotations/2: its id has more than 64 bits"):
        scan(memoryview(text.encode()), ARRAYS, "ann.json", ledger)


def test_null_is_an_array_that_is_not_there(window):
    result = run('{"annotations": null, "a": 1}')
    assert result.records == {}
    assert list(result.rest) == ["a"]


def test_a_value_that_is_no_list_is_told(window):
    for value in ("5", '"x"', "{}"):
        with pytest.raises(InputError, match="'annotations' is no list"):
            run(f'{{"annotations": {value}}}')


# --- rows ----------------------------------------------------------------------------------------


@given(st.lists(st.integers(-1, 5), max_size=40))
def test_rows_are_grouped_in_order(groups):
    order, starts = group_rows(np.array(groups, np.int64), 6)
    for group in range(6):
        rows = order[starts[group] : starts[group + 1]].tolist()
        assert rows == [row for row, g in enumerate(groups) if g == group]


def test_many_groups_are_ordered_by_all_their_digits():
    groups = np.random.default_rng(3).integers(-1, 200_000, 50_000)
    order, starts = group_rows(groups, 200_000)
    assert order.tolist() == [n for n in np.argsort(groups, kind="stable") if groups[n] >= 0]
    assert np.array_equal(np.diff(starts), np.bincount(groups[groups >= 0], minlength=200_000))


def test_records_are_decoded_in_any_order():
    class Record(msgspec.Struct):
        id: int

    records = run(json.dumps(SMALL)).records["annotations"]
    decoder = msgspec.json.Decoder(list[Record])
    assert [r.id for r in decoder.decode(records.joined([2, 0]))] == [12, 10]
    assert [r.id for r in decoder.decode(records.joined(np.array([1, 1])))] == [11, 11]
    assert records.span(1, 1) == b"[]"
    assert json.loads(records.span(1, 3)) == SMALL["annotations"][1:]
