"""XPath filters against lxml, on the XML that ``dsk filter --dry-run`` shows."""

from __future__ import annotations

import math
import random

import pytest
from lxml import etree

from dsk.annotations import Bbox, Caption, Label, Mask, Polygon
from dsk.categories import Categories
from dsk.item import DatasetItem
from dsk.loss import Ledger
from dsk.media import Image, PointCloud, Volume
from dsk.testing import samples
from dsk_transforms.filtering.errors import ExpressionError
from dsk_transforms.filtering.tree import ATTRIBUTE, TEXT, item_tree, text_of
from dsk_transforms.filtering.values import Labels, Scope
from dsk_transforms.filtering.xml_view import item_xml
from dsk_transforms.filtering.xpath_query import XPathQuery
from dsk_transforms.filtering.xpath_walk import Context

ATTRIBUTES = {
    **samples.ATTRIBUTES,
    "occluded": True,
    "my attr": "x y",
    "area2": 3.5,
    "5": "five",
    "none": None,
    "many": [1, 2],
    "label": "hidden by the label",
}


def make_scopes():
    kinds = [k for k in samples.MAKERS if k not in samples.VOLUME_KINDS | samples.CLOUD_KINDS]
    dataset = samples.make(
        samples.Recipe(
            kinds=tuple(kinds),
            ids=("a", "dir/b"),
            subsets=("train", "val"),
            fields=samples.ALL_FIELDS,
            attributes=ATTRIBUTES,
            item_attributes=samples.ITEM_ATTRIBUTES,
            label_fields=frozenset({"parent", "attributes", "colors", "points"}),
            multi_ring=True,
            holes=True,
        )
    )
    items = list(dataset)
    beside = Image(path="a.png", size=(3, 4))
    cloud = PointCloud(path="x.pcd", extra_images=(beside,))
    items += [
        DatasetItem("cloud", media=cloud, attributes={"id": 5, "weather": "dry"}),
        DatasetItem("scan", media=Volume(path="x.nii", shape=(3, 4, 5), channels=("t1",))),
        DatasetItem("wide", media=Image(path="x.png", size=(50, 100))),
        DatasetItem("unknown", media=Image(path="y.png"), annotations=[Label(label=None)]),
    ]
    labels = Labels(dataset.categories())
    return [Scope(item, labels, Ledger()) for item in items]


def to_lxml(node):
    element = etree.Element(node.name, {a.name: text_of(a.value) for a in node.attributes})
    if isinstance(node.value, list):
        element.extend([to_lxml(child) for child in node.children if child.is_there])
    else:
        element.text = text_of(node.value) or None
    return element


SCOPES = make_scopes()
TREES = [item_tree(scope).children[0] for scope in SCOPES]
XML = [to_lxml(tree) for tree in TREES]


def equal(found, wanted):
    if isinstance(wanted, list):
        names = [text_of(n.value) if n.kind in (ATTRIBUTE, TEXT) else n.name for n in found]
        return names == [w if isinstance(w, str) else w.tag for w in wanted]
    if isinstance(wanted, float) and math.isnan(wanted):
        return math.isnan(found)
    if isinstance(wanted, float):
        return math.isclose(found, wanted, rel_tol=1e-12)
    return found == wanted


def truth(value):
    return bool(value) and not (isinstance(value, float) and math.isnan(value))


def check(expression):
    """Compare one expression, walked and compiled fast, with lxml; return what was compared."""
    oracle, query = etree.XPath(expression), XPathQuery(expression)
    compared = 0
    for scope, tree, xml in zip(SCOPES, TREES, XML, strict=True):
        try:
            wanted = oracle(xml)
        except etree.XPathEvalError:  # lxml has no position outside of predicates
            continue
        where = f"{expression} of {scope.item.id}"
        found = query._walk(Context(tree, 1, 1))
        assert equal(found, wanted), f"{where}: {found!r}, lxml says {wanted!r}"
        assert query.selects(scope) is truth(wanted), where
        if isinstance(wanted, list):
            all_of_them = xml.findall("annotation")
            numbers = [
                all_of_them.index(e) for e in wanted if getattr(e, "tag", "") == "annotation"
            ]
            kept = [scope.item.annotations[n] for n in sorted(numbers)]
            assert [id(a) for a in query.kept(scope)] == [id(a) for a in kept], where
        compared += 1
    return compared


