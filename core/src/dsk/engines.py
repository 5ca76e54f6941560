"""Mapping an export's work over partitions: in this process, or in several."""

from __future__ import annotations

import copy
import gc
import os
import signal
import threading
from abc import ABC, abstractmethod
from collections import deque
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from dsk.adapt import Adapter
from dsk.collector import collector_off
from dsk.errors import DskError, OptionError
from dsk.lfs import explaining
from dsk.loss import Ledger
from dsk.steps import iterate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from concurrent.futures import Executor, Future

    from dsk.columns import BoxColumns
    from dsk.descriptors import Capabilities
    from dsk.flow import Exporter, Source, Transform
    from dsk.item import DatasetItem
    from dsk.names import SubsetNames
    from dsk.output import WriteContext
    from dsk.progress import Progress

__all__ = ["Engine", "Job", "ProcessEngine", "SerialEngine", "engine_for", "job_count"]

AHEAD = 8
"""Partitions that wait for each worker: one that takes long does not let the others stand idle."""


class Job(Struct):
    """Everything a worker needs to write any partition."""

    source: Source
    partitions: Sequence[Any]
    steps: tuple[Transform, ...]
    exporter: Exporter
    capabilities: Capabilities
    context: WriteContext
    subsets: SubsetNames | None = None

    def run(self, part: int, progress: Progress | None = None) -> tuple[Any, Ledger]:
        """Write one partition; return the exporter's state and the ledger of this share."""
        ledger = Ledger(self.context.ledger.on_error)
        finite = self.source.finite and not self.steps
        adapter = Adapter(self.capabilities, ledger, finite=finite, subsets=self.subsets)
        adapted: Iterable[DatasetItem] | None = self._columns(part, adapter, ledger)
        if adapted is None:
            items: Iterable[DatasetItem] = iterate(
                self.source, self.partitions[part], self.steps, ledger
            )
            if progress is not None:
                items = progress.over(items)
            adapted = _count_out(adapter(items), ledger)
        elif progress is not None:
            progress.advance(ledger.items_in)
        # A copy for each partition: what one leaves on it must not reach the next.
        exporter = copy.copy(self.exporter)
        state = exporter.write(adapted, replace(self.context, ledger=ledger, part=part))
        return state, ledger

    def _columns(self, part: int, adapter: Adapter, ledger: Ledger) -> BoxColumns | None:
        """Take the short way, where the source and the exporter can and no step lies between."""
        if self.steps or not self.exporter.takes_columns or not adapter.keeps_boxes:
            return None
        with explaining():
            found = self.source.columns(
                self.partitions[part],
                ledger,
                outlines=adapter.outlines_become_boxes,
                family=self.capabilities.family,
            )
        if found is None:
            return None
        ledger.items_in = ledger.items_out = len(found.items)
        ledger.media_named = sum(item.media is not None for item in found.items)
        ledger.annotations_in = len(found.labels) + sum(len(i.annotations) for i in found.items)
        return adapter.columns(found)


def _count_out(items: Iterable[DatasetItem], ledger: Ledger) -> Iterator[DatasetItem]:
    for item in items:
        ledger.items_out += 1
        ledger.media_named += item.media is not None
        yield item


class Engine(ABC):
    """Runs a job's partitions and yields their results in order."""

    @abstractmethod
    def run(self, job: Job, progress: Progress) -> Iterator[tuple[Any, Ledger]]:
        """Yield each partition's state and ledger, in the order of the partitions."""


class SerialEngine(Engine):
    """One partition after the other, in this process."""

    def run(self, job: Job, progress: Progress) -> Iterator[tuple[Any, Ledger]]:
        """See ``Engine.run``."""
        with collector_off():
            for part in range(len(job.partitions)):
                yield job.run(part, progress)


_job: Job | None = None


_PR_SET_PDEATHSIG = 1
"""prctl(2), Linux: send this process a signal when its parent dies."""


_interrupts: list[int] = []
"""Numbers of the signals that were noted."""


def _note(number: int, frame: Any) -> None:  # noqa: ARG001 - the signature of handlers
    _interrupts.append(number)


