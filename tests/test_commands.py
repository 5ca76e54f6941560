"""Datumaro's own examples of transforms and filters, typed as its manual writes them."""

from __future__ import annotations

import shlex
from collections import Counter

import numpy as np
import pytest

from dsk import Bbox, Dataset, DatasetItem, Image, Label, Mask, Polygon
from dsk.annotations import Rle
from dsk.cli.app import run

LABELS = ["person", "car", "bus", "cat", "dog"]
COUNT = 40


def picture(number: int) -> Image:
    rng = np.random.Generator(np.random.PCG64(number))
    height, width = (20, 30) if number % 3 else (30, 20)
    pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.from_array(pixels, path=f"frame_{number:03}.png")


def item(number: int) -> DatasetItem:
    label = number % 5
    attributes = {"occluded": number % 2 == 0}
    confident = number / COUNT
    scores = [confident, 1 - confident]
    return DatasetItem(
        f"frame_{number:03}",
        subset="train",
        media=picture(number),
        annotations=[
            Bbox(1, 2, 10 + number % 4, 10, label=label, id=1, attributes=attributes),
            Polygon([2.0, 2.0, 8.0, 2.0, 8.0, 8.0], label=3, id=2),
            Mask(Rle((30, 20) if number % 3 == 0 else (20, 30), [0, 6, 594]), label=4, id=3),
            Label(label=label, id=4, attributes={"scores": scores}),
        ],
    )


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp("source") / "in"
    items = [item(number) for number in range(COUNT)]
    Dataset.from_iterable(items, LABELS).export(path, "datumaro", save_media=True)
    return path


@pytest.fixture
def dsk(source, tmp_path):
    """Run a command of the manual on the dataset, return what it wrote."""

    def command(line: str) -> list[DatasetItem]:
        words = shlex.split(line)
        cut = words.index("--") if "--" in words else len(words)
        place = ["-i", str(source), "-o", str(tmp_path / "out")]
        assert run([*words[1:cut], *place, *words[cut:]]) == 0
        return list(iter(Dataset.import_from(tmp_path / "out", "datumaro")))

    return command


def subsets(items):
    return Counter(i.subset for i in items)


def kinds(items):
    return Counter(a.kind for i in items for a in i.annotations)


def names(items):
    return Counter(LABELS[a.label] for i in items for a in i.annotations)


def test_random_split(dsk):
    items = dsk("dsk transform -t random_split -- --subset train:.67 --subset test:.33")
    assert subsets(items) == {"train": 27, "test": 13}


@pytest.mark.parametrize("task", ["classification", "detection", "segmentation"])
def test_split_by_task(dsk, task):
    items = dsk(
        f"dsk transform -t split -- -t {task} --subset train:.5 --subset val:.2 --subset test:.3"
    )
    assert subsets(items) == {"train": 20, "val": 8, "test": 12}


def test_split_for_reid(dsk):
    items = dsk(
        "dsk transform -t split -- -t reid --subset train:.5 --subset val:.2 --subset test:.3 "
        "--query .5"
    )
    who = {
        name: {i.annotations[-1].label for i in items if i.subset == name}
        for name in subsets(items)
    }
    assert who["test-query"] <= who["test-gallery"]
    assert who["test-gallery"].isdisjoint(who["train"] | who["val"])


@pytest.mark.parametrize(
    ("name", "gone", "come"),
    [
        ("boxes_to_masks", "bbox", "mask"),
        ("masks_to_polygons", "mask", "polygon"),
        ("polygons_to_masks", "polygon", "mask"),
    ],
)
def test_shapes(dsk, name, gone, come):
    found = kinds(dsk(f"dsk transform -t {name}"))
    assert gone not in found
    assert found[come] == 2 * COUNT


def test_shapes_to_boxes(dsk):
    assert kinds(dsk("dsk transform -t shapes_to_boxes")) == {"bbox": 3 * COUNT, "label": COUNT}


def test_remap_labels(source, tmp_path):
    line = "transform -t remap_labels -- -l person:car -l bus:bus -l cat:dog --default delete"
    words = line.split()
    out = tmp_path / "out"
    assert run([*words[:3], "-i", str(source), "-o", str(out), *words[3:]]) == 0
    dataset = Dataset.import_from(out, "datumaro")
    assert sorted(dataset.categories().names) == ["bus", "car", "dog"]


def test_rename(dsk):
    items = dsk(r"dsk transform -t rename -- -e '|frame_(\d+)|\\1|'")
    assert {i.id for i in items} == {f"{n:03}" for n in range(COUNT)}


def test_sampler(dsk):
    items = dsk(
        "dsk transform -t sampler -- -a entropy -i train -o sampled -u unsampled -m topk -k 20"
    )
    assert subsets(items) == {"sampled": 20, "unsampled": 20}
    far = [abs(int(i.id[-3:]) / COUNT - 0.5) for i in items if i.subset == "sampled"]
    assert max(far) <= 0.26, "the most uncertain ones are those near one half"


def test_ndr(dsk):
    items = dsk("dsk transform -t ndr -- -w train -a gradient -k 30 -e random -u uniform")
    assert subsets(items)["train"] == 30
    assert len(items) == COUNT


def test_filter_by_size(dsk):
    items = dsk("dsk filter -e '/item[image/width < image/height]'")
    assert len(items) == len(range(0, COUNT, 3))


def test_filter_by_subset(dsk):
    assert len(dsk("""dsk filter -e '/item[subset="train"]'""")) == COUNT