SEEDS = (
    '/item[subset="train"]',
    '/item[subset="train" or subset="val"]',
    '/item[annotation/label="cat"]',
    "/item[image/width < image/height]",
    '/item/annotation[(label="cat" and area > 99.5) or label!="person"]',
    '/item/annotation[occluded="True"]',
    '/item/annotation[occluded="False"]',
    '/item/annotation[label!="cat"]',
    "/item",
)
MORE = (
    '/item[annotation/type="bbox" and annotation/area>20]',
    '/item/annotation[attribute[@name="my attr"]="x y"]',
    '/item/annotation[attribute[@name="my attr"] = "x y" and not(bbox/w < 5)]',
    '/item/annotation[my-attr="x y"]',
    '/item/annotation[_5="five"]',
    '/item/annotation[attribute[@name="label"]="hidden by the label"]',
    '/item/annotation[label="hidden by the label"]',
    '/item/annotation[none="None" and contains(many, "1, 2")]',
    "/item/annotation[point/x > 20]",
    '/item/annotation[point/visible="hidden"]',
    "/item/annotation[nothing != 1]",
    "/item/annotation[not(nothing = 1)]",
    "/item/annotation[area != area]",
    "/item/annotation[bbox/w = bbox/h]",
    "/item/annotation[1]",
    "/item/annotation[last()]",
    "/item/annotation[position() mod 2 = 1][label='cat'][2]",
    "//annotation[1]",
    "(//annotation)[2]",
    "//annotation[label='cat']/..",
    "//label[.='cat']/..",
    "//*[@name='score' and . > 0.1]/..",
    "//point[x > 20]/ancestor::annotation",
    "/item/annotation[label='cat'] | /item/annotation[label='dog']",
    "/item/annotation[preceding-sibling::annotation/label = label]",
    "/item/annotation[../image/width > 10]",
    "/item[count(annotation[label='cat']) >= 2]",
    "/item[count(annotation) = 0]",
    "/item[not(annotation)]",
    "/item[starts-with(id, 'dir/')]",
    "/item[contains(id, '/')]/annotation[starts-with(label, 'c')]",
    "/item[weather='dry' or attribute[@name='id']=5]",
    "/item[image/width = 'unknown']",
    "/item[image/width > 0]",
    "/item[volume/size[2] = 4]",
    "/item[point_cloud/image/height = 3]",
    "/item[image/width * image/height > 4000]",
    "/item[-count(annotation) < -2 + 1]",
    "/item/annotation[area div 2 > 10 and area mod 2 < 1]",
    "count(//annotation) > 3",
    "sum(//area) > 100",
    "string(//label)",
    "string(1 div 4)",
    "string(-0.5)",
    "string(1000000)",
    "1 div 0",
    "-1 div 0",
    "0 div 0",
    "not(/item/annotation)",
    "true() = 1",
    "'1' = 1.0",
    "'a' < 'b'",
    "/item/annotation = true()",
    "/item/nothing = false()",
    "/item/annotation/label = /item/subset",
    "/item/annotation/area > /item/annotation/x",
    "substring('12345', 1.5, 2.6)",
    "substring('12345', 0 div 0, 3)",
    "substring('12345', -42, 1 div 0)",
    "substring-before('a=b', '')",
    "substring-after('a=b', '')",
    "translate('--aaa--', 'abc-', 'ABC')",
    "normalize-space('  a   b ')",
    "string-length('日本')",
    "round(-0.5)",
    "round(2.5)",
    "boolean('false')",
    "name(//annotation/*[2])",
    "local-name(/item)",
    "number('  12.5 ')",
    "number('1 2')",
    "self::node()",
    "//text()",
    "//@name",
    "/item/annotation/descendant-or-self::*/x",
    "/item/node()",
    "//annotation/following-sibling::*[1]",
    "/*/annotation[label][area]",
)


@pytest.mark.parametrize("expression", SEEDS + MORE)
def test_says_what_lxml_says(expression):
    assert check(expression) == len(SCOPES)