class _HeldInterrupts:
    """Holds Ctrl-C back while processes are forked: what is taken there would stay locked for ever.

    Forking takes locks of the standard library, and an exception between taking and leaving one
    lets the next one who wants it wait in vain.
    """

    def __init__(self) -> None:
        self._before: Any = None

    def __enter__(self) -> None:
        _interrupts.clear()
        if threading.current_thread() is threading.main_thread():  # others get no signals
            self._before = signal.signal(signal.SIGINT, _note) or signal.SIG_DFL

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
        if _interrupts:
            os.kill(os.getpid(), signal.SIGINT)


def _follow(parent: int) -> None:
    """Let a worker end with the main process, even if that one is killed.

    A terminal sends Ctrl-C to all processes: a worker that has nothing to do only notes it.
    """
    signal.signal(signal.SIGINT, _note)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    import ctypes

    with suppress(OSError, AttributeError):  # other systems: orphans end when their pipe breaks
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before
        os._exit(1)


def _run_part(part: int) -> tuple[Any, Ledger, int]:
    if _job is None:
        msg = "the worker has no job"
        raise DskError(msg)
    gc.disable()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        if _interrupts:
            raise KeyboardInterrupt
        state, ledger = _job.run(part)
    finally:
        signal.signal(signal.SIGINT, _note)  # sending the result is not to be cut off
    return state, ledger, ledger.items_in


def _in_order(pool: Executor, count: int, ahead: int) -> Iterator[tuple[Any, Ledger, int]]:
    """Run all parts of the job; yield what each leaves, in order.

    Args:
        pool: Where they run.
        count: The number of parts.
        ahead: How many are handed out before the first of them is done: a million parts are not
            kept in memory.
    """
    parts = iter(range(count))
    pending: deque[Future[tuple[Any, Ledger, int]]] = deque()
    while True:
        with _HeldInterrupts():
            pending.extend(pool.submit(_run_part, n) for n in islice(parts, ahead - len(pending)))
        if not pending:
            return
        yield pending.popleft().result()


class ProcessEngine(Engine):
    """Partitions spread over forked processes.

    Args:
        jobs: Number of processes.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs

    def run(self, job: Job, progress: Progress) -> Iterator[tuple[Any, Ledger]]:
        """See ``Engine.run``; workers inherit the opened source, its maps and its index."""
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor
        from concurrent.futures.process import BrokenProcessPool

        global _job  # noqa: PLW0603 - the one way to hand unpicklable state to forked workers
        context = multiprocessing.get_context("fork")
        gc.freeze()
        _job = job
        try:
            count = min(self.jobs, len(job.partitions) or 1)
            others = multiprocessing.active_children()
            with ProcessPoolExecutor(count, context, _follow, (os.getpid(),)) as pool:
                try:
                    for state, ledger, taken in _in_order(pool, len(job.partitions), count * AHEAD):
                        progress.advance(taken)
                        yield state, ledger
                except BaseException:
                    for worker in multiprocessing.active_children():
                        if worker not in others:  # a fork forgets a signal that came before it
                            with suppress(ProcessLookupError, TypeError):
                                os.kill(worker.pid, signal.SIGINT)  # type: ignore[arg-type]
                    pool.shutdown(wait=True, cancel_futures=True)
                    raise
        except BrokenProcessPool as error:
            raise DskError(
                "a worker process died", hint="less memory is used with --jobs 1"
            ) from error
        finally:
            _job = None
            gc.unfreeze()


def job_count(jobs: int | str) -> int:
    """Return a number of jobs; "auto" is one per processor.

    Raises:
        OptionError: The number makes no sense.
    """
    try:
        count = len(os.sched_getaffinity(0)) if jobs == "auto" else int(jobs)
    except ValueError:
        count = 0
    if count < 1:
        raise OptionError(f"--jobs takes a number from 1 or 'auto', not {jobs!r}")
    return count


def engine_for(jobs: int | str, name: str | None = None) -> Engine:
    """Return the engine for a number of jobs ("auto": one per processor), or one by name.

    Raises:
        OptionError: The number makes no sense.
        UnknownNameError: There is no such engine.
    """
    if name not in (None, "serial", "processes"):
        from dsk.registry import registry, resolve

        engine: Engine = resolve(registry().engine(name).target)()
        return engine
    count = job_count(jobs)
    if name == "serial" or (count == 1 and name is None) or not hasattr(os, "fork"):
        return SerialEngine()
    return ProcessEngine(count)
