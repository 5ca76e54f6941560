from __future__ import annotations

import gc
import os
from types import SimpleNamespace

import pytest

from dsk import engines
from dsk.annotations import Bbox
from dsk.collector import collector_off
from dsk.dataset import Dataset
from dsk.engines import ProcessEngine, SerialEngine, engine_for
from dsk.errors import DskError, OptionError, OutputError, RecordError, UnknownNameError
from dsk.flow import ListSource
from dsk.item import DatasetItem


@pytest.fixture
def many(toy, tmp_path):
    """Eleven items in six partitions."""
    source = tmp_path / "in"
    source.mkdir()
    for n in range(11):
        (source / f"i{n:02}.toy").write_text(f"{n} 0 1 1 {n % 2}\n" * (1 + n % 3))
    return Dataset.import_from(source, "toy")


def left(folder):
    return sorted(name for name in os.listdir(folder) if name != "in")


def plain(report):
    facts = report.to_dict()
    del facts["seconds"], facts["output"]
    return facts


@pytest.mark.parametrize("jobs", [2, 3, 20, "2"])
def test_the_output_is_the_same_for_any_number_of_jobs(many, tmp_path, tree, jobs):
    many = many.transform("shift").select(lambda item: item.id != "i05")
    reports = [
        many.export(tmp_path / "one", "toy", mark="-"),
        many.export(tmp_path / "many", "toy", mark="-", jobs=jobs),
    ]
    first, second = tree(tmp_path / "one"), tree(tmp_path / "many")
    assert first == second
    assert len(first) == 12
    assert first["list.txt"].endswith(b"default i10\ntotal 10\n")
    assert plain(reports[0]) == plain(reports[1])


def test_a_planning_step_works_in_workers(many, tmp_path, tree):
    halved = many.transform("halve")
    halved.export(tmp_path / "one", "toy")
    halved.export(tmp_path / "two", "toy", jobs=2)
    assert tree(tmp_path / "one") == tree(tmp_path / "two")
    assert "one/i00.txt" in tree(tmp_path / "one")


def test_archives_are_the_same_too(many, tmp_path):
    many.export(tmp_path / "one.zip", "toy")
    many.export(tmp_path / "two.zip", "toy", jobs=2)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_bad_records_are_counted_the_same(many, tmp_path, toy):
    for name in ("i03", "i08"):
        (tmp_path / "in" / f"{name}.toy").write_text("bad\n1 2 3 4 0\n")
    skipping = Dataset.import_from(tmp_path / "in", "toy", on_error="skip")
    one = skipping.export(tmp_path / "one", "toy")
    two = skipping.export(tmp_path / "two", "toy", jobs=2)
    assert plain(one) == plain(two)
    assert [b.where for b in two.bad] == ["i03.toy:1", "i08.toy:1"]
    assert two.errors == 2


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_of_a_worker_comes_as_itself_and_leaves_nothing(many, tmp_path, jobs):
    with pytest.raises(RecordError) as caught:
        many.export(tmp_path / "out", "toy", die_at="i06", jobs=jobs)
    error = caught.value
    assert (str(error), error.item, error.annotation) == (
        "here:7: this item is cursed (pray)",
        "i06",
        3,
    )
    assert left(tmp_path) == []


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_system_error_is_an_output_error_and_leaves_nothing(many, tmp_path, jobs):
    with pytest.raises(OutputError, match="some/file: the disk is full"):
        many.export(tmp_path / "out", "toy", die_at="i06", die_how="os", jobs=jobs)
    assert left(tmp_path) == []


@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_leaves_nothing(many, tmp_path, jobs):
    with pytest.raises(KeyboardInterrupt):
        many.export(tmp_path / "out", "toy", die_at="i06", die_how="interrupt", jobs=jobs)
    assert left(tmp_path) == []


def test_a_killed_worker_is_one_clear_error_and_leaves_nothing(many, tmp_path):
    with pytest.raises(DskError, match="a worker process died") as caught:
        many.export(tmp_path / "out", "toy", die_at="i06", die_how="kill", jobs=2)
    assert "--jobs 1" in caught.value.hint
    assert left(tmp_path) == []


def test_a_failed_overwrite_keeps_the_old(many, tmp_path, tree):
    many.export(tmp_path / "out", "toy")
    before = tree(tmp_path / "out")
    with pytest.raises(DskError):
        many.export(tmp_path / "out", "toy", die_at="i06", die_how="kill", jobs=2, overwrite=True)
    assert tree(tmp_path / "out") == before
    assert left(tmp_path) == ["out"]


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_empty_dataset_can_be_exported(toy, tmp_path, tree, jobs):
    Dataset.from_iterable([], ["a"]).export(tmp_path / "out", "toy", jobs=jobs)
    assert tree(tmp_path / "out") == {"labels.txt": b"a", "list.txt": b"total 0\n"}


