"""The command line as a user sees it: a real process, its output and its exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dsk.cli.text import MOST_WARNINGS, emit_json, say_warnings, tell

if TYPE_CHECKING:
    from collections.abc import Callable

HEAVY = ("numpy", "PIL", "lxml", "pycocotools", "yaml", "rich", "pydantic", "h5py", "nibabel")


def fake_plugin(site: Path, name: str, code: str) -> None:
    """Install a plugin the way pip leaves it: a module and a dist-info folder."""
    (site / f"dsk_{name}_plugin.py").write_text(code)
    info = site / f"dsk_{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: dsk-{name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[dsk.plugins]\n{name} = dsk_{name}_plugin\n")


TOY = """
from dsk.descriptors import Capabilities, CommandInfo, ExporterInfo, ImporterInfo, Option
from dsk.descriptors import TransformInfo
from dsk.hooks import hookimpl

DSK_API = (1, 0)

@hookimpl
def dsk_importers():
    return [ImporterInfo(name="NAME", target="toy_code:ToyImporter", detector="toy_code:detect",
                         summary="lines of boxes", kinds=frozenset({"bbox", "caption"}))]

@hookimpl
def dsk_exporters():
    return [ExporterInfo(name="NAME", target="toy_code:ToyExporter", summary="lines of boxes",
                         capabilities=Capabilities(annotations=frozenset({"bbox"})),
                         options=(Option(name="prefix", default="", help="put before each line"),))]

@hookimpl
def dsk_transforms():
    return [TransformInfo(name="NAME-tag", target="toy_code:Tag", summary="tags captions", options=(
        Option(name="tags", type="mapping", default=None, short="t", help="which"),
        Option(name="times", type=int, default=1, short="n", help="how often"),
    ))]

@hookimpl
def dsk_commands():
    return [CommandInfo(name="NAME-hello", target="toy_code:hello", summary="says hello")]
