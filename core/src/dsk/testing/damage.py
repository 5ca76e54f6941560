"""Checks on damaged and hostile input: a clear error or fewer things, never anything else."""

from __future__ import annotations

import contextlib
import posixpath
import shutil
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from dsk.errors import DskError, DskWarning, RecordError
from dsk.loss import Ledger
from dsk.testing import attacks, sandbox
from dsk.testing.arena import POLICIES, first_of_each_sort
from dsk.testing.base import SuiteBase, touch
from dsk.testing.mutations import sort_of
from dsk.testing.outputs import tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["DamageChecks"]

FILES = 12
"""How many files of an output are damaged: the first of each sort, sorts by folder and ending."""


class DamageChecks(SuiteBase):
    """Whatever a dataset's files hold, a DskError is the worst that happens."""

    damages: ClassVar[dict[str, Callable[[Path], None]]] = attacks.DAMAGES
    """What is done to each file, by name."""

    def make(self, folder: Path) -> None:  # noqa: ARG002 - for overriders
        """Write a valid dataset of two items or more into a folder, if the format is only read.

        Without it the checks on damaged input of such a format are skipped.
        """
        pytest.skip(f"{self.format} is not written, and its suite has no make()")

    @pytest.mark.damage
    def test_what_is_damaged_was_good(self, tmp_path: Path) -> None:
        """What the checks damage is a dataset before."""
        self.needs(writing=False)
        items = self.consume(self._good(tmp_path), tmp_path / "out", "raise")
        assert len(items) > 1
        assert all(item.annotations or item.attributes or item.media for item in items)

    @pytest.mark.damage
    def test_truncated_files(self, tmp_path: Path) -> None:
        """Files that end early."""
        self._survives_damage("truncated", tmp_path)

    @pytest.mark.damage
    def test_empty_files(self, tmp_path: Path) -> None:
        """Files without content."""
        self._survives_damage("emptied", tmp_path)

    @pytest.mark.damage
    def test_garbage_files(self, tmp_path: Path) -> None:
        """Files of random bytes."""
        self._survives_damage("garbage", tmp_path)

    @pytest.mark.damage
    def test_files_of_wrong_encoding(self, tmp_path: Path) -> None:
        """Text that is not UTF-8."""
        self._survives_damage("latin-1", tmp_path)

    @pytest.mark.damage
    def test_folders_in_place_of_files(self, tmp_path: Path) -> None:
        """A folder where a file is expected."""
        self._survives_damage("folder", tmp_path)

    @pytest.mark.damage
    def test_missing_files(self, tmp_path: Path) -> None:
        """Files that are gone."""
        self._survives_damage("deleted", tmp_path)

    @pytest.mark.damage
    def test_unfetched_files(self, tmp_path: Path) -> None:
        """Links to nothing, as git-annex leaves them: what is missing is told, or an error."""
        self.needs(writing=False)
        good, bad = self._good(tmp_path), tmp_path / "unfetched"
        whole, usual = self._told(good)
        for name in first_of_each_sort(good)[:FILES]:
            shutil.copytree(good, bad)
            (bad / name).unlink()
            (bad / name).symlink_to("gone")
            with contextlib.suppress(DskError):  # which says so
                left, told = self._told(bad)
                assert left >= whole or told - usual, f"nobody says that {name} leads to nothing"
            shutil.rmtree(bad)

    @pytest.mark.damage
    def test_wrong_values(self, tmp_path: Path) -> None:
        """Values of the wrong type, out of range, missing or doubled, in every text file."""
        self.needs(writing=False)
        good = self._good(tmp_path)
        trouble = sandbox.run(lambda: self._mutate(good, tmp_path / "arena" / "bad"), seconds=300)
        assert not trouble.trouble, trouble.trouble
        assert not trouble.value, "\n\n".join(trouble.value[:5])

    @pytest.mark.damage
    def test_hostile(self, attack: str, tmp_path: Path) -> None:
        """Each attack of ``dsk.testing.attacks`` on the format's output, or what ``make`` made."""
        self.needs(writing=False)
        good = self._good(tmp_path)
        problems = attacks.strike(attacks.ATTACKS[attack], good, tmp_path / "strike", self.consume)
        assert not problems, "\n\n".join(problems[:5])

    @classmethod
    def pytest_generate_tests(cls, metafunc: Any) -> None:
        """Give each attack a test."""
        super().pytest_generate_tests(metafunc)
        if "attack" in metafunc.fixturenames:
            metafunc.parametrize("attack", list(attacks.ATTACKS))

    def consume(self, path: Path, out: Path, on_error: str) -> list[Any]:
        """Import and use a dataset, and convert it to its own format if that can be written.

        Returns:
            Its items.

        Raises:
            DskError: The worst that may happen.
        """
        dataset = self.read(path, on_error=on_error)
        with warnings.catch_warnings():  # oddities that are repaired are told, which is right
            warnings.simplefilter("ignore", DskWarning)
            items = list(iter(dataset))
        for item in items:
            touch_safely(item)
        if self.exporter() is not None:
            self.write(dataset, out)
        return items

    def _good(self, tmp_path: Path) -> Path:
        good = tmp_path / "good"
        if self.exporter() is None:
            good.mkdir()
            self.make(good)
        else:
            subsets = self.sample_subsets()[:2]
            self.write(self.sample(subsets=subsets, ids=attacks.VICTIMS), good)
        return good

    def _told(self, path: Path) -> tuple[int, set[str]]:
        """Return how many items and annotations a dataset has, and what reading it warns of."""
        dataset, ledger = self.read(path), Ledger()
        count = sum(1 + len(item.annotations) for item in dataset.read(ledger))
        return count, {*dataset.opening_ledger.warnings, *ledger.warnings}

    def _survives_damage(self, damage: str, tmp_path: Path) -> None:
        self.needs(writing=False)
        good = self._good(tmp_path)
        names = first_of_each_sort(good)[:FILES]
        assert names, "the output has no files"
        run = sandbox.run(lambda: self._damage(good, names, damage, tmp_path / "arena" / "bad"))
        assert not run.trouble, run.trouble
        assert not run.value, "\n\n".join(run.value[:5])

    def _damage(self, good: Path, names: list[str], damage: str, bad: Path) -> list[str]:
        problems = []
        for name in names:
            shutil.copytree(good, bad)
            self.damages[damage](bad / name)
            problems += [f"{name} {damage}, {p}" for p in self._problems(bad)]
            shutil.rmtree(bad)
        return problems

    def _mutate(self, good: Path, bad: Path) -> list[str]:
        problems = []
        done: set[tuple[str, str]] = set()
        shutil.copytree(good, bad)
        for name in first_of_each_sort(good)[:FILES]:
            whole = (good / name).read_bytes()
            is_text = sort_of(whole) != "binary"
            folder = posixpath.basename(posixpath.dirname(name))
            for what, data in attacks.mutations(name, whole):
                fault = (folder, what)
                if is_text and fault in done:
                    continue  # of the same parts as another file: train/ann/1.json, val/ann/2.json
                done.add(fault)
                (bad / name).write_bytes(data)
                problems += [f"{name}, {what}, {p}" for p in self._problems(bad)]
                if len(problems) >= 10:
                    return problems
            (bad / name).write_bytes(whole)
        return problems

    def _problems(self, bad: Path) -> Iterator[str]:
        """Read a damaged dataset by both policies and yield what goes wrong."""
        before = tree(bad.parent)
        for policy in POLICIES:
            out, whole = bad.parent / "converted", False
            try:
                self.consume(bad, out, policy)
                whole = True
            except RecordError as error:
                if policy == "skip":
                    yield f"skipping raises RecordError: {error}"
            except DskError:
                pass  # what damage shall lead to
            except Exception as error:  # noqa: BLE001 - any other is what is looked for
                yield f"{policy}: {attacks.tell(error)}"
            shutil.rmtree(out, ignore_errors=True)
            if tree(bad.parent) != before:
                yield f"{policy}: reading it changed files"
            if whole:
                break  # nothing raised, so there is nothing to skip


def touch_safely(item: Any) -> None:
    """Use what is decoded on demand; malformed geometry may say so by a ValueError."""
    try:
        touch(item)
    except ValueError:
        return
