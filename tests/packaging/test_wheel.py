"""The wheel holds the core and every plugin as top-level packages, with their licences, and nothing else."""

import os
import subprocess
import sys
import tarfile
from configparser import ConfigParser
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.packaging.project import PACKAGES, ROOT, tracked_files

#: Files of the packages that are not in the wheel, or elsewhere in it.
OMITTED = {"README.md", "LICENSE"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of this tree, built without network."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)],
        cwd=ROOT,
        env={**os.environ, "PIP_NO_INDEX": "1"},
        check=True,
        timeout=300,
    )
    [path] = folder.glob("*.whl")
    return path


def test_the_source_distribution_is_the_work_tree(tmp_path: Path) -> None:
    """Every file of the project is in it, so that its tests, types and benchmarks are checked there, too."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "sdist", "--directory", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PIP_NO_INDEX": "1"},
        check=True,
        timeout=300,
    )
    [path] = tmp_path.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    assert {each.relative_to(ROOT).as_posix() for each in tracked_files()} - packed <= {".gitattributes"}


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
