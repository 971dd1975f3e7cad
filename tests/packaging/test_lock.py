"""The lock pins everything by version and digest, and names no registry."""

import re

import pytest

from tests.packaging.project import METADATA, ROOT

LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PINS = dict(re.findall(r"^([a-z0-9][a-z0-9.\-]*)==([^\s;\\]+)", LOCK, flags=re.MULTILINE))


def normalised(requirement: str) -> str:
    name = re.match(r"[A-Za-z0-9._\-]+", requirement)
    assert name
    return re.sub(r"[-_.]+", "-", name[0]).lower()


def test_lock_names_no_host() -> None:
    assert not re.findall(r"\w+://|--(?:extra-)?index-url|--find-links|@ ", LOCK)


def test_every_pin_has_digests() -> None:
    entries = re.split(r"\n(?=[a-z0-9])", LOCK)[1:]
    assert len(entries) == len(PINS)
    assert [entry.split("==")[0] for entry in entries if "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize("group", ["dependencies", "dev", "pki", "sslyze"])
def test_lock_holds_every_declared_dependency(group: str) -> None:
    project = METADATA["project"]
    declared = project["dependencies"] if group == "dependencies" else project["optional-dependencies"][group]
    assert {normalised(requirement) for requirement in declared} - {normalised(name) for name in PINS} == set()


@pytest.mark.parametrize(("name", "version"), [("sslyze", "6.3."), ("cryptography", "50.")])
def test_scanner_and_cryptography_are_the_ones_that_were_tried_together(name: str, version: str) -> None:
    assert PINS[name].startswith(version)


def test_lock_holds_what_builds_packages_from_source() -> None:
    assert {"editables", "hatchling", "setuptools", "uv"} <= PINS.keys()
