"""Every format of the example, compared byte by byte with the golden files.

After an intended change, ``python -m tests.reports.test_golden`` regenerates the files; review them before committing.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from inspector.pipeline.reporting import render
from inspector.registry.registry import Registry
from inspector_reports import inspector_renderers
from tests.reports import examples as specimens

GOLDEN = Path(__file__).parent / "golden"
FORMATS = ("html", "json", "sarif", "junit", "codequality", "csv")


def registry() -> Registry:
    return replace(specimens.registry(), renderers={each.name: each for each in inspector_renderers()})


def files() -> dict[str, bytes]:
    return render([specimens.view()], FORMATS, registry())


@pytest.fixture(scope="module")
def rendered() -> dict[str, bytes]:
    return files()


@pytest.mark.parametrize("name", sorted(path.name for path in GOLDEN.iterdir()))
def test_a_report_equals_its_golden_file(name: str, rendered: dict[str, bytes]) -> None:
    """The bytes of a report change only with its golden file."""
    assert rendered[name].decode() == (GOLDEN / name).read_bytes().decode()


def test_every_file_has_its_golden_copy(rendered: dict[str, bytes]) -> None:
    """Every rendered file has a golden file."""
    assert {path.name for path in GOLDEN.iterdir()} == set(rendered)


def test_a_report_is_the_same_every_time(rendered: dict[str, bytes]) -> None:
    """Nothing in a report depends on the clock, on chance or on the order of a set."""
    assert files() == rendered


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for name, data in files().items():
        (GOLDEN / name).write_bytes(data)
