# ruff: noqa: ISC004, E501 - plugins are written as lines of code in texts
from __future__ import annotations

import sys
import warnings
from importlib.metadata import EntryPoint, distributions

import pytest

from dsk.descriptors import ExporterInfo, ImporterInfo
from dsk.errors import DskWarning, PluginError, UnknownNameError
from dsk.registry import Registry, resolve

GOOD = """
from dsk.descriptors import ImporterInfo
from dsk.hooks import hookimpl
DSK_API = (1, 0)
@hookimpl
def dsk_importers():
    return [ImporterInfo(name={format!r}, target="x:{tag}", aliases={aliases!r})]
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install plugins as distributions; returns a function that loads the registry."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    number = 0

    def add(dist, entry, code, version="1.0"):
        nonlocal number
        number += 1
        module = f"fake_plugin_{tmp_path.name.replace('-', '_')}_{number}"
        (tmp_path / f"{module}.py").write_text(code)
        info = tmp_path / f"{dist.replace('-', '_')}-{version}.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: {version}\n")
        with (info / "entry_points.txt").open("a") as file:
            if file.tell() == 0:
                file.write("[dsk.plugins]\n")
            file.write(f"{entry} = {module}\n")
        return module

    def load():
        points = [p for d in distributions(path=[str(tmp_path)]) for p in d.entry_points]
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found = Registry(points)
        said = [str(w.message) for w in caught if issubclass(w.category, DskWarning)]
        return found, said

    add.load = load
    yield add
    for name in set(sys.modules) - before:
        if name.startswith("fake_plugin_"):
            del sys.modules[name]


def good(format, tag="A", aliases=()):  # noqa: A002 - the field's word
    return GOOD.format(format=format, tag=tag, aliases=aliases)


def test_a_good_plugin_is_loaded_with_its_distribution(install):
    install("dsk-mine", "mine", good("mine"), "2.5")
    found, said = install.load()
    assert said == []
    (plugin,) = found.plugins
    assert (plugin.name, plugin.dist, plugin.version, plugin.error) == (
        "mine",
        "dsk-mine",
        "2.5",
        "",
    )
    assert found.importer("mine").target == "x:A"
    assert found.importer("dsk-mine:mine") is found.importer("mine")
    assert found.importers.names() == ["mine"]


BROKEN = {
    "import error": ("import no_such_module_anywhere", "no_such_module_anywhere"),
    "syntax error": ("def (", "SyntaxError"),
    "system exit": ("raise SystemExit(3)", "SystemExit: 3"),
    "any error": ("1 / 0", "ZeroDivisionError"),
    "no version": ("def dsk_importers(): return []", "does not declare DSK_API"),
    "version no pair": ("DSK_API = '1.0'", "not a pair of numbers"),
    "version too short": ("DSK_API = (1,)", "not a pair of numbers"),
    "newer minor": ("DSK_API = (1, 99)", "made for plugin API (1, 99)"),
    "newer major": ("DSK_API = (2, 0)", "made for plugin API (2, 0)"),
    "older major": ("DSK_API = (0, 9)", "made for plugin API (0, 9)"),
    "hook returns none": ("DSK_API = (1, 0)\ndef dsk_importers(): return None", "TypeError"),
    "hook returns one": (
        "from dsk.descriptors import ImporterInfo\nDSK_API = (1, 0)\n"
        "def dsk_importers(): return ImporterInfo(name='a', target='b:c')",
        "TypeError",
    ),
    "hook returns texts": (
        "DSK_API = (1, 0)\ndef dsk_importers(): return ['coco']",
        "returned str, not",
    ),
    "hook returns another kind": (
        "from dsk.descriptors import ExporterInfo\nDSK_API = (1, 0)\n"
        "def dsk_importers(): return [ExporterInfo(name='a', target='b:c')]",
        "returned ExporterInfo, not ImporterInfo",
    ),
    "hook raises": ("DSK_API = (1, 0)\ndef dsk_importers(): raise KeyError('k')", "KeyError"),
    "hook exits": ("DSK_API = (1, 0)\ndef dsk_importers(): raise SystemExit", "SystemExit"),
    "hook fails half way": (
        "from dsk.descriptors import ImporterInfo\nDSK_API = (1, 0)\n"
        "def dsk_importers():\n    yield ImporterInfo(name='half', target='b:c')\n    raise OSError('gone')",
        "OSError: gone",
    ),
    "hook is no function": ("DSK_API = (1, 0)\ndsk_importers = 5", "TypeError"),
    "hook misspelt": (
        "from dsk.hooks import hookimpl\nDSK_API = (1, 0)\n@hookimpl\ndef dsk_importer(): return []",
        "dsk_importer",
    ),
    "hook with unknown argument": (
        "from dsk.hooks import hookimpl\nDSK_API = (1, 0)\n@hookimpl\ndef dsk_importers(x): return []",
        "dsk_importers",
    ),
    "name is no text": (
        "from dsk.descriptors import ImporterInfo\nDSK_API = (1, 0)\n"
        "def dsk_importers(): return [ImporterInfo(name=5, target='b:c')]",
        "name",
    ),
    "target is no text": (
        "from dsk.descriptors import ImporterInfo\nDSK_API = (1, 0)\n"
        "def dsk_importers(): return [ImporterInfo(name='a', target=None)]",
        "target",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_plugin_is_left_out_with_one_line_and_the_rest_works(install, case):
    code, reason = BROKEN[case]
    install("dsk-broken", "broken", code)
    install("dsk-alpha", "alpha", good("alpha"))
    install("dsk-zeta", "zeta", good("zeta"))
    found, said = install.load()
    assert found.importers.names() == ["alpha", "zeta"]
    broken = next(p for p in found.plugins if p.name == "broken")
    assert reason in broken.error
    assert broken.infos == []
    (line,) = said
    assert "'broken' of dsk-broken is left out" in line
    assert reason in line


@pytest.mark.parametrize(
    "stop", ["KeyboardInterrupt", "__import__('dsk.__main__').__main__.Interrupted(130)"]
)
def test_ctrl_c_while_loading_is_not_a_broken_plugin(install, stop):
    install("dsk-slow", "slow", f"raise {stop}")
    with pytest.raises(BaseException, match=r"130|^$") as caught:
        install.load()
    assert not isinstance(caught.value, Exception)


def test_asking_for_a_format_of_a_broken_plugin_says_why(install):
    install("dsk-coco", "coco", "import no_such_module_anywhere")
    found, _ = install.load()
    with pytest.raises(
        PluginError, match=r"no_such_module_anywhere.*pip install --upgrade dsk-coco"
    ):
        found.importer("coco")


# --- who owns a name -----------------------------------------------------------------------------


@pytest.mark.parametrize("other", ["aaa", "zzz"])
def test_a_name_belongs_to_the_plugin_whose_entry_point_has_it(install, other):
    install("dsk-mine", "mine", good("mine", "OWNER"))
    install("dsk-other", other, good("mine", "OTHER"))
    found, _ = install.load()
    assert found.importer("mine").target == "x:OWNER"
    assert found.importer("dsk-other:mine").target == "x:OTHER"
    assert found.importer("dsk-mine:mine").target == "x:OWNER"
    assert found.importers.names() == ["mine"]


def test_two_foreign_claimants_must_be_told_apart(install):
    install("dsk-a", "aaa", good("mine", "A"))
    install("dsk-b", "bbb", good("mine", "B"))
    found, _ = install.load()
    with pytest.raises(UnknownNameError, match="say which: dsk-a:mine or dsk-b:mine"):
        found.importer("mine")
    assert found.importer("dsk-a:mine").target == "x:A"
    assert found.importer("dsk-b:mine").target == "x:B"
    assert found.importers.names() == []


@pytest.mark.parametrize("others", [("aaa", "bbb"), ("aaa", "zzz"), ("yyy", "zzz")])
def test_the_owner_has_its_name_however_many_claim_it(install, others):
    install("dsk-mine", "mine", good("mine", "OWNER"))
    for number, other in enumerate(others):
        install(f"dsk-other{number}", other, good("mine", "OTHER"))
    found, _ = install.load()
    assert found.importer("mine").target == "x:OWNER"
    assert found.importer("dsk-other1:mine").target == "x:OTHER"


def test_three_foreign_claimants(install):
    for letter in "abc":
        install(f"dsk-{letter}", letter * 3, good("mine", letter))
    found, _ = install.load()
    with pytest.raises(UnknownNameError, match="dsk-a:mine or dsk-b:mine or dsk-c:mine"):
        found.importer("mine")


def test_a_claim_on_a_taken_name_is_warned_of(install):
    install("dsk-mine", "mine", good("mine", "OWNER"))
    install("dsk-other", "other", good("mine", "OTHER"))
    _, said = install.load()
    (line,) = said
    assert "dsk-other:mine" in line


def test_importers_and_exporters_of_one_name_may_come_from_two_plugins(install):
    install("dsk-r", "reads", good("mine"))
    code = (
        good("mine")
        .replace("ImporterInfo", "ExporterInfo")
        .replace("dsk_importers", "dsk_exporters")
    )
    install("dsk-w", "writes", code)
    found, said = install.load()
    assert isinstance(found.importer("mine"), ImporterInfo)
    assert isinstance(found.exporter("mine"), ExporterInfo)
    assert said == []


# --- aliases -------------------------------------------------------------------------------------


def test_an_alias_leads_to_its_format(install):
    install("dsk-mine", "mine", good("mine", aliases=("my", "mien")))
    found, _ = install.load()
    assert found.importer("my") is found.importer("mien") is found.importer("mine")
    assert found.importers.names() == ["mine"]


@pytest.mark.parametrize("other", ["aaa", "zzz"])
def test_a_name_is_stronger_than_an_alias(install, other):
    install("dsk-mine", "mine", good("mine", "OWNER"))
    install("dsk-other", other, good(other, "OTHER", aliases=("mine",)))
    found, _ = install.load()
    assert found.importer("mine").target == "x:OWNER"


def test_of_two_equal_aliases_the_first_plugin_by_name_has_it(install):
    install("dsk-b", "bbb", good("bbb", "B", aliases=("short",)))
    install("dsk-a", "aaa", good("aaa", "A", aliases=("short",)))
    found, _ = install.load()
    assert found.importer("short").target == "x:A"


def test_an_alias_of_a_format_that_lost_its_name_leads_to_that_format(install):
    install("dsk-mine", "mine", good("mine", "OWNER"))
    install("dsk-other", "other", good("mine", "OTHER", aliases=("theirs",)))
    found, _ = install.load()
    assert found.importer("theirs").target == "x:OTHER"


# --- names that are not there --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "package"), [("coco", "dsk-coco"), ("coco_instances", "dsk-coco"), ("voc", "dsk-voc")]
)
def test_an_absent_package_of_the_family_gives_its_pip_line(install, name, package):
    found, _ = install.load()
    for look in (found.importer, found.exporter):
        with pytest.raises(
            PluginError, match=f"'{name}' is not installed .pip install {package}."
        ) as caught:
            look(name)
        assert caught.value.exit_code == 5


def test_an_absent_transform_gives_its_pip_line(install):
    found, _ = install.load()
    with pytest.raises(PluginError, match="pip install dsk-transforms"):
        found.transform("remap_labels")


def test_a_name_of_an_installed_package_gives_no_pip_line(install):
    install("dsk-coco", "coco", good("coco"))
    found, _ = install.load()
    with pytest.raises(UnknownNameError, match="did you mean 'coco'"):
        found.importer("coco_x")


def test_a_format_that_is_only_read_says_so(install):
    install("dsk-mine", "mine", good("mine"))
    found, _ = install.load()
    with pytest.raises(UnknownNameError, match="cannot be written") as caught:
        found.exporter("mine")
    assert caught.value.exit_code == 2


def test_an_unknown_name_lists_what_there_is(install):
    install("dsk-mine", "mine", good("mine", aliases=("my",)))
    found, _ = install.load()
    with pytest.raises(UnknownNameError) as caught:
        found.importer("qqqqqqqq")
    assert caught.value.known == ["mine", "my"]
    with pytest.raises(UnknownNameError):
        found.engine("dask")


# --- more than formats ---------------------------------------------------------------------------

SPEC = """
from dsk.hooks import hookimpl, hookspec
DSK_API = (1, 0)
class Specs:
    @hookspec
    def dsk_colours(self): ...
