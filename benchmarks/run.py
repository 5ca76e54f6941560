"""Measure dsk as whole processes, in turn with bare conversions, and print ratios.

    python benchmarks/run.py [--size S|M] [--rounds N] [--only REGEX] [--work DIR] [--peer NAME=COMMAND …]

Everything is written to a memory file system unless --work names another folder. A peer is a
command with {source} and {out}, run in turn with the jobs whose name NAME starts with, for instance
--peer 'coco_yolo:datumaro=datum convert -i {source} -if coco_instances -f yolo -o {out}'.
Wall and CPU seconds are medians; memory is the largest anonymous memory of any process of the tree.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import data  # noqa: E402 - lies beside this file

JOBS = ("coco_yolo", "coco_coco", "coco_voc", "voc_coco", "yolo_coco")
SAMPLE = 0.02


@dataclass
class Runs:
    """What one command took, round by round."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    anonymous: float = 0.0


def anonymous_mib(pid: int) -> float:
    """Return the anonymous memory of a process and its children in MiB."""
    total = 0.0
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        match = re.search(r"RssAnon:\s+(\d+)", status)
        total = int(match[1]) / 1024 if match else 0.0
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return total
    return max([total, *(anonymous_mib(int(child)) for child in children)])


def measure(command: list[str], runs: Runs, out: Path) -> None:
    """Run a command once; end the program when it fails."""
    shutil.rmtree(out, ignore_errors=True)
    before = os.times()
    started = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    stop = threading.Event()
    peaks = [0.0]

    def watch() -> None:
        while not stop.wait(SAMPLE):
            peaks.append(anonymous_mib(child.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    _, said = child.communicate()
    wall = time.perf_counter() - started
    stop.set()
    watcher.join()
    after = os.times()
    if child.returncode:
        sys.exit(f"{shlex.join(command)} failed: {said.decode(errors='replace')[-500:]}")
    runs.wall.append(wall)
    runs.cpu.append(
        after.children_user - before.children_user + after.children_system - before.children_system
    )
    runs.anonymous = max(runs.anonymous, *peaks)
    shutil.rmtree(out, ignore_errors=True)


def commands(job: str, source: Path, out: Path, peers: list[str]) -> dict[str, list[str]]:
    """Return the commands to compare for a job; the first is the measure of the others."""
    target = job.split("_")[1]
    convert = [
        sys.executable,
        "-m",
        "dsk",
        "convert",
        "-i",
        str(source),
        "-f",
        target,
        "-o",
        str(out),
    ]
    found = {
        "bare": [sys.executable, str(HERE / "bare.py"), job, str(source), str(out)],
        "dsk": convert,
        "dsk --jobs 2": [*convert, "--jobs", "2"],
    }
    for peer in peers:
        name, _, text = peer.partition("=")
        if name.startswith(f"{job}:"):
            found[name.partition(":")[2]] = shlex.split(text.format(source=source, out=out))
    return found


def show(title: str, results: dict[str, Runs]) -> None:
    first = statistics.median(next(iter(results.values())).wall)
    print(f"\n{title:18} {'wall s':>8} {'cpu s':>8} {'anon MiB':>9} {'ratio':>7}")
    for name, runs in results.items():
        wall, cpu = statistics.median(runs.wall), statistics.median(runs.cpu)
        print(
            f"{name:18} {wall:8.2f} {cpu:8.2f} {runs.anonymous:9.0f} {wall / first:7.2f}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", choices=sorted(data.SIZES), default="S")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="")
    parser.add_argument("--work", type=Path, default=Path("/dev/shm/dsk-bench"))  # noqa: S108
    parser.add_argument("--peer", action="append", default=[])
    given = parser.parse_args()
    # Without bytecode dsk would be compiled in every run, and peers that pip compiled would not.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if re.search(given.only, "start-up"):
        start = {"import typer": [sys.executable, "-c", "import typer"]}
        start |= {
            f"dsk {word}": [sys.executable, "-m", "dsk", word] for word in ("--help", "formats")
        }
        results = {name: Runs() for name in start}
        for _ in range(max(given.rounds, 5)):
            for name, command in start.items():
                measure(command, results[name], given.work / f"out-{os.getpid()}")
        show("start-up", results)
    folder = data.make(given.work, given.size)
    for job in JOBS:
        if re.search(given.only, job):
            out = given.work / f"out-{os.getpid()}"
            lines = commands(job, folder / job.split("_")[0], out, given.peer)
            results = {name: Runs() for name in lines}
            for _ in range(given.rounds):
                for name, command in lines.items():
                    measure(command, results[name], out)
            show(job, results)


if __name__ == "__main__":
    main()
