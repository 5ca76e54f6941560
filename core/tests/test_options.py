from __future__ import annotations

from pathlib import Path

import pytest

from dsk.descriptors import Option
from dsk.errors import OptionError
from dsk.options import check_options, parse_dashed, parse_pairs

OPTIONS = (
    Option(name="name"),
    Option(name="count", type=int, default=3),
    Option(name="ratio", type=float),
    Option(name="clip", type=bool, default=True),
    Option(name="tasks", type="list"),
    Option(name="folder", type="path"),
    Option(name="mode", choices=("fast", "exact")),
    Option(name="kinds", type="list", choices=("a", "b")),
    Option(name="level", type=int, choices=("1", "2")),
    Option(name="no_data", type=int),
)


def check(**given):
    return check_options("exporter x", OPTIONS, given)


@pytest.mark.parametrize(
    ("name", "value", "result"),
    [
        ("name", "x", "x"),
        ("name", "", ""),
        ("name", 5, "5"),
        ("name", None, None),
        ("count", "12", 12),
        ("count", "-1", -1),
        ("count", 2.0, 2),
        ("ratio", "0.5", 0.5),
        ("ratio", 1, 1.0),
        ("clip", "yes", True),
        ("clip", "Off", False),
        ("clip", True, True),
        ("clip", 0, False),
        ("tasks", "a, b,,c", ["a", "b", "c"]),
        ("tasks", "", []),
        ("tasks", ("a", "b"), ["a", "b"]),
        ("folder", Path("/x/y"), "/x/y"),
        ("mode", "fast", "fast"),
        ("kinds", "b,a", ["b", "a"]),
        ("level", "2", 2),
        ("level", 1, 1),
    ],
)
def test_values_get_their_declared_types(name, value, result):
    checked = check(**{name: value})[name]
    assert checked == result
    assert type(checked) is type(result)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("count", "x"),
        ("count", "1.5"),
        ("count", 1.5),
        ("count", True),
        ("count", float("inf")),
        ("count", [1]),
        ("ratio", "half"),
        ("ratio", True),
        ("clip", "maybe"),
        ("clip", 2),
        ("name", True),
        ("tasks", 5),
        ("tasks", True),
    ],
)
def test_values_of_another_type_are_refused(name, value):
    with pytest.raises(OptionError, match=rf"exporter x: option {name} takes a .*, not "):
        check(**{name: value})


@pytest.mark.parametrize(
    ("name", "value", "choices"),
    [("mode", "quick", "fast, exact"), ("kinds", "a,c", "a, b"), ("level", 3, "1, 2")],
)
def test_values_that_are_no_choice_are_refused(name, value, choices):
    with pytest.raises(OptionError, match=f"one of: {choices}"):
        check(**{name: value})


def test_only_given_options_are_returned():
    assert check() == {}


def test_dashes_are_underscores():
    options = (Option(name="save_all", type=bool),)
    assert check_options("x", options, {"save-all": "1"}) == {"save_all": True}
    assert check_options("x", options, {"--save-all": "1"}) == {"save_all": True}


def test_no_before_a_name_turns_it_off():
    assert check(no_clip=True) == {"clip": False}
    assert check_options("x", OPTIONS, {"no-clip": True}) == {"clip": False}


def test_a_name_that_begins_with_no_is_itself():
    assert check(no_data="5") == {"no_data": 5}


def test_no_before_what_is_no_switch_is_refused():
    with pytest.raises(OptionError, match="count takes a int"):
        check(no_count=True)


def test_an_unknown_name_suggests_what_is_near():
    with pytest.raises(
        OptionError, match=r"exporter x has no option 'cuont'.*did you mean count"
    ) as caught:
        check(cuont=1)
    assert caught.value.exit_code == 2


def test_an_unknown_name_lists_all_when_nothing_is_near():
    with pytest.raises(OptionError, match="it has: clip, count, folder"):
        check(zzzzzz=1)
    with pytest.raises(OptionError, match="it has no options"):
        check_options("x", (), {"a": 1})


def test_pairs():
    assert parse_pairs(["a=1", "b", "c-d=x=y", "e="]) == {
        "a": "1",
        "b": True,
        "c_d": "x=y",
        "e": "",
    }
    assert parse_pairs([]) == {}


@pytest.mark.parametrize(
    ("words", "values"),
    [
        ([], {}),
        (["--save-media"], {"save_media": True}),
        (["--a", "1", "--b"], {"a": "1", "b": True}),
        (["--a=1=2", "--b="], {"a": "1=2", "b": ""}),
        (["--no-clip", "--tasks", "a,b"], {"no_clip": True, "tasks": "a,b"}),
        (["--shift", "-5"], {"shift": "-5"}),
        (["--a", "1", "--a", "2"], {"a": "2"}),
        (["--a", "--"], {"a": "--"}),
    ],
)
def test_dashed_words(words, values):
    assert parse_dashed(words) == values


@pytest.mark.parametrize("words", [["x"], ["--a", "1", "2"], ["--a=1", "2"], ["-a"]])
def test_words_that_belong_to_no_option_are_refused(words):
    with pytest.raises(OptionError, match="is no option"):
        parse_dashed(words)


FLAGS = (
    Option(name="label", type="mapping", short="l"),
    Option(name="ids", type="list", short="i"),
    Option(name="count", type=int, short="k"),
    Option(name="working_distance", type=float, short="dw"),
    Option(name="exact", type=bool, short="e"),
    Option(name="pattern", short="p"),
)