NAMES = (
    "label",
    "type",
    "id",
    "area",
    "x",
    "w",
    "bbox",
    "point",
    "occluded",
    "my-attr",
    "_5",
    "area2",
    "attribute",
    "group",
    "label_id",
    "caption",
    "nothing",
    "*",
    "score",
    "none",
    "x1",
    "cx",
)
LITERALS = ('"cat"', '"bbox"', '"True"', '"1.0"', '"10"', '"train"', "'x y'", '""', '"a"')
NUMBERS = ("0", "1", "2", "3.5", "10", "-1", ".5")
PATHS = (
    'attribute[@name="my attr"]',
    'attribute[@name="score"]',
    "bbox/w",
    "bbox/area",
    "point/x",
    "../subset",
    "../image/width",
    ".",
    "..",
    "*/text()",
    ".//x",
    "preceding-sibling::annotation[1]/label",
    "ancestor::item/id",
    "attribute/@name",
    "self::annotation",
)
ITEM_PATHS = (
    "id",
    "subset",
    "image/width",
    "image/height",
    "image",
    'attribute[@name="id"]',
    "weather",
    "volume/size",
    "//label",
    "/item/annotation/area",
    ".//point/x",
    "//annotation[2]",
    "(//annotation)[2]/label",
)
CALLS = (
    "count({})",
    "string({})",
    "number({})",
    "sum({})",
    "string-length({})",
    "concat({}, 'x')",
    "floor({})",
    "round({})",
    "normalize-space({})",
    "substring({}, 2, 3)",
    "substring-before({}, 'a')",
    "translate({}, 'abc', 'xy')",
    "name({})",
    "-{}",
    "boolean({})",
    "({} | label)",
)


