"""The filter's own language: what is true of what, and what is refused where."""

from __future__ import annotations

import pytest

from dsk.annotations import (
    KINDS,
    Bbox,
    Caption,
    Ellipse,
    Label,
    Mask,
    Points,
    Polygon,
    Rle,
    RotatedBbox,
)
from dsk.categories import Categories
from dsk.item import DatasetItem
from dsk.loss import Ledger
from dsk.media import Image, PointCloud
from dsk.testing import samples
from dsk_transforms.filtering.errors import ExpressionError
from dsk_transforms.filtering.expression_query import ExpressionQuery
from dsk_transforms.filtering.fields import FIELDS
from dsk_transforms.filtering.filter import compile_query, is_xpath
from dsk_transforms.filtering.values import Labels, Scope
from dsk_transforms.filtering.xpath_query import XPathQuery

LABELS = Labels(Categories.from_names(["cat", "dog", "person", "cat"]))

CAT = Bbox(10, 20, 30, 40, label=0, id=1, z_order=2, attributes={"occluded": True, "score": 0.5})
DOG = Polygon(
    [0, 0, 10, 0, 10, 10, 0, 10],
    area=99.5,  # as stated: its outline has 100
    label=1,
    id=2,
    group=7,
    attributes={"occluded": False, "my attr": "x"},
)
MAN = Mask(Rle((10, 10), [0, 20, 80]), label=2, id=3, attributes={"score": "0.75", "pose": "left"})
NOBODY = Label(label=None, id=4, attributes={"occluded": "False", "score": "high", "pose": "left"})
SECOND_CAT = Caption("a cat, sitting", label=3, id=5, object_id=9)
ALL = (CAT, DOG, MAN, NOBODY, SECOND_CAT)

ITEM = DatasetItem(
    "seq/frame_0012",
    subset="train",
    media=Image(path="seq/frame_0012.JPG", size=(100, 50)),
    annotations=ALL,
    attributes={"weather": "dry", "id": 12},
)


def scope_of(item=ITEM, labels=LABELS):
    return Scope(item, labels, Ledger())


def kept(expression, item=ITEM):
    query = ExpressionQuery(expression)
    query.bind(LABELS)
    return [a.id for a in query.kept(scope_of(item))]


def selects(expression, item=ITEM):
    query = ExpressionQuery(expression)
    query.bind(LABELS)
    return query.selects(scope_of(item))


