"""Each package carries the licence that its imports allow."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.packaging.project import ROOT


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("LICENSE", "Apache License"),
        ("plugins/inspector_sslyze/LICENSE", "GNU AFFERO GENERAL PUBLIC LICENSE"),
        ("plugins/inspector_services/LICENSE", "GNU GENERAL PUBLIC LICENSE"),
    ],
)
def test_licence_text_is_the_named_one(path: str, title: str) -> None:
    first = (ROOT / path).read_text(encoding="utf-8").lstrip().splitlines()[0]
    assert first.strip() == title


#: Copyleft libraries, each with the one package that may import it.
COPYLEFT = {"sslyze": "inspector_sslyze", "nassl": "inspector_sslyze", "nmap": "inspector_services"}


def _imported(file: Path) -> Iterator[str]:
    """The top-level modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def test_only_copyleft_packages_import_copyleft_libraries() -> None:
    """sslyze and python-nmap are imported by the packages under their licences, and by no other."""
    files = [
        file for folder in ("inspector", "plugins", "profiles", "reports") for file in (ROOT / folder).rglob("*.py")
    ]
    found = {
        (library, file.relative_to(ROOT).parts[1])
        for file in files
        for library in COPYLEFT.keys() & set(_imported(file))
    }
    assert found == set(COPYLEFT.items())


def test_packages_without_a_licence_of_their_own_build_on_no_copyleft_package() -> None:
    """No package imports a copyleft plugin: its licence would then extend to it."""
    copyleft = set(COPYLEFT.values())
    for file in (ROOT / "plugins").rglob("*.py"):
        package = file.relative_to(ROOT / "plugins").parts[0]
        assert copyleft & set(_imported(file)) <= {package}, file
