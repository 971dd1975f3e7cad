"""The lock pins everything by version and digest, and names no registry."""

import re

import pytest

from tests.packaging.project import METADATA, ROOT


def pins(text: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9][a-z0-9.\-]*)==([^\s;\\]+)", text, flags=re.MULTILINE))


RUNTIME, LOCK = ((ROOT / name).read_text(encoding="utf-8") for name in ("requirements.lock", "requirements-dev.lock"))
PINS = pins(LOCK)


def normalised(requirement: str) -> str:
    name = re.match(r"[A-Za-z0-9._\-]+", requirement)
    assert name
    return re.sub(r"[-_.]+", "-", name[0]).lower()


@pytest.mark.parametrize("lock", [RUNTIME, LOCK], ids=["runtime", "dev"])
def test_lock_names_no_host(lock: str) -> None:
    assert not re.findall(r"\w+://|--(?:extra-)?index-url|--find-links|@ ", lock)


@pytest.mark.parametrize("lock", [RUNTIME, LOCK], ids=["runtime", "dev"])
def test_every_pin_has_digests(lock: str) -> None:
    entries = re.split(r"\n(?=[a-z0-9])", lock)[1:]
    assert len(entries) == len(pins(lock))
    assert [entry.split("==")[0] for entry in entries if "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize("group", ["dependencies", "dev", "pki", "setup", "sslyze", "xlsx"])
def test_lock_holds_every_declared_dependency(group: str) -> None:
    project = METADATA["project"]
    declared = project["dependencies"] if group == "dependencies" else project["optional-dependencies"][group]
    assert {normalised(requirement) for requirement in declared} - {normalised(name) for name in PINS} == set()


@pytest.mark.parametrize(("name", "version"), [("sslyze", "6.3."), ("cryptography", "50.")])
def test_scanner_and_cryptography_are_the_ones_that_were_tried_together(name: str, version: str) -> None:
    assert PINS[name].startswith(version)


def test_what_runs_is_what_is_tested() -> None:
    """Both locks pin the same versions with the same digests; no tool of the tests alone is in the one that runs."""
    blocks = [set(re.findall(r"--hash=(\S+)", text)) for text in (RUNTIME, LOCK)]
    assert blocks[0] < blocks[1]
    assert pins(RUNTIME).items() < PINS.items()
    extras = METADATA["project"]["optional-dependencies"]
    needed = [
        *METADATA["project"]["dependencies"],
        *(each for name in extras if name != "dev" for each in extras[name]),
    ]
    assert {normalised(each) for each in needed} <= {normalised(each) for each in pins(RUNTIME)}
    for tool in (
        "hypothesis",
        "import-linter",
        "mypy",
        "pytest",
        "ruff",
        "tlslite-ng",
        "trustme",
        "pyhanko-certvalidator",
    ):
        assert tool not in pins(RUNTIME)


def test_lock_holds_what_builds_packages_from_source() -> None:
    assert {"editables", "hatchling", "setuptools", "uv"} <= PINS.keys()
