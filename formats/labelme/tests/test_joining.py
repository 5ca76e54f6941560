"""Annotation files that share an image or an id."""

from __future__ import annotations

import json

import pytest

from dsk import Dataset
from dsk.loss import Ledger

POINTS = "".join(f"<pt><x>{x}</x><y>{y}</y></pt>" for x, y in ((1, 2), (5, 2), (5, 6)))


def xml(root, name, filename, *objects, folder=""):
    """Write a file whose objects are (label, id, ids of parts)."""
    texts = [
        f"<object><name>{label}</name><id>{ident}</id><parts><hasparts>{parts}</hasparts></parts>"
        f"<polygon>{POINTS}</polygon></object>"
        for label, ident, parts in objects
    ]
    head = f"<filename>{filename}</filename><folder>{folder}</folder>"
    put(root, name, f"<annotation>{head}{''.join(texts)}</annotation>")


def js(root, name, image, *labels, flags=(), **more):
    """Write a file whose shapes have the labels."""
    shapes = [{"label": k, "points": [[1, 2], [5, 2], [5, 6]], "group_id": 3} for k in labels]
    content = {"shapes": shapes, "imagePath": image, "flags": dict.fromkeys(flags, True), **more}
    put(root, name, json.dumps(content))


def put(root, name, text="x"):
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def found(root, fmt, *parts):
    """Return image and labels of items by subset and id, after checking the warnings.

    Args:
        root: The dataset.
        fmt: Its format.
        parts: A text out of each warning.
    """
    ledger = Ledger()
    dataset = Dataset.import_from(root, fmt)
    items = list(dataset.read(ledger))
    told = list(dataset.opening_ledger.warnings | ledger.warnings)
    assert len(told) == len(parts), told
    assert all(part in text for part, text in zip(parts, told, strict=True)), told
    assert len({(i.subset, i.id) for i in items}) == len(items) == dataset.header.items
    names = dataset.categories().names
    return {
        (i.subset, i.id): (
            str(i.media.source).replace("\\", "/").removeprefix(f"{root.as_posix()}/"),
            [names[a.label] for a in i.annotations],
        )
        for i in items
    }


def test_xml_files_of_one_image_are_one_item(tmp_path):
    for place in ("1", "2"):
        objects = [("car", 0, "1"), (f"wheel{place}", 1, ""), ("tree", 2, "")]
        xml(tmp_path, f"Annotations/f/{place}/a.xml", "a.jpg", *objects, folder="f")
    put(tmp_path, "Images/f/a.jpg")
    labels = ["car", "wheel1", "tree", "car", "wheel2", "tree"]
    assert found(tmp_path, "label_me", "one item with all") == {
        ("f", "a"): ("Images/f/a.jpg", labels)
    }
    (item,) = Dataset.import_from(tmp_path, "label_me")
    assert [a.group for a in item.annotations] == [1, 1, 0, 2, 2, 0]
    assert [a.id for a in item.annotations] == [0, 1, 2, 3, 4, 5]


def test_xml_files_of_one_image_that_is_not_there(tmp_path):
    xml(tmp_path, "a.xml", "a.jpg", ("car", 0, ""))
    xml(tmp_path, "a_2.xml", "a.jpg", ("cat", 0, ""))
    assert found(tmp_path, "label_me", "one item with all") == {
        ("default", "a"): ("a.jpg", ["car", "cat"])
    }
    (item,) = Dataset.import_from(tmp_path, "label_me")
    assert [a.id for a in item.annotations] == [0, 1]


def test_xml_files_of_images_with_one_name(tmp_path):
    for place in ("1", "2"):
        xml(tmp_path, f"x/{place}/a.xml", "a.jpg", (f"car{place}", 0, ""))
        put(tmp_path, f"x/{place}/a.jpg")
    assert found(tmp_path, "label_me", "item id of another image") == {
        ("x", "1/a"): ("x/1/a.jpg", ["car1"]),
        ("x", "2/a"): ("x/2/a.jpg", ["car2"]),
    }


def test_web_tools_with_images_of_one_name(tmp_path):
    for home in ("p", "q"):
        xml(tmp_path, f"{home}/Annotations/f/a.xml", "a.jpg", (home, 0, ""), folder="f")
        put(tmp_path, f"{home}/Images/f/a.jpg")
    assert found(tmp_path, "label_me", "item id of another image") == {
        ("f", "p/a"): ("p/Images/f/a.jpg", ["p"]),
        ("f", "q/a"): ("q/Images/f/a.jpg", ["q"]),
    }


@pytest.mark.parametrize("named", ["a.jpg", "missing.jpg"])
def test_xml_files_that_name_another_files_image(tmp_path, named):
    """Copies that kept the name of the image that they were made from."""
    for name in "abc":
        xml(tmp_path, f"{name}.xml", named, (name, 0, ""))
        put(tmp_path, f"{name}.jpg")
    parts = ["another one's image"] if named == "a.jpg" else []
    assert found(tmp_path, "label_me", *parts, "item id of another image") == {
        ("default", name): (f"{name}.jpg", [name]) for name in "abc"
    }