@pytest.mark.parametrize(
    ("expression", "ids"),
    [
        ('label == "cat"', [1, 5]),
        ('label != "cat"', [2, 3, 4]),
        ('"cat" == label', [1, 5]),
        ('label in ("cat", "dog")', [1, 2, 5]),
        ('label not in ("cat", "dog",)', [3, 4]),
        ("label == none", [4]),
        ("label != none", [1, 2, 3, 5]),
        ("label", [1, 2, 3, 5]),
        ('label startswith "c"', [1, 5]),
        ("label_id == 3", [5]),
        ("label_id in (0, 1)", [1, 2]),
        ('type == "bbox"', [1]),
        ('type in ("bbox", "mask")', [1, 3]),
        ("area > 99.5", [1]),
        ("area >= 99.5", [1, 2]),
        ("99.5 <= area", [1, 2]),
        ("area == 20", [3]),
        ("area != 20", [1, 2, 4, 5]),
        ("area == none", [4, 5]),
        ("20 < area < 1200", [2]),
        ("20 <= area < 1200 and not occluded", [2, 3]),
        ("w / h < 0.8", [1, 3]),
        ("w * h == 1200", [1]),
        ("x + w == 40", [1]),
        ("-x == -10", [1]),
        ("y - x > 0", [1]),
        ("w / group > 1", [2]),
        ("area / (image.width * image.height) > 0.2", [1]),
        ("w < image.width / 2", [2, 3]),
        ("group", [2]),
        ("group == 7 or object_id == 9", [2, 5]),
        ("z_order > 0", [1]),
        ("annotation.id > 3", [4, 5]),
        ('annotation.label == "dog"', [2]),
        ("occluded", [1]),
        ("not occluded", [2, 3, 4, 5]),
        ("not not occluded", [1]),
        ("occluded == true", [1]),
        ("occluded == false", [2, 3, 4, 5]),
        ("occluded != True", [2, 3, 4, 5]),
        ('occluded == "False"', [2, 4]),
        ("occluded == none", [3, 5]),
        ("occluded == 1", [1]),
        ('attributes["my attr"] == "x"', [2]),
        ("attributes['my attr']", [2]),
        ('annotation.attributes["my attr"] != none', [2]),
        ("attributes.occluded", [1]),
        ("score > 0.4", [1, 3]),
        ("score < 0.6", [1]),
        ("score == 0.75", [3]),
        ('score == "0.75"', [3]),
        ("score != 0.75", [1, 2, 4, 5]),
        ("score in (0.5, 1)", [1]),
        ('score in (0.5, "high")', [1, 4]),
        ("score not in (0.5, 0.75)", [2, 4, 5]),
        ("score + 0.25 == 1", [3]),
        ("score * 2 == 1", [1]),
        ('pose == "left" and label != none', [3]),
        ('pose == attributes["pose"]', [3, 4]),
        ("score == score", [1, 3, 4]),
        ("score < attributes.score", []),
        ("pose < score", []),
        ('caption contains "cat"', [5]),
        ('caption not contains "cat"', [1, 2, 3, 4]),
        (r'caption matches "^a \w+,"', [5]),
        ('subset == "train" and label == "dog"', [2]),
        ('subset == "val" and label == "dog"', []),
        ('label == "cat" and count(label == "dog") == 1', [1, 5]),
        ('label == "cat" and any(label == "horse" or area > 2000)', []),
        ('label == "dog" or label == "person" or occluded', [1, 2, 3]),
        ('label == "cat" and area > 1 and z_order == 2', [1]),
        ('(label == "cat" or label == "dog") and area < 1000', [2]),
        ("area == area", [1, 2, 3]),
        ("area != w", [1, 2, 3, 4, 5]),
        ("label == label", [1, 2, 3, 5]),
        ("pose == item.weather", []),
        ("true", [1, 2, 3, 4, 5]),
        ("false or area > 1000", [1]),
    ],
)
def test_annotations(expression, ids):
    assert kept(expression) == ids


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ('subset in ("train", "val")', True),
        ('subset == "val"', False),
        (r'id matches "frame_\d+"', True),
        (r'id matches "^frame_\d+"', False),
        (r'id not matches "^frame"', True),
        ('id startswith "seq/" and id endswith "12"', True),
        ('item.id contains "/frame"', True),
        ("image.width < image.height", True),
        ("image.width == 50 and image.height == 100", True),
        ('image.ext == ".JPG"', True),
        ('image.path endswith ".JPG"', True),
        ("image.exists", False),
        ('media.type == "image"', True),
        ('item.attributes["weather"] == "dry"', True),
        ('item.weather == "wet"', False),
        ('item.attributes["id"] == 12', True),
        ("count() == 5", True),
        ("any()", True),
        ('count(label == "cat") >= 2', True),
        ('count(label == "cat") + count(label == "dog") == 3', True),
        ('any(label == "cat" and occluded)', True),
        ('any(label == "dog" and occluded)', False),
        ("all(area > 10)", False),
        ('all(label != "horse")', True),
        ('any(type == "mask") == false', False),
        ('not any(label == "horse")', True),
        ('label == "dog"', True),
        ("area > 1200", False),
    ],
)
def test_items(expression, result):
    assert selects(expression) is result


def test_items_without_anything():
    bare = DatasetItem("b")
    for expression in (
        "any()",
        "image.width > 0",
        'media.type == "image"',
        "image.exists",
        "label",
    ):
        assert not selects(expression, bare)
    for expression in ("count() == 0", "image.width == none", "all(area > 1)"):
        assert selects(expression, bare)
    cloud = DatasetItem("c", media=PointCloud(path="c.pcd"))
    assert selects('media.type == "point_cloud" and image.width == none', cloud)


@pytest.mark.parametrize(
    ("annotation", "area", "box"),
    [
        (Bbox(1, 2, 3, 4), 12, (1, 2, 3, 4)),
        (RotatedBbox(5, 5, 4, 2, 90), 8, (4, 3, 2, 4)),
        (Ellipse(0, 0, 4, 2), 6.283185307179586, (0, 0, 4, 2)),
        (Polygon([0, 0, 4, 0, 4, 3]), 6, (0, 0, 4, 3)),
        (Points([1, 2, 5, 8]), None, (1, 2, 4, 6)),
        (Label(), None, None),
    ],
)
def test_geometry(annotation, area, box):
    item = DatasetItem("a", annotations=[annotation])
    asked = "area == none" if area is None else f"{area - 1e-9} < area < {area + 1e-9}"
    assert selects(asked, item)
    for name, side in zip("xywh", box or [None] * 4, strict=True):
        asked = f"{name} == none" if side is None else f"{side - 1e-9} < {name} < {side + 1e-9}"
        assert selects(asked, item), asked


