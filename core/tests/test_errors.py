from __future__ import annotations

import inspect
import pickle

import pytest

from dsk import errors
from dsk.errors import (
    DetectionError,
    DskError,
    DskWarning,
    InputError,
    LimitError,
    LossError,
    MediaError,
    OptionError,
    OutputError,
    OutputExistsError,
    PluginError,
    RecordError,
    UnknownNameError,
    UnsafePathError,
    UsageError,
    did_you_mean,
)


@pytest.mark.parametrize(
    ("cls", "code"),
    [
        (DskError, 1),
        (LossError, 1),
        (UsageError, 2),
        (OptionError, 2),
        (InputError, 3),
        (RecordError, 3),
        (MediaError, 3),
        (UnsafePathError, 3),
        (OutputError, 4),
        (OutputExistsError, 4),
        (PluginError, 5),
        (LimitError, 6),
    ],
)
def test_exit_codes_are_those_of_the_manual(cls, code):
    assert cls("x").exit_code == code


def test_errors_with_other_signatures_have_their_parents_codes():
    assert UnknownNameError("format", "x", []).exit_code == 2
    assert DetectionError("x").exit_code == 3


def test_message_says_where_first_and_what_to_do_last():
    assert str(DskError("is bad", where="a.json:3", hint="mend it")) == "a.json:3: is bad (mend it)"
    assert str(DskError("is bad")) == "is bad"


def full_errors():
    return [
        DskError("m", where="w", hint="h"),
        UnknownNameError("format", "coko", ["coco", "voc"]),
        DetectionError("m", candidates=["a", "b"], hint="h"),
        RecordError("m", where="w", hint="h", item="i", annotation="17"),
        OutputExistsError("m", where="w", hint="h"),
    ]


@pytest.mark.parametrize("error", full_errors(), ids=lambda e: type(e).__name__)
def test_pickling_keeps_everything(error):
    error.extra = {"more": 1}
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is type(error)
    assert str(back) == str(error)
    assert back.args == error.args
    assert back.__dict__ == error.__dict__


def test_every_public_error_survives_pickling_with_only_a_message():
    for name in errors.__all__:
        cls = getattr(errors, name)
        if inspect.isclass(cls) and issubclass(cls, DskError) and cls is not UnknownNameError:
            assert str(pickle.loads(pickle.dumps(cls("text")))) == "text"


def test_warning_is_no_error():
    assert not issubclass(DskWarning, DskError)


def test_unknown_name_suggests_what_is_near():
    error = UnknownNameError("format", "coc", ["coco", "voc", "yolo"])
    assert "no format 'coc'" in str(error)
    assert "'coco'" in error.hint


def test_unknown_name_lists_all_when_nothing_is_near():
    error = UnknownNameError("format", "zzzzzz", ["voc", "coco"])
    assert error.hint == "known: coco, voc"


def test_unknown_name_with_nothing_installed_says_so():
    assert "no format is installed" in str(UnknownNameError("format", "coco", []))


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("COCO", "coco"),
        ("image-dir", "image_dir"),
        ("imagedir", "image_dir"),
        ("datu", "datumaro"),
        ("qqqqqqqq", None),
        ("", None),
    ],
)
def test_did_you_mean(name, found):
    text = did_you_mean(name, ["coco", "image_dir", "datumaro"])
    if found is None:
        assert text == ""
    else:
        assert repr(found) in text
        assert text.endswith("?")


def test_did_you_mean_names_at_most_three():
    assert did_you_mean("coco_a", [f"coco_{c}" for c in "bcdefg"]).count(" or ") == 2


def test_a_message_does_not_list_hundreds_of_names():
    error = UnknownNameError("format", "zzzzzz", [f"format{n}" for n in range(30)])
    assert error.hint == "'dsk formats' lists the 30 names there are"


def test_messages_are_one_line_that_steers_no_terminal():
    error = InputError("first\nsecond \x1b[31m", where="a\nb\x9b.txt", hint="\u202e")
    assert str(error) == r"a\nb\x9b.txt: first second \x1b[31m (\u202e)"


def test_messages_that_quote_long_values_are_shortened():
    error = InputError(f"the label {'x' * 5000!r} is unknown, there are 3")
    assert len(error.message) == len(str(error)) == errors.LONGEST
    assert error.message.startswith("the label 'xxx")
    assert error.message.endswith("xxx' is unknown, there are 3")
    assert len(str(InputError("is bad", where="x/" * 5000))) < 2 * errors.LONGEST