def test_an_image_that_a_third_file_names_is_not_taken(tmp_path):
    for make, fmt in ((xml, "label_me"), (js, "labelme_json")):
        root, end = tmp_path / fmt, "xml" if make is xml else "json"
        for name, image in (("a", "a"), ("b", "a"), ("c", "b")):
            make(root, f"{name}.{end}", f"{image}.jpg", (name, 0, "") if make is xml else name)
            put(root, f"{name}.jpg")
        items = found(root, fmt, "one item with all")
        assert sorted(items.values()) == [("a.jpg", ["a", "b"]), ("b.jpg", ["c"])]


def test_images_that_differ_in_their_ending(tmp_path):
    for end in ("jpg", "png"):
        xml(tmp_path, f"a.{end}.xml", f"a.{end}", (end, 0, ""))
        put(tmp_path, f"a.{end}")
    assert found(tmp_path, "label_me", "item id of another image") == {
        ("default", "a.jpg"): ("a.jpg", ["jpg"]),
        ("default", "a.png"): ("a.png", ["png"]),
    }


@pytest.mark.parametrize("odd", ["<!-- x -->", ""])
def test_odd_xml_files_are_joined_too(tmp_path, odd):
    xml(tmp_path, "a.xml", "a.jpg", ("car", 0, ""))
    text = f"<annotation>{odd}<filename >a&#46;jpg</filename></annotation>"
    put(tmp_path, "b.xml", text)
    assert list(found(tmp_path, "label_me", "one item with all")) == [("default", "a")]


def test_damaged_files_do_not_hide_others(tmp_path):
    xml(tmp_path, "a.xml", "a.jpg", ("car", 0, ""))
    file = tmp_path / "a.xml"
    whole = file.read_text()
    file.write_text(whole.replace("</object>", ""))
    put(tmp_path, "b.xml", whole)
    dataset = Dataset.import_from(tmp_path, "label_me", on_error="skip")
    assert [(i.id, len(i.annotations)) for i in dataset] == [("a", 1)]
    js(tmp_path, "a.json", "a.jpg", "car", shapes="x")
    js(tmp_path, "b.json", "a.jpg", "car")
    put(tmp_path, "a.jpg")
    dataset = Dataset.import_from(tmp_path, "labelme_json", on_error="skip")
    assert [(i.id, len(i.annotations)) for i in dataset] == [("b", 1)]


def test_json_files_of_one_image_are_one_item(tmp_path):
    js(tmp_path, "a.json", "a.jpg", "car", flags=["night"])
    js(tmp_path, "A_cats.json", "a.jpg", "cat", flags=["night", "rain"])
    put(tmp_path, "a.jpg")
    assert found(tmp_path, "labelme_json", "one item with all") == {
        ("default", "a"): ("a.jpg", ["car", "night", "cat", "rain"])
    }
    (item,) = Dataset.import_from(tmp_path, "labelme_json")
    assert [a.group for a in item.annotations] == [4, 0, 8, 0]


def test_json_files_in_folders_by_label(tmp_path):
    for label in ("car", "cat"):
        js(tmp_path, f"{label}/a.json", "../images/a.jpg", label)
    put(tmp_path, "images/a.jpg")
    assert found(tmp_path, "labelme_json", "one item with all") == {
        ("default", "car/a"): ("images/a.jpg", ["car", "cat"])
    }


def test_subsets_of_json_files_stay_apart(tmp_path):
    for subset in ("train", "val"):
        js(tmp_path, f"{subset}/a.json", "../a.jpg", subset)
    put(tmp_path, "a.jpg")
    assert sorted(found(tmp_path, "labelme_json")) == [("train", "a"), ("val", "a")]


def test_json_files_of_images_with_one_name(tmp_path):
    for name in ("1/a", "2/a"):
        js(tmp_path, f"{name}.json", "a.jpg", "car")
        put(tmp_path, f"{name}.jpg")
    assert found(tmp_path, "labelme_json") == {
        ("default", name): (f"{name}.jpg", ["car"]) for name in ("1/a", "2/a")
    }


def test_json_files_that_name_another_files_image(tmp_path):
    """Copies that kept the name of the image that they were made from."""
    for name in "abc":
        js(tmp_path, f"{name}.json", "a.jpg", name)
        put(tmp_path, f"{name}.jpg")
    assert found(tmp_path, "labelme_json", "another one's image") == {
        ("default", name): (f"{name}.jpg", [name]) for name in "abc"
    }


def test_json_files_of_one_id(tmp_path):
    for folder in ("labels", "json"):
        js(tmp_path, f"{folder}/train/a.json", "a.jpg", folder)
        put(tmp_path, f"{folder}/train/a.jpg")
    assert found(tmp_path, "labelme_json", "item id of another image") == {
        ("train", f"{folder}/train/a"): (f"{folder}/train/a.jpg", [folder])
        for folder in ("labels", "json")
    }


def test_what_files_of_one_image_contradict_each_other_in_is_told(tmp_path):
    for name in ("a", "a_2"):
        js(tmp_path, f"{name}.json", "a.jpg", name, note=f"of {name}", same=1)
    put(tmp_path, "a.jpg")
    told = ["one item with all", "differ in labelme_json note; the first one's is kept"]
    found(tmp_path, "labelme_json", *told)
    (item,) = Dataset.import_from(tmp_path, "labelme_json").read(Ledger())
    assert item.extra["labelme_json"] == {"note": "of a", "same": 1}
