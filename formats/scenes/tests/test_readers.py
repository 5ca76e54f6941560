"""What we write, read by Cityscapes' own scripts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from cityscapesscripts.evaluation.instances2dict import instances2dict
from cityscapesscripts.helpers.csHelpers import getCoreImageFileName, getCsFileInfo, getDirectory
from cityscapesscripts.helpers.labels import id2label, labels, name2label
from cityscapesscripts.preparation.createPanopticImgs import convert2panoptic
from PIL import Image as PilImage

from dsk import Dataset
from dsk.annotations import Mask
from dsk.item import DatasetItem
from dsk.media import Image
from dsk.rle import from_dense

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

HEIGHT, WIDTH = 40, 60
NAMES = ["person", "sky", "car", "road"]
"""In another order than Cityscapes has them."""
AREAS = {"sky": 1200, "road": 946}
OBJECTS = {"car": [80, 100], "person": [24]}
CROWD = 50


def mask(name: str, rows: tuple[int, int], columns: tuple[int, int], number: int = -1) -> Mask:
    pixels = np.zeros((HEIGHT, WIDTH), np.uint8)
    pixels[slice(*rows), slice(*columns)] = 1
    return Mask(
        from_dense(pixels),
        label=NAMES.index(name),
        object_id=number,
        attributes={"is_crowd": number < 0},
        z_order=name != "road",
    )


def scene() -> list[Mask]:
    return [
        mask("sky", (0, 20), (0, WIDTH)),
        mask("road", (20, 40), (0, WIDTH)),
        mask("car", (20, 30), (5, 15), 0),
        mask("car", (20, 30), (20, 28), 1),
        mask("person", (22, 30), (30, 33), 0),
        mask("person", (25, 30), (35, 45)),
    ]


@pytest.fixture
def written(tmp_path: Path) -> Path:
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    items = [
        DatasetItem(i, subset, Image.from_array(picture, f"{i}.png"), scene())
        for i, subset in (
            ("ulm/ulm_000000_000019", "train"),
            ("ulm/ulm_000001_000019", "train"),
            ("bonn/bonn_000000_000019", "val"),
        )
    ]
    Dataset.from_iterable(items, NAMES).export(
        tmp_path / "o", "cityscapes", save_media=True, label_map="cityscapes", train_ids=True
    )
    return tmp_path / "o"


def pixels(file: Path, kind: str) -> NDArray[np.integer]:
    return np.array(PilImage.open(str(file).replace("instanceIds", kind)))


def test_names_of_files(written: Path) -> None:
    files = sorted(written.glob("gtFine/*/*/*_gtFine_instanceIds.png"))
    found = [getCsFileInfo(str(file)) for file in files]
    assert [(f.city, f.sequenceNb, f.frameNb) for f in found] == [
        ("ulm", "000000", "000019"),
        ("ulm", "000001", "000019"),
        ("bonn", "000000", "000019"),
    ]
    for file in files:
        folder = f"leftImg8bit/{file.parent.parent.name}/{getDirectory(str(file))}"
        assert (written / folder / f"{getCoreImageFileName(str(file))}_leftImg8bit.png").is_file()


def test_instances(written: Path) -> None:
    files = sorted(str(file) for file in written.glob("gtFine/*/*/*_gtFine_instanceIds.png"))
    assert len(files) == 3
    for instances in instances2dict(files).values():
        found = {name: [(i["instID"], i["pixelCount"]) for i in v] for name, v in instances.items()}
        number = {name: name2label[name].id for name in NAMES}
        assert {name: values for name, values in found.items() if values} == {
            **{name: [(number[name], area)] for name, area in AREAS.items()},
            "car": [(number["car"] * 1000, 100), (number["car"] * 1000 + 1, 80)],
            "person": [(number["person"], CROWD), (number["person"] * 1000, 24)],
        }


def test_label_maps_agree_with_the_scripts_table(written: Path) -> None:
    (file,) = written.glob("gtFine/val/*/*_gtFine_instanceIds.png")
    ids, trained = pixels(file, "labelIds"), pixels(file, "labelTrainIds")
    colours = np.array(PilImage.open(str(file).replace("instanceIds", "color")).convert("RGB"))
    assert {id2label[n].name for n in np.unique(ids)} == set(NAMES)
    for number in np.unique(ids):
        label = id2label[number]
        assert set(trained[ids == number]) == {label.trainId}
        assert np.array_equal(np.unique(colours[ids == number], axis=0), [label.color])


@pytest.mark.parametrize("spell", [str, str.title, lambda name: name.replace(" ", "")])
@pytest.mark.parametrize("step", [1, -1])
@pytest.mark.parametrize("left", [None, 255], ids=["all", "evaluated"])
def test_own_names_have_the_ids_of_the_scripts_table(
    tmp_path: Path, spell: Callable[[str], str], step: int, left: int | None
) -> None:
    """Labels without colours, in any order, some missing: their names alone say it."""
    table = [label for label in labels if label.id >= 0 and label.trainId != left][::step]
    rows = np.arange(len(table)).reshape(1, -1)
    masks = [
        Mask(from_dense(rows == n), label=n, attributes={"is_crowd": not label.hasInstances})
        for n, label in enumerate(table)
    ]
    given = Dataset.from_iterable(
        [DatasetItem("ulm/ulm_000000_000019", "val", annotations=masks)],
        [spell(label.name) for label in table],
    )
    report = given.export(tmp_path / "o", "cityscapes", train_ids=True)
    assert not report.losses
    (file,) = tmp_path.glob("o/gtFine/val/*/*_gtFine_instanceIds.png")
    numbers = [label.id * 1000 if label.hasInstances else label.id for label in table]
    assert pixels(file, "instanceIds").tolist() == [numbers]
    assert pixels(file, "labelIds").tolist() == [[label.id for label in table]]
    assert pixels(file, "labelTrainIds").tolist() == [[label.trainId for label in table]]
    colours = np.array(PilImage.open(str(file).replace("instanceIds", "color")).convert("RGB"))
    assert colours.tolist() == [[list(label.color) for label in table]]
    back = Dataset.import_from(tmp_path / "o", "cityscapes", source="instance")
    names = back.categories().names
    (item,) = back
    found = sorted(names[a.label] for a in item.annotations)
    assert found == sorted(spell(label.name) for label in table)


def test_panoptic_maps_can_be_made(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = written / "panoptic"
    target.mkdir()
    convert2panoptic(str(written / "gtFine"), str(target), True, ["train", "val"])
    capsys.readouterr()
    for subset, count in (("train", 2), ("val", 1)):
        made = json.loads((target / f"cityscapes_panoptic_{subset}_trainId.json").read_text())
        assert len(made["annotations"]) == count
        segments = made["annotations"][0]["segments_info"]
        found = sorted((s["category_id"], s["area"], s["iscrowd"]) for s in segments)
        things = [(name, area, 0) for name, areas in OBJECTS.items() for area in areas]
        areas = [(name, area, 0) for name, area in AREAS.items()]
        expected = [*things, *areas, ("person", CROWD, 1)]
        assert found == sorted((name2label[n].trainId, a, c) for n, a, c in expected)
