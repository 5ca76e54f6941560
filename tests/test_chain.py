"""The way of a first user: the example through several formats, and what the ledger says of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from dsk import Dataset
from dsk.testing import assert_same_dataset

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "shapes"


def counts(path: Path | str, name: str) -> tuple[set[tuple[str, str]], Counter[str]]:
    items, kinds = set(), Counter()
    for item in Dataset.import_from(path, name):
        items.add((item.id, item.subset))
        kinds.update(a.kind for a in item.annotations)
    return items, kinds


def test_coco_to_coco_keeps_every_annotation_record(tmp_path):
    Dataset.import_from(EXAMPLE, "coco_instances").export(tmp_path / "out", "coco_instances")
    for subset in ("train", "val"):
        name = f"annotations/instances_{subset}.json"
        before, after = (json.loads((p / name).read_text()) for p in (EXAMPLE, tmp_path / "out"))
        assert {a["id"]: a for a in after["annotations"]} == {
            a["id"]: a for a in before["annotations"]
        }
        assert after["categories"] == before["categories"]
        assert after["info"] == before["info"]
        assert after["licenses"] == before["licenses"]
        assert {i["id"]: i for i in after["images"]} == {i["id"]: i for i in before["images"]}


@pytest.mark.parametrize("jobs", [1, 2])
def test_chain_keeps_items_and_reports_the_rest(tmp_path, jobs):
    source, name = EXAMPLE, "coco_instances"
    items, _ = counts(source, name)
    for target in ("voc", "yolo", "coco", "datumaro"):
        dataset = Dataset.import_from(source, name)
        report = dataset.export(tmp_path / target, target, save_media=True, jobs=jobs)
        tally = report.annotations
        assert tally["in"] + tally["split"] == (
            tally["out"] + tally["dropped"] + tally["merged"] + tally["removed"]
        )
        found, kinds = counts(tmp_path / target, target)
        assert found == items, target
        assert sum(kinds.values()) == tally["out"], (target, kinds, report.events)
        source, name = tmp_path / target, target


def test_text_attributes_of_voc_do_not_make_crowds(tmp_path):
    """VOC says ``is_crowd`` as the text "False"; every object must still be an object for YOLO."""
    Dataset.import_from(EXAMPLE, "coco_instances").export(tmp_path / "voc", "voc")
    report = Dataset.import_from(tmp_path / "voc", "voc").export(tmp_path / "yolo", "yolo")
    assert report.annotations["dropped"] == 0
    assert report.annotations["out"] == 140


def test_images_are_copied_byte_by_byte(tmp_path):
    report = Dataset.import_from(EXAMPLE, "coco").export(tmp_path / "out", "yolo", save_media=True)
    before = Counter(p.read_bytes() for p in EXAMPLE.rglob("*") if p.suffix in {".jpg", ".png"})
    after = Counter(
        p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.suffix in {".jpg", ".png"}
    )
    assert after == before
    assert report.media_saved == before.total()


def test_archive_in_archive_out(tmp_path):
    first = Dataset.import_from(EXAMPLE, "coco_instances")
    first.export(tmp_path / "one.zip", "voc", save_media=True)
    Dataset.import_from(tmp_path / "one.zip", "voc").export(
        tmp_path / "two.zip", "datumaro", save_media=True
    )
    first.export(tmp_path / "one", "voc", save_media=True)
    assert_same_dataset(
        Dataset.import_from(tmp_path / "two.zip", "datumaro"),
        Dataset.import_from(tmp_path / "one", "voc"),
    )


def convert(*words: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dsk", "convert", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**os.environ, "DSK_TRACEBACK": ""},
    )


def broken(tmp_path: Path, change: object) -> Path:
    """Write the example's training annotations with one thing wrong."""
    folder = tmp_path / "in"
    (folder / "annotations").mkdir(parents=True)
    text = (EXAMPLE / "annotations/instances_train.json").read_text()
    if callable(change):
        document = json.loads(text)
        change(document)
        text = json.dumps(document)
    else:
        text = text[: int(len(text) * 0.7)]
    (folder / "annotations/instances_train.json").write_text(text)
    return folder


def no_category(document):
    document["annotations"][3]["category_id"] = 4711


def no_image(document):
    document["annotations"][3]["image_id"] = 4711


def nan_box(document):
    document["annotations"][3]["bbox"][0] = float("nan")


def climbing(document):
    document["images"][0]["file_name"] = "../../evil.jpg"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("truncated", ["truncated"]),
        (no_category, ["4711", "/annotations/3"]),
        (no_image, ["4711", "/annotations/3"]),
        (nan_box, ["NaN", "/annotations/3"]),
        (climbing, ["../../evil.jpg"]),
    ],
)
@pytest.mark.parametrize("target", ["coco", "voc", "yolo", "datumaro"])
def test_bad_input_is_one_line_and_leaves_nothing(tmp_path, change, words, target):
    folder = broken(tmp_path, change)
    done = convert("-i", folder, "-f", target, "-o", "out", "--save-media", cwd=tmp_path)
    assert done.returncode == 3, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    assert "internal" not in done.stderr
    for word in words:
        assert word in lines[0]
    assert [p.name for p in tmp_path.iterdir()] == ["in"]


def test_missing_iscrowd_is_no_error(tmp_path):
    def drop(document):
        for annotation in document["annotations"]:
            annotation.pop("iscrowd", None)

    folder = broken(tmp_path, drop)
    assert convert("-i", folder, "-f", "voc", "-o", "out", cwd=tmp_path).returncode == 0


def test_skip_goes_on_without_the_bad_record(tmp_path):
    folder = broken(tmp_path, no_category)
    done = convert(
        "-i", folder, "-f", "coco", "-o", "out", "--on-error", "skip", "--json", cwd=tmp_path
    )
    assert done.returncode == 1
    assert json.loads(done.stdout)["errors"] == 1
    record = json.loads((tmp_path / "errors.jsonl").read_text())
    assert record["where"].endswith("/annotations/3")