def dashed(*words):
    return check_options("transform x", FLAGS, parse_dashed(words, FLAGS))


@pytest.mark.parametrize(
    ("words", "values"),
    [
        (["-l", "person:car", "-l", "bus:bus"], {"label": {"person": "car", "bus": "bus"}}),
        (["--label", "a:.5", "--label=b:.2"], {"label": {"a": ".5", "b": ".2"}}),
        (["-l", "a:b,c:d", "--label", "e:"], {"label": {"a": "b", "c": "d", "e": ""}}),
        (["-l", r"a\:b:c\,d"], {"label": {"a:b": "c,d"}}),
        (["-i", "a,b", "-i", r"c\,d"], {"ids": ["a", "b", "c,d"]}),
        (["-k", "20"], {"count": 20}),
        (["-k=20"], {"count": 20}),
        (["-k", "-5"], {"count": -5}),
        (["-k", "1", "-k", "2"], {"count": 2}),
        (["-dw", "100"], {"working_distance": 100.0}),
        (["--working-distance", "-.5"], {"working_distance": -0.5}),
        (["-e"], {"exact": True}),
        (["-e", "0", "-k", "1"], {"exact": False, "count": 1}),
        (["-e", "-k", "1"], {"exact": True, "count": 1}),
        (["--no-exact"], {"exact": False}),
        (["--exact", "--no-exact"], {"exact": False}),
        (["-p", "--x"], {"pattern": "--x"}),
        (["-p", "-x"], {"pattern": "-x"}),
        (["-p", "|a(\\d+)|\\1|"], {"pattern": "|a(\\d+)|\\1|"}),
        (["-p", ""], {"pattern": ""}),
        (["--pattern=-k"], {"pattern": "-k"}),
    ],
)
def test_declared_dashed_words(words, values):
    assert dashed(*words) == values


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-k"], "option -k needs a value"),
        (["-p", "-k", "1"], "option -p needs a value"),
        (["-p", "--label", "a:b"], "option -p needs a value"),
        (["-z", "1"], r"'-z' is no option \(it has: --label"),
        (["-labl", "a:b"], "'-labl' is no option.*did you mean '--label'"),
        (["-e", "x"], "'x' is no option"),
        (["--no-exact", "1"], "'1' is no option"),
        (["--lable", "a:b"], "no option 'lable'.*did you mean label"),
        (["-l", "a"], "option label takes a mapping, not 'a'.*write a:b"),
        (["-l", "a:b:c"], r"takes a mapping.*a\\:b holds a colon"),
        (["-l", "a:b", "-l", "a:c"], "takes a mapping.*each a once"),
    ],
)
def test_declared_dashed_words_that_make_no_sense(words, message):
    with pytest.raises(OptionError, match=message):
        dashed(*words)


@pytest.mark.parametrize(
    ("given", "result"),
    [
        ({"train": 0.5, "val": 1}, {"train": "0.5", "val": "1"}),
        ([("a", "b"), ("c", "d")], {"a": "b", "c": "d"}),
        (["a:b", "c:"], {"a": "b", "c": ""}),
        ("a:b, c:d", {"a": "b", "c": "d"}),
        ("", {}),
        ({}, {}),
    ],
)
def test_a_mapping_from_python(given, result):
    assert check_options("x", FLAGS, {"label": given}) == {"label": result}


@pytest.mark.parametrize("given", [5, True, {"a": None}, {"a": True}, {1: "a"}, [("a",)], ["a"]])
def test_what_is_no_mapping_is_refused(given):
    with pytest.raises(OptionError, match="option label takes a mapping"):
        check_options("x", FLAGS, {"label": given})


def test_texts_of_a_python_list_are_not_split():
    assert check_options("x", FLAGS, {"ids": ["a,b"]}) == {"ids": ["a,b"]}


def test_choices_of_a_mapping_are_those_of_its_values():
    options = (Option(name="side", type="mapping", choices=("left", "right")),)
    assert check_options("x", options, {"side": "a:left"}) == {"side": {"a": "left"}}
    with pytest.raises(OptionError, match="option side cannot be 'up'"):
        check_options("x", options, {"side": "a:left,b:up"})


def test_pairs_are_collected_for_what_collects():
    words = ["label=a:b", "l=c:d", "k=1", "count=2", "e"]
    pairs = parse_pairs(words, FLAGS)
    assert check_options("x", FLAGS, pairs) == {
        "label": {"a": "b", "c": "d"},
        "count": 2,
        "exact": True,
    }


def test_pairs_of_unknown_options_are_kept_until_the_type_is_known():
    pairs = parse_pairs(["label=a:b", "label=c:d", "count=1", "count=2"])
    assert check_options("x", FLAGS, pairs) == {"label": {"a": "b", "c": "d"}, "count": 2}


def test_other_names_of_an_option():
    options = (Option(name="subset", type="mapping", short="s", aliases=("splits",)),)
    assert check_options("x", options, {"splits": {"a": 1}}) == {"subset": {"a": "1"}}
    assert parse_dashed(["--splits", "a:1", "-s", "b:2"], options) == {"subset": ["a:1", "b:2"]}
    assert parse_pairs(["splits=a:1"], options) == {"subset": "a:1"}
