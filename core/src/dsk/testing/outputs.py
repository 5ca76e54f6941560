"""Checks of what an exporter leaves on the disk, and of how its output is found and read again."""

from __future__ import annotations

import hashlib
import tarfile
import zipfile
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from dsk.dataset import Dataset
from dsk.detect import ENOUGH, best_of, look
from dsk.errors import LossError, OutputExistsError
from dsk.files import open_root
from dsk.registry import resolve
from dsk.testing.base import SuiteBase
from dsk.testing.compare import differences, listing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dsk.loss import Report

__all__ = ["OutputChecks", "facts", "tree"]


class OutputChecks(SuiteBase):
    """Output appears whole or not at all, the same for any number of jobs, and is recognised."""

    def test_same_bytes_for_any_jobs(self, tmp_path: Path) -> None:
        """One process and two write the same files and the same report."""
        self.needs(reading=False)
        dataset = self.rich_sample()
        reports = [self.write(dataset, tmp_path / f"out{n}", jobs=n) for n in (1, 2)]
        alone, together = tree(tmp_path / "out1"), tree(tmp_path / "out2")
        assert alone, "nothing was written"
        assert differing(alone, together) == []
        assert facts(reports[0]) == facts(reports[1])

    def test_same_bytes_twice(self, tmp_path: Path) -> None:
        """Exporting again writes the same: no dates, no random names, no order of a set."""
        self.needs(reading=False)
        for n in (1, 2):
            self.write(self.rich_sample(), tmp_path / str(n) / "out")
        assert differing(tree(tmp_path / "1"), tree(tmp_path / "2")) == []

    def test_dry_run_forecasts(self, tmp_path: Path) -> None:
        """A dry run writes nothing and reports what the real run will."""
        self.needs(reading=False)
        dataset = self.rich_sample()
        forecast = self.write(dataset, tmp_path / "out", dry_run=True)
        assert list(tmp_path.iterdir()) == [], "a dry run wrote something"
        real = self.write(dataset, tmp_path / "out")
        assert facts(forecast) == facts(real)

    def test_strict_refuses_losses(self, tmp_path: Path) -> None:
        """``strict`` refuses just what a plain run reports as a loss, and leaves nothing behind."""
        self.needs(reading=False)
        dataset = self.rich_sample()
        report = self.write(dataset, tmp_path / "plain" / "out")
        strict = tmp_path / "strict" / "out"
        if not report.losses:
            self.write(dataset, strict, strict=True)
            return
        try:
            self.write(dataset, strict, strict=True)
        except LossError:
            assert list(strict.parent.iterdir()) == [], "a refused run left something"
        else:
            msg = f"strict let losses pass: {report.losses}"
            raise AssertionError(msg)

    def test_existing_output(self, tmp_path: Path) -> None:
        """A full folder is refused and left alone; ``overwrite`` replaces all of it."""
        self.needs(reading=False)
        self.write(self.sample(), tmp_path / "fresh" / "out")
        out = tmp_path / "out"
        (out / "old").mkdir(parents=True)
        (out / "old" / "stale.txt").write_text("stale")
        before = tree(out)
        try:
            self.write(self.sample(), out)
        except OutputExistsError:
            assert differing(tree(out), before) == [], "it was refused, yet something changed"
        else:
            msg = "a folder that is not empty was overwritten"
            raise AssertionError(msg)
        self.write(self.sample(), out, overwrite=True)
        assert differing(tree(out), tree(tmp_path / "fresh" / "out")) == []

    def test_media_are_copied_exactly(self, tmp_path: Path) -> None:
        """Saved media have the bytes they came with."""
        self.needs()
        dataset = self.sample(media="file", folder=tmp_path / "media")
        self.write(dataset, tmp_path / "out")
        theirs = {(i.id, i.subset): i.media for i in self.read(tmp_path / "out")}
        compared = 0
        for item in self.expected(dataset):
            media = theirs.get((item.id, item.subset))
            if item.media is None or not isinstance(item.media.source, str):
                continue
            assert media is not None, f"{item.id}: the medium is gone"
            assert _digest(item.media) == _digest(media), f"{item.id}: other bytes"
            compared += 1
        if not any(isinstance(i.media.source, str) for i in dataset if i.media is not None):
            pytest.skip("its media are arrays")
        assert compared, "no medium could be compared"

    def test_import_from_zip(self, tmp_path: Path) -> None:
        """A zip of the output reads like the folder."""
        self._reads_alike(tmp_path, ".zip", _zip)

    def test_import_from_tar(self, tmp_path: Path) -> None:
        """A tar of the output reads like the folder."""
        self._reads_alike(tmp_path, ".tar.gz", _tar)

    def test_export_to_zip(self, tmp_path: Path) -> None:
        """A ``.zip`` as destination holds what a folder would."""
        self.needs()
        dataset = self.sample()
        self.write(dataset, tmp_path / "out")
        self.write(dataset, tmp_path / "packed.zip")
        with zipfile.ZipFile(tmp_path / "packed.zip") as archive:
            packed = {i.filename: archive.read(i) for i in archive.infolist() if not i.is_dir()}
        assert differing(packed, tree(tmp_path / "out")) == []

    def test_detection_of_own_output(self, tmp_path: Path) -> None:
        """``dsk.detect`` names this format, and no other installed format as much."""
        self.needs()
        if not self.detected:
            return
        for name, media in (("with", True), ("without", False)):
            out = tmp_path / name
            self.write(self.sample(subsets=self.sample_subsets()[:2]), out, save_media=media)
            importer = self.importer()
            assert importer is not None
            _, answers = look(open_root(out))
            choice = best_of(answers, str(out))
            assert choice.format == importer.name, f"{name} media: {choice}"

    def test_detected_options_fit(self, tmp_path: Path) -> None:
        """Without naming the format, the import gives the same dataset."""
        self.needs()
        if not self.detected:
            return
        self.write(self.sample(), tmp_path / "out")
        named = self.read(tmp_path / "out")
        found = Dataset.import_from(tmp_path / "out", **self.import_options)
        assert not (different := differences(named, found)), listing(different)

    def test_detection_of_nothing(self, tmp_path: Path) -> None:
        """An empty folder, a text and a stray archive are not taken for this format."""
        self.needs(writing=False)
        info = self.importer()
        assert info is not None
        if not info.detector:
            return
        (tmp_path / "empty").mkdir()
        notes = tmp_path / "notes"
        notes.mkdir()
        (notes / "README.md").write_text("# Not a dataset\n")
        (notes / "values.json").write_text('{"a": [1, 2], "b": null}')
        (notes / "table.csv").write_text("when,what\nnow,this\n")
        (notes / "page.xml").write_text("<page><title>x</title></page>")
        (notes / "list.txt").write_text("eggs\nmilk\n")
        for folder in (tmp_path / "empty", notes):
            answer = resolve(info.detector)(open_root(folder))
            sure = answer is not None and answer.score >= ENOUGH
            assert not sure, f"{folder.name} is taken for {self.format}: {answer}"

    def _reads_alike(self, tmp_path: Path, suffix: str, pack: Callable[[Path, Path], None]) -> None:
        self.needs()
        folder = tmp_path / "out"
        self.write(self.sample(subsets=self.sample_subsets()[:2]), folder)
        packed = tmp_path / "packed" / f"out{suffix}"
        packed.parent.mkdir()
        pack(folder, packed)
        before = tree(tmp_path)
        plain, archived = self.read(folder), self.read(packed)
        assert list(plain), "nothing was read"
        assert not (found := differences(plain, archived)), listing(found)
        assert differing(tree(tmp_path), before) == [], "reading changed files"


def tree(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder with their content; folders end with a slash."""
    return {
        path.relative_to(folder).as_posix() + ("/" if path.is_dir() else ""): (
            b"" if path.is_dir() else path.read_bytes()
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file() or not any(path.iterdir())
    }


def differing(one: dict[str, bytes], other: dict[str, bytes]) -> list[str]:
    """Return the names of the files that only one of two trees has, or that differ.

    To compare the trees themselves makes pytest show how they differ, which takes minutes for some.
    """
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def facts(report: Report) -> dict[str, Any]:
    """Return what two runs of the same export have in common."""
    facts: dict[str, Any] = msgspec.to_builtins(report)
    return {k: v for k, v in facts.items() if k not in ("seconds", "output")}


def _digest(media: Any) -> str:
    return hashlib.sha256(media.read_bytes()).hexdigest()


def _zip(folder: Path, packed: Path) -> None:
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder).as_posix())


def _tar(folder: Path, packed: Path) -> None:
    with tarfile.open(packed, "w:gz") as archive:
        for path in sorted(folder.rglob("*")):
            archive.add(path, path.relative_to(folder).as_posix(), recursive=False)
