"""What every format must be able to do, for each format of cases."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any, ClassVar

from msgspec.structs import replace

from dsk.annotations import Mask3d
from dsk.media import Volume
from dsk.testing import FormatSuite
from dsk.testing.described import HEAVY
from dsk.testing.samples import ODD_LABELS
from dsk_medical.volume.arrays import open_volume

if TYPE_CHECKING:
    from pathlib import Path

    from dsk import Dataset, DatasetItem

CLASSES = ("NCR/NET", "ED", "ET")


def _opened(item: DatasetItem) -> DatasetItem:
    media = item.media
    if not isinstance(media, Volume) or media.source is None:
        return item
    return item.replace(media=replace(media, source=open_volume(media)))


class _CaseSuite(FormatSuite):
    """Label volumes: one value for each voxel, so masks neither overlap nor share a label."""

    kinds = ("mask_3d",)
    subsets = ("train", "test")
    import_options: ClassVar = {"masks": "volume"}
    ignore = frozenset({"label_order"})

    def found(self, dataset: Dataset) -> Dataset:
        """Volumes are files; they are compared by their voxels."""
        return dataset.transform(_opened)

    def test_media_are_copied_exactly(self, tmp_path: Path) -> None:
        """The samples' volumes are no files: see the tests of each format for real ones."""

    def test_plugin_module_is_light(self) -> None:
        """The descriptors of ten formats fill several modules; all of them are light."""
        script = "import sys, dsk_medical.plugin; print(*sys.modules)"
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
        assert not set(HEAVY) & set(done.stdout.decode().split())

    def prepare(self, dataset: Dataset) -> Dataset:
        """One mask for each label of an item."""

        def once(item: Any) -> Any:
            seen: dict[Any, Any] = {}
            for a in item.annotations:
                key = a.label if isinstance(a, Mask3d) else id(a)
                seen.setdefault(key, a)
            return item.replace(annotations=list(seen.values()))

        return dataset.transform(once)


class TestBrats(_CaseSuite):
    format = "brats"
    added_labels = ("background",)


class TestBratsOriginal(_CaseSuite):
    format = "brats"
    labels = CLASSES
    unheld_ids = frozenset({"nested"})
    export_options: ClassVar = {"layout": "original", "label_values": "keep"}

    def test_losses_add_up(self, tmp_path: Path) -> None:
        """Nothing of the sample with everything is a volume: all of it is reported as dropped."""
        report = self.write(self.rich_sample(), tmp_path / "out")
        assert report.annotations["out"] == 0
        assert report.annotations["dropped"] == report.annotations["in"] > 0
        assert not list((tmp_path / "out").rglob("*.nii.gz"))


class TestBratsNumpy(_CaseSuite):
    format = "brats_numpy"
    added_labels = ("background",)


class TestBratsHdf5(_CaseSuite):
    format = "brats_hdf5"
    labels = CLASSES
    added_labels = CLASSES
    unheld_labels = frozenset(ODD_LABELS)  # the classes are part of the format
    export_options: ClassVar = {"normalize": "none"}


class TestNnunet(_CaseSuite):
    format = "nnunet"


class TestMsd(_CaseSuite):
    format = "msd"
