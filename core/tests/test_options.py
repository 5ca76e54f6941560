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
