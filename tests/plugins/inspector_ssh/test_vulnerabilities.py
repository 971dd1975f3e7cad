"""Versions in identification strings, and the table of vulnerabilities."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import date

import pytest

from inspector_ssh.vulnerabilities import TABLE, State, Vulnerability, identified, is_older

REVISIONS = ["1", "2~rc1", "2", "2+deb12u2", "2+deb12u3", "2+deb12u10", "2ubuntu1", "3ubuntu0.10", "3ubuntu13.5", "10"]


@pytest.mark.parametrize("other", REVISIONS)
@pytest.mark.parametrize("revision", REVISIONS)
def test_revisions_are_ordered_as_dpkg_orders_them(revision: str, other: str) -> None:
    """dpkg decides about every pair."""
    dpkg = shutil.which("dpkg")
    if dpkg is None:
        pytest.skip("dpkg is missing: it is a program of Debian and its relatives")
    command = [dpkg, "--compare-versions", f"1-{revision}", "lt", f"1-{other}"]
    assert is_older(revision, other) == (subprocess.run(command, check=False).returncode == 0)


def test_the_table_is_whole() -> None:
    """It has a date and sources, every range is a range, and every pattern has a version."""
    date.fromisoformat(TABLE.dated)
    for product in TABLE.products.values():
        assert "version" in product.pattern.groupindex
        for each in product.vulnerabilities:
            assert re.fullmatch(r"CVE-\d{4}-\d{4,}", each.id)
            assert each.source
            assert each.affected


def state(software: str, comments: str, affected: tuple[str, str]) -> State:
    """What an identification shows of a vulnerability of OpenSSH that Debian repaired in 9.2p1-2+deb12u3."""
    vulnerability = Vulnerability(
        id="CVE-0-0", affected=(affected,), fixed_packages={"Debian": {"9.2p1": "2+deb12u3"}}, source=""
    )
    found = identified(software, comments)
    assert found is not None
    return found.state(vulnerability)


@pytest.mark.parametrize(
    ("software", "comments", "expected"),
    [
        ("OpenSSH_8.5", "", State.AFFECTED_VERSION),
        ("OpenSSH_9.10", "", State.NOT_AFFECTED),
        ("OpenSSH_9.8", "", State.NOT_AFFECTED),
        ("OpenSSH_8.4", "", State.NOT_AFFECTED),
        ("OpenSSH_8.4p1", "Debian-5", State.NOT_AFFECTED),
        ("OpenSSH_9.2p1", "Debian-2+deb12u2", State.AFFECTED),
        ("OpenSSH_9.2p1", "Debian-2+deb12u3", State.NOT_AFFECTED),
        ("OpenSSH_9.2p1", "Debian-2+deb12u10", State.NOT_AFFECTED),
        ("OpenSSH_9.2p1", "Debian-2+deb12u10+rebuilt", State.NOT_AFFECTED),
        # Built again for an older release: Debian's backports, and others of the same kind.
        ("OpenSSH_9.2p1", "Debian-2+deb12u3~bpo11+1", State.NOT_AFFECTED),
        ("OpenSSH_9.2p1", "Debian-2+deb12u4~deb11u1", State.NOT_AFFECTED),
        ("OpenSSH_9.2p1", "Debian-2+deb12u2~bpo11+1", State.AFFECTED),
        ("OpenSSH_9.2p1", "Debian-2+deb12u2+b1", State.AFFECTED),
        # Built by somebody else, who may have repaired it.
        ("OpenSSH_9.2p1", "Debian-2+deb12u2+company1", State.UNKNOWN),
        ("OpenSSH_9.2p1", "Debian-2+deb12u2~company1", State.UNKNOWN),
        ("OpenSSH_9.2p1", "Debian-2+deb12u3~company1", State.UNKNOWN),
        ("OpenSSH_9.2p1", "Debian-2+deb12u2 hardened", State.UNKNOWN),
        ("OpenSSH_9.2p1", "Ubuntu-2ubuntu1", State.UNKNOWN),
        ("OpenSSH_9.2p1", "Raspbian-2+deb12u2", State.UNKNOWN),
        ("OpenSSH_9.2p1", "", State.UNKNOWN),
        ("OpenSSH_8.7", "", State.UNKNOWN),
    ],
)
def test_what_an_identification_shows(software: str, comments: str, expected: State) -> None:
    """A version decides where nothing suggests a repaired package; a package that the table knows decides."""
    assert state(software, comments, ("8.5", "9.8")) is expected


@pytest.mark.parametrize(
    ("comments", "expected"),
    [
        ("Ubuntu-3ubuntu0.9", State.AFFECTED),
        ("Ubuntu-3ubuntu0.10", State.NOT_AFFECTED),
        ("Ubuntu-3ubuntu0.10~22.04.1", State.NOT_AFFECTED),
        ("Ubuntu-3ubuntu0.7+Fips1", State.UNKNOWN),
        ("Ubuntu-3ubuntu0.10+Fips1", State.NOT_AFFECTED),
        ("Ubuntu-3ubuntu0.9+esm1", State.UNKNOWN),
    ],
)
def test_revisions_of_ubuntu(comments: str, expected: State) -> None:
    """Packages for certified systems and for extended support have a numbering of their own."""
    found = identified("OpenSSH_8.9p1", comments)
    assert found is not None
    (vulnerability,) = (each for each in found.product.vulnerabilities if each.id == "CVE-2024-6387")
    assert found.state(vulnerability) is expected


@pytest.mark.parametrize(
    ("software", "expected"),
    [
        ("dropbear_2022.83", set()),
        ("dropbear_2016.73", {State.AFFECTED_VERSION}),
        ("dropbear_2012.55", {State.UNKNOWN}),
        ("dropbear_0.52", {State.UNKNOWN}),
        ("dropbear_2015.67", {State.UNKNOWN}),
        ("dropbear_2018.76", {State.UNKNOWN}),
    ],
)
def test_versions_of_dropbear_that_distributions_repair_are_not_judged(software: str, expected: set[State]) -> None:
    """Debian, Ubuntu and OpenWrt repair Dropbear, which shows its version alone."""
    found = identified(software, "")
    assert found is not None
    assert {found.state(each) for each in found.product.vulnerabilities} - {State.NOT_AFFECTED} == expected


@pytest.mark.parametrize(
    ("software", "expected"),
    [
        ("OpenSSH_9.9", State.UNKNOWN),
        ("OpenSSH_9.9p2", State.NOT_AFFECTED),
        ("OpenSSH_9.8", State.AFFECTED_VERSION),
    ],
)
def test_a_patch_level_that_is_not_shown_decides_nothing(software: str, expected: State) -> None:
    """9.9p1 and 9.9p2 both call themselves 9.9."""
    assert state(software, "", ("9.5", "9.9p2")) is expected


@pytest.mark.parametrize("software", ["", "OpenSSH_for_Windows_9.5", "OpenSSH_9.2p1x", "Cisco-1.25", "dropbear"])
def test_other_software_is_not_identified(software: str) -> None:
    """The table has nothing about it."""
    assert identified(software, "") is None
