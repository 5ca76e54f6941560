"""``dsk create``, ``add``, ``remove``, ``import``, ``export`` and ``project``."""

from __future__ import annotations

import json
import os
import stat

import pytest

from dsk import Dataset
from dsk.cli.app import run
from dsk.errors import (
    DskError,
    InputError,
    OptionError,
    OutputError,
    OutputExistsError,
    PluginError,
    UnknownNameError,
    UnsafePathError,
    UsageError,
)

BOX = [0, 1, 2, 3, 4, 0]


def config(folder):
    return json.loads((folder / "dsk-project.json").read_text())


def test_the_example_of_datumaros_manual(toy, tmp_path, capsys):
    toy("data", [{"id": "a", "boxes": [BOX]}])
    os.makedirs("work/here")
    os.chdir("work/here")
    assert run(["create", "-o", "project"]) == 0
    assert run(["add", "path", "-p", "project", "-f", "toy", "../../data/"]) == 0
    assert config(tmp_path / "work/here/project") == {
        "version": 1,
        "sources": [{"name": "data", "path": "../../../data", "format": "toy"}],
    }
    assert run(["export", "-p", "project", "-f", "toy", "-o", "out"]) == 0
    assert json.loads((tmp_path / "work/here/out/toy.json").read_text())["items"] == [
        {"id": "a", "subset": "train", "boxes": [[0, 1, 2, 3, 4, 0]], "attributes": {}}
    ]
    assert "an empty project: project" in capsys.readouterr().err


def test_import_is_create_and_add(toy, tmp_path):
    toy("data", [{"id": "a", "boxes": []}])
    assert run(["import", "-i", "data", "-o", "project"]) == 0
    assert [s["format"] for s in config(tmp_path / "project")["sources"]] == ["toy"]
    with pytest.raises(OutputExistsError):
        run(["import", "-i", "data", "-o", "project"])
    assert run(["import", "-i", "data", "-o", "project", "--overwrite", "-n", "again"]) == 0
    assert [s["name"] for s in config(tmp_path / "project")["sources"]] == ["again"]


def test_the_ways_of_datumaros_manuals_to_name_a_dataset(toy, tmp_path):
    for name in ("a", "b", "c", "d", "path"):
        toy(name, [{"id": name, "boxes": []}])
    run(["import", "-f", "toy", "a", "-o", "project"])
    run(["import", "-f", "toy", "b", "-o", "project"])
    run(["add", "path", "-p", "project", "-f", "toy", "-i", "c"])
    run(["add", "-p", "project", "-i", "d"])
    run(["add", "-p", "project", "path"])
    assert [s["name"] for s in config(tmp_path / "project")["sources"]] == [*"abcd", "path"]
    for words in ([], ["a", "b"], ["a", "-i", "b"], ["path", "a", "-i", "b"]):
        with pytest.raises(UsageError, match="one dataset at a time"):
            run(["add", "-p", "project", *words])


def test_what_transforms_make_of_a_project_stands_in_its_place(toy, tmp_path):
    toy("data", [{"id": "a", "boxes": []}])
    run(["convert", "-i", "data", "-f", "toy", "-o", "changed"])
    assert run(["export", "-p", "changed", "-f", "toy", "-o", "out"]) == 0
    assert (tmp_path / "out/toy.json").is_file()
    for missing in ("absent", "."):
        with pytest.raises(UsageError, match="there is no project"):
            run(["export", "-p", missing, "-f", "toy", "-o", "out2"])


def test_an_import_that_fails_leaves_nothing(toy, tmp_path):
    with pytest.raises(InputError):
        run(["import", "-i", "absent", "-o", "project"])
    assert list(tmp_path.iterdir()) == []
    run(["create", "-o", "project"])
    with pytest.raises(InputError):
        run(["import", "-i", "absent", "-o", "project", "--overwrite"])
    assert config(tmp_path / "project")["sources"] == []


def test_options_of_an_importer_are_checked_and_kept(toy, tmp_path):
    toy("data", [{"id": "a", "boxes": []}])
    run(["create"])
    with pytest.raises(OptionError, match="no option 'marc'"):
        run(["add", "data", "-I", "marc=x"])
    assert run(["add", "data", "-I", "mark=x"]) == 0
    assert config(tmp_path)["sources"][0]["options"] == {"mark": "x"}
    assert run(["export", "-f", "toy", "-o", "out"]) == 0
    assert json.loads((tmp_path / "out/toy.json").read_text())["items"][0]["id"] == "xa"


def test_export_without_a_place_takes_one_of_its_own(toy, tmp_path):
    toy("data", [{"id": "a", "boxes": []}])
    run(["import", "-i", "data", "-o", "project"])
    assert run(["export", "-p", "project", "-f", "toy"]) == 0
    assert (tmp_path / "project-toy/toy.json").is_file()