"""

CODE = '''
import time
from dsk.annotations import Bbox, Caption
from dsk.categories import Categories
from dsk.errors import RecordError
from dsk.flow import Detection, Exporter, Header, Importer, Source, Transform
from dsk.item import DatasetItem
from dsk.media import Image

def detect(root):
    return Detection(70, "a file toy.txt") if root.is_file("toy.txt") else None

class ToySource(Source):
    def __init__(self, lines, where):
        self.lines, self.where = lines, where
        self.header = Header(categories=Categories.from_names(["thing"]), items=len(lines))
    def partitions(self):
        return list(range(len(self.lines)))
    def read(self, partition, ledger):
        line = self.lines[partition]
        if line == "hang":
            time.sleep(60)
        if line == "boom":
            raise KeyError("boom")
        try:
            boxes = [Bbox(*map(float, b.split(",")), label=0, attributes={"seen": True})
                     for b in line.split()]
        except (ValueError, TypeError):
            ledger.bad_record(RecordError("no box", where=f"{self.where}:{partition + 1}"))
            return
        image = Image(f"line{partition}.jpg") if len(boxes) > 1 else None
        yield DatasetItem(f"line{partition}", media=image, annotations=[*boxes, Caption("x")])

class ToyImporter(Importer):
    def open(self, root, ledger):
        return ToySource(root.text("toy.txt").splitlines(), root.show("toy.txt"))

class Tag(Transform):
    def __init__(self, *, tags=None, times=1):
        if not tags:
            error = RecordError("no tags")
            error.add_note("  here\\n  ^")
            raise error
        self.x = float("".join([*tags, *tags.values()]) * times)
    def apply(self, item, ledger):
        return item.replace(annotations=[Bbox(self.x, 0, 1, 1, label=0)])

class ToyExporter(Exporter):
    def __init__(self, *, prefix=""):
        self.prefix = prefix
    def write(self, items, ctx):
        with ctx.fragment("toy.txt") as out:
            for item in items:
                text = " ".join(f"{b.x},{b.y},{b.w},{b.h}" for b in item.annotations)
                out.write(f"{self.prefix}{text}\\n".encode())
    def finish(self, states, ctx):
        ctx.out.join("toy.txt", ctx.out.fragments("toy.txt"))

def hello(name: str = "you"):
    """Say hello."""
    print("hello", name)
'''


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "toy_code.py").write_text(CODE)
    fake_plugin(folder, "toy", TOY.replace("NAME", "toy"))
    return folder


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "toy.txt").write_text("1,2,3,4 5,6,7,8\n1.5,2,3,4\n")
    return folder


def dsk(site: Path, *words: object, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dsk", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        cwd=site.parent,
        env={**os.environ, "PYTHONPATH": str(site), "DSK_PLUGINS": "toy,bad", **env},
        timeout=60,
    )


def test_convert_writes_and_sums_up(site: Path, toy: Path, tmp_path: Path) -> None:
    done = dsk(site, "convert", "-i", toy, "-f", "toy", "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert (
        tmp_path / "out/toy.txt"
    ).read_text() == "1.0,2.0,3.0,4.0 5.0,6.0,7.0,8.0\n1.5,2.0,3.0,4.0\n"
    assert done.stdout == ""
    for words in (
        "2 items",
        "3 annotations",
        "DSK-L001",
        "caption",
        "seen",
        "--save-media",
        "next:",
    ):
        assert words in done.stderr


def test_media_are_called_for_where_there_are_any(site: Path, toy: Path, tmp_path: Path) -> None:
    done = dsk(site, "convert", "-i", toy, "-f", "toy", "-o", tmp_path / "out")
    assert "name the images, which were not copied: add --save-media" in done.stderr
    (toy / "toy.txt").write_text("1,2,3,4\n")
    done = dsk(site, "convert", "-i", toy, "-f", "toy", "-o", tmp_path / "none")
    assert "save-media" not in done.stderr


def test_a_dataset_without_items_is_written_with_a_warning(
    site: Path, toy: Path, tmp_path: Path
) -> None:
    (toy / "toy.txt").write_text("")
    done = dsk(site, "convert", "-i", toy, "-f", "toy", "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out/toy.txt").read_text() == ""
    assert "warning: no items are left" in done.stderr
    assert "next:" not in done.stderr


@pytest.mark.parametrize(("source", "name"), [("in", "in-toy"), ("in/.", "in-toy")])
def test_convert_names_the_output_itself(
    site: Path, toy: Path, tmp_path: Path, source: str, name: str
) -> None:
    words = ("--input-path", source, "--input-format", "toy", "--output-format", "toy")
    done = dsk(site, "convert", *words)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / name / "toy.txt").is_file()
    assert name in done.stderr
    again = dsk(site, "convert", *words)
    assert again.returncode == 4
    assert "--overwrite" in again.stderr


def test_json_report_balances(site: Path, toy: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    done = dsk(
        site,
        "convert",
        "-i",
        toy,
        "-if",
        "toy",
        "-f",
        "toy",
        "-o",
        tmp_path / "out",
        "--json",
        "--report",
        report,
    )
    facts = json.loads(done.stdout)
    assert facts == json.loads(report.read_text())
    assert facts["items"] == {"in": 2, "out": 2}
    counts = facts["annotations"]
    assert (counts["in"], counts["out"], counts["dropped"]) == (5, 3, 2)
    assert {e["code"] for e in facts["events"]} == {"DSK-L001", "DSK-L004"}
    assert facts["events"][0]["samples"][0]["item"] == "line0"


@pytest.mark.parametrize(
    "words",
    [("-O", "prefix=#"), ("-O", "prefix", "#"), ("--", "--prefix", "#"), ("--", "--prefix=#")],
)
def test_exporter_options_by_every_way(
    site: Path, toy: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    done = dsk(site, "convert", "-i", toy, "-f", "toy", "-o", tmp_path / "out", *words)
    if words[:2] == ("-O", "prefix"):
        assert done.returncode == 2
        return
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out/toy.txt").read_text().startswith("#1.0")


@pytest.mark.parametrize(
    ("words", "x"),
    [
        (["-t", "toy-tag tags=1:2 tags=3:4"], "1324"),
        (["-t", "toy-tag t=1:2 n=2"], "1212"),
        (["-t", "toy-tag -t 1:2 --tags 3: -n 1"], "132"),
        (["-t", "toy-tag t=9:9", "-t", "toy-tag tags='1:2, 3:4'"], "1324"),
    ],
)
def test_transforms_take_their_options(
    site: Path, toy: Path, tmp_path: Path, words: list[str], x: str
) -> None:
    done = dsk(site, "convert", "-i", toy, "-f", "toy", "-o", tmp_path / "out", *words)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out/toy.txt").read_text().startswith(f"{x}.0,0")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-t", "toy-tag tgas=1:2"], "did you mean tags?"),
        (["-t", "toy-tag -t 1"], "write a:b"),
        (["-t", "toy-tag -n"], "option -n needs a value"),
        (["-t", "toy-tag 'a"], "No closing quotation"),
        (["-t", " "], "a transform's name is missing"),
        (["-t", "toy-tga"], "did you mean 'toy-tag'"),
        (["--filter-mode", "a"], "there is no -e"),
    ],
)
def test_transforms_that_make_no_sense(
    site: Path, toy: Path, tmp_path: Path, words: list[str], said: str
) -> None:
    out = tmp_path / "out"
    # with a package of transforms installed, a wrong name is one, and no missing package
    fake_plugin(site, "transforms", "DSK_API = (1, 0)\n")
    done = dsk(
        site, "convert", "-i", toy, "-f", "toy", "-o", out, *words, DSK_PLUGINS="toy,transforms"
    )
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert not out.exists()


def test_notes_of_an_error_stand_above_it(site: Path, toy: Path, tmp_path: Path) -> None:
    done = dsk(site, "convert", "-i", toy, "-f", "toy", "-o", tmp_path / "out", "-t", "toy-tag")
    assert done.stderr == "  here\n  ^\nerror: no tags (--on-error skip goes on without it)\n"


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (("convert", "-i", "x", "-f", "toy", "--", "-h"), "prefix"),
        (("convert", "-i", "x", "-f", "toy", "-t", "toy-tag tags=a:b", "--", "--help"), "times"),
        (("convert", "--", "-h"), "--save-media"),
    ],
)
def test_help_behind_two_dashes_is_about_the_options_there(
    site: Path, words: tuple[str, ...], shown: str
) -> None:
    done = dsk(site, *words)
    assert done.returncode == 0
    assert shown in done.stdout


def test_unknown_option_is_refused_with_a_suggestion(site: Path, toy: Path, tmp_path: Path) -> None:
    done = dsk(
        site, "convert", "-i", toy, "-f", "toy", "-o", tmp_path / "out", "--", "--prefx", "x"
    )
    assert done.returncode == 2
    assert "did you mean prefix?" in done.stderr
    assert not (tmp_path / "out").exists()


def test_errors_are_one_line_with_the_documented_code(
    site: Path, toy: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    cases = {
        ("convert", "-i", tmp_path / "nothing", "-f", "toy", "-o", out): 3,
        ("convert", "-i", toy, "-f", "tos", "-o", out): 2,
        ("convert", "-i", toy, "-f", "coco", "-o", out): 5,
        ("convert", "-i", toy, "-f", "toy", "-o", toy): 4,
        ("convert", "-i", toy, "-f", "toy", "-o", out, "--strict"): 1,
        ("convert", "-i", toy, "-f", "toy", "-o", out, "-j", "0"): 2,
        ("convert", "-i", toy, "-f", "toy", "-o", out, "-t", "nope"): 5,
        ("convert", "-i", toy): 2,
        ("detect", site): 3,
        ("info", site): 3,
        ("formats", "nope"): 2,
        ("formats", "--", "--x"): 2,
    }
    for words, code in cases.items():
        done = dsk(site, *words)
        assert done.returncode == code, (words, done.stderr)
        assert "Traceback" not in done.stderr
        assert not out.exists()
    assert "pip install dsk-coco" in dsk(site, "convert", "-i", toy, "-f", "coco", "-o", out).stderr
    assert "did you mean 'toy'" in dsk(site, "convert", "-i", toy, "-f", "tos", "-o", out).stderr


def test_bad_record_stops_or_is_skipped(site: Path, toy: Path, tmp_path: Path) -> None:
    (toy / "toy.txt").write_text("1,2,3,4\nno box\n5,6,7,8\n")
    words = ("convert", "-i", toy, "-f", "toy", "-o", tmp_path / "out")
    stopped = dsk(site, *words)
    assert stopped.returncode == 3
    assert "toy.txt:2: no box" in stopped.stderr
    assert not (tmp_path / "out").exists()
    skipped = dsk(site, *words, "--on-error", "skip")
    assert skipped.returncode == 1
    assert len((tmp_path / "out/toy.txt").read_text().splitlines()) == 2
    record = json.loads((tmp_path / "errors.jsonl").read_text())
    assert record["where"].endswith("toy.txt:2")


def test_dry_run_writes_nothing(site: Path, toy: Path, tmp_path: Path) -> None:
    before = sorted(p.name for p in tmp_path.iterdir())
    done = dsk(
        site, "convert", "-i", toy, "-f", "toy", "-o", tmp_path / "out", "--dry-run", "--json"
    )
    assert done.returncode == 0
    assert json.loads(done.stdout)["annotations"]["dropped"] == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("command", "package"),
    [
        ("stats", "dsk-analysis"),
        ("diff", "dsk-analysis"),
        ("create", "dsk-project"),
        ("filter", "dsk-transforms"),
    ],
)
def test_commands_of_packages_that_are_not_there(site: Path, command: str, package: str) -> None:
    done = dsk(site, command, "-p", "project")
    assert done.returncode == 5
    assert f"the command '{command}' is not installed (pip install {package})" in done.stderr


def test_an_archive_that_packs_its_folder_is_entered(site: Path, toy: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        archive.write(toy / "toy.txt", "my data/toy.txt")
    found = dsk(site, "detect", tmp_path / "data.zip")
    assert (found.stdout, found.stderr.splitlines()[0]) == (
        "toy\n",
        "  in the folder my data: a file toy.txt",
    )
    for words in ((), ("-if", "toy")):
        done = dsk(site, "info", tmp_path / "data.zip", *words, "--json")
        facts = json.loads(done.stdout)
        assert (facts["items"], facts["annotations"]) == (2, 5), done.stderr
        assert "nothing but the folder my data, which is read" in done.stdout + done.stderr


def test_bug_in_a_plugin_is_named_as_one(site: Path, toy: Path, tmp_path: Path) -> None:
    (toy / "toy.txt").write_text("boom\n")
    done = dsk(site, "convert", "-i", toy, "-f", "toy", "-o", tmp_path / "out")
    assert done.returncode == 70
    assert "internal error: KeyError" in done.stderr
    assert "Traceback" not in done.stderr
    assert (
        "Traceback"
        in dsk(
            site, "convert", "-i", toy, "-f", "toy", "-o", tmp_path / "out", DSK_TRACEBACK="1"
        ).stderr
    )


def wait_for(child: subprocess.Popen[Any], condition: Callable[[], bool]) -> None:
    """Wait until a child has come so far; asleep between looks, for it needs the processor."""
    while not condition():
        assert child.poll() is None
        time.sleep(0.01)


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_interrupt_leaves_nothing(site: Path, toy: Path, tmp_path: Path, jobs: str) -> None:
    (toy / "toy.txt").write_text("1,2,3,4\nhang\nhang\n")
    out = tmp_path / "out"
    child = subprocess.Popen(
        [sys.executable, "-m", "dsk", "convert", "-i", toy, "-f", "toy", "-o", out, "-j", jobs],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(site), "DSK_PLUGINS": "toy"},
        start_new_session=True,
    )
    wait_for(child, lambda: any(tmp_path.glob(".out.dsk-partial*")))
    os.killpg(child.pid, 2)
    _, said = child.communicate(timeout=30)
    assert child.returncode == 130, said
    assert "interrupted" in said
    assert not [p for p in tmp_path.iterdir() if "out" in p.name]


def test_kill_leaves_nothing_that_looks_complete(site: Path, toy: Path, tmp_path: Path) -> None:
    (toy / "toy.txt").write_text("1,2,3,4\nhang\n")
    out = tmp_path / "out"
    child = subprocess.Popen(
        [sys.executable, "-m", "dsk", "convert", "-i", toy, "-f", "toy", "-o", out],
        env={**os.environ, "PYTHONPATH": str(site), "DSK_PLUGINS": "toy"},
    )
    wait_for(child, lambda: any(tmp_path.glob(".out.dsk-partial*")))
    child.kill()
    child.wait()
    assert not out.exists()
    (toy / "toy.txt").write_text("1,2,3,4\n")
    assert dsk(site, "convert", "-i", toy, "-f", "toy", "-o", out).returncode == 0
    assert [p.name for p in tmp_path.iterdir() if "out" in p.name] == ["out"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children")
def test_workers_of_a_killed_run_end(site: Path, toy: Path, tmp_path: Path) -> None:
    (toy / "toy.txt").write_text("1,2,3,4\nhang\nhang\n")
    out = tmp_path / "out"
    child = subprocess.Popen(
        [sys.executable, "-m", "dsk", "convert", "-i", toy, "-f", "toy", "-o", out, "-j", "2"],
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(site), "DSK_PLUGINS": "toy"},
    )
    children = Path(f"/proc/{child.pid}/task/{child.pid}/children")
    wait_for(child, lambda: bool(children.read_text()))
    child.kill()
    child.communicate(timeout=30)  # the pipe closes when the last process that holds it ends


def test_a_command_may_have_as_many_files_open_as_the_system_allows(site: Path) -> None:
    code = (
        "import resource, sys, dsk.__main__ as m\n"
        "limits = lambda: resource.getrlimit(resource.RLIMIT_NOFILE)\n"
        "hard = limits()[1]\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))\n"
        "sys.argv = ['dsk', '--version']\n"
        "try:\n    m.main()\nexcept SystemExit:\n    pass\n"
        "most = m.FILES if hard == resource.RLIM_INFINITY else min(hard, m.FILES)\n"
        "assert limits() == (most, hard), limits()"
    )
    env = {**os.environ, "PYTHONPATH": str(site)}
    subprocess.run([sys.executable, "-c", code], check=True, env=env)


def test_start_up_imports_nothing_heavy(site: Path) -> None:
    code = (
        "import sys, dsk.__main__ as m\n"
        "sys.argv = ['dsk', *sys.argv[1:]]\n"
        "try:\n    m.main()\nexcept SystemExit:\n    pass\n"
        f"print('HEAVY', sorted(n for n in {HEAVY!r} if n in sys.modules))"
    )
    for words in (["--help"], ["formats"], ["plugins"], ["convert", "--help"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *words],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONPATH": str(site), "DSK_PLUGINS": ""},
        )
        assert done.stdout.splitlines()[-1] == "HEAVY []", words


def test_listings(site: Path, toy: Path) -> None:
    assert "toy" in dsk(site, "formats").stdout
    facts = json.loads(dsk(site, "formats", "toy", "--json").stdout)
    assert facts["export"]["options"][0]["name"] == "prefix"
    assert "-O prefix=" in dsk(site, "formats", "toy").stdout
    assert "rw" in dsk(site, "formats", "--matrix").stdout
    assert json.loads(dsk(site, "formats", "--json").stdout)[0]["name"] == "toy"
    assert "--tags -t" in dsk(site, "transforms", "toy-tag").stdout
    assert "dsk-toy 1.0" in dsk(site, "plugins").stdout
    assert dsk(site, "detect", toy).stdout.strip() == "toy"
    info = json.loads(dsk(site, "info", toy, "--json").stdout)
    assert info["items"] == 2
    assert info["kinds"] == {"bbox": 3, "caption": 2}
    assert info["labels"] == {"thing": 3}
    assert "thing" in dsk(site, "info", toy).stdout


def test_plugin_command_is_a_stub_until_named(site: Path) -> None:
    assert "says hello" in dsk(site, "--help").stdout
    assert dsk(site, "toy-hello", "--name", "Ада").stdout.strip() == "hello Ада"


@pytest.mark.parametrize(("command", "option"), [("toy-hello", "--name"), ("convert", "--jobs")])
@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_shells_complete_the_options_of_commands(
    site: Path, shell: str, command: str, option: str
) -> None:
    words = f"dsk {command} {option[:4]}"
    given = {"COMP_WORDS": words, "COMP_CWORD": "2"} if shell == "bash" else {}
    given |= {"_TYPER_COMPLETE_ARGS": words} if shell == "zsh" else {}
    assert option in dsk(site, _DSK_COMPLETE=f"complete_{shell}", **given).stdout


def test_broken_plugin_is_one_warning_line(site: Path) -> None:
    fake_plugin(site, "bad", "import not_there_at_all\n")
    done = dsk(site, "formats")
    assert done.returncode == 0
    assert done.stderr.count("\n") == 1
    assert "warning: plugin 'bad' of dsk-bad is left out" in done.stderr
    assert "FAILED" in dsk(site, "plugins").stdout
    failed = dsk(site, "convert", "-i", site, "-f", "bad", "-o", "x")
    assert failed.returncode == 5
    assert "not_there_at_all" in failed.stderr


def test_version(site: Path) -> None:
    assert dsk(site, "--version").stdout.startswith("dsk ")


def test_a_report_that_cannot_be_written_is_told_first(
    site: Path, toy: Path, tmp_path: Path
) -> None:
    words = ("convert", "-i", toy, "-f", "toy", "-o", tmp_path / "out", "--report")
    for place in (tmp_path / "nowhere/report.json", toy, tmp_path / "out"):
        done = dsk(site, *words, place)
        assert done.returncode == 4, done.stderr
        assert "report" in done.stderr
        assert not (tmp_path / "out").exists()
    assert dsk(site, *words, tmp_path / "out/report.json").returncode == 0
    assert (tmp_path / "out/report.json").is_file()


def test_a_report_replaces_reports_only(
    site: Path,
    toy: Path,
    tmp_path: Path,
) -> None:
    words = ("convert", "-i", toy, "-f", "toy", "--report")
    report, other = tmp_path / "report.json", tmp_path / "instances.json"
    other.write_text('{"images": []}')
    done = dsk(site, *words, other, "-o", tmp_path / "a")
    assert (done.returncode, other.read_text()) == (4, '{"images": []}')
    assert "instances.json: there is a file of this name that dsk has not written" in done.stderr
    assert not (tmp_path / "a").exists()
    for number in (1, 2):  # the second replaces the first
        assert dsk(site, *words, report, "-o", tmp_path / f"b{number}").returncode == 0
    report.write_text("")  # as mktemp makes them
    assert dsk(site, *words, report, "-o", tmp_path / "c").returncode == 0
    assert json.loads(report.read_text())["output"].endswith("c")
    (name,) = [path.name for path in (tmp_path / "c").iterdir() if path.is_file()][:1]
    done = dsk(site, *words, tmp_path / "d" / name, "-o", tmp_path / "d")  # a file of the output
    assert done.returncode == 4
    assert (tmp_path / "d" / name).read_bytes() == (tmp_path / "c" / name).read_bytes()


def test_a_foreign_file_of_errors_is_not_replaced(site: Path, toy: Path, tmp_path: Path) -> None:
    (tmp_path / "errors.jsonl").write_text("mine")
    words = ("convert", "-i", toy, "-f", "toy", "-o", tmp_path / "out", "--on-error", "skip")
    (toy / "toy.txt").write_text("1,2,3,4\nno box\n")
    done = dsk(site, *words)
    assert (done.returncode, (tmp_path / "errors.jsonl").read_text()) == (1, "mine")
    assert "errors.jsonl: there is a file of this name" in done.stderr


def test_strict_writes_the_report_of_what_would_be_lost(
    site: Path, toy: Path, tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    words = ("convert", "-i", toy, "-f", "toy", "-o", tmp_path / "out", "--strict")
    done = dsk(site, *words, "--report", report)
    assert done.returncode == 1
    assert "DSK-L001" in {event["code"] for event in json.loads(report.read_text())["events"]}
    assert not (tmp_path / "out").exists()


def test_no_name_for_the_output_or_the_input(site: Path, toy: Path, tmp_path: Path) -> None:
    done = dsk(site, "convert", "-i", toy, "-f", "toy", "-o", "", "--overwrite")
    assert (done.returncode, "no name for the output" in done.stderr) == (2, True)
    done = dsk(site, "convert", "-i", "", "-f", "toy", "-o", tmp_path / "out")
    assert (done.returncode, "no name for the input" in done.stderr) == (3, True)
    assert (toy / "toy.txt").is_file()


def test_a_forecast_asked_for_behind_dashes_says_so(site: Path, toy: Path, tmp_path: Path) -> None:
    done = dsk(site, "convert", "-i", toy, "-f", "toy", "-o", tmp_path / "out", "--", "--dry-run")
    assert done.returncode == 0
    assert "forecast: toy" in done.stderr
    assert "nothing was written" in done.stderr
    assert "next:" not in done.stderr


def test_a_command_of_an_absent_package_says_how_to_get_it(site: Path) -> None:
    for name in ("transform", "filter"):
        done = dsk(site, name, "-i", "x")
        assert done.returncode == 5, done.stderr
        assert "pip install dsk-transforms" in done.stderr
    assert dsk(site, "transfrm").returncode == 2


def test_what_datasets_say_steers_no_terminal(capsys):
    say_warnings({"a\n\x1b[31m.txt is odd": 1})
    tell("label \x1b]0;x\x07\x9b")
    emit_json({"name": "\x9b\x7f\x1b"})
    captured = capsys.readouterr()
    assert captured.err == "warning: a\\n\\x1b[31m.txt is odd\n"
    told, _, listed = captured.out.partition("\n")
    assert told == r"label \x1b]0;x\x07\x9b"
    assert "\x9b" not in listed
    assert json.loads(listed) == {"name": "\x9b\x7f\x1b"}


def test_few_warnings_are_shown_and_all_are_counted(capsys):
    say_warnings({f"file {n} is odd": 1 + n for n in range(MOST_WARNINGS + 2)}, skipped=1)
    *shown, more, skipped = capsys.readouterr().err.splitlines()
    assert shown[:2] == ["warning: file 0 is odd", "warning: file 1 is odd (2 times)"]
    assert len(shown) == MOST_WARNINGS
    assert more.startswith(f"{2 * MOST_WARNINGS + 3} more warnings")
    assert skipped == "1 bad record skipped"


def test_a_list_of_bad_records_that_cannot_be_written_spoils_nothing(
    site: Path, toy: Path, tmp_path: Path
) -> None:
    (toy / "toy.txt").write_text("1,2,3,4\nno box\n")
    words = ("convert", "-i", toy, "-f", "toy", "-o", tmp_path / "out", "--on-error", "skip")
    forecast = dsk(site, *words, "--dry-run")
    assert forecast.returncode == 1
    assert "1 bad record would be skipped, e.g." in forecast.stderr
    assert not (tmp_path / "errors.jsonl").exists()
    (tmp_path / "errors.jsonl").mkdir()
    done = dsk(site, *words)
    assert done.returncode == 1, done.stderr
    assert "toy.txt:2: no box" in done.stderr
    assert "next: dsk info" in done.stderr