def test_every_field_answers_for_every_kind():
    queries = {name: ExpressionQuery(f"{name} == none") for name in FIELDS}
    for kind in samples.MAKERS:
        for item in samples.make(samples.Recipe(kinds=(kind,), fields=samples.ALL_FIELDS)):
            for query in queries.values():
                query.selects(scope_of(item))
    assert set(samples.MAKERS) == set(KINDS)


@pytest.mark.parametrize(
    ("expression", "level"),
    [
        ('label == "cat"', "annotations"),
        ("occluded", "annotations"),
        ('subset == "train" and area > 3', "annotations"),
        ('label == "cat" and count() > 1', "annotations"),
        ('subset == "train"', "items"),
        ("image.width < image.height", "items"),
        ('any(label == "cat")', "items"),
        ("count(occluded) > 2 and item.weather", "items"),
    ],
)
def test_what_is_asked_about_follows_from_the_names(expression, level):
    assert ExpressionQuery(expression).level == level


@pytest.mark.parametrize(
    ("expression", "column", "message"),
    [
        ("", 1, "a name or value is expected, not the end"),
        ('label = "cat"', 7, "compare with =="),
        ('label == "cat', 10, "put another quote"),
        ("area >", 7, "not the end"),
        ("area > 3 area", 10, "'area' makes no sense here"),
        ("(area > 3", 10, r"'\)' is expected, not the end"),
        ("area > 3)", 9, r"'\)' makes no sense"),
        ("area > 3 && w > 2", 10, "write and"),
        ("!occluded", 1, "write not"),
        ("len(label) > 3", 1, r"no function len\(\).*any\(\), all\(\), count\(\)"),
        ('lable == "cat"', 1, "did you mean label\\?.*attributes"),
        ('catgory == "x" or category == "cat"', 19, "write label"),
        ("width > 3", 1, "write image.width, or w"),
        ("image.widht > 3", 1, "did you mean 'image.width'"),
        ("image.foo > 3", 1, "there is no name image.foo"),
        ("foo.bar > 3", 1, "there is no name foo.bar"),
        ("attributes == 3", 1, "there is no name attributes"),
        ("attributes[occluded]", 12, "the name of an attribute is written"),
        ('foo["x"]', 1, "there is no name foo"),
        ('area > "100"', 1, "area is a number.*leave out the quotes"),
        ("label == 5", 1, 'label is a text.*write "5" in quotes'),
        ("label < 5", 1, "label is a text"),
        ('label < "m"', 1, "not in any order"),
        ("occluded > true", 1, "makes no sense"),
        ("label > none", 1, "makes no sense"),
        ('type == "bbx"', 9, "did you mean 'bbox'"),
        ('type in ("bbox", "box")', 18, "no annotation is of type 'box'"),
        ('area in ("3", 4)', 10, "area is a number"),
        ('label in ("cat", 4)', 18, "label is a text, 4 is none"),
        ('label in ("cat", none)', 18, "only texts and numbers"),
        ("label in (dog)", 11, "only texts in quotes and numbers"),
        ("label contains 3", 16, "takes a text in quotes"),
        ('area matches "3"', 1, "area is a number, not a text"),
        ("label + 1 > 3", 1, "label is a text, not a number"),
        ("3", 1, "says neither yes nor no"),
        ('"cat" and area', 1, "says neither yes nor no"),
        ("any(count() > 3)", 5, "cannot stand inside"),
        ("all()", 1, "needs to know"),
        ('id matches "(a"', 13, "not a pattern: missing"),
        ('id matches "(a+)+b"', 17, "repeats a repetition"),
        ('id matches "' + "a" * 501 + '"', 13, "longer than 500"),
        ("--3 == area", 2, "two minus signs"),
        ("(" * 50 + "occluded" + ")" * 50, 41, "nested deeper than 40"),
        ("area > " + "1+" * 50 + "1", 91, "more than 40 signs"),
        ("occluded or " * 1000 + "occluded", 10001, "longer than"),
        ('annotation.lable == "x"', 1, "did you mean label"),
        ('item.annotation == "x"', 1, "write any"),
    ],
)
def test_errors_point_at_the_place(expression, column, message):
    with pytest.raises(ExpressionError, match=message) as caught:
        ExpressionQuery(expression)
    assert f"column {column}:" in str(caught.value), str(caught.value)