def test_filter_annotations(dsk):
    items = dsk(
        "dsk filter --mode annotations "
        """-e '/item/annotation[(label="cat" and area > 99.5) or label!="person"]'"""
    )
    assert "person" not in names(items)
    assert len(items) == COUNT


def test_filter_by_attribute(dsk):
    items = dsk("""dsk filter -m i+a -e '/item/annotation[occluded="True"]'""")
    assert len(items) == COUNT // 2
    assert kinds(items) == {"bbox": COUNT // 2}


def test_voc_preparation(source, tmp_path):
    """The manual's first VOC example: near-duplicates, a subset, a split, VOC at the end."""
    steps = [
        ["-t", "ndr", "--", "-w", "train", "-k", "25"],
        ["filter", "-e", '/item[subset="train"]'],
        ["-t", "random_split", "--", "-s", "train:.8", "-s", "val:.2"],
    ]
    path = source
    for number, words in enumerate(steps):
        command = ["filter"] if words[0] == "filter" else ["transform"]
        words = words[1:] if words[0] == "filter" else words  # noqa: PLW2901
        cut = words.index("--") if "--" in words else len(words)
        out = tmp_path / str(number)
        place = ["-i", str(path), "-o", str(out), "--save-media"]
        assert run([*command, *words[:cut], *place, *words[cut:]]) == 0
        path = out
    final = tmp_path / "voc"
    code = run(
        [
            "convert",
            "-i",
            str(path),
            "-f",
            "voc",
            "-o",
            str(final),
            "--",
            "--label-map",
            "voc",
            "--save-images",
        ]
    )
    assert code == 0
    assert (final / "ImageSets" / "Main" / "train.txt").read_text().count("\n") == 20
    assert len(list((final / "JPEGImages").iterdir())) == 25


def test_map_subsets_and_remove_a_class(source, tmp_path):
    """The manual's YOLO examples: subsets renamed, a class deleted."""
    first, second, third = (tmp_path / name for name in "abc")
    words = ["transform", "-i", str(source), "-o", str(first), "-t", "map_subsets"]
    assert run([*words, "--", "-s", "train:train", "-s", "val:valid"]) == 0
    words = ["filter", "-i", str(first), "-o", str(second), "-m", "i+a"]
    assert run([*words, "-e", '/item/annotation[label!="cat"]']) == 0
    words = ["transform", "-i", str(second), "-o", str(third), "-t", "remap_labels"]
    assert run([*words, "--", "-l", "cat:"]) == 0
    dataset = Dataset.import_from(third, "datumaro")
    assert dataset.categories().names == ["person", "car", "bus", "dog"]


def test_a_project_from_import_to_export(source, tmp_path, monkeypatch):
    """The manual's way from CVAT to TFRecord, standing in the project's folder."""
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    assert run(["import", "--format", "datumaro", "--input-path", str(source)]) == 0
    expression = '/item/annotation[occluded="False"]'
    words = ["-e", expression, "--mode", "items+anno", "--output-dir", "not_occluded"]
    assert run(["filter", *words, "--save-media"]) == 0
    left = Dataset.import_from("not_occluded", "datumaro")
    assert kinds(left) == {"bbox": COUNT // 2}
    words = ["-i", "not_occluded", "-f", "tf_detection_api", "-o", "records", "--", "--save-images"]
    assert run(["convert", *words]) == 0
    assert kinds(Dataset.import_from("records", "tf_detection_api")) == {"bbox": COUNT // 2}


def test_a_project_of_different_sources(source, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(["convert", "-i", str(source), "-f", "coco", "-o", "coco", "--save-media"]) == 0
    assert run(["convert", "-i", str(source), "-f", "voc", "-o", "voc"]) == 0
    assert run(["create", "-o", "project"]) == 0
    for name, path in (("coco_instances", "coco/annotations/instances_train.json"), ("voc", "voc")):
        assert run(["add", "path", path, "-p", "project", "-f", name]) == 0
    assert run(["export", "-p", "project", "-f", "tf_detection_api"]) == 0
    assert len(Dataset.import_from("project-tf_detection_api")) == COUNT
    capsys.readouterr()
    assert run(["project", "info", "-p", "project"]) == 0
    assert f"project: {COUNT} items" in capsys.readouterr().out


def test_validate_and_diff(source, tmp_path, capsys):
    assert run(["validate", str(source), "-t", "classification", "--", "-ir", "40"]) == 0
    assert run(["validate", str(source), "-t", "classification", "--", "-fs", "8"]) == 1
    assert "FewSamplesInLabel  5" in capsys.readouterr().out
    same, boxes = str(tmp_path / "same"), str(tmp_path / "boxes")
    assert run(["convert", "-i", str(source), "-f", "datumaro", "-o", same]) == 0
    assert run(["diff", str(source), same]) == 0
    assert run(["transform", "-i", same, "-t", "shapes_to_boxes", "-o", boxes]) == 0
    capsys.readouterr()
    assert run(["diff", str(source), boxes]) == 1
    shown = capsys.readouterr().out
    assert f"{COUNT * 4:,} matched, mean IoU 1.000" in shown
    assert f"{COUNT * 2:,} other kind" in shown


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("validate x -t detection -- -h", "dsk validate"),
        ("transform -i x -t remap_labels -- -h", "--mapping"),
        ("project export -f voc -- -h", "Pascal VOC"),
    ],
)
def test_help_behind_two_dashes(words: str, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(shlex.split(words)) == 0
    assert shown in capsys.readouterr().out
