"""The wheel holds the core and every plugin as top-level packages, with their licences, and nothing else."""

import os
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.packaging.project import PACKAGES, ROOT, tracked_files

#: Files of the packages that are not in the wheel, or elsewhere in it.
OMITTED = {"README.md", "LICENSE"}


def built(kind: str, folder: Path, tree: Path = ROOT) -> Path:
    """A distribution of a tree, built without network."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", kind, "--directory", str(folder)],
        cwd=tree,
        env={**os.environ, "PIP_NO_INDEX": "1"},
        check=True,
        timeout=300,
    )
    [path] = [each for each in folder.iterdir() if each.is_file()]
    return path


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of this tree."""
    return built("wheel", tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked source distribution."""
    folder = tmp_path_factory.mktemp("sdist")
    # Not tarfile: Debian 12's has no filter, and newer ones warn without one.
    subprocess.run(["tar", "--extract", "--directory", folder, "--file", built("sdist", folder / "dist")], check=True)
    [tree] = [each for each in folder.iterdir() if each.name != "dist"]
    return tree


def test_the_source_distribution_is_the_work_tree(unpacked: Path) -> None:
    """Every file of the project is in it, so that its tests, types and benchmarks are checked there, too."""
    tracked = {each.relative_to(ROOT).as_posix() for each in tracked_files()} - {".gitattributes"}
    assert [each for each in sorted(tracked) if not (unpacked / each).is_file()] == []


def test_a_wheel_of_the_source_distribution_is_that_of_the_work_tree(
    unpacked: Path, wheel: Path, tmp_path: Path
) -> None:
    """File by file, byte for byte: what packagers build from it is what is tested here."""
    other = built("wheel", tmp_path, unpacked)
    with ZipFile(wheel) as ours, ZipFile(other) as theirs:
        assert theirs.namelist() == ours.namelist()
        assert [each for each in ours.namelist() if ours.read(each) != theirs.read(each)] == []


#: Prints the sources that mypy checks in a tree by its configuration: module and file.
_SOURCES = """
import io, sys
from mypy.config_parser import parse_config_file
from mypy.find_sources import create_source_list
from mypy.options import Options
options = Options()
parse_config_file(options, lambda: None, "pyproject.toml", io.StringIO(), io.StringIO())
for each in sorted(create_source_list(options.files, options), key=lambda each: each.module):
    print(each.module, each.path)
"""


def test_mypy_checks_the_same_sources_in_the_source_distribution(unpacked: Path) -> None:
    """The same modules, of the same bytes, under the same configuration: so it finds there what it finds here."""
    found = {}
    for tree in (ROOT, unpacked):
        done = subprocess.run(
            [sys.executable, "-c", _SOURCES], cwd=tree, capture_output=True, text=True, check=True, timeout=120
        )
        found[tree] = [each.split(" ") for each in done.stdout.splitlines()]
    assert found[unpacked] == found[ROOT]
    files = [Path(each) for _, each in found[ROOT]]
    assert len(files) > 400
    assert [
        each for each in (*files, Path("pyproject.toml")) if (unpacked / each).read_bytes() != each.read_bytes()
    ] == []
    typed = [each for each in ROOT.glob("*/*/py.typed") if ".lab" not in each.parts]
    assert [each for each in typed if not (unpacked / each.relative_to(ROOT)).is_file()] == []


def names(wheel: Path) -> list[str]:
    with ZipFile(wheel) as archive:
        return archive.namelist()


def test_top_level_is_the_core_and_the_plugins(wheel: Path) -> None:
    top = {name.split("/")[0] for name in names(wheel)}
    assert {name for name in top if not name.endswith(".dist-info")} == {"inspector", *PACKAGES}


@pytest.mark.parametrize("package", ["inspector", *PACKAGES])
def test_package_is_importable_and_typed(wheel: Path, package: str) -> None:
    assert {f"{package}/__init__.py", f"{package}/py.typed"} <= set(names(wheel))


def test_every_file_of_the_packages_is_in_the_wheel(wheel: Path) -> None:
    packed = set(names(wheel))
    for root in (ROOT, ROOT / "plugins", ROOT / "profiles", ROOT / "reports"):
        for package in ("inspector", *PACKAGES):
            kept = (path for path in (root / package).rglob("*") if path.is_file() and path.name not in OMITTED)
            expected = {path.relative_to(root).as_posix() for path in kept if "__pycache__" not in path.parts}
            assert expected - packed == set()


def test_no_readme_test_or_bytecode_is_in_the_wheel(wheel: Path) -> None:
    stray = ("README.md", ".pyc", "conftest.py")
    assert [name for name in names(wheel) if name.endswith(stray) or name.startswith("tests/")] == []


def test_licences_travel_with_the_code_they_cover(wheel: Path) -> None:
    """Each licence is in the metadata, and nowhere else."""
    licences = ("LICENSE", "plugins/inspector_sslyze/LICENSE", "plugins/inspector_services/LICENSE")
    packed = [name.partition(".dist-info/licenses/")[2] for name in names(wheel) if Path(name).name == "LICENSE"]
    assert sorted(packed) == sorted(licences)


def test_command_and_plugins_are_announced(wheel: Path) -> None:
    announced = ConfigParser()
    with ZipFile(wheel) as archive:
        [listing] = [name for name in archive.namelist() if name.endswith(".dist-info/entry_points.txt")]
        announced.read_string(archive.read(listing).decode())
    assert dict(announced["console_scripts"]) == {"inspector": "inspector.cli:main"}
    assert sorted(announced["inspector"]) == PACKAGES
