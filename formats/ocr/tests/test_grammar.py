"""The lines of text files, as they are in the wild."""

from __future__ import annotations

import pytest

from dsk_ocr.grammar import parse_region, parse_word
from dsk_ocr.quoting import quoted, unquoted

QUAD = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]


@pytest.mark.parametrize(
    ("line", "numbers", "text", "script"),
    [
        ('38 43 920 215 "Tiredness"', [38, 43, 920, 215], "Tiredness", ""),
        ('38, 43, 920, 215, "x"', [38, 43, 920, 215], "x", ""),
        ("38,43,920,215,x, y", [38, 43, 920, 215], "x, y", ""),
        ("1.5 2 3 4.25", [1.5, 2, 3, 4.25], "", ""),
        ("1,2,3,4,5,6,7,8,Genaxis Theatre", QUAD, "Genaxis Theatre", ""),
        ("1,2,3,4,5,6,7,8,$1,000", QUAD, "$1,000", ""),
        ("1,2,3,4,5,6,7,8,06", QUAD, "06", ""),
        ("1,2,3,4,5,6,7,8,###", QUAD, "###", ""),
        ("1,2,3,4,5,6,7,8,", QUAD, "", ""),
        ("1,2,3,4,5,6,7,8", QUAD, "", ""),
        ('1,2,3,4,5,6,7,8,"a, ""b"', QUAD, 'a, ""b', ""),
        ("1,2,3,4,5,6,7,8,Latin,the, end", QUAD, "the, end", "Latin"),
        ("1,2,3,4,5,6,7,8,Korean", QUAD, "Korean", ""),
        ("1 2 3 4 5 6 7 8 word", QUAD, "word", ""),
        ("1,2,3,4,5,6,7,8,9,10,11,12,word", [*QUAD, 9, 10, 11, 12], "word", ""),
        ('1,2,3,4,5,6,7,8,9,10,"word"', [*QUAD, 9, 10], "word", ""),
        ('1,2,3,4,5,6,7,8,"7"', QUAD, "7", ""),
        ('1,2,3,4,5,6,7,8,9,10,Latin,"7"', [*QUAD, 9, 10], "7", "Latin"),
        ("1,2,3,4,5,6,7,8,9,10,11,12,Latin,7", [*QUAD, 9, 10, 11, 12], "7", "Latin"),
        ("1,2,3,4,5,6,7,8,9,Latin,x", QUAD, "9,Latin,x", ""),
        ("1,2,3,4,5,6", QUAD[:6], "", ""),
        ('1,2,3,4,5,6,"7"', QUAD[:6], "7", ""),
        ("1,2,3,4,5,6,word", QUAD[:4], "5,6,word", ""),
    ],
)
def test_regions(line: str, numbers: list[float], text: str, script: str) -> None:
    region = parse_region(line)
    assert (region.numbers, region.text, region.script) == (numbers, text, script)


@pytest.mark.parametrize("line", ["hello", "1,2,3", "1 2", "1e999,2,3,4", '"1,2,3,4"', ","])
def test_no_regions(line: str) -> None:
    with pytest.raises(ValueError, match=r"line|finite"):
        parse_region(line)


@pytest.mark.parametrize(
    ("line", "name", "text"),
    [
        ('word_1.png, "PROPER"', "word_1.png", "PROPER"),
        ('word_1.png,"a, b"', "word_1.png", "a, b"),
        (r'word_1.png, "say \"x\" \\o/"', "word_1.png", r'say "x" \o/'),
        ("word_1.png, plain, text", "word_1.png", "plain, text"),
        ("word_1.png, ", "word_1.png", None),
        ("word_1.png,", "word_1.png", None),
        ("word_1.png", "word_1.png", None),
        ('a,b.png, "c"', "a,b.png", "c"),
        ('word_1.png, ""', "word_1.png", ""),
    ],
)
def test_words(line: str, name: str, text: str | None) -> None:
    assert parse_word(line) == (name, text)


@pytest.mark.parametrize("text", ["", "a", '"', "\\", '\\"', 'x"\\n"'])
def test_quotes_come_back(text: str) -> None:
    assert unquoted(quoted(text)) == text


def test_long_lines_take_no_time() -> None:
    """The time grew by the square of what looks like numbers or quotes: minutes, for these."""
    region = parse_region("1,2,3,4,5,6,7,8," + "1" * 100_000 + "x")
    assert (region.numbers, len(region.text)) == (QUAD, 100_001)
    with pytest.raises(ValueError, match="four numbers"):
        parse_region("1" * 100_000 + "x")
    assert parse_word("a.png" + ',"' * 50_000 + "x")[0] == "a.png"
