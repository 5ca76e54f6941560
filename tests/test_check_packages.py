"""scripts/check_packages.py finds what it is there to find."""

from __future__ import annotations

import check_packages
import pytest

GOOD = {
    "name": "dsk-acme",
    "version": "1.2.3",
    "license": "Apache-2.0",
    "license-files": ["LICENSE"],
    "requires-python": ">=3.11",
    "dependencies": ["dsk-core>=0.1,<0.2"],
    "entry-points": {"dsk.plugins": {"acme": "dsk_acme.plugin"}},
}
ALLOWED = frozenset({"dsk", "dsk_acme", "numpy"})


@pytest.fixture
def package(tmp_path):
    return tmp_path / "formats" / "acme"


def test_a_good_package_passes(package):
    assert list(check_packages.check_metadata(package, GOOD)) == []


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("name", "acme", "the name is 'acme'"),
        ("version", "1.2", "the version"),
        ("license", "MIT", "license ="),
        ("license-files", [], "license ="),
        ("requires-python", ">=3.9", "requires-python"),
        ("dependencies", ["dsk-core"], "bound dsk-core"),
        ("entry-points", {}, "entry-point group"),
        ("entry-points", {"dsk.plugins": {"acme": "dsk_acme"}}, "entry-point group"),
    ],
)
def test_wrong_metadata_is_named(package, field, value, complaint):
    (found,) = check_packages.check_metadata(package, GOOD | {field: value})
    assert complaint in found


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("import dsk_coco\n", "line 1: imports dsk_coco"),
        ("def f():\n    from dsk_voc.importer import VocImporter\n", "line 2: imports dsk_voc"),
        ("import yaml\n", "line 1: imports yaml"),
        ("x = 1\n" * 501, "501 lines"),
        ("async def f():\n" + "    x = 1\n" * 50, "f() has 51 lines"),
    ],
)
def test_module_that_breaks_a_rule_is_named(tmp_path, source, complaint):
    path = tmp_path / "module.py"
    path.write_text(source, encoding="utf-8")
    (found,) = check_packages.check_module(path, ALLOWED)
    assert complaint in found


def test_module_within_the_rules_passes(tmp_path):
    path = tmp_path / "module.py"
    head = "import json\nimport numpy as np\nfrom dsk.errors import DskError\n"
    path.write_text(head + "def f():\n" + "    x = 1\n" * 49 + "x = 1\n" * 447, encoding="utf-8")
    assert list(check_packages.check_module(path, ALLOWED)) == []


def test_another_dsk_package_is_not_allowed_even_if_declared():
    core = {"dependencies": ["numpy>=1"], "optional-dependencies": {"test": ["pytest"]}}
    project = GOOD | {"dependencies": ["dsk-core>=0.1,<0.2", "dsk-voc", "lxml>=5"]}
    allowed = check_packages.allowed_imports(project, core)
    assert allowed == {"dsk", "dsk_acme", "numpy", "lxml"}


def test_what_an_extra_brings_may_be_imported_in_functions_only(tmp_path):
    path = tmp_path / "module.py"
    optional = check_packages.optional_imports(
        {"optional-dependencies": {"test": ["pytest"], "x": ["pydicom>=3"]}}
    )
    path.write_text("def f():\n    import pydicom\n", encoding="utf-8")
    assert list(check_packages.check_module(path, ALLOWED, optional)) == []
    path.write_text("import pydicom\n", encoding="utf-8")
    assert list(check_packages.check_module(path, ALLOWED, optional))
    path.write_text("def f():\n    import pytest\n", encoding="utf-8")
    assert list(check_packages.check_module(path, ALLOWED, optional))