@hookimpl
def dsk_hookspecs():
    return [Specs]
"""
IMPL = """
from dsk.hooks import hookimpl
DSK_API = (1, 0)
@hookimpl
def dsk_colours():
    return "red"
"""


@pytest.mark.parametrize("order", [("aaa", "zzz"), ("zzz", "aaa")])
def test_a_plugin_may_open_an_extension_point_for_others(install, order):
    install("dsk-spec", order[0], SPEC)
    install("dsk-impl", order[1], IMPL)
    found, said = install.load()
    assert said == []
    assert found.manager.hook.dsk_colours() == ["red"]


def test_an_extension_of_a_package_that_is_absent_is_left_out(install):
    install("dsk-impl", "impl", IMPL)
    found, said = install.load()
    assert "dsk_colours" in said[0]
    assert found.plugins[0].error


def test_one_module_may_have_two_entry_points(install, tmp_path):
    code = (
        "from dsk.descriptors import ImporterInfo\nDSK_API = (1, 0)\n"
        "def dsk_importers(): return [ImporterInfo(name=n, target='x:A') for n in ('one', 'two', 'more')]"
    )
    module = install("dsk-mine", "one", code)
    with (tmp_path / "dsk_mine-1.0.dist-info" / "entry_points.txt").open("a") as file:
        file.write(f"two = {module}\n")
    install("dsk-other", "aaa", good("two", "OTHER"))
    found, _ = install.load()
    assert [p.error for p in found.plugins] == ["", "", ""]
    assert found.importer("two").target == "x:A"
    assert found.importer("more").target == "x:A"


@pytest.mark.parametrize(
    ("variable", "value", "left"),
    [
        ("DSK_PLUGINS", "aaa", ["aaa"]),
        ("DSK_PLUGINS", "aaa,ccc", ["aaa", "ccc"]),
        ("DSK_DISABLE_PLUGINS", "bbb", ["aaa", "ccc"]),
    ],
)
def test_plugins_can_be_chosen_by_the_environment(install, monkeypatch, variable, value, left):
    for name in ("aaa", "bbb", "ccc"):
        install(f"dsk-{name}", name, good(name))
    monkeypatch.setenv(variable, value)
    found, _ = install.load()
    assert found.importers.names() == left


def test_an_entry_point_without_distribution_is_fine(monkeypatch, toy):
    found = Registry([EntryPoint("toy", "toy_format", "dsk.plugins")])
    assert found.importer("toy").name == "toy"
    assert found.plugins[0].dist == ""


# --- import strings ------------------------------------------------------------------------------


def test_an_import_string_gives_the_object():
    assert resolve("dsk.registry:Registry") is Registry


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("no_such_module_anywhere:X", "pip install no_such_module_anywhere"),
        ("dsk.registry:NoSuchThing", "has no 'NoSuchThing'"),
        ("dsk.no_such_module:X", "cannot import"),
    ],
)
def test_an_import_string_that_leads_nowhere_is_a_plugin_error(target, reason):
    with pytest.raises(PluginError, match=reason):
        resolve(target)


@pytest.mark.parametrize("code", ["import missing_library_x", "1 / 0", "raise SystemExit", "def ("])
def test_a_module_that_does_not_import_is_a_plugin_error(install, code):
    module = install("dsk-bad", "bad", code)
    with pytest.raises(PluginError, match="cannot import"):
        resolve(f"{module}:X")