def test_the_picture_shows_the_place():
    with pytest.raises(ExpressionError) as caught:
        ExpressionQuery('label == "cat" and aera > 3')
    assert caught.value.__notes__ == ['  label == "cat" and aera > 3\n' + " " * 21 + "^"]
    with pytest.raises(ExpressionError) as caught:
        ExpressionQuery("occluded or " * 20 + "aera > 3" + " or occluded" * 20)
    picture, caret = caught.value.__notes__[0].split("\n")
    assert picture[caret.index("^") :].startswith("aera > 3")
    assert len(picture) < 120


def test_many_alternatives_do_not_recurse():
    names = " or ".join(f'label == "{n}"' for n in range(500))
    assert kept(f'{names} or label == "dog"') == [2]


@pytest.mark.parametrize(
    "pattern",
    [r"(a+)+", r"(a*)*b", r"((ab)+c)*", r"(a{2,})+", r"(x(a|b*))+", r"(?:a+)+", r"([^)]+)*"],
)
def test_patterns_that_may_take_forever_are_refused(pattern):
    with pytest.raises(ExpressionError, match="repeats a repetition"):
        ExpressionQuery(f'id matches "{pattern}"')


@pytest.mark.parametrize(
    "pattern",
    [r"(a+)b", r"(ab)+", r"\(a+\)+", r"[(a+)]+", r"(a{2,3})+", r"a+b*c{3,}", r"(a+)?", r"([+*])+"],
)
def test_other_patterns_are_taken(pattern):
    ExpressionQuery(f'id matches "{pattern}"')


def test_patterns_look_at_the_beginning_of_long_texts():
    item = DatasetItem("a", annotations=[Caption("x" * 5000 + "y", label=0)])
    assert not selects('caption matches "y"', item)
    assert selects('caption contains "y"', item)


def test_unknown_labels_are_said():
    query = ExpressionQuery('label == "persn" or any(label in ("dgo", "zebra"))')
    query.bind(LABELS)
    assert list(query.warnings) == [
        "the dataset has no label 'persn'; did you mean 'person'?",
        "the dataset has no label 'dgo'; did you mean 'dog'?",
        "the dataset has no label 'zebra'",
    ]


@pytest.mark.parametrize(
    "expression",
    [
        "/item",
        " //annotation",
        '/item[subset="x"]',
        "count(/item/annotation) > 3",
        "not(/item)",
        'annotation/label="cat"',
        'item[subset = "a"]',
        "@x = 1",
        "self::item",
        "1 < //area",
    ],
)
def test_xpath_is_recognised(expression):
    assert is_xpath(expression)
    if not expression.startswith(("@", "item")):
        assert isinstance(compile_query(expression), XPathQuery)


@pytest.mark.parametrize(
    "expression",
    [
        'label == "/item"',
        "label == '//x'",
        'id contains "@"',
        "area / w > 3",
        "area/(w*h) > 3",
        "(area) /w > 3",
        'item.attributes["a/b"]',
        'label = "cat"',
        "annotation.area / 2 > 3",
    ],
)
def test_the_own_language_is_recognised(expression):
    assert not is_xpath(expression)


def test_clauses_count():
    query = ExpressionQuery('label == "cat" and (area > 1000 or not occluded)')
    query.bind(LABELS)
    rows = [(c.text, c.depth, c.of, c.count(scope_of())) for c in query.clauses()]
    assert rows == [
        ('label == "cat" and (area > 1000 or not occluded)', 0, "annotations", 2),
        ('label == "cat"', 1, "annotations", 2),
        ("area > 1000 or not occluded", 1, "annotations", 5),
        ("area > 1000", 2, "annotations", 1),
        ("not occluded", 2, "annotations", 4),
        ("occluded", 3, "annotations", 1),
    ]
    query = ExpressionQuery('subset == "train" and count(label == "cat") >= 2')
    rows = [(c.text, c.depth, c.of, c.count(scope_of())) for c in query.clauses()]
    assert rows == [
        ('subset == "train" and count(label == "cat") >= 2', 0, "items", 1),
        ('subset == "train"', 1, "items", 1),
        ('count(label == "cat") >= 2', 1, "items", 1),
        ('label == "cat"', 2, "annotations", 2),
    ]
    query = XPathQuery('/item[subset="train"]/annotation[label="cat" and area > 1]')
    rows = [(c.text, c.depth, c.of, c.count(scope_of())) for c in query.clauses()]
    assert rows[:2] == [(query.text, 0, "items", 1), (query.text, 0, "annotations", 1)]
    assert rows[2:] == [
        ('subset="train"', 1, "items", 1),
        ('label="cat" and area > 1', 1, "annotations", 1),
        ('label="cat"', 2, "annotations", 2),
        ("area > 1", 2, "annotations", 3),
    ]