class Maker:
    """Makes random expressions."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def path(self, depth):
        if depth and self.random.random() < 0.2:
            return f"{self.random.choice(NAMES)}[{self.yes_or_no(depth - 1)}]"
        return self.random.choice(self.random.choice((NAMES, PATHS)))

    def item_path(self, depth):
        which = self.random.random()
        if which < 0.3:
            return f"annotation/{self.path(depth)}"
        if which < 0.6 and depth:
            tail = self.random.choice(("", "/label", "/bbox/x"))
            return f"annotation[{self.yes_or_no(depth - 1)}]{tail}"
        return self.random.choice(ITEM_PATHS)

    def value(self, depth, path):
        which = self.random.random()
        if which < 0.5:
            return path(depth)
        if which < 0.8 or not depth:
            return self.random.choice(self.random.choice((LITERALS, NUMBERS)))
        if which < 0.9:
            return self.random.choice(CALLS).format(path(depth - 1))
        sign = self.random.choice(("+", "-", "*", "div", "mod"))
        return f"({self.value(depth - 1, path)} {sign} {self.value(depth - 1, path)})"

    def yes_or_no(self, depth, path=None):
        path = path or self.path
        which = self.random.random()
        if which < 0.5:
            sign = self.random.choice(("=", "!=", "<", "<=", ">", ">="))
            return f"{self.value(depth, path)} {sign} {self.value(depth, path)}"
        if which < 0.6 or not depth:
            name = self.random.choice(("contains", "starts-with"))
            return f"{name}({path(depth)}, {self.random.choice(LITERALS)})"
        if which < 0.7:
            return f"not({self.yes_or_no(depth - 1, path)})"
        if which < 0.75:
            return self.value(depth, path)
        word = self.random.choice(("and", "or"))
        return f"({self.yes_or_no(depth - 1, path)} {word} {self.yes_or_no(depth - 1, path)})"

    def whole(self):
        return self.random.choice(
            (
                lambda: f"/item/annotation[{self.yes_or_no(2)}]",
                lambda: (
                    f"/item[{self.yes_or_no(1, self.item_path)}]/annotation[{self.yes_or_no(1)}]"
                ),
                lambda: f"/item[{self.yes_or_no(2, self.item_path)}]",
                lambda: f"//annotation[{self.yes_or_no(1)}]",
            )
        )()


@pytest.mark.parametrize("seed", range(8))
def test_random_expressions_say_what_lxml_says(seed):
    maker = Maker(seed)
    assert sum(check(maker.whole()) for _ in range(25)) > 100


def test_common_expressions_need_no_tree():
    for expression in SEEDS:
        assert XPathQuery(expression)._item is not None, expression


@pytest.mark.parametrize(
    ("expression", "column", "message"),
    [
        ("/item[", 7, "a name or value is expected, not the end"),
        ('/item[label=="x"]', 13, "XPath compares with a single ="),
        ("/item[subset='train]", 14, "put another quote"),
        ("/item]", 6, "']' makes no sense here"),
        ("/item[foo(1)]", 7, "no function foo"),
        ("/item[starts-wit(id,'a')]", 7, "did you mean 'starts-with'"),
        ("/item[count(1)]", 13, "takes a path"),
        ("/item[not()]", 7, "takes 1 arguments, not 0"),
        ("/item/chld::x", 7, "did you mean 'child'"),
        ("/image[width>3]", 2, "nothing is called 'image' at the top.*begin with /item"),
        ("/item[$x]", 7, r"'\$' makes no sense"),
        ("/item[('a')[1]]", 12, "only a path"),
        ("/item/comment()", 7, "is no step"),
        ("1 | /item", 1, "joins paths only"),
        ("/item[" + "(" * 60 + "1" + ")" * 60 + "]", 46, "nested deeper than 40"),
        ("/item[" + "1+" * 60 + "1]", 89, "more than 40 signs"),
        ("/item[" + "a or " * 3000 + "a]", 10001, "longer than"),
    ],
)
def test_errors_point_at_the_place(expression, column, message):
    with pytest.raises(ExpressionError, match=message) as caught:
        XPathQuery(expression)
    assert f"column {column}:" in str(caught.value)
    picture, caret = caught.value.__notes__[0].split("\n")
    assert len(caret) == len(picture[: caret.index("^")]) + 1


def test_long_alternatives_do_not_recurse():
    names = " or ".join(f"label='{n}'" for n in range(600))
    assert check(f"/item/annotation[{names} or label='cat']")


def test_annotations_mode_needs_annotations():
    for expression in ('/item[subset="train"]', "count(//annotation)", "/item/annotation/label"):
        with pytest.raises(ExpressionError, match="selects no annotations"):
            XPathQuery(expression).check_mode("annotations")
    for expression in ("/item/annotation", "//*[label]", "//label/.."):
        XPathQuery(expression).check_mode("annotations")


def scope_of(*annotations, **fields):
    labels = Labels(Categories.from_names(["cat", "dog"]))
    return Scope(DatasetItem("a", annotations=annotations, **fields), labels, Ledger())


def test_xml_view_is_wellformed_and_complete():
    odd = {"a b": "<&>\"'", "bad\x00": "x\x01y", "1 2": None, "ж": 1}
    scope = scope_of(Bbox(1, 2, 3, 4, label=1, attributes=odd), Caption("]]> &", label=0))
    xml = etree.fromstring(item_xml(scope))
    box, caption = xml.findall("annotation")
    assert box.findtext("a-b") == "<&>\"'"
    assert box.findtext("ж") == "1"
    assert [e.get("name") for e in box.findall("attribute")] == ["a b", "bad\ufffd", "1 2", "ж"]
    assert [e.text for e in box.findall("attribute")] == ["<&>\"'", "x\ufffdy", "None", "1"]
    assert [box.findtext(n) for n in ("label", "label_id", "x", "area")] == ["dog", "1", "1", "12"]
    assert (caption.findtext("caption"), caption.findtext("label")) == ("]]> &", "cat")


def test_every_sample_has_an_xml_view():
    for kind in samples.MAKERS:
        dataset = samples.make(samples.Recipe(kinds=(kind,), fields=samples.ALL_FIELDS))
        for item in dataset:
            xml = etree.fromstring(item_xml(Scope(item, Labels(dataset.categories()), Ledger())))
            assert {e.findtext("type") for e in xml.findall("annotation")} == {kind}


def test_malformed_geometry_counts_as_empty_and_is_said():
    import msgspec

    scope = scope_of(Polygon(msgspec.Raw(b'["x"]'), label=0), Mask(msgspec.Raw(b"[]"), label=1))
    for expression in ("//annotation[area > 0]", "//annotation[point]", "//bbox[w > 0]"):
        assert not XPathQuery(expression).selects(scope)
    assert any("malformed" in message for message in scope.ledger.warnings)


def test_unreadable_images_have_no_size(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no image")
    scope = scope_of(media=Image.from_file(tmp_path / "a.png"))
    assert not XPathQuery("/item[image/width > 0]").selects(scope)
    assert XPathQuery("/item[image/width = 'unknown']").selects(scope)
    assert any("could not be read" in message for message in scope.ledger.warnings)
