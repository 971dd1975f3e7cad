"""The project's text names no package registry and no place that exists on one machine only."""

import re

import pytest

from tests.packaging.project import ROOT, tracked_files

# Written in pieces, so that this file does not break its own rule.
REGISTRIES = [
    ".".join(labels)
    for labels in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("crates", "io"),
        ("deb", "debian", "org"),
        ("ftp", "debian", "org"),
        ("proxy", "golang", "org"),
    )
]
PLACES = ["/" + "/".join(parts) for parts in (("work", "main"), ("work", "shared"), ("work", ".library"))]
FORBIDDEN = re.compile("|".join(re.escape(text) for text in (*REGISTRIES, *PLACES)))


def test_no_file_names_a_registry_or_a_place_of_one_machine() -> None:
    hits = []
    for path in tracked_files():
        text = path.read_bytes().decode("utf-8", errors="ignore")
        hits += [f"{path.relative_to(ROOT)}: {hit}" for hit in FORBIDDEN.findall(text)]
    assert hits == []


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE"])
def test_what_a_newcomer_scans_for_is_there(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8").strip()


def test_every_fragment_of_the_changelog_has_a_known_kind() -> None:
    kinds = {"added", "changed", "deprecated", "removed", "fixed", "security"}
    fragments = [path.name for path in (ROOT / "changelog.d").iterdir() if path.name != "README.md"]
    assert [name for name in fragments if not re.fullmatch(rf"[a-z0-9-]+\.({'|'.join(kinds)})\.md", name)] == []