def test_export_takes_options_behind_dashes(toy, tmp_path):
    folder = toy("data", [{"id": "a", "boxes": []}])
    (folder / "a.png").write_bytes(b"an image")
    run(["import", "-i", "data", "-o", "project"])
    assert run(["export", "-p", "project", "-f", "toy", "-o", "out", "--", "--save-media"]) == 0
    assert (tmp_path / "out/a.png").read_bytes() == b"an image"


def test_names_are_unique(toy, tmp_path):
    for place in ("one/data", "two/data"):
        toy(place, [])
    run(["create"])
    run(["add", "one/data"])
    run(["add", "two/data"])
    assert [s["name"] for s in config(tmp_path)["sources"]] == ["data", "data_2"]
    with pytest.raises(UsageError, match="there is a source 'data'"):
        run(["add", "two/data", "-n", "data"])


def test_remove(toy, tmp_path):
    toy("data", [])
    run(["create"])
    run(["add", "data"])
    with pytest.raises(UnknownNameError, match="did you mean 'data'"):
        run(["remove", "-n", "dato"])
    assert run(["remove", "-n", "data"]) == 0
    assert config(tmp_path)["sources"] == []
    assert (tmp_path / "data/toy.json").is_file()


def test_project_lists_its_sources(toy, tmp_path, capsys):
    folder = toy("data", [])
    run(["import", "-i", str(folder), "-o", "project", "-I", "mark=x"])
    assert config(tmp_path / "project")["sources"][0]["path"] == str(folder)
    capsys.readouterr()
    run(["project", "-p", "project"])
    assert capsys.readouterr().out.splitlines()[1].split() == ["data", "toy", str(folder), "mark=x"]
    run(["project", "-p", "project", "--json"])
    assert json.loads(capsys.readouterr().out)["sources"] == [
        {
            "name": "data",
            "format": "toy",
            "path": str(folder),
            "options": {"mark": "x"},
            "updates": False,
        }
    ]


@pytest.mark.parametrize("command", ["add x", "remove -n x", "export -f toy", "project"])
def test_without_a_project(toy, command):
    with pytest.raises(UsageError, match="there is no project"):
        run(command.split())


def test_what_cannot_be_added(toy, tmp_path):
    run(["create"])
    before = (tmp_path / "dsk-project.json").read_bytes()
    with pytest.raises(InputError, match="no such file or folder"):
        run(["add", "absent"])
    with pytest.raises(UsageError, match="one dataset at a time"):
        run(["add", "a", "b"])
    run(["create", "-o", "other"])
    with pytest.raises(UsageError, match="cannot be part of another"):
        run(["add", "other"])
    assert (tmp_path / "dsk-project.json").read_bytes() == before


def test_an_export_never_replaces_a_source(toy, tmp_path):
    toy("data", [{"id": "a", "boxes": []}])
    run(["import", "-i", "data", "-o", "project"])
    before = (tmp_path / "data/toy.json").read_bytes()
    for place in ("data", "project"):
        with pytest.raises(OutputError, match="would replace the input"):
            run(["export", "-p", "project", "-f", "toy", "-o", place, "--overwrite"])
    assert (tmp_path / "data/toy.json").read_bytes() == before


def test_an_empty_project_is_an_empty_dataset(toy, tmp_path):
    run(["create", "-o", "project"])
    assert run(["export", "-p", "project", "-f", "toy", "-o", "out"]) == 0
    assert json.loads((tmp_path / "out/toy.json").read_text())["items"] == []


def test_sources_outside_need_trust(toy, capsys):
    toy("data", [{"id": "a", "boxes": [BOX]}])
    run(["import", "-i", "data", "-o", "project"])
    with pytest.raises(UnsafePathError, match="outside of the project") as caught:
        run(["info", "project"])
    assert "-I outside=true" in caught.value.hint
    capsys.readouterr()
    assert run(["info", "project", "-I", "outside=true"]) == 0
    assert capsys.readouterr().out.startswith("project: 1 item ")


def test_a_project_that_is_named_or_stood_in_is_trusted(toy, tmp_path, monkeypatch, capsys):
    toy("data", [{"id": "a", "boxes": [BOX]}])
    run(["import", "-i", "data", "-o", "project"])
    capsys.readouterr()
    assert run(["info", "-p", "project"]) == 0
    assert capsys.readouterr().out.startswith("project: 1 item ")
    monkeypatch.chdir(tmp_path / "project")
    assert run(["info"]) == 0
    assert capsys.readouterr().out.startswith("project: 1 item ")
    with pytest.raises(UsageError, match="formats of its own"):
        run(["info", "-if", "toy"])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="no project in this folder"):
        run(["info"])