def test_functions_that_cannot_be_pickled_work_in_workers(many, tmp_path):
    wanted = {"i03"}
    report = many.select(lambda item: item.id in wanted).export(tmp_path / "out", "toy", jobs=2)
    assert report.items == {"in": 11, "out": 1}


# --- choosing an engine --------------------------------------------------------------------------


def test_one_job_needs_no_processes():
    assert isinstance(engine_for(1), SerialEngine)
    assert isinstance(engine_for("1"), SerialEngine)
    assert isinstance(engine_for(4, "serial"), SerialEngine)


def test_more_jobs_are_processes():
    engine = engine_for("3")
    assert isinstance(engine, ProcessEngine)
    assert engine.jobs == 3
    assert isinstance(engine_for(1, "processes"), ProcessEngine)


def test_auto_is_one_per_processor():
    count = len(os.sched_getaffinity(0))
    engine = engine_for("auto")
    assert getattr(engine, "jobs", 1) == count


@pytest.mark.parametrize("jobs", [0, -1, "0", "many", "", "1.5"])
def test_numbers_of_jobs_that_make_no_sense(jobs):
    with pytest.raises(OptionError, match="--jobs takes a number from 1 or 'auto'"):
        engine_for(jobs)


def test_an_unknown_engine(toy):
    with pytest.raises(UnknownNameError, match="no engine 'dask'"):
        engine_for(1, "dask")


# --- the cyclic collector ------------------------------------------------------------------------


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_collector_is_on_again_afterwards(many, tmp_path, jobs):
    many.export(tmp_path / "out", "toy", jobs=jobs)
    assert gc.isenabled()
    with pytest.raises(RecordError):
        many.export(tmp_path / "bad", "toy", die_at="i06", jobs=jobs)
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_a_collector_that_was_off_stays_off():
    gc.disable()
    try:
        with collector_off():
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_the_order_of_items_does_not_depend_on_who_is_first(toy, tmp_path, tree):
    """Later partitions are far quicker than the first."""
    items = [DatasetItem(f"{n}", annotations=()) for n in range(2100)]
    slow = Dataset.from_iterable(items).transform(
        lambda item: (
            item if int(item.id) >= 1024 else item.replace(attributes={"n": sum(range(2000))})
        )
    )
    slow.export(tmp_path / "out", "toy", jobs=2)
    names = tree(tmp_path / "out")["list.txt"].decode().split()[1:-1:2]
    assert names == [item.id for item in items]


@pytest.mark.parametrize(("sure", "step", "kept"), [(0, 0, 0), (1, 0, 1), (1, 1, 0)])
def test_sources_that_are_sure_of_their_numbers_are_believed(many, tmp_path, sure, step, kept):
    """With a step in between nobody is sure."""
    box = Bbox(float("nan"), 0, 1, 1, label=0)
    source = ListSource([DatasetItem("a", annotations=[box])], many.source.header)
    source.finite = bool(sure)
    dataset = Dataset(source)
    report = (dataset.transform(lambda item: item) if step else dataset).export(
        tmp_path / "out", "toy"
    )
    assert report.annotations["out"] == kept


@pytest.fixture
def sizes(toy, monkeypatch):
    """Note how many items each partition has that the exporter writes."""
    found: list[int] = []
    write = toy.ToyExporter.write

    def noting(self, items, ctx):
        found.append(write(self, items, ctx))
        return found[-1]

    monkeypatch.setattr(toy.ToyExporter, "write", noting)
    return found


@pytest.mark.parametrize("heavy", ["", "ToyExporter", "Shift"])
def test_heavy_items_come_in_small_partitions(toy, sizes, tmp_path, monkeypatch, heavy):
    dataset = Dataset.from_iterable([DatasetItem(str(n)) for n in range(150)]).transform("shift")
    if heavy:
        monkeypatch.setattr(getattr(toy, heavy), "heavy", True)
    dataset.export(tmp_path / "out", "toy")
    assert sizes == ([32, 32, 32, 32, 22] if heavy else [150])


def test_images_that_are_encoded_anew_are_heavy(sizes, tmp_path):
    items = [DatasetItem(str(n)) for n in range(100)]
    given = ({"save_media": True}, {"image_ext": ".png"}, {"save_media": True, "image_ext": "png"})
    for n, settings in enumerate(given):
        Dataset.from_iterable(items).export(tmp_path / str(n), "toy", **settings)
    assert sizes == [100, 100, 32, 32, 32, 4]


def test_few_partitions_wait_for_workers(monkeypatch):
    """The results of a million partitions are not kept while the first one takes its time."""
    waiting = []

    class Pool:
        def submit(self, function, part):
            waiting.append(part)
            return SimpleNamespace(result=lambda: function(part))

    def run(part):
        assert len(waiting) <= 5
        waiting.remove(part)
        return part, None, 1

    monkeypatch.setattr(engines, "_run_part", run)
    assert [part for part, _, _ in engines._in_order(Pool(), 23, 5)] == list(range(23))
    assert not waiting
