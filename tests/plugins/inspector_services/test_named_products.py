"""What is recognised in the greetings of Debian's servers."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from datetime import date

import pytest

from inspector import Answer, EndOfSupport, Outcome, Product, TableAt, support_verdict
from inspector.registry.registry import installed as installed_plugins
from inspector.tables.store import shipped_tables
from inspector_services.identification import banners
from inspector_services.observations import OpenPorts, PortGroup, PortState
from inspector_services.products import named_products
from tests.plugins.inspector_services.scanning import host, read, scan
from tests.plugins.inspector_services.servers import installed, own_address, running, sshd, vsftpd


@contextlib.contextmanager
def mariadb(address: str, *options: str) -> Iterator[None]:
    """A MariaDB without tables of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            *(installed("mariadbd"), "--no-defaults", f"--datadir={folder}", f"--bind-address={address}"),
            *("--port=3306", f"--socket={folder}/s", f"--pid-file={folder}/pid", "--skip-grant-tables"),
            *("--skip-networking=0", "--user=root", "--skip-name-resolve", "--innodb-fast-shutdown=3", *options),
        ]
        with running(command, address, 3306):
            yield


def products(address: str, *numbers: int) -> dict[str, Product]:
    """The products that the banners of these open ports name, by name."""
    target = host(address, *numbers)
    groups = tuple(PortGroup(listed=str(each), state=Answer[PortState](seen=PortState.OPEN)) for each in numbers)
    facts = read(banners, scan(banners, target, OpenPorts(groups=groups)), target)
    return {each.name: each for each in named_products(facts)}


def test_the_servers_of_debian_are_recognised_with_their_distribution() -> None:
    """MariaDB, OpenSSH and vsftpd name their versions; the first two say that Debian packaged them."""
    address = own_address()
    with mariadb(address), sshd(address, 22), vsftpd(address, 21):
        found = products(address, 21, 22, 3306)
    assert set(found) == {"mariadb", "openssh", "vsftpd"}
    assert {each.distribution for name, each in found.items() if name != "vsftpd"} == {"debian"}
    assert all(each.version for each in found.values())


@pytest.mark.parametrize(("version", "outcome"), [("11.8.3", Outcome.PASS), ("11.1.2", Outcome.FAIL)])
def test_a_server_of_the_maker_is_judged_by_its_version(version: str, outcome: Outcome) -> None:
    """A MariaDB that no distribution packaged passes while its maker supports it, and fails afterwards."""
    address = own_address()
    with mariadb(address, f"--version={version}-MariaDB-log"):
        found = products(address, 3306)
    table = next(each for each in shipped_tables(installed_plugins()) if each.name == "end-of-support")
    at = TableAt(table, EndOfSupport, date(2026, 9, 1))
    assert support_verdict(list(found.values()), at, ()).outcome is outcome