def test_a_change_of_a_project_is_written_in_the_format_of_its_sources(toy):
    def written_as():
        return Dataset.import_from("project", "project", outside=True).source.written_as

    toy("data", [{"id": "a", "boxes": [BOX]}])
    run(["create", "-o", "project"])
    assert written_as() == ""
    run(["add", "-p", "project", "data"])
    assert written_as() == "toy"
    run(["add", "-p", "project", "data", "-n", "again"])
    assert written_as() == "toy"
    run(["add", "-p", "project", "data", "-f", "other_toy", "-n", "other"])
    assert written_as() == ""


def test_commands_about_projects_may_be_said_with_project_before_them(toy, tmp_path, capsys):
    toy("data", [{"id": "a", "boxes": [BOX]}])
    assert run(["project", "import", "-i", "data", "-o", "project"]) == 0
    capsys.readouterr()
    assert run(["project", "info", "-p", "project"]) == 0
    assert capsys.readouterr().out.startswith("project: 1 item ")
    assert run(["project", "-p", "project", "--json", "info"]) == 0
    assert json.loads(capsys.readouterr().out)["items"] == 1
    (tmp_path / "data/a.png").write_bytes(b"an image")
    words = ["project", "export", "-p", "project", "-f", "toy", "-o", "out", "--", "--save-media"]
    assert run(words) == 0
    assert (tmp_path / "out/a.png").is_file()
    assert run(["project", "exprot"]) == 2
    assert "Did you mean 'export'" in capsys.readouterr().err
    with pytest.raises(PluginError, match="dsk-transforms"):
        run(["project", "filter", "-p", "project", "-e", "/item"])
    assert run(["project", "--help"]) == 0
    assert "dsk project -p project" in capsys.readouterr().out


def test_a_link_out_of_the_project_is_outside(toy, tmp_path):
    toy("data", [{"id": "a", "boxes": [BOX]}])
    run(["create", "-o", "project"])
    (tmp_path / "project/link").symlink_to(tmp_path / "data")
    run(["add", "-p", "project", "project/link"])
    with pytest.raises(UnsafePathError, match="outside of the project"):
        run(["info", "project"])


def test_sources_inside_need_none(toy, capsys):
    toy("project/data", [{"id": "a", "boxes": [BOX]}])
    run(["create", "-o", "project"])
    run(["add", "-p", "project", "project/data"])
    assert run(["info", "project"]) == 0
    assert run(["detect", "project"]) == 0
    assert "dsk-project.json names 1 source" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "no project file"),
        (b"[]", "no project file"),
        (b'{"version": 1, "sources": [{"name": "a"}]}', "missing required field"),
        (b'{"version": 2}', "version 2"),
        (b'{"version": 1, "sources": NaN}', "no project file"),
        (b'{"sources": [' + b'{"name":"a","path":"x","format":"toy"},' * 2, "no project file"),
        (
            b'{"sources": [%b, %b]}' % ((b'{"name":"a","path":"x","format":"toy"}',) * 2),
            "two sources are called 'a'",
        ),
        (b'{"sources": [{"name":"a","path":"x","format":"none"}]}', "source 'a': no format 'none'"),
        (b'{"sources": [{"name":"a","path":"x","format":"toy"}]}', "source 'a': there is no such"),
        (b'{"sources": [{"name":"a","path":".","format":"project"}]}', "part of another one"),
        (b'{"sources": [{"name":"a","path":"x\\u0000","format":"toy"}]}', "source 'a'"),
        (b'{"sources": [{"name":"a","path":"../..","format":"toy"}]}', "outside of the project"),
    ],
)
def test_damaged_files_get_one_line(toy, tmp_path, text, said):
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "dsk-project.json").write_bytes(text)
    with pytest.raises(DskError) as caught:
        run(["info", "project", "-if", "project"])
    assert said in str(caught.value)


def test_files_are_readable_for_all(toy, tmp_path):
    run(["create"])
    mask = os.umask(0o22)
    os.umask(mask)
    mode = stat.S_IMODE((tmp_path / "dsk-project.json").stat().st_mode)
    assert mode == 0o666 & ~mask
    assert [p.name for p in tmp_path.iterdir()] == ["dsk-project.json"]


def test_a_folder_that_is_a_file(toy, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        run(["create", "-o", "file"])
    with pytest.raises(UsageError, match="there is no project"):
        run(["project", "-p", "file"])


def test_what_comes_next_fits_the_sources(toy, capsys):
    run(["create", "-o", "p"])
    run(["project", "-p", "p"])
    assert capsys.readouterr().err.endswith("next: dsk add -p p PATH\n")
    toy("data", [{"id": "a", "boxes": [BOX]}])
    run(["add", "-p", "p", "data"])
    run(["project", "-p", "p"])
    assert capsys.readouterr().err.endswith("next: dsk info -p p\n")
    toy("p/own", [{"id": "b", "boxes": [BOX]}])
    run(["remove", "-p", "p", "-n", "data"])
    run(["add", "-p", "p", "p/own"])
    run(["project", "-p", "p"])
    assert capsys.readouterr().err.endswith("next: dsk info -p p\n")
