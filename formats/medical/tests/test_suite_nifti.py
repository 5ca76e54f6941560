"""What every format must be able to do, for NIfTI by name and by plane."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any, ClassVar

from msgspec.structs import replace

from dsk.media import Volume
from dsk.testing import FormatSuite, samples
from dsk_medical.volume.arrays import open_volume

if TYPE_CHECKING:
    from pathlib import Path

    from dsk import Dataset, DatasetItem


class _NiftiSuite(FormatSuite):
    ignore = frozenset({"object_id"})  # objects are values of their class, which are kept

    def found(self, dataset: Dataset) -> Dataset:
        """Volumes are files; they are compared by their voxels."""
        return dataset.transform(_opened)

    def test_plugin_module_is_light(self) -> None:
        """It imports the descriptors of each format, which lie in its folder, and nothing else."""
        code = "import sys, dsk_medical.plugin; print(*sys.modules)"
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        loaded = out.stdout.decode().split()
        own = {m for m in loaded if m.startswith("dsk_medical.") and m != "dsk_medical.plugin"}
        described = {m for m in own if m.endswith(".descriptors")}
        assert own == described | {m.rpartition(".")[0] for m in described}
        assert not {"numpy", "nibabel", "h5py", "pydicom", "highdicom"} & set(loaded)

    def rich_sample(self, **changes: Any) -> Dataset:
        """Shapes of all kinds, on volumes."""
        return super().rich_sample(**{"kinds": tuple(samples.MAKERS), **changes})

    def test_media_are_copied_exactly(self, tmp_path: Path) -> None:
        """The samples' volumes are no files: see test_nifti_geometry.py for real ones."""


class TestByName(_NiftiSuite):
    format = "nifti"
    kinds = ("mask_3d",)
    attributes: ClassVar = {"score": 0.5}
    item_attributes: ClassVar = {}
    unheld_labels = frozenset({"punctuation"})  # classes are names of files


class TestPlanes(_NiftiSuite):
    format = "nifti"
    export_options: ClassVar[dict[str, Any]] = {"structure": "planes-items"}
    kinds = ("mask_3d",)
    attributes: ClassVar = {"score": 0.5}
    item_attributes: ClassVar = {"plane": "axl"}

    def prepare(self, dataset: Dataset) -> Dataset:
        """Items by plane have its name in theirs."""
        return dataset.transform(
            lambda item: item.replace(id=f"{item.id}/axl_anatomic", attributes={"plane": "axl"})
        )


def _opened(item: DatasetItem) -> DatasetItem:
    if not isinstance(item.media, Volume) or item.media.source is None:
        return item
    return item.replace(media=replace(item.media, source=open_volume(item.media)))


class TestNrrd(_NiftiSuite):
    ignore = frozenset({"object_id", "label_order"})  # labels are named by the segments
    format = "nrrd"
    kinds = ("mask_3d",)
    attributes: ClassVar = {}
    item_attributes: ClassVar = {}
    unheld_labels = frozenset({"punctuation", "words"})  # those that no segment has
